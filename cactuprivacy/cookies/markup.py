"""Markup: whom a page of HTML makes a browser turn to: what it loads, hints, refreshes to, pings and posts to.

Room: cookies. Reads text and tells addresses as they are written; whose they are is for others to judge.
Links that a person may follow (``a href``) are no such thing. Scripts are not run, so what they load is not seen.
"""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import NamedTuple

from cactuprivacy.cookies.targets import INERT_RELATIONS

_ADDRESSES = {
    **dict.fromkeys(
        ("audio", "embed", "iframe", "frame", "img", "input", "script", "source", "track"), ("src",)
    ),
    "video": ("src", "poster"),
    "image": ("href", "xlink:href"),
    "use": ("href", "xlink:href"),
    "feimage": ("href", "xlink:href"),
    "object": ("data", "codebase"),
    "applet": ("code", "archive", "codebase"),
    "base": ("href",),
    "form": ("action",),
    "button": ("formaction",),
}
_EVERYWHERE = ("background", "formaction", "manifest")  # body, td, table; input; html
_LISTS = ("srcset", "imagesrcset")
_REFRESH = re.compile(
    r"[\s0-9.]*[;,\s]\s*(?:url\s*=\s*)?(?:([\"'])(.*)|(.*))", re.IGNORECASE | re.DOTALL
)  # HTML, 7.4.6
_CSS = re.compile(r"url\(\s*[\"']?([^\"')]*)|@import\s+[\"']([^\"']*)", re.IGNORECASE)
_BETWEEN = re.compile(r"\s+[0-9.]+[wxh]\s*(?:,|\Z)|,\s+|\s+")  # the addresses of a srcset
_MAX_NESTED = 4  # documents in srcdoc, one in the other


class Target(NamedTuple):
    """An address that a page makes a browser turn to.

    Attributes:
        where: The element and attribute: ``"script src"``.
        address: As it is written.
    """

    where: str
    address: str


def targets(html: str) -> list[Target]:
    """Return every :class:`Target` of a page, in its order."""
    return _targets(html, 0)


def refresh_target(value: str) -> str:
    """Return the address of a ``Refresh``, header or ``meta``; empty when it is the page itself."""
    found = _REFRESH.match(value)
    if found is None:
        return ""
    quote, quoted, bare = found.groups()
    return (quoted.partition(quote)[0] if quote else bare).strip()


def _targets(html: str, depth: int) -> list[Target]:
    finder = _Finder(depth)
    finder.feed(html)
    finder.close()
    return finder.found


class _Finder(HTMLParser):
    def __init__(self, depth: int) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[Target] = []
        self._depth = depth
        self._in_style = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._in_style = tag == "style"
        said: dict[str, str] = {}
        for name, value in attrs:
            said.setdefault(name, value or "")  # browsers keep the first
        if tag == "link":
            relations = said.get("rel", "").lower().split()
            if not INERT_RELATIONS.issuperset(relations):
                self._add("link href", said.get("href", ""))
        elif tag == "meta" and said.get("http-equiv", "").lower() == "refresh":
            self._add("meta refresh", refresh_target(said.get("content", "")))
        for name in {**dict.fromkeys(_ADDRESSES.get(tag, ())), **dict.fromkeys(_EVERYWHERE)}:
            self._add(f"{tag} {name}", said.get(name, ""))
        for name in _LISTS:
            for candidate in _BETWEEN.split(said.get(name, "")):
                self._add(f"{tag} {name}", candidate.strip(", "))
        for address in said.get("ping", "").split():
            self._add(f"{tag} ping", address)
        self._style(f"{tag} style", said.get("style", ""))
        if tag == "iframe" and "srcdoc" in said and self._depth < _MAX_NESTED:
            self.found += _targets(said["srcdoc"], self._depth + 1)

    def handle_endtag(self, tag: str) -> None:
        self._in_style = False

    def handle_data(self, data: str) -> None:
        if self._in_style:
            self._style("style", data)

    def _style(self, where: str, css: str) -> None:
        for found in _CSS.finditer(css):
            self._add(where, found[1] or found[2] or "")

    def _add(self, where: str, address: str) -> None:
        if address.strip():
            self.found.append(Target(where, address))
