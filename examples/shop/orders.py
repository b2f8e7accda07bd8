"""Orders: the shop's own table, in its own SQLite file, and what it owes to its customers by it.

Room: example shop. It shows how a host keeps personal data of its own beside cactuprivacy: sealed by the same
vault, and registered with ``privacy.people``, so that ``cactuprivacy subject`` finds, exports and erases here too.
"""

from __future__ import annotations

import json
import sqlite3
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from cactuprivacy.vault import Vault

_TABLES = """
CREATE TABLE IF NOT EXISTS orders (
    number   INTEGER PRIMARY KEY AUTOINCREMENT,
    key      TEXT NOT NULL UNIQUE,  -- one form, one order, however often it is sent
    placed   TEXT NOT NULL,
    items    TEXT NOT NULL,
    pence    INTEGER NOT NULL CHECK (pence > 0),
    claim    TEXT,                  -- the affiliate's, as it was when the order was made
    credited INTEGER NOT NULL DEFAULT 0,
    person   BLOB,                  -- name and address, sealed; empty after an erasure
    found_by BLOB                   -- blind index of the address
)
"""


@dataclass(frozen=True)
class Order:
    """An order as it was placed; who placed it stays in the table."""

    number: int
    key: str
    items: dict[str, int]
    pence: int
    claim: str | None
    credited: bool


class Orders:
    """The orders of the shop. Each call is one transaction, on disk when it returns.

    Parameters:
        path: The SQLite file; it is made when it is missing.
        vault: Seals names and addresses.
    """

    def __init__(self, path: Path, vault: Vault) -> None:
        self._path = path
        self._vault = vault
        self._ready = False

    def place(
        self, key: str, *, name: str, address: str, items: Mapping[str, int], pence: int, claim: str | None
    ) -> Order:
        """Return the order of *key*: a new one, or the one that an earlier try has made."""
        person = self._vault.seal(json.dumps([name, address]), f"orders.person:{key}")
        placed = datetime.now(timezone.utc).isoformat(timespec="seconds")
        with self._transaction() as db:
            db.execute(
                "INSERT INTO orders (key, placed, items, pence, claim, person, found_by) "
                "VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (key) DO NOTHING",
                (key, placed, json.dumps(items), pence, claim, person, self._index(address)),
            )
            return _order(db.execute("SELECT * FROM orders WHERE key = ?", (key,)).fetchone())

    def of_key(self, key: str) -> Order | None:
        """Return the order that was placed with *key*, if any."""
        with self._transaction() as db:
            row = db.execute("SELECT * FROM orders WHERE key = ?", (key,)).fetchone()
        return _order(row) if row else None

    def uncredited(self) -> list[Order]:
        """Return the orders whose affiliate has not been credited: the shop was killed in between."""
        with self._transaction() as db:
            rows = db.execute("SELECT * FROM orders WHERE claim IS NOT NULL AND NOT credited").fetchall()
        return [_order(row) for row in rows]

    def mark_credited(self, order: Order) -> None:
        """Remember that nothing is left to credit for *order*."""
        with self._transaction() as db:
            db.execute("UPDATE orders SET credited = 1 WHERE number = ?", (order.number,))

    def find(self, address: str) -> int:
        """Return how many orders name *address*."""
        return len(self._rows(address))

    def export(self, address: str) -> Mapping[str, Any]:
        """Return the orders that name *address*."""
        return {"orders": [self._told(row) for row in self._rows(address)]}

    def erase(self, address: str) -> int:
        """Forget who ordered; what was sold stays, as the books must."""
        rows = self._rows(address)
        with self._transaction() as db:
            for row in rows:
                db.execute(
                    "UPDATE orders SET person = NULL, found_by = NULL WHERE number = ?", (row["number"],)
                )
        return len(rows)

    def _rows(self, address: str) -> list[sqlite3.Row]:
        indexes = self._vault.indexes(address.strip().lower(), "orders")
        marks = ", ".join("?" * len(indexes))
        with self._transaction() as db:
            return db.execute(f"SELECT * FROM orders WHERE found_by IN ({marks})", indexes).fetchall()

    def _told(self, row: sqlite3.Row) -> dict[str, Any]:
        name, address = json.loads(self._vault.open(row["person"], f"orders.person:{row['key']}"))
        items = json.loads(row["items"])
        return {
            "number": row["number"],
            "placed": row["placed"],
            "name": name,
            "address": address,
            "items": items,
        }

    def _index(self, address: str) -> bytes:
        return self._vault.index(address.strip().lower(), "orders")

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        db = sqlite3.connect(self._path, timeout=10, isolation_level="IMMEDIATE")
        try:
            db.row_factory = sqlite3.Row
            db.execute("PRAGMA synchronous = FULL")
            if not self._ready:
                db.execute("PRAGMA journal_mode = WAL")
                db.execute(_TABLES)
                self._ready = True
            with db:
                yield db
        finally:
            db.close()


def _order(row: sqlite3.Row) -> Order:
    items = json.loads(row["items"])
    return Order(row["number"], row["key"], items, row["pence"], row["claim"], bool(row["credited"]))
