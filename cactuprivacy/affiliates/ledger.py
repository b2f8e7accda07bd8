"""Ledger: which order was credited to whom, once; and what was refunded of it, in whatever order one hears of it.

Room: affiliates. May import store and keys. Rows are only ever added, and the database itself refuses anything
else. Here is the door, with its transactions; whom a sale is credited to is ``crediting``, what is taken back
``refunds``, what is kept back ``holds``, what came again with other particulars ``conflicts``, and how an order
is known ``orders``.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from cactuprivacy.affiliates import chain, conflicts, holds, money, tables, webhooks
from cactuprivacy.affiliates.crediting import Crediting
from cactuprivacy.affiliates.orders import Credit, find, known_key, order_keys
from cactuprivacy.affiliates.reason import lines_text
from cactuprivacy.affiliates.refunds import Refunds
from cactuprivacy.store import now

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sqlalchemy import Connection

    from cactuprivacy.affiliates.crediting import Plan
    from cactuprivacy.affiliates.orders import Found, Sale, Touch
    from cactuprivacy.affiliates.refunds import Refund, Reversal
    from cactuprivacy.affiliates.roster import Roster
    from cactuprivacy.affiliates.terms import Terms
    from cactuprivacy.keys import KeyRing
    from cactuprivacy.store import Store


class Ledger:
    """The affiliates' ledger.

    Parameters:
        store: The database that it is in.
        keys: The site's key ring, for the keyed hash of an order.
        roster: Who may be credited.
        terms: What a sale brings those who have no terms of their own.
        hold_days: How many days after the sale its commission may be paid.
        model: Who is credited when several affiliates led to a sale.
        is_self: Asked with the order and an affiliate's public code whether the affiliate is the buyer.
        tells: Whether a webhook is told of what happens.

    Attributes:
        crediting: Decides whom a sale is credited to.
    """

    def __init__(
        self,
        store: Store,
        keys: KeyRing,
        roster: Roster,
        *,
        terms: Terms,
        hold_days: int,
        model: str,
        is_self: Callable[[str, str], bool] | None = None,
        tells: bool = False,
    ) -> None:
        self._store = store
        self._keys = keys
        self._roster = roster
        self._hold = timedelta(days=hold_days)
        self._tells = tells
        self._refunds = Refunds(keys, tells=tells)
        self.crediting = Crediting(store, keys, roster, terms=terms, model=model, is_self=is_self)

    def credit(
        self, sale: Sale, touches: Sequence[Touch], *, rule: str = "claim", first_order: str | None = None
    ) -> Credit:
        """Credit *sale* to the approved affiliates behind *touches*, once for each order.

        Without a touch or a first order nothing is written; what the order was credited with is the answer.
        """
        keys = self.order_keys(sale.order)
        if not touches and first_order is None:
            with self._store.read() as connection:
                found = find(connection, keys)
                if found is None:
                    return _nobody(sale)
                if not conflicts.sale_differences(connection, self._roster, found, sale, ()):
                    return found.credit()
        own = self.crediting.own_codes(sale.order, touches)
        with self._store.write() as connection:
            chain.lock(connection)
            found = find(connection, keys)
            if found is not None:
                return self._answer(connection, found, sale, touches)
            default = self.crediting.default_terms(connection)
            plan = self.crediting.plan(connection, sale, touches, rule, first_order, own, default)
            if not plan.parts:
                return _nobody(sale)
            credit = self._enter(connection, known_key(connection, keys), sale, plan)
        self.crediting.terms_id = default  # only now is it there for good
        return credit

    def refund(self, refund: Refund) -> Reversal:
        """Take back what *refund* reverses, once; a refund before its sale waits for it."""
        with self._store.write() as connection:
            chain.lock(connection)
            return self._refunds.enter(connection, refund)

    def hold(self, order: str, kind: str, rule: str, actor: str) -> bool:
        """Hold or release *order* by *rule*, and return whether it is held now, by whichever rule."""
        with self._store.write() as connection:
            chain.lock(connection)
            return holds.enter(connection, known_key(connection, self.order_keys(order)), kind, rule, actor)

    def order_keys(self, order: str) -> list[bytes]:
        """Return the hash of *order* under every key, newest first."""
        return order_keys(self._keys, order)

    def _enter(self, connection: Connection, order_key: bytes, sale: Sale, plan: Plan) -> Credit:
        moment = now()
        values = {
            "order_key": order_key,
            "currency": sale.currency,
            "base_minor": sale.base_minor,
            "lines": lines_text(sale.lines),
            "attribution": plan.reason.text(),
            "root_id": plan.root_id,
            "later": plan.later,
            "occurred_at": moment,
        }
        number = tables.insert_once(connection, tables.conversion, "order_key", **values)
        if number is None:  # the lock forbids it
            raise RuntimeError("An order was credited by two workers at once.")
        terms = {touch.affiliate_id: touch.terms_id for touch in plan.reason.touches}
        codes = {touch.affiliate_id: touch.code for touch in plan.reason.touches}
        entries = [
            chain.NewEntry(
                affiliate_id,
                "accrual",
                minor,
                sale.currency,
                f"accrual:{order_key.hex()}:{affiliate_id}",
                moment,
                moment + self._hold,
                conversion_id=number,
                terms_id=terms[affiliate_id],
            )
            for affiliate_id, minor in plan.parts.items()
        ]
        chain.append(connection, *entries, sources={number: chain.conversion_digest(values)})
        if self._tells:
            for affiliate_id, minor in plan.parts.items():
                webhooks.queue(
                    *(connection, "sale.credited", moment, minor, sale.currency),
                    sale=number,
                    affiliate=codes[affiliate_id],
                )
        self._refunds.settle(connection, number, order_key)
        parts = tuple(
            (codes[affiliate_id], money.in_units(minor, sale.currency))
            for affiliate_id, minor in sorted(plan.parts.items(), key=lambda part: -part[1])
        )
        total = money.in_units(sum(plan.parts.values()), sale.currency)
        return Credit(parts[0][0], total, sale.currency, new=True, shares=parts if len(parts) > 1 else ())

    def _answer(self, connection: Connection, found: Found, sale: Sale, touches: Sequence[Touch]) -> Credit:
        differs = conflicts.sale_differences(connection, self._roster, found, sale, touches)
        if differs:
            conflicts.record_sale(connection, found.row.order_key, sale, touches, differs)
        return found.credit(conflict=bool(differs))


def _nobody(sale: Sale) -> Credit:
    return Credit(None, money.in_units(0, sale.currency), sale.currency)
