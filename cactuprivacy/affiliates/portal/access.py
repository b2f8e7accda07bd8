"""Access: the mailed link that opens one affiliate's figures for an hour, and nothing else.

Room: affiliates, portal. There is no account and no password: who can read the mail may see the figures. The
database keeps a hash of each link, so that a copy of it opens nothing.
"""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import insert, select, update

from cactuprivacy.affiliates import tables
from cactuprivacy.affiliates.portal import limits
from cactuprivacy.affiliates.portal.tables import access, letter
from cactuprivacy.mail.tokens import new_token, token_digest
from cactuprivacy.store import now

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from cactuprivacy.affiliates.portal.contacts import Contacts
    from cactuprivacy.affiliates.roster import Roster
    from cactuprivacy.mail.addresses import MailAddress
    from cactuprivacy.store import Store
    from cactuprivacy.vault import Vault

MINUTES = 60  # from when the mail server took the mail
_SEEN = ("approved", "suspended")  # whose figures there may be


class Access:
    """The links to the figures.

    Parameters:
        store: The database.
        vault: Seals links while they wait in the outbox.
        contacts: Who is reached where.
        roster: Who is an affiliate.
        domain: Of the mails' Message-ID.
    """

    def __init__(
        self, store: Store, vault: Vault, contacts: Contacts, roster: Roster, *, domain: str
    ) -> None:
        self._store = store
        self._vault = vault
        self._contacts = contacts
        self._roster = roster
        self._domain = domain

    def ask(self, address: MailAddress, *, network: bytes | None) -> bool:
        """Mail a link to *address* if an affiliate is reached there; tell whether *network* may ask at all.

        Says nothing of whether there is one.
        """
        with self._store.write() as connection:
            if not limits.admits(connection, network):
                return False
            row = self._contacts.find_row(connection, address)
            if row is not None and self._may_see(connection, row.affiliate_id):
                self._queue(connection, row.affiliate_id)
        return True

    def _may_see(self, connection: Connection, affiliate_id: int) -> bool:
        code = connection.scalar(select(tables.affiliate.c.code).where(tables.affiliate.c.id == affiliate_id))
        affiliate = self._roster.find(connection, code or "")
        if affiliate is None or affiliate.state not in _SEEN:
            return False
        return limits.may_have_a_link(connection, affiliate_id)

    def _queue(self, connection: Connection, affiliate_id: int) -> None:
        moment, secret = now(), new_token()
        digest = token_digest(secret)
        if digest is None:
            raise RuntimeError("A new token is no token.")
        connection.execute(
            insert(access).values(
                digest=digest,
                affiliate_id=affiliate_id,
                created_at=moment,
                expires_at=moment + timedelta(days=1),  # for the mail to go out; then the hour begins
            )
        )
        key = f"access:{digest.hex()}"
        connection.execute(
            insert(letter).values(
                kind="access",
                affiliate_id=affiliate_id,
                access_digest=digest,
                dedupe_key=key,
                message_id=f"<{secrets.token_hex(16)}@{self._domain}>",
                sealed=self._vault.seal(secret, f"affiliate_letter.sealed:{key}"),
                state="queued",
                attempts=0,
                next_at=moment,
                created_at=moment,
            )
        )

    def opens(self, token: str) -> str | None:
        """Return the code of whose figures *token* opens now, ``None`` when it opens nothing. Changes nothing."""
        digest = token_digest(token)
        if digest is None:
            return None
        with self._store.read() as connection:
            code = connection.scalar(
                select(tables.affiliate.c.code)
                .join(access, access.c.affiliate_id == tables.affiliate.c.id)
                .where(access.c.digest == digest, access.c.expires_at > now())
            )
            affiliate = self._roster.find(connection, code) if code else None
        return affiliate.code if affiliate and affiliate.state in _SEEN else None

    def end(self, token: str) -> None:
        """Let *token* open nothing any more. Twice is once."""
        digest = token_digest(token)
        with self._store.write() as connection:
            connection.execute(
                update(access)
                .where(access.c.digest == digest)
                .values(expires_at=now() - timedelta(seconds=1))
            )


def start_the_clock(connection: Connection, digest: bytes) -> None:
    """Let a link's hour begin: the mail server has taken its mail."""
    connection.execute(
        update(access).where(access.c.digest == digest).values(expires_at=now() + timedelta(minutes=MINUTES))
    )
