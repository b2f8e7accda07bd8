"""Ledger: which order was credited to whom, once, and what each affiliate has earned.

Room: affiliates. May import store and keys. Rows are only ever added, and the database itself refuses anything
else. An order is known here by a keyed hash alone, so that the ledger by itself leads to no customer.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import insert, select

from cactuprivacy.affiliates import money, tables
from cactuprivacy.store import now

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date
    from decimal import Decimal

    from sqlalchemy import Connection

    from cactuprivacy.affiliates.roster import Roster
    from cactuprivacy.keys import KeyRing
    from cactuprivacy.store import Store

logger = logging.getLogger("cactuprivacy.affiliates")

_PURPOSE = "affiliate order"


@dataclass(frozen=True)
class Credit:
    """What a sale brought an affiliate.

    Attributes:
        affiliate: The public code of who is credited, ``None`` when nobody is.
        amount: The commission, in whole units of *currency*.
        currency: Its ISO 4217 code.
        new: Whether this call credited it; ``False`` for a repeated call, which changes nothing.
        conflict: Whether the order was credited before with other particulars; the first ones stand.
    """

    affiliate: str | None
    amount: Decimal
    currency: str
    new: bool = False
    conflict: bool = False


@dataclass(frozen=True)
class Entry:
    """One line of a statement. It names no order and no hour, so that nobody is found by it.

    Attributes:
        day: The day, in UTC.
        kind: ``accrual`` for a sale's commission.
        amount: Signed, in whole units of *currency*.
        currency: Its ISO 4217 code.
    """

    day: date
    kind: str
    amount: Decimal
    currency: str


@dataclass(frozen=True)
class Statement:
    """What one affiliate has earned.

    Attributes:
        affiliate: The public code.
        state: ``pending``, ``approved``, ``suspended`` or ``refused``.
        entries: The lines, oldest first.
        totals: The sum of the lines, by currency; currencies are never added up.
    """

    affiliate: str
    state: str
    entries: tuple[Entry, ...]
    totals: Mapping[str, Decimal]


class Sale(NamedTuple):
    """A sale as the host reports it: the order's name, its base in minor units, its currency."""

    order: str
    base_minor: int
    currency: str


class Ledger:
    """The affiliates' ledger.

    Parameters:
        store: The database that it is in.
        keys: The site's key ring, for the keyed hash of an order.
        roster: Who may be credited.
    """

    def __init__(self, store: Store, keys: KeyRing, roster: Roster) -> None:
        self._store = store
        self._keys = keys
        self._roster = roster

    def credit(self, sale: Sale, code: str | None, rate_ppm: int) -> Credit:
        """Credit *sale* to the approved affiliate behind *code*, once for each order.

        Without a code nothing is written; what the order was credited with before is the answer.
        """
        # Under every key, so that a retry after a rotation still finds the first.
        order_keys = self._keys.digests(_PURPOSE, sale.order.encode())
        if code is None:
            with self._store.read() as connection:
                return self._credited(connection, order_keys, sale, None) or _nobody(sale)
        with self._store.write() as connection:
            before = self._credited(connection, order_keys, sale, code)
            if before is not None:
                return before
            affiliate = self._roster.find(connection, code)
            if affiliate is None or affiliate.state != "approved":
                return _nobody(sale)
            moment = now()
            conversion_id = tables.insert_once(
                connection,
                tables.conversion,
                "order_key",
                order_key=order_keys[0],
                affiliate_id=affiliate.id,
                currency=sale.currency,
                base_minor=sale.base_minor,
                rate_ppm=rate_ppm,
                occurred_at=moment,
            )
            if conversion_id is None:  # another worker was faster, and has committed
                return self._credited(connection, order_keys, sale, code) or _nobody(sale)
            earned = money.commission(sale.base_minor, rate_ppm)
            connection.execute(
                insert(tables.ledger).values(
                    affiliate_id=affiliate.id,
                    conversion_id=conversion_id,
                    kind="accrual",
                    amount_minor=earned,
                    currency=sale.currency,
                    idem_key=f"accrual:{conversion_id}:{affiliate.id}",
                    occurred_at=moment,
                )
            )
        return Credit(affiliate.code, money.in_units(earned, sale.currency), sale.currency, new=True)

    def statement(self, code: str) -> Statement:
        """Return what the affiliate behind *code* has earned.

        Raises:
            AffiliateError: when there is none.
        """
        ledger = tables.ledger.c
        with self._store.read() as connection:
            affiliate = self._roster.known(connection, code)
            rows = connection.execute(
                select(ledger.occurred_at, ledger.kind, ledger.amount_minor, ledger.currency)
                .where(ledger.affiliate_id == affiliate.id)
                .order_by(ledger.id)
            ).all()
        sums: dict[str, int] = {}
        for row in rows:
            sums[row.currency] = sums.get(row.currency, 0) + row.amount_minor
        return Statement(
            affiliate.code,
            affiliate.state,
            tuple(
                Entry(
                    row.occurred_at.date(),
                    row.kind,
                    money.in_units(row.amount_minor, row.currency),
                    row.currency,
                )
                for row in rows
            ),
            MappingProxyType(
                {currency: money.in_units(total, currency) for currency, total in sorted(sums.items())}
            ),
        )

    def _credited(
        self, connection: Connection, order_keys: Sequence[bytes], sale: Sale, code: str | None
    ) -> Credit | None:
        conversion, ledger = tables.conversion.c, tables.ledger.c
        row = connection.execute(
            select(tables.affiliate.c.code, conversion.currency, conversion.base_minor, ledger.amount_minor)
            .join_from(tables.conversion, tables.affiliate)
            .join(tables.ledger, (ledger.conversion_id == conversion.id) & (ledger.kind == "accrual"))
            .where(conversion.order_key.in_(order_keys))
            .order_by(conversion.id)
        ).first()
        if row is None:
            return None
        differs = [
            name
            for name, other in (
                ("currency", row.currency != sale.currency),
                ("amount", row.base_minor != sale.base_minor),
                ("affiliate", code is not None and self._is_another(connection, code, row.code)),
            )
            if other
        ]
        if differs:
            logger.warning(
                "An order that was credited came again with another %s; the first stands.",
                " and ".join(differs),
            )
        return Credit(
            row.code, money.in_units(row.amount_minor, row.currency), row.currency, conflict=bool(differs)
        )

    def _is_another(self, connection: Connection, code: str, credited: str) -> bool:
        claimed = self._roster.find(connection, code)
        return claimed is not None and claimed.code != credited


def _nobody(sale: Sale) -> Credit:
    return Credit(None, money.in_units(0, sale.currency), sale.currency)
