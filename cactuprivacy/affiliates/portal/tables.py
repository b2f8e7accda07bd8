"""The tables of the portal: where an affiliate is reached, what opens their figures, and the mails to them.

Room: affiliates, portal. May import store and mail. ``store/migrations/versions/0005_affiliate_people.py`` makes them.
What is personal is sealed, and all of it can be erased: no money hangs on these rows.
"""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, LargeBinary, String, Table

from cactuprivacy.affiliates.tables import RowId
from cactuprivacy.mail.tables import progress
from cactuprivacy.store import Moment, metadata

#: Who is behind an affiliate's code: an address and what they wrote, both sealed. ``told_event_id`` is the last event
#: of theirs that a mail was queued of.
person = Table(
    "affiliate_person",
    metadata,
    Column("affiliate_id", RowId, ForeignKey("affiliate.id"), primary_key=True, autoincrement=False),
    Column("blind_index", LargeBinary(32), nullable=False, unique=True),
    Column("sealed", LargeBinary, nullable=False),
    Column("words", LargeBinary),
    Column("told_event_id", RowId, ForeignKey("affiliate_event.id")),
    Column("created_at", Moment, nullable=False),
    CheckConstraint("length(blind_index) = 32", name="blind_index"),
)

#: A mailed link to somebody's figures, known by the hash of its token.
access = Table(
    "affiliate_access",
    metadata,
    Column("digest", LargeBinary(32), primary_key=True),
    Column("affiliate_id", RowId, ForeignKey("affiliate_person.affiliate_id"), nullable=False, index=True),
    Column("expires_at", Moment, nullable=False),
    Column("created_at", Moment, nullable=False),
    CheckConstraint("length(digest) = 32", name="digest"),
)

#: That a form was sent, by the keyed hash of the network that it came from; deleted when it no longer counts.
attempt = Table(
    "affiliate_attempt",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("network", LargeBinary(32), nullable=False),
    Column("at", Moment, nullable=False),
    CheckConstraint("length(network) = 32", name="network"),
    Index(None, "network", "at"),
)

#: The portal's outbox. Each mail has its reason: an event, a link, or for the owner that applications wait.
letter = Table(
    "affiliate_letter",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("kind", String(20), nullable=False),
    Column("affiliate_id", RowId, ForeignKey("affiliate_person.affiliate_id"), index=True),
    Column("event_id", RowId, ForeignKey("affiliate_event.id"), unique=True),
    Column("access_digest", LargeBinary(32), ForeignKey("affiliate_access.digest"), unique=True),
    *progress(),
    # A foreign key with a null in it is not checked, so these nulls are.
    CheckConstraint(
        "(kind = 'application' AND affiliate_id IS NULL AND event_id IS NULL AND access_digest IS NULL)"
        " OR (kind IN ('approved', 'refused')"
        " AND affiliate_id IS NOT NULL AND event_id IS NOT NULL AND access_digest IS NULL)"
        " OR (kind = 'access'"
        " AND affiliate_id IS NOT NULL AND event_id IS NULL AND access_digest IS NOT NULL)",
        name="kind",
    ),
    Index(None, "state", "next_at"),
)
