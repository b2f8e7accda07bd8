"""Limits: how many forms one network may send, and how many mailed links one affiliate gets.

Room: affiliates, portal. Counted in the database, and so shared by all processes. A network is known by a keyed
hash for an hour, and then no more.
"""

from __future__ import annotations

import ipaddress
from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import delete, func, insert, select

from cactuprivacy.affiliates.portal.tables import access, attempt
from cactuprivacy.store import now

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from cactuprivacy.vault import Vault

FORMS, WITHIN = 20, timedelta(hours=1)
#: At most so many links to one affiliate's figures within so long.
LINKS = ((1, timedelta(minutes=5)), (5, timedelta(hours=24)))


def network_of(address: str | None, vault: Vault) -> bytes | None:
    """Return the keyed hash of the network that a visitor's *address* is of; ``None`` for an unknown one.

    An IPv6 address is one of many that its owner can choose from: its network is the first 64 bits (RFC 4291, 2.5.4).
    """
    if address is None:
        return None
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return None
    bits = 64 if parsed.version == 6 else 32
    return vault.index(str(ipaddress.ip_network((parsed, bits), strict=False)), "network address")


def admits(connection: Connection, network: bytes | None) -> bool:
    """Note that a form came from *network*, and tell whether it is not one too many."""
    moment = now()
    connection.execute(delete(attempt).where(attempt.c.at <= moment - WITHIN))
    if network is None:
        return True
    sent = connection.scalar(select(func.count()).where(attempt.c.network == network)) or 0
    if sent < FORMS:
        connection.execute(insert(attempt).values(network=network, at=moment))
    return sent < FORMS


def may_have_a_link(connection: Connection, affiliate_id: int) -> bool:
    """Tell whether the affiliate may be mailed another link now."""
    moment = now()
    longest = max(span for _, span in LINKS)
    made = list(
        connection.execute(
            select(access.c.created_at).where(
                access.c.affiliate_id == affiliate_id, access.c.created_at > moment - longest
            )
        ).scalars()
    )
    return all(sum(at > moment - span for at in made) < count for count, span in LINKS)
