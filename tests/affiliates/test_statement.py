"""Statements: sums by currency and month, straight from the ledger."""

from __future__ import annotations

from datetime import datetime, timezone
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
import time_machine
from selling import sell

from cactuprivacy.affiliates import AffiliateError, Balance, Month

if TYPE_CHECKING:
    from cactuprivacy import AffiliateProgram


def on(year: int, month: int, day: int, hour: int = 12) -> Any:
    return time_machine.travel(datetime(year, month, day, hour, tzinfo=timezone.utc), tick=False)


@pytest.fixture
def year(program: AffiliateProgram) -> AffiliateProgram:
    with on(2026, 1, 31, 23):
        sell(program, 1, "alice")
        sell(program, 2, "alice", amount=1000, currency="JPY")
    with on(2026, 2, 1, 0):
        sell(program, 3, "alice", amount="50")
        program.refund(order=1, amount="50", currency="GBP", refund=1)
        sell(program, 4, "bob")
    with on(2026, 3, 2, 23):  # thirty days after the first two, to the hour
        program.pay("2026-03")
    return program


def test_invariant_2_a_balance_is_pending_and_available_and_held(year: AffiliateProgram) -> None:
    with on(2026, 3, 5):
        sell(year, 5, "alice", amount="20")
        sell(year, 6, "alice", amount="30")
        year.hold(order=6)
        balance = year.statement("alice").balances["GBP"]

    parts = ("2.00", "5.00", "3.00", "10.00", "5.00")
    assert Balance(*map(Decimal, parts)) == balance


def test_A18_the_months_of_a_year_are_summed_each_by_itself(year: AffiliateProgram) -> None:
    with on(2026, 3, 6):
        months = year.statement("alice").months

    nothing = Decimal("0.00")
    assert (
        Month("2026-01", "GBP", 1, Decimal("10.00"), nothing, nothing),
        Month("2026-01", "JPY", 1, Decimal(100), Decimal(0), Decimal(0)),
        Month("2026-02", "GBP", 1, Decimal("5.00"), Decimal("-5.00"), nothing),
        Month("2026-03", "GBP", 0, nothing, nothing, Decimal("5.00")),
        Month("2026-03", "JPY", 0, Decimal(0), Decimal(0), Decimal(100)),
    ) == months


@pytest.mark.parametrize(
    "month, kinds",
    [
        ("2026-01", ["accrual", "accrual"]),
        ("2026-02", ["accrual", "reversal"]),
        ("2026-03", ["payout", "payout"]),
        ("2026-12", []),
        ("2025-12", []),
    ],
)
def test_A18_any_month_has_its_lines(year: AffiliateProgram, month: str, kinds: list[str]) -> None:
    found = year.statement("alice", month)

    assert (month, kinds) == (found.month, [entry.kind for entry in found.entries])
    assert {"GBP", "JPY"} == set(found.totals)


def test_A18_month_thirteen_is_refused_and_crashes_nothing(year: AffiliateProgram) -> None:
    with pytest.raises(AffiliateError, match="written as in 2026-11"):
        year.statement("alice", "2026-13")


def test_row_identity_one_affiliate_never_sees_anothers_figures(year: AffiliateProgram) -> None:
    with on(2026, 3, 6):
        assert ["accrual"] == [entry.kind for entry in year.statement("bob", "2026-02").entries]
        assert {"GBP": Decimal("10.00")} == year.statement("bob").totals
