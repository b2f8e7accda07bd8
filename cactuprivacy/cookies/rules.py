"""Rules: which cookie may leave and which may enter, rule by rule, O1 to O22 and I1 to I11.

Room: cookies. Pure: it knows the site and the declared cookies, looks at text, and changes nothing; what is
done about a verdict is the guard's. Each rule has a test of its name in ``tests/cookies``; touch a line only
together with it. Section numbers are draft-ietf-httpbis-rfc6265bis.
"""

from __future__ import annotations

import re
import time
from email.utils import formatdate
from typing import TYPE_CHECKING, Literal

from cactuprivacy.cookie import (
    MAX_AGE_LIMIT,
    PREFIXES,
    Cookie,
    is_cookie_path,
    is_cookie_value,
    is_token,
    prefix_of,
)
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
MAX_REPEATS = 8  # a request; what comes of declared names after a second value of theirs
MAX_TOLD = 16  # refusals of a request that are told by name; of the rest, how many by which rule

_USUAL = 24  # pairs of a request; in what comes after them, only declared names are looked for

_KNOWN = frozenset({"expires", "max-age", "domain", "path", "secure", "httponly", "samesite", "partitioned"})
# At a cookie of such a name http.cookies and WebOb take it for an attribute, and http.cookies may give up (RFC 2109).
_ATTRIBUTES = _KNOWN | {"comment", "version"}
_EPOCH = formatdate(0, usegmt=True)

# A value that every parser reads alike, and what parts it from the next pair. Splitting a Cookie header at these
# leaves its names, and an empty rest, exactly when the header is in its normal form: what follows on anything
# else begins with a character that no name has. WebOb ends a value at a bracket and goes on with what
# follows, so brackets take the slow way, and leave it in quotes.
_VALUES = re.compile(r"=[!#-+\--:<-Z^-~]*(?:; (?!\Z))?")
# An undeclared name with which nothing else is wrong
_ORDINARY = re.compile(r"(?!\$|__)[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
# A comma where a server has joined two Cookie lines
_JOINT = re.compile(r",(?=[ \t]*[!#$%&'*+\-.^_`|~0-9A-Za-z]+=)")
_CLAIM = re.compile(rf"[ \t]*(?:{'|'.join(PREFIXES)})", re.IGNORECASE)

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
        names = "|".join(map(re.escape, self._names)) or "(?!)"
        self._ours = re.compile(rf";([ \t]*(?:{names})[ \t]*=[^;]*)")
        self._most = min(max(len(self._names), 1), MAX_PAIRS)  # pairs of a header with nothing to refuse
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
        if not third_party and len(header) <= MAX_COOKIE_BYTES:
            names = _VALUES.split(header, self._most)
            rest = names.pop()
            # Declared, every one, and none twice
            if not rest and 0 < len(self._names.intersection(names)) == len(names):
                return header, []
        return self._pick(header, third_party)

    def _pick(self, header: str, third_party: bool) -> tuple[str | None, list[Verdict]]:
        """Judge a header that is not in its normal form, or holds what is not declared, pair by pair.

        This is what strangers can make dear. So of each declared name one value is looked at, of undeclared ones
        none, and once sixteen refusals are told an undeclared name is that and nothing worse.
        """
        parts, cut = _parts(header)
        welcome = frozenset() if third_party else self._names
        told = [Verdict("in", "", "I10")] if cut else []
        untold: dict[str, int] = {}
        values: dict[str, str] = {}
        doubted: set[str] = set()
        looked_at = repeats = 0
        for part in self._eligible(parts, third_party):
            looked_at += 1
            name, equals, value = part.partition("=")
            name = name.strip(WHITE) if equals else ""
            full = len(told) >= MAX_TOLD
            rule = None
            if name not in welcome:
                rule = "I8" if third_party else "I9" if full and self._strict else self._unwelcome(name)
            elif name in doubted:
                repeats += 1
                if repeats > MAX_REPEATS:  # a bombardment, in which nobody can tell whose is what
                    return None, [Verdict("in", "", "I10", times=len(parts))]
                rule = "I6"
            if rule is None:
                value = value.strip(WHITE)
                if name not in values:
                    values[name] = value
                    rule = _flaw(value)
                elif value != values[name]:  # two of one value are one: servers that join lines make such
                    rule = "I6"
                if rule is None:
                    continue
                doubted.add(name)
            if full:
                untold[rule] = untold.get(rule, 0) + 1
            else:
                told.append(Verdict("in", shown(name.lstrip(",")), rule))
        if looked_at < len(parts):
            rule = "I8" if third_party else "I9"
            untold[rule] = untold.get(rule, 0) + len(parts) - looked_at
        told += [Verdict("in", "", rule, times=times) for rule, times in untold.items()]
        left = [_pair(name, value) for name, value in values.items() if name not in doubted]
        return "; ".join(left) or None, told

    def _eligible(self, parts: list[str], third_party: bool) -> Iterator[str]:
        """Yield the pairs to look at: the first ones, and of the rest, found in one go, those with declared names."""
        yield from parts[:_USUAL]
        rest = parts[_USUAL:]
        if rest and not self._strict:
            yield from rest
        elif rest and not third_party:
            yield from self._ours.findall(";" + ";".join(rest))

    def _unwelcome(self, name: str) -> str | None:
        """Return the rule by which a name that is not declared does not enter."""
        if name.lower() in self._folded:
            return "I3"
        if self._strict and _ORDINARY.fullmatch(name):
            return "I9"  # nearly all of them
        if not name or name[0] == "$":
            return "I5"
        if name[0] == "," and _CLAIM.match(name, 1):
            return "I1"
        if not is_token(name):
            return "I2"
        prefix = prefix_of(name) if name[:2] == "__" else None
        if prefix and not name.startswith(prefix):
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


def _parts(header: str) -> tuple[list[str], bool]:
    """Return the pairs of a header, as many as a browser sends, not yet taken apart; and whether there are more."""
    parts = header[:MAX_COOKIE_BYTES].split(";", MAX_PAIRS)
    cut = len(header) > MAX_COOKIE_BYTES or len(parts) > MAX_PAIRS
    if cut:
        parts.pop()  # cut in two, or all the rest
    if "," in header and (header.count(",") > MAX_PAIRS or _JOINT.search(header)):
        parts = _parted(parts)
    return parts, cut


def _parted(parts: list[str]) -> list[str]:
    """Return *parts* with those parted that a server has joined by a comma, as many as a browser sends.

    Who may set any cookie here could write ``x=1,__Host-sid=evil`` into it: nothing after a comma has the
    prefix's promise, so a name that claims one keeps the comma, with which it is none.
    """
    parted: list[str] = []
    room = MAX_PAIRS
    for part in parts:
        joints = part.count(",")
        if not 0 < joints <= room or '"' in part:
            parted.append(part)
            continue
        room -= joints
        pieces = _JOINT.split(part)
        if "__" in part:
            pieces[1:] = ["," + piece.lstrip(WHITE) if _CLAIM.match(piece) else piece for piece in pieces[1:]]
        parted += pieces
    return parted


def _flaw(value: str) -> str | None:
    """Return the rule by which *value* is one that parsers disagree about."""
    if is_cookie_value(value):
        return None
    return "I1" if "," in value and '"' not in value else "I4"


def _pair(name: str, value: str) -> str:
    """Return the pair in a form that every parser reads alike."""
    return f'{name}="{value}"' if value[:1] != '"' and ("[" in value or "]" in value) else f"{name}={value}"


def _refused(name: str, rule: str) -> Verdict:
    return Verdict("out", shown(name), rule)
