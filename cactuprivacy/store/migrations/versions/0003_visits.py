"""The visit log.

Room: store, migrations. Released revisions are never edited; the next change is a new one.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Make the table of visits."""
    op.create_table(
        "visit",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("v", sa.SmallInteger, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("method", sa.String(7), nullable=False),
        sa.Column("route", sa.Text, nullable=False),
        sa.Column("kind", sa.String(5), nullable=False),
        sa.Column("status", sa.SmallInteger),
        sa.Column("bytes", sa.BigInteger),
        sa.Column("duration_us", sa.BigInteger, nullable=False),
        sa.Column("referrer_kind", sa.String(8), nullable=False),
        sa.Column("referrer", sa.Text),
        sa.Column("address", sa.String(45)),
        sa.Column("level", sa.String(9), nullable=False),
        sa.Column("objected", sa.Boolean, nullable=False),
        sa.Column("prefetch", sa.Boolean, nullable=False),
        sa.Column("aborted", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_visit_at"), "visit", ["at"])
