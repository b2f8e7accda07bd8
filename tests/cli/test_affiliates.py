from __future__ import annotations

import json
from types import SimpleNamespace
from typing import TYPE_CHECKING

import click
import pytest
from click.testing import CliRunner
from selling import later, this_month

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

    found = json.loads(run("statement", "alice", "--json").output)
    assert [
        {"day": day, "kind": "accrual", "amount": "2.00", "currency": "GBP"},
        {"day": day, "kind": "accrual", "amount": "100", "currency": "JPY"},
    ] == found["entries"]
    assert ("alice", "approved", {"GBP": "2.00", "JPY": "100"}) == (
        found["affiliate"],
        found["state"],
        found["totals"],
    )
    assert "2.00" == found["balances"]["GBP"]["pending"]


def test_suspending_refusing_and_listing(run: Callable[..., Result]) -> None:
    run("add", "alice")
    run("add", "bob")
    told = [run("suspend", "alice").output, run("refuse", "bob").output]

    assert ["alice is suspended.\n", "bob is refused.\n"] == told
    assert "alice\tsuspended\nbob\trefused\n" == run("list").output
    assert {"affiliate": "alice", "state": "suspended"} == json.loads(run("list", "--json").output)[0]


def test_refunds_and_voids_tell_what_was_taken_back(
    run: Callable[..., Result], program: AffiliateProgram
) -> None:
    sell(run, program)

    assert "Taken back in all: 1.00 GBP\n" == run("refund", "1", "10", "GBP", "--id", "r1").output
    assert (
        "Nothing new; taken back in all: 1.00 GBP\n" == run("refund", "1", "10", "GBP", "--id", "r1").output
    )
    assert "Taken back in all: 2.00 GBP\n" == run("void", "1").output


@pytest.mark.parametrize(
    "arguments, said",
    [
        (["refund", "1", "ten", "GBP", "--id", "r"], "not a plain number"),
        (["refund", "1", "1", "EUR", "--id", "r"], "not in the sale's currency"),
        (["pay", "2026-13"], "written as in 2026-11"),
        (["pay", "2026-01", "--minimum", "20"], "as in GBP=20"),
        (["payouts", "--void", "9"], "There is no payout 9"),
        (["statement", "alice", "--month", "x"], "written as in 2026-11"),
    ],
)
def test_what_cannot_be_is_one_sentence(
    run: Callable[..., Result], program: AffiliateProgram, arguments: list[str], said: str
) -> None:
    sell(run, program)
    result = run(*arguments)

    assert said in result.output
    assert result.exit_code in (1, 2)
    assert "Traceback" not in result.output


def test_holding_and_releasing(run: Callable[..., Result]) -> None:
    told = [run(*command, "7").output for command in (("hold",), ("hold", "--rule", "b"), ("release",))]

    assert ["Held.\n", "Held.\n", "Released; another rule still holds it.\n"] == told
    assert "Released.\n" == run("release", "7", "--rule", "b").output
    assert "hold it by another --rule" in run("hold", "7").output


def test_A20_paying_prints_the_payouts_and_a_void_takes_one_back(
    run: Callable[..., Result], program: AffiliateProgram
) -> None:
    sell(run, program)
    with later(31):
        paid = json.loads(
            run("pay", this_month(), "--minimum", "JPY=101", "--method", "bank", "--json").output
        )
        voided = run("payouts", "--void", "1", "--reason", "bounced", "--csv").output.splitlines()
        listed = run("payouts", this_month()).output

    assert [("2.00", "GBP", True)] == [(each["amount"], each["currency"], each["new"]) for each in paid]
    assert voided[1].startswith("1,alice,")
    assert voided[1].endswith(",yes")
    assert "voided" in listed


def test_explaining_an_order(run: Callable[..., Result], program: AffiliateProgram) -> None:
    sell(run, program)
    run("refund", "1", "10", "GBP", "--id", "r1")
    run("hold", "1")
    lines = run("explain", "1").output.splitlines()

    assert "This order was credited to nobody.\n" == run("explain", "99").output
    assert lines[0].startswith("By claim, model last, to be paid from ")
    assert lines[1].endswith("credited: 2.00 GBP")
    assert ["Refunds took back -1.00 GBP.", "It is held."] == lines[2:]
    assert json.loads(run("explain", "1", "--json").output)["credited"]


def test_reconciling_exits_1_when_something_differs(
    run: Callable[..., Result], program: AffiliateProgram
) -> None:
    sell(run, program)
    sound = run("reconcile")
    head = sound.output.split()[-1]

    assert (0, True) == (sound.exit_code, sound.output.startswith("2 entries, 0 differences, head "))
    assert 0 == run("reconcile", "--head", head).exit_code
    forged = run("reconcile", "--head", "f" * 64)
    assert (1, True) == (forged.exit_code, "not in the chain" in forged.output)
    assert [] == json.loads(run("reconcile", "--json").output)["differences"]


def test_delivering_without_a_webhook_delivers_nothing(run: Callable[..., Result]) -> None:
    assert "0 delivered, 0 retried, 0 failed\n" == run("deliver").output


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
