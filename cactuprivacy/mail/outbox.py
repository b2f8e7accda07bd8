"""The outbox: every mail is a row first, and a row tells how far its mail has come, whatever dies in between.

Room: mail. Owns the states of a row. What a row says, and whether it is still wanted, its :class:`Author`
knows. A mail that answers somebody is sent at least once, with the same Message-ID: lost, it would leave them
waiting. An announcement is sent at most once: ``sending`` is committed before the mail is given over, and
what a crash leaves in that state becomes ``unknown`` and is never sent again (RFC 1047).
"""

from __future__ import annotations

import logging
import uuid
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from sqlalchemy import and_, func, insert, or_, select, update

from cactuprivacy.mail.message import MessageRefusedError
from cactuprivacy.mail.tables import outbox
from cactuprivacy.mail.transport import OutcomeUnknownError, RefusedError, Transport, UnreachableError
from cactuprivacy.store import now
from cactuprivacy.vault import SealBrokenError

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from sqlalchemy import ColumnElement, Connection, Row, Table

    from cactuprivacy.mail.message import Message
    from cactuprivacy.mail.transport import Session
    from cactuprivacy.store import Store

logger = logging.getLogger("cactuprivacy.mail")

LEASE_SECONDS = 300
MAX_ATTEMPTS = 18  # with the waits below, about three days
_FIRST_WAIT, _LONGEST_WAIT = timedelta(minutes=1), timedelta(hours=8)
_BATCH = 20


class Author(Protocol):
    """Who knows what a row says: the clause that queued it."""

    def write(self, connection: Connection, row: Row[Any]) -> Message | None:
        """Return the mail of *row*, or ``None`` when it is no longer wanted."""

    def still_wanted(self, connection: Connection, row: Row[Any]) -> bool:
        """Tell whether *row* may still be sent, in the transaction that says it is being sent."""

    def accepted(self, connection: Connection, row: Row[Any], moment: datetime) -> None:
        """Note that the server took the mail of *row*."""


class Counts(NamedTuple):
    """What a delivery run did: how many mails were sent, put off, refused for good, withdrawn, unclear."""

    sent: int = 0
    retried: int = 0
    failed: int = 0
    withdrawn: int = 0
    unknown: int = 0

    def __add__(self, other: object) -> Counts:
        """Return the sum, number by number."""
        if not isinstance(other, Counts):
            return NotImplemented
        return Counts(*(mine + theirs for mine, theirs in zip(self, other, strict=True)))


_COUNTED = {name: Counts(**{name: 1}) for name in Counts._fields} | {"unreachable": Counts(retried=1)}


def queue_confirmation(
    connection: Connection,
    *,
    token_digest: bytes,
    dedupe_key: str,
    message_id: str,
    sealed: bytes,
    moment: datetime,
) -> None:
    """Queue the confirmation mail of a token, in the caller's transaction.

    Parameters:
        connection: The transaction that also makes the request and the token.
        token_digest: Of the token.
        dedupe_key: A second row with the same key is refused by the database.
        message_id: With angle brackets; it stays the same however often the mail is tried.
        sealed: The token itself, sealed; it is wiped when the mail is done with.
        moment: Now.
    """
    connection.execute(
        insert(outbox).values(
            kind="confirm",
            token_digest=token_digest,
            dedupe_key=dedupe_key,
            message_id=message_id,
            sealed=sealed,
            state="queued",
            attempts=0,
            next_at=moment,
            created_at=moment,
        )
    )


class Outbox:
    """The queue of mails in the database, shared by all processes.

    Parameters:
        store: The database.
        transport: The way to the mail server.
        author: Who writes the mails.
        table: The rows: those of the lists, or a clause's own with the same columns of state (``tables.progress``).
        lease_seconds: How long a process that took a mail may be silent before another one takes it.
    """

    def __init__(
        self,
        store: Store,
        transport: Transport,
        author: Author,
        *,
        table: Table = outbox,
        lease_seconds: int = LEASE_SECONDS,
    ) -> None:
        self._store = store
        self._transport = transport
        self._author = author
        self._table = table
        self._lease = timedelta(seconds=lease_seconds)

    def deliver_due(self, limit: int = 100, ending: Callable[[], bool] = lambda: False) -> Counts:
        """Send up to *limit* mails that are due, confirmations first, and return what became of them.

        Any number of processes and threads may do so at once.

        Parameters:
            limit: How many mails to take at most.
            ending: Asked before each mail; once it says yes, the rest is left to others.
        """
        total, taken, outcome = Counts(), 0, ""
        with self._transport.session() as session:
            while taken < limit and outcome != "unreachable" and not ending() and self._anything_due():
                unknown, rows = self._claim(uuid.uuid4(), min(_BATCH, limit - taken))
                total += Counts(unknown=unknown)
                taken += len(rows) or limit
                for row in rows:
                    if ending():
                        self._release(row)
                    elif outcome == "unreachable":  # for one, and so for all
                        self._put_off(row)
                        total += Counts(retried=1)
                    else:
                        outcome = self._deliver(session, row)
                        total += _COUNTED.get(outcome, Counts())
        return total

    def status(self) -> dict[str, dict[str, int]]:
        """Return how many mails there are, by kind and state."""
        found: dict[str, dict[str, int]] = {}
        with self._store.read() as connection:
            groups = (self._table.c.kind, self._table.c.state)
            counted = select(*groups, func.count()).group_by(*groups)
            for kind, state, count in connection.execute(counted):
                found.setdefault(kind, {})[state] = count
        return found

    def _anything_due(self) -> bool:
        moment = now()
        with self._store.read() as connection:
            due = select(self._table.c.id).where(or_(self._due(moment), self._left_behind(moment))).limit(1)
            return connection.execute(due).first() is not None

    def _claim(self, lease: uuid.UUID, limit: int) -> tuple[int, list[Row[Any]]]:
        moment = now()
        with self._store.write() as connection:
            unclear = connection.execute(
                update(self._table)
                .where(self._left_behind(moment), self._table.c.kind == "announcement")
                .values(state="unknown", lease=None, lease_until=None, done_at=moment)
            )
            connection.execute(
                update(self._table)
                .where(self._left_behind(moment), self._table.c.kind != "announcement")
                .values(state="queued", lease=None, lease_until=None)
            )
            chosen = (
                select(self._table.c.id)
                .where(self._due(moment))
                .order_by(self._table.c.kind.desc(), self._table.c.id)  # "confirm" before "announcement"
                .limit(limit)
                .with_for_update(skip_locked=True)
            )
            ids = list(connection.execute(chosen).scalars())
            taken = connection.execute(
                update(self._table)
                .where(self._table.c.id.in_(ids), self._due(moment))
                .values(lease=lease, lease_until=moment + self._lease, attempts=self._table.c.attempts + 1)
                .returning(self._table)
            )
            rows = sorted(taken, key=lambda row: ids.index(row.id))
        return unclear.rowcount, rows

    def _deliver(self, session: Session, row: Row[Any]) -> str:
        """Return what became of the mail of *row*: a name of :class:`Counts`, or that nobody was there."""
        try:
            with self._store.read() as connection:
                message = self._author.write(connection, row)
            if message is None or not session.send(message, lambda: self._start(row)):
                return self._finish(row, "withdrawn")
        except UnreachableError:
            self._put_off(row)
            return "unreachable"
        except RefusedError as error:
            if error.permanent or row.attempts >= MAX_ATTEMPTS:
                return self._finish(row, "failed", error.code)
            return self._put_off(row, error.code)
        except OutcomeUnknownError:
            if row.kind == "announcement" or row.attempts >= MAX_ATTEMPTS:
                return self._finish(row, "unknown")
            return self._put_off(row)
        except (MessageRefusedError, SealBrokenError) as error:
            logger.error(  # noqa: TRY400  # its traceback may quote the address
                "A mail of the outbox cannot be written (%s); it is not sent.", type(error).__name__
            )
            return self._finish(row, "failed")
        return self._finish(row, "sent", 250)

    def _start(self, row: Row[Any]) -> bool:
        """Commit that *row* is being sent, unless it is no longer wanted or no longer ours."""
        with self._store.write() as connection:
            if not self._author.still_wanted(connection, row):
                return False
            started = connection.execute(
                update(self._table)
                .where(self._ours(row), self._table.c.state == "queued")
                .values(state="sending")
            )
            return started.rowcount == 1

    def _finish(self, row: Row[Any], state: str, code: int | None = None) -> str:
        moment = now()
        with self._store.write() as connection:
            finished = connection.execute(
                update(self._table)
                .where(self._ours(row))
                .values(
                    state=state, lease=None, lease_until=None, sealed=None, last_code=code, done_at=moment
                )
            )
            if finished.rowcount and state == "sent":
                self._author.accepted(connection, row, moment)
        return state if finished.rowcount else ""

    def _put_off(self, row: Row[Any], code: int | None = None) -> str:
        wait = min(_FIRST_WAIT * 2 ** min(row.attempts - 1, 16), _LONGEST_WAIT)
        with self._store.write() as connection:
            connection.execute(
                update(self._table)
                .where(self._ours(row))
                .values(state="queued", lease=None, lease_until=None, last_code=code, next_at=now() + wait)
            )
        return "retried"

    def _release(self, row: Row[Any]) -> None:
        with self._store.write() as connection:
            connection.execute(
                update(self._table)
                .where(self._ours(row))
                .values(lease=None, lease_until=None, attempts=self._table.c.attempts - 1)
            )

    def _due(self, moment: datetime) -> ColumnElement[bool]:
        mail = self._table.c
        free = or_(mail.lease_until.is_(None), mail.lease_until < moment)
        return and_(mail.state == "queued", mail.next_at <= moment, free)

    def _left_behind(self, moment: datetime) -> ColumnElement[bool]:
        return and_(self._table.c.state == "sending", self._table.c.lease_until < moment)

    def _ours(self, row: Row[Any]) -> ColumnElement[bool]:
        return and_(self._table.c.id == row.id, self._table.c.lease == row.lease)
