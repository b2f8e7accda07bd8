"""Payouts: each the sum of its lines, nothing twice, nothing early, debts carried forward."""

from __future__ import annotations

import csv
import io
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from selling import later, sell, this_month
from sqlalchemy import func, select

from cactuprivacy.affiliates import AffiliateError, tables
from cactuprivacy.affiliates.payouts import as_csv

if TYPE_CHECKING:
    from collections.abc import Callable

    from cactuprivacy import AffiliateProgram
    from cactuprivacy.affiliates import Payout


def paid(payouts: list[Payout]) -> dict[str, str]:
    return {f"{each.affiliate} {each.currency}": f"{each.amount}" for each in payouts if each.new}


def test_A20_a_payout_has_amount_currency_lines_method_actor_and_day(program: AffiliateProgram) -> None:
    sell(program, 1, "alice")
    sell(program, 2, "alice", amount="50")
    with later(31):
        (payout,) = program.pay(this_month(), method="bank transfer 17", actor="zoe")

    assert ("alice", Decimal("15.00"), "GBP", 2) == (
        payout.affiliate,
        payout.amount,
        payout.currency,
        payout.lines,
    )
    assert ("bank transfer 17", "zoe", True) == (payout.method, payout.actor, payout.new)


def test_A20_nothing_due_makes_no_payout(program: AffiliateProgram) -> None:
    assert [] == program.pay(this_month())


def test_invariant_5_a_payout_is_the_sum_of_its_lines(program: AffiliateProgram) -> None:
    for order, amount in enumerate(["9.99", "0.05", "120"]):
        sell(program, order, "alice", amount=amount)
    program.refund(order=2, amount="10", currency="GBP", refund=1)
    with later(31):
        (payout,) = program.pay(this_month())
    line, entry = tables.payout_line.c, tables.ledger.c
    with program.store.read() as connection:
        lines = connection.scalar(
            select(func.sum(entry.amount_minor)).join(tables.payout_line, line.entry_id == entry.id)
        )

    assert int(payout.amount * 100) == int(lines or 0) == 1200


def test_a_period_is_paid_once(program: AffiliateProgram) -> None:
    sell(program, 1, "alice")
    with later(31):
        first, again = (program.pay(this_month()) for _ in range(2))

    assert [{"alice GBP": "10.00"}, {}] == [paid(first), paid(again)]
    assert [first[0].number] == [payout.number for payout in again]


def test_A17_what_is_pending_is_told_from_what_is_payable_and_not_paid(program: AffiliateProgram) -> None:
    sell(program, 1, "alice")
    balance = program.statement("alice").balances["GBP"]
    with later(29):
        early = program.pay(this_month())

    assert (Decimal("10.00"), Decimal("0.00")) == (balance.pending, balance.available)
    assert [] == early


def test_a_past_period_pays_what_was_due_by_its_end(make_program: Callable[..., AffiliateProgram]) -> None:
    program = make_program(hold_days=60)
    program.approve(program.add("alice"))
    sell(program, 1, "alice")
    with later(95):
        sell(program, 2, "alice")
        past = this_month()
    with later(190):
        assert {"alice GBP": "10.00"} == paid(program.pay(past))


def test_what_is_held_is_not_paid_until_released(program: AffiliateProgram) -> None:
    sell(program, 1, "alice")
    sell(program, 2, "alice", amount="50")
    assert program.hold(order=1, rule="review")
    with later(31):
        first = paid(program.pay(this_month()))
    assert not program.release(order=1, rule="review")
    with later(70):
        second = paid(program.pay(this_month()))

    assert [{"alice GBP": "5.00"}, {"alice GBP": "10.00"}] == [first, second]


def test_a_debt_is_carried_forward_and_never_paid(program: AffiliateProgram) -> None:
    sell(program, 1, "alice")
    with later(31):
        program.pay(this_month())
        program.refund(order=1, amount="100", currency="GBP", refund=1)
        sell(program, 2, "alice", amount="30")
    with later(65):
        in_debt = program.pay(this_month())
        sell(program, 3, "alice", amount="200")
    with later(100):
        after = paid(program.pay(this_month()))

    assert [] == in_debt
    assert {"alice GBP": "13.00"} == after


def test_less_than_the_minimum_is_carried_forward(program: AffiliateProgram) -> None:
    sell(program, 1, "alice")
    sell(program, 2, "alice", amount="1000", currency="JPY")
    with later(31):
        first = paid(program.pay(this_month(), minimum={"GBP": "10.01"}))
    with later(65):
        second = paid(program.pay(this_month(), minimum={"GBP": "10.00"}))

    assert [{"alice JPY": "100"}, {"alice GBP": "10.00"}] == [first, second]


def test_paying_one_pays_no_other(program: AffiliateProgram) -> None:
    sell(program, 1, "alice")
    sell(program, 2, "bob")
    with later(31):
        assert {"bob GBP": "10.00"} == paid(program.pay(this_month(), only=["bob"]))


def test_A15_who_is_suspended_is_neither_paid_nor_credited_and_keeps_the_balance(
    program: AffiliateProgram,
) -> None:
    sell(program, 1, "alice")
    program.suspend("alice", actor="zoe")
    with later(31):
        assert [] == program.pay(this_month())
        assert sell(program, 2, "alice").affiliate is None
        program.approve("alice")
        assert {"alice GBP": "10.00"} == paid(program.pay(this_month()))


def test_A20_a_void_is_an_entry_and_the_money_is_due_again_once(program: AffiliateProgram) -> None:
    sell(program, 1, "alice")
    with later(31):
        (payout,) = program.pay(this_month())
        voids = [program.void_payout(payout.number, reason="bounced") for _ in range(2)]
        balance = program.statement("alice").balances["GBP"]
    with later(65):
        second = program.pay(this_month())

    assert [True, False] == [void.new for void in voids]
    assert (Decimal("10.00"), Decimal("0.00")) == (balance.available, balance.paid)
    assert {"alice GBP": "10.00"} == paid(second)
    assert [True, False] == [each.voided for each in program.payouts()]
    assert () == program.reconcile().differences


@pytest.mark.parametrize("period", ["2026-13", "2026", "", None, "2099-01", "2026-1", "2026-01-01"])
def test_what_is_no_month_or_to_come_is_refused(program: AffiliateProgram, period: Any) -> None:
    with pytest.raises(AffiliateError):
        program.pay(period)


def test_an_unknown_payout_is_refused(program: AffiliateProgram) -> None:
    with pytest.raises(AffiliateError, match="There is no payout 7"):
        program.void_payout(7)


@pytest.mark.parametrize(
    "fault", [{"method": "a\nb"}, {"method": "x" * 65}, {"actor": ""}, {"actor": "a\x1bb"}]
)
def test_A21_how_and_who_are_one_printable_line_of_known_length(
    program: AffiliateProgram, fault: dict[str, str]
) -> None:
    sell(program, 1, "alice")
    with later(31), pytest.raises(AffiliateError, match="printable"):
        program.pay(this_month(), **fault)  # type: ignore[arg-type]  # the very fault


@pytest.mark.parametrize("method", ["=1+1", "+1", "-1", "@SUM(A1)", "%x", "|cmd"])
def test_payout_files_hold_no_formula(program: AffiliateProgram, method: str) -> None:
    sell(program, 1, "alice")
    with later(31):
        rows = list(csv.DictReader(io.StringIO(as_csv(program.pay(this_month(), method=method)))))

    assert [f"'{method}"] == [row["method"] for row in rows]
    assert ["10.00"] == [row["amount"] for row in rows]


def test_payout_files_keep_a_row_a_row(
    make_program: Callable[..., AffiliateProgram],
) -> None:
    program = make_program(hold_days=0)
    program.approve(program.add("-code-"))
    sell(program, 1, "-code-")
    text = as_csv(program.pay(this_month(), method='a","b;c'))

    assert 2 == text.count("\r\n")
    row = next(iter(csv.DictReader(io.StringIO(text))))
    assert ("'-code-", 'a","b;c') == (row["affiliate"], row["method"])
