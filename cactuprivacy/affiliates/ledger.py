"""Ledger: which order was credited to whom, once; and what was refunded of it, in whatever order one hears of it.

Room: affiliates. May import store and keys. Rows are only ever added, and the database itself refuses anything
else. An order is known here by a keyed hash alone, so that the ledger by itself leads to no customer.
"""

from __future__ import annotations

import hashlib
import json
import logging
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from sqlalchemy import bindparam, func, select, union_all

from cactuprivacy.affiliates import chain, money, tables, webhooks
from cactuprivacy.affiliates.reason import Dropped, Reason, Touched, lines_from, lines_text
from cactuprivacy.affiliates.roster import AffiliateError, actor_name, terms_id
from cactuprivacy.affiliates.shares import weights
from cactuprivacy.affiliates.terms import later_orders
from cactuprivacy.store import now

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import date, datetime
    from decimal import Decimal

    from sqlalchemy import Connection, Row

    from cactuprivacy.affiliates.roster import Affiliate, Roster
    from cactuprivacy.affiliates.terms import Terms
    from cactuprivacy.keys import KeyRing
    from cactuprivacy.store import Store

logger = logging.getLogger("cactuprivacy.affiliates")

_ORDER, _REFUND = "affiliate order", "affiliate refund"

# What every sale asks is made once: to make a statement costs more than to run it.
_BY_ORDER = select(tables.conversion).where(
    tables.conversion.c.order_key.in_(bindparam("keys", expanding=True))
)
_ACCRUALS = (
    select(
        tables.ledger.c.id,
        tables.ledger.c.amount_minor,
        tables.ledger.c.affiliate_id,
        tables.affiliate.c.code,
    )
    .join(tables.affiliate, tables.affiliate.c.id == tables.ledger.c.affiliate_id)
    .where(tables.ledger.c.conversion_id == bindparam("number"), tables.ledger.c.kind == "accrual")
    .order_by(tables.ledger.c.id)
)
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


class Touch(Protocol):
    """A click on an affiliate's link, or its coupon."""

    @property
    def code(self) -> str:
        """The code of the link, in lower case."""

    @property
    def day(self) -> date | None:
        """The day of the click."""


@dataclass(frozen=True)
class Credit:
    """What a sale brought, and whom.

    Attributes:
        affiliate: The public code of who is credited, with the largest share if several are; ``None`` for nobody.
        amount: The commission, in whole units of *currency*.
        currency: Its ISO 4217 code.
        new: Whether this call credited it; ``False`` for a repeated call, which changes nothing.
        conflict: Whether the order was credited before with other particulars; the first ones stand.
        shares: Who got which part, when several did; they sum to *amount*. Empty otherwise.
    """

    affiliate: str | None
    amount: Decimal
    currency: str
    new: bool = False
    conflict: bool = False
    shares: tuple[tuple[str, Decimal], ...] = ()


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


class Sale(NamedTuple):
    """A sale as the host reports it: the order's name, its base in minor units, its currency, its products' parts."""

    order: str
    base_minor: int
    currency: str
    lines: Mapping[str, int]


class Refund(NamedTuple):
    """A refund as the host reports it; without a name and an amount it voids the order."""

    order: str
    refund: str | None
    amount_minor: int | None
    currency: str | None


class Found(NamedTuple):
    """An order that was credited: its row, and its accruals with the code of each affiliate."""

    row: Row[Any]
    accruals: Sequence[Any]

    def credit(self, *, new: bool = False, conflict: bool = False) -> Credit:
        """Return it as an answer."""
        currency = self.row.currency
        shares = sorted(self.accruals, key=lambda each: (-each.amount_minor, each.id))
        parts = tuple((each.code, money.in_units(each.amount_minor, currency)) for each in shares)
        total = money.in_units(sum(each.amount_minor for each in shares), currency)
        return Credit(parts[0][0], total, currency, new, conflict, parts if len(parts) > 1 else ())


class Plan(NamedTuple):
    """How a sale would be credited: the reason, each affiliate's part, and the first order with a number after it."""

    reason: Reason
    parts: dict[int, int]
    root_id: int | None = None
    later: int | None = None


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
        self._terms = terms
        self._hold = timedelta(days=hold_days)
        self._model = model
        self._is_self = is_self
        self._tells = tells
        self._terms_id: int | None = None

    def credit(
        self, sale: Sale, touches: Sequence[Touch], *, rule: str = "claim", first_order: str | None = None
    ) -> Credit:
        """Credit *sale* to the approved affiliates behind *touches*, once for each order.

        Without a touch or a first order nothing is written; what the order was credited with is the answer.
        """
        keys = self.order_keys(sale.order)
        if not touches and first_order is None:
            with self._store.read() as connection:
                found = self.find(connection, keys)
                if found is None:
                    return _nobody(sale)
                if not self._differences(connection, found, sale, ()):
                    return found.credit()
        own = self._own(sale.order, touches)
        with self._store.write() as connection:
            chain.lock(connection)
            found = self.find(connection, keys)
            if found is not None:
                return self._answer(connection, found, sale, touches)
            default = self._terms_id or terms_id(connection, self._terms)
            plan = self.plan(connection, sale, touches, rule, first_order, own, default)
            if not plan.parts:
                return _nobody(sale)
            credit = self._enter(connection, self._order_key(connection, keys), sale, plan)
        self._terms_id = default  # only now is it there for good
        return credit

    def refund(self, refund: Refund) -> Reversal:
        """Take back what *refund* reverses, once; a refund before its sale waits for it."""
        name = b"void" if refund.refund is None else b"refund:" + refund.refund.encode()
        refund_keys = self._keys.digests(_REFUND, name)
        table = tables.refund
        with self._store.write() as connection:
            chain.lock(connection)
            order_keys = self.order_keys(refund.order)
            found = self.find(connection, order_keys)
            order_key = found.row.order_key if found else self._order_key(connection, order_keys)
            seen = connection.execute(
                select(table).where(table.c.order_key == order_key, table.c.refund_key.in_(refund_keys))
            ).first()
            differs = []
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
            else:
                differs += ["amount"] * (seen.amount_minor != refund.amount_minor)
                differs += ["currency"] * (seen.currency != refund.currency)
            if not differs and found and refund.currency not in (None, found.row.currency):
                differs = ["currency than its sale"]
            if differs:
                self._record_conflict(connection, order_key, "refund", differs, [*refund[1:]])
            reversed_minor = self._reverse(connection, found.row, tell=seen is None) if found else 0
        currency = found.row.currency if found else refund.currency
        amount = money.in_units(reversed_minor, currency or "GBP")
        return Reversal(amount, currency, new=seen is None, conflict=bool(differs))

    def hold(self, order: str, kind: str, rule: str, actor: str) -> bool:
        """Hold or release *order* by *rule*, and return whether it is held now, by whichever rule."""
        if not isinstance(rule, str) or not 1 <= len(rule) <= 64 or not rule.isprintable():
            raise AffiliateError("A hold's rule is named by 1 to 64 printable characters, such as 'review'.")
        table = tables.hold
        with self._store.write() as connection:
            chain.lock(connection)
            order_key = self._order_key(connection, self.order_keys(order))
            tables.insert_once(
                connection,
                table,
                *("order_key", "rule", "kind"),
                order_key=order_key,
                rule=rule,
                kind=kind,
                actor=actor_name(actor),
                at=now(),
            )
            return connection.scalar(held_orders().where(table.c.order_key == order_key)) is not None

    def order_keys(self, order: str) -> list[bytes]:
        """Return the hash of *order* under every key, so that a retry after a rotation still finds the first."""
        return self._keys.digests(_ORDER, order.encode())

    def find(self, connection: Connection, order_keys: Sequence[bytes]) -> Found | None:
        """Return the order that was credited under one of these keys."""
        row = connection.execute(_BY_ORDER, {"keys": order_keys}).first()
        if row is None:
            return None
        accruals = connection.execute(_ACCRUALS, {"number": row.id}).all()
        return Found(row, accruals)

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
        return self._own(order, touches)

    def _own(self, order: str, touches: Sequence[Touch]) -> frozenset[str]:
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
        found = self.find(connection, self.order_keys(first_order))
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
        if not number or number == self._terms_id:  # 0: a dry run before the programme's were ever used
            return self._terms.body
        body: str = connection.execute(
            select(tables.terms.c.body).where(tables.terms.c.id == number)
        ).scalar_one()
        return body

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
                self._tell(
                    connection, "sale.credited", number, codes[affiliate_id], minor, sale.currency, moment
                )
        if connection.scalar(
            select(tables.refund.c.id).where(tables.refund.c.order_key == order_key).limit(1)
        ):
            row = connection.execute(select(tables.conversion).where(tables.conversion.c.id == number)).one()
            self._reverse(connection, row)
        parts = tuple(
            (codes[affiliate_id], money.in_units(minor, sale.currency))
            for affiliate_id, minor in sorted(plan.parts.items(), key=lambda part: -part[1])
        )
        total = money.in_units(sum(plan.parts.values()), sale.currency)
        return Credit(parts[0][0], total, sale.currency, new=True, shares=parts if len(parts) > 1 else ())

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
                    self._tell(
                        connection, "sale.reversed", row.id, accrual.code, -minor, row.currency, moment
                    )
        if added:
            chain.append(connection, *added, sources={row.id: chain.conversion_digest(row._asdict())})
        return sum(done.values())

    def _answer(self, connection: Connection, found: Found, sale: Sale, touches: Sequence[Touch]) -> Credit:
        differs = self._differences(connection, found, sale, touches)
        if differs:
            codes = sorted({touch.code for touch in touches})
            payload = [sale.currency, sale.base_minor, lines_text(sale.lines), codes]
            self._record_conflict(connection, found.row.order_key, "sale", differs, payload)
        return found.credit(conflict=bool(differs))

    def _differences(
        self, connection: Connection, found: Found, sale: Sale, touches: Sequence[Touch]
    ) -> list[str]:
        row = found.row
        claimed = {
            affiliate.id
            for code in {touch.code for touch in touches}
            if (affiliate := self._roster.find(connection, code)) is not None
        }
        led = {touch.affiliate_id for touch in Reason.from_text(row.attribution).touches}
        return [
            name
            for name, other in (
                ("currency", row.currency != sale.currency),
                ("amount", row.base_minor != sale.base_minor),
                ("items", lines_from(row.lines) != sale.lines),
                ("affiliate", bool(claimed) and not claimed & led),
            )
            if other
        ]

    def _record_conflict(
        self, connection: Connection, order_key: bytes, kind: str, differs: list[str], payload: list[Any]
    ) -> None:
        text = " and ".join(differs)
        new = tables.insert_once(
            connection,
            tables.conflict,
            *("order_key", "kind", "digest"),
            order_key=order_key,
            kind=kind,
            digest=hashlib.sha256(json.dumps([*payload, text]).encode()).digest(),
            differs=text,
            at=now(),
        )
        if new is not None:
            what = "An order that was credited" if kind == "sale" else "A refund"
            logger.warning("%s came again with another %s; the first stands.", what, text)

    def _order_key(self, connection: Connection, order_keys: Sequence[bytes]) -> bytes:
        """Return the key that the order is known by already, or the newest."""
        if len(order_keys) == 1:
            return order_keys[0]
        known = union_all(
            *(
                select(table.c.order_key).where(table.c.order_key.in_(order_keys))
                for table in (tables.conversion, tables.refund, tables.hold)
            )
        )
        found: bytes | None = connection.scalar(known.limit(1))
        return found if found is not None else order_keys[0]

    def _tell(
        self,
        connection: Connection,
        topic: str,
        conversion: int,
        code: str,
        minor: int,
        currency: str,
        moment: datetime,
    ) -> None:
        webhooks.queue(
            connection,
            topic,
            moment,
            sale=conversion,
            affiliate=code,
            amount=f"{money.in_units(minor, currency):f}",
            currency=currency,
        )


def reversible(accrual: int, base_minor: int, refunds: Sequence[int | None]) -> int:
    """Return how much of *accrual* is taken back by *refunds* together, where ``None`` is the whole order.

    Always from the sum of them, so that three thirds are exactly one whole.
    """
    total = sum(amount or 0 for amount in refunds)
    if None in refunds or (base_minor and total >= base_minor):
        return accrual
    return money.portion(accrual, total, base_minor) if base_minor else 0


def held_orders() -> Any:
    """Return a select of the keys of the orders that are held: by a rule that has not released them."""
    hold, release = tables.hold, tables.hold.alias("release")
    return select(hold.c.order_key).where(
        hold.c.kind == "hold",
        ~select(release.c.id)
        .where(
            release.c.order_key == hold.c.order_key,
            release.c.rule == hold.c.rule,
            release.c.kind == "release",
        )
        .exists(),
    )


def _nobody(sale: Sale) -> Credit:
    return Credit(None, money.in_units(0, sale.currency), sale.currency)
