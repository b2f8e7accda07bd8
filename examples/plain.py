"""The smallest honest example: a plain WSGI app, each middleware of ours around it, no framework.

Room: examples. ``python examples/plain.py``, then http://localhost:8080/. Any one layer may be taken away, and
the others still keep their clause. ``Privacy(…)(application)`` is all of them at once, see the shop.
"""

from __future__ import annotations

import secrets
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING
from wsgiref.simple_server import make_server

from werkzeug.middleware.dispatcher import DispatcherMiddleware

import cactuprivacy as cp

if TYPE_CHECKING:
    from collections.abc import Iterable

    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

SITE = cp.Site("http://localhost:8080", domains=("plain.example",))
FOLDER = Path(tempfile.mkdtemp(prefix="cactuprivacy-"))


def hello(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Greet, and try to set two cookies: only the declared one leaves."""
    cookies = [("Set-Cookie", "theme=dark"), ("Set-Cookie", "_ga=GA1.2.3; Domain=.ads.example")]
    start_response("200 OK", [("Content-Type", "text/plain; charset=utf-8"), *cookies])
    return [f"Hello. I was sent: {environ.get('HTTP_COOKIE', 'no cookie')}\n".encode()]


keys, store = cp.KeyRing([secrets.token_urlsafe(32)]), cp.Store(f"sqlite:///{FOLDER}/privacy.db")
news = cp.OptIn(
    [cp.MailingList("news", title="News", sender="news@plain.example")],
    site=SITE,
    keys=keys,
    store=store,
    mail="smtp://localhost:25",
)
program = cp.AffiliateProgram(cp.Affiliates(basis="exempt"), site=SITE, keys=keys, store=store)

application: WSGIApplication = DispatcherMiddleware(hello, {"/list": news})
application = cp.AffiliateAttribution(application, program)
application = cp.CookieGuard(
    application, SITE, cookies=[cp.Cookie("theme", purpose="remembers light or dark")]
)
application = cp.VisitLogger(application, sinks=[cp.JsonLinesSink(FOLDER / "visits.jsonl")])

if __name__ == "__main__":
    print(f"{SITE.origin}/, visits in {FOLDER / 'visits.jsonl'}", flush=True)
    make_server("localhost", 8080, application).serve_forever()
