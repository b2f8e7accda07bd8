"""Links: which affiliate's link a request followed, and where it leads on to.

Room: affiliates. May import wsgi. Reads the request's URL only, and trusts nothing in it: a link leads to a path on
this very site or to its front page, and what is taken out of a URL leaves every other byte of it as it was.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote, unquote, unquote_to_bytes

from cactuprivacy.affiliates.claim import affiliate_code
from cactuprivacy.wsgi.redirects import same_site_path

if TYPE_CHECKING:
    from collections.abc import Iterable

    from _typeshed.wsgi import WSGIEnvironment

    from cactuprivacy.affiliates.declaration import Affiliates

_MAX_VALUE = 3 * 64  # a code of 64 characters, each of them percent-encoded

# A URL that a browser would send again byte for byte: visible ASCII, no backslash in its path (browsers take it for a
# slash), no dot segment (browsers drop it, and "//" may then come first).
_PATH_SENT_AGAIN = re.compile(r"/(?!/)[!\"$->@-\[\]-~]*")
_QUERY_SENT_AGAIN = re.compile(r"[!\"$-~]*")
_DOT_SEGMENT = re.compile(r"/(?:\.|%2e){1,2}(?:/|\Z)", re.IGNORECASE)
# What somebody on the way could decode to another host, or to a line of its own.
_DISGUISED = re.compile(r"[/\\]{2}|[\x00-\x1f\x7f\\]")


class Link(NamedTuple):
    """An affiliate's link as it was followed.

    Attributes:
        code: What it names the affiliate by, in lower case; nobody may have it.
        campaign: The declared campaign that it names; empty for none.
        target: Where on this site it leads on to; ``None`` when the page it names is the one asked for.
    """

    code: str
    campaign: str
    target: str | None = None


class Links:
    """The links of a programme: by parameter, by path, and of the CactuShop kind.

    Parameters:
        declaration: What was declared of them.

    Attributes:
        doors: What a path must begin with, in lower case, to be worth a second look.
    """

    def __init__(self, declaration: Affiliates) -> None:
        self._names = declaration.parameters
        self._campaigns = frozenset(declaration.campaigns)
        self._campaign_parameter = declaration.campaign_parameter
        # What is ours in a query string, and so is taken out of it.
        self._ours = {*self._names, *([declaration.campaign_parameter] if declaration.campaigns else [])}
        self._path = declaration.path
        self._legacy_path = declaration.legacy_path and declaration.legacy_path.lower()
        self._stand_down = declaration.stand_down
        self.doors = tuple(path.lower() for path in (declaration.path, declaration.legacy_path) if path)
        self.in_query = re.compile(rf"(?:\A|&)(?:{'|'.join(map(re.escape, self._names))})=").search

    def followed(self, environ: WSGIEnvironment) -> Link | None:
        """Return the link that the request followed, or ``None``."""
        query = environ.get("QUERY_STRING", "")
        path = environ.get("PATH_INFO", "")
        if self._path and path.startswith(self._path + "/"):
            return self._by_path(environ, query)
        if self._legacy_path and path.lower() == self._legacy_path:
            return self._legacy(environ, query)
        code = code_in(query, self._names)
        return Link(code, self._campaign(query)) if code else None

    def stands_down(self, environ: WSGIEnvironment, link: Link) -> bool:
        """Tell whether *link* leads to where no link counts."""
        asked = environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", "")
        path = asked if link.target is None else unquote(re.split(r"[?#]", link.target)[0])
        path = re.sub(r"/{2,}", "/", path)
        return any(path == place or path.startswith(place + "/") for place in self._stand_down)

    def clean(self, environ: WSGIEnvironment) -> str | None:
        """Return the request's own path and query without what is ours; ``None`` where nothing can be taken out.

        All else stays byte for byte: order, repeats, blanks, odd escapes.
        """
        path = re.sub(r"^[/\\]{2,}", "/", _raw_path(environ))
        query = environ.get("QUERY_STRING", "")
        if not _PATH_SENT_AGAIN.fullmatch(path) or _DOT_SEGMENT.search(path):
            return None
        return self._without_ours(path, query) if _QUERY_SENT_AGAIN.fullmatch(query) else None

    def onwards(self, link: Link, *, carry: bool) -> str:
        """Return where *link* leads on to, with the code in its query when it has to be *carried* there."""
        target = link.target or "/"
        if not carry:
            return target
        page, hash_sign, fragment = target.partition("#")
        ours = f"{self._names[0]}={link.code}"
        if link.campaign:
            ours += f"&{self._campaign_parameter}={link.campaign}"
        return f"{page}{'&' if '?' in page else '?'}{ours}{hash_sign}{fragment}"

    def _by_path(self, environ: WSGIEnvironment, query: str) -> Link | None:
        named = environ["PATH_INFO"][len(self._path or "") + 1 :].partition("/")[0]
        code = affiliate_code(named)
        if code is None:
            return None
        root = environ.get("SCRIPT_NAME", "")
        at = (root + (self._path or "")).count("/") + 1
        segments = _raw_path(environ).split("/")
        rest = "/" + "/".join(segments[at + 1 :]) if unquote("".join(segments[at : at + 1])) == named else "/"
        return Link(code, self._campaign(query), self._inside(root, self._without_ours(rest, query)))

    def _legacy(self, environ: WSGIEnvironment, query: str) -> Link | None:
        # CactuShop read its parameters in any case, and wrote Req= last, its own query unencoded behind it.
        parts = re.split(r"(?:\A|&)req=", query, maxsplit=1, flags=re.IGNORECASE)
        wanted = parts[1] if len(parts) == 2 else ""
        if "?" not in wanted.partition("&")[0]:
            wanted = unquote(wanted.partition("&")[0])
        code = _code_in_any_case(parts[0]) or _code_in_any_case(query)
        if code is None:
            return None
        if ":" in wanted.partition("/")[0]:
            wanted = "/"
        if not wanted.startswith("/"):
            wanted = environ["PATH_INFO"].rpartition("/")[0] + "/" + wanted
        root = environ.get("SCRIPT_NAME", "")
        return Link(code, self._campaign(query), self._inside(root, self._without_ours(*_split(wanted))))

    def _inside(self, root: str, target: str) -> str:
        front = quote(root.encode("latin-1", "replace")) + "/"
        decoded = unquote(unquote(_split(target)[0]))
        if _DISGUISED.search(decoded) or same_site_path(target, "") == "":
            return front
        return front[:-1] + target

    def _campaign(self, query: str) -> str:
        if not self._campaigns:
            return ""
        name = code_in(query, (self._campaign_parameter,))
        return name if name in self._campaigns else ""

    def _without_ours(self, path: str, query: str) -> str:
        rest = [pair for pair in query.split("&") if pair.partition("=")[0] not in self._ours]
        return f"{path}?{'&'.join(rest)}" if rest != [""] and rest else path


def code_in(query: str, names: Iterable[str]) -> str | None:
    """Return the affiliate's code in a query string, in lower case.

    ``None`` when there is no parameter of these names, when it holds what is no code, or when there are two
    different values. The name must be spelt exactly; the value may be percent-encoded.
    """
    found = {
        value for name, equals, value in (pair.partition("=") for pair in query.split("&")) if name in names
    }
    if len(found) != 1:
        return None
    value = found.pop()
    return affiliate_code(unquote(value)) if len(value) <= _MAX_VALUE else None


def _code_in_any_case(query: str) -> str | None:
    pairs = (pair.partition("=") for pair in query.split("&"))
    return code_in("&".join(f"{name.lower()}={value}" for name, _, value in pairs), ("id",))


def _raw_path(environ: WSGIEnvironment) -> str:
    """Return the path as the client wrote it, where the server tells and it is the one that the app sees."""
    path = (environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", "")).encode("latin-1", "replace")
    said: str = environ.get("REQUEST_URI") or environ.get("RAW_URI") or ""
    raw = said.partition("?")[0]
    return (
        raw if raw.startswith("/") and unquote_to_bytes(raw) == path else quote(path, safe="/!$&'()*+,;=:@~")
    )


def _split(target: str) -> tuple[str, str]:
    path, _, query = target.partition("?")
    return path, query
