"""Holds: orders that the owner keeps back from paying, each by a rule, until that rule releases it.

Room: affiliates. May import store. A hold or a release is a row of its own, and a release is final for its rule.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from cactuprivacy.affiliates import tables
from cactuprivacy.affiliates.roster import AffiliateError, actor_name
from cactuprivacy.store import now

if TYPE_CHECKING:
    from sqlalchemy import Connection


def enter(connection: Connection, order_key: bytes, kind: str, rule: str, actor: str) -> bool:
    """Hold or release an order by *rule*, and return whether it is held now, by whichever rule.

    Parameters:
        connection: A transaction that holds the chain's lock.
        order_key: The order, as the ledger knows it.
        kind: ``hold`` or ``release``.
        rule: The rule's name, 1 to 64 printable characters.
        actor: Who says so.

    Raises:
        AffiliateError: when the rule or the actor has no name.
    """
    if not isinstance(rule, str) or not 1 <= len(rule) <= 64 or not rule.isprintable():
        raise AffiliateError("A hold's rule is named by 1 to 64 printable characters, such as 'review'.")
    table = tables.hold
    tables.insert_once(
        connection,
        table,
        *("order_key", "rule", "kind"),
        order_key=order_key,
        rule=rule,
        kind=kind,
        actor=actor_name(actor),
        at=now(),
    )
    return connection.scalar(held_orders().where(table.c.order_key == order_key)) is not None


def held_orders() -> Any:
    """Return a select of the keys of the orders that are held: by a rule that has not released them."""
    hold, release = tables.hold, tables.hold.alias("release")
    return select(hold.c.order_key).where(
        hold.c.kind == "hold",
        ~select(release.c.id)
        .where(
            release.c.order_key == hold.c.order_key,
            release.c.rule == hold.c.rule,
            release.c.kind == "release",
        )
        .exists(),
    )
