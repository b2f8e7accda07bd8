"""The table of visits.

Room: visits. It follows :class:`~cactuprivacy.visits.record.Visit`, field by field; the migration builds it.
"""

from sqlalchemy import BigInteger, Boolean, Column, SmallInteger, String, Table, Text

from cactuprivacy.store import metadata

visit = Table(
    "visit",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("v", SmallInteger, nullable=False),
    Column("at", BigInteger, nullable=False, index=True),
    Column("method", String(7), nullable=False),
    Column("route", Text, nullable=False),
    Column("kind", String(5), nullable=False),
    Column("status", SmallInteger),
    Column("bytes", BigInteger),
    Column("duration_us", BigInteger, nullable=False),
    Column("referrer_kind", String(8), nullable=False),
    Column("referrer", Text),
    Column("address", String(45)),
    Column("level", String(9), nullable=False),
    Column("objected", Boolean, nullable=False),
    Column("prefetch", Boolean, nullable=False),
    Column("aborted", Boolean, nullable=False),
)
