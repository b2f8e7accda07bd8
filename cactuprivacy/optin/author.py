"""The author: what each mail of the outbox says, to whom, and whether it is still wanted.

Room: optin. The mailer gets its recipients here and nowhere else, and here they come from a join: a
confirmation mail through its live token, an announcement through a delivery, an active subscription and
its confirmation. What does not join is not sent.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import select, update

from cactuprivacy.mail.addresses import parse
from cactuprivacy.mail.message import Letter, Message, build
from cactuprivacy.optin.tables import campaign, confirmation, optin_request, subscription, token
from cactuprivacy.optin.tokens import leave_token
from cactuprivacy.store import now

if TYPE_CHECKING:
    import uuid
    from collections.abc import Mapping
    from datetime import datetime

    from sqlalchemy import Connection, Row

    from cactuprivacy.keys import KeyRing
    from cactuprivacy.mail.letters import Letters
    from cactuprivacy.optin.address_book import AddressBook
    from cactuprivacy.optin.lists import MailingList
    from cactuprivacy.vault import Vault


class OptInAuthor:
    """Writes the confirmation mails and the announcements of the lists.

    Parameters:
        keys: Sign the leave links.
        vault: Opens the tokens that wait in the outbox.
        book: The addresses.
        lists: The declared lists by slug.
        letters: The wording.
        base: The address that the lists' pages are below, ``https://shop.example/list``.
        host: The site's, as readers know it.
    """

    def __init__(
        self,
        keys: KeyRing,
        vault: Vault,
        book: AddressBook,
        lists: Mapping[str, MailingList],
        letters: Letters,
        *,
        base: str,
        host: str,
    ) -> None:
        self._keys = keys
        self._vault = vault
        self._book = book
        self._lists = lists
        self._letters = letters
        self._base = base
        self._host = host

    def write(self, connection: Connection, row: Row[Any]) -> Message | None:
        """Return the mail of *row*, or ``None`` when it is no longer wanted."""
        found = self._find(connection, row)
        if found is None:
            return None
        spelling = self._book.read(connection, found.address_id)
        if spelling is None:
            return None
        mailing_list = self._lists[found.list]
        if row.kind == "confirm":
            letter = self._confirmation(mailing_list, row, found.created_at)
        else:
            letter = self._announcement(mailing_list, found)
        return build(
            letter,
            sender=mailing_list.sender,
            sender_name=mailing_list.sender_name,
            recipient=spelling,
            message_id=row.message_id,
            date=row.created_at,
        )

    def still_wanted(self, connection: Connection, row: Row[Any]) -> bool:
        """Tell whether *row* may be sent now: its token lives, or its subscription is active, unsuppressed."""
        found = self._find(connection, row)
        if found is None:
            return False
        if row.kind == "confirm":
            return True
        spelling = self._book.read(connection, found.address_id)
        return spelling is not None and not self._book.is_suppressed(connection, parse(spelling), found.list)

    def accepted(self, connection: Connection, row: Row[Any], moment: datetime) -> None:
        """Let the clock of a confirmation link start when the server took the mail, not when it was queued."""
        if row.kind != "confirm":
            return
        found = connection.execute(select(token).where(token.c.digest == row.token_digest)).first()
        if found is None or found.list not in self._lists:
            return
        hours = timedelta(hours=self._lists[found.list].confirm_hours)
        connection.execute(
            update(token)
            .where(token.c.digest == row.token_digest, token.c.consumed_at.is_(None))
            .values(expires_at=moment + hours)
        )

    def _find(self, connection: Connection, row: Row[Any]) -> Row[Any] | None:
        found: Any
        if row.kind == "confirm":
            found = connection.execute(
                select(token.c.list, token.c.address_id, optin_request.c.created_at)
                .join(optin_request, optin_request.c.id == token.c.request_id)
                .where(
                    token.c.digest == row.token_digest,
                    token.c.consumed_at.is_(None),
                    token.c.expires_at > now(),
                )
            ).first()
        else:
            found = connection.execute(
                select(
                    subscription.c.list,
                    subscription.c.address_id,
                    subscription.c.uid,
                    campaign.c.subject,
                    campaign.c.text,
                )
                .join(confirmation, confirmation.c.id == subscription.c.confirmation_id)
                .join(campaign, campaign.c.id == row.campaign_id)
                .where(
                    subscription.c.list == row.list,
                    subscription.c.address_id == row.address_id,
                    subscription.c.state == "active",
                    campaign.c.list == subscription.c.list,
                    confirmation.c.list == subscription.c.list,
                    confirmation.c.address_id == subscription.c.address_id,
                )
            ).first()
        return found if found is not None and found.list in self._lists else None

    def _confirmation(self, mailing_list: MailingList, row: Row[Any], asked_at: datetime) -> Letter:
        secret = self._vault.open(row.sealed, f"outbox.sealed:{row.dedupe_key}")
        return self._letters.confirmation(
            title=mailing_list.title,
            wording=mailing_list.consent,
            link=f"{self._base}/c/{secret}",
            hours=mailing_list.confirm_hours,
            asked_at=asked_at,
            host=self._host,
        )

    def _announcement(self, mailing_list: MailingList, found: Row[Any]) -> Letter:
        return self._letters.announcement(
            title=mailing_list.title,
            list_id=mailing_list.list_id(),
            subject=found.subject,
            text=found.text,
            link=self.leave_link(found.uid),
            host=self._host,
        )

    def leave_link(self, uid: uuid.UUID) -> str:
        """Return the address by which the reader of the subscription *uid* leaves."""
        return f"{self._base}/u/{leave_token(self._keys, uid)}"
