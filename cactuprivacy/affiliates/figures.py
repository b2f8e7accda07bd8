"""Figures: clicks, sales, commission and payments by month, of one affiliate for its eyes, or of all for the owner's.

Room: affiliates. May import store. All of it is summed from the ledger and the clicks when it is asked for. What an
affiliate is shown could name a buyer, for it may know who followed its link and when. So what an affiliate is shown

- is never newer than the end of yesterday (UTC), and of the running month only once it has :data:`SMALL` sales;
- gives no number of sales or clicks below :data:`SMALL`, and no day of a sale;
- names no order.

What was paid to it is shown at once: it has the money.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import TYPE_CHECKING

from sqlalchemy import func, select

from cactuprivacy.affiliates import money, tables
from cactuprivacy.affiliates.clicks import SMALL, Clicks, click_day, merged
from cactuprivacy.affiliates.roster import AffiliateError
from cactuprivacy.affiliates.sums import Earnings, balances_of, conversion, earnings_of, period_bounds
from cactuprivacy.store import now

if TYPE_CHECKING:
    from collections.abc import Mapping
    from decimal import Decimal

    from sqlalchemy import Connection

    from cactuprivacy.affiliates.roster import Affiliate, Roster
    from cactuprivacy.affiliates.statement import Balance
    from cactuprivacy.store import Store

FIRST_YEAR, LAST_YEAR = 1994, 9998  # of whose months there can be figures


@dataclass(frozen=True)
class MonthFigures:
    """One month.

    Attributes:
        month: As in ``2026-11``, in UTC.
        clicks: How often people followed the links; ``None`` for too few to be told.
        earnings: By currency.
    """

    month: str
    clicks: int | None
    earnings: tuple[Earnings, ...]

    @property
    def conversion(self) -> str | None:
        """Sales of a hundred clicks, ``"2.5"``; ``None`` where either is not told."""
        return conversion(self.clicks, self.earnings) if self.earnings else None


@dataclass(frozen=True)
class Payment:
    """What was paid: the day, the month that it was for, the amount, and whether it was taken back."""

    day: date
    period: str
    amount: Decimal
    currency: str
    voided: bool


@dataclass(frozen=True)
class Figures:
    """One affiliate's figures of one year, for its own eyes.

    Attributes:
        affiliate: The public code.
        state: ``approved``, ``suspended`` …
        year: Which.
        until: The day up to whose beginning (UTC) sales are told.
        months: January to December.
        days: Clicks by day, ``2026-11-03``; days with too few are left out.
        others: What followed the links and was no person's first click, by verdict and month.
        balances: What is owed of what is told, by currency.
        payments: The year's, oldest first.
    """

    affiliate: str
    state: str
    year: int
    until: date
    months: tuple[MonthFigures, ...]
    days: Mapping[str, int]
    others: Mapping[str, Mapping[str, int]]
    balances: Mapping[str, Balance]
    payments: tuple[Payment, ...]


@dataclass(frozen=True)
class AffiliateFigures:
    """One affiliate's exact figures of a month or a year, for the owner's eyes.

    Attributes:
        affiliate: The public code.
        state: ``pending``, ``approved``, ``suspended`` or ``refused``.
        clicks: How often people followed its links.
        others: What else followed them, by verdict: ``bot``, ``prefetch``, ``stuffing``, ``duplicate``.
        earnings: By currency.
        balances: What it is owed now, by currency.
    """

    affiliate: str
    state: str
    clicks: int
    others: Mapping[str, int]
    earnings: tuple[Earnings, ...]
    balances: Mapping[str, Balance]

    @property
    def conversion(self) -> str | None:
        """Sales of a hundred clicks, ``"2.5"``; ``None`` without a click."""
        return conversion(self.clicks, self.earnings)


def figures_of(store: Store, roster: Roster, code: str, year: int) -> Figures:
    """Return the figures of the affiliate behind *code* in *year*, for its own eyes.

    Raises:
        AffiliateError: when there is no such affiliate.
    """
    moment = now()
    with store.read() as connection:
        affiliate = roster.known(connection, code)
        until = _told_until(connection, affiliate, moment)
        earned = earnings_of(connection, *period_bounds(year), affiliate.id, until)
        cells = _clicks(connection, year, affiliate.id, moment.date())
        balances = balances_of(connection, affiliate.id, until)
        payments = _payments(connection, affiliate, year)
    months = []
    for number in range(1, 13):
        month = f"{year:04}-{number:02}"
        clicks = sum(cell.n for cell in cells if cell.verdict == "human" and cell.period[:7] == month)
        earnings = tuple(
            replace(each, sales=each.sales if not each.sales or each.sales >= SMALL else None)
            for each in earned.get((affiliate.id, month), ())
        )
        months.append(MonthFigures(month, clicks or None, earnings))
    others: dict[str, dict[str, int]] = {}
    for cell in cells:
        if cell.verdict != "human":
            told = others.setdefault(cell.verdict, {})
            told[cell.period[:7]] = told.get(cell.period[:7], 0) + cell.n
    days = {cell.period: cell.n for cell in cells if cell.verdict == "human" and len(cell.period) == 10}
    return Figures(
        affiliate.code,
        affiliate.state,
        year,
        until.date(),
        tuple(months),
        days,
        others,
        balances.get(affiliate.id, {}),
        payments,
    )


def report(
    store: Store, roster: Roster, year: int | None = None, month: int | None = None
) -> list[AffiliateFigures]:
    """Return all affiliates' exact figures of a year, or of one *month* of it, in the order of their codes.

    Raises:
        AffiliateError: for what is no year or no month.
    """
    year = now().year if year is None else year
    if not FIRST_YEAR <= year <= LAST_YEAR or month not in (None, *range(1, 13)):
        raise AffiliateError(
            f"There are figures of the years {FIRST_YEAR} to {LAST_YEAR} and the months 1 to 12 alone."
        )
    first, after = period_bounds(year, month)
    with store.read() as connection:
        counted = connection.execute(
            select(click_day.c.affiliate_id, click_day.c.verdict, func.sum(click_day.c.n).label("n"))
            .where(click_day.c.day >= first.date(), click_day.c.day < after.date())
            .group_by(click_day.c.affiliate_id, click_day.c.verdict)
        ).all()
        earned = earnings_of(connection, first, after)
        balances = balances_of(connection)
    clicks: dict[int, dict[str, int]] = {}
    for row in counted:
        clicks.setdefault(row.affiliate_id, {})[row.verdict] = int(row.n)
    parts: dict[int, list[tuple[Earnings, ...]]] = {}
    for (who, _), each in earned.items():
        parts.setdefault(who, []).append(each)
    found = []
    for affiliate in roster.everybody():
        others = dict(clicks.get(affiliate.id, {}))
        people = others.pop("human", 0)
        sums = _added(parts.get(affiliate.id, []))
        found.append(
            AffiliateFigures(
                affiliate.code, affiliate.state, people, others, sums, balances.get(affiliate.id, {})
            )
        )
    return found


def _added(parts: list[tuple[Earnings, ...]]) -> tuple[Earnings, ...]:
    sums: dict[str, Earnings] = {}
    for each in (earnings for part in parts for earnings in part):
        before = sums.get(each.currency)
        sums[each.currency] = (
            each
            if before is None
            else Earnings(
                each.currency,
                (before.sales or 0) + (each.sales or 0),
                before.earned + each.earned,
                before.reversed + each.reversed,
                before.paid + each.paid,
            )
        )
    return tuple(sums[currency] for currency in sorted(sums))


def _told_until(connection: Connection, affiliate: Affiliate, moment: datetime) -> datetime:
    """Return up to when sales are told to *affiliate*: last midnight, or the beginning of a month of few sales."""
    midnight = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    first, ledger = midnight.replace(day=1), tables.ledger.c
    sales = connection.scalar(
        select(func.count()).where(
            ledger.affiliate_id == affiliate.id,
            ledger.kind == "accrual",
            ledger.occurred_at >= first,
            ledger.occurred_at < midnight,
        )
    )
    return midnight if (sales or 0) >= SMALL else first


def _clicks(connection: Connection, year: int, affiliate_id: int, today: date) -> list[Clicks]:
    """Return an affiliate's clicks before *today* without small numbers, all campaigns in one."""
    day = click_day.c.day
    first, after = period_bounds(year)
    rows = connection.execute(
        select(day, click_day.c.verdict, func.sum(click_day.c.n).label("n"))
        .where(
            click_day.c.affiliate_id == affiliate_id,
            day >= first.date(),
            day < min(after.date(), today),
        )
        .group_by(day, click_day.c.verdict)
        .order_by(day, click_day.c.verdict)
    )
    return merged(Clicks(row.day.isoformat(), "", row.verdict, int(row.n)) for row in rows)


def _payments(connection: Connection, affiliate: Affiliate, year: int) -> tuple[Payment, ...]:
    payout, void = tables.payout.c, tables.ledger
    voided = (
        select(void.c.id)
        .where(void.c.payout_id == payout.id, void.c.kind == "payout_void")
        .correlate(tables.payout)
        .exists()
    )
    first, after = period_bounds(year)
    rows = connection.execute(
        select(tables.payout, voided.label("voided"))
        .where(payout.affiliate_id == affiliate.id, payout.at >= first, payout.at < after)
        .order_by(payout.id)
    )
    return tuple(
        Payment(
            row.at.date(),
            row.period,
            money.in_units(row.amount_minor, row.currency),
            row.currency,
            bool(row.voided),
        )
        for row in rows
    )
