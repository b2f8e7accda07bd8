"""What the browser journey needs: the shop in a process of its own, a mail server, and a real Chromium."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import pytest
from mail_catcher import MailCatcher
from shopfront import Links, link_to_confirm
from touring import letters
from touring.report import Report
from touring.scene import AFFILIATE, Scene
from touring.server import ShopServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Page

    Visitor = Callable[..., Page]

# A browser that is left alone calls its maker's servers; this one has no business but ours.
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def serve(folder: Path) -> Iterator[Scene]:
    """Serve a shop that keeps its data in *folder*, with an affiliate, until the tests are done with it."""
    with MailCatcher() as catcher:
        server = ShopServer(folder, catcher.url)
        try:
            server.start()
            server.command("affiliates", "add", AFFILIATE)
            server.command("affiliates", "approve", AFFILIATE)
            yield Scene(Report(0), server, catcher, folder)
        finally:
            server.stop()


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    yield from serve(tmp_path_factory.mktemp("shop"))


@pytest.fixture
def unguarded_shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    """A shop out of which the cookie guard was taken: what the others find must be found missing here."""
    monkeypatch.setenv("SHOP_UNGUARDED", "1")
    yield from serve(tmp_path)


@pytest.fixture(scope="module")
def links(shop: Scene) -> Links:
    """The links of a mail to confirm that nobody has confirmed, and of an announcement to leave by."""
    letters.sign_up(shop, shop.visitor(), "kim.unsure@example.org")
    unsure = letters.the_mail_to(shop, "kim.unsure@example.org")
    reader = shop.visitor()
    letters.sign_up(shop, reader, "liz.reads@example.org")
    letters.confirm(reader, link_to_confirm(letters.the_mail_to(shop, "liz.reads@example.org")))
    letters.announce(shop, "It flowers")
    announcement = letters.the_mail_to(shop, "liz.reads@example.org", "It flowers")
    return Links(link_to_confirm(unsure), letters.unsubscribe_link(announcement.message))


def chromium_path() -> str:
    """Return where the system's Chromium is, or skip what needs it."""
    found = [shutil.which(name) for name in ("chromium", "chromium-browser", "google-chrome")]
    path = next(filter(None, found), None)
    if path is None:
        pytest.skip(
            "THE BROWSER JOURNEY IS LEFT OUT: no Chromium is here. Install the package chromium for it."
        )
    return path


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """The system's Chromium, headless. Of this module alone: its event loop would be in others' way."""
    path = chromium_path()
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(ARGUMENTS))
        yield browser
        browser.close()


@pytest.fixture
def visitor(chromium: Browser, shop: Scene) -> Iterator[Visitor]:
    """Return a fresh browser with an empty jar, as often as asked; options are those of ``new_context``."""
    contexts = []

    def come(**options: Any) -> Page:
        context = chromium.new_context(**{"base_url": shop.server.origin, **options})
        context.set_default_timeout(15_000)
        contexts.append(context)
        return context.new_page()

    yield come
    for context in contexts:
        context.close()
