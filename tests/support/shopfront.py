"""The shop as a visitor in a real browser finds it: its pages, how one comes to each, and whether all can use them.

Room: tests, end to end. Knows the shop's words and buttons, and Playwright; no clause.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from axe_playwright_python.sync_playwright import Axe

if TYPE_CHECKING:
    from collections.abc import Callable

    from mail_catcher import Caught
    from playwright.sync_api import Cookie, Page

BLOG = "https://blog.example/best-cacti"
AXE = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    "rules": {"target-size": {"enabled": True}},  # of WCAG 2.2, off by default
    "resultTypes": ["violations"],
    "preload": False,  # style sheets, by a script's own fetch: our pages forbid that
}


SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")


class Links(NamedTuple):
    """The links that came by mail: to confirm, and to leave."""

    confirm: str
    leave: str


class Visit(NamedTuple):
    """What was to be seen of a visit to a page.

    Attributes:
        asked: Each URL that the browser asked for, without its query.
        complaints: What the browser said on its console, of the page's own doing.
        width: How many px wide the page's content is.
        faults: What axe finds, by colour scheme and width: the rule, and where it is broken.
    """

    asked: list[str]
    complaints: list[str]
    width: int
    faults: dict[str, list[str]]


def come_by_the_blog(page: Page, link: str) -> None:
    """Read an affiliate's page on a site of its own, which the test plays, and follow its link into the shop."""
    blog = f'<!doctype html><html lang="en"><title>Best cacti</title><a href="{link}">To the shop</a></html>'
    page.route(f"{BLOG}*", lambda route: route.fulfill(body=blog, content_type="text/html"))
    page.goto(BLOG)
    page.get_by_role("link", name="To the shop").click()
    page.get_by_role("heading", name="Plants that keep to themselves").wait_for()


def put_into_the_basket(page: Page) -> None:
    """Choose a saguaro, and put it into the basket."""
    page.get_by_role("link", name="Saguaro").click()
    page.get_by_role("button", name="Put into the basket").click()


def fill_in_the_checkout(page: Page, address: str) -> None:
    """Go to the checkout, and send its form, twice in a row as impatient people do."""
    page.get_by_role("link", name="To the checkout").click()
    page.get_by_label("Your name").fill("Ann Thorn")
    page.get_by_label("Your e-mail address").fill(address)
    page.get_by_role("button", name="Order for").dblclick()


def jar(page: Page) -> dict[str, Cookie]:
    """Return what the browser's jar holds, of whatever site, by name."""
    return {cookie["name"]: cookie for cookie in page.context.cookies()}


def link_to_confirm(mail: Caught) -> str:
    """Return the link in a confirmation mail."""
    found = re.search(r"http\S+/list/c/\S+", str(mail.message.get_body(("plain",)).get_content()))
    assert found, "The mail holds no link."
    return found[0]


def _violations(page: Page) -> list[str]:
    found: list[dict[str, Any]] = page.evaluate("options => axe.run(options)", AXE)["violations"]
    return [f"{fault['id']}: {' '.join(node['target'])}" for fault in found for node in fault["nodes"]]


def _open(path: str) -> Callable[[Page, Links], None]:
    return lambda page, _: page.goto(path) and None


def _basket(page: Page, _: Links) -> None:
    page.goto("/")
    put_into_the_basket(page)


def _checkout(page: Page, links: Links) -> None:
    _basket(page, links)
    page.get_by_role("link", name="To the checkout").click()


def _refused_checkout(page: Page, links: Links) -> None:
    _basket(page, links)
    fill_in_the_checkout(page, "ann@nowhere")
    page.get_by_text("Something is missing").wait_for()


def _thanks(page: Page, links: Links) -> None:
    _basket(page, links)
    fill_in_the_checkout(page, "ann.orders@example.org")
    page.get_by_role("heading", name="Thank you").wait_for()


def _message(page: Page, _: Links) -> None:
    page.goto("/contact")
    page.get_by_label("Your e-mail address").fill("jack.asks@example.com")
    page.get_by_label("Your message").fill("Why does my cactus lean?")
    page.get_by_role("button", name="Send").click()
    page.get_by_role("heading", name="Thank you for writing").wait_for()


def _choice(page: Page, _: Links) -> None:
    page.goto("/privacy/choices")
    page.get_by_role("button", name="I object").click()
    page.get_by_role("status").wait_for()


def _refused_address(page: Page, _: Links) -> None:
    page.goto("/list/news")
    page.get_by_label("Your email address").fill("ann@nowhere")
    page.get_by_role("button", name="Sign up").click()
    page.get_by_role("alert").wait_for()


#: Every page of the shop and of ours, and how one comes to it with an empty jar.
PAGES: dict[str, Callable[[Page, Links], None]] = {
    "front": _open("/"),
    "product": _open("/cactus/saguaro"),
    "empty basket": _open("/basket"),
    "basket": _basket,
    "checkout": _checkout,
    "refused checkout": _refused_checkout,
    "thanks": _thanks,
    "contact": _open("/contact"),
    "message sent": _message,
    "no such page": _open("/nowhere"),
    "policy": _open("/privacy"),
    "choices": _open("/privacy/choices"),
    "choice saved": _choice,
    "sign-up form": _open("/list/news"),
    "refused address": _refused_address,
    "sign-up sent": _open("/list/news/sent"),
    "confirm": lambda page, links: page.goto(links.confirm) and None,
    "confirmed": _open("/list/confirmed"),
    "leave": lambda page, links: page.goto(links.leave) and None,
    "left": _open("/list/left"),
    "no such link": _open("/list/c/nothing"),
}


def visit(page: Page, name: str, links: Links, widths: tuple[int, ...]) -> Visit:
    """Come to a page, and note what the browser does and says meanwhile; then look at it in other *widths*."""
    asked: list[str] = []
    complaints: list[str] = []
    page.on("request", lambda request: asked.append(request.url.partition("?")[0]))
    page.on("console", lambda said: complaints.append(said.text))
    PAGES[name](page, links)
    page.wait_for_load_state()
    width = int(page.evaluate("document.documentElement.scrollWidth"))
    statuses = "Failed to load resource: the server responded"  # to a page that is meant to be refused
    said = [text for text in complaints if not text.startswith(statuses)]
    page.evaluate(Axe().axe_script)
    faults = {}
    for wide in widths:
        page.set_viewport_size({"width": wide, "height": 800})
        for scheme in SCHEMES:
            page.emulate_media(color_scheme=scheme)
            faults[f"{scheme}, {wide} px"] = _violations(page)
    return Visit(list(asked), said, width, faults)
