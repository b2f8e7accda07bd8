"""Reconcile: compute everything in the ledger again, and say what differs.

Room: affiliates. May import store. It reads, and repairs nothing: a ledger that differs was changed past the database's
own refusals, and a person has to look. What is cut off at the end no chain can tell: keep the printed head elsewhere.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select

from cactuprivacy.affiliates import chain, tables
from cactuprivacy.affiliates.reason import Reason, lines_from
from cactuprivacy.affiliates.refunds import reversible

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection

    from cactuprivacy.store import Store

_BATCH = 5000


@dataclass(frozen=True)
class Reconciliation:
    """What computing everything again has shown.

    Attributes:
        entries: How many entries the ledger has.
        head: The last entry's hash in hex; all that is before it hangs on it.
        differences: One sentence for each; none when all is well.
    """

    entries: int
    head: str
    differences: tuple[str, ...]


def reconcile(store: Store, *, head: str | None = None) -> Reconciliation:
    """Recompute the chain, the shares, the reversals and the payouts.

    Parameters:
        store: The database.
        head: The head of an earlier run: that it is no longer in the chain is a difference too.
    """
    with store.read() as connection:
        checks = _Checks(connection)
        differences = list(checks.all())
    if head is not None and head not in checks.hashes:
        differences.append(
            "The head that was kept is not in the chain: entries were cut off or written anew."
        )
    return Reconciliation(checks.entries, checks.head.hex(), tuple(differences))


class _Checks:
    """One run; what each entry adds is noted on the way through the chain, which is read once."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.entries = 0
        self.head = chain.GENESIS
        self.hashes: set[str] = {chain.GENESIS.hex()}
        self._accruals: dict[int, dict[int, tuple[int, int]]] = defaultdict(
            dict
        )  # conversion, affiliate, entry
        self._reversed: dict[int, int] = defaultdict(int)
        self._payouts: dict[int, int] = {}
        self._voids: dict[int, int] = {}

    def all(self) -> Iterator[str]:
        yield from self._chain()
        yield from self._terms()
        yield from self._conversions()
        yield from self._payout_lines()

    def _chain(self) -> Iterator[str]:
        ledger, conversion = tables.ledger, tables.conversion
        columns = [column.label(f"of_{column.name}") for column in conversion.c]
        rows = self._connection.execution_options(yield_per=_BATCH).execute(
            select(ledger, *columns)
            .outerjoin(conversion, conversion.c.id == ledger.c.conversion_id)
            .order_by(ledger.c.id)
        )
        for row in rows.mappings():
            self.entries += 1
            if row["id"] != self.entries:
                yield f"Entry {self.entries} is missing: the next is {row['id']}."
                self.entries = row["id"]
            if row["prev_hash"] != self.head:
                yield f"Entry {row['id']} does not follow the one before it."
            source = b""
            if row["of_id"] is not None:
                source = chain.conversion_digest({name: row[f"of_{name}"] for name in conversion.c.keys()})  # noqa: SIM118  # no mapping
            if chain.entry_hash(row, source) != row["hash"]:
                yield f"Entry {row['id']}, or the sale that it is of, was changed."
            self.head = row["hash"]
            self.hashes.add(self.head.hex())
            self._note(row)

    def _note(self, row: Any) -> None:
        kind, minor = row["kind"], row["amount_minor"]
        if kind == "accrual":
            self._accruals[row["conversion_id"]][row["affiliate_id"]] = row["id"], minor
        elif kind == "reversal":
            self._reversed[row["of_entry"]] -= minor
        elif kind == "payout":
            self._payouts[row["payout_id"]] = self._payouts.get(row["payout_id"], 0) - minor
        elif kind == "payout_void":
            self._voids[row["payout_id"]] = self._voids.get(row["payout_id"], 0) + minor

    def _terms(self) -> Iterator[str]:
        self._bodies: dict[int, str] = {}
        for row in self._connection.execute(select(tables.terms)):
            self._bodies[row.id] = row.body
            if sha256(row.body.encode()).digest() != row.digest:
                yield f"Terms {row.id} were changed."

    def _conversions(self) -> Iterator[str]:
        refunds: dict[bytes, list[Any]] = defaultdict(list)
        for row in self._connection.execute(select(tables.refund)):
            refunds[row.order_key].append(row)
        rows = self._connection.execution_options(yield_per=_BATCH).execute(
            select(tables.conversion).order_by(tables.conversion.c.id)
        )
        for row in rows:
            found = self._accruals.pop(row.id, {})
            try:
                expected = Reason.from_text(row.attribution).divide(
                    row.base_minor, row.currency, lines_from(row.lines), self._bodies.__getitem__
                )
            except (ValueError, LookupError, TypeError):
                yield f"Sale {row.id} cannot be computed again: its reason or its terms were changed."
                continue
            if expected != {affiliate: minor for affiliate, (_, minor) in found.items()}:
                yield f"Sale {row.id} was credited with other shares than its terms give."
            amounts = [
                refund.amount_minor
                for refund in refunds[row.order_key]
                if refund.currency in (None, row.currency)
            ]
            for entry, minor in found.values():
                owed, done = reversible(minor, row.base_minor, amounts), self._reversed.pop(entry, 0)
                if owed != done:
                    yield f"Entry {entry} should be reversed by {owed}, and is by {done} minor units."
        for number in sorted(self._accruals):
            yield f"Sale {number} has entries, and is not there."
        for number in sorted(self._reversed):
            yield f"Entry {number} is reversed, and is no accrual."

    def _payout_lines(self) -> Iterator[str]:
        payout, line, ledger = tables.payout, tables.payout_line, tables.ledger
        sums = (
            select(line.c.payout_id, func.sum(ledger.c.amount_minor).label("sum"))
            .join(ledger, ledger.c.id == line.c.entry_id)
            .group_by(line.c.payout_id)
            .subquery()
        )
        for row in self._connection.execute(
            select(payout.c.id, payout.c.amount_minor, sums.c.sum).outerjoin(
                sums, sums.c.payout_id == payout.c.id
            )
        ):
            if int(row.sum or 0) != row.amount_minor:
                yield f"Payout {row.id} is {row.amount_minor}, its lines {int(row.sum or 0)} minor units."
            if self._payouts.pop(row.id, 0) != row.amount_minor:
                yield f"Payout {row.id} is not in the ledger with its amount."
            if self._voids.pop(row.id, row.amount_minor) != row.amount_minor:
                yield f"Payout {row.id} was voided with another amount than its own."
        for number in sorted({*self._payouts, *self._voids}):
            yield f"Payout {number} is in the ledger, and is not there."
