"""Reason: why an order was credited to whom, as it is kept with the order; it holds nothing of the visitor.

Room: affiliates. May import ``terms`` and ``shares``. From a reason, the order's amount and the snapshots of the terms
every share can be computed again: reconciling does nothing else.
"""

from __future__ import annotations

import json
from datetime import date
from typing import TYPE_CHECKING, Any, NamedTuple

from cactuprivacy.affiliates.shares import split
from cactuprivacy.affiliates.terms import earned

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


class Touched(NamedTuple):
    """An affiliate that led to a sale, and what that weighs.

    Attributes:
        affiliate_id: The affiliate's row.
        terms_id: The terms it is credited by.
        code: Its public code.
        day: The day of the click, ``None`` for a coupon.
        weight: Its part of the sum of all weights; 0 when the model passes it over.
    """

    affiliate_id: int
    terms_id: int
    code: str
    day: date | None
    weight: int


class Dropped(NamedTuple):
    """An affiliate that led to a sale and is not credited, and why: its state, ``unknown`` or ``self-referral``."""

    code: str
    why: str


class Reason(NamedTuple):
    """Why an order is credited to whom.

    Attributes:
        rule: ``claim``, ``coupon`` or, for a later order of the same customer, ``first order``.
        model: The model of the programme at the sale.
        touches: Who led to the sale, oldest first.
        dropped: Who did as well but cannot be credited.
    """

    rule: str
    model: str
    touches: tuple[Touched, ...]
    dropped: tuple[Dropped, ...] = ()

    def text(self) -> str:
        """Return it as it is kept."""
        touches = [[*touch[:3], touch.day and touch.day.isoformat(), touch.weight] for touch in self.touches]
        return json.dumps([self.rule, self.model, touches, self.dropped], separators=(",", ":"))

    @classmethod
    def from_text(cls, text: str) -> Reason:
        """Return the reason that was kept as *text*."""
        rule, model, touches, dropped = json.loads(text)
        return cls(
            rule,
            model,
            tuple(
                Touched(affiliate, terms, code, date.fromisoformat(day) if day else None, weight)
                for affiliate, terms, code, day, weight in touches
            ),
            tuple(Dropped(*each) for each in dropped),
        )

    def weights(self) -> dict[int, int]:
        """Return what each credited affiliate weighs, however often it led there."""
        found: dict[int, int] = {}
        for touch in self.touches:
            if touch.weight:
                found[touch.affiliate_id] = found.get(touch.affiliate_id, 0) + touch.weight
        return found

    def divide(
        self, base_minor: int, currency: str, lines: Mapping[str, int], body: Callable[[int], str]
    ) -> dict[int, int]:
        """Return what each credited affiliate earns, in minor units.

        Each gets its share of the commission under its own terms; where all have the same, the shares sum to it.

        Parameters:
            base_minor: The order's amount.
            currency: Its currency.
            lines: What part of it each product is.
            body: Returns the snapshot of the terms of a number.
        """
        weights = self.weights()
        terms = {touch.affiliate_id: touch.terms_id for touch in self.touches}
        totals: dict[int, list[int]] = {}
        for number in {terms[affiliate] for affiliate in weights}:
            totals[number] = split(earned(body(number), base_minor, currency, lines), list(weights.values()))
        return {affiliate: totals[terms[affiliate]][place] for place, affiliate in enumerate(weights)}


def lines_text(lines: Mapping[str, int]) -> str:
    """Return the parts of an order as they are kept."""
    return json.dumps(dict(sorted(lines.items())), separators=(",", ":"))


def lines_from(text: str) -> dict[str, int]:
    """Return the parts of an order that were kept as *text*."""
    found: Any = json.loads(text)
    return {str(name): int(minor) for name, minor in found.items()}
