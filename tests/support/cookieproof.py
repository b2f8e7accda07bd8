"""What must hold of a guard for any header: the one oracle of the hypothesis tests and of the fuzz.

It knows the guard as a WSGI server and an app know it, five readers of ``Cookie``, and the browser of
``browserjar``; of the guard's rules it knows only what the site declares. Everything here raises
``AssertionError``, and nothing else.
"""

from __future__ import annotations

import re
import warnings
from http.cookies import SimpleCookie
from typing import TYPE_CHECKING

from browserjar import LIMIT, Jar, read
from django.http import parse_cookie as django_reads
from webob.cookies import RequestCookies
from werkzeug.http import parse_cookie as werkzeug_reads

from cactuprivacy import Cookie, CookieGuard

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

SITE = "https://www.shop.example"
HOST = "www.shop.example"
COOKIES = [
    Cookie("session", purpose="p"),
    Cookie("basket", purpose="p", max_age=3600, domain="shop.example", http_only=False),
    Cookie("__Host-sid", purpose="p", same_site="Strict"),
]
NAMES = frozenset(cookie.name for cookie in COOKIES)
LIFETIMES = {cookie.name: cookie.max_age or 0 for cookie in COOKIES}

# RFC 6265bis, 4.1.1 and RFC 9110, 5.6.2, written out once more
TOKEN = r"[!#$%&'*+\-.0-9A-Z^_`a-z|~]+"
OCTETS = r"[!#-+\--:<-\[\]-~]*"
GRAMMAR = re.compile(f'({TOKEN})=({OCTETS}|"{OCTETS}")')
SURE = {
    name: re.compile(rf'(?:^|;)[ \t]*{re.escape(name)}[ \t]*=[ \t]*({OCTETS}|"{OCTETS}")[ \t]*(?:;|\Z)')
    for name in NAMES
}
PREFIXES = {prefix.lower(): prefix for prefix in ("__Host-Http-", "__Host-", "__Http-", "__Secure-")}


def browser_reads(header: str) -> dict[str, str]:
    """Read a ``Cookie`` header as what a browser means by it: pairs at ``;``, trimmed of space and tab (5.8.3)."""
    pairs = [pair.split("=", 1) for pair in header.split(";") if "=" in pair]
    return {name.strip(" \t"): unquoted(value.strip(" \t")) for name, value in pairs}


def stdlib_reads(header: str) -> dict[str, str]:
    return {name: morsel.value for name, morsel in SimpleCookie(header).items()}


def webob_reads(header: str) -> dict[str, str]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its regexps
        return dict(RequestCookies({"HTTP_COOKIE": header}))


#: Each reads a ``Cookie`` header, as WSGI shows it, into the values by name.
READERS: dict[str, Callable[[str], dict[str, str]]] = {
    "browser": browser_reads,
    "Werkzeug": lambda header: dict(werkzeug_reads(header)),
    "Django": django_reads,
    "WebOb": webob_reads,
    "stdlib": stdlib_reads,
}


def unquoted(value: str) -> str:
    return value[1:-1] if len(value) >= 2 and value[0] == value[-1] == '"' else value


class Proof:
    """A guarded app, the world on both its sides, and what must hold of every exchange.

    Parameters:
        undeclared: The guard's option of that name.
        site: The guard's site, on https.
    """

    def __init__(self, undeclared: str = "strip", site: str = SITE) -> None:
        self.strict = undeclared == "strip"
        self.guard = CookieGuard(self._app, site, cookies=COOKIES, undeclared=undeclared)
        self._sent: Sequence[str] = ()
        self._seen: str | None = None
        self._left: list[str] = []

    def _app(self, environ, start_response):
        self._seen = environ.get("HTTP_COOKIE")
        start_response(
            "200 OK", [("Content-Type", "text/plain"), *(("Set-Cookie", line) for line in self._sent)]
        )
        return ()

    def _start(self, status, headers, exc_info=None):
        self._left = [value for name, value in headers if name.lower() == "set-cookie"]

    def exchange(self, header: str | None, lines: Sequence[str]) -> tuple[str | None, list[str]]:
        """Let a request through the guard: return the header that the app sees, and the lines that leave."""
        self._sent, self._seen = lines, None
        environ = {"REQUEST_METHOD": "GET", "SCRIPT_NAME": "", "PATH_INFO": "/", "wsgi.url_scheme": "https"}
        if header is not None:
            environ["HTTP_COOKIE"] = header
        self.guard(environ, self._start)
        return self._seen, self._left

    # Incoming

    def entering(self, header: str) -> dict[str, str]:
        """Prove that every reader sees the same cookies behind the guard, and the right ones; return them."""
        left, _ = self.exchange(header, ())
        seen = {who: reads(left or "") for who, reads in READERS.items()}
        entered = seen["browser"]
        for who, cookies in seen.items():
            assert entered == cookies, f"{who} sees {cookies!r} where a browser means {entered!r}"
        assert left is None or left.count("=") >= len(entered) == len(left.split("; ")), (
            "pairs and cookies differ"
        )
        self._are_ours(header, entered)
        self._are_all(header, entered)
        again, _ = self.exchange(left, ())
        assert left == again, f"a second guard changes {left!r} into {again!r}"
        return entered

    def _are_ours(self, header: str, entered: dict[str, str]) -> None:
        """What enters is declared, and stands so in the header, after a comma at most (I1)."""
        heads = {_pair(part.partition(",")[0]) for part in header.split(";")}
        tails = {_pair(piece) for part in header.split(";") for piece in part.split(",")}
        for name, value in entered.items():
            assert not self.strict or name in NAMES, f"{name!r} is not declared"
            assert re.fullmatch(TOKEN, name), f"{name!r} is no token"
            prefix = next((prefix for prefix in PREFIXES if name.lower().startswith(prefix)), None)
            assert prefix is None or name.startswith(PREFIXES[prefix]), f"{name!r} spells its prefix wrongly"
            assert (name, value) in (heads if prefix else tails), (
                f"{name}={value!r} stands nowhere in the header"
            )

    def _are_all(self, header: str, entered: dict[str, str]) -> None:
        """A declared cookie that stands once in a header of a browser's size, and beyond doubt, does enter."""
        if len(header) > 4096 or header.count(";") + header.count(",") > 150:
            return
        lower = header.lower()
        for name, sure in SURE.items():
            if lower.count(name.lower()) == 1 and (found := sure.search(header)):
                assert unquoted(found[1]) == entered.get(name), f"{name!r} does not enter"

    # Outgoing

    def leaving(self, line: str) -> str | None:
        """Prove of one ``Set-Cookie`` line that it leaves exactly when it may, and as the app meant it."""
        _, left = self.exchange(None, [line])
        if not self._may_leave(line):
            assert left == [], f"{left!r} leaves"
            return None
        assert len(left) == 1, "it does not leave"
        meant, stored = read(hardened(line), HOST), read(left[0], HOST)
        assert stored is not None, f"browsers ignore {left[0]!r}"
        assert (meant.name, meant.value) == (stored.name, stored.value)
        deletes = stored.lifetime == 0
        assert deletes == (meant.lifetime is not None and meant.lifetime <= 0), (
            "it lives otherwise than meant"
        )
        assert stored.secure
        assert stored.same_site in ("lax", "strict")
        assert stored.same_site == "strict" or meant.same_site != "strict", "SameSite is weakened"
        assert stored.http_only or stored.name == "basket"
        assert stored.http_only or "httponly" not in attributes_of(line), "HttpOnly is weakened"
        assert deletes or not stored.partitioned
        assert deletes or stored.host_only or stored.name == "basket"
        assert stored.host_only or not meant.host_only, "its domain is widened"
        assert meant.host_only or meant.domain.endswith(stored.domain) or stored.host_only
        cap = min(LIFETIMES.get(stored.name, LIMIT), meant.lifetime or 0)
        assert deletes or stored.lifetime is None or stored.lifetime <= cap + 2, "it lives too long"
        again = [undated(line) for line in self.exchange(None, left)[1]]  # by then the clock may have ticked
        assert [undated(left[0])] == again, f"a second guard changes {left!r} into {again!r}"
        return left[0]

    def _may_leave(self, line: str) -> bool:
        """Tell whether a browser takes the line, mended; the grammar has it; and policy lets it be ours."""
        meant = read(hardened(line), HOST)
        if meant is None or not GRAMMAR.fullmatch(f"{meant.name}={meant.value}") or meant.name[:1] == "$":
            return False
        said = attributes_of(line)
        if "twice" in said.values() or any(len(value) > 1024 for value in said.values()):
            return False
        deletes = meant.lifetime is not None and meant.lifetime <= 0
        # A lifetime that is said can be read.
        if meant.lifetime is None and ("max-age" in said or "expires" in said):
            return False
        if "max-age" in said and not re.fullmatch("-?[0-9]+", said["max-age"]):
            return False
        if meant.same_site == "none" or (meant.partitioned and not deletes):
            return False
        prefix = next((prefix for prefix in PREFIXES if meant.name.lower().startswith(prefix)), None)
        if prefix and not meant.name.startswith(PREFIXES[prefix]):
            return False
        if prefix and prefix.startswith("__host-") and said.get("path", "/") != "/":
            return False  # whatever the default path of the request happens to be (O15)
        if meant.name in NAMES:
            return True
        if meant.name.lower() in {name.lower() for name in NAMES}:
            return deletes and (not self.strict or not meant.value)
        return not self.strict or (deletes and not meant.value)

    def together(self, lines: Sequence[str]) -> list[str]:
        """Prove of a whole response that a browser's jar holds afterwards just what left, and each name once."""
        _, left = self.exchange(None, lines)
        alone = {line for sent in lines for line in self.exchange(None, [sent])[1]}
        jar, live = Jar(), {}
        for line in left:
            assert jar.store(line, HOST), f"browsers ignore {line!r}"
            stored = read(line, HOST)
            if stored.lifetime is None or stored.lifetime > 0:
                assert stored.name not in {key[0] for key in live}, f"{stored.name!r} is set twice"
                live[stored.key] = stored.value
        assert live == jar.cookies
        assert len(left) == len({read(line, HOST).key for line in left}), "two lines are one cookie"
        assert {undated(line) for line in left} <= {undated(line) for line in alone}, (
            "a line leaves in company only"
        )
        return left


def attributes_of(line: str) -> dict[str, str]:
    """Return a line's attributes by name; of one that stands twice, ``"twice"``."""
    said: dict[str, str] = {}
    for part in line.split(";")[1:]:
        key, _, value = part.partition("=")
        key = key.strip(" \t").lower()
        said[key] = "twice" if key and key in said else value.strip(" \t")
    return said


def undated(line: str) -> str:
    return re.sub(r"Expires=[^;]*", "Expires", line)


def hardened(line: str) -> str:
    """Return *line* with what the guard adds of itself, so that a browser's answer is about the rest of it."""
    keys = attributes_of(line)
    for attribute in ("Secure", "HttpOnly"):
        line += "" if attribute.lower() in keys else f"; {attribute}"
    return line if "path" in keys else f"{line}; Path=/"


def _pair(part: str) -> tuple[str, str] | None:
    name, equals, value = part.partition("=")
    return (name.strip(" \t"), unquoted(value.strip(" \t"))) if equals else None
