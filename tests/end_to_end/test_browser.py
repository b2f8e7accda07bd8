"""The shop in a real browser: what a person sees and presses, and what is then in the browser's jar."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from hostile import ATTEMPTS
from shopfront import (
    PAGES,
    come_by_the_blog,
    fill_in_the_checkout,
    jar,
    link_to_confirm,
    put_into_the_basket,
    violations,
    width,
)
from touring import letters
from touring.cookies import declared_names
from touring.scene import LINK, SAGUARO_SHARE

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page, Request
    from shopfront import Links
    from touring.scene import Scene

    Visitor = Callable[..., Page]

pytestmark = pytest.mark.browser

YES, NO = "Yes, you may", "No, thanks"
CLAIM, RECEIPT = "affiliate", "privacy-choices"
DESKTOP, PHONE, NARROW = ({"width": width, "height": 800} for width in (1280, 390, 320))
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
    """Return the cookies of the jar that are not ours alone, with the reason."""
    declared, host = declared_names(shop), urlsplit(page.url).hostname
    ours = {"domain": host, "path": "/", "httpOnly": True, "sameSite": "Lax"}
    return [
        name
        for name, cookie in jar(page).items()
        if name not in declared or cookie.items() < ours.items() or "partitionKey" in cookie
        or {key: cookie.get(key) for key in ours} != ours
    ]


def misbehave(page: Page) -> list[list[str]]:
    """Open each of the shop's hostile pages. Returns the cookies that each request brought to the app."""
    seen = []
    for number in range(len(ATTEMPTS)):
        response = page.goto(f"/hostile/{number}")
        seen.append(response.json()["seen"])
    return seen


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
