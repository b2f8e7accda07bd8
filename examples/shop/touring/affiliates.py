"""Clause 3, affiliates: a sale is credited once; who did not agree carries nothing.

Room: example shop, the tour.
"""

from __future__ import annotations

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from touring.scene import AFFILIATE, BLOG, LINK, SAGUARO_SHARE

if TYPE_CHECKING:
    from touring.scene import Scene

_COOKIE = "affiliate"


def with_consent(scene: Scene) -> None:
    """An affiliate's reader agrees, buys, and the affiliate is credited, however often the order is sent."""
    check, server = scene.report.check, scene.server
    server.command("affiliates", "add", AFFILIATE)
    said = server.command("affiliates", "approve", AFFILIATE)
    check("The operator adds an affiliate and approves it", True, "approved" in said, said)

    ann = scene.visitor()
    landing = ann.get(LINK, referrer=BLOG)
    check(
        "Ann follows the affiliate’s link and has not chosen yet: nothing is set, she is asked",
        ([], True),
        (landing.set_cookies, landing.asks("/privacy/choices")),
        f"GET {LINK} answers {landing.status}, without Set-Cookie",
    )
    page = scene.choose(ann, landing, agrees=True)
    lines = [line for line in page.set_cookies if line.startswith(_COOKIE)]
    check(
        "Ann agrees: one first-party cookie, with a code and a day in it",
        (1, True),
        (len(lines), all("HttpOnly" in line and "SameSite=Lax" in line for line in lines)),
        "\n".join(lines),
    )
    ben = scene.reader(agrees=True)
    check(
        "Ben came by the same link: his cookie is the same to the byte, so it tells nobody apart",
        ann.jar.get(_COOKIE),
        ben.jar.get(_COOKIE),
    )

    page = scene.checkout(ann)
    scene.addresses.add("ann.orders@example.org")
    form = {**page.form("/checkout").values, "name": "Ann Thorn", "email": "ann.orders@example.org"}
    before = dict(ann.jar)
    thanks = ann.post("/checkout", form, referrer=page.url)
    check("Ann orders a saguaro", (200, True), (thanks.status, "Thank you" in thanks.text), thanks.url)
    check("The affiliate is credited", [SAGUARO_SHARE], scene.earned())

    ann.jar = before  # the basket too: the answer never came, so her browser sends the very same again
    again = ann.post("/checkout", form)
    with ThreadPoolExecutor(8) as pool:
        urls = {page.url for page in pool.map(lambda _: ann.post("/checkout", form), range(8))}
    with sqlite3.connect(scene.folder / "shop.db") as db:
        orders = db.execute("SELECT count(*) FROM orders").fetchone()[0]
    db.close()
    check(
        "The same order is sent again, and then eight times at once: it stays one order, credited once",
        ({thanks.url}, 1, [SAGUARO_SHARE]),
        ({again.url} | urls, orders, scene.earned()),
    )
    scene.report.show(server.command("affiliates", "statement", AFFILIATE))


def without_consent(scene: Scene) -> None:
    """The same click without consent sets nothing, and leads to no credit."""
    check = scene.report.check
    before = scene.earned()

    cleo = scene.visitor()
    cleo.get(LINK, referrer=BLOG)
    thanks, _ = scene.order(cleo, "cleo.orders@example.org")
    check(
        "Cleo does not answer, and orders: no cookie about it",
        (200, []),
        (thanks.status, sorted(cleo.jar)),
        f"her browser holds: {', '.join(sorted(cleo.jar)) or 'nothing'}",
    )
    dan = scene.reader(agrees=False)
    dan.get(LINK, referrer=BLOG)
    thanks, _ = scene.order(dan, "dan.orders@example.org")
    check(
        "Dan says no, and orders: only that is remembered",
        (200, ["privacy-choices"]),
        (thanks.status, sorted(dan.jar)),
        f"his browser holds: {', '.join(sorted(dan.jar))}",
    )
    check("Neither order is credited to anybody", before, scene.earned())
    eve = scene.visitor(Sec_GPC="1")
    page = eve.get(LINK, referrer=BLOG)
    check(
        "Eve’s browser sends Global Privacy Control: that is a no, and she is not even asked",
        ([], False),
        (page.set_cookies, page.asks("/privacy/choices")),
    )
    ann = scene.reader(agrees=True)
    scene.choose(ann, ann.get("/privacy/choices"), agrees=False)
    check("A reader who agreed changes their mind: the cookie is gone", False, _COOKIE in ann.jar)

    frank = scene.reader(agrees=True)
    frank.jar.pop(_COOKIE)
    pictures = frank.get(LINK, referrer=BLOG, Sec_Fetch_Mode="no-cors", Sec_Fetch_Dest="image")
    check("The link hidden in a picture on another site claims nothing", [], pictures.set_cookies)
