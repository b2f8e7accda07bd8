"""Explain: why an order was credited to whom, or whom it would be; there is nothing of the visitor in it.

Room: affiliates. May import store. What is asked for is computed, never written.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import func, select

from cactuprivacy.affiliates import money, tables
from cactuprivacy.affiliates.holds import held_orders
from cactuprivacy.affiliates.orders import Sale, find
from cactuprivacy.affiliates.reason import Reason

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date
    from decimal import Decimal

    from cactuprivacy.affiliates.ledger import Ledger
    from cactuprivacy.affiliates.orders import Touch
    from cactuprivacy.store import Store


@dataclass(frozen=True)
class ExplainedTouch:
    """One affiliate that led to an order.

    Attributes:
        affiliate: The public code.
        day: The day of the click; ``None`` for a coupon.
        verdict: ``credited``, ``passed over`` by the model, ``pending``, ``suspended``, ``refused``,
            ``self-referral`` or ``unknown``.
        amount: What it earned, or would; ``None`` where the order's amount was not given.
    """

    affiliate: str
    day: date | None
    verdict: str
    amount: Decimal | None


@dataclass(frozen=True)
class Explanation:
    """Why an order was credited to whom.

    Attributes:
        credited: Whether it is in the ledger; else this is what would be.
        rule: ``claim``, ``coupon`` or ``first order``; ``None`` when nothing led to it.
        model: Which model chose among several.
        touches: Who led there, oldest first, and then who cannot be credited.
        currency: ISO 4217, ``None`` in a dry run without an amount.
        reversed: What refunds took back so far, below nought.
        held: Whether the owner keeps it back.
        available_on: From which day on it may be paid; ``None`` in a dry run.
    """

    credited: bool
    rule: str | None
    model: str
    touches: tuple[ExplainedTouch, ...]
    currency: str | None
    reversed: Decimal | None
    held: bool
    available_on: date | None


def explain(
    store: Store,
    ledger: Ledger,
    order: str,
    sale: Sale | None,
    touches: Sequence[Touch],
    rule: str,
    model: str,
) -> Explanation:
    """Return why *order* was credited to whom; before it is, whom *touches* would credit with *sale*."""
    keys = ledger.order_keys(order)
    own = ledger.crediting.own_codes(order, touches)
    with store.read() as connection:
        held = connection.scalar(held_orders().where(tables.hold.c.order_key.in_(keys))) is not None
        found = find(connection, keys)
        if found is None:
            asked = sale or Sale(order, 0, "XXX", {})
            plan = ledger.crediting.plan(connection, asked, touches, rule, None, own)
            amounts = plan.parts if sale else {}
            currency = sale.currency if sale else None
            explained = _explained(plan.reason, amounts, currency)
            return Explanation(
                False, rule if explained else None, model, explained, currency, None, held, None
            )
        entry = tables.ledger.c
        back, available = connection.execute(
            select(
                func.coalesce(func.sum(entry.amount_minor).filter(entry.kind == "reversal"), 0),
                func.min(entry.available_at),
            ).where(entry.conversion_id == found.row.id)
        ).one()
    reason = Reason.from_text(found.row.attribution)
    amounts = {each.affiliate_id: each.amount_minor for each in found.accruals}
    currency = found.row.currency
    return Explanation(
        True,
        reason.rule,
        reason.model,
        _explained(reason, amounts, currency),
        currency,
        money.in_units(int(back), currency),
        held,
        available.date(),
    )


def _explained(reason: Reason, amounts: dict[int, int], currency: str | None) -> tuple[ExplainedTouch, ...]:
    def amount(affiliate_id: int) -> Decimal | None:
        return (
            money.in_units(amounts[affiliate_id], currency) if currency and affiliate_id in amounts else None
        )

    told = [
        ExplainedTouch(
            touch.code,
            touch.day,
            "credited" if touch.weight else "passed over",
            amount(touch.affiliate_id) if touch.weight else None,
        )
        for touch in reason.touches
    ]
    return (*told, *(ExplainedTouch(each.code, None, each.why, None) for each in reason.dropped))
