from __future__ import annotations

import logging
import subprocess
import sys
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from cactuprivacy import AffiliateProgram, Affiliates, KeyRing, Site, Store
from cactuprivacy.affiliates import Credit, Terms, tables
from cactuprivacy.affiliates.claim import Touch, today

if TYPE_CHECKING:
    from collections.abc import Callable

    Visitor = Callable[[str], dict[str, Any]]

KEY = "k3y-8Zq1vB7nT5cXw2LmP9sRd4GhJ6fYaEuC"
OLD_KEY = "0ld-Tz7Wq3Np8Vb1Kc6Xm5Rj2Hs9Gd4LfYe"

WORKER = """
import sys
from concurrent.futures import ThreadPoolExecutor
from cactuprivacy import AffiliateProgram, Affiliates

url, key, claim = sys.argv[1:]
program = AffiliateProgram(Affiliates(basis="exempt"), site="https://shop.example", keys=[key], store=url)
program.statement("alice")
print("ready", flush=True)
sys.stdin.readline()
with ThreadPoolExecutor(4) as pool:
    credits = pool.map(
        lambda order: program.credit_sale(order=order, amount="10", currency="GBP", claim=claim),
        [order for order in range(20) for _ in range(2)],
    )
    print(sum(credit.new for credit in credits))
"""


def rows(program: AffiliateProgram) -> tuple[int, int]:
    with program.store.read() as connection:
        return (
            connection.scalar(select(func.count()).select_from(tables.conversion)) or 0,
            connection.scalar(select(func.count()).select_from(tables.ledger)) or 0,
        )


def test_a_sale_is_credited_with_its_share(program: AffiliateProgram, visitor: Visitor) -> None:
    credit = program.credit_sale(visitor("alice"), order=7, amount="49.99", currency="GBP")

    assert Credit("alice", Decimal("5.00"), "GBP", new=True) == credit
    assert rows(program) == (1, 1)


def test_invariant_1_the_same_sale_again_is_the_same_answer_and_no_row(
    program: AffiliateProgram, visitor: Visitor
) -> None:
    program.credit_sale(visitor("alice"), order=7, amount="49.99", currency="GBP")
    again = program.credit_sale(visitor("alice"), order="7", amount=Decimal("49.990"), currency="gbp")

    assert Credit("alice", Decimal("5.00"), "GBP") == again
    assert rows(program) == (1, 1)


@pytest.mark.parametrize(
    "who, amount, currency, named",
    [
        ("alice", "50", "GBP", "amount"),
        ("alice", "49.99", "EUR", "currency"),
        ("bob", "49.99", "GBP", "affiliate"),
        ("bob", "1", "EUR", "currency and amount and affiliate"),
    ],
)
def test_invariant_1_the_same_order_with_other_particulars_is_a_conflict_and_the_first_stands(
    program: AffiliateProgram,
    visitor: Visitor,
    caplog: pytest.LogCaptureFixture,
    who: str,
    amount: str,
    currency: str,
    named: str,
) -> None:
    program.credit_sale(visitor("alice"), order="SECRET-7", amount="49.99", currency="GBP")
    with caplog.at_level(logging.WARNING):
        credit = program.credit_sale(visitor(who), order="SECRET-7", amount=amount, currency=currency)

    assert Credit("alice", Decimal("5.00"), "GBP", conflict=True) == credit
    assert rows(program) == (1, 1)
    assert [
        f"An order that was credited came again with another {named}; the first stands."
    ] == caplog.messages


def test_a_repeated_call_without_a_claim_says_who_was_credited(
    program: AffiliateProgram, visitor: Visitor
) -> None:
    program.credit_sale(visitor("alice"), order=7, amount="49.99", currency="GBP")

    assert Credit("alice", Decimal("5.00"), "GBP") == program.credit_sale(
        order=7, amount="49.99", currency="GBP"
    )


def test_invariant_1_eight_threads_credit_an_order_once(program: AffiliateProgram, visitor: Visitor) -> None:
    environ, orders = visitor("alice"), range(25)
    gate = threading.Barrier(8)

    def work(_: int) -> list[Credit]:
        gate.wait()
        return [program.credit_sale(dict(environ), order=n, amount="10", currency="GBP") for n in orders]

    with ThreadPoolExecutor(8) as pool:
        answers = [credit for done in pool.map(work, range(8)) for credit in done]

    assert Counter({(True, False): 25, (False, False): 175}) == Counter((c.new, c.conflict) for c in answers)
    assert rows(program) == (25, 25)
    assert {"GBP": Decimal("25.00")} == program.statement("alice").totals


def test_invariant_1_two_processes_credit_an_order_once(program: AffiliateProgram) -> None:
    url = program.store.url.render_as_string(hide_password=False)
    claim = program.signer.hand_over(Touch("alice", today()))
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", WORKER, url, KEY, claim],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    for worker in workers:
        assert worker.stdout is not None
        assert worker.stdout.readline() == "ready\n"
    new = [int(worker.communicate("go\n", timeout=60)[0]) for worker in workers]

    assert [worker.returncode for worker in workers] == [0, 0]
    assert sum(new) == 20
    assert rows(program) == (20, 20)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_invariant_7_any_order_and_repetition_of_sales_ends_in_the_same_balance(
    sqlite_store: Store, site: Site, keys: KeyRing, data: st.DataObject
) -> None:
    program = AffiliateProgram(Affiliates(basis="exempt"), site=site, keys=keys, store=sqlite_store)
    code = program.add()
    program.approve(code)
    claim = program.signer.hand_over(Touch(code, today()))
    minors = data.draw(st.lists(st.integers(0, 10**6), min_size=1, max_size=5))
    sales = data.draw(
        st.permutations([(n, minor) for n, minor in enumerate(minors) for _ in range(2)]), label="sales"
    )
    for n, minor in sales:
        program.credit_sale(order=f"{code}-{n}", amount=Decimal(minor) / 1000, currency="BHD", claim=claim)
    statement = program.statement(code)

    assert (
        sum((Decimal(round(Decimal(minor) / 10)) for minor in minors), Decimal(0)) / 1000
        == statement.totals["BHD"]
    )
    assert len(minors) == len(statement.entries)


def test_A16_currencies_are_never_added_up(program: AffiliateProgram, visitor: Visitor) -> None:
    for order, (amount, currency) in enumerate(
        [("10", "GBP"), ("1000", "JPY"), ("20", "GBP"), ("1.25", "BHD")]
    ):
        program.credit_sale(visitor("alice"), order=order, amount=amount, currency=currency)

    assert {"BHD": Decimal("0.125"), "GBP": Decimal("3.00"), "JPY": Decimal(100)} == program.statement(
        "alice"
    ).totals


def test_invariant_2_a_balance_is_the_sum_of_its_entries(program: AffiliateProgram, visitor: Visitor) -> None:
    for order, amount in enumerate(["0.05", "0.15", "0.25", "19.99"]):
        program.credit_sale(visitor("alice"), order=order, amount=amount, currency="GBP")
    statement = program.statement("alice")

    assert [str(entry.amount) for entry in statement.entries] == ["0.00", "0.02", "0.02", "2.00"]
    assert {"GBP": sum(entry.amount for entry in statement.entries)} == statement.totals


def test_a_statement_names_no_order_and_no_hour(program: AffiliateProgram, visitor: Visitor) -> None:
    program.credit_sale(visitor("alice"), order="ORDER-7", amount="10", currency="GBP")
    statement = program.statement("alice")

    assert today() == statement.entries[0].day
    assert "ORDER" not in repr(statement)


def test_A10_the_rate_and_the_base_are_frozen_on_the_order(
    program: AffiliateProgram, visitor: Visitor, make_program: Callable[..., AffiliateProgram]
) -> None:
    program.credit_sale(visitor("alice"), order=1, amount="100", currency="GBP")
    dearer = make_program(commission="20%")
    dearer.credit_sale(visitor("alice"), order=1, amount="100", currency="GBP")
    dearer.credit_sale(visitor("alice"), order=2, amount="100", currency="GBP")

    conversion = tables.conversion.c
    with program.store.read() as connection:
        frozen = connection.execute(
            select(conversion.base_minor, tables.terms.c.body)
            .join(tables.ledger, tables.ledger.c.conversion_id == conversion.id)
            .join(tables.terms, tables.terms.c.id == tables.ledger.c.terms_id)
            .order_by(conversion.id)
        ).all()
    assert [tuple(row) for row in frozen] == [(10000, Terms("10%").body), (10000, Terms("20%").body)]
    assert {"GBP": Decimal("30.00")} == program.statement("alice").totals


def test_an_order_is_kept_as_a_keyed_hash_alone(
    program: AffiliateProgram, visitor: Visitor, keys: KeyRing
) -> None:
    program.credit_sale(visitor("alice"), order="ORDER-7", amount="10", currency="GBP")
    with program.store.read() as connection:
        row = connection.execute(select(tables.conversion)).one()

    assert keys.digest("affiliate order", b"ORDER-7") == row.order_key


def test_a_retry_after_a_key_rotation_is_not_credited_again(
    program: AffiliateProgram, visitor: Visitor, make_program: Callable[..., AffiliateProgram]
) -> None:
    program.credit_sale(visitor("alice"), order=7, amount="10", currency="GBP")
    rotated = make_program(keys=KeyRing([OLD_KEY, KEY]))

    assert not rotated.credit_sale(visitor("alice"), order=7, amount="10", currency="GBP").new
    assert rows(program) == (1, 1)
