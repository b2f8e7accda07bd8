"""Contacts: who is behind an affiliate's code, sealed at rest, and found by a blind index.

Room: affiliates, portal. The only module that turns a row of ``affiliate_person`` into an address and back. The
ledger knows the code alone: when a person is erased, what was earned and paid under the code stays as it was.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from cactuprivacy.affiliates import tables
from cactuprivacy.affiliates.portal import limits
from cactuprivacy.affiliates.portal.tables import access, letter, person
from cactuprivacy.affiliates.roster import AffiliateError, enrol, random_code
from cactuprivacy.mail.addresses import AddressRefusedError, MailAddress, parse
from cactuprivacy.store import now

if TYPE_CHECKING:
    from sqlalchemy import Connection, Row

    from cactuprivacy.affiliates.roster import Roster
    from cactuprivacy.store import Store
    from cactuprivacy.vault import Vault

MAX_WORDS = 500  # characters that an applicant may write
MAX_UNDECIDED = 500  # applications that wait for the owner at once
KEEP_REFUSED = timedelta(days=30)
_PURPOSE = "affiliate address"


@dataclass(frozen=True)
class Application:
    """What somebody who wants to be an affiliate told.

    Attributes:
        code: The code that they were given, which counts when it is approved.
        address: Where they are reached. Nobody has proven that it is theirs.
        words: Where they would put the links, in their own words, on one line.
        day: When, in UTC.
    """

    code: str
    address: str
    words: str
    day: date


class Contacts:
    """The people behind the codes.

    Parameters:
        store: The database.
        vault: Seals the addresses, and makes their blind indexes.
        roster: Whose code a code is.
    """

    def __init__(self, store: Store, vault: Vault, roster: Roster) -> None:
        self._store = store
        self._vault = vault
        self._roster = roster

    def apply(self, address: MailAddress, words: str, *, network: bytes | None) -> bool:
        """Take an application, and tell whether there was room for it.

        Says nothing of whether the address is known: for who has applied before nothing is done.
        """
        try:
            with self._store.write() as connection:
                if not limits.admits(connection, network):
                    return False
                if self.find_row(connection, address) is None:
                    if len(_last_events(connection, "pending")) >= MAX_UNDECIDED:
                        return False
                    affiliate_id = enrol(connection, random_code(), actor="applicant")
                    self._add(connection, affiliate_id, address, words)
        except IntegrityError:
            return True  # the same address applied twice at once: the other one stands
        return True

    def set_address(self, code: str, address: str) -> None:
        """Say where the affiliate behind *code* is reached, instead of what was known before.

        Raises:
            AffiliateError: for an unknown affiliate, no address, and another affiliate's.
        """
        try:
            parsed = parse(address)
        except AddressRefusedError as error:
            raise AffiliateError(f"That address cannot be written to: {error}") from error
        with self._store.write() as connection:
            affiliate = self._roster.known(connection, code)
            other = self.find_row(connection, parsed)
            if other is not None and other.affiliate_id != affiliate.id:
                raise AffiliateError("That address is another affiliate's; each has one of its own.")
            _delete(connection, affiliate.id)
            self._add(connection, affiliate.id, parsed, "")

    def _add(self, connection: Connection, affiliate_id: int, address: MailAddress, words: str) -> None:
        index = self._vault.index(address.identity, _PURPOSE)
        connection.execute(
            insert(person).values(
                affiliate_id=affiliate_id,
                blind_index=index,
                sealed=self._vault.seal(address.spelling, _place("sealed", affiliate_id, index)),
                words=self._vault.seal(words, _place("words", affiliate_id, index)),
                created_at=now(),
            )
        )

    def find_row(self, connection: Connection, address: MailAddress) -> Row[Any] | None:
        """Return the row of who is reached at *address*."""
        indexes = self._vault.indexes(address.identity, _PURPOSE)
        return connection.execute(select(person).where(person.c.blind_index.in_(indexes))).first()

    def spelling(self, connection: Connection, affiliate_id: int) -> str | None:
        """Return the address that mail goes to, ``None`` when there is none any more.

        Raises:
            SealBrokenError: when what stands there was not sealed there.
        """
        row = connection.execute(select(person).where(person.c.affiliate_id == affiliate_id)).first()
        return None if row is None else self._open(row, "sealed")

    def _open(self, row: Row[Any], column: str) -> str:
        return self._vault.open(
            getattr(row, column), _place(column, row.affiliate_id, bytes(row.blind_index))
        )

    def applications(self) -> list[Application]:
        """Return the applications that wait for the owner, oldest first."""
        with self._store.read() as connection:
            waiting = _last_events(connection, "pending")
            rows = connection.execute(
                select(person, tables.affiliate.c.code)
                .join(tables.affiliate, tables.affiliate.c.id == person.c.affiliate_id)
                .order_by(person.c.created_at, person.c.affiliate_id)
            )
            return [
                Application(
                    row.code, self._open(row, "sealed"), self._open(row, "words"), row.created_at.date()
                )
                for row in rows
                if row.affiliate_id in waiting
            ]

    def find(self, address: str) -> int:
        """Return how many records are held about *address*."""
        parsed = _person(address)
        if parsed is None:
            return 0
        with self._store.read() as connection:
            row = self.find_row(connection, parsed)
            if row is None:
                return 0
            mails = select(func.count()).where(letter.c.affiliate_id == row.affiliate_id)
            return 1 + (connection.scalar(mails) or 0)

    def export(self, address: str) -> dict[str, Any]:
        """Return all that is held about *address*, in plain types (GDPR, 15 and 20); nothing for a stranger."""
        parsed = _person(address)
        if parsed is None:
            return {}
        with self._store.read() as connection:
            row = self.find_row(connection, parsed)
            if row is None:
                return {}
            event = tables.affiliate_event.c
            code = select(tables.affiliate.c.code).where(tables.affiliate.c.id == row.affiliate_id)
            states = select(event.state, event.at).where(event.affiliate_id == row.affiliate_id)
            mails = select(letter.c.kind, letter.c.state, letter.c.created_at).where(
                letter.c.affiliate_id == row.affiliate_id
            )
            return {
                "address": self._open(row, "sealed"),
                "words": self._open(row, "words"),
                "since": row.created_at.isoformat(),
                "code": connection.scalar(code),
                "states": [
                    {"state": each.state, "at": each.at.isoformat()}
                    for each in connection.execute(states.order_by(event.id))
                ],
                "mails": [
                    {"kind": each.kind, "state": each.state, "at": each.created_at.isoformat()}
                    for each in connection.execute(mails.order_by(letter.c.id))
                ],
            }

    def erase(self, address: str) -> int:
        """Erase who is reached at *address*, and return how many records that were.

        The code stays with what was earned under it, and leads to nobody any more.
        """
        parsed = _person(address)
        if parsed is None:
            return 0
        with self._store.write() as connection:
            row = self.find_row(connection, parsed)
            return _delete(connection, row.affiliate_id) if row is not None else 0

    def purge(self) -> int:
        """Erase who was refused :data:`KEEP_REFUSED` ago, and links long over. Returns how many people that were."""
        limit = now() - KEEP_REFUSED
        with self._store.write() as connection:
            over = select(access.c.digest).where(access.c.expires_at < now() - timedelta(days=2))
            connection.execute(delete(letter).where(letter.c.access_digest.in_(over)))
            connection.execute(delete(access).where(access.c.digest.in_(over)))
            refused = _last_events(connection, "refused")
            people = set(connection.execute(select(person.c.affiliate_id)).scalars())
            gone = [each for each, at in refused.items() if each in people and at < limit]
            for affiliate_id in gone:
                _delete(connection, affiliate_id)
            return len(gone)


def _last_events(connection: Connection, state: str) -> dict[int, Any]:
    """Return since when those people's affiliates are in *state* whose last event says so, by number."""
    event = tables.affiliate_event
    last = select(func.max(event.c.id)).join(person, person.c.affiliate_id == event.c.affiliate_id)
    rows = connection.execute(
        select(event.c.affiliate_id, event.c.at).where(
            event.c.state == state, event.c.id.in_(last.group_by(event.c.affiliate_id))
        )
    )
    return {row.affiliate_id: row.at for row in rows}


def mark_told(connection: Connection, affiliate_id: int, event_id: int) -> None:
    """Remember that a mail about an event was queued."""
    connection.execute(
        update(person).where(person.c.affiliate_id == affiliate_id).values(told_event_id=event_id)
    )


def _delete(connection: Connection, affiliate_id: int) -> int:
    mails = connection.execute(delete(letter).where(letter.c.affiliate_id == affiliate_id)).rowcount
    connection.execute(delete(access).where(access.c.affiliate_id == affiliate_id))
    return mails + connection.execute(delete(person).where(person.c.affiliate_id == affiliate_id)).rowcount


def _place(column: str, affiliate_id: int, index: bytes) -> str:
    return f"affiliate_person.{column}:{affiliate_id}:{index.hex()}"


def _person(address: str) -> MailAddress | None:
    try:
        return parse(address)
    except AddressRefusedError:
        return None  # we never took it, so nothing is held about it
