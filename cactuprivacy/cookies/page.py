"""Page: what leads from a document to strangers past any Content-Security-Policy, made inert (H1 to H10).

Room: cookies. Takes a page's bytes and returns as many, with a letter changed where something is refused: an
attribute that leads away loses its first one (``href`` becomes ``xref``), so that nobody acts on it while
``Content-Length``, offsets and ranges stay true; the address of a form or a window begins with a point instead, and
leads to a page of ours that is not there. :mod:`~cactuprivacy.cookies.tags` judges;
:mod:`~cactuprivacy.cookies.guard` puts the filter on the way of documents.

Tags are looked for wherever they stand, in comments and scripts as well, since what is one depends on all that
came before. What waits for its end is never more than ``MAX_HELD`` bytes. What scripts do is not seen.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

from cactuprivacy.cookies.tags import FORMS, FRAMES, WHOLE, Finding, Tags
from cactuprivacy.cookies.verdict import Verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Literal

    Kind = Literal["html", "xml", "parts"]
    Links = Literal["none", "cut", "all"]

MAX_HELD = 32768  # bytes; a longer tag is cut off from what it leads to
_MAX_NESTED = 4  # documents in attributes of documents

_BLANK = rb"\t\n\f\r "
_PING = re.compile(rb"ping[%b]*=" % _BLANK)
_OPEN = rb"open[%b]*\(" % _BLANK
_CALL = re.compile(_OPEN)

# What a document type can declare that puts markup, or attributes, where none is written (XML 1.0, 3.3 and 4.2)
_DECLARED = b"(?<=<!)(?:entity|attlist)"

# How bytes may end in the midst of the name of what is looked for
_CUT = re.compile(rb"(?:<!?[a-z0-9:._-]{0,40}|o|op|ope|open[%b]{0,20})\Z" % _BLANK)
_CUT_PARTS = re.compile(_CUT.pattern + rb"|(?:s|se|set|set-(?:c|co|coo|cook|cooki)?)\Z")
_ENDS = (b">", b"\n", b"")  # of a chunk that ends in no such place, as most do
_OPENS_QUOTE = re.compile(rb"=[%b]*\Z" % _BLANK)

# Bytes by which tags hide: UTF-16 has a NUL in each of their letters, and browsers take the escapes of
# ISO-2022-JP (RFC 1468) out from between them. In any other encoding neither is of use.
_BARE = bytes.maketrans(b"\x00\x1b", b"  ")


class PageFilter:
    """Makes inert, as the bytes of one page pass, what leads from it to strangers.

    Parameters:
        strange: Tells whether a URL leads to a stranger who was not let in for a purpose.
        record: Told what is refused, chunk by chunk; may raise, to refuse the page as a whole.
        kind: ``"xml"``, in which names may have prefixes, and entities hold markup; or ``"parts"`` of a multipart
            answer, pages and images, each with headers of its own: Firefox heeds a ``Set-Cookie`` there.
    """

    def __init__(
        self,
        strange: Callable[[str, str], bool],
        record: Callable[[Sequence[Verdict]], None],
        *,
        kind: Kind = "html",
        nested: int = 0,
    ) -> None:
        self._strange = strange
        self._record = record
        self._kind = kind
        self._nested = nested
        self._held = b""

    def feed(self, chunk: bytes) -> bytes:
        """Return what may go on, now that *chunk* has come: everything but the beginning of a tag at its end."""
        held, self._held = self._held, b""
        if held[:1] == b"<" and b">" not in chunk and len(held) + len(chunk) <= MAX_HELD:
            self._held = held + chunk  # nothing can have ended
            return b""
        return self._sifted(held + chunk, last=False)

    def end(self) -> bytes:
        """Return what was held back: nothing more will come."""
        held, self._held = self._held, b""
        return self._sifted(held, last=True) if held else b""

    def _sifted(self, data: bytes, *, last: bool) -> bytes:
        findings: list[Finding] = []
        if self._kind != "parts" and (b"\0" in data or b"\x1b" in data):
            findings.append(Finding(0, b"", "H9", "charset"))
            data = data.translate(_BARE)
        low = data.lower()
        end = self._read(data, low, findings, last=last)
        if (
            not last
            and end == len(data)
            and low[-1:] not in _ENDS
            and (cut := (_CUT_PARTS if self._kind == "parts" else _CUT).search(low, max(0, end - 64)))
        ):
            end = cut.start()
        if end < len(data):
            self._held = data[end:]
        if not findings:
            return data[:end]
        self._record([Verdict("out", found.name, found.rule) for found in findings])
        page = bytearray(data[:end])
        for found in findings:
            page[found.at : found.at + len(found.letter)] = found.letter
        return bytes(page)

    def _read(self, data: bytes, low: bytes, findings: list[Finding], *, last: bool) -> int:
        """Find what is refused, and return how far that is certain."""
        links: Links = "all" if _PING.search(low) else "cut" if not last and _is_cut_off(low) else "none"
        openers = _openers(links, _CALL.search(low) is not None, self._kind)
        tags = None
        for opener in openers.finditer(low):
            tags = tags or Tags(self._strange, self._strange_document)
            if opener["hidden"]:
                hiding = opener["hidden"].decode()
                rule = "O1" if hiding == "set-cookie" else "H9"
                findings.append(Finding(opener.start("hidden"), b"x", rule, hiding))
                continue
            tag = opener["tag"] or b"open"
            refused = tags.judge(data, low, tag, opener.end())
            if refused is not None:
                findings += refused
            elif not last and len(data) - opener.start() <= MAX_HELD:
                return opener.start()
            elif not last:
                findings.append(Finding(opener.start("tag"), b"x", "H10", tag.decode()))
            # A tag that never ends is none.
        return len(data)

    def _strange_document(self, document: bytes) -> bool:
        if self._nested == _MAX_NESTED:
            return True
        found: list[Verdict] = []
        within = PageFilter(self._strange, found.extend, kind="xml", nested=self._nested + 1)
        within.feed(document)
        within.end()
        return bool(found)


def _is_cut_off(low: bytes) -> bool:
    """Tell whether a tag may go on past the end, or a value in quotes; a clean page's end is seen at a glance."""
    closed = low.rfind(b">")
    if low.find(b"<", closed + 1) >= 0:
        return True
    for quote in (b'"', b"'"):
        at = low.rfind(quote)
        # after the last ">", which may then stand in quotes; or opened and not closed
        if at > closed or (at > 0 and _OPENS_QUOTE.search(low, max(0, at - 32), at)):
            return True
    return False


@cache
def _openers(links: Links, calls: bool, kind: Kind) -> re.Pattern[bytes]:
    prefix = rb"(?:[a-z0-9._-]{1,40}:)?" if kind == "xml" else b""
    tags = "|".join(["link", "meta", "script", *FRAMES, *FORMS]).encode()
    if links == "all":
        tags += b"|a(?:rea)?"
    elif links == "cut":  # of links only a ping matters, and it may be yet to come
        tags += rb"|a(?:rea)?(?!%b)" % WHOLE
    pattern = rb"<%b(?P<tag>%b)(?=[%b/>])" % (prefix, tags, _BLANK)
    pattern += b"|(?P<hidden>%b)" % {"html": b"(?!)", "xml": _DECLARED, "parts": b"set-cookie"}[kind]
    return re.compile(pattern + (b"|" + _OPEN if calls else b""))
