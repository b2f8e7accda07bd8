"""Tags: which tags, and calls of ``open()``, lead from a page to a stranger past its policy, by rules H1 to H8.

Room: cookies. Pure: looks at bytes where :mod:`~cactuprivacy.cookies.page` has found the beginning of a tag, and
says which letter makes it inert. Within a tag, bytes are read as HTML 13.2.5 has it, and values as references
write them. What a Content-Security-Policy keeps browsers from (images, scripts, styles) is not looked at.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from html import unescape
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import unquote_to_bytes

from cactuprivacy.cookies.markup import refresh_target
from cactuprivacy.cookies.targets import as_parsed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

HINTS = frozenset({"preconnect", "dns-prefetch", "prefetch", "prerender"})
FRAMES = {"iframe": "src", "frame": "src", "fencedframe": "src", "embed": "src", "object": "data"}
FORMS = {"form": "action", "button": "formaction", "input": "formaction"}

#: The rest of a tag that ends there however it is read: every quote follows an "=", and none holds a bracket.
WHOLE = rb"""[^"'<>=]*(?:=(?:"[^"<>]*"|(?=[^"'<>\t\n\f\r ]))[^"'<>=]*)*>"""
_WHOLE = re.compile(WHOLE)

# Such a tag is of no account without one of these. Names of attributes have one spelling, but for the case; the
# letters of a value may be written as references.
_FORMACTION, _PING = re.compile(b"formaction").search, re.compile(b"ping").search
_TELLS = {
    b"link": re.compile(b"pre|&").search,
    b"meta": re.compile(b"http-equiv").search,
    b"script": re.compile(b"speculation|&").search,
    b"form": re.compile(b"action").search,
    b"button": _FORMACTION,
    b"input": _FORMACTION,
    b"a": _PING,
    b"area": _PING,
}

_MAX_LITERAL = 512  # bytes of the first argument of open()

_ATTRIBUTE = re.compile(  # HTML 13.2.5.32 to 13.2.5.39; what is cut off matches up to the end
    rb"[\t\n\f\r /]*(?:(?P<end>>)|(?P<name>[^\t\n\f\r />][^\t\n\f\r />=]*)"
    rb"(?:[\t\n\f\r ]*=[\t\n\f\r ]*"
    rb"(?:\"([^\"]*)(?:\"|\Z)|'([^']*)(?:'|\Z)|(?=>)|([^\t\n\f\r >\"'][^\t\n\f\r >]*)|\Z))?)"
)
_LITERAL = re.compile(  # in a script, or with its quotes as references in an attribute
    rb"[\t\n\f\r ]*(?:(?P<cut>\Z)|(?:[\"'`]|&(?:quot|apos|#0*(?:34|39|96)|#x0*(?:22|27|60));?)[\t\n\f\r ]*"
    rb"(?P<url>[^\"'`\t\n\f\r <>()]*))"
)
_LONGEST_QUOTE = 12  # bytes, as a reference
_ABROAD = re.compile(r"(?:https?:)?[/\\]{2}", re.IGNORECASE)
_ESCAPED = re.compile(r"\\(?:x([0-9a-f]{2})|u00([0-9a-f]{2})|(.))", re.IGNORECASE | re.DOTALL)
_SCRIPT_ENDS = re.compile(rb"</script[\t\n\f\r />]")


class Attribute(NamedTuple):
    """An attribute of a tag: where its name and its value begin in the page's bytes, and the value in plain."""

    at: int
    value_at: int
    value: str


class Finding(NamedTuple):
    """What is refused in a page: the letter that makes it inert, and where; the rule, and what it is called."""

    at: int
    letter: bytes
    rule: str
    name: str


class Tags:
    """Judges the tags of a page.

    Parameters:
        strange: Tells whether a URL leads to a stranger who was not let in for a purpose.
        strange_document: Tells whether a document within the page would have something refused.
    """

    def __init__(
        self, strange: Callable[[str, str], bool], strange_document: Callable[[bytes], bool]
    ) -> None:
        self._strange = strange
        self._strange_document = strange_document

    def judge(self, data: bytes, low: bytes, tag: bytes, end: int) -> list[Finding] | None:
        """Return what is refused in the *tag* of that name, or the call of ``open``, that goes on at *end*.

        ``None`` where its own end has not come yet. *low* is *data* in lower case.
        """
        tells = _TELLS.get(tag)
        if tells and (whole := _WHOLE.match(low, end)) and not tells(low, end, whole.end()):
            return []
        if tag == b"open":
            return self._call(data, end)
        element = tag.decode()
        read = _attributes(data, low, end)
        if read is None:
            return None
        said, end = read
        if element == "script":
            return self._script(data, low, said, end)
        return [
            # A form without an action would be sent to its own page, which may send it at once, for ever.
            Finding(said[name].value_at, b".", rule, f"{element} {name}")
            if rule == "H6"
            else Finding(said[name].at, b"x", rule, f"{element} {name}")
            for name, rule in self._refused(element, said)
        ]

    def _refused(self, element: str, said: Mapping[str, Attribute]) -> list[tuple[str, str]]:
        """Return the names of the attributes that are refused, each with its rule."""

        def value(name: str) -> str:
            return said[name].value if name in said else ""

        if element == "link":
            hints = not HINTS.isdisjoint(value("rel").lower().split())
            return [("href", "H1")] if hints and self._strange(value("href"), "load") else []
        if element == "meta":
            does = value("http-equiv").strip().lower()
            if does == "refresh" and self._strange(refresh_target(value("content")), "navigate"):
                return [("content", "H2")]
            return [("content", "H8")] if does == "origin-trial" and "content" in said else []
        if element in FRAMES:
            frame = FRAMES[element]
            refused = [(frame, "H5")] if self._strange_frame(value(frame)) else []
            if element == "iframe" and "srcdoc" in said and self._strange_document(value("srcdoc").encode()):
                refused.append(("srcdoc", "H5"))
            return refused
        if element in FORMS:
            url = value(FORMS[element])
            strange = self._strange(url, "form") and self._strange(url, "navigate")
            return [(FORMS[element], "H6")] if strange else []
        pings = value("ping").split()
        return [("ping", "H4")] if any(self._strange(url, "connect") for url in pings) else []

    def _strange_frame(self, url: str) -> bool:
        if self._strange(url, "frame"):
            return True
        scheme, _, rest = as_parsed(url).partition(":")
        if scheme.lower() == "javascript":  # what it comes to is shown
            return self._strange_document(unquote_to_bytes(rest))
        if scheme.lower() != "data":
            return False
        kind, _, content = rest.partition(",")
        document = unquote_to_bytes(content)
        if kind.rstrip().lower().endswith("base64"):
            try:
                document = base64.b64decode(document)
            except binascii.Error:
                return True
        return self._strange_document(document)

    def _script(
        self, data: bytes, low: bytes, said: Mapping[str, Attribute], start: int
    ) -> list[Finding] | None:
        if "type" not in said or said["type"].value.strip().lower() != "speculationrules":
            return []
        closing = _SCRIPT_ENDS.search(low, start)
        if closing is None:
            return None
        try:
            strange = self._strange_rules(json.loads(data[start : closing.start()]))
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            strange = True  # where it ends depends on comments within it, so nobody can say what it is
        # As another type it is data to browsers; without a type they would run it.
        return [Finding(said["type"].value_at, b"x", "H3", "script speculationrules")] if strange else []

    def _strange_rules(self, rules: dict[str, Any]) -> bool:
        return any(
            any(self._strange(url, "load") for url in rule["urls"])
            if "urls" in rule
            else not self._stays(rule.get("where", {}))
            for kind in rules.values()
            if isinstance(kind, list)
            for rule in kind
        )

    def _stays(self, where: dict[str, Any]) -> bool:
        """Tell whether a condition holds for links to our own pages only."""
        if "and" in where:
            return any(map(self._stays, where["and"]))
        if "or" in where:
            return all(map(self._stays, where["or"]))
        said = where.get("href_matches", ())
        patterns: list[Any] = [said] if isinstance(said, str) else list(said)
        return bool(patterns) and not any(self._strange(pattern, "load") for pattern in patterns)

    def _call(self, data: bytes, start: int) -> list[Finding] | None:
        found = _LITERAL.match(data, start, start + _MAX_LITERAL)
        if found is None:
            cut = len(data[start : start + _MAX_LITERAL].lstrip()) < _LONGEST_QUOTE
            return None if cut else []  # an address that is computed
        if found.end() == len(data):
            return None
        if found["cut"] is not None:
            return []
        url = unescape(_ESCAPED.sub(_plain, found["url"].decode("utf-8", "replace")))
        if _ABROAD.match(url) and self._strange(url, "navigate"):
            return [Finding(found.start("url"), b".", "H7", "open()")]
        return []


def _attributes(data: bytes, low: bytes, position: int) -> tuple[dict[str, Attribute], int] | None:
    """Return a tag's attributes, by name, and where it ends; ``None`` when it is cut off."""
    said: dict[str, Attribute] = {}
    while found := _ATTRIBUTE.match(data, position):
        position = found.end()
        if found["end"]:
            return said, position
        name = low[slice(*found.span("name"))].decode("latin-1")
        if name not in said:  # browsers keep the first
            group = found.lastindex or 0
            value = found[group].decode("utf-8", "replace") if group > 2 else ""
            said[name] = Attribute(
                found.start("name"), found.start(group), unescape(value) if "&" in value else value
            )
    return None


def _plain(escaped: re.Match[str]) -> str:
    code = escaped[1] or escaped[2]
    return chr(int(code, 16)) if code else escaped[3]
