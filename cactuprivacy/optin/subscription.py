"""Subscriptions: requested, confirmed, left; each change one transaction with its event.

Room: optin. There is no way in but :meth:`Subscriptions.sign_up` and then :meth:`Subscriptions.confirm`,
which takes a token that only the mail holds. Leaving is final: a link that was mailed before it opens
nothing any more.
"""

from __future__ import annotations

import enum
import secrets
import uuid
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal

from sqlalchemy import exists, func, insert, or_, select, update

from cactuprivacy.mail.addresses import mask, parse
from cactuprivacy.mail.outbox import queue_confirmation
from cactuprivacy.mail.tokens import new_token, token_digest
from cactuprivacy.optin import evidence, limits
from cactuprivacy.optin.tables import confirmation, optin_request, subscription, token
from cactuprivacy.store import now

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Connection, Row

    from cactuprivacy.mail.addresses import MailAddress
    from cactuprivacy.optin.address_book import AddressBook
    from cactuprivacy.optin.lists import MailingList
    from cactuprivacy.store import Store
    from cactuprivacy.vault import Vault

Source = Literal["signup_box", "download_checkbox"]  # the two ways in; the database knows no third


class Standing(enum.Enum):
    """What a confirmation link can still do."""

    UNKNOWN = "we never mailed it"
    WAITING = "a click confirms"
    ACTIVE = "it is confirmed"
    GONE = "it has expired, or its reader has left"


@dataclass(frozen=True, slots=True)
class Link:
    """A confirmation link that was followed: what it can do, for which list, for whom (masked)."""

    standing: Standing
    slug: str = ""
    masked: str = ""


class Subscriptions:
    """Who is on which list, in the database.

    Parameters:
        store: The database.
        vault: Seals tokens while they wait in the outbox.
        book: The addresses.
        lists: The declared lists by slug.
    """

    def __init__(
        self, store: Store, vault: Vault, book: AddressBook, lists: Mapping[str, MailingList]
    ) -> None:
        self._store = store
        self._vault = vault
        self._book = book
        self._lists = lists

    def sign_up(
        self,
        mailing_list: MailingList,
        address: MailAddress,
        *,
        source: Source,
        page: str,
        origin: str | None,
    ) -> None:
        """Ask *address*, by mail, whether it wants *mailing_list*: request, token and mail in one transaction.

        Says nothing of what it did: whoever asks must not learn who is on the list. Nothing is done for
        an address that is on it, that has complained, or that was asked often enough.

        Parameters:
            mailing_list: Which list.
            address: Whose inbox.
            source: Where the visitor said so.
            page: The path of the page with the form.
            origin: The visitor's network address, kept as a blind index; ``None`` when unknown.
        """
        slug, moment = mailing_list.slug, now()
        with self._store.write() as connection:
            if self._book.is_suppressed(connection, address, slug, ("complained",)):
                return
            row = self._book.take(connection, address, moment)
            closed = select(subscription.c.uid).where(
                subscription.c.list == slug,
                subscription.c.address_id == row.id,
                subscription.c.state.in_(("active", "complained")),
            )
            if connection.execute(closed).first() or not limits.may_ask(connection, row.id, moment):
                return
            request_id = uuid.uuid4()
            connection.execute(
                insert(optin_request).values(
                    id=request_id,
                    list=slug,
                    address_id=row.id,
                    source=source,
                    consent_digest=evidence.keep_wording(connection, mailing_list, moment),
                    page=page,
                    origin=self._vault.index(origin, "network address") if origin else None,
                    created_at=moment,
                )
            )
            evidence.record(
                connection, "requested", slug, row.blind_index, moment, request=request_id.hex, source=source
            )
            self._queue(connection, mailing_list, request_id, row.id)

    def _queue(
        self, connection: Connection, mailing_list: MailingList, request_id: uuid.UUID, address_id: uuid.UUID
    ) -> None:
        moment, secret = now(), new_token()
        digest = token_digest(secret)
        if digest is None:
            raise RuntimeError("A new token is no token.")
        connection.execute(
            insert(token).values(
                digest=digest,
                purpose="confirm",
                request_id=request_id,
                list=mailing_list.slug,
                address_id=address_id,
                expires_at=moment + timedelta(hours=mailing_list.confirm_hours),
            )
        )
        key = f"confirm:{digest.hex()}"
        queue_confirmation(
            connection,
            token_digest=digest,
            dedupe_key=key,
            message_id=f"<{secrets.token_hex(16)}@{mailing_list.sender.rpartition('@')[2]}>",
            sealed=self._vault.seal(secret, f"outbox.sealed:{key}"),
            moment=moment,
        )

    def look(self, secret: str) -> Link:
        """Tell what the confirmation link with the token *secret* can do. Changes nothing."""
        with self._store.read() as connection:
            row = self._token(connection, secret)
            if row is None:
                return Link(Standing.UNKNOWN)
            if self._active(connection, row):
                standing = Standing.ACTIVE
            elif connection.execute(select(token.c.digest).where(self._alive(row))).first():
                standing = Standing.WAITING
            else:
                standing = Standing.GONE
            return Link(standing, row.list, mask(self._book.read(connection, row.address_id) or "@"))

    def confirm(self, secret: str) -> Link:
        """Consume the token *secret* and make its address a subscriber: the one place where that happens.

        Followed again it stays at success while *that* subscription lasts, and never brings back who left.
        """
        with self._store.write() as connection:
            row = self._token(connection, secret)
            if row is None:
                return Link(Standing.UNKNOWN)
            self._book.lock(connection, row.address_id)
            if self._active(connection, row):
                return Link(Standing.ACTIVE, row.list)
            moment = now()
            consumed = connection.execute(
                update(token).where(self._alive(row)).values(consumed_at=moment).returning(token.c.digest)
            ).first()
            if consumed is None:
                return Link(Standing.GONE, row.list)
            self._subscribe(connection, row)
            return Link(Standing.ACTIVE, row.list)

    def _subscribe(self, connection: Connection, row: Row[Any]) -> None:
        moment, confirmation_id = now(), uuid.uuid4()
        key = {"list": row.list, "address_id": row.address_id}
        connection.execute(
            insert(confirmation).values(
                id=confirmation_id, token_digest=row.digest, confirmed_at=moment, **key
            )
        )
        values = {"confirmation_id": confirmation_id, "state": "active", "since": moment}
        again = connection.execute(
            update(subscription)
            .where(subscription.c.list == row.list, subscription.c.address_id == row.address_id)
            .values(ended_at=None, end_reason=None, **values)
        )
        if again.rowcount == 0:
            connection.execute(insert(subscription).values(uid=uuid.uuid4(), **key, **values))
        spelling = self._book.read(connection, row.address_id)
        owner = self._book.lock(connection, row.address_id)
        if spelling is None or owner is None:
            raise RuntimeError("A confirmed address is gone.")
        self._book.lift(connection, parse(spelling), row.list)
        evidence.record(
            connection, "confirmed", row.list, owner.blind_index, moment, confirmation=confirmation_id.hex
        )

    def knows(self, uid: uuid.UUID) -> str | None:
        """Return the slug of the list that the subscription *uid* is or was of, ``None`` when it was erased."""
        with self._store.read() as connection:
            found = connection.execute(select(subscription.c.list).where(subscription.c.uid == uid))
            return found.scalar()

    def unsubscribe(self, uid: uuid.UUID, reason: str) -> None:
        """End the subscription *uid*; for good, until its reader asks and confirms anew. Twice is once."""
        with self._store.write() as connection:
            found = connection.execute(select(subscription).where(subscription.c.uid == uid)).first()
            owner = self._book.lock(connection, found.address_id) if found is not None else None
            if owner is None:
                return
            moment = now()
            ended = connection.execute(
                update(subscription)
                .where(subscription.c.uid == uid, subscription.c.state == "active")
                .values(state="unsubscribed", ended_at=moment, end_reason=reason)
                .returning(subscription.c.list)
            ).first()
            if ended is not None:
                evidence.record(connection, "unsubscribed", ended.list, owner.blind_index, moment, by=reason)

    def counts(self) -> dict[str, dict[str, int]]:
        """Return how many subscriptions there are, by list and state."""
        counted: dict[str, dict[str, int]] = {slug: {} for slug in self._lists}
        groups = (subscription.c.list, subscription.c.state)
        with self._store.read() as connection:
            for slug, state, count in connection.execute(select(*groups, func.count()).group_by(*groups)):
                counted.setdefault(slug, {})[state] = count
        return counted

    def _token(self, connection: Connection, secret: str) -> Row[Any] | None:
        digest = token_digest(secret)
        if digest is None:
            return None
        found = connection.execute(
            select(token).where(token.c.digest == digest, token.c.purpose == "confirm")
        ).first()
        return found if found is not None and found.list in self._lists else None

    @staticmethod
    def _active(connection: Connection, row: Row[Any]) -> bool:
        active = select(subscription.c.uid).where(
            subscription.c.list == row.list,
            subscription.c.address_id == row.address_id,
            subscription.c.state == "active",
        )
        return connection.execute(active).first() is not None

    @staticmethod
    def _alive(row: Row[Any]) -> Any:
        """The condition under which a token may be consumed: all of it in the one statement that does."""
        left_since = (
            select(subscription.c.uid)
            .join(optin_request, optin_request.c.id == row.request_id)
            .where(
                subscription.c.list == row.list,
                subscription.c.address_id == row.address_id,
                or_(
                    subscription.c.state.in_(("active", "complained")),
                    subscription.c.ended_at >= optin_request.c.created_at,
                ),
            )
        )
        return (
            (token.c.digest == row.digest)
            & token.c.consumed_at.is_(None)
            & (token.c.expires_at > now())
            & ~exists(left_since)
        )
