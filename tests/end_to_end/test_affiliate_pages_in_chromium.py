"""The pages for affiliates in a real browser: applying, being approved, and seeing one's figures, without a script."""

from __future__ import annotations

import json
import os
import re
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
import time_machine
from axe_playwright_python.sync_playwright import Axe
from selling import sell
from shopfront import SCHEMES, _violations
from sqlalchemy import insert
from touring import letters

from cactuprivacy import AffiliateProgram, Affiliates
from cactuprivacy.affiliates.clicks import click_day

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Browser, Page
    from touring.scene import Scene

    Visitor = Callable[..., Page]

pytestmark = pytest.mark.browser

ADDRESS = "tom.blogs@example.org"
WIDTHS = (320, 390, 1280)  # px
LAST_MONTH = datetime.now(timezone.utc).replace(day=1, hour=12) - timedelta(days=20)


class Desk(NamedTuple):
    """An affiliate's way in: the code, and the path of the mailed link."""

    code: str
    link: str


def apply(page: Page, address: str, words: str) -> None:
    page.goto("/")
    page.get_by_role("link", name="Affiliates").click()
    page.get_by_role("link", name="Apply").click()
    page.get_by_label("Your email address").fill(address)
    page.get_by_label("Where would you put our links?").fill(words)
    page.get_by_role("button", name="Apply").click()


def sold(shop: Scene, code: str) -> None:
    """Let the affiliate have sold and been paid something, and have had its clicks, last month."""
    program = AffiliateProgram(
        Affiliates(basis="exempt", hold_days=0),
        site="https://shop.example",
        keys=[(shop.folder / "secret.key").read_text()],
        store=f"sqlite:///{shop.folder}/privacy.db",
    )
    with time_machine.travel(LAST_MONTH):
        for number in range(9):
            sell(program, f"tom-{number}", code, amount=f"{19 + number}.90")
        program.refund(order="tom-3", amount="5", currency="GBP", refund=1)
    with time_machine.travel(LAST_MONTH + timedelta(days=2)):
        program.pay(f"{LAST_MONTH:%Y-%m}")
    with time_machine.travel(LAST_MONTH + timedelta(days=3)):
        sell(program, "tom-late", code, amount="120")
    who = next(each.id for each in program.everybody() if each.code == code)
    rows = [(day, "human", 7 + (day * 37) % 53) for day in range(1, 29)] + [
        (9, "bot", 64),
        (9, "duplicate", 12),
    ]
    with program.store.write() as connection:
        connection.execute(
            insert(click_day),
            [
                {
                    "day": LAST_MONTH.date().replace(day=day),
                    "affiliate_id": who,
                    "campaign": "",
                    "verdict": verdict,
                    "n": n,
                }
                for day, verdict, n in rows
            ],
        )
    program.close()
    program.store.dispose()


@pytest.fixture(scope="module")
def desk(chromium: Browser, shop: Scene) -> Desk:
    """Apply, be approved by the owner on the command line, sell, and ask for the link, all without script."""
    page = chromium.new_context(base_url=shop.server.origin, java_script_enabled=False).new_page()
    apply(page, ADDRESS, "On my blog about window sills")
    page.get_by_role("heading", name="Thank you").wait_for()
    letters.the_mail_to(shop, "affiliates@cactus.example")
    (waiting,) = json.loads(shop.server.command("affiliates", "applications", "--json"))
    shop.server.command("affiliates", "approve", waiting["code"])
    letters.the_mail_to(shop, ADDRESS, "You are an affiliate of Cactus & Co")
    sold(shop, waiting["code"])
    page.goto("/affiliates/figures")
    page.get_by_label("Your email address").fill(ADDRESS)
    page.get_by_role("button", name="Mail me the link").click()
    page.get_by_role("heading", name="Look into your inbox").wait_for()
    mail = letters.the_mail_to(shop, ADDRESS, "The link to your figures")
    found = re.search(r"http\S+(/affiliates/f/\S+)", str(mail.message.get_body(("plain",)).get_content()))
    assert found is not None
    page.context.close()
    return Desk(waiting["code"], found[1])


def test_A18_who_has_the_mailed_link_sees_clicks_sales_and_payments_without_a_script(
    visitor: Visitor, desk: Desk
) -> None:
    page = visitor(java_script_enabled=False)
    page.goto(f"{desk.link}?month={LAST_MONTH:%Y-%m}")
    year = page.get_by_role("region", name="The months of")
    row = year.get_by_role("row", name=f"{LAST_MONTH:%B}")

    assert 28 == page.locator("svg.chart rect").count()
    assert page.get_by_role("img", name="Clicks by day").is_visible()
    page.get_by_text("The same as a table").click()
    assert 29 == page.get_by_role("region", name="Clicks by day").get_by_role("row").count()
    assert "10" == row.get_by_role("cell").nth(1).text_content()
    assert page.get_by_role("region", name="Payments in").is_visible()
    assert [] == page.context.cookies()


def test_A18_the_csv_comes_as_a_file(visitor: Visitor, desk: Desk) -> None:
    page = visitor()
    page.goto(f"{desk.link}?month={LAST_MONTH:%Y-%m}")
    with page.expect_download() as download:
        page.get_by_role("link", name="CSV").click()

    assert f"figures-{desk.code}-{LAST_MONTH.year}.csv" == download.value.suggested_filename


def test_A14_who_types_no_address_is_told_so_where_they_typed(visitor: Visitor) -> None:
    page = visitor()
    apply(page, "tom@nowhere", "On my blog")
    page.get_by_role("alert").wait_for()

    assert "Is there a slip in it?" in str(page.get_by_role("alert").text_content())
    assert "true" == page.get_by_label("Your email address").get_attribute("aria-invalid")
    assert "On my blog" == page.get_by_label("Where would you put our links?").input_value()


PAGES: dict[str, Callable[[Page, Desk], Any]] = {
    "home": lambda page, desk: page.goto("/affiliates"),
    "apply": lambda page, desk: page.goto("/affiliates/apply"),
    "refused": lambda page, desk: apply(page, "tom@nowhere", "On my blog"),
    "applied": lambda page, desk: page.goto("/affiliates/applied"),
    "link": lambda page, desk: page.goto("/affiliates/figures"),
    "sent": lambda page, desk: page.goto("/affiliates/sent"),
    "ended": lambda page, desk: page.goto("/affiliates/ended"),
    "nothing there": lambda page, desk: page.goto("/affiliates/nothing"),
    "figures": lambda page, desk: page.goto(f"{desk.link}?month={LAST_MONTH:%Y-%m}"),
    "an empty month": lambda page, desk: page.goto(f"{desk.link}?month=2019-02"),
}


@pytest.mark.parametrize("name", PAGES)
def test_everybody_can_use_each_page_on_every_screen_by_day_and_by_night(
    visitor: Visitor, desk: Desk, name: str
) -> None:
    page = visitor(viewport={"width": 320, "height": 700})
    complaints: list[str] = []
    page.on("console", lambda said: complaints.append(said.text))
    PAGES[name](page, desk)
    page.wait_for_load_state()
    said = [
        text for text in complaints if not text.startswith("Failed to load resource: the server responded")
    ]
    widths = int(page.evaluate("document.documentElement.scrollWidth"))
    page.evaluate(Axe().axe_script)
    faults = {}
    for wide in WIDTHS:
        page.set_viewport_size({"width": wide, "height": 800})
        for scheme in SCHEMES:
            page.emulate_media(color_scheme=scheme)
            faults[f"{scheme}, {wide} px"] = _violations(page)
            if folder := os.environ.get("SCREENSHOTS"):
                page.screenshot(path=f"{folder}/{name} {scheme} {wide}.png", full_page=True)

    assert ([], 320) == (said, widths)
    assert {} == {where: found for where, found in faults.items() if found}
