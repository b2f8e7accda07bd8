"""Limits: how many confirmation mails an address gets, whoever asks and from wherever.

Room: optin. Counted in the database, and so shared by all processes. They count the one who would suffer: a
flood comes from thousands of addresses of origin and hits one inbox, so a limit by origin would stop nothing.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import select

from cactuprivacy.mail.tables import outbox
from cactuprivacy.optin.tables import token

if TYPE_CHECKING:
    import uuid
    from datetime import datetime

    from sqlalchemy import Connection

#: At most so many confirmation mails to one address, on all lists together, within so long.
PER_ADDRESS = ((1, timedelta(minutes=10)), (3, timedelta(hours=24)))


def may_ask(connection: Connection, address_id: uuid.UUID, moment: datetime) -> bool:
    """Tell whether the address may be sent another confirmation mail now."""
    longest = max(span for _, span in PER_ADDRESS)
    asked = list(
        connection.execute(
            select(outbox.c.created_at)
            .join(token, token.c.digest == outbox.c.token_digest)
            .where(token.c.address_id == address_id, outbox.c.created_at > moment - longest)
        ).scalars()
    )
    return all(sum(at > moment - span for at in asked) < count for count, span in PER_ADDRESS)
