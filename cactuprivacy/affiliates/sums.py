"""Sums: what the ledger adds up to, by affiliate, month and currency, in one statement for each question.

Room: affiliates. May import store. Nothing of it is stored, so nothing can drift.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from sqlalchemy import case, func, or_, select

from cactuprivacy.affiliates import money, tables
from cactuprivacy.affiliates.holds import held_orders
from cactuprivacy.affiliates.statement import Balance
from cactuprivacy.store import now

if TYPE_CHECKING:
    from collections.abc import Sequence
    from decimal import Decimal

    from sqlalchemy import ColumnElement, Connection

_PAID = ("payout", "payout_void")
_EARNED = ("accrual", "bonus", "adjustment")


@dataclass(frozen=True)
class Earnings:
    """What was earned in one currency.

    Attributes:
        currency: ISO 4217.
        sales: How many were credited; ``None`` for too few to be told.
        earned: Commission, bonuses and adjustments.
        reversed: What refunds took back, below nought.
        paid: What was paid, voided payouts not counted.
    """

    currency: str
    sales: int | None
    earned: Decimal
    reversed: Decimal
    paid: Decimal


def conversion(clicks: int | None, earnings: Sequence[Earnings]) -> str | None:
    """Return how many of a hundred clicks became sales, to one decimal."""
    sales = [each.sales for each in earnings]
    known = sum(each for each in sales if each is not None)
    return f"{100 * known / clicks:.1f}" if clicks and None not in sales else None


def period_bounds(year: int, month: int | None = None) -> tuple[datetime, datetime]:
    """Return the first moment of a year or month, and the first after it, in UTC."""
    first = datetime(year, month or 1, 1, tzinfo=timezone.utc)
    return first, (first + timedelta(days=31)).replace(day=1) if month else first.replace(year=year + 1)


def _told(until: datetime | None) -> ColumnElement[bool]:
    ledger = tables.ledger.c
    if until is None:
        return ledger.id > 0
    return or_(ledger.occurred_at < until, ledger.kind.in_(_PAID))


def earnings_of(
    connection: Connection,
    first: datetime,
    after: datetime,
    affiliate_id: int | None = None,
    until: datetime | None = None,
) -> dict[tuple[int, str], tuple[Earnings, ...]]:
    """Return what was earned, by affiliate and month."""
    ledger = tables.ledger.c
    name: Any
    if connection.dialect.name == "postgresql":
        name = func.to_char(func.timezone("UTC", ledger.occurred_at), "YYYY-MM")
    else:
        name = func.substr(ledger.occurred_at, 1, 7)
    query = (
        select(
            ledger.affiliate_id,
            name.label("month"),
            ledger.currency,
            ledger.kind,
            func.count().label("n"),
            func.sum(ledger.amount_minor).label("amount"),
        )
        .where(ledger.occurred_at >= first, ledger.occurred_at < after, _told(until))
        .group_by(ledger.affiliate_id, "month", ledger.currency, ledger.kind)
    )
    if affiliate_id is not None:
        query = query.where(ledger.affiliate_id == affiliate_id)
    kinds: dict[tuple[int, str, str], dict[str, tuple[int, int]]] = {}
    for row in connection.execute(query):
        cell = kinds.setdefault((row.affiliate_id, row.month, row.currency), {})
        cell[row.kind] = (row.n, int(row.amount))
    found: dict[tuple[int, str], tuple[Earnings, ...]] = {}
    for (who, named, currency), sums in sorted(kinds.items()):
        amounts = (
            sum(sums.get(kind, (0, 0))[1] for kind in _EARNED),
            sums.get("reversal", (0, 0))[1],
            -sum(sums.get(kind, (0, 0))[1] for kind in _PAID),
        )
        earnings = Earnings(
            currency, sums.get("accrual", (0, 0))[0], *(money.in_units(each, currency) for each in amounts)
        )
        found[who, named] = (*found.get((who, named), ()), earnings)
    return found


def balances_of(
    connection: Connection, affiliate_id: int | None = None, until: datetime | None = None
) -> dict[int, dict[str, Balance]]:
    """Return what affiliates are owed, by currency."""
    ledger, moment = tables.ledger.c, now()
    held = ledger.conversion_id.in_(
        select(tables.conversion.c.id).where(tables.conversion.c.order_key.in_(held_orders()))
    )
    query = (
        select(
            ledger.affiliate_id,
            ledger.currency,
            func.sum(ledger.amount_minor).label("total"),
            func.sum(case((held, ledger.amount_minor), else_=0)).label("held"),
            func.sum(case((held, 0), (ledger.available_at > moment, ledger.amount_minor), else_=0)).label(
                "pending"
            ),
            func.sum(case((ledger.kind.in_(_PAID), ledger.amount_minor), else_=0)).label("paid"),
        )
        .where(_told(until))
        .group_by(ledger.affiliate_id, ledger.currency)
        .order_by(ledger.affiliate_id, ledger.currency)
    )
    if affiliate_id is not None:
        query = query.where(ledger.affiliate_id == affiliate_id)
    found: dict[int, dict[str, Balance]] = {}
    for row in connection.execute(query):
        total, kept, pending, paid = (int(each) for each in (row.total, row.held, row.pending, row.paid))
        parts = (pending, total - pending - kept, kept, total, -paid)
        found.setdefault(row.affiliate_id, {})[row.currency] = Balance(
            *(money.in_units(part, row.currency) for part in parts)
        )
    return found
