"""Races: eight threads, and two processes, report the same events at once, each in an order of its own."""

from __future__ import annotations

import random
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

from racing import ORDERS, report
from selling import later, sell, this_month

if TYPE_CHECKING:
    from cactuprivacy import AffiliateProgram

KEY = "k3y-8Zq1vB7nT5cXw2LmP9sRd4GhJ6fYaEuC"
WORKER = """
import sys
sys.path.insert(0, sys.argv[3])
from cactuprivacy import AffiliateProgram, Affiliates
from racing import report

url, key = sys.argv[1:3]
program = AffiliateProgram(Affiliates(basis="exempt"), site="https://shop.example", keys=[key], store=url)
program.statement("alice")
print("ready", flush=True)
sys.stdin.readline()
report(program, int(sys.argv[4]))
program.store.dispose()
"""


def check(program: AffiliateProgram) -> None:
    """Every third order was cancelled, of the others a half refunded in two parts; each counted once."""
    kept = sum(1 for order in range(ORDERS) if order % 3)

    assert Decimal(kept * 5) == program.statement("alice").totals["GBP"]
    found = program.reconcile()
    assert () == found.differences
    assert ORDERS + 2 * kept + (ORDERS - kept) == found.entries


def test_invariant_7_eight_threads_that_report_everything_at_once_leave_one_set_of_books(
    program: AffiliateProgram,
) -> None:
    gate = threading.Barrier(8)

    def work(seed: int) -> None:
        gate.wait()
        report(program, seed)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))

    check(program)


def test_invariant_7_two_processes_that_report_everything_at_once_leave_one_set_of_books(
    program: AffiliateProgram,
) -> None:
    url = program.store.url.render_as_string(hide_password=False)
    support = str(Path(__file__).parents[1] / "support")
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", WORKER, url, KEY, support, str(seed)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for seed in range(2)
    ]
    for worker in workers:
        assert worker.stdout is not None
        assert "ready\n" == worker.stdout.readline()
    for worker in workers:
        assert worker.stdin is not None
        worker.stdin.write("go\n")
        worker.stdin.flush()
    for worker in workers:
        worker.communicate(timeout=120)

    assert [0, 0] == [worker.returncode for worker in workers]
    check(program)


def test_invariant_5_eight_threads_that_pay_at_once_pay_once(program: AffiliateProgram) -> None:
    orders = list(range(8))
    random.Random(1).shuffle(orders)
    for order in orders:
        sell(program, order, "alice", "bob")
    gate = threading.Barrier(8)

    def work(_: int) -> int:
        gate.wait()
        return sum(payout.new for payout in program.pay(month))

    with later(31), ThreadPoolExecutor(8) as pool:
        month = this_month()
        made = list(pool.map(work, range(8)))
        balance = program.statement("bob").balances["GBP"]

    assert 1 == sum(made)
    assert (Decimal("80.00"), Decimal("0.00")) == (balance.paid, balance.total)


def test_eight_threads_that_take_back_a_payout_take_it_back_once(program: AffiliateProgram) -> None:
    sell(program, 1, "alice")
    with later(31):
        (payout,) = program.pay(this_month())
        with ThreadPoolExecutor(8) as pool:
            voids = list(pool.map(lambda _: program.void_payout(payout.number).new, range(8)))

    assert 1 == sum(voids)
    assert () == program.reconcile().differences
