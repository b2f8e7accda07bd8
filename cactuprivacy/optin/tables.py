"""The tables of the mailing lists; what must never be is a constraint here, not an ``if`` elsewhere.

Room: optin. Only modules of this room read or write these tables. The triggers that go with them are in the
revision ``0001_mailing_list``; both must agree, and a released revision is never edited.

A subscription holds a foreign key to a confirmation of the same list and address, a confirmation one to a
token of the same, a token one to a request, and an announcement one to a delivery, which holds one to a
subscription. So nobody can be mailed who did not click, whatever the code above does.
"""

from __future__ import annotations

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

from cactuprivacy.store import Moment, metadata

if TYPE_CHECKING:
    from sqlalchemy import Connection

consent_text = Table(
    "consent_text",
    metadata,
    Column("digest", LargeBinary, primary_key=True),
    Column("list", String(63), nullable=False),
    Column("language", String(35), nullable=False),
    Column("text", Text, nullable=False),
    Column("first_used_at", Moment, nullable=False),
    CheckConstraint("length(digest) = 32", name="digest"),
)

address = Table(
    "address",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("blind_index", LargeBinary, nullable=False, unique=True),
    Column("sealed", LargeBinary, nullable=False),
    Column("created_at", Moment, nullable=False),
    CheckConstraint("length(blind_index) = 32", name="blind_index"),
)

optin_request = Table(
    "optin_request",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("list", String(63), nullable=False),
    Column("address_id", ForeignKey("address.id"), nullable=False, index=True),
    Column("source", String(20), nullable=False),
    Column("consent_digest", ForeignKey("consent_text.digest"), nullable=False),
    Column("page", String(2048), nullable=False),
    Column("origin", LargeBinary),
    Column("created_at", Moment, nullable=False),
    UniqueConstraint("id", "list", "address_id"),
    CheckConstraint("source IN ('signup_box', 'download_checkbox')", name="source"),
)

token = Table(
    "token",
    metadata,
    Column("digest", LargeBinary, primary_key=True),
    Column("purpose", String(20), nullable=False),
    Column("request_id", Uuid, nullable=False),
    Column("list", String(63), nullable=False),
    Column("address_id", Uuid, nullable=False),
    Column("expires_at", Moment, nullable=False),
    Column("consumed_at", Moment),
    ForeignKeyConstraint(
        ["request_id", "list", "address_id"],
        ["optin_request.id", "optin_request.list", "optin_request.address_id"],
    ),
    UniqueConstraint("digest", "list", "address_id"),
    CheckConstraint("length(digest) = 32", name="digest"),
    CheckConstraint("purpose IN ('confirm', 'download')", name="purpose"),
    CheckConstraint("consumed_at IS NULL OR consumed_at < expires_at", name="in_time"),
    Index(None, "list", "address_id"),
)

confirmation = Table(
    "confirmation",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("token_digest", LargeBinary, nullable=False, unique=True),
    Column("list", String(63), nullable=False),
    Column("address_id", Uuid, nullable=False),
    Column("confirmed_at", Moment, nullable=False),
    ForeignKeyConstraint(
        ["token_digest", "list", "address_id"], ["token.digest", "token.list", "token.address_id"]
    ),
    UniqueConstraint("id", "list", "address_id"),
)

subscription = Table(
    "subscription",
    metadata,
    Column("list", String(63), primary_key=True),
    Column("address_id", ForeignKey("address.id"), primary_key=True),
    Column("confirmation_id", Uuid, nullable=False),
    Column("uid", Uuid, nullable=False, unique=True),
    Column("state", String(20), nullable=False),
    Column("since", Moment, nullable=False),
    Column("ended_at", Moment),
    Column("end_reason", String(20)),
    ForeignKeyConstraint(
        ["confirmation_id", "list", "address_id"],
        ["confirmation.id", "confirmation.list", "confirmation.address_id"],
    ),
    CheckConstraint("state IN ('active', 'unsubscribed', 'suspended', 'complained')", name="state"),
    CheckConstraint("(state = 'active') = (ended_at IS NULL)", name="ended"),
)

suppression = Table(
    "suppression",
    metadata,
    Column("scope", String(63), primary_key=True),
    Column("blind_index", LargeBinary, primary_key=True),
    Column("reason", String(20), nullable=False),
    Column("since", Moment, nullable=False),
    CheckConstraint("length(blind_index) = 32", name="blind_index"),
    CheckConstraint("reason IN ('erased', 'bounced', 'complained')", name="reason"),
)

consent_event = Table(
    "consent_event",
    metadata,
    Column("seq", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("previous", LargeBinary, nullable=False, unique=True),
    Column("digest", LargeBinary, nullable=False),
    Column("happened_at", Moment, nullable=False),
    Column("kind", String(20), nullable=False),
    Column("list", String(63), nullable=False),
    Column("subject_index", LargeBinary, nullable=False, index=True),
    Column("detail", Text, nullable=False),
)

campaign = Table(
    "campaign",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("list", String(63), nullable=False),
    Column("subject", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("created_at", Moment, nullable=False),
    UniqueConstraint("id", "list"),
)

delivery = Table(
    "delivery",
    metadata,
    Column("campaign_id", Uuid, primary_key=True),
    Column("list", String(63), primary_key=True),
    Column("address_id", Uuid, primary_key=True),
    ForeignKeyConstraint(["campaign_id", "list"], ["campaign.id", "campaign.list"]),
    ForeignKeyConstraint(["list", "address_id"], ["subscription.list", "subscription.address_id"]),
    Index(None, "list", "address_id"),
)


def insert_new(connection: Connection, table: Table, **values: Any) -> None:
    """Insert a row unless one with its key is there; of several at once, one does, and the others wait."""
    from sqlalchemy.dialects import postgresql, sqlite

    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    connection.execute(dialect.insert(table).values(**values).on_conflict_do_nothing())
