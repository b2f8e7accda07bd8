"""The outbox: each mail that is due, under way or done, one row a mail and a recipient.

Room: mail. Only ``outbox`` writes to it, and the clause that queues a mail, through :func:`outbox.queue`.
A row says why it may be sent: a confirmation mail names its token, an announcement its delivery, and the
database refuses a row that does neither.
"""

from __future__ import annotations

from typing import Any

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
    Uuid,
)

from cactuprivacy.store import Moment, metadata


def progress() -> tuple[Column[Any] | CheckConstraint, ...]:
    """Return the columns that every outbox has: by what it is known, and how far it has come."""
    return (
        Column("dedupe_key", String(200), nullable=False, unique=True),
        Column("message_id", String(320), nullable=False, unique=True),
        Column("sealed", LargeBinary),
        Column("state", String(20), nullable=False),
        Column("attempts", Integer, nullable=False),
        Column("next_at", Moment, nullable=False),
        Column("lease", Uuid),
        Column("lease_until", Moment),
        Column("last_code", Integer),
        Column("created_at", Moment, nullable=False),
        Column("done_at", Moment),
        CheckConstraint(
            "state IN ('queued', 'sending', 'sent', 'failed', 'withdrawn', 'unknown')",
            name="state",
        ),
    )


outbox = Table(
    "outbox",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("kind", String(20), nullable=False),
    Column("token_digest", LargeBinary, ForeignKey("token.digest"), index=True),
    Column("campaign_id", Uuid),
    Column("list", String(63)),
    Column("address_id", Uuid),
    *progress(),
    # A foreign key with a null in it is not checked, so these nulls are.
    CheckConstraint(
        "(kind = 'confirm' AND token_digest IS NOT NULL"
        " AND campaign_id IS NULL AND list IS NULL AND address_id IS NULL)"
        " OR (kind = 'announcement' AND token_digest IS NULL"
        " AND campaign_id IS NOT NULL AND list IS NOT NULL AND address_id IS NOT NULL)",
        name="kind",
    ),
    ForeignKeyConstraint(
        ["campaign_id", "list", "address_id"],
        ["delivery.campaign_id", "delivery.list", "delivery.address_id"],
    ),
    Index(None, "state", "next_at"),
    Index(None, "campaign_id", "list", "address_id"),
)
