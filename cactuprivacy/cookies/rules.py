"""Rules: which cookie may leave and which may enter, rule by rule, O1 to O22 and I1 to I11.

Room: cookies. Pure: it knows the site and the declared cookies, looks at text, and changes nothing; what is
done about a verdict is the guard's. Each rule has a test of its name in ``tests/cookies``; touch a line only
together with it. Section numbers are draft-ietf-httpbis-rfc6265bis.
"""

from __future__ import annotations

import re
import time
from email.utils import formatdate
from itertools import repeat
from typing import TYPE_CHECKING, Literal

from cactuprivacy.cookie import MAX_AGE_LIMIT, Cookie, is_cookie_path, is_cookie_value, is_token, prefix_of
from cactuprivacy.cookies.syntax import (
    MAX_ATTRIBUTE,
    WHITE,
    Lifetime,
    SetCookie,
    lifetime_of,
    parse_set_cookie,
)
from cactuprivacy.cookies.verdict import Verdict, shown
from cactuprivacy.site import registrable_domain, within

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from cactuprivacy.site import Site

Undeclared = Literal["strip", "allow"]

MAX_SET_COOKIES = 50  # a response; browsers promise no more for a host (6.1)
MAX_SET_BYTES = 8192  # a response; what comes back larger than that, servers refuse
MAX_COOKIE_BYTES = 16384  # a request
MAX_PAIRS = 180  # a request; what Chromium and Firefox keep for a domain

_KNOWN = frozenset({"expires", "max-age", "domain", "path", "secure", "httponly", "samesite", "partitioned"})
# At a cookie of such a name http.cookies and WebOb take it for an attribute, and http.cookies may give up (RFC 2109).
_ATTRIBUTES = _KNOWN | {"comment", "version"}
_EPOCH = formatdate(0, usegmt=True)

# A whole Cookie header in its normal form, of characters that every parser reads alike. WebOb ends a value
# at a bracket and goes on with what follows, so brackets take the slow way, and leave it in quotes.
_PLAIN_PAIR = r"[!#%&'*+\-.^_`|~0-9A-Za-z][!#$%&'*+\-.^_`|~0-9A-Za-z]*=[!#-+\--:<-Z^-~]*"
_PLAIN = re.compile(f"{_PLAIN_PAIR}(?:; {_PLAIN_PAIR})*")
# A comma where a server has joined two Cookie lines
_JOINT = re.compile(r",(?=[ \t]*[!#$%&'*+\-.^_`|~0-9A-Za-z]+=)")

# What holds for a name that is not declared, where undeclared cookies are allowed.
_UNDECLARED = Cookie("undeclared", purpose="not declared", max_age=MAX_AGE_LIMIT)


class Rules:
    """The rules of one site.

    Parameters:
        site: Who we are. Domains are compared with its host, never with a request's ``Host``.
        cookies: The declared cookies.
        undeclared: ``"allow"`` lets other first-party cookies pass too, hardened, for at most 400 days.
    """

    def __init__(self, site: Site, cookies: Iterable[Cookie], *, undeclared: Undeclared = "strip") -> None:
        self.site = site
        self._strict = undeclared == "strip"
        self._declared = {cookie.name: cookie for cookie in cookies}
        self._folded = {name.lower() for name in self._declared}
        self._names = frozenset(self._declared)
        self._home = registrable_domain(site.host)
        self._scopes = frozenset(scopes(site))  # O9, O10

    # Outgoing

    def outgoing(
        self, lines: Sequence[str], *, third_party: bool = False, now: int | None = None
    ) -> list[Verdict]:
        """Judge all ``Set-Cookie`` lines of one response, each alone, and then together (O8, O18)."""
        verdicts = [self.judge(line, third_party=third_party, now=now) for line in lines]
        if len(verdicts) > 1:
            _keep_the_last(verdicts)
            _keep_within_bounds(verdicts)
        return verdicts

    def judge(self, line: str, *, third_party: bool = False, now: int | None = None) -> Verdict:
        """Judge one ``Set-Cookie`` line: refuse it by a rule, or return the hardened line to send.

        Parameters:
            line: The header's value, one cookie whatever it holds: no comma splits it (O22).
            third_party: Whether the answer goes into somebody else's page (O19).
            now: Seconds since 1970, for ``Expires``; the clock's when it is not given.
        """
        sent = parse_set_cookie(line)
        rule = "O19" if third_party else _malformed(sent)
        if rule:
            return _refused(sent.name, rule)
        now = int(time.time()) if now is None else now
        attributes = sent.effective()
        lifetime = lifetime_of(attributes, now)
        rule = self._unfit(sent, attributes, lifetime)
        if rule:
            return _refused(sent.name, rule)
        return self._harden(sent, attributes, lifetime, now)

    def _unfit(self, sent: SetCookie, attributes: dict[str, str], lifetime: Lifetime) -> str | None:
        prefix = prefix_of(sent.name) or ""
        domain = _domain(attributes)
        if prefix and (not sent.name.startswith(prefix) or not self.site.secure):
            return "O15"
        if sent.name not in self._declared:
            twin = sent.name.lower() in self._folded
            if (self._strict or twin) and not lifetime.deletes:
                return "O18"
            if self._strict and sent.value:
                return "O21"
        if prefix.startswith("__Host-") and (domain or attributes.get("path", "/") != "/"):
            return "O15"
        return self._foreign(attributes, lifetime) or (None if lifetime.valid else "O16")

    def foreign(self, line: str) -> str | None:
        """Return the rule by which *line* makes a third party's cookie (O9, O13, O14), whatever else it is."""
        sent = parse_set_cookie(line)
        attributes = sent.effective()
        return self._foreign(attributes, lifetime_of(attributes, int(time.time())))

    def _foreign(self, attributes: dict[str, str], lifetime: Lifetime) -> str | None:
        domain = _domain(attributes)
        if domain and domain not in self._scopes:
            return "O9"
        if attributes.get("samesite", "").lower() == "none":
            return "O13"
        if "partitioned" in attributes and not lifetime.deletes:  # what there is may be forgotten
            return "O14"
        return None

    def _harden(self, sent: SetCookie, attributes: dict[str, str], lifetime: Lifetime, now: int) -> Verdict:
        terms = self._declared.get(sent.name, _UNDECLARED)
        parts = [f"{sent.name}={sent.value}"]
        mended = []

        seconds = lifetime.seconds
        if lifetime.deletes:
            parts += ["Max-Age=0", f"Expires={_EPOCH}"]
        elif seconds is not None:
            if terms.max_age is None or seconds > terms.max_age:
                seconds = terms.max_age
                mended.append("O16")
            if seconds is not None and "max-age" in attributes:
                parts.append(f"Max-Age={seconds}")
            if seconds is not None and "expires" in attributes:
                parts.append(f"Expires={formatdate(now + seconds, usegmt=True)}")

        domain = written = _domain(attributes)
        if not lifetime.deletes and not (terms.domain and within(domain, terms.domain)):
            domain = terms.domain if domain and terms.domain else ""
        elif not self._home:  # an address, or localhost: browsers know no wider scope
            domain = ""
        if domain != written:
            mended.append("O9")
        if domain:
            parts.append(f"Domain={domain}")

        path = attributes.get("path", "")
        fits = is_cookie_path(path) and (lifetime.deletes or _below(path, terms.path))
        if not fits:
            path = terms.path
            mended.append("O11")
        parts.append(f"Path={path}")

        if self.site.secure:
            parts.append("Secure")
        if self.site.secure != ("secure" in attributes):
            mended.append("O12")
        if terms.http_only or "httponly" in attributes:
            parts.append("HttpOnly")
        if (terms.http_only and "httponly" not in attributes) or not _KNOWN.issuperset(attributes):
            mended.append("O17")
        same_site = attributes.get("samesite", "").lower()
        if same_site not in ("strict", terms.same_site.lower()):
            mended.append("O13")
        parts.append("SameSite=" + ("Strict" if same_site == "strict" else terms.same_site))
        if "partitioned" in attributes and self.site.secure:
            parts.append("Partitioned")
        return Verdict("out", shown(sent.name), None, "; ".join(parts), tuple(mended))

    # Incoming

    def incoming(self, header: str, *, third_party: bool = False) -> tuple[str | None, list[Verdict]]:
        """Judge a ``Cookie`` header: return what is left of it, ``None`` for nothing, and what was refused.

        Parameters:
            header: The header as the server shows it, several lines joined or not.
            third_party: Whether the request comes from inside somebody else's page (I8).
        """
        candidates: Iterable[tuple[str, str, str | None]] = ()
        pairs = header.split("; ", MAX_PAIRS) if len(header) <= MAX_COOKIE_BYTES else []
        plain = 0 < len(pairs) <= MAX_PAIRS and _PLAIN.fullmatch(header) is not None
        if plain:
            names = [pair.partition("=")[0] for pair in pairs]
            if self._names.issuperset(names) and len(set(names)) == len(names) and not third_party:
                return header, []
            candidates = zip(names, pairs, repeat(None))
        else:
            candidates = _pairs(header)

        kept: dict[str, str] = {}
        tossed: set[str] = set()
        refused: list[Verdict] = []
        for name, pair, flaw in candidates:
            rule = flaw
            if third_party:
                rule = "I8"
            elif rule is None and name not in self._names:
                rule = self._unwelcome(name)
            if rule is None and not plain:
                rule, pair = _agreed(name, pair)
            if rule is None and kept.setdefault(name, pair) != pair:
                rule = "I6"  # two of one value are one: servers that join lines make such
                tossed.add(name)
            if rule is not None:
                refused.append(Verdict("in", shown(name), rule))
        left = [pair for name, pair in kept.items() if name not in tossed]
        return "; ".join(left) or None, refused

    def _unwelcome(self, name: str) -> str | None:
        """Return the rule by which a name that is not declared does not enter."""
        if not name or name[0] == "$":
            return "I5"
        if not is_token(name):
            return "I2"
        prefix = prefix_of(name) if name[:2] == "__" else None
        if name.lower() in self._folded or (prefix and not name.startswith(prefix)):
            return "I3"
        if self._strict:
            return "I9"
        if name.lower() in _ATTRIBUTES:
            return "I5"
        return "I7" if prefix and not self.site.secure else None


def scopes(site: Site) -> list[str]:
    """Return the only domains that a cookie of *site* can have, from its host up to the registrable one."""
    home = registrable_domain(site.host)
    if home is None:
        return [site.host]
    labels = site.host.split(".")
    parents = (".".join(labels[n:]) for n in range(len(labels)))
    return [name for name in parents if within(name, home)]


def _malformed(sent: SetCookie) -> str | None:
    """Return the rule by which the line is no cookie at all, whoever sets it."""
    if sent.controls:
        return "O3"
    if not is_token(sent.name) or sent.name[0] == "$":
        return "O4"
    if sent.too_long or any(len(value) > MAX_ATTRIBUTE for _, value in sent.attributes):
        return "O6"
    if not is_cookie_value(sent.value):
        return "O5"
    names = [name for name, _ in sent.attributes if name]  # "a=b;" ends in one without a name
    return "O7" if len(set(names)) != len(names) else None


def _keep_the_last(verdicts: list[Verdict]) -> None:
    # A browser knows a cookie by name, domain and path; we set one of a name, but may forget it in several
    # scopes.
    later: set[tuple[str, ...]] = set()
    for index in reversed(range(len(verdicts))):
        line = verdicts[index].line
        if line is None:
            continue
        sent = parse_set_cookie(line)
        attributes = sent.effective()
        jar = "partitioned" if "partitioned" in attributes else ""
        scope = (sent.name, attributes.get("domain", ""), attributes["path"], jar)
        identities = [scope] if attributes.get("max-age") == "0" else [scope, (sent.name,)]
        if later.isdisjoint(identities):
            later.update(identities)
        else:
            verdicts[index] = _refused(sent.name, "O8")


def _keep_within_bounds(verdicts: list[Verdict]) -> None:
    count = size = 0
    for index, verdict in enumerate(verdicts):
        if verdict.line is not None:
            count += 1
            size += len(verdict.line)
            if count > MAX_SET_COOKIES or size > MAX_SET_BYTES:
                verdicts[index] = _refused(verdict.name, "O18")


def _domain(attributes: dict[str, str]) -> str:
    return attributes.get("domain", "").removeprefix(".").lower()


def _below(path: str, declared: str) -> bool:
    """Tell whether *declared* path-matches *path* (5.1.4), so that the cookie goes nowhere else."""
    return path == declared or path.startswith(declared if declared.endswith("/") else declared + "/")


def _pairs(header: str) -> Iterator[tuple[str, str, str | None]]:
    """Yield name, value and flaw of each pair, as many as a browser sends."""
    parts = header[:MAX_COOKIE_BYTES].split(";", MAX_PAIRS)
    if len(header) > MAX_COOKIE_BYTES or len(parts) > MAX_PAIRS:
        parts.pop()  # cut in two, or all the rest
        yield "", "", "I10"
    joints = 0
    for part in parts:
        joined = [part]
        if "," in part and '"' not in part and joints < MAX_PAIRS:
            joined = _JOINT.split(part, maxsplit=MAX_PAIRS - joints)
            joints += len(joined) - 1
        for place, piece in enumerate(joined):
            name, equals, value = piece.partition("=")
            name, value = (name.strip(WHITE) if equals else ""), value.strip(WHITE)
            # Who may set any cookie here could write "x=1,__Host-sid=evil" into it: nothing after a comma has
            # the prefix's promise.
            spoof = place > 0 and name[:2] == "__" and prefix_of(name) is not None
            yield name, value, "I1" if spoof else None


def _agreed(name: str, value: str) -> tuple[str | None, str]:
    """Return the rule that refuses *value*, and the pair in a form that every parser reads alike."""
    if not is_cookie_value(value):
        return "I1" if "," in value and '"' not in value else "I4", ""
    if value[:1] != '"' and ("[" in value or "]" in value):
        value = f'"{value}"'
    return None, f"{name}={value}"


def _refused(name: str, rule: str) -> Verdict:
    return Verdict("out", shown(name), rule)
