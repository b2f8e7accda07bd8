"""The tables of clause 3: who is an affiliate, which orders were credited, what was earned and what was paid.

Room: affiliates. May import store. ``store/migrations/versions/0002_affiliates.py`` makes them, with triggers
that refuse UPDATE and DELETE on all but ``affiliate``, ``affiliate_code`` and ``affiliate_webhook``. No column can
hold an address, a referrer, a user agent or anything else of a visitor; a test holds the columns against a list.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
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
    Column("actor", String(64), nullable=False),
    Column("at", Moment, nullable=False),
    CheckConstraint("state IN ('pending', 'approved', 'suspended', 'refused')", name="state"),
)

#: Every terms that anything was ever credited by, whole, so that each amount can be computed again.
terms = Table(
    "affiliate_terms",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("digest", LargeBinary(32), nullable=False, unique=True),
    Column("body", Text, nullable=False),
    Column("created_at", Moment, nullable=False),
)

#: The terms that one affiliate has instead of the programme's: the last of them.
agreement = Table(
    "affiliate_agreement",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("affiliate_id", RowId, ForeignKey("affiliate.id"), nullable=False, index=True),
    Column("terms_id", RowId, ForeignKey("affiliate_terms.id"), nullable=False),
    Column("actor", String(64), nullable=False),
    Column("at", Moment, nullable=False),
)

#: An order that was credited, known only by a keyed hash, and why to whom. ``lines`` are the amounts under a rate
#: of their own; ``root_id`` is the first order of the same customer, ``later`` its how-manieth successor this is.
conversion = Table(
    "affiliate_conversion",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("order_key", LargeBinary(32), nullable=False, unique=True),
    Column("currency", String(3), nullable=False),
    Column("base_minor", BigInteger, nullable=False),
    Column("lines", Text, nullable=False),
    Column("attribution", Text, nullable=False),
    Column("root_id", RowId, ForeignKey("affiliate_conversion.id")),
    Column("later", Integer),
    Column("occurred_at", Moment, nullable=False),
    UniqueConstraint("id", "currency"),  # for the ledger's foreign key: currencies never mix
    UniqueConstraint("root_id", "later"),
    CheckConstraint("length(order_key) = 32", name="order_key"),
    CheckConstraint("length(currency) = 3 AND currency = upper(currency)", name="currency"),
    CheckConstraint("base_minor >= 0", name="base_minor"),
    CheckConstraint("(root_id IS NULL) = (later IS NULL)", name="later"),
)

#: A refund that was reported, perhaps before its sale; without an amount it is the whole order's.
refund = Table(
    "affiliate_refund",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("order_key", LargeBinary(32), nullable=False),
    Column("refund_key", LargeBinary(32), nullable=False),
    Column("currency", String(3)),
    Column("amount_minor", BigInteger),
    Column("at", Moment, nullable=False),
    UniqueConstraint("order_key", "refund_key"),
    CheckConstraint("length(order_key) = 32 AND length(refund_key) = 32", name="keys"),
    CheckConstraint("(currency IS NULL) = (amount_minor IS NULL)", name="whole"),
    CheckConstraint("amount_minor >= 0", name="amount_minor"),
)

#: What came again with other particulars; the ledger kept the first.
conflict = Table(
    "affiliate_conflict",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("order_key", LargeBinary(32), nullable=False),
    Column("kind", String(8), nullable=False),
    Column("digest", LargeBinary(32), nullable=False),
    Column("differs", String(64), nullable=False),
    Column("at", Moment, nullable=False),
    UniqueConstraint("order_key", "kind", "digest"),
    CheckConstraint("kind IN ('sale', 'refund')", name="kind"),
)

#: Orders whose commission is not paid: each rule holds once, and releases once, in either order.
hold = Table(
    "affiliate_hold",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("order_key", LargeBinary(32), nullable=False),
    Column("rule", String(64), nullable=False),
    Column("kind", String(8), nullable=False),
    Column("actor", String(64), nullable=False),
    Column("at", Moment, nullable=False),
    UniqueConstraint("order_key", "rule", "kind"),
    CheckConstraint("kind IN ('hold', 'release')", name="kind"),
)

#: What was paid to whom, by whom and how, once for each period and currency.
payout = Table(
    "affiliate_payout",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("affiliate_id", RowId, ForeignKey("affiliate.id"), nullable=False),
    Column("currency", String(3), nullable=False),
    Column("period", String(7), nullable=False),
    Column("cut_off", Moment, nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    Column("method", String(64), nullable=False),
    Column("actor", String(64), nullable=False),
    Column("at", Moment, nullable=False),
    UniqueConstraint("affiliate_id", "currency", "period"),
    UniqueConstraint("id", "affiliate_id", "currency"),
    CheckConstraint("amount_minor > 0", name="amount_minor"),
    CheckConstraint("length(period) = 7", name="period"),
)

#: What is owed and paid, in signed minor units; a balance is a sum over it and is stored nowhere. Each row holds the
#: hash of the one before, and no two the same: it is one chain, numbered without a gap.
ledger = Table(
    "affiliate_ledger",
    metadata,
    Column("id", RowId, primary_key=True, autoincrement=False),
    Column("affiliate_id", RowId, ForeignKey("affiliate.id"), nullable=False),
    Column("conversion_id", RowId, index=True),
    Column("of_entry", RowId, ForeignKey("affiliate_ledger.id"), index=True),
    Column("payout_id", RowId, index=True),
    Column("terms_id", RowId, ForeignKey("affiliate_terms.id")),
    Column("kind", String(16), nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("idem_key", String(160), nullable=False, unique=True),
    Column("occurred_at", Moment, nullable=False),
    Column("available_at", Moment, nullable=False),
    Column("reason", String(200), nullable=False),
    Column("prev_hash", LargeBinary(32), nullable=False, unique=True),
    Column("hash", LargeBinary(32), nullable=False, unique=True),
    UniqueConstraint("id", "affiliate_id", "currency"),
    ForeignKeyConstraint(
        ["conversion_id", "currency"], ["affiliate_conversion.id", "affiliate_conversion.currency"]
    ),
    ForeignKeyConstraint(
        ["payout_id", "affiliate_id", "currency"],
        ["affiliate_payout.id", "affiliate_payout.affiliate_id", "affiliate_payout.currency"],
    ),
    CheckConstraint(
        "kind IN ('accrual', 'reversal', 'adjustment', 'bonus', 'payout', 'payout_void')", name="kind"
    ),
    CheckConstraint(
        "kind <> 'accrual' OR (amount_minor >= 0 AND conversion_id IS NOT NULL AND terms_id IS NOT NULL)",
        name="accrual",
    ),
    CheckConstraint(
        "kind <> 'reversal' OR (amount_minor <= 0 AND conversion_id IS NOT NULL AND of_entry IS NOT NULL)",
        name="reversal",
    ),
    CheckConstraint("(payout_id IS NOT NULL) = (kind IN ('payout', 'payout_void'))", name="payout_id"),
    CheckConstraint("kind <> 'payout' OR amount_minor < 0", name="payout"),
    CheckConstraint("kind <> 'payout_void' OR amount_minor > 0", name="payout_void"),
    CheckConstraint("length(currency) = 3 AND currency = upper(currency)", name="currency"),
    # Statements and payouts read this alone, not the rows.
    Index(
        "ix_affiliate_ledger_statement",
        *("affiliate_id", "currency", "occurred_at", "kind", "amount_minor", "available_at", "conversion_id"),
    ),
)

#: Which entries a payout pays: each at most once, for ever; a void pays back by an entry of its own.
payout_line = Table(
    "affiliate_payout_line",
    metadata,
    Column("entry_id", RowId, primary_key=True, autoincrement=False),
    Column("payout_id", RowId, nullable=False, index=True),
    Column("affiliate_id", RowId, nullable=False),
    Column("currency", String(3), nullable=False),
    ForeignKeyConstraint(
        ["entry_id", "affiliate_id", "currency"],
        ["affiliate_ledger.id", "affiliate_ledger.affiliate_id", "affiliate_ledger.currency"],
    ),
    ForeignKeyConstraint(
        ["payout_id", "affiliate_id", "currency"],
        ["affiliate_payout.id", "affiliate_payout.affiliate_id", "affiliate_payout.currency"],
    ),
)

#: What the host's other machines are told of, at least once; queued in the transaction that it is about.
webhook = Table(
    "affiliate_webhook",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("topic", String(32), nullable=False),
    Column("body", Text, nullable=False),
    Column("state", String(16), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("next_at", Moment, nullable=False),
    Column("lease", Uuid),
    Column("lease_until", Moment),
    Column("last_code", Integer),
    Column("created_at", Moment, nullable=False),
    Column("done_at", Moment),
    CheckConstraint("state IN ('queued', 'delivered', 'failed')", name="state"),
    Index(None, "state", "next_at"),
)


def insert_once(connection: Connection, table: Table, *unique: str, **values: Any) -> int | None:
    """Insert a row, and return its id; ``None`` when the *unique* columns already have these values.

    The database decides, not a look beforehand, so two at once cannot both win.
    """
    row_id: int | None = connection.scalar(_once(connection.dialect.name, table, unique), values)
    return row_id


@functools.lru_cache(
    maxsize=32
)  # as many as there are callers: to make a statement costs more than to run it
def _once(dialect: str, table: Table, unique: tuple[str, ...]) -> Any:
    insert = postgresql.insert if dialect == "postgresql" else sqlite.insert
    return insert(table).on_conflict_do_nothing(index_elements=unique).returning(table.c.id)
