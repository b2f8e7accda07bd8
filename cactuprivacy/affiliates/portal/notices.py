"""Notices: the portal's mails: which are due, what each says, to whom, and whether it is still wanted.

Room: affiliates, portal. A decision is told because it stands in the roster, by whatever way it came there, and
once, for the database knows each event's mail. Nothing that a stranger typed stands in any mail, and no secret but
the link that was asked for.
"""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import exists, func, or_, select
from sqlalchemy.dialects import postgresql, sqlite

from cactuprivacy.affiliates import tables
from cactuprivacy.affiliates.portal.access import MINUTES, start_the_clock
from cactuprivacy.affiliates.portal.contacts import mark_told
from cactuprivacy.affiliates.portal.tables import access, letter, person
from cactuprivacy.mail import Outbox
from cactuprivacy.mail.message import Message, build
from cactuprivacy.store import now

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from sqlalchemy import Connection, Row, Select

    from cactuprivacy.affiliates.portal.contacts import Contacts
    from cactuprivacy.mail import Counts, Transport
    from cactuprivacy.mail.letters import Letters
    from cactuprivacy.store import Store
    from cactuprivacy.vault import Vault

OWNER_TOLD_EVERY = timedelta(hours=1)


class NoticeAuthor:
    """Writes the portal's mails.

    Parameters:
        vault: Opens the links that wait in the outbox.
        contacts: Who is reached where.
        letters: The wording.
        owner: The address that the mails come from, and where the owner is told of applications.
        operator: Who speaks.
        base: The address that the portal's pages are below.
        home: The address of the front page.
        link: Returns the link that an affiliate puts on its pages.
    """

    def __init__(
        self,
        vault: Vault,
        contacts: Contacts,
        letters: Letters,
        *,
        owner: str,
        operator: str,
        base: str,
        home: str,
        link: Callable[[str], str],
    ) -> None:
        self._vault = vault
        self._contacts = contacts
        self._letters = letters
        self._owner = owner
        self._operator = operator
        self._base = base
        self._home = home
        self._link = link

    def write(self, connection: Connection, row: Row[Any]) -> Message | None:
        """Return the mail of *row*, or ``None`` when it is no longer wanted."""
        if not self.still_wanted(connection, row):
            return None
        to_owner = row.kind == "application"
        to = self._owner if to_owner else self._contacts.spelling(connection, row.affiliate_id)
        if to is None:
            return None
        return build(
            getattr(self, f"_{row.kind}")(connection, row),
            sender=self._owner,
            sender_name=self._operator,
            recipient=to,
            message_id=row.message_id,
            date=row.created_at,
        )

    def still_wanted(self, connection: Connection, row: Row[Any]) -> bool:
        """Tell whether *row* may be sent: an application waits, the decision stands, the link works."""
        if row.kind == "application":
            return bool(connection.scalar(select(exists(_untold("pending", told=True)))))
        if row.kind == "access":
            alive = select(access.c.digest).where(
                access.c.digest == row.access_digest, access.c.expires_at > now()
            )
            return connection.execute(alive).first() is not None
        last = select(func.max(tables.affiliate_event.c.id)).where(
            tables.affiliate_event.c.affiliate_id == row.affiliate_id
        )
        return bool(connection.scalar(last) == row.event_id)

    def accepted(self, connection: Connection, row: Row[Any], _moment: datetime) -> None:
        """Let the hour of a link begin."""
        if row.kind == "access":
            start_the_clock(connection, row.access_digest)

    def _application(self, _connection: Connection, _row: Row[Any]) -> Any:
        return self._letters.notice(
            "affiliate_application", "Somebody would like to be your affiliate", self._base
        )

    def _approved(self, connection: Connection, row: Row[Any]) -> Any:
        code = connection.scalar(
            select(tables.affiliate.c.code).where(tables.affiliate.c.id == row.affiliate_id)
        )
        return self._letters.notice(
            "affiliate_approved",
            f"You are an affiliate of {self._operator}",
            self._link(code or ""),
            page=f"{self._base}/figures",
        )

    def _refused(self, _connection: Connection, _row: Row[Any]) -> Any:
        return self._letters.notice("affiliate_refused", f"Your application to {self._operator}", self._home)

    def _access(self, _connection: Connection, row: Row[Any]) -> Any:
        secret = self._vault.open(row.sealed, f"affiliate_letter.sealed:{row.dedupe_key}")
        return self._letters.notice(
            "affiliate_figures", "The link to your figures", f"{self._base}/f/{secret}", minutes=MINUTES
        )


class NoticeOutbox(Outbox):
    """The portal's outbox: before it delivers it looks which decisions and applications are to be told.

    Parameters:
        store: The database.
        transport: The way to the mail server.
        author: Who writes the mails.
        domain: Of their Message-IDs.
    """

    def __init__(self, store: Store, transport: Transport, author: NoticeAuthor, *, domain: str) -> None:
        super().__init__(store, transport, author, table=letter)
        self._domain = domain

    def deliver_due(self, limit: int = 100, ending: Callable[[], bool] = lambda: False) -> Counts:
        """Queue what is to be told, then send up to *limit* mails that are due, and return what became of them."""
        self._queue_what_is_to_be_told()
        return super().deliver_due(limit, ending)

    def _queue_what_is_to_be_told(self) -> None:
        with self._store.read() as connection:
            if not any(self._to_be_told(connection)):
                return
        with self._store.write() as connection:
            decided, applied = self._to_be_told(connection)
            for row in decided:
                reason = {"affiliate_id": row.affiliate_id, "event_id": row.event_id}
                self._queue(connection, row.state, f"event:{row.event_id}", **reason)
            if applied:
                self._queue(connection, "application", f"application:{applied[-1].event_id}")
            for row in (*decided, *applied):
                mark_told(connection, row.affiliate_id, row.event_id)

    def _to_be_told(self, connection: Connection) -> tuple[list[Row[Any]], list[Row[Any]]]:
        """Return the decisions to tell their people of, and the applications to tell the owner of, now."""
        decided = connection.execute(_untold("approved", "refused").limit(1000)).all()
        last = connection.scalar(select(func.max(letter.c.created_at)).where(letter.c.kind == "application"))
        if last is not None and last > now() - OWNER_TOLD_EVERY:
            return list(decided), []
        return list(decided), list(connection.execute(_untold("pending").limit(1000)).all())

    def _queue(self, connection: Connection, kind: str, key: str, **reason: int) -> None:
        moment = now()
        dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
        connection.execute(  # of several processes that look at once one queues, whichever key it meets first
            dialect.insert(letter)
            .values(
                kind=kind,
                dedupe_key=key,
                message_id=f"<{secrets.token_hex(16)}@{self._domain}>",
                state="queued",
                attempts=0,
                next_at=moment,
                created_at=moment,
                **reason,
            )
            .on_conflict_do_nothing()
        )


def _untold(*states: str, told: bool = False) -> Select[Any]:
    """Return a select of people whose last event is one of *states* that they, or the owner, were not told of."""
    event = tables.affiliate_event
    last = (
        select(func.max(event.c.id))
        .where(event.c.affiliate_id == person.c.affiliate_id)
        .correlate(person)
        .scalar_subquery()
    )
    found = (
        select(person.c.affiliate_id, event.c.id.label("event_id"), event.c.state)
        .join(event, event.c.id == last)
        .where(event.c.state.in_(states))
        .order_by(event.c.id)
    )
    if told:
        return found
    return found.where(or_(person.c.told_event_id.is_(None), person.c.told_event_id != event.c.id))
