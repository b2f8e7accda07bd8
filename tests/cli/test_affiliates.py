from __future__ import annotations

import json
from types import SimpleNamespace
from typing import TYPE_CHECKING

import click
import pytest
from click.testing import CliRunner

from cactuprivacy import AffiliateProgram, Affiliates
from cactuprivacy.affiliates.claim import Touch, today
from cactuprivacy.cli.affiliates import affiliates

if TYPE_CHECKING:
    from collections.abc import Callable

    from click.testing import Result

    from cactuprivacy import KeyRing, Site, Store


@pytest.fixture
def program(sqlite_store: Store, site: Site, keys: KeyRing) -> AffiliateProgram:
    return AffiliateProgram(Affiliates(basis="exempt"), site=site, keys=keys, store=sqlite_store)


@pytest.fixture
def run(program: AffiliateProgram) -> Callable[..., Result]:
    def command(*arguments: str) -> Result:
        return CliRunner().invoke(affiliates, arguments, obj=SimpleNamespace(affiliates=program))

    return command


def test_an_affiliate_is_added_and_told_how_to_be_approved(run: Callable[..., Result]) -> None:
    result = run("add", "Alice", "--alias", "17", "--alias", "18")

    assert (
        result.exit_code,
        result.output,
    ) == (0, "alice is pending; to approve: cactuprivacy affiliates approve alice\n")


def test_without_a_code_a_random_one_is_made(run: Callable[..., Result], program: AffiliateProgram) -> None:
    code = run("add").output.split()[0]

    assert (program.statement(code).state, len(code)) == ("pending", 10)


def test_approving_prints_the_link(run: Callable[..., Result]) -> None:
    run("add", "alice", "--alias", "17")

    assert run("approve", "17").output == "alice is approved: https://shop.example/?af=alice\n"


@pytest.mark.parametrize("command", ["approve", "statement"])
def test_an_unknown_affiliate_is_one_sentence_and_exit_1(run: Callable[..., Result], command: str) -> None:
    result = run(command, "nobody")

    assert result.exit_code == 1
    assert "Error: There is no affiliate 'nobody'; add it first" in result.output


def test_a_taken_code_is_one_sentence_and_exit_1(run: Callable[..., Result]) -> None:
    run("add", "alice")
    result = run("add", "alice")

    assert (result.exit_code, "choose another" in result.output) == (1, True)


def test_a_statement_prints_entries_and_totals(run: Callable[..., Result], program: AffiliateProgram) -> None:
    sell(run, program)
    lines = [line.replace("│", " ").split() for line in run("statement", "alice").output.splitlines()]
    day = today().isoformat()

    assert [
        [day, "accrual", "2.00", "GBP"],
        [day, "accrual", "100", "JPY"],
        ["total", "2.00", "GBP"],
        ["total", "100", "JPY"],
    ] == [line for line in lines if "accrual" in line or "total" in line]


def test_a_statement_as_json_keeps_amounts_exact(
    run: Callable[..., Result], program: AffiliateProgram
) -> None:
    sell(run, program)
    day = today().isoformat()

    assert {
        "affiliate": "alice",
        "state": "approved",
        "entries": [
            {"day": day, "kind": "accrual", "amount": "2.00", "currency": "GBP"},
            {"day": day, "kind": "accrual", "amount": "100", "currency": "JPY"},
        ],
        "totals": {"GBP": "2.00", "JPY": "100"},
    } == json.loads(run("statement", "alice", "--json").output)


def test_every_command_and_option_has_its_help() -> None:
    for command in affiliates.commands.values():
        assert command.help, f"{command.name} is missing its help"
        for option in command.params:
            if isinstance(option, click.Option):
                assert option.help, f"{command.name} {option.name} is missing its help"


def sell(run: Callable[..., Result], program: AffiliateProgram) -> None:
    run("add", "alice")
    run("approve", "alice")
    claim = program.signer.hand_over(Touch("alice", today()))
    program.credit_sale(order=1, amount="20", currency="GBP", claim=claim)
    program.credit_sale(order=2, amount=1000, currency="JPY", claim=claim)
