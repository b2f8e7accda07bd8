"""Orders: how the ledger knows an order, by a keyed hash of its name alone, and whom it was credited to.

Room: affiliates. May import store and keys. Whoever has the ledger without the keys is led to no customer by it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from sqlalchemy import bindparam, select, union_all

from cactuprivacy.affiliates import money, tables

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date
    from decimal import Decimal

    from sqlalchemy import Connection, Row

    from cactuprivacy.keys import KeyRing

_ORDER = "affiliate order"

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


class Touch(Protocol):
    """A click on an affiliate's link, or its coupon."""

    @property
    def code(self) -> str:
        """The code of the link, in lower case."""

    @property
    def day(self) -> date | None:
        """The day of the click."""


class Sale(NamedTuple):
    """A sale as the host reports it: the order's name, its base in minor units, its currency, its products' parts."""

    order: str
    base_minor: int
    currency: str
    lines: Mapping[str, int]


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


def order_keys(keys: KeyRing, order: str) -> list[bytes]:
    """Return the hash of *order* under every key, so that a retry after a rotation still finds the first."""
    return keys.digests(_ORDER, order.encode())


def find(connection: Connection, keys: Sequence[bytes]) -> Found | None:
    """Return the order that was credited under one of these keys."""
    row = connection.execute(_BY_ORDER, {"keys": keys}).first()
    if row is None:
        return None
    accruals = connection.execute(_ACCRUALS, {"number": row.id}).all()
    return Found(row, accruals)


def known_key(connection: Connection, keys: Sequence[bytes]) -> bytes:
    """Return the one of *keys* that the order is known by already, or the newest."""
    if len(keys) == 1:
        return keys[0]
    known = union_all(
        *(
            select(table.c.order_key).where(table.c.order_key.in_(keys))
            for table in (tables.conversion, tables.refund, tables.hold)
        )
    )
    found: bytes | None = connection.scalar(known.limit(1))
    return found if found is not None else keys[0]
