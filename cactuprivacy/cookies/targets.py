"""Targets: the host to which a URL in a header leads, as browsers read it, and lists of such URLs.

Room: cookies. Imports ``site`` only and decides nothing; touch it with the WHATWG URL standard in hand.
``urllib.parse`` follows RFC 3986 and sees no host in ``https:\\evil.example``, ``/\\t/evil.example`` and their
like, where browsers see one. Every function takes any text, never raises, and is linear in its length.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from cactuprivacy.site import ip_address

if TYPE_CHECKING:
    from collections.abc import Iterator

#: What :func:`host_of` returns for a host that it cannot read: nobody's name, so a stranger's.
UNREADABLE = ""

_EDGE = "".join(map(chr, range(0x21)))  # C0 controls and blank, which the parser trims
_INSIDE = str.maketrans("", "", "\t\n\r")  # which it takes out wherever they stand
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]*):")
_WEB = frozenset({"http", "https", "ws", "wss"})
_HOSTLESS = frozenset({"about", "blob", "data", "javascript", "mailto", "sms", "tel"})
_END = re.compile(r"[/\\?#]")
_PORT = re.compile(r":[0-9]*\Z")
_NAME = re.compile(r"[a-z0-9_\-]+(?:\.[a-z0-9_\-]+)*")

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


def host_of(url: str) -> str | None:
    """Return the host, in lower case, to which *url* leads from a page of ours.

    ``None`` when it stays on the page's own host, or leads to none; :data:`UNREADABLE` when it is written in
    a way on which one would rather not rely.
    """
    if url[:1] == "/" and url[1:2] not in "/\\\t\r\n":
        return None
    text = url.strip(_EDGE).translate(_INSIDE)
    found = _SCHEME.match(text)
    if found:
        scheme = found[1].lower()
        if scheme in _HOSTLESS:
            return None
        if scheme not in _WEB:
            return UNREADABLE
        # Without both slashes it depends on the page's own scheme whether a host follows.
        text = text[found.end() :]
    elif len(text) < 2 or text[0] not in "/\\" or text[1] not in "/\\":
        return None
    authority = _END.split(text.lstrip("/\\"), maxsplit=1)[0]
    host = _PORT.sub("", authority.rpartition("@")[2]).lower()
    if host[:1] == "[":
        address = ip_address(host)
        return str(address) if address else UNREADABLE
    return host if _NAME.fullmatch(host) else UNREADABLE


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
