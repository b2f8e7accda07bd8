"""The scene: what every chapter shares, and what visitors do in each of them.

Room: example shop, the tour. Knows the shop's pages, as a visitor sees them, and its command line.
"""

from __future__ import annotations

import itertools
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from touring.browser import Browser

if TYPE_CHECKING:
    from pathlib import Path

    from mail_catcher import MailCatcher

    from touring.browser import Page
    from touring.report import Report
    from touring.server import ShopServer

AFFILIATE = "cactusblog"
LINK = f"/?af={AFFILIATE}"
BLOG = "https://blog.example/best-cacti?reader=ann"  # whence the affiliate's readers come
SAGUARO_SHARE = "5.00"  # 10 % of 49.99, rounded to the penny


@dataclass
class Scene:
    """Where the tour is played.

    Attributes:
        report: Takes what was tried and seen.
        server: The shop.
        catcher: Its mail server.
        folder: All that the shop keeps.
        browsers: Every visitor's browser so far.
        addresses: Every address that a visitor has typed so far.
    """

    report: Report
    server: ShopServer
    catcher: MailCatcher
    folder: Path
    browsers: list[Browser] = field(default_factory=list)
    addresses: set[str] = field(default_factory=set)
    _numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    def visitor(self, **headers: str) -> Browser:
        """Return a fresh browser on a loopback address of its own, in a network of its own."""
        number = next(self._numbers)
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        self.browsers.append(Browser(self.server.origin, f"127.9.{number}.41", sent))
        return self.browsers[-1]

    def reader(self, *, agrees: bool) -> Browser:
        """Return a visitor who came by the affiliate's link and has answered the question."""
        browser = self.visitor()
        self.choose(browser, browser.get(LINK, referrer=BLOG), agrees=agrees)
        return browser

    def choose(self, browser: Browser, page: Page, *, agrees: bool) -> Page:
        """Answer the question about the affiliate's cookie on *page*."""
        return browser.submit(page, "/privacy/choices", affiliates="yes" if agrees else "no")

    def checkout(self, browser: Browser, cactus: str = "saguaro") -> Page:
        """Put a cactus into the basket, and go to the checkout."""
        browser.submit(browser.get(f"/cactus/{cactus}"), "/basket", add="yes")
        return browser.get("/checkout")

    def order(self, browser: Browser, address: str, cactus: str = "saguaro") -> tuple[Page, dict[str, str]]:
        """Order a cactus. Returns the page that confirms it, and the form as it was sent."""
        self.addresses.add(address)
        page = self.checkout(browser, cactus)
        sent = {**page.form("/checkout").values, "name": "Ann Thorn", "email": address}
        return browser.post("/checkout", sent, referrer=page.url), sent

    def statement(self) -> Any:
        """Return the affiliate's statement, as the operator gets it on the command line."""
        return json.loads(self.server.command("affiliates", "statement", AFFILIATE, "--json"))

    def earned(self) -> list[str]:
        """Return the amounts on the affiliate's statement, one for each sale."""
        return [entry["amount"] for entry in self.statement()["entries"]]
