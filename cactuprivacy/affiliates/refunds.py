"""Refunds: what is taken back of an order's commission, once, whether the refund or the sale is heard of first.

Room: affiliates. May import store and keys. What is reversed is always computed from the sum of all refunds, so that
neither their order nor how they are cut changes a penny of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import bindparam, select

from cactuprivacy.affiliates import chain, conflicts, money, tables, webhooks
from cactuprivacy.affiliates.orders import find, known_key, order_keys
from cactuprivacy.store import now

if TYPE_CHECKING:
    from collections.abc import Sequence
    from decimal import Decimal

    from sqlalchemy import Connection, Row

    from cactuprivacy.keys import KeyRing

_REFUND = "affiliate refund"

# Made once: to make a statement costs more than to run it.
_ANY_REFUND = select(tables.refund.c.id).where(tables.refund.c.order_key == bindparam("key")).limit(1)
_REFUNDS = (
    select(tables.refund)
    .where(
        tables.refund.c.order_key == bindparam("key"),
        (tables.refund.c.currency == bindparam("currency")) | tables.refund.c.currency.is_(None),
    )
    .order_by(tables.refund.c.id)
)
_ENTRIES = (
    select(tables.ledger, tables.affiliate.c.code)
    .join(tables.affiliate, tables.affiliate.c.id == tables.ledger.c.affiliate_id)
    .where(
        tables.ledger.c.conversion_id == bindparam("number"),
        tables.ledger.c.kind.in_(("accrual", "reversal")),
    )
    .order_by(tables.ledger.c.id)
)


class Refund(NamedTuple):
    """A refund as the host reports it; without a name and an amount it voids the order."""

    order: str
    refund: str | None
    amount_minor: int | None
    currency: str | None


@dataclass(frozen=True)
class Reversal:
    """What a refund took back of an order's commission.

    Attributes:
        amount: What all refunds of the order took back so far, in whole units; nought until the sale is known.
        currency: Its ISO 4217 code, ``None`` while neither the refund nor a sale has said it.
        new: Whether this call counted; ``False`` for a repeated one, which changes nothing.
        conflict: Whether the refund came before with other particulars, or not in the sale's currency.
    """

    amount: Decimal
    currency: str | None
    new: bool = False
    conflict: bool = False


class Refunds:
    """The refunds of a site's orders.

    Parameters:
        keys: The site's key ring, for the keyed hash of an order and of a refund's name.
        tells: Whether a webhook is told.
    """

    def __init__(self, keys: KeyRing, *, tells: bool = False) -> None:
        self._keys = keys
        self._tells = tells

    def enter(self, connection: Connection, refund: Refund) -> Reversal:
        """Take back what *refund* reverses, once; a refund before its sale waits for it.

        Parameters:
            connection: A transaction that holds the chain's lock.
            refund: What the host reports.
        """
        name = b"void" if refund.refund is None else b"refund:" + refund.refund.encode()
        refund_keys = self._keys.digests(_REFUND, name)
        table = tables.refund
        keys = order_keys(self._keys, refund.order)
        found = find(connection, keys)
        order_key = found.row.order_key if found else known_key(connection, keys)
        seen = connection.execute(
            select(table).where(table.c.order_key == order_key, table.c.refund_key.in_(refund_keys))
        ).first()
        if seen is None:
            tables.insert_once(
                connection,
                table,
                *("order_key", "refund_key"),
                order_key=order_key,
                refund_key=refund_keys[0],
                currency=refund.currency,
                amount_minor=refund.amount_minor,
                at=now(),
            )
        differs = conflicts.refund_differences(refund, seen, found)
        if differs:
            conflicts.record_refund(connection, order_key, refund, differs)
        reversed_minor = self._reverse(connection, found.row, tell=seen is None) if found else 0
        currency = found.row.currency if found else refund.currency
        amount = money.in_units(reversed_minor, currency or "GBP")
        return Reversal(amount, currency, new=seen is None, conflict=bool(differs))

    def settle(self, connection: Connection, number: int, order_key: bytes) -> None:
        """Take back of the new conversion *number* what was refunded before its sale was heard of."""
        if connection.scalar(_ANY_REFUND, {"key": order_key}):
            row = connection.execute(select(tables.conversion).where(tables.conversion.c.id == number)).one()
            self._reverse(connection, row)

    def _reverse(self, connection: Connection, row: Row[Any], *, tell: bool = True) -> int:
        """Bring what is reversed of a conversion up to its refunds, and return all that is, in minor units."""
        refunds = connection.execute(_REFUNDS, {"key": row.order_key, "currency": row.currency}).all()
        entries = connection.execute(_ENTRIES, {"number": row.id}).all()
        accruals = [entry for entry in entries if entry.kind == "accrual"]
        done = {entry.id: 0 for entry in accruals}
        for entry in entries:
            if entry.kind == "reversal":
                done[entry.of_entry] -= entry.amount_minor
        made = {entry.idem_key for entry in entries}
        moment, added = now(), []
        for place, each in enumerate(refunds, 1):
            amounts = [one.amount_minor for one in refunds[:place]]
            for accrual in accruals:
                key = f"reversal:{row.order_key.hex()}:{accrual.affiliate_id}:{each.refund_key.hex()[:32]}"
                if key in made:
                    continue
                minor = reversible(accrual.amount_minor, row.base_minor, amounts) - done[accrual.id]
                done[accrual.id] += minor
                added.append(
                    chain.NewEntry(
                        accrual.affiliate_id,
                        "reversal",
                        -minor,
                        row.currency,
                        key,
                        moment,
                        accrual.available_at,  # so that what is not yet payable is taken from just that
                        conversion_id=row.id,
                        of_entry=accrual.id,
                    )
                )
                if self._tells and tell:
                    webhooks.queue(
                        *(connection, "sale.reversed", moment, -minor, row.currency),
                        sale=row.id,
                        affiliate=accrual.code,
                    )
        if added:
            chain.append(connection, *added, sources={row.id: chain.conversion_digest(row._asdict())})
        return sum(done.values())


def reversible(accrual: int, base_minor: int, refunds: Sequence[int | None]) -> int:
    """Return how much of *accrual* is taken back by *refunds* together, where ``None`` is the whole order.

    Always from the sum of them, so that three thirds are exactly one whole.
    """
    total = sum(amount or 0 for amount in refunds)
    if None in refunds or (base_minor and total >= base_minor):
        return accrual
    return money.portion(accrual, total, base_minor) if base_minor else 0
