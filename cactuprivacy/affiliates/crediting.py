"""Crediting: which affiliates a sale is credited to, and with what, before anything of it is written.

Room: affiliates. May import store and keys. The same answer serves the ledger, which enters it, and a dry run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import func, select

from cactuprivacy.affiliates import tables
from cactuprivacy.affiliates.orders import find, order_keys
from cactuprivacy.affiliates.reason import Dropped, Reason, Touched
from cactuprivacy.affiliates.roster import terms_id
from cactuprivacy.affiliates.shares import weights
from cactuprivacy.affiliates.terms import later_orders

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from sqlalchemy import Connection

    from cactuprivacy.affiliates.orders import Sale, Touch
    from cactuprivacy.affiliates.roster import Affiliate, Roster
    from cactuprivacy.affiliates.terms import Terms
    from cactuprivacy.keys import KeyRing
    from cactuprivacy.store import Store


class Plan(NamedTuple):
    """How a sale would be credited: the reason, each affiliate's part, and the first order with a number after it."""

    reason: Reason
    parts: dict[int, int]
    root_id: int | None = None
    later: int | None = None


class Crediting:
    """Decides whom a sale is credited to.

    Parameters:
        store: The database.
        keys: The site's key ring, for the keyed hash of a first order.
        roster: Who may be credited.
        terms: What a sale brings those who have no terms of their own.
        model: Who is credited when several affiliates led to a sale.
        is_self: Asked with the order and an affiliate's public code whether the affiliate is the buyer.

    Attributes:
        terms_id: The number of *terms* in the database, once a sale that went by them is there for good.
    """

    def __init__(
        self,
        store: Store,
        keys: KeyRing,
        roster: Roster,
        *,
        terms: Terms,
        model: str,
        is_self: Callable[[str, str], bool] | None = None,
    ) -> None:
        self._store = store
        self._keys = keys
        self._roster = roster
        self._terms = terms
        self._model = model
        self._is_self = is_self
        self.terms_id: int | None = None

    def default_terms(self, connection: Connection) -> int:
        """Return the number of the programme's own terms, entering them if they are not there yet."""
        return self.terms_id or terms_id(connection, self._terms)

    def plan(
        self,
        connection: Connection,
        sale: Sale,
        touches: Sequence[Touch],
        rule: str,
        first_order: str | None,
        own: Iterable[str] = (),
        default_terms: int | None = None,
    ) -> Plan:
        """Return how *sale* would be credited, writing nothing."""
        if first_order is not None:
            followed = self._follow(connection, sale, first_order)
            if followed is not None:
                return followed
        credited: list[tuple[Touch, Affiliate]] = []
        dropped: list[Dropped] = []
        known = {code: self._roster.find(connection, code) for code in {touch.code for touch in touches}}
        for touch in touches:
            affiliate = known[touch.code]
            if affiliate is None or affiliate.state != "approved":
                dropped.append(Dropped(touch.code, affiliate.state if affiliate else "unknown"))
            elif affiliate.code in own:
                dropped.append(Dropped(affiliate.code, "self-referral"))
            else:
                credited.append((touch, affiliate))
        weighing = weights(self._model, len(credited)) if credited else ()
        reason = Reason(
            rule,
            self._model,
            tuple(
                Touched(
                    affiliate.id, affiliate.terms_id or default_terms or 0, affiliate.code, touch.day, weight
                )
                for (touch, affiliate), weight in zip(credited, weighing, strict=True)
            ),
            tuple(dropped),
        )
        return Plan(reason, self._parts(connection, reason, sale))

    def own_codes(self, order: str, touches: Sequence[Touch]) -> frozenset[str]:
        """Return the public codes of those affiliates of *touches* who are the buyer themselves, says the host."""
        if self._is_self is None or not touches:
            return frozenset()
        with self._store.read() as connection:  # and let go: the host may ask the same database
            known = [self._roster.find(connection, code) for code in {touch.code for touch in touches}]
        found = set()
        for affiliate in filter(None, known):
            answer = self._is_self(order, affiliate.code)
            if not isinstance(answer, bool):
                raise TypeError(
                    f"is_self= answered with a {type(answer).__name__}; let it return True or False."
                )
            if answer:
                found.add(affiliate.code)
        return frozenset(found)

    def _follow(self, connection: Connection, sale: Sale, first_order: str) -> Plan | None:
        """Return how a later order is credited by the terms of the first, ``None`` when it is not by those."""
        found = find(connection, order_keys(self._keys, first_order))
        if found is None:
            return None
        conversion = tables.conversion
        root = found.row
        if root.root_id is not None:
            root = connection.execute(select(conversion).where(conversion.c.id == root.root_id)).one()
        last = (
            connection.scalar(select(func.max(conversion.c.later)).where(conversion.c.root_id == root.id))
            or 0
        )
        promised = Reason.from_text(root.attribution)
        states = {each.code: self._roster.find(connection, each.code) for each in promised.touches}
        touches, dropped = [], []
        for touch in promised.touches:
            limit = later_orders(self._body(connection, touch.terms_id))
            affiliate = states[touch.code]
            if not touch.weight or (limit is not None and last >= limit):
                continue
            if affiliate is None or affiliate.state != "approved":
                dropped.append(Dropped(touch.code, affiliate.state if affiliate else "unknown"))
                continue
            touches.append(touch)
        if not touches:
            return None
        reason = Reason("first order", promised.model, tuple(touches), tuple(dropped))
        return Plan(reason, self._parts(connection, reason, sale), root.id, last + 1)

    def _parts(self, connection: Connection, reason: Reason, sale: Sale) -> dict[int, int]:
        if not reason.touches:
            return {}
        return reason.divide(
            sale.base_minor, sale.currency, sale.lines, lambda number: self._body(connection, number)
        )

    def _body(self, connection: Connection, number: int) -> str:
        if not number or number == self.terms_id:  # 0: a dry run before the programme's were ever used
            return self._terms.body
        body: str = connection.execute(
            select(tables.terms.c.body).where(tables.terms.c.id == number)
        ).scalar_one()
        return body
