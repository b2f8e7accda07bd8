"""Statement: what one affiliate has earned and been paid, summed by the database from the ledger alone.

Room: affiliates. May import store. Nothing here is stored, so nothing can drift. A statement names no order and no
hour, so that nobody is found by it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timezone
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from sqlalchemy import case, func, select

from cactuprivacy.affiliates import money, tables
from cactuprivacy.affiliates.holds import held_orders
from cactuprivacy.affiliates.roster import AffiliateError
from cactuprivacy.store import now

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date
    from decimal import Decimal

    from sqlalchemy import Connection

    from cactuprivacy.affiliates.roster import Affiliate, Roster
    from cactuprivacy.store import Store

_PERIOD = re.compile(r"20[0-9]{2}-(0[1-9]|1[0-2])")


@dataclass(frozen=True)
class Entry:
    """One line of a statement. It names no order and no hour, so that nobody is found by it.

    Attributes:
        day: The day, in UTC.
        kind: ``accrual``, ``reversal``, ``adjustment``, ``bonus``, ``payout`` or ``payout_void``.
        amount: Signed, in whole units of *currency*.
        currency: Its ISO 4217 code.
    """

    day: date
    kind: str
    amount: Decimal
    currency: str


@dataclass(frozen=True)
class Balance:
    """What is owed in one currency: *total* = *pending* + *available* + *held*.

    Attributes:
        pending: Not to be paid yet, for its hold period is not over.
        available: To be paid by the next payout; below nought when more was refunded than earned since the last.
        held: Kept back by the owner.
        total: All that is owed.
        paid: What was paid so far, voided payouts not counted.
    """

    pending: Decimal
    available: Decimal
    held: Decimal
    total: Decimal
    paid: Decimal


@dataclass(frozen=True)
class Month:
    """What happened in one month, in one currency.

    Attributes:
        month: As in ``2026-11``, in UTC.
        currency: ISO 4217.
        sales: How many sales were credited.
        earned: Commission, bonuses and adjustments.
        reversed: What refunds took back, below nought.
        paid: What was paid, voided payouts not counted.
    """

    month: str
    currency: str
    sales: int
    earned: Decimal
    reversed: Decimal
    paid: Decimal


@dataclass(frozen=True)
class Statement:
    """What one affiliate has earned.

    Attributes:
        affiliate: The public code.
        state: ``pending``, ``approved``, ``suspended`` or ``refused``.
        month: The month that *entries* are of.
        entries: The lines of that month, oldest first.
        months: That month's year, month by month.
        totals: The sum of all lines ever, by currency; currencies are never added up.
        balances: What those sums consist of.
    """

    affiliate: str
    state: str
    month: str
    entries: tuple[Entry, ...]
    months: tuple[Month, ...]
    totals: Mapping[str, Decimal]
    balances: Mapping[str, Balance]


class Statements:
    """Reads statements from the ledger.

    Parameters:
        store: The database.
        roster: Who is an affiliate.
    """

    def __init__(self, store: Store, roster: Roster) -> None:
        self._store = store
        self._roster = roster

    def statement(self, code: str, month: str | None = None) -> Statement:
        """Return the statement of the affiliate behind *code*.

        Parameters:
            code: Its code, or an alias.
            month: Which month's lines, as in ``2026-11``; this month's unless said.

        Raises:
            AffiliateError: when there is no such affiliate, or that is no month.
        """
        month = this_month() if month is None else month
        first, after = bounds(month)
        with self._store.read() as connection:
            affiliate = self._roster.known(connection, code)
            balances = balances_of(connection, affiliate)
            months = _months(connection, affiliate, int(month[:4]))
            entries = _entries(connection, affiliate, first, after)
        totals = {currency: balance.total for currency, balance in balances.items()}
        return Statement(
            affiliate.code,
            affiliate.state,
            month,
            entries,
            months,
            MappingProxyType(totals),
            MappingProxyType(balances),
        )


def this_month() -> str:
    """Return this month, in UTC, as in ``2026-11``."""
    return f"{now():%Y-%m}"


def bounds(month: str) -> tuple[datetime, datetime]:
    """Return the first moment of *month*, and the first after it, in UTC.

    Raises:
        AffiliateError: when it is not written as in ``2026-11``.
    """
    if not isinstance(month, str) or not _PERIOD.fullmatch(month):
        raise AffiliateError("A month is written as in 2026-11.")
    year, number = int(month[:4]), int(month[5:])
    first = datetime(year, number, 1, tzinfo=timezone.utc)
    return first, datetime(year + number // 12, number % 12 + 1, 1, tzinfo=timezone.utc)


def balances_of(connection: Connection, affiliate: Affiliate) -> dict[str, Balance]:
    """Return what *affiliate* is owed, by currency."""
    ledger, moment = tables.ledger.c, now()
    paid = ledger.kind.in_(("payout", "payout_void"))
    sums = connection.execute(
        select(
            ledger.currency,
            func.sum(ledger.amount_minor).label("total"),
            func.coalesce(func.sum(case((ledger.available_at > moment, ledger.amount_minor))), 0).label(
                "pending"
            ),
            func.coalesce(func.sum(case((paid, ledger.amount_minor))), 0).label("paid"),
        )
        .where(ledger.affiliate_id == affiliate.id)
        .group_by(ledger.currency)
        .order_by(ledger.currency)
    ).all()
    held = {
        row.currency: (int(row.held), int(row.pending))
        for row in connection.execute(
            select(
                ledger.currency,
                func.sum(ledger.amount_minor).label("held"),
                func.coalesce(func.sum(case((ledger.available_at > moment, ledger.amount_minor))), 0).label(
                    "pending"
                ),
            )
            .where(
                ledger.affiliate_id == affiliate.id,
                ledger.conversion_id.in_(
                    select(tables.conversion.c.id).where(tables.conversion.c.order_key.in_(held_orders()))
                ),
            )
            .group_by(ledger.currency)
        )
    }
    found = {}
    for row in sums:
        kept, kept_pending = held.get(row.currency, (0, 0))
        total, pending = int(row.total), int(row.pending) - kept_pending
        parts = (pending, total - pending - kept, kept, total, -int(row.paid))
        found[row.currency] = Balance(*(money.in_units(part, row.currency) for part in parts))
    return found


def _months(connection: Connection, affiliate: Affiliate, year: int) -> tuple[Month, ...]:
    ledger = tables.ledger.c
    month: Any
    if connection.dialect.name == "postgresql":
        month = func.date_trunc("month", func.timezone("UTC", ledger.occurred_at))
    else:
        month = func.substr(ledger.occurred_at, 1, 7)
    rows = connection.execute(
        select(
            month.label("month"),
            ledger.currency,
            ledger.kind,
            func.count().label("sales"),
            func.sum(ledger.amount_minor).label("amount"),
        )
        .where(
            ledger.affiliate_id == affiliate.id,
            ledger.occurred_at >= datetime(year, 1, 1, tzinfo=timezone.utc),
            ledger.occurred_at < datetime(year + 1, 1, 1, tzinfo=timezone.utc),
        )
        .group_by("month", ledger.currency, ledger.kind)
    )
    found: dict[tuple[str, str], dict[str, tuple[int, int]]] = {}
    for row in rows:
        found.setdefault((str(row.month)[:7], row.currency), {})[row.kind] = (int(row.sales), int(row.amount))
    return tuple(
        Month(
            name,
            currency,
            kinds.get("accrual", (0, 0))[0],
            *(
                money.in_units(sign * sum(kinds.get(kind, (0, 0))[1] for kind in those), currency)
                for sign, those in (
                    (1, ("accrual", "bonus", "adjustment")),
                    (1, ("reversal",)),
                    (-1, ("payout", "payout_void")),
                )
            ),
        )
        for (name, currency), kinds in sorted(found.items())
    )


def _entries(
    connection: Connection, affiliate: Affiliate, first: datetime, after: datetime
) -> tuple[Entry, ...]:
    ledger = tables.ledger.c
    rows = connection.execute(
        select(ledger.occurred_at, ledger.kind, ledger.amount_minor, ledger.currency)
        .where(ledger.affiliate_id == affiliate.id, ledger.occurred_at >= first, ledger.occurred_at < after)
        .order_by(ledger.id)
    )
    return tuple(
        Entry(row.occurred_at.date(), row.kind, money.in_units(row.amount_minor, row.currency), row.currency)
        for row in rows
    )
