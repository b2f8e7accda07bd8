"""The affiliates and their ledger.

Room: store. Holds the tables of ``cactuprivacy.affiliates.tables``, and the triggers that let rows of money be
added but never changed or deleted, and no more be reversed than was earned. Once released it is never edited.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from cactuprivacy.store.types import Moment

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_APPEND_ONLY = tuple(
    f"affiliate_{name}"
    for name in (
        *("event", "terms", "agreement", "conversion", "refund", "conflict", "hold"),
        *("payout", "ledger", "payout_line"),
    )
)

_REVERSES_TOO_MUCH = (
    "NEW.kind = 'reversal' AND NEW.amount_minor"
    " + (SELECT amount_minor FROM affiliate_ledger WHERE id = NEW.of_entry)"
    " + (SELECT COALESCE(SUM(amount_minor), 0) FROM affiliate_ledger"
    " WHERE of_entry = NEW.of_entry AND kind = 'reversal') < 0"
)


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
        sa.Column("actor", sa.String(64), nullable=False),
        sa.Column("at", Moment, nullable=False),
        sa.CheckConstraint("state IN ('pending', 'approved', 'suspended', 'refused')", name="state"),
    )
    op.create_table(
        "affiliate_terms",
        sa.Column("id", serial, primary_key=True),
        sa.Column("digest", sa.LargeBinary(32), nullable=False, unique=True),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("created_at", Moment, nullable=False),
    )
    op.create_table(
        "affiliate_agreement",
        sa.Column("id", serial, primary_key=True),
        sa.Column("affiliate_id", serial, sa.ForeignKey("affiliate.id"), nullable=False, index=True),
        sa.Column("terms_id", serial, sa.ForeignKey("affiliate_terms.id"), nullable=False),
        sa.Column("actor", sa.String(64), nullable=False),
        sa.Column("at", Moment, nullable=False),
    )
    op.create_table(
        "affiliate_conversion",
        sa.Column("id", serial, primary_key=True),
        sa.Column("order_key", sa.LargeBinary(32), nullable=False, unique=True),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("base_minor", sa.BigInteger, nullable=False),
        sa.Column("lines", sa.Text, nullable=False),
        sa.Column("attribution", sa.Text, nullable=False),
        sa.Column("root_id", serial, sa.ForeignKey("affiliate_conversion.id")),
        sa.Column("later", sa.Integer),
        sa.Column("occurred_at", Moment, nullable=False),
        sa.UniqueConstraint("id", "currency"),  # for the ledger's foreign key: currencies never mix
        sa.UniqueConstraint("root_id", "later"),
        sa.CheckConstraint("length(order_key) = 32", name="order_key"),
        sa.CheckConstraint("length(currency) = 3 AND currency = upper(currency)", name="currency"),
        sa.CheckConstraint("base_minor >= 0", name="base_minor"),
        sa.CheckConstraint("(root_id IS NULL) = (later IS NULL)", name="later"),
    )
    op.create_table(
        "affiliate_refund",
        sa.Column("id", serial, primary_key=True),
        sa.Column("order_key", sa.LargeBinary(32), nullable=False),
        sa.Column("refund_key", sa.LargeBinary(32), nullable=False),
        sa.Column("currency", sa.String(3)),
        sa.Column("amount_minor", sa.BigInteger),
        sa.Column("at", Moment, nullable=False),
        sa.UniqueConstraint("order_key", "refund_key"),
        sa.CheckConstraint("length(order_key) = 32 AND length(refund_key) = 32", name="keys"),
        sa.CheckConstraint("(currency IS NULL) = (amount_minor IS NULL)", name="whole"),
        sa.CheckConstraint("amount_minor >= 0", name="amount_minor"),
    )
    op.create_table(
        "affiliate_conflict",
        sa.Column("id", serial, primary_key=True),
        sa.Column("order_key", sa.LargeBinary(32), nullable=False),
        sa.Column("kind", sa.String(8), nullable=False),
        sa.Column("digest", sa.LargeBinary(32), nullable=False),
        sa.Column("differs", sa.String(64), nullable=False),
        sa.Column("at", Moment, nullable=False),
        sa.UniqueConstraint("order_key", "kind", "digest"),
        sa.CheckConstraint("kind IN ('sale', 'refund')", name="kind"),
    )
    op.create_table(
        "affiliate_hold",
        sa.Column("id", serial, primary_key=True),
        sa.Column("order_key", sa.LargeBinary(32), nullable=False),
        sa.Column("rule", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(8), nullable=False),
        sa.Column("actor", sa.String(64), nullable=False),
        sa.Column("at", Moment, nullable=False),
        sa.UniqueConstraint("order_key", "rule", "kind"),
        sa.CheckConstraint("kind IN ('hold', 'release')", name="kind"),
    )
    op.create_table(
        "affiliate_payout",
        sa.Column("id", serial, primary_key=True),
        sa.Column("affiliate_id", serial, sa.ForeignKey("affiliate.id"), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("period", sa.String(7), nullable=False),
        sa.Column("cut_off", Moment, nullable=False),
        sa.Column("amount_minor", sa.BigInteger, nullable=False),
        sa.Column("method", sa.String(64), nullable=False),
        sa.Column("actor", sa.String(64), nullable=False),
        sa.Column("at", Moment, nullable=False),
        sa.UniqueConstraint("affiliate_id", "currency", "period"),
        sa.UniqueConstraint("id", "affiliate_id", "currency"),
        sa.CheckConstraint("amount_minor > 0", name="amount_minor"),
        sa.CheckConstraint("length(period) = 7", name="period"),
    )
    op.create_table(
        "affiliate_ledger",
        sa.Column("id", serial, primary_key=True, autoincrement=False),
        sa.Column("affiliate_id", serial, sa.ForeignKey("affiliate.id"), nullable=False),
        sa.Column("conversion_id", serial, index=True),
        sa.Column("of_entry", serial, sa.ForeignKey("affiliate_ledger.id"), index=True),
        sa.Column("payout_id", serial, index=True),
        sa.Column("terms_id", serial, sa.ForeignKey("affiliate_terms.id")),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("amount_minor", sa.BigInteger, nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("idem_key", sa.String(160), nullable=False, unique=True),
        sa.Column("occurred_at", Moment, nullable=False),
        sa.Column("available_at", Moment, nullable=False),
        sa.Column("reason", sa.String(200), nullable=False),
        sa.Column("prev_hash", sa.LargeBinary(32), nullable=False, unique=True),
        sa.Column("hash", sa.LargeBinary(32), nullable=False, unique=True),
        sa.UniqueConstraint("id", "affiliate_id", "currency"),
        sa.ForeignKeyConstraint(
            ["conversion_id", "currency"], ["affiliate_conversion.id", "affiliate_conversion.currency"]
        ),
        sa.ForeignKeyConstraint(
            ["payout_id", "affiliate_id", "currency"],
            ["affiliate_payout.id", "affiliate_payout.affiliate_id", "affiliate_payout.currency"],
        ),
        sa.CheckConstraint(
            "kind IN ('accrual', 'reversal', 'adjustment', 'bonus', 'payout', 'payout_void')", name="kind"
        ),
        sa.CheckConstraint(
            "kind <> 'accrual' OR (amount_minor >= 0 AND conversion_id IS NOT NULL AND terms_id IS NOT NULL)",
            name="accrual",
        ),
        sa.CheckConstraint(
            "kind <> 'reversal' OR (amount_minor <= 0 AND conversion_id IS NOT NULL AND of_entry IS NOT NULL)",
            name="reversal",
        ),
        sa.CheckConstraint("(payout_id IS NOT NULL) = (kind IN ('payout', 'payout_void'))", name="payout_id"),
        sa.CheckConstraint("kind <> 'payout' OR amount_minor < 0", name="payout"),
        sa.CheckConstraint("kind <> 'payout_void' OR amount_minor > 0", name="payout_void"),
        sa.CheckConstraint("length(currency) = 3 AND currency = upper(currency)", name="currency"),
    )
    op.create_index(
        "ix_affiliate_ledger_statement",
        "affiliate_ledger",
        ["affiliate_id", "currency", "occurred_at", "kind", "amount_minor", "available_at", "conversion_id"],
    )
    op.create_table(
        "affiliate_payout_line",
        sa.Column("entry_id", serial, primary_key=True, autoincrement=False),
        sa.Column("payout_id", serial, nullable=False, index=True),
        sa.Column("affiliate_id", serial, nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.ForeignKeyConstraint(
            ["entry_id", "affiliate_id", "currency"],
            ["affiliate_ledger.id", "affiliate_ledger.affiliate_id", "affiliate_ledger.currency"],
        ),
        sa.ForeignKeyConstraint(
            ["payout_id", "affiliate_id", "currency"],
            ["affiliate_payout.id", "affiliate_payout.affiliate_id", "affiliate_payout.currency"],
        ),
    )
    op.create_table(
        "affiliate_webhook",
        sa.Column("id", serial, primary_key=True),
        sa.Column("topic", sa.String(32), nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("next_at", Moment, nullable=False),
        sa.Column("lease", sa.Uuid),
        sa.Column("lease_until", Moment),
        sa.Column("last_code", sa.Integer),
        sa.Column("created_at", Moment, nullable=False),
        sa.Column("done_at", Moment),
        sa.CheckConstraint("state IN ('queued', 'delivered', 'failed')", name="state"),
    )
    op.create_index(
        op.f("ix_affiliate_webhook_state_affiliate_webhook_next_at"),
        "affiliate_webhook",
        ["state", "next_at"],
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
    op.execute(
        f"CREATE TRIGGER affiliate_ledger_reversal BEFORE INSERT ON affiliate_ledger WHEN {_REVERSES_TOO_MUCH} "
        "BEGIN SELECT RAISE(ABORT, 'no more is reversed than was earned'); END"
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
    op.execute(
        "CREATE FUNCTION affiliate_ledger_reversal() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN IF {_REVERSES_TOO_MUCH} THEN RAISE EXCEPTION 'no more is reversed than was earned' "
        "USING ERRCODE = 'check_violation'; END IF; RETURN NEW; END $$"
    )
    op.execute(
        "CREATE TRIGGER affiliate_ledger_reversal BEFORE INSERT ON affiliate_ledger "
        "FOR EACH ROW EXECUTE FUNCTION affiliate_ledger_reversal()"
    )
