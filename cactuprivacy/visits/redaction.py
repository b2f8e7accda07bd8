"""Redaction: what looks like a person or a key is taken out of a path before it is recorded.

Room: visits. A second net: the first is the matched route, which holds no values at all. Each segment of a
path is looked at once, so the time is linear in its length.
"""

from __future__ import annotations

import re

MAX_PATH = 1024  # characters
_UUID = re.compile(r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}")
_NUMBER = re.compile(r"\d(?:[ -]?\d){12,}", re.ASCII)  # a card, a telephone or an account
_PIECE = re.compile(r"[^A-Za-z0-9]+")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")

LONG_PIECE = 16  # letters and digits mixed without a break: no word, no name of a product
LONG_SEGMENT = 32


def redact_path(path: str) -> str:
    """Return *path* with e-mail addresses, tokens and long numbers replaced, and no control character.

    ``/p/golden-barrel-cactus`` stays; ``/reset/4f1c0e9a7d5b4a2f``, ``/u/ada@example.org`` and
    ``/card/4111 1111 1111 1111`` become ``/reset/<token>``, ``/u/<email>`` and ``/card/<number>``.
    """
    return "/".join(map(_redact_segment, _CONTROL.sub("\ufffd", path[:MAX_PATH]).split("/")))


def _redact_segment(segment: str) -> str:
    if len(segment) < 3:
        return segment
    if "@" in segment or "%40" in segment:
        return "<email>"
    if len(segment) >= LONG_PIECE and _looks_like_token(segment):
        return "<token>"
    return _NUMBER.sub("<number>", segment)


def _looks_like_token(segment: str) -> bool:
    if segment.startswith("eyJ") or _UUID.search(segment):  # a JWT begins with {" in base64
        return True
    if any(len(piece) >= LONG_PIECE and _mixed(piece) for piece in _PIECE.split(segment)):
        return True
    return len(segment) >= LONG_SEGMENT and _mixed(segment) and segment.lower() != segment != segment.upper()


def _mixed(text: str) -> bool:
    return any(c.isdigit() for c in text) and any(c.isalpha() for c in text)
