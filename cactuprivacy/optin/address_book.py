"""The address book: addresses sealed at rest, and found by a blind index.

Room: optin. The only module that turns a row of ``address`` into an address and back. A sealed address is
bound to its row: copied into another one it does not open, so nobody's confirmation can be given to another
by moving bytes about.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, exists, select

from cactuprivacy.optin.tables import address as address_table
from cactuprivacy.optin.tables import insert_new, suppression

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection, Row

    from cactuprivacy.mail.addresses import MailAddress
    from cactuprivacy.vault import Vault

_PURPOSE = "mail address"
EVERYWHERE = "*"


class AddressBook:
    """Keeps addresses.

    Parameters:
        vault: Seals them, and makes their blind indexes.
    """

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    def indexes(self, identity: str) -> list[bytes]:
        """Return the blind indexes of an identity, under the newest key first."""
        return self._vault.indexes(identity, _PURPOSE)

    def find(self, connection: Connection, address: MailAddress) -> Row[Any] | None:
        """Return the row of *address*, locked until the transaction ends where the database can."""
        return connection.execute(
            select(address_table)
            .where(address_table.c.blind_index.in_(self.indexes(address.identity)))
            .with_for_update()
        ).first()

    def take(self, connection: Connection, address: MailAddress, moment: datetime) -> Row[Any]:
        """Return the row of *address*, locked; a new one if there was none."""
        found = self.find(connection, address)
        if found is None:
            row_id, index = uuid.uuid4(), self.indexes(address.identity)[0]
            sealed = self._vault.seal(address.spelling, _place(row_id, index))
            insert_new(
                connection, address_table, id=row_id, blind_index=index, sealed=sealed, created_at=moment
            )
            found = self.find(connection, address)
        if found is None:
            raise RuntimeError("An address that was just written cannot be found.")
        return found

    def read(self, connection: Connection, address_id: uuid.UUID) -> str | None:
        """Return the spelling that mail goes to, ``None`` for an address that is gone.

        Raises:
            SealBrokenError: when what stands there was not sealed there.
        """
        row = connection.execute(select(address_table).where(address_table.c.id == address_id)).first()
        return None if row is None else self._vault.open(row.sealed, _place(row.id, row.blind_index))

    def lock(self, connection: Connection, address_id: uuid.UUID) -> Row[Any] | None:
        """Return the row, locked: everything that changes one person's consent happens one after another."""
        return connection.execute(
            select(address_table).where(address_table.c.id == address_id).with_for_update()
        ).first()

    def is_suppressed(
        self, connection: Connection, address: MailAddress, slug: str, reasons: tuple[str, ...] = ()
    ) -> bool:
        """Tell whether nothing may be sent to *address* on the list *slug*, for any reason or one of *reasons*."""
        matching = select(suppression.c.since).where(
            suppression.c.scope.in_((slug, EVERYWHERE)),
            suppression.c.blind_index.in_(self.indexes(address.identity)),
        )
        if reasons:
            matching = matching.where(suppression.c.reason.in_(reasons))
        return bool(connection.execute(select(exists(matching))).scalar())

    def suppress(
        self,
        connection: Connection,
        address: MailAddress,
        reason: str,
        moment: datetime,
        scope: str = EVERYWHERE,
    ) -> None:
        """Remember, by blind index alone, that nothing is to be sent to *address*."""
        index = self.indexes(address.identity)[0]
        insert_new(connection, suppression, scope=scope, blind_index=index, reason=reason, since=moment)

    def lift(self, connection: Connection, address: MailAddress, slug: str) -> None:
        """Forget a suppression that a fresh confirmation overrules. A complaint is not one of them."""
        connection.execute(
            delete(suppression).where(
                suppression.c.scope.in_((slug, EVERYWHERE)),
                suppression.c.blind_index.in_(self.indexes(address.identity)),
                suppression.c.reason.in_(("erased", "bounced")),
            )
        )


def _place(address_id: uuid.UUID, index: bytes) -> str:
    return f"address.sealed:{address_id.hex}:{index.hex()}"
