"""Cactus & Co: a small shop for cacti that keeps its privacy policy.

Room: example shop. The whole declaration is ``privacy``; the rest is an ordinary Flask app, and what the
library asks of it is marked by its name. Run it with ``python shop.py``, or ``make demo`` for the sights.
"""

from __future__ import annotations

import re
import secrets
import signal
import sys
from typing import TYPE_CHECKING

import settings
from catalogue import CATALOGUE, CURRENCY, MOST_OF_ONE, pounds
from flask import Flask, abort, redirect, render_template, request, session, url_for
from hostile import misbehave, take_out_the_guard
from orders import Order, Orders
from sqlalchemy.exc import SQLAlchemyError

from cactuprivacy import Affiliates, JsonLinesSink, MailingList, Privacy, VisitLog
from cactuprivacy.vault import Vault

if TYPE_CHECKING:
    from werkzeug import Response
    from werkzeug.exceptions import HTTPException

privacy = Privacy(
    settings.ORIGIN,
    operator="Cactus & Co",
    contact="privacy@cactus.example",
    secret_keys=[settings.secret()],
    database=settings.DATABASE,
    affiliates=Affiliates(parameter="af", window_days=30, applications="affiliates@cactus.example"),
    visits=VisitLog(level="truncated", keep_days=90, sinks=[JsonLinesSink(settings.DATA / "visits.jsonl")]),
    mailing_lists=[
        MailingList(
            "news",
            title="Cactus news",
            sender="news@cactus.example",
            description="A letter now and then, when something flowers.",
        )
    ],
    mail=settings.SMTP,
    domains=["cactus.example"],
    evict=True,
)
orders = Orders(settings.DATA / "shop.db", Vault(privacy.keys))
privacy.people.register("orders", orders)

app = Flask(__name__)
app.secret_key = privacy.keys.derive("shop session")[0]
app.config.update(MAX_CONTENT_LENGTH=16_384, SESSION_COOKIE_SAMESITE="Lax")
if settings.HOSTILE:
    misbehave(app, settings.DATA)
privacy.init_app(app)
if settings.UNGUARDED:
    take_out_the_guard(app)

KEY = re.compile(r"[\w-]{20,64}", re.ASCII)


@app.context_processor
def everywhere() -> dict[str, object]:
    """Give every page what its head and foot show."""
    news = privacy.mailing_lists.lists["news"]
    return {"pounds": pounds, "in_basket": sum(basket().values()), "catalogue": CATALOGUE, "news": news}


@app.before_request
def refuse_strangers_forms() -> None:
    """Refuse a form that another site sends in our visitor's name."""
    if request.method == "POST" and request.headers.get("Sec-Fetch-Site") in ("cross-site", "same-site"):
        abort(403)


@app.after_request
def keep_strangers_out(response: Response) -> Response:
    """Let pages load our own style sheet and nothing else: no script, no font, no picture of anyone's."""
    response.headers.setdefault(
        "Content-Security-Policy",
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'",
    )
    return response


def basket() -> dict[str, int]:
    """Return what is in the basket: pots by slug, of plants that we still sell."""
    return {slug: pots for slug, pots in session.get("basket", {}).items() if slug in CATALOGUE}


def price(items: dict[str, int]) -> int:
    """Return the price of *items* in pence."""
    return sum(CATALOGUE[slug].pence * pots for slug, pots in items.items())


@app.get("/")
def front() -> str:
    """Show all that we sell."""
    return render_template("front.html")


@app.get("/cactus/<slug>")
def cactus(slug: str) -> str:
    """Show one plant."""
    return render_template("cactus.html", cactus=CATALOGUE.get(slug) or abort(404))


@app.get("/basket")
def show_basket() -> str:
    """Show the basket."""
    return render_template("basket.html", items=basket(), total=price(basket()))


@app.post("/basket")
def change_basket() -> Response:
    """Put pots of a plant into the basket, or change how many there are (0 takes it out)."""
    slug, pots = request.form.get("cactus", ""), request.form.get("pots", "", str)
    if slug not in CATALOGUE or not re.fullmatch(r"[0-9]", pots):
        abort(400)
    items = basket()
    already = items.pop(slug, 0) if "add" in request.form else 0
    wanted = min(already + int(pots), MOST_OF_ONE)
    session["basket"] = {**items, slug: wanted} if wanted else {s: n for s, n in items.items() if s != slug}
    return redirect(url_for("show_basket"), 303)


@app.get("/checkout")
def checkout() -> Response | str:
    """Ask for the two things that a parcel needs. The form's key makes its order one, however often sent."""
    if not basket():
        return redirect(url_for("show_basket"))
    return render_template("checkout.html", key=secrets.token_urlsafe(18), total=price(basket()), wrong={})


@app.post("/checkout")
def place_order() -> Response | tuple[str, int]:
    """Place the order: on disk before it is answered, with the affiliate's claim beside it."""
    key = request.form.get("key", "")
    name, address = (request.form.get(field, "").strip() for field in ("name", "email"))
    if not KEY.fullmatch(key):
        abort(400)
    order, items = orders.of_key(key), basket()
    if order is None:
        wrong = faults(name, address)
        if not items or wrong:
            page = render_template("checkout.html", key=key, total=price(items), wrong=wrong)
            return page, 422
        order = orders.place(
            key,
            name=name,
            address=address,
            items=items,
            pence=price(items),
            claim=privacy.affiliates.claim(request.environ),
        )
    credit(order)
    session.pop("basket", None)
    return redirect(url_for("thanks", key=order.key), 303)


def faults(name: str, address: str) -> dict[str, str]:
    """Return what is wrong with a name and an address, by field, in words for their owner."""
    wrong = {}
    if not 0 < len(name) <= 100:
        wrong["name"] = "Please tell us the name for the label, in at most 100 letters."
    if not re.fullmatch(r"[^@\s]{1,64}@[^@\s]+\.[^@\s]+", address) or len(address) > 254:
        wrong["email"] = "Please give an address like name@example.org."
    return wrong


def credit(order: Order) -> None:
    """Credit the affiliate of *order*, once: what is credited already stays as it is."""
    if order.claim is None or order.credited:
        return
    try:
        privacy.affiliates.credit_sale(
            order=order.number, amount=pounds(order.pence), currency=CURRENCY, claim=order.claim
        )
    except SQLAlchemyError as error:  # the order stands, and its customer waits for nobody's books
        why = type(error).__name__  # never its text, which may hold values
        app.logger.error("Order %s is credited at the next start (%s).", order.number, why)  # noqa: TRY400  # so
        return
    orders.mark_credited(order)


@app.get("/thanks/<key>")
def thanks(key: str) -> str:
    """Confirm an order to whoever holds its key; it tells nothing about the person."""
    return render_template("thanks.html", order=orders.of_key(key) or abort(404))


@app.get("/contact")
def contact() -> str:
    """Show the contact form."""
    return render_template("contact.html", sent=False)


@app.post("/contact")
def take_message() -> str:
    """Take a message. A real shop would answer it; the address goes onto no list, here or there."""
    return render_template("contact.html", sent=True)


@app.errorhandler(400)
@app.errorhandler(403)
@app.errorhandler(404)
@app.errorhandler(405)
@app.errorhandler(500)
def sorry(error: HTTPException) -> tuple[str, int]:
    """Say what went wrong, in the shop's own words."""
    return render_template("sorry.html", error=error), error.code or 500


def open_shop() -> None:
    """Credit the orders that were placed but not credited when the shop was last killed."""
    for order in orders.uncredited():
        credit(order)


def main() -> None:
    """Serve the shop with waitress at its origin, until it is stopped by Ctrl-C or SIGTERM."""
    import waitress

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # so that what is under way is brought to its end
    open_shop()
    waitress.serve(app, host="127.0.0.1", port=privacy.site.port, threads=8, ident=None)


if __name__ == "__main__":
    main()
