"""Evidence: which words were agreed to, and a chain of events that nobody can mend afterwards.

Room: optin. Every change of consent is one event, written in the transaction that makes the change. Events
are only ever added (the database refuses the rest), each holds the hash of the one before, and none holds an
address: they name their subject by its blind index, and so survive its erasure.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

from sqlalchemy import insert, select, text

from cactuprivacy.optin.tables import consent_event, consent_text, insert_new

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection

    from cactuprivacy.optin.lists import MailingList

LANGUAGE = "en"
_GENESIS = bytes(32)
_LOCK = 0x6361637476  # any number that no other lock of ours has


def wording_digest(mailing_list: MailingList) -> bytes:
    """Return the hash by which the wording that *mailing_list* now shows is known."""
    parts = (mailing_list.slug, LANGUAGE, mailing_list.consent)
    return hashlib.sha256(json.dumps(parts).encode()).digest()


def keep_wording(connection: Connection, mailing_list: MailingList, moment: datetime) -> bytes:
    """Keep the wording that *mailing_list* now shows, once, and return its hash."""
    digest = wording_digest(mailing_list)
    insert_new(
        connection,
        consent_text,
        digest=digest,
        list=mailing_list.slug,
        language=LANGUAGE,
        text=mailing_list.consent,
        first_used_at=moment,
    )
    return digest


def record(
    connection: Connection, kind: str, slug: str, subject_index: bytes, moment: datetime, **detail: str
) -> None:
    """Add an event to the chain.

    Parameters:
        connection: The transaction that the event belongs to.
        kind: What happened: ``requested``, ``confirmed``, ``unsubscribed``, ``erased``.
        slug: To which list; ``*`` for all.
        subject_index: Whose, as a blind index.
        moment: When, in UTC.
        detail: What else is known; never an address and never a token.
    """
    if connection.dialect.name == "postgresql":  # SQLite has one writer at a time anyway
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    last = select(consent_event.c.digest).order_by(consent_event.c.seq.desc()).limit(1)
    previous = connection.execute(last).scalar() or _GENESIS
    detail_text = json.dumps(detail, sort_keys=True)
    connection.execute(
        insert(consent_event).values(
            previous=previous,
            digest=_digest(previous, moment, kind, slug, subject_index, detail_text),
            happened_at=moment,
            kind=kind,
            list=slug,
            subject_index=subject_index,
            detail=detail_text,
        )
    )


def first_broken(connection: Connection) -> int | None:
    """Return the number of the first event that does not fit the one before; ``None`` when all do."""
    previous = _GENESIS
    for event in connection.execute(select(consent_event).order_by(consent_event.c.seq)):
        digest = _digest(
            previous, event.happened_at, event.kind, event.list, event.subject_index, event.detail
        )
        if (event.previous, event.digest) != (previous, digest):
            return int(event.seq)
        previous = digest
    return None


def _digest(
    previous: bytes, moment: datetime, kind: str, slug: str, subject_index: bytes, detail: str
) -> bytes:
    parts = (previous.hex(), moment.isoformat(), kind, slug, subject_index.hex(), detail)
    return hashlib.sha256(json.dumps(parts).encode()).digest()
