"""How often affiliates' links were followed, by day.

Room: store, migrations. Released revisions are never edited; the next change is a new one.
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Make the table of clicks."""
    serial = sa.BigInteger().with_variant(sa.Integer, "sqlite")
    op.create_table(
        "affiliate_click_day",
        sa.Column("day", sa.Date, nullable=False),
        sa.Column("affiliate_id", serial, sa.ForeignKey("affiliate.id"), nullable=False),
        sa.Column("campaign", sa.String(32), nullable=False),
        sa.Column("verdict", sa.String(16), nullable=False),
        sa.Column("n", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("day", "affiliate_id", "campaign", "verdict"),
        sa.CheckConstraint(
            "verdict IN ('human', 'bot', 'prefetch', 'stuffing', 'duplicate')", name="verdict"
        ),
        sa.CheckConstraint("n > 0", name="n"),
    )
