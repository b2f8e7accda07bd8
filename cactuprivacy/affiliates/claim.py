"""Claim: which affiliate's link was followed, and on which day. All that the cookie holds.

Room: affiliates. May import keys. Two visitors who came by the same link on the same day carry the same bytes,
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

    from cactuprivacy.keys import KeyRing

HANDOVER_DAYS = 400  # how long after the order a claim that was stored with it can be handed back

CODE = re.compile(r"[A-Za-z0-9_-]{1,64}")

# The signature is 32 bytes in base64url. Its last character has two idle bits, which a decoder ignores; only
# the canonical one is ours, so a claim has one spelling. Length is bounded before any cryptography.
_SIGNATURE = r"[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]"
_COOKIE = re.compile(rf"1\.([a-z0-9_-]{{1,64}})\.([0-9]{{8}})\.{_SIGNATURE}")
_HANDOVER = re.compile(rf"h1\.([a-z0-9_-]{{1,64}})\.([0-9]{{8}})\.([0-9]{{8}})\.{_SIGNATURE}")


def affiliate_code(text: str) -> str | None:
    """Return *text* as a code in lower case, or ``None`` when no affiliate can have it."""
    return text.lower() if CODE.fullmatch(text) else None


def today() -> date:
    """Return the day it is in UTC, the only clock that claims know."""
    return datetime.now(timezone.utc).date()


class Claim(NamedTuple):
    """That a visitor came by an affiliate's link.

    Attributes:
        code: The affiliate's public code, in lower case.
        day: The day of the click, in UTC.
    """

    code: str
    day: date


class ClaimSigner:
    """Writes and reads claims: as the cookie's value, and as the text that a host keeps with an order.

    Parameters:
        keys: The site's key ring. The newest key signs; all verify.
        window_days: How many days after its day a cookie's claim still counts.
    """

    def __init__(self, keys: KeyRing, window_days: int) -> None:
        self._cookie = keys.signer("affiliate claim")
        self._handover = keys.signer("affiliate claim handed over")  # so that neither passes for the other
        self._window_days = window_days

    def sign(self, claim: Claim) -> str:
        """Return the cookie's value for *claim*."""
        return self._cookie.sign(f"1.{claim.code}.{claim.day:%Y%m%d}").decode()

    def read(self, value: object) -> Claim | None:
        """Return the claim in a cookie's value.

        ``None`` for whatever is not ours, under a key that is gone, older than the window, or of a day that
        has not come.
        """
        match = _verified(self._cookie, _COOKIE, value)
        clicked = match and _day(match[2])
        if not match or not clicked or not 0 <= (today() - clicked).days <= self._window_days:
            return None
        return Claim(match[1], clicked)

    def hand_over(self, claim: Claim) -> str:
        """Return *claim* as text to keep with an order made today: a code, two days, and no more."""
        return self._handover.sign(f"h1.{claim.code}.{claim.day:%Y%m%d}.{today():%Y%m%d}").decode()

    def take_back(self, text: object) -> Claim | None:
        """Return the claim in a text that was handed over at most 400 days ago, else ``None``.

        The window was judged when it was handed over: a payment may come long after the order.
        """
        match = _verified(self._handover, _HANDOVER, text)
        clicked, ordered = match and _day(match[2]), match and _day(match[3])
        # One day ahead is another server's clock around midnight.
        if not match or not clicked or not ordered or not -1 <= (today() - ordered).days <= HANDOVER_DAYS:
            return None
        return Claim(match[1], clicked)


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
