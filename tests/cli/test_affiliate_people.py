from __future__ import annotations

import csv
import io
import json
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner
from selling import sell

from cactuprivacy import AffiliatePortal, AffiliateProgram, Affiliates
from cactuprivacy.cli import affiliates
from cactuprivacy.mail.addresses import parse

if TYPE_CHECKING:
    from collections.abc import Callable

    from click.testing import Result

    from cactuprivacy import KeyRing, Site, Store

    Run = Callable[..., Result]


@pytest.fixture
def portal(sqlite_store: Store, site: Site, keys: KeyRing) -> AffiliatePortal:
    declared = Affiliates(basis="exempt", applications="affiliates@shop.example")
    program = AffiliateProgram(declared, site=site, keys=keys, store=sqlite_store)
    return AffiliatePortal(program, keys=keys, mail="smtp://localhost:25", background=False)


@pytest.fixture
def run(portal: AffiliatePortal, sqlite_store: Store, site: Site, keys: KeyRing) -> Run:
    program = AffiliateProgram(Affiliates(basis="exempt"), site=site, keys=keys, store=sqlite_store)
    privacy = SimpleNamespace(affiliates=program, affiliate_portal=portal)

    def command(*arguments: str) -> Result:
        return CliRunner().invoke(affiliates, arguments, obj=privacy)

    for number in range(2):
        sell_to(program, number)
    return command


def sell_to(program: AffiliateProgram, number: int) -> None:
    program.add(f"blog-{number}")
    program.approve(f"blog-{number}")
    sell(program, number, f"blog-{number}", amount=f"{number + 1}0")


def test_A14_the_owner_reads_who_applied_and_how_to_decide(run: Run, portal: AffiliatePortal) -> None:
    assert "Nobody waits.\n" == run("applications").output
    portal._contacts.apply(parse("ann@example.org"), "On my blog", network=None)
    (told,) = json.loads(run("applications", "--json").output)
    text = run("applications").output

    assert ("ann@example.org", "On my blog") == (told["address"], told["words"])
    assert f"{told['code']}\t{told['day']}\tann@example.org\tOn my blog\n" in text
    assert "affiliates approve CODE" in text


def test_A15_the_owner_approves_and_nobody_waits_any_more(run: Run, portal: AffiliatePortal) -> None:
    portal._contacts.apply(parse("ann@example.org"), "On my blog", network=None)
    run("approve", portal.applications()[0].code, "--actor", "maria")

    assert [] == portal.applications()


def test_an_affiliate_is_given_an_address(run: Run, portal: AffiliatePortal) -> None:
    result = run("address", "blog-0", "blog@example.org")

    assert (0, 1) == (result.exit_code, portal.find("blog@example.org"))
    assert "Error: That address cannot be written to" in run("address", "blog-0", "nothing").output


def test_A19_the_report_is_a_table_csv_or_json(run: Run) -> None:
    rows = list(csv.DictReader(io.StringIO(run("report", "--csv").output)))
    found: list[dict[str, Any]] = json.loads(run("report", "--json").output)

    assert [("blog-0", "1.00"), ("blog-1", "2.00")] == [(row["affiliate"], row["owed"]) for row in rows]
    assert ["1.00", "2.00"] == [each["balances"]["GBP"]["total"] for each in found]
    assert "blog-1" in run("report").output


def test_A19_a_report_of_month_13_is_one_sentence_and_exit_1(run: Run) -> None:
    result = run("report", "--month", "13")

    assert (1, "Error: There are figures of the years 1994 to 9998 and the months 1 to 12 alone.\n") == (
        result.exit_code,
        result.output,
    )
