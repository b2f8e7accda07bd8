"""The visitor's choices: what they allowed and objected to, and the receipt cookie that remembers it.

Room: consent, below every clause. A clause asks ``Consent.answer`` and never reads the cookie itself.
The cookie holds choices, a day and the policy's hash; there is nothing in it that tells two visitors apart
who chose alike on the same day.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Literal

from cactuprivacy.cookie import Cookie
from cactuprivacy.site import Site
from cactuprivacy.wsgi.fetch import fetch_context

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from _typeshed.wsgi import WSGIEnvironment

Purpose = Literal["affiliates", "statistics"]
PURPOSES: tuple[Purpose, ...] = ("affiliates", "statistics")

RECEIPT_DAYS = 180  # the ICO's "about six months", after which one asks again
_KEY = "cactuprivacy.choices"
_RECEIPT = re.compile(r"1\.([yn-])([yn-])([gn])\.(\d{8})\.([0-9a-f]{8})", re.ASCII)
_LETTERS = {True: "y", False: "n", None: "-"}
_ANSWERS = {letter: answer for answer, letter in _LETTERS.items()}


@dataclass(frozen=True, slots=True)
class Choices:
    """What a visitor chose, and when.

    Attributes:
        affiliates: Whether an affiliate may be credited by a cookie; ``None`` while undecided.
        statistics: ``False`` after an objection to being counted in detail; ``None`` while undecided.
        despite_gpc: Whether it was said while ``Sec-GPC: 1`` was sent, and so holds against it.
        day: The day of the choice, in UTC.
        policy: The first eight hex digits of the policy's hash that was in force.
    """

    affiliates: bool | None = None
    statistics: bool | None = None
    despite_gpc: bool = False
    day: date = date.min
    policy: str = "0" * 8

    def receipt(self) -> str:
        """Return the receipt cookie's value."""
        bits = _LETTERS[self.affiliates] + _LETTERS[self.statistics] + ("g" if self.despite_gpc else "n")
        return f"1.{bits}.{self.day:%Y%m%d}.{self.policy}"

    @classmethod
    def from_receipt(cls, value: str | None, today: date) -> Choices:
        """Return the choices of a receipt; undecided for none, a broken, a future and a lapsed one."""
        match = _RECEIPT.fullmatch(value or "")
        if match is None:
            return cls()
        affiliates, statistics, gpc, day_text, policy = match.groups()
        try:
            day = datetime.strptime(day_text, "%Y%m%d").replace(tzinfo=timezone.utc).date()
        except ValueError:
            return cls()
        if not today - timedelta(days=RECEIPT_DAYS) <= day <= today + timedelta(days=1):
            return cls()
        return cls(_ANSWERS[affiliates], _ANSWERS[statistics], gpc == "g", day, policy)


def receipt_cookie(site: Site) -> Cookie:
    """Return the declaration of the receipt cookie on *site*."""
    return Cookie(
        "__Host-privacy-choices" if site.secure else "privacy-choices",
        purpose="remembers what you chose about cookies and statistics; it holds no identifier",
        max_age=RECEIPT_DAYS * 24 * 3600,
    )


class Consent:
    """Answers whether a visitor allows a purpose.

    Parameters:
        site: The site, for how its cookies are written.
        policy_hash: Returns the hash of the policy in force (hex), which the receipt cites.
    """

    def __init__(self, site: Site | str, policy_hash: Callable[[], str] = lambda: "0" * 64) -> None:
        self.site = Site.of(site)
        self.cookie = receipt_cookie(self.site)
        self._policy_hash = policy_hash

    def choices(self, environ: WSGIEnvironment) -> Choices:
        """Return what the visitor chose, computed once a request."""
        choices = environ.get(_KEY)
        if not isinstance(choices, Choices):
            receipt = self.cookie.read(environ.get("HTTP_COOKIE", ""))
            choices = environ[_KEY] = Choices.from_receipt(receipt, datetime.now(timezone.utc).date())
        return choices

    def answer(self, environ: WSGIEnvironment, purpose: Purpose) -> bool | None:
        """Return yes, no, or ``None`` for undecided. ``Sec-GPC: 1`` is a no, but for a later explicit yes."""
        choices = self.choices(environ)
        answer: bool | None = getattr(choices, purpose)
        if fetch_context(environ).gpc and not (answer and choices.despite_gpc):
            return False
        return answer

    def decide(self, environ: WSGIEnvironment, answers: Mapping[Purpose, bool]) -> Choices:
        """Take the visitor's *answers*: they hold from here on in this very request. Returns what to remember."""
        before = self.choices(environ)
        choices = environ[_KEY] = Choices(
            affiliates=answers.get("affiliates", before.affiliates),
            statistics=answers.get("statistics", before.statistics),
            despite_gpc=fetch_context(environ).gpc,
            day=datetime.now(timezone.utc).date(),
            policy=self._policy_hash()[:8],
        )
        return choices
