"""Campaigns: one announcement to everybody who confirmed, and to nobody else.

Room: optin. The recipients are chosen by the database, from subscriptions; no caller can name one.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import String, Uuid, cast, exists, func, insert, literal, or_, select, type_coerce

from cactuprivacy.mail.tables import outbox
from cactuprivacy.optin.address_book import EVERYWHERE
from cactuprivacy.optin.tables import address, campaign, delivery, subscription, suppression
from cactuprivacy.store import Moment, now

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Connection

    from cactuprivacy.optin.lists import MailingList

MAX_SUBJECT_CHARACTERS = 200
MAX_TEXT_CHARACTERS = 200_000
_QUEUED = [
    *("kind", "campaign_id", "list", "address_id", "dedupe_key", "message_id"),
    *("state", "attempts", "next_at", "created_at"),
]


class AnnouncementRefusedError(ValueError):
    """An announcement that is not sent; the message names the fault and the mend."""


@dataclass(frozen=True, slots=True)
class Campaign:
    """An announcement that was queued.

    Attributes:
        id: Its number.
        list: The slug of its list.
        subject: Its subject.
        recipients: To how many confirmed subscribers it was queued.
    """

    id: uuid.UUID
    list: str
    subject: str
    recipients: int


def announce(connection: Connection, mailing_list: MailingList, *, subject: str, text: str) -> Campaign:
    """Queue an announcement to all active, unsuppressed subscribers of *mailing_list*.

    Raises:
        AnnouncementRefusedError: for an empty subject or text, and for a subject that is no line.
    """
    subject = _line(subject)
    if not text.strip() or len(text) > MAX_TEXT_CHARACTERS or "\0" in text:
        raise AnnouncementRefusedError(
            f"The announcement has no text, or more than {MAX_TEXT_CHARACTERS} characters; give one in between."
        )
    campaign_id, moment = uuid.uuid4(), now()
    connection.execute(
        insert(campaign).values(
            id=campaign_id, list=mailing_list.slug, subject=subject, text=text, created_at=moment
        )
    )
    suppressed = exists().where(
        suppression.c.blind_index == address.c.blind_index,
        or_(suppression.c.scope == subscription.c.list, suppression.c.scope == EVERYWHERE),
    )
    recipients = (
        select(literal(campaign_id, Uuid), subscription.c.list, subscription.c.address_id)
        .join(address, address.c.id == subscription.c.address_id)
        .where(subscription.c.list == mailing_list.slug, subscription.c.state == "active", ~suppressed)
    )
    connection.execute(insert(delivery).from_select(["campaign_id", "list", "address_id"], recipients))
    domain = mailing_list.sender.rpartition("@")[2]
    rows = select(
        literal("announcement"),
        delivery.c.campaign_id,
        delivery.c.list,
        delivery.c.address_id,
        literal(f"announcement:{campaign_id.hex}:").concat(_text(connection, delivery.c.address_id)),
        literal("<").concat(_random(connection)).concat(literal(f"@{domain}>")),
        literal("queued"),
        literal(0),
        literal(moment, Moment),
        literal(moment, Moment),
    ).where(delivery.c.campaign_id == campaign_id)
    connection.execute(insert(outbox).from_select(_QUEUED, rows))
    queued = select(func.count()).where(delivery.c.campaign_id == campaign_id)
    return Campaign(campaign_id, mailing_list.slug, subject, connection.execute(queued).scalar() or 0)


def _line(subject: str) -> str:
    subject = subject.strip()
    if not subject:
        raise AnnouncementRefusedError("The announcement has no subject; give one line.")
    if not subject.isprintable():
        raise AnnouncementRefusedError(
            "The announcement's subject holds a line break or a control character; give one line of text."
        )
    if len(subject) > MAX_SUBJECT_CHARACTERS:
        raise AnnouncementRefusedError(
            f"The announcement's subject is longer than {MAX_SUBJECT_CHARACTERS} characters; make it shorter."
        )
    return subject


def _text(connection: Connection, column: ColumnElement[uuid.UUID]) -> ColumnElement[str]:
    if connection.dialect.name == "postgresql":
        return cast(column, String)
    return type_coerce(column, String)  # SQLite keeps it as text


def _random(connection: Connection) -> ColumnElement[str]:
    """Random text, made row by row by the database."""
    if connection.dialect.name == "postgresql":
        return cast(func.gen_random_uuid(), String)
    return func.lower(func.hex(func.randomblob(16)))
