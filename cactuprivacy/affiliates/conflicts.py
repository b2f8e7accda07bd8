"""Conflicts: an order or a refund that came again with other particulars; the first stands, and this is kept.

Room: affiliates. May import store. Of the particulars that were refused only a hash is kept, and the log names no
order.
"""

from __future__ import annotations

import hashlib
import json
import logging
from typing import TYPE_CHECKING, Any

from cactuprivacy.affiliates import tables
from cactuprivacy.affiliates.reason import Reason, lines_from, lines_text
from cactuprivacy.store import now

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection, Row

    from cactuprivacy.affiliates.orders import Found, Sale, Touch
    from cactuprivacy.affiliates.refunds import Refund
    from cactuprivacy.affiliates.roster import Roster

logger = logging.getLogger("cactuprivacy.affiliates")


def sale_differences(
    connection: Connection, roster: Roster, found: Found, sale: Sale, touches: Sequence[Touch]
) -> list[str]:
    """Return in what *sale* and who led to it differ from the one that was credited."""
    row = found.row
    claimed = {
        affiliate.id
        for code in {touch.code for touch in touches}
        if (affiliate := roster.find(connection, code)) is not None
    }
    led = {touch.affiliate_id for touch in Reason.from_text(row.attribution).touches}
    return [
        name
        for name, other in (
            ("currency", row.currency != sale.currency),
            ("amount", row.base_minor != sale.base_minor),
            ("items", lines_from(row.lines) != sale.lines),
            ("affiliate", bool(claimed) and not claimed & led),
        )
        if other
    ]


def refund_differences(refund: Refund, seen: Row[Any] | None, found: Found | None) -> list[str]:
    """Return in what *refund* differs from the one *seen* under its name, or from the sale's currency."""
    differs = []
    if seen is not None:
        differs += ["amount"] * (seen.amount_minor != refund.amount_minor)
        differs += ["currency"] * (seen.currency != refund.currency)
    if not differs and found and refund.currency not in (None, found.row.currency):
        differs = ["currency than its sale"]
    return differs


def record_sale(
    connection: Connection, order_key: bytes, sale: Sale, touches: Sequence[Touch], differs: list[str]
) -> None:
    """Keep, once, that a sale came again that differs."""
    codes = sorted({touch.code for touch in touches})
    payload = [sale.currency, sale.base_minor, lines_text(sale.lines), codes]
    _record(connection, order_key, "sale", differs, payload)


def record_refund(connection: Connection, order_key: bytes, refund: Refund, differs: list[str]) -> None:
    """Keep, once, that a refund came that differs."""
    _record(connection, order_key, "refund", differs, [*refund[1:]])


def _record(
    connection: Connection, order_key: bytes, kind: str, differs: list[str], payload: list[Any]
) -> None:
    text = " and ".join(differs)
    new = tables.insert_once(
        connection,
        tables.conflict,
        *("order_key", "kind", "digest"),
        order_key=order_key,
        kind=kind,
        digest=hashlib.sha256(json.dumps([*payload, text]).encode()).digest(),
        differs=text,
        at=now(),
    )
    if new is not None:
        what = "An order that was credited" if kind == "sale" else "A refund"
        logger.warning("%s came again with another %s; the first stands.", what, text)
