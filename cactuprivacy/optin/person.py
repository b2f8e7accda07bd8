"""One person's data on the lists: found, handed out, erased; and what nobody confirmed, cleared away.

Room: optin. Erasing leaves a keyed hash that says "send nothing" and the keyed events; no address can be got
out of either.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, delete, exists, func, or_, select

from cactuprivacy.mail.tables import outbox
from cactuprivacy.optin import evidence
from cactuprivacy.optin.address_book import EVERYWHERE
from cactuprivacy.optin.tables import (
    address,
    campaign,
    confirmation,
    consent_event,
    consent_text,
    delivery,
    optin_request,
    subscription,
    token,
)
from cactuprivacy.store import now

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from cactuprivacy.mail.addresses import MailAddress
    from cactuprivacy.optin.address_book import AddressBook
    from cactuprivacy.store import Store

KEEP_UNCONFIRMED = timedelta(days=30)


class PersonalData:
    """What the lists hold about a person.

    Parameters:
        store: The database.
        book: The addresses.
    """

    def __init__(self, store: Store, book: AddressBook) -> None:
        self._store = store
        self._book = book

    def find(self, person: MailAddress) -> dict[str, int]:
        """Return how many rows there are about *person*, by table; nothing for a stranger."""
        with self._store.read() as connection:
            row = self._book.find(connection, person)
            if row is None:
                return {}
            owned = {
                table.name: select(func.count()).where(table.c.address_id == row.id)
                for table in (optin_request, token, confirmation, subscription, delivery)
            }
            counts = {name: connection.execute(count).scalar() or 0 for name, count in owned.items()}
            return {"address": 1, **{name: count for name, count in counts.items() if count}}

    def export(self, person: MailAddress) -> dict[str, Any]:
        """Return all that is held about *person*, in plain types; nothing for a stranger (GDPR, 15 and 20)."""
        with self._store.read() as connection:
            row = self._book.find(connection, person)
            if row is None:
                return {}
            requests = (
                select(
                    optin_request.c.list,
                    optin_request.c.source,
                    optin_request.c.page,
                    optin_request.c.created_at,
                    consent_text.c.text.label("agreed_to"),
                    token.c.expires_at,
                    token.c.consumed_at.label("confirmed_at"),
                )
                .join(consent_text, consent_text.c.digest == optin_request.c.consent_digest)
                .join(token, token.c.request_id == optin_request.c.id)
                .where(optin_request.c.address_id == row.id)
                .order_by(optin_request.c.created_at)
            )
            subscriptions = select(
                subscription.c.list,
                subscription.c.state,
                subscription.c.since,
                subscription.c.ended_at,
                subscription.c.end_reason,
            ).where(subscription.c.address_id == row.id)
            announcements = (
                select(campaign.c.list, campaign.c.subject, outbox.c.state, outbox.c.done_at)
                .join(
                    outbox,
                    and_(outbox.c.campaign_id == campaign.c.id, outbox.c.address_id == row.id),
                )
                .order_by(campaign.c.created_at)
            )
            events = (
                select(consent_event.c.kind, consent_event.c.list, consent_event.c.happened_at)
                .where(consent_event.c.subject_index.in_(self._book.indexes(person.identity)))
                .order_by(consent_event.c.seq)
            )
            return {
                "address": self._book.read(connection, row.id),
                "requests": _plain(connection, requests),
                "subscriptions": _plain(connection, subscriptions),
                "announcements": _plain(connection, announcements),
                "events": _plain(connection, events),
            }

    def erase(self, person: MailAddress) -> dict[str, int]:
        """Erase *person*, and remember by a keyed hash alone to send nothing. Returns what was erased, by table."""
        with self._store.write() as connection:
            row = self._book.find(connection, person)
            if row is None:
                return {}
            erased = _delete(connection, {row.id})
            moment = now()
            self._book.suppress(connection, person, "erased", moment)
            evidence.record(connection, "erased", EVERYWHERE, row.blind_index, moment)
            return erased

    def purge(self) -> int:
        """Erase who never confirmed within :data:`KEEP_UNCONFIRMED` of the link's end. Returns how many."""
        limit = now() - KEEP_UNCONFIRMED
        with self._store.write() as connection:
            kept = or_(
                exists().where(confirmation.c.address_id == address.c.id),
                exists().where(token.c.address_id == address.c.id, token.c.expires_at > limit),
                address.c.created_at > limit,
            )
            ids = set(connection.execute(select(address.c.id).where(~kept).limit(1000)).scalars())
            _delete(connection, ids)
            return len(ids)


def _delete(connection: Connection, ids: set[Any]) -> dict[str, int]:
    tokens = select(token.c.digest).where(token.c.address_id.in_(ids))
    steps = {
        "outbox": delete(outbox).where(or_(outbox.c.token_digest.in_(tokens), outbox.c.address_id.in_(ids))),
        **{
            table.name: delete(table).where(table.c.address_id.in_(ids))
            for table in (delivery, subscription, confirmation, token, optin_request)
        },
        "address": delete(address).where(address.c.id.in_(ids)),
    }
    counts = {name: connection.execute(statement).rowcount for name, statement in steps.items()}
    return {name: count for name, count in counts.items() if count}


def _plain(connection: Connection, query: Any) -> list[dict[str, Any]]:
    return [
        {name: value.isoformat() if hasattr(value, "isoformat") else value for name, value in row.items()}
        for row in connection.execute(query).mappings()
    ]
