"""The shop in a real browser: what a person sees and presses, and what is then in the browser's jar."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from attempts import ATTEMPTS
from shopfront import (
    PAGES,
    SCHEMES,
    come_by_the_blog,
    fill_in_the_checkout,
    jar,
    link_to_confirm,
    put_into_the_basket,
    visit,
)
from touring import letters
from touring.cookies import declared_names
from touring.scene import LINK, SAGUARO_SHARE

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Browser, Page
    from shopfront import Links, Visit
    from touring.scene import Scene

    Visitor = Callable[..., Page]

pytestmark = pytest.mark.browser

YES, NO = "Yes, you may", "No, thanks"
CLAIM, RECEIPT = "affiliate", "privacy-choices"
DESKTOP, PHONE, NARROW = 1280, 390, 320  # px
with_and_without_script = pytest.mark.parametrize("script", [True, False], ids=["script", "no script"])


def banner(page: Page) -> int:
    return page.get_by_role("form", name="Your choice about cookies").count()


def arrive(shop: Scene, page: Page, answer: str | None = None) -> None:
    """Come by the affiliate's link, and give the *answer*."""
    come_by_the_blog(page, shop.server.origin + LINK)
    if answer:
        page.get_by_role("button", name=answer).click()
        page.get_by_role("button", name=answer).wait_for(state="detached")


def foreign(shop: Scene, page: Page) -> list[str]:
    """Return the cookies of the jar that are not declared, not first-party or not ours alone to read."""
    declared, host = declared_names(shop), urlsplit(shop.server.origin).hostname
    ours = {"domain": host, "path": "/", "httpOnly": True, "sameSite": "Lax", "partitionKey": None}
    return [
        name
        for name, cookie in jar(page).items()
        if name not in declared or ours != {key: cookie.get(key) for key in ours}
    ]


def misbehave(page: Page) -> None:
    """Open each of the shop's hostile pages that try to set a cookie."""
    for number, attempt in enumerate(ATTEMPTS):
        if any(name == "Set-Cookie" for name, _ in attempt.answers):
            page.goto(f"/hostile/{number}")


def subscribers(shop: Scene) -> int:
    """Return how many the list has."""
    rows = [line for line in letters.dump(shop.folder) if line.startswith('INSERT INTO "subscription"')]
    return sum("'active'" in row for row in rows)


@with_and_without_script
def test_a_reader_who_agrees_and_buys_earns_the_affiliate_one_sale(
    visitor: Visitor, shop: Scene, script: bool
) -> None:
    before, page = shop.earned(), visitor(java_script_enabled=script)
    arrive(shop, page)
    assert (1, {}) == (banner(page), jar(page))

    arrive(shop, page, YES)
    assert {CLAIM, RECEIPT} == set(jar(page))

    put_into_the_basket(page)
    fill_in_the_checkout(page, "ann.orders@example.org")
    page.get_by_role("heading", name="Thank you").wait_for()
    page.reload()

    assert [*before, SAGUARO_SHARE] == shop.earned()
    assert [] == foreign(shop, page)


def test_a_reader_who_says_no_is_asked_no_more_and_carries_no_claim(visitor: Visitor, shop: Scene) -> None:
    page = visitor()
    arrive(shop, page, NO)
    arrive(shop, page)

    assert 0 == banner(page)
    assert {RECEIPT} == set(jar(page))


def test_a_browser_that_sends_global_privacy_control_is_never_asked(visitor: Visitor, shop: Scene) -> None:
    page = visitor(extra_http_headers={"Sec-GPC": "1"})
    arrive(shop, page)

    assert (0, {}) == (banner(page), jar(page))
    page.goto("/privacy/choices")
    assert page.get_by_text("Your browser sends Global Privacy Control").is_visible()


@with_and_without_script
def test_withdrawing_takes_the_claim_out_of_the_jar_at_once(
    visitor: Visitor, shop: Scene, script: bool
) -> None:
    page = visitor(java_script_enabled=script)
    arrive(shop, page, YES)
    page.get_by_role("link", name="Your choices").click()
    page.get_by_role("button", name="No, do not").click()
    page.get_by_role("status").wait_for()

    assert {RECEIPT} == set(jar(page))


def test_two_readers_of_the_same_link_and_day_hold_the_same_bytes(visitor: Visitor, shop: Scene) -> None:
    ann, ben = visitor(), visitor(locale="de-AT", viewport={"width": PHONE, "height": 800})
    for page in (ann, ben):
        arrive(shop, page, YES)

    assert jar(ann)[CLAIM]["value"] == jar(ben)[CLAIM]["value"]
    assert jar(ann)[RECEIPT]["value"] == jar(ben)[RECEIPT]["value"]


def test_a_misbehaving_app_leaves_nothing_foreign_in_the_jar(visitor: Visitor, shop: Scene) -> None:
    page = visitor()
    misbehave(page)

    assert [] == foreign(shop, page)


def test_without_the_guard_the_same_app_does_fill_the_jar(visitor: Visitor, unguarded_shop: Scene) -> None:
    page = visitor(base_url=unguarded_shop.server.origin)
    misbehave(page)

    assert {"_fbp", "_gcl_au", "SESSION", "session"} <= set(foreign(unguarded_shop, page))
    page.goto("/hostile/nothing")
    assert "_fbp=1" in page.locator("pre").inner_text()


def test_a_strangers_cookie_in_the_jar_never_reaches_the_app(visitor: Visitor, shop: Scene) -> None:
    page = visitor()
    page.context.add_cookies([{"name": "_ga", "value": "GA1.1.1.2", "url": shop.server.origin}])
    answer = page.goto("/hostile/nothing")

    assert "_ga=GA1.1.1.2" in answer.request.all_headers()["cookie"]
    assert "" == page.locator("pre").inner_text().strip()


@with_and_without_script
def test_only_the_button_behind_the_mail_puts_an_address_on_the_list_and_one_takes_it_off(
    visitor: Visitor, shop: Scene, script: bool
) -> None:
    address, subject = f"gina.{script}@example.org", f"It flowers, script {script}"
    page = visitor(java_script_enabled=script)
    page.goto("/")
    page.get_by_label("Your e-mail address").fill(address)
    page.get_by_role("button", name="Write to me").click()
    page.get_by_role("heading", name="Look into your inbox").wait_for()

    link = link_to_confirm(letters.the_mail_to(shop, address))
    letters.settled(shop)
    before = letters.dump(shop.folder)
    page.goto(link)
    page.reload()
    assert before == letters.dump(shop.folder)

    page.get_by_role("button", name="Yes, put me on the list").click()
    page.get_by_role("heading", name="You are on the list").wait_for()
    subscribed = subscribers(shop)
    letters.announce(shop, subject)
    letter = letters.the_mail_to(shop, address, subject)

    page.goto(letters.unsubscribe_link(letter.message))
    page.get_by_role("button", name="Remove me from the list").click()
    page.get_by_role("heading", name="You have left the list").wait_for()
    assert subscribed - 1 == subscribers(shop)


@pytest.fixture(scope="module")
def visits(chromium: Browser, shop: Scene, links: Links) -> dict[str, Visit]:
    """What a visitor finds on each page: first on a narrow screen, then on wider ones."""
    viewport = {"width": NARROW, "height": 600}
    seen = {}
    for name in PAGES:
        context = chromium.new_context(base_url=shop.server.origin, viewport=viewport)
        seen[name] = visit(context.new_page(), name, links, (PHONE, DESKTOP))
        context.close()
    return seen


def test_no_page_asks_anybody_but_the_shop(visits: dict[str, Visit], shop: Scene) -> None:
    elsewhere = {
        name: url
        for name, visit in visits.items()
        for url in visit.asked
        if not url.startswith(f"{shop.server.origin}/")
    }

    assert {} == elsewhere
    assert f"{shop.server.origin}/static/shop.css" in visits["front"].asked


def test_no_page_breaks_its_own_content_policy(visits: dict[str, Visit]) -> None:
    assert {} == {name: visit.complaints for name, visit in visits.items() if visit.complaints}


def test_nobody_scrolls_sideways_on_a_narrow_screen(visits: dict[str, Visit]) -> None:
    assert dict.fromkeys(PAGES, NARROW) == {name: visit.width for name, visit in visits.items()}


def test_everybody_can_use_each_page_by_day_and_by_night_on_a_phone_and_on_a_desk(
    visits: dict[str, Visit],
) -> None:
    faults = {
        (name, where): found
        for name, visit in visits.items()
        for where, found in visit.faults.items()
        if found
    }

    assert {} == faults
    assert {len(SCHEMES) * 2} == {len(visit.faults) for visit in visits.values()}
