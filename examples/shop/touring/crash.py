"""kill -9 in mid-order: what was answered is still there, and what was sent again counts once.

Room: example shop, the tour.
"""

from __future__ import annotations

import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPException
from typing import TYPE_CHECKING, NamedTuple

from touring.letters import announce, confirm_link, reached, sign_up, the_mail_to
from touring.scene import LINK, SAGUARO_SHARE

if TYPE_CHECKING:
    from touring.browser import Browser, Form, Page
    from touring.scene import Scene

BUYERS, READERS, NEWCOMERS, CHOOSERS = 24, 4, 6, 4
_KILL_AFTER = 12  # answers, of 38


class Errand(NamedTuple):
    """A form, filled in and about to be sent."""

    kind: str
    browser: Browser
    form: Form
    address: str = ""

    def send(self) -> Page | None:
        """Send it, and return the answer; ``None`` when the shop died before it had answered whole."""
        try:
            return self.browser.post(self.form.action, self.form.values, follow=False)
        except (OSError, HTTPException):
            return None


def mid_order(scene: Scene) -> None:
    """Many visitors send forms at once; the shop is killed among them, and started again."""
    check, server = scene.report.check, scene.server
    earned = len(scene.earned())
    errands = _errands(scene)
    answers: dict[int, Page | None] = {}
    counted = threading.Lock()

    def send(number: int) -> None:
        answer = errands[number].send()
        with counted:
            answers[number] = answer
            if sum(page is not None for page in answers.values()) == _KILL_AFTER:
                server.kill()

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(send, range(len(errands))))
    done = [errands[number] for number, page in answers.items() if page is not None and page.status < 400]
    lost = [errands[number] for number, page in answers.items() if page is None]
    check(
        "The shop is killed while orders, sign-ups, confirmations and choices are under way",
        (True, True),
        (len(done) >= _KILL_AFTER, len(lost) > 0),
        f"kill -9 after {_KILL_AFTER} of {len(errands)} answers; {len(lost)} never came",
    )
    server.start()

    orders = [errand for errand in done if errand.kind == "order"]
    kept = [
        errand
        for errand in orders
        if errand.browser.get(f"/thanks/{errand.form.values['key']}").status == 200
    ]
    check(
        "Started again: every order that was answered is there", len(orders), len(kept), f"{len(kept)} orders"
    )
    placed = _claimed_orders(scene)
    check(
        "Every order on disk is credited, once, even those whose answer never came",
        placed,
        len(scene.earned()),
        f"{placed - earned} new orders, {placed - earned} new credits",
    )
    choosers = [errand.browser for errand in done if errand.kind == "choice"]
    check(
        "Every choice that was answered holds",
        [],
        [browser.address for browser in choosers if browser.get(LINK).asks("/privacy/choices")],
        f"{len(choosers)} answered",
    )
    newcomers = [errand.address for errand in done if errand.kind == "sign-up"]
    check(
        "Every sign-up that was answered is there",
        [],
        [
            address
            for address in newcomers
            if "mailing lists: 0" in server.command("subject", "find", address)
        ],
        f"{len(newcomers)} answered",
    )

    again = [errand.send() for errand in errands if errand.kind == "order"]
    check(
        "Every buyer sends the order again: all are there now, and each is credited once",
        ({303}, [SAGUARO_SHARE] * (earned + BUYERS)),
        ({page.status if page else None for page in again}, scene.earned()),
        f"{BUYERS} orders, {BUYERS} credits",
    )
    _subscribers(scene, errands, done)


def _subscribers(scene: Scene, errands: list[Errand], done: list[Errand]) -> None:
    """Show that the confirmations that were answered hold, by an announcement."""
    readers = [errand for errand in errands if errand.kind == "confirmation"]
    confirmed = {errand.address for errand in readers if errand in done}
    announce(scene, "After the storm")
    got = reached(scene, "After the storm", wait_for=len(confirmed))
    scene.report.check(
        "Every confirmation that was answered holds: an announcement reaches them",
        set(),
        confirmed - set(got),
        f"{len(confirmed)} answered, {len(got)} reached",
    )


def _errands(scene: Scene) -> list[Errand]:
    """Lead every visitor to the point where one press of a button is left, and mix them."""
    scene.report.trying("leading visitors to the last button")

    def buyer(number: int) -> Errand:
        browser = scene.reader(agrees=True)
        form = scene.checkout(browser).form("/checkout")
        address = f"buyer{number}.orders@example.org"
        scene.addresses.add(address)
        form.values.update(name="Ann Thorn", email=address)
        return Errand("order", browser, form, address)

    def reader(number: int) -> Errand:
        browser, address = scene.visitor(), f"reader{number}.reads@example.org"
        sign_up(scene, browser, address)
        link = confirm_link(scene, the_mail_to(scene, address))
        return Errand("confirmation", browser, browser.get(link).form("/list/c/"), address)

    def newcomer(number: int) -> Errand:
        browser, address = scene.visitor(), f"newcomer{number}.reads@example.org"
        form = browser.get("/").form("/list/")
        scene.addresses.add(address)
        form.values["email"] = address
        return Errand("sign-up", browser, form, address)

    def chooser(_: int) -> Errand:
        browser = scene.visitor()
        form = browser.get(LINK).form("/privacy/choices")
        form.values["affiliates"] = "yes"
        return Errand("choice", browser, form)

    kinds = ((buyer, BUYERS), (reader, READERS), (newcomer, NEWCOMERS), (chooser, CHOOSERS))
    with ThreadPoolExecutor(8) as pool:
        made = [list(pool.map(make, range(count))) for make, count in kinds]
    spread = [(number / len(row), errand) for row in made for number, errand in enumerate(row)]
    return [errand for _, errand in sorted(spread, key=lambda pair: pair[0])]


def _claimed_orders(scene: Scene) -> int:
    with sqlite3.connect(scene.folder / "shop.db") as db:
        count: int = db.execute("SELECT count(*) FROM orders WHERE claim IS NOT NULL").fetchone()[0]
    db.close()
    return count
