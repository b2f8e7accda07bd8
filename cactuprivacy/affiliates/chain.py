"""Chain: how an entry comes into the ledger, each holding the hash of the one before.

Room: affiliates. May import store. One transaction writes at a time, on PostgreSQL by an advisory lock and on
SQLite by its nature, so the rows are one line without gap or fork; the database holds it to that with unique keys.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import func, insert, select

from cactuprivacy.affiliates import tables

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from sqlalchemy import Connection

GENESIS = bytes(32)  # what the first entry holds for the one before
_LOCK = 0x616666696C  # any number, the same in every process: "affil"

# Made once: to make a statement costs more than to run it.
_INSERT = insert(tables.ledger)
_LAST = select(tables.ledger.c.id, tables.ledger.c.hash).order_by(tables.ledger.c.id.desc()).limit(1)


class NewEntry(NamedTuple):
    """An entry that is not in the ledger yet."""

    affiliate_id: int
    kind: str
    amount_minor: int
    currency: str
    idem_key: str
    occurred_at: datetime
    available_at: datetime
    conversion_id: int | None = None
    of_entry: int | None = None
    payout_id: int | None = None
    terms_id: int | None = None
    reason: str = ""


def lock(connection: Connection) -> None:
    """Let nobody else write to the ledger until this transaction ends. Call it first."""
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(_LOCK)))


def append(connection: Connection, *entries: NewEntry, sources: dict[int, bytes]) -> list[int]:
    """Add *entries* to the ledger, and return their numbers.

    Parameters:
        connection: A transaction that holds the :func:`lock`.
        entries: In their order.
        sources: The digest of each conversion that an entry is about, by its number.
    """
    last = connection.execute(_LAST).first()
    number, previous = (last.id, last.hash) if last else (0, GENESIS)
    rows = []
    for entry in entries:
        number += 1
        row: dict[str, Any] = {**entry._asdict(), "id": number, "prev_hash": previous}
        source = sources[entry.conversion_id] if entry.conversion_id is not None else b""
        row["hash"] = previous = entry_hash(row, source)
        rows.append(row)
    if rows:
        connection.execute(_INSERT, rows)
    return [row["id"] for row in rows]


def entry_hash(row: Mapping[Any, Any], source: bytes) -> bytes:
    """Return the hash of an entry: SHA-256 over the one before, all its columns, and what it stems from."""
    content = [
        row["prev_hash"].hex(),
        row["id"],
        *(row[name] for name in ("affiliate_id", "conversion_id", "of_entry", "payout_id", "terms_id")),
        *(row[name] for name in ("kind", "amount_minor", "currency", "idem_key")),
        *(row[name].isoformat() for name in ("occurred_at", "available_at")),
        row["reason"],
        source.hex(),
    ]
    return hashlib.sha256(json.dumps(content, separators=(",", ":")).encode()).digest()


def conversion_digest(values: Mapping[str, Any]) -> bytes:
    """Return the hash of what an order was credited by, which its entries hold."""
    content = [
        values["order_key"].hex(),
        *(values[name] for name in ("currency", "base_minor", "lines", "attribution", "root_id", "later")),
        values["occurred_at"].isoformat(),
    ]
    return hashlib.sha256(json.dumps(content, separators=(",", ":")).encode()).digest()
