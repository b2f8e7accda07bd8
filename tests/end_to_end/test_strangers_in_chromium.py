"""The shop on its bad day, behind the guard, in a real browser: it holds no third-party cookie and asks no stranger.

The browser is as lax as one can have it: its own protection against third-party cookies is switched off, and it
may connect ahead as it likes. Each stranger is a socket of ours, and the browser keeps a diary of the names that it
looks up. The same visit without the guard fills the jar.
"""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

import pytest
from attempts import ATTEMPTS
from listeners import Listeners
from shopfront import put_into_the_basket
from strangers import DOMAIN, WAYS
from touring.cookies import declared_names
from touring.scene import LINK
from touring.server import until

from tests.end_to_end.conftest import ARGUMENTS, chromium_path

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import BrowserContext, Page, Playwright
    from touring.scene import Scene

pytestmark = pytest.mark.browser

BY_A_HEADER = {name for name, way in WAYS.items() if not way.rule}  # stopped without reading the page
HINTS = {"preconnect", "dns-prefetch", "rules"}
LEADING_AWAY = {"D3", "D9", "H2", "H7"}  # they have pages of their own, but D9, which is only told of
MARK = "mark.example"  # its port, on the site's own address, is where a browser shows how far it has come
LAX = {
    "profile": {"cookie_controls_mode": 0, "block_third_party_cookies": False},
    "net": {"network_prediction_options": 0},
}


class Outing(NamedTuple):
    """A browser with a fresh profile and its diary, the shop that it goes to, and the rest of the world."""

    browser: BrowserContext
    diary: Path
    shop: Scene
    world: Listeners

    @property
    def mark(self) -> str:
        """An address on the site's own host that is nobody's page."""
        return f"http://127.0.0.1:{self.world.port(MARK)}/"

    def turned_to(self) -> set[str]:
        """Close the browser, and return each stranger whose name it looked up or to whom it connected."""
        self.browser.close()
        events = json.loads(self.diary.read_text())["events"]
        asked = {event.get("params", {}).get("host") for event in events}
        looked_up = {host for host in self.world.hosts if _is_asked(self.world.port(host), asked)}
        return (looked_up | self.world.connected) - {MARK}


def _is_asked(port: int, asked: set[str | None]) -> bool:
    return not asked.isdisjoint({f"http://127.0.0.1:{port}", f"https://127.0.0.1:{port}"})


@contextmanager
def go_out(play: Playwright, shop: Scene, folder: Path) -> Iterator[Outing]:
    profile, diary = folder / "profile", folder / "diary.json"
    (profile / "Default").mkdir(parents=True)
    (profile / "Default" / "Preferences").write_text(json.dumps(LAX))
    world = Listeners([MARK, DOMAIN, *(f"{name}.{DOMAIN}" for name in WAYS)])
    browser = play.chromium.launch_persistent_context(
        str(profile),
        executable_path=chromium_path(),
        args=[*ARGUMENTS, *world.arguments, f"--log-net-log={diary}"],
        base_url=shop.server.origin,
    )
    try:
        browser.set_default_timeout(15_000)
        yield Outing(browser, diary, shop, world)
    finally:
        browser.close()
        world.close()


@pytest.fixture(scope="module")
def play() -> Iterator[Playwright]:
    chromium_path()
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        yield playwright


@pytest.fixture
def guarded(play: Playwright, shop: Scene, tmp_path: Path) -> Iterator[Outing]:
    with go_out(play, shop, tmp_path) as outing:
        yield outing


@pytest.fixture
def unguarded(play: Playwright, unguarded_shop: Scene, tmp_path: Path) -> Iterator[Outing]:
    with go_out(play, unguarded_shop, tmp_path) as outing:
        yield outing


def agree(page: Page) -> None:
    """Come by the affiliate's link, and say yes."""
    page.goto(LINK)
    page.get_by_role("button", name="Yes, you may").click()
    page.get_by_role("button", name="Yes, you may").wait_for(state="detached")


def fill_the_basket(page: Page) -> None:
    """Go to the front page, choose a cactus, and go on to the checkout."""
    page.goto("/")
    put_into_the_basket(page)
    page.get_by_role("link", name="To the checkout").click()
    page.get_by_label("Your name").wait_for()


def misbehave(page: Page) -> None:
    """Open every hostile page that lets one stay, and wait until its workers have tried, too."""
    for number, attempt in enumerate(ATTEMPTS):
        if (attempt.answers or attempt.page) and attempt.rule not in LEADING_AWAY:
            page.goto(f"/hostile/{number}")
    with page.expect_request("**/nothing?worker"), page.expect_request("**/nothing?imports"):
        page.goto("/hostile/page/all")
    page.context.new_cdp_session(page).send("Page.getAppManifest")


def leave_a_mark(page: Page, outing: Outing) -> None:
    """Wait until the browser has connected, ahead, to an address that was named to it after all others."""
    hint = "url => document.head.append(Object.assign(document.createElement('link'), {rel: 'preconnect', href: url}))"
    page.evaluate(hint, outing.mark)
    outing.world.wait_for(MARK)


def the_same_to_ourselves(name: str, url: str) -> str:
    """Return a script that goes the way of that *name* once more when the page is there, to a *url* of our own.

    When that has come to its end, what went before it has as well, if it went at all.
    """
    visible = WAYS["preconnect" if name == "dns-prefetch" else name]
    html = visible.html.format(url=url, host=MARK)
    html = html.replace('content="0;', 'content="1;')  # of two the browser takes the earlier one
    return f"""
        if (self === top && !opener && location.pathname === "/hostile/page/{name}")
            addEventListener("load", () => document.body.append(
                document.createRange().createContextualFragment({json.dumps(html)})))
    """


def jar(page: Page) -> dict[str, set[str]]:
    """Return the names of all cookies in the browser, of whatever site and partition, by domain."""
    found: dict[str, set[str]] = {}
    for cookie in page.context.new_cdp_session(page).send("Network.getAllCookies")["cookies"]:
        found.setdefault(cookie["domain"], set()).add(cookie["name"])
    return found


def test_a_person_in_the_shop_holds_its_declared_cookies_alone_and_turns_to_no_stranger(
    guarded: Outing,
) -> None:
    page = guarded.browser.new_page()
    agree(page)
    fill_the_basket(page)
    misbehave(page)
    leave_a_mark(page, guarded)
    page.goto("/hostile/page/refresh")
    fill_the_basket(page)  # it still is a shop

    held = {"affiliate", "privacy-choices", "session"}
    assert {"127.0.0.1": held} == jar(page)
    assert held <= declared_names(guarded.shop)
    assert set() == guarded.turned_to()


def test_without_the_guard_the_same_visit_fills_the_jar_and_turns_to_all_of_them(unguarded: Outing) -> None:
    page = unguarded.browser.new_page()
    agree(page)
    fill_the_basket(page)
    misbehave(page)
    unguarded.world.wait_for(*(f"{name}.{DOMAIN}" for name in BY_A_HEADER - {"refresh"}))
    third_party = {f"{name}.{DOMAIN}" for name in ("img", "script", "style", "fetch", "video", "worker")}
    until("third-party cookies", lambda: third_party <= jar(page).keys())
    for name in ("refresh", *sorted(WAYS.keys() - BY_A_HEADER)):
        unguarded.browser.new_page().goto(f"/hostile/page/{name}", wait_until="commit")
        if name != "dns-prefetch":  # which only looks the name up
            unguarded.world.wait_for(f"{name}.{DOMAIN}")

    assert {"_fbp", "_gcl_au", "SESSION"} <= jar(page)["127.0.0.1"]
    assert {DOMAIN, *(f"{name}.{DOMAIN}" for name in WAYS)} == unguarded.turned_to()


@pytest.mark.parametrize("name", sorted(WAYS.keys() - BY_A_HEADER - HINTS))
def test_a_page_leads_to_no_stranger_by_way_of(name: str, guarded: Outing) -> None:
    url = f"{guarded.shop.server.origin}/hostile/nothing?mark"
    page = guarded.browser.new_page()
    page.add_init_script(the_same_to_ourselves(name, url))
    with guarded.browser.expect_event("request", lambda request: request.url == url):
        page.goto(f"/hostile/page/{name}", wait_until="commit")

    assert set() == guarded.turned_to()


@pytest.mark.parametrize("name", sorted(HINTS))
def test_a_page_makes_a_browser_ask_no_stranger_ahead_by_way_of(name: str, guarded: Outing) -> None:
    page = guarded.browser.new_page()
    page.add_init_script(the_same_to_ourselves(name, guarded.mark))
    page.goto(f"/hostile/page/{name}", wait_until="commit")
    guarded.world.wait_for(MARK)

    assert set() == guarded.turned_to()
