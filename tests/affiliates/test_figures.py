"""The owner's figures: exact, of all affiliates, and the sum of what each affiliate's statement says."""

from __future__ import annotations

from datetime import datetime, timezone
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
import time_machine
from selling import sell
from sqlalchemy import insert

from cactuprivacy.affiliates import AffiliateError
from cactuprivacy.affiliates.clicks import click_day

if TYPE_CHECKING:
    from cactuprivacy import AffiliateProgram


def at(*day: int) -> Any:
    return time_machine.travel(datetime(*day, tzinfo=timezone.utc))  # type: ignore[misc]  # a date's three numbers


@pytest.fixture
def year(program: AffiliateProgram) -> AffiliateProgram:
    """A programme in which alice sold in two months and two currencies, and bob's links were followed."""
    with at(2026, 3, 3):
        sell(program, 1, "alice")
        sell(program, 2, "alice", amount="50", currency="EUR")
    with at(2026, 4, 3):
        sell(program, 3, "alice", amount="30")
        program.refund(order=3, amount="30", currency="GBP", refund=1)
    with program.store.write() as connection:
        rows = [(2, "2026-03-05", "human", 2), (2, "2026-04-05", "human", 6), (2, "2026-04-06", "bot", 9)]
        connection.execute(
            insert(click_day),
            [
                {
                    "affiliate_id": who,
                    "day": datetime.fromisoformat(day).date(),
                    "campaign": "",
                    "verdict": verdict,
                    "n": n,
                }
                for who, day, verdict, n in rows
            ],
        )
    return program


def test_A19_the_report_is_of_all_affiliates_with_their_states(year: AffiliateProgram) -> None:
    found = year.report(2026)

    assert [("alice", "approved"), ("bob", "approved"), ("carol", "pending")] == [
        (each.affiliate, each.state) for each in found
    ]


def test_A19_a_year_is_the_sum_of_its_months_and_currencies_stay_apart(year: AffiliateProgram) -> None:
    alice = year.report(2026)[0]

    assert [("EUR", 1, Decimal("5.00")), ("GBP", 2, Decimal("13.00"))] == [
        (each.currency, each.sales, each.earned) for each in alice.earnings
    ]
    assert [Decimal("0.00"), Decimal("-3.00")] == [each.reversed for each in alice.earnings]
    assert {"EUR": Decimal("5.00"), "GBP": Decimal("10.00")} == {
        currency: balance.total for currency, balance in alice.balances.items()
    }


def test_A19_the_report_of_a_month_is_of_that_month(year: AffiliateProgram) -> None:
    april = year.report(2026, 4)

    assert [("GBP", 1)] == [(each.currency, each.sales) for each in april[0].earnings]
    assert (6, {"bot": 9}) == (april[1].clicks, dict(april[1].others))


def test_A19_numbers_are_exact_for_the_owner_and_name_nobody(year: AffiliateProgram) -> None:
    march = year.report(2026, 3)

    assert (2, "0.0") == (march[1].clicks, march[1].conversion)
    assert not any(word in repr(march) for word in ("address", "referrer", "order"))


def test_A19_what_is_owed_agrees_with_every_statement(year: AffiliateProgram) -> None:
    for each in year.report(2026):
        assert dict(year.statement(each.affiliate).balances) == dict(each.balances)


def test_A19_the_figures_are_of_the_year_that_was_asked_for(year: AffiliateProgram) -> None:
    assert [(), (), ()] == [each.earnings for each in year.report(2025)]


@pytest.mark.parametrize("period", [(2026, 13), (2026, 0), (0, 1), (10_000, 1)])
def test_A19_what_is_no_month_is_one_sentence(program: AffiliateProgram, period: tuple[int, int]) -> None:
    with pytest.raises(AffiliateError, match="months 1 to 12"):
        program.report(*period)
