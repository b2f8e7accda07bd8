"""The people behind the affiliates' codes: their sealed addresses, their links, and the mails to them.

Room: store, migrations. Released revisions are never edited; the next change is a new one.
"""

import sqlalchemy as sa
from alembic import op

from cactuprivacy.store.types import Moment

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Make the tables of the portal."""
    serial = sa.BigInteger().with_variant(sa.Integer, "sqlite")
    op.create_table(
        "affiliate_person",
        sa.Column(
            "affiliate_id", serial, sa.ForeignKey("affiliate.id"), primary_key=True, autoincrement=False
        ),
        sa.Column("blind_index", sa.LargeBinary(32), nullable=False, unique=True),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        sa.Column("words", sa.LargeBinary),
        sa.Column("told_event_id", serial, sa.ForeignKey("affiliate_event.id")),
        sa.Column("created_at", Moment, nullable=False),
        sa.CheckConstraint("length(blind_index) = 32", name="blind_index"),
    )
    op.create_table(
        "affiliate_access",
        sa.Column("digest", sa.LargeBinary(32), primary_key=True),
        sa.Column(
            "affiliate_id",
            serial,
            sa.ForeignKey("affiliate_person.affiliate_id"),
            nullable=False,
            index=True,
        ),
        sa.Column("expires_at", Moment, nullable=False),
        sa.Column("created_at", Moment, nullable=False),
        sa.CheckConstraint("length(digest) = 32", name="digest"),
    )
    op.create_table(
        "affiliate_attempt",
        sa.Column("id", serial, primary_key=True),
        sa.Column("network", sa.LargeBinary(32), nullable=False),
        sa.Column("at", Moment, nullable=False),
        sa.CheckConstraint("length(network) = 32", name="network"),
    )
    op.create_index(
        op.f("ix_affiliate_attempt_network_affiliate_attempt_at"), "affiliate_attempt", ["network", "at"]
    )
    op.create_table(
        "affiliate_letter",
        sa.Column("id", serial, primary_key=True),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("affiliate_id", serial, sa.ForeignKey("affiliate_person.affiliate_id"), index=True),
        sa.Column("event_id", serial, sa.ForeignKey("affiliate_event.id"), unique=True),
        sa.Column("access_digest", sa.LargeBinary(32), sa.ForeignKey("affiliate_access.digest"), unique=True),
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
            "state IN ('queued', 'sending', 'sent', 'failed', 'withdrawn', 'unknown')", name="state"
        ),
        sa.CheckConstraint(
            "(kind = 'application' AND affiliate_id IS NULL AND event_id IS NULL AND access_digest IS NULL)"
            " OR (kind IN ('approved', 'refused')"
            " AND affiliate_id IS NOT NULL AND event_id IS NOT NULL AND access_digest IS NULL)"
            " OR (kind = 'access'"
            " AND affiliate_id IS NOT NULL AND event_id IS NULL AND access_digest IS NOT NULL)",
            name="kind",
        ),
    )
    op.create_index(
        op.f("ix_affiliate_letter_state_affiliate_letter_next_at"), "affiliate_letter", ["state", "next_at"]
    )
