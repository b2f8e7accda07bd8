"""Claim: which affiliates' links were followed, and on which days. All that the cookie holds.

Room: affiliates. May import keys. Two visitors who came by the same links on the same days carry the same bytes,
so nothing in it tells them apart. Whatever is not a claim of ours is no claim; nothing here raises over
what a visitor sent.
"""

from __future__ import annotations

import re
from datetime import date, datetime, timezone
from typing import TYPE_CHECKING, NamedTuple

from itsdangerous import BadSignature

if TYPE_CHECKING:
    from itsdangerous import Signer

    from cactuprivacy.affiliates.declaration import Model
    from cactuprivacy.keys import KeyRing

MAX_TOUCHES = 5  # what a claim holds at most, under the models that share
HANDOVER_DAYS = 400  # how long after the order a claim that was stored with it can be handed back
FORM_DAYS = 1  # how long after its day a claim in a form still counts

CODE = re.compile(r"[A-Za-z0-9_-]{1,64}")

# The signature is 32 bytes in base64url. Its last character has two idle bits, which a decoder ignores; only
# the canonical one is ours, so a claim has one spelling. Length is bounded before any cryptography.
_SIGNATURE = r"\.[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]"
_TOUCHES = r"((?:\.[a-z0-9_-]{1,64}\.[0-9]{8}\.[a-z0-9_-]{0,32}){1,5})"
_COOKIE = re.compile(rf"1{_TOUCHES}{_SIGNATURE}")
_HANDOVER = re.compile(rf"h1\.([0-9]{{8}}){_TOUCHES}{_SIGNATURE}")
_FORM = re.compile(rf"f1\.([a-z0-9_-]{{1,64}})\.([0-9]{{8}}){_SIGNATURE}")


def affiliate_code(text: str) -> str | None:
    """Return *text* as a code in lower case, or ``None`` when no affiliate can have it."""
    return text.lower() if CODE.fullmatch(text) else None


def today() -> date:
    """Return the day it is in UTC, the only clock that claims know."""
    return datetime.now(timezone.utc).date()


class Touch(NamedTuple):
    """That a visitor came by an affiliate's link.

    Attributes:
        code: The affiliate's public code, in lower case.
        day: The day of the click, in UTC.
        campaign: The declared campaign that the link named; empty for none.
    """

    code: str
    day: date
    campaign: str = ""


def with_touch(held: tuple[Touch, ...], touch: Touch, model: Model) -> tuple[Touch, ...]:
    """Return what a claim that holds *held* holds after another click, under *model*.

    A click counts once by affiliate and day. Of more than five the first and the latest four stay. Where all
    share alike their order is that of days and codes: in which order links were followed is nobody's business.
    """
    if model == "first":
        return held[:1] or (touch,)
    if model == "last":
        return (touch,)
    if any((touch.code, touch.day) == (other.code, other.day) for other in held):
        return held
    touches = (*held, touch)
    if model == "linear":
        touches = tuple(sorted(touches, key=lambda each: (each.day, each.code)))
    return touches if len(touches) <= MAX_TOUCHES else (touches[0], *touches[1 - MAX_TOUCHES :])


def credited(held: tuple[Touch, ...], model: Model) -> tuple[Touch, ...]:
    """Return those of *held* whom a sale is credited to; the site may have changed its model since."""
    if model == "first":
        return held[:1]
    return held[-1:] if model == "last" else held


class ClaimSigner:
    """Writes and reads claims: as the cookie's value, as the text that a host keeps with an order, and in a form.

    Parameters:
        keys: The site's key ring. The newest key signs; all verify.
        window_days: How many days after its day a touch in a cookie still counts.
    """

    def __init__(self, keys: KeyRing, window_days: int) -> None:
        # A key each, so that none of the three passes for another.
        self._cookie = keys.signer("affiliate claim")
        self._handover = keys.signer("affiliate claim handed over")
        self._form = keys.signer("affiliate claim in a form")
        self._window_days = window_days

    def sign(self, *touches: Touch) -> str:
        """Return the cookie's value for *touches*, one to five."""
        return self._cookie.sign("1" + _written(touches)).decode()

    def read(self, value: object) -> tuple[Touch, ...]:
        """Return the touches in a cookie's value that are within the window, none of them a reason to raise.

        None for whatever is not ours, under a key that is gone, or of a day that has not come.
        """
        match = _verified(self._cookie, _COOKIE, value)
        day = today()
        touches = _touches(match[1]) if match else ()
        if any(touch.day > day for touch in touches):
            return ()
        return tuple(touch for touch in touches if (day - touch.day).days <= self._window_days)

    def hand_over(self, *touches: Touch) -> str:
        """Return *touches* as text to keep with an order made today: codes, campaigns, days, and no more."""
        return self._handover.sign(f"h1.{today():%Y%m%d}{_written(touches)}").decode()

    def take_back(self, text: object) -> tuple[Touch, ...]:
        """Return the touches in a text that was handed over at most 400 days ago, else none.

        The window was judged when it was handed over: a payment may come long after the order.
        """
        match = _verified(self._handover, _HANDOVER, text)
        ordered = match and _day(match[1])
        # One day ahead is another server's clock around midnight.
        if not match or not ordered or not -1 <= (today() - ordered).days <= HANDOVER_DAYS:
            return ()
        return _touches(match[2])

    def put_in_form(self, touch: Touch) -> str:
        """Return *touch* as a form's value: a code and a day."""
        return self._form.sign(f"f1.{touch.code}.{touch.day:%Y%m%d}").decode()

    def take_from_form(self, value: object) -> tuple[Touch, ...]:
        """Return the touch in a form's value of today or yesterday, else none."""
        match = _verified(self._form, _FORM, value)
        day = match and _day(match[2])
        if not match or not day or not 0 <= (today() - day).days <= FORM_DAYS:
            return ()
        return (Touch(match[1], day),)


def _written(touches: tuple[Touch, ...]) -> str:
    return "".join(f".{touch.code}.{touch.day:%Y%m%d}.{touch.campaign}" for touch in touches)


def _touches(text: str) -> tuple[Touch, ...]:
    fields = text[1:].split(".")
    days = [_day(digits) for digits in fields[1::3]]
    read = zip(fields[::3], days, fields[2::3], strict=True)
    touches = tuple(Touch(code, day, campaign) for code, day, campaign in read if day)
    return touches if len(touches) == len(days) else ()


def _verified(signer: Signer, shape: re.Pattern[str], value: object) -> re.Match[str] | None:
    match = shape.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        return None
    try:
        signer.unsign(match[0])
    except BadSignature:
        return None
    return match


def _day(digits: str) -> date | None:
    try:
        return date(int(digits[:4]), int(digits[4:6]), int(digits[6:]))
    except ValueError:
        return None
