"""Cookie headers, read exactly as browsers read them: ``Set-Cookie``, ``Cookie`` and cookie dates.

Room: cookies. Imports nothing of ours and decides nothing; touch it only with the draft in hand: section
numbers are draft-ietf-httpbis-rfc6265bis. Every function takes any text (latin-1, as WSGI has it) or bytes,
never raises on what it holds, and is linear in its length.
"""

from __future__ import annotations

import re
from datetime import datetime, timezone
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

MAX_PAIR = 4096  # octets of name and value together (5.6, step 5)
MAX_ATTRIBUTE = 1024  # octets of an attribute's value (5.6, step 6.5)

WHITE = " \t"  # the only characters that are trimmed; str.strip() would trim a dozen more

_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")

# 5.1.1. Written out: \d would take in digits of other scripts.
_DELIMITER = re.compile(r"[\x09\x20-\x2f\x3b-\x40\x5b-\x60\x7b-\x7e]+")
_TIME = re.compile(r"([0-9]{1,2}):([0-9]{1,2}):([0-9]{1,2})(?![0-9])")
_DAY = re.compile(r"([0-9]{1,2})(?![0-9])")
_YEAR = re.compile(r"([0-9]{2,4})(?![0-9])")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MAX_AGE = re.compile(r"-?[0-9]+")

_FOREVER = 10**12  # seconds; beyond any cap, and short enough for any arithmetic


class SetCookie(NamedTuple):
    """One ``Set-Cookie`` line, taken apart (5.6).

    Attributes:
        name: What stands before the first ``=``; empty when there is none.
        value: What stands after it, up to the first ``;``, which no quote protects.
        attributes: Each attribute's name, in lower case, and value, in the order of the line; also those
            that browsers ignore for their length.
        controls: Whether the line holds a control character, for which browsers ignore it whole.
    """

    name: str
    value: str
    attributes: tuple[tuple[str, str], ...]
    controls: bool

    @property
    def too_long(self) -> bool:
        """Whether name and value are longer than browsers keep."""
        return len(self.name) + len(self.value) > MAX_PAIR

    @property
    def ignored(self) -> bool:
        """Whether browsers ignore the line before they look at any attribute."""
        return self.controls or self.too_long or not (self.name or self.value)

    def effective(self) -> dict[str, str]:
        """Return the attributes that count: the last of each name, without those that are too long."""
        return {name: value for name, value in self.attributes if len(value) <= MAX_ATTRIBUTE}


class Lifetime(NamedTuple):
    """How long a line lets its cookie live.

    Attributes:
        seconds: Zero and less is not at all; ``None`` is until the browser closes.
        valid: Whether what the line says about it can be read.
    """

    seconds: int | None
    valid: bool = True

    @property
    def deletes(self) -> bool:
        """Whether the line makes browsers forget the cookie."""
        return self.seconds is not None and self.seconds <= 0


def parse_set_cookie(line: str | bytes) -> SetCookie:
    """Take a ``Set-Cookie`` value apart (5.6). One line is one cookie: nothing is split on a comma."""
    text = _text(line)
    pair, *parts = text.split(";")
    name, equals, value = pair.partition("=")
    if not equals:
        name, value = "", pair
    attributes = []
    for part in parts:
        key, _, content = part.partition("=")
        attributes.append((key.strip(WHITE).lower(), content.strip(WHITE)))
    return SetCookie(
        name.strip(WHITE), value.strip(WHITE), tuple(attributes), _CONTROL.search(text) is not None
    )


def parse_cookie(header: str | bytes) -> Iterator[tuple[str, str]]:
    """Yield the name and the value of each pair of a ``Cookie`` header; a nameless pair has an empty name."""
    for pair in _text(header).split(";"):
        name, equals, value = pair.partition("=")
        if not equals:
            name, value = "", pair
        yield name.strip(WHITE), value.strip(WHITE)


def parse_max_age(value: str | bytes) -> int | None:
    """Return the seconds of a ``Max-Age`` (5.6.2), or ``None`` where browsers ignore it."""
    text = _text(value)
    if _MAX_AGE.fullmatch(text) is None:
        return None
    digits = text.lstrip("-").lstrip("0")
    seconds = int(digits or "0") if len(digits) <= 12 else _FOREVER
    return -seconds if text.startswith("-") else min(seconds, _FOREVER)


def parse_date(value: str | bytes) -> int | None:
    """Return the moment of a cookie date, in seconds since 1970 UTC (5.1.1), or ``None`` where it is none.

    The algorithm, and not HTTP's grammar of dates: any order, any delimiter, years of two digits.
    """
    time = day = month = year = None
    for token in _DELIMITER.split(_text(value)):
        if time is None and (found := _TIME.match(token)):
            time = (int(found[1]), int(found[2]), int(found[3]))
        elif day is None and (found := _DAY.match(token)):
            day = int(found[1])
        elif month is None and token[:3].lower() in _MONTHS:
            month = _MONTHS.index(token[:3].lower()) + 1
        elif year is None and (found := _YEAR.match(token)):
            year = int(found[1])
    if time is None or day is None or month is None or year is None:
        return None
    if year <= 99:
        year += 1900 if year >= 70 else 2000
    if year < 1601:
        return None
    try:  # which refuses hour 24, minute 60, and the days that a month does not have
        return int(datetime(year, month, day, *time, tzinfo=timezone.utc).timestamp())
    except ValueError:
        return None


def lifetime_of(attributes: Mapping[str, str], now: int) -> Lifetime:
    """Return how long a cookie of these attributes lives from *now*, in seconds since 1970 (5.7, step 6)."""
    if "max-age" in attributes:  # it beats Expires
        seconds = parse_max_age(attributes["max-age"])
        return Lifetime(seconds, valid=seconds is not None)
    if "expires" in attributes:
        moment = parse_date(attributes["expires"])
        return Lifetime(None if moment is None else moment - now, valid=moment is not None)
    return Lifetime(None)


def _text(line: str | bytes) -> str:
    return line.decode("latin-1") if isinstance(line, bytes) else line
