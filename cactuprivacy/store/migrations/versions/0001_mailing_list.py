"""The mailing lists and the outbox.

Room: store. Holds the tables of ``cactuprivacy.optin.tables`` and ``cactuprivacy.mail.tables``, and the
triggers for what no constraint can say. Once released it is never edited.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from cactuprivacy.store.types import Moment

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

# name, table, event, when the row is bad (OLD and NEW as in SQL), what is said
_REFUSALS = [
    (
        "token_is_born_unused",
        "token",
        "INSERT",
        "NEW.consumed_at IS NOT NULL",
        "a token is consumed by a click, it is not made so",
    ),
    (
        "token_is_consumed_once",
        "token",
        "UPDATE",
        "OLD.consumed_at IS NOT NULL",
        "a consumed token does not change",
    ),
    (
        "confirmation_needs_a_click",
        "confirmation",
        "INSERT",
        (
            "NOT EXISTS (SELECT 1 FROM token WHERE token.digest = NEW.token_digest"
            " AND token.purpose = 'confirm' AND token.consumed_at IS NOT NULL)"
        ),
        "a confirmation needs a consumed token",
    ),
    (
        "confirmation_is_final",
        "confirmation",
        "UPDATE",
        "1 = 1",
        "a confirmation does not change",
    ),
    (
        "subscription_is_not_revived",
        "subscription",
        "UPDATE",
        (
            "NEW.state = 'active' AND OLD.state <> 'active' AND NOT EXISTS ("
            "SELECT 1 FROM confirmation"
            " JOIN token ON token.digest = confirmation.token_digest"
            " JOIN optin_request ON optin_request.id = token.request_id"
            " WHERE confirmation.id = NEW.confirmation_id AND optin_request.created_at > OLD.ended_at)"
        ),
        "who has left is asked again, with a new request",
    ),
    (
        "consent_event_is_not_changed",
        "consent_event",
        "UPDATE",
        "1 = 1",
        "consent events are only ever added",
    ),
    (
        "consent_event_is_not_deleted",
        "consent_event",
        "DELETE",
        "1 = 1",
        "consent events are only ever added",
    ),
]


def upgrade() -> None:
    """Make the tables and their triggers."""
    serial = sa.BigInteger().with_variant(sa.Integer, "sqlite")
    op.create_table(
        "consent_text",
        sa.Column("digest", sa.LargeBinary, primary_key=True),
        sa.Column("list", sa.String(63), nullable=False),
        sa.Column("language", sa.String(35), nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("first_used_at", Moment, nullable=False),
        sa.CheckConstraint("length(digest) = 32", name="digest"),
    )
    op.create_table(
        "address",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("blind_index", sa.LargeBinary, nullable=False, unique=True),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        sa.Column("created_at", Moment, nullable=False),
        sa.CheckConstraint("length(blind_index) = 32", name="blind_index"),
    )
    op.create_table(
        "optin_request",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("list", sa.String(63), nullable=False),
        sa.Column("address_id", sa.Uuid, sa.ForeignKey("address.id"), nullable=False, index=True),
        sa.Column("source", sa.String(20), nullable=False),
        sa.Column("consent_digest", sa.LargeBinary, sa.ForeignKey("consent_text.digest"), nullable=False),
        sa.Column("page", sa.String(2048), nullable=False),
        sa.Column("origin", sa.LargeBinary),
        sa.Column("created_at", Moment, nullable=False),
        sa.UniqueConstraint("id", "list", "address_id"),
        sa.CheckConstraint("source IN ('signup_box', 'download_checkbox')", name="source"),
    )
    op.create_table(
        "token",
        sa.Column("digest", sa.LargeBinary, primary_key=True),
        sa.Column("purpose", sa.String(20), nullable=False),
        sa.Column("request_id", sa.Uuid, nullable=False),
        sa.Column("list", sa.String(63), nullable=False),
        sa.Column("address_id", sa.Uuid, nullable=False),
        sa.Column("expires_at", Moment, nullable=False),
        sa.Column("consumed_at", Moment),
        sa.ForeignKeyConstraint(
            ["request_id", "list", "address_id"],
            ["optin_request.id", "optin_request.list", "optin_request.address_id"],
        ),
        sa.UniqueConstraint("digest", "list", "address_id"),
        sa.CheckConstraint("length(digest) = 32", name="digest"),
        sa.CheckConstraint("purpose IN ('confirm', 'download')", name="purpose"),
        sa.CheckConstraint("consumed_at IS NULL OR consumed_at < expires_at", name="in_time"),
    )
    op.create_index(op.f("ix_token_list_token_address_id"), "token", ["list", "address_id"])
    op.create_table(
        "confirmation",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("token_digest", sa.LargeBinary, nullable=False, unique=True),
        sa.Column("list", sa.String(63), nullable=False),
        sa.Column("address_id", sa.Uuid, nullable=False),
        sa.Column("confirmed_at", Moment, nullable=False),
        sa.ForeignKeyConstraint(
            ["token_digest", "list", "address_id"], ["token.digest", "token.list", "token.address_id"]
        ),
        sa.UniqueConstraint("id", "list", "address_id"),
    )
    op.create_table(
        "subscription",
        sa.Column("list", sa.String(63), primary_key=True),
        sa.Column("address_id", sa.Uuid, sa.ForeignKey("address.id"), primary_key=True),
        sa.Column("confirmation_id", sa.Uuid, nullable=False),
        sa.Column("uid", sa.Uuid, nullable=False, unique=True),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("since", Moment, nullable=False),
        sa.Column("ended_at", Moment),
        sa.Column("end_reason", sa.String(20)),
        sa.ForeignKeyConstraint(
            ["confirmation_id", "list", "address_id"],
            ["confirmation.id", "confirmation.list", "confirmation.address_id"],
        ),
        sa.CheckConstraint("state IN ('active', 'unsubscribed', 'suspended', 'complained')", name="state"),
        sa.CheckConstraint("(state = 'active') = (ended_at IS NULL)", name="ended"),
    )
    op.create_table(
        "suppression",
        sa.Column("scope", sa.String(63), primary_key=True),
        sa.Column("blind_index", sa.LargeBinary, primary_key=True),
        sa.Column("reason", sa.String(20), nullable=False),
        sa.Column("since", Moment, nullable=False),
        sa.CheckConstraint("length(blind_index) = 32", name="blind_index"),
        sa.CheckConstraint("reason IN ('erased', 'bounced', 'complained')", name="reason"),
    )
    op.create_table(
        "consent_event",
        sa.Column("seq", serial, primary_key=True),
        sa.Column("previous", sa.LargeBinary, nullable=False, unique=True),
        sa.Column("digest", sa.LargeBinary, nullable=False),
        sa.Column("happened_at", Moment, nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("list", sa.String(63), nullable=False),
        sa.Column("subject_index", sa.LargeBinary, nullable=False, index=True),
        sa.Column("detail", sa.Text, nullable=False),
    )
    op.create_table(
        "campaign",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("list", sa.String(63), nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("created_at", Moment, nullable=False),
        sa.UniqueConstraint("id", "list"),
    )
    op.create_table(
        "delivery",
        sa.Column("campaign_id", sa.Uuid, primary_key=True),
        sa.Column("list", sa.String(63), primary_key=True),
        sa.Column("address_id", sa.Uuid, primary_key=True),
        sa.ForeignKeyConstraint(["campaign_id", "list"], ["campaign.id", "campaign.list"]),
        sa.ForeignKeyConstraint(["list", "address_id"], ["subscription.list", "subscription.address_id"]),
    )
    op.create_index(op.f("ix_delivery_list_delivery_address_id"), "delivery", ["list", "address_id"])
    op.create_table(
        "outbox",
        sa.Column("id", serial, primary_key=True),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("token_digest", sa.LargeBinary, sa.ForeignKey("token.digest"), index=True),
        sa.Column("campaign_id", sa.Uuid),
        sa.Column("list", sa.String(63)),
        sa.Column("address_id", sa.Uuid),
        sa.Column("dedupe_key", sa.String(200), nullable=False, unique=True),
        sa.Column("message_id", sa.String(320), nullable=False, unique=True),
        sa.Column("sealed", sa.LargeBinary),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("next_at", Moment, nullable=False),
        sa.Column("lease", sa.Uuid),
        sa.Column("lease_until", Moment),
        sa.Column("last_code", sa.Integer),
        sa.Column("created_at", Moment, nullable=False),
        sa.Column("done_at", Moment),
        sa.CheckConstraint(
            "(kind = 'confirm' AND token_digest IS NOT NULL"
            " AND campaign_id IS NULL AND list IS NULL AND address_id IS NULL)"
            " OR (kind = 'announcement' AND token_digest IS NULL"
            " AND campaign_id IS NOT NULL AND list IS NOT NULL AND address_id IS NOT NULL)",
            name="kind",
        ),
        sa.CheckConstraint(
            "state IN ('queued', 'sending', 'sent', 'failed', 'withdrawn', 'unknown')", name="state"
        ),
        sa.ForeignKeyConstraint(
            ["campaign_id", "list", "address_id"],
            ["delivery.campaign_id", "delivery.list", "delivery.address_id"],
        ),
    )
    op.create_index(op.f("ix_outbox_state_outbox_next_at"), "outbox", ["state", "next_at"])
    op.create_index(
        op.f("ix_outbox_campaign_id_outbox_list_outbox_address_id"),
        "outbox",
        ["campaign_id", "list", "address_id"],
    )
    for refusal in _REFUSALS:
        _refuse(*refusal)


def _refuse(name: str, table: str, event: str, bad: str, said: str) -> None:
    row = "OLD" if event == "DELETE" else "NEW"
    if op.get_bind().dialect.name == "sqlite":
        op.execute(
            f"CREATE TRIGGER {name} BEFORE {event} ON {table} WHEN {bad} "
            f"BEGIN SELECT RAISE(ABORT, '{said}'); END"
        )
        return
    op.execute(
        f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        f"IF {bad} THEN RAISE EXCEPTION '{said}' USING ERRCODE = 'check_violation'; END IF; "
        f"RETURN {row}; END $$"
    )
    op.execute(f"CREATE TRIGGER {name} BEFORE {event} ON {table} FOR EACH ROW EXECUTE FUNCTION {name}()")
