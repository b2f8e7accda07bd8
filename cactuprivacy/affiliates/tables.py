"""The tables of clause 3: who is an affiliate, which orders were credited, and what was earned.

Room: affiliates. May import store. ``store/migrations/versions/0002_affiliates.py`` makes them, with triggers
that refuse UPDATE and DELETE on all but ``affiliate`` and ``affiliate_code``. No column can hold an address,
a referrer, a user agent or anything else of a visitor; a test holds the columns against a list.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Integer,
    LargeBinary,
    String,
    Table,
    UniqueConstraint,
)
from sqlalchemy.dialects import postgresql, sqlite

from cactuprivacy.store import Moment, metadata

if TYPE_CHECKING:
    from sqlalchemy import Connection

# SQLite numbers rows by itself only in a column that is INTEGER to the letter.
RowId = BigInteger().with_variant(Integer, "sqlite")

affiliate = Table(
    "affiliate",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("code", String(64), nullable=False, unique=True),
    Column("created_at", Moment, nullable=False),
)

#: Every text that stands for an affiliate: the public code, and what older links say.
affiliate_code = Table(
    "affiliate_code",
    metadata,
    Column("code", String(64), primary_key=True),
    Column("affiliate_id", RowId, ForeignKey("affiliate.id"), nullable=False, index=True),
    Column("kind", String(16), nullable=False),
    CheckConstraint("kind IN ('link', 'alias', 'path', 'coupon')", name="kind"),
    CheckConstraint("code = lower(code) AND length(code) BETWEEN 1 AND 64", name="code"),
)

#: An affiliate's state is the last of its events.
affiliate_event = Table(
    "affiliate_event",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("affiliate_id", RowId, ForeignKey("affiliate.id"), nullable=False, index=True),
    Column("state", String(16), nullable=False),
    Column("at", Moment, nullable=False),
    CheckConstraint("state IN ('pending', 'approved', 'suspended', 'refused')", name="state"),
)

#: An order that was credited, known only by a keyed hash, with the terms that held when it was.
conversion = Table(
    "affiliate_conversion",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("order_key", LargeBinary(32), nullable=False, unique=True),
    Column("affiliate_id", RowId, ForeignKey("affiliate.id"), nullable=False, index=True),
    Column("currency", String(3), nullable=False),
    Column("base_minor", BigInteger, nullable=False),
    Column("rate_ppm", Integer, nullable=False),
    Column("occurred_at", Moment, nullable=False),
    UniqueConstraint("id", "currency"),  # for the ledger's foreign key: currencies never mix
    CheckConstraint("length(order_key) = 32", name="order_key"),
    CheckConstraint("length(currency) = 3 AND currency = upper(currency)", name="currency"),
    CheckConstraint("base_minor >= 0", name="base_minor"),
    CheckConstraint("rate_ppm BETWEEN 0 AND 1000000", name="rate_ppm"),
)

#: What is owed and paid, in signed minor units; a balance is a sum over it and is stored nowhere.
ledger = Table(
    "affiliate_ledger",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("affiliate_id", RowId, ForeignKey("affiliate.id"), nullable=False, index=True),
    Column("conversion_id", RowId, nullable=True, index=True),
    Column("kind", String(16), nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("idem_key", String(128), nullable=False, unique=True),
    Column("occurred_at", Moment, nullable=False),
    ForeignKeyConstraint(
        ["conversion_id", "currency"], ["affiliate_conversion.id", "affiliate_conversion.currency"]
    ),
    CheckConstraint(
        "kind IN ('accrual', 'reversal', 'adjustment', 'bonus', 'payout', 'payout_void')", name="kind"
    ),
    CheckConstraint("kind <> 'accrual' OR (amount_minor >= 0 AND conversion_id IS NOT NULL)", name="accrual"),
    CheckConstraint(
        "kind <> 'reversal' OR (amount_minor <= 0 AND conversion_id IS NOT NULL)", name="reversal"
    ),
    CheckConstraint("length(currency) = 3 AND currency = upper(currency)", name="currency"),
)


def insert_once(connection: Connection, table: Table, unique: str, **values: Any) -> int | None:
    """Insert a row, and return its id; ``None`` when the *unique* column already has that value.

    The database decides, not a look beforehand, so two at once cannot both win.
    """
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    row_id: int | None = connection.scalar(
        insert(table).values(values).on_conflict_do_nothing(index_elements=[unique]).returning(table.c.id)
    )
    return row_id
