"""The affiliates and their ledger.

Room: store. Holds the tables of ``cactuprivacy.affiliates.tables``, and the triggers that let rows of
events, conversions and the ledger be added but never changed or deleted. Once released it is never edited.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from cactuprivacy.store.types import Moment

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_APPEND_ONLY = ("affiliate_event", "affiliate_conversion", "affiliate_ledger")


def upgrade() -> None:
    """Make the tables and their triggers."""
    serial = sa.BigInteger().with_variant(sa.Integer, "sqlite")
    op.create_table(
        "affiliate",
        sa.Column("id", serial, primary_key=True),
        sa.Column("code", sa.String(64), nullable=False, unique=True),
        sa.Column("created_at", Moment, nullable=False),
    )
    op.create_table(
        "affiliate_code",
        sa.Column("code", sa.String(64), primary_key=True),
        sa.Column("affiliate_id", serial, sa.ForeignKey("affiliate.id"), nullable=False, index=True),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.CheckConstraint("kind IN ('link', 'alias', 'path', 'coupon')", name="kind"),
        sa.CheckConstraint("code = lower(code) AND length(code) BETWEEN 1 AND 64", name="code"),
    )
    op.create_table(
        "affiliate_event",
        sa.Column("id", serial, primary_key=True),
        sa.Column("affiliate_id", serial, sa.ForeignKey("affiliate.id"), nullable=False, index=True),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("at", Moment, nullable=False),
        sa.CheckConstraint("state IN ('pending', 'approved', 'suspended', 'refused')", name="state"),
    )
    op.create_table(
        "affiliate_conversion",
        sa.Column("id", serial, primary_key=True),
        sa.Column("order_key", sa.LargeBinary(32), nullable=False, unique=True),
        sa.Column("affiliate_id", serial, sa.ForeignKey("affiliate.id"), nullable=False, index=True),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("base_minor", sa.BigInteger, nullable=False),
        sa.Column("rate_ppm", sa.Integer, nullable=False),
        sa.Column("occurred_at", Moment, nullable=False),
        sa.UniqueConstraint("id", "currency"),
        sa.CheckConstraint("length(order_key) = 32", name="order_key"),
        sa.CheckConstraint("length(currency) = 3 AND currency = upper(currency)", name="currency"),
        sa.CheckConstraint("base_minor >= 0", name="base_minor"),
        sa.CheckConstraint("rate_ppm BETWEEN 0 AND 1000000", name="rate_ppm"),
    )
    op.create_table(
        "affiliate_ledger",
        sa.Column("id", serial, primary_key=True),
        sa.Column("affiliate_id", serial, sa.ForeignKey("affiliate.id"), nullable=False, index=True),
        sa.Column("conversion_id", serial, nullable=True, index=True),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("amount_minor", sa.BigInteger, nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("idem_key", sa.String(128), nullable=False, unique=True),
        sa.Column("occurred_at", Moment, nullable=False),
        sa.ForeignKeyConstraint(
            ["conversion_id", "currency"], ["affiliate_conversion.id", "affiliate_conversion.currency"]
        ),
        sa.CheckConstraint(
            "kind IN ('accrual', 'reversal', 'adjustment', 'bonus', 'payout', 'payout_void')", name="kind"
        ),
        sa.CheckConstraint(
            "kind <> 'accrual' OR (amount_minor >= 0 AND conversion_id IS NOT NULL)", name="accrual"
        ),
        sa.CheckConstraint(
            "kind <> 'reversal' OR (amount_minor <= 0 AND conversion_id IS NOT NULL)", name="reversal"
        ),
        sa.CheckConstraint("length(currency) = 3 AND currency = upper(currency)", name="currency"),
    )
    if op.get_bind().dialect.name == "postgresql":
        _refuse_changes_on_postgresql()
    else:
        _refuse_changes_on_sqlite()


def _refuse_changes_on_sqlite() -> None:
    for table in _APPEND_ONLY:
        for event in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_no_{event.lower()} BEFORE {event} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{table} is only ever added to'); END"
            )


def _refuse_changes_on_postgresql() -> None:
    op.execute(
        "CREATE FUNCTION affiliate_only_added_to() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION '% is only ever added to', TG_TABLE_NAME "
        "USING ERRCODE = 'restrict_violation'; END $$"
    )
    for table in _APPEND_ONLY:
        op.execute(
            f"CREATE TRIGGER {table}_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION affiliate_only_added_to()"
        )
