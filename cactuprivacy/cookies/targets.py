"""Targets: the host to which a URL leads, as browsers read it, and the lists of URLs in headers.

Room: cookies. Imports nothing of ours and decides nothing; touch it with the WHATWG URL standard in hand.
``urllib.parse`` follows RFC 3986 and sees no host in ``https:\\evil.example``, ``/\\t/evil.example`` and their
like, where browsers see one. Every function takes any text, never raises, and is linear in its length.
"""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv6Address
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import unquote

import idna

if TYPE_CHECKING:
    from collections.abc import Iterator

#: What :func:`host_of` returns for a host that it cannot read: nobody's name, so a stranger's.
UNREADABLE = ""

_EDGE = "".join(map(chr, range(0x21)))  # C0 controls and blank, which the parser trims
_INSIDE = str.maketrans("", "", "\t\n\r")  # which it takes out wherever they stand
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]*):")
_WEB = frozenset({"http", "https", "ws", "wss"})
_HOSTLESS = frozenset({"about", "blob", "data", "javascript", "mailto", "sms", "tel"})
_TWO_SLASHES = re.compile(r"[/\\]{2}")
_END = re.compile(r"[/\\?#]")
_PORT = re.compile(r":[0-9]*\Z")
# A name as it is written nearly always; where the last label is a number, the host is an address (3.5).
_NAME = re.compile(r"(?:[a-z0-9_\-]+\.)*(?![0-9]+\Z|0x[0-9a-f]*\Z)[a-z0-9_\-]+")
_NUMBERS = re.compile(r"(?:0x[0-9a-f]*|[0-9]+)(?:\.(?:0x[0-9a-f]*|[0-9]+)){0,3}")
_MAX_HOST = 1024  # characters; no name is longer than 253, unless escaped

# RFC 9110, 5.6.1 and 5.6.4: members part at commas, but for those inside quotes and angle brackets.
_MARK = re.compile(r'\\.|[<>",]', re.DOTALL)
_TOKEN = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"  # noqa: S105  # the grammar's word for a name
_QUOTED = r'"((?:[^"\\]|\\.)*)"'
_PARAMETER = re.compile(
    rf'[ \t]*;[ \t]*(?:({_TOKEN}\*?)[ \t]*(?:=[ \t]*(?:{_QUOTED}|([^\s;,"<>]*)))?)?', re.DOTALL
)

# Types of links that browsers do not follow by themselves. Whatever is not known to be one is taken to load.
_RELATIONS = (
    "about alternate author bookmark canonical collection contents copyright current describedby "
    "deprecation edit external first glossary help hub index item last latest-version license me memento next "
    "nofollow noopener noreferrer original payment predecessor-version prev previous privacy-policy profile "
    "search self service-desc service-doc service-meta shortlink start status successor-version sunset tag "
    "terms-of-service timegate timemap type up via webmention working-copy"
)
INERT_RELATIONS = frozenset(_RELATIONS.split())


class Link(NamedTuple):
    """One link of a ``Link`` header (RFC 8288, 3).

    Attributes:
        target: The URL between the angle brackets.
        parameters: Each parameter's name, in lower case, and value, in their order.
    """

    target: str
    parameters: tuple[tuple[str, str], ...]

    @property
    def relations(self) -> frozenset[str]:
        """All relation types, of every ``rel`` that stands there, in lower case."""
        return frozenset(
            relation
            for name, value in self.parameters
            if name in ("rel", "rel*")
            for relation in value.lower().split()
        )

    @property
    def inert(self) -> bool:
        """Whether browsers are known to fetch nothing for it: no relation but such, or a private one (a URI)."""
        return bool(self.relations) and all(name in INERT_RELATIONS or ":" in name for name in self.relations)


def host_of(url: str, scheme: str = "") -> str | None:
    """Return the host, in lower case and A-labels, to which *url* leads from a page of ours.

    ``None`` when it stays on the page's own host, or leads to none; :data:`UNREADABLE` when it is written in
    a way on which one would rather not rely.

    Parameters:
        url: As it is written, in Unicode; from a header by way of :func:`header_text`.
        scheme: The page's own, where it is known: ``https:page`` is then a path from there (WHATWG URL, 4.4).
    """
    if url[:1] == "/" and url[1:2] not in "/\\\t\r\n":
        return None
    text = as_parsed(url)
    found = _SCHEME.match(text)
    if found:
        said = found[1].lower()
        if said in _HOSTLESS:
            return None
        if said not in _WEB:
            return UNREADABLE
        text = text[found.end() :]
        # Where the page's own scheme is not known, a host is taken to follow without both slashes too.
        follows = said != scheme or _TWO_SLASHES.match(text)
    else:
        follows = _TWO_SLASHES.match(text)
    if not follows:
        return None
    authority = _END.split(text.lstrip("/\\"), maxsplit=1)[0]
    user, _, host = authority.rpartition("@")
    if not user.isascii():
        return UNREADABLE  # the "@" may be half of a character, as in Shift_JIS
    host = _PORT.sub("", host)
    lower = host.lower()
    return lower if _NAME.fullmatch(lower) else _unusual(host)


def as_parsed(url: str) -> str:
    """Return *url* without what the URL parser takes out of it before it begins (WHATWG URL, 4.4)."""
    return url.strip(_EDGE).translate(_INSIDE)


def header_text(value: str) -> str:
    """Return a header's text as browsers read URLs in it: what WSGI shows as latin-1 is most often UTF-8."""
    if value.isascii():
        return value
    try:
        return value.encode("latin-1").decode()
    except UnicodeError:
        return value


def _unusual(host: str) -> str:
    """Return a host that is an address, is escaped, or is not ASCII (WHATWG URL, 3.5)."""
    if len(host) > _MAX_HOST:
        return UNREADABLE
    try:
        if host[:1] == "[":
            return str(IPv6Address(host[1:-1])) if host[-1] == "]" and "%" not in host else UNREADABLE
        host = unquote(host, errors="strict")
        if not host.isascii():
            host = idna.encode(host, uts46=True).decode("ascii")
        host = host.lower().removesuffix(".")
        if _NUMBERS.fullmatch(host):
            return str(IPv4Address(_number(host.split("."))))
    except ValueError:  # no address, no UTF-8, no name
        return UNREADABLE
    return host if _NAME.fullmatch(host) else UNREADABLE


def _number(parts: list[str]) -> int:
    """Return the address that *parts* write, of which the last fills what the others leave (IPv4 parser)."""
    *firsts, rest = (_digits(part) for part in parts)
    if rest >= 256 ** (4 - len(firsts)) or any(byte > 255 for byte in firsts):
        raise ValueError("It is beyond the last address.")
    return sum(byte << (24 - 8 * place) for place, byte in enumerate(firsts)) + rest


def _digits(part: str) -> int:
    if part[:2] == "0x":
        return int(part[2:] or "0", 16)
    return int(part, 8 if part[0] == "0" else 10)


def members(value: str) -> Iterator[str]:
    """Yield the members of a list header, trimmed, without the empty ones."""
    start, closing = 0, ""
    for mark in _MARK.finditer(value):
        char = mark[0]
        if closing == '"':
            if char == '"':
                closing = ""
            continue
        char = char[-1]  # outside quotes a backslash protects nothing
        if closing:
            if char == closing:
                closing = ""
        elif char == "<":
            closing = ">"
        elif char == '"':
            closing = '"'
        elif char == ",":
            if member := value[start : mark.end() - 1].strip(" \t"):
                yield member
            start = mark.end()
    if member := value[start:].strip(" \t"):
        yield member


def parse_link(member: str) -> Link | None:
    """Take one member of a ``Link`` header apart; ``None`` when parsers could disagree about it."""
    if member[:1] != "<" or member.count("<") != 1 or member.count(">") != 1:
        return None
    target, _, rest = member[1:].partition(">")
    parameters = []
    position = 0
    while position < len(rest):
        found = _PARAMETER.match(rest, position)
        if found is None:
            return None
        position = found.end()
        name, quoted, bare = found.groups()
        if name:
            value = re.sub(r"\\(.)", r"\1", quoted) if quoted is not None else bare or ""
            parameters.append((name.lower(), value))
    return Link(target, tuple(parameters))
