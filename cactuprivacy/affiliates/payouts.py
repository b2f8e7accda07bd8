"""Payouts: paying what is due, so that each payout is the sum of its lines and no line is paid twice.

Room: affiliates. May import store. One payout for each affiliate, currency and period; what is below the minimum or
below nought stays in the balance and is carried forward. A void is an entry, not a deletion: it pays back into
the balance what was paid out of it, and the next payout has it as a line.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, insert, literal, or_, select

from cactuprivacy.affiliates import chain, money, spreadsheet, tables, webhooks
from cactuprivacy.affiliates.holds import held_orders
from cactuprivacy.affiliates.roster import AffiliateError, actor_name
from cactuprivacy.affiliates.statement import bounds
from cactuprivacy.store import now

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import date, datetime

    from sqlalchemy import Connection, Row

    from cactuprivacy.affiliates.roster import Affiliate, Roster
    from cactuprivacy.store import Store

MAX_METHOD = 64


@dataclass(frozen=True)
class Payout:
    """What was paid to one affiliate for one period.

    Attributes:
        number: By which it is voided.
        affiliate: The public code.
        period: The month, as in ``2026-11``.
        amount: In whole units of *currency*; the sum of its lines.
        currency: ISO 4217.
        lines: How many entries it pays.
        method: How it was paid, in the host's words.
        actor: Who paid it.
        day: On which day, in UTC.
        voided: Whether it was taken back.
        new: Whether this call made it.
    """

    number: int
    affiliate: str
    period: str
    amount: Decimal
    currency: str
    lines: int
    method: str
    actor: str
    day: date
    voided: bool = False
    new: bool = False


class Payouts:
    """The payouts of a site's affiliates.

    Parameters:
        store: The database.
        roster: Who may be paid.
        tells: Whether a webhook is told.
    """

    def __init__(self, store: Store, roster: Roster, *, tells: bool = False) -> None:
        self._store = store
        self._roster = roster
        self._tells = tells

    def pay(
        self,
        period: str,
        *,
        minimum: Mapping[str, Decimal | str | int] | None = None,
        method: str = "",
        actor: str = "owner",
        only: Iterable[str] | None = None,
    ) -> list[Payout]:
        """Pay every approved affiliate what is due by the end of *period*, and return that period's payouts.

        Run again, it pays nobody again: the same payouts are the answer. Due is what is past its hold period by
        then, is not held, and was never paid.

        Parameters:
            period: A month, as in ``2026-11``, not one to come. Of the current one, what is due now.
            minimum: The least that is paid, by currency: ``{"GBP": "20"}``. Less is carried forward.
            method: How, in your words: ``"bank transfer 17"``.
            actor: Who pays.
            only: The codes of those to pay; everybody unless given.

        Raises:
            AffiliateError: for what is no month or one to come, and for an unknown affiliate.
        """
        first, after = bounds(period)
        moment = now()
        if first > moment:
            raise AffiliateError(f"{period} has not begun; nothing can be due in it.")
        if not isinstance(method, str) or len(method) > MAX_METHOD or not (method or " ").isprintable():
            raise AffiliateError(f"How it was paid is told in up to {MAX_METHOD} printable characters.")
        least = {
            money.currency_code(currency): money.minor_units(amount, currency)
            for currency, amount in (minimum or {}).items()
        }
        with self._store.write() as connection:
            chain.lock(connection)
            chosen = None if only is None else {self._roster.known(connection, code).id for code in only}
            made = set()
            for row in _due(connection, min(after, moment)):
                affiliate = self._roster.known(connection, row.code)
                if affiliate.state != "approved" or (chosen is not None and affiliate.id not in chosen):
                    continue
                if row.due < max(1, least.get(row.currency, 1)):
                    continue
                number = self._make(connection, affiliate, row, period, min(after, moment), method, actor)
                if number is not None:
                    made.add(number)
            found = _payouts(connection, tables.payout.c.period == period)
        return [_as_payout(row, new=row.id in made) for row in found]

    def void(self, number: int, *, reason: str = "", actor: str = "owner") -> Payout:
        """Take back payout *number* by an entry, once: what it paid is due again at the next payout.

        Raises:
            AffiliateError: when there is none.
        """
        text = f"{actor_name(actor)}: {reason}" if reason else actor_name(actor)
        if len(text) > 200 or not text.isprintable():
            raise AffiliateError("Why is told in up to 130 printable characters.")
        with self._store.write() as connection:
            chain.lock(connection)
            row = next(iter(_payouts(connection, tables.payout.c.id == number)), None)
            if row is None:
                raise AffiliateError(f"There is no payout {number}; see: cactuprivacy affiliates payouts.")
            if not row.voided:
                moment = now()
                entry = chain.NewEntry(
                    row.affiliate_id,
                    "payout_void",
                    row.amount_minor,
                    row.currency,
                    f"payout_void:{row.id}",
                    moment,
                    moment,
                    payout_id=row.id,
                    reason=text,
                )
                chain.append(connection, entry, sources={})
                self._tell(connection, "payout.voided", row.id, row.code, row, moment)
        return _as_payout(row, new=not row.voided, voided=True)

    def all(self, period: str | None = None) -> list[Payout]:
        """Return the payouts of *period*, or all, oldest first.

        Raises:
            AffiliateError: for what is no month.
        """
        if period is not None:
            bounds(period)
        with self._store.read() as connection:
            condition = tables.payout.c.period == period if period else tables.payout.c.id > 0
            return [_as_payout(row) for row in _payouts(connection, condition)]

    def _make(
        self,
        connection: Connection,
        affiliate: Affiliate,
        due: Row[Any],
        period: str,
        cut_off: datetime,
        method: str,
        actor: str,
    ) -> int | None:
        moment = now()
        number = tables.insert_once(
            connection,
            tables.payout,
            *("affiliate_id", "currency", "period"),
            affiliate_id=affiliate.id,
            currency=due.currency,
            period=period,
            cut_off=cut_off,
            amount_minor=int(due.due),
            method=method,
            actor=actor_name(actor),
            at=moment,
        )
        if number is None:
            return None
        ledger = tables.ledger.c
        lines = _payable(cut_off, ledger.id, ledger.affiliate_id, ledger.currency).where(
            ledger.affiliate_id == affiliate.id, ledger.currency == due.currency
        )
        columns = ["entry_id", "affiliate_id", "currency", "payout_id"]
        connection.execute(
            insert(tables.payout_line).from_select(
                columns, lines.add_columns(literal(number).label("payout_id"))
            )
        )
        entry = chain.NewEntry(
            affiliate.id,
            "payout",
            -int(due.due),
            due.currency,
            f"payout:{number}",
            moment,
            moment,
            payout_id=number,
            reason=period,
        )
        chain.append(connection, entry, sources={})
        self._tell(connection, "payout.made", number, affiliate.code, due, moment)
        return number

    def _tell(
        self, connection: Connection, topic: str, number: int, code: str, row: Row[Any], moment: datetime
    ) -> None:
        if self._tells:
            minor = int(row.due if topic == "payout.made" else row.amount_minor)
            webhooks.queue(connection, topic, moment, minor, row.currency, payout=number, affiliate=code)


def as_csv(payouts: Iterable[Payout]) -> str:
    """Return *payouts* as CSV (RFC 4180), which no spreadsheet takes for a formula."""
    header = (
        "payout",
        "affiliate",
        "period",
        "amount",
        "currency",
        "lines",
        "method",
        "actor",
        "day",
        "voided",
    )
    return spreadsheet.as_csv(
        header,
        (
            (
                each.number,
                each.affiliate,
                each.period,
                each.amount,
                each.currency,
                each.lines,
                each.method,
                each.actor,
                each.day.isoformat(),
                "yes" if each.voided else "no",
            )
            for each in payouts
        ),
    )


def _payable(cut_off: datetime, *columns: Any) -> Any:
    """Return a select of *columns* over the entries that may be paid and never were."""
    ledger, line = tables.ledger.c, tables.payout_line
    held = select(tables.conversion.c.id).where(tables.conversion.c.order_key.in_(held_orders()))
    return select(*columns).where(
        ledger.kind != "payout",
        ledger.available_at <= cut_off,
        or_(ledger.conversion_id.is_(None), ledger.conversion_id.not_in(held)),
        ~select(line.c.entry_id).where(line.c.entry_id == ledger.id).exists(),
    )


def _due(connection: Connection, cut_off: datetime) -> list[Row[Any]]:
    ledger = tables.ledger.c
    due = _payable(
        cut_off, tables.affiliate.c.code, ledger.currency, func.sum(ledger.amount_minor).label("due")
    )
    return list(
        connection.execute(
            due.join_from(tables.ledger, tables.affiliate)
            .group_by(tables.affiliate.c.code, ledger.currency)
            .order_by(tables.affiliate.c.code, ledger.currency)
        )
    )


def _payouts(connection: Connection, condition: Any) -> list[Row[Any]]:
    payout, line, void = tables.payout, tables.payout_line, tables.ledger
    lines = select(func.count()).where(line.c.payout_id == payout.c.id).correlate(payout).scalar_subquery()
    voided = (
        select(void.c.id)
        .where(void.c.payout_id == payout.c.id, void.c.kind == "payout_void")
        .correlate(payout)
        .exists()
    )
    return list(
        connection.execute(
            select(payout, tables.affiliate.c.code, lines.label("lines"), voided.label("voided"))
            .join(tables.affiliate)
            .where(condition)
            .order_by(payout.c.id)
        )
    )


def _as_payout(row: Row[Any], *, new: bool = False, voided: bool | None = None) -> Payout:
    return Payout(
        row.id,
        row.code,
        row.period,
        money.in_units(row.amount_minor, row.currency),
        row.currency,
        row.lines,
        row.method,
        row.actor,
        row.at.date(),
        bool(row.voided) if voided is None else voided,
        new,
    )
