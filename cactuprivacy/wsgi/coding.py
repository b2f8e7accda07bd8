"""Coding: a filter for a body that the app has compressed: taken apart, filtered, and compressed again.

Room: wsgi. Knows gzip (RFC 1952), which is what every client takes, and nothing of what is in it.
"""

from __future__ import annotations

import re
import zlib
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cactuprivacy.wsgi.body import BodyFilter
    from cactuprivacy.wsgi.exchange import Exchange

_GZIP = zlib.MAX_WBITS | 16
_PIECE = 65536  # bytes that are unpacked at a time, whatever they were packed into
_ACCEPTS = re.compile(r"(?:^|,)\s*(?:x-)?gzip\s*(?:,|$|;\s*q=(?:1|0?\.0*[1-9]))", re.IGNORECASE)


class Gunzipped:
    """A body filter that lets *inner* see what is in a gzip body, and sends it as gzip.

    What is no gzip ends the body: nobody knows what a client would make of it.

    Parameters:
        inner: What the plain bytes go through.
    """

    def __init__(self, inner: BodyFilter) -> None:
        self._inner = inner
        self._unpack = zlib.decompressobj(_GZIP)
        self._pack = zlib.compressobj(wbits=_GZIP)
        self._broken = False

    def feed(self, chunk: bytes) -> bytes:
        """Return *chunk*, filtered, in a form that a client can unpack at once."""
        packed = [self._pack.compress(self._inner.feed(piece)) for piece in self._pieces(chunk)]
        # without a flush a streamed page would wait in the packer
        return b"".join([*packed, self._pack.flush(zlib.Z_SYNC_FLUSH)]) if packed else b""

    def end(self) -> bytes:
        """Return the end of the filtered body."""
        return self._pack.compress(self._inner.end()) + self._pack.flush()

    def _pieces(self, chunk: bytes) -> Iterator[bytes]:
        piece = b""
        while not self._broken and (chunk or len(piece) == _PIECE):
            if self._unpack.eof:  # the next member
                self._unpack = zlib.decompressobj(_GZIP)
            try:
                piece = self._unpack.decompress(chunk, _PIECE)
            except zlib.error:
                self._broken = True
                return
            chunk = self._unpack.unconsumed_tail or self._unpack.unused_data
            yield piece


def coding_of(exchange: Exchange) -> str:
    """Return the response's content coding, in lower case; empty where it has none (RFC 9110, 8.4)."""
    said = [value.strip().lower() for name, value in exchange.headers if name.lower() == "content-encoding"]
    return ", ".join(coding for coding in said if coding not in ("", "identity"))


def forget_length(exchange: Exchange) -> None:
    """Mark that the response's bytes will be others than the app's: no length, and an ETag that says so (8.8.1)."""
    kept = []
    for name, value in exchange.headers:
        folded = name.lower()
        if folded == "etag" and value.startswith('"'):
            kept.append((name, f"W/{value}"))
        elif folded not in ("content-length", "accept-ranges"):
            kept.append((name, value))
    exchange.headers = kept


@lru_cache(maxsize=256)  # browsers say the same few things
def only_gzip(accept_encoding: str) -> str:
    """Return what *accept_encoding* says of gzip alone: that it is accepted, or that nothing is."""
    return "gzip" if _ACCEPTS.search(accept_encoding) else "identity"
