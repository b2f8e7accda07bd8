"""The app's bad day: pages on which the shop itself tries what the policy forbids.

Room: example shop, mounted only when ``SHOP_HOSTILE=1``. It stands for the careless dependency, the copied
snippet, the plug-in with a business model, and so speaks WSGI itself, inside the guard. What is tried stands
in ``attempts`` and ``strangers``. What it sends must not arrive; the tour and Chromium look.
"""

from __future__ import annotations

import json
import sys
from html import escape
from typing import TYPE_CHECKING, Any

from attempts import ATTEMPTS, Attempt
from strangers import PAGES, SCRIPTS

from cactuprivacy import CookieGuard
from cactuprivacy.cookies import cookie_refused
from cactuprivacy.wsgi import layers

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment
    from flask import Flask

    from cactuprivacy.cookies import Verdict

MOUNT = "/hostile/"
#: Where each refusal is written down as a line of JSON, in the shop's folder.
REFUSALS = "refusals.jsonl"

#: An app that behaves, to compare the others with.
BEHAVES = Attempt("", "nothing")

_PIECE = 8192  # bytes
_ADVERTISING = ("HTTP_COOKIE", "HTTP_SEC_BROWSING_", "HTTP_SEC_AD_", "HTTP_ATTRIBUTION_")


def misbehave(app: Flask, folder: Path) -> None:
    """Mount the hostile pages inside what will guard *app*, and write each refusal into *folder*."""
    app.wsgi_app = Hostile(app.wsgi_app)  # type: ignore[method-assign]  # Flask's documented way

    def write_down(_guard: CookieGuard, *, verdict: Verdict) -> None:
        told = {"rule": verdict.rule, "name": verdict.name, "reason": verdict.reason}
        with (folder / REFUSALS).open("a") as file:
            file.write(json.dumps(told) + "\n")

    cookie_refused.connect(write_down, weak=False)


def take_out_the_guard(app: Flask) -> None:
    """Unwrap the cookie guard, as somebody in a hurry might: the tour must then end 1."""
    for layer in layers(app.wsgi_app):
        if isinstance(layer.app, CookieGuard):
            layer.app = layer.app.app


class Hostile:
    """Answers ``/hostile/<number>`` by that attempt, ``/hostile/page/<name>`` by that page; else by *app*."""

    def __init__(self, app: WSGIApplication) -> None:
        self._app = app

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        if not path.startswith(MOUNT):
            return self._app(environ, start_response)
        kind, _, name = path.removeprefix(MOUNT).rpartition("/")
        environ["cactuprivacy.route"] = f"{MOUNT}{kind and kind + '/'}<name>"
        if kind == "script" and name in SCRIPTS:
            return _answer(environ, start_response, Attempt("", ""), SCRIPTS[name], "text/javascript")
        if kind == "page" and name in PAGES:
            page = PAGES[name]
            return _answer(environ, start_response, Attempt("", name, page.headers), page.html)
        attempt = _named(name) if not kind else None
        if attempt is not None:
            return _answer(environ, start_response, attempt, _page(environ, attempt))
        if not kind and not name:
            return _answer(environ, start_response, BEHAVES, _contents())
        return self._app(environ, start_response)


def _named(name: str) -> Attempt | None:
    if name == BEHAVES.tried:
        return BEHAVES
    return ATTEMPTS[int(name)] if name.isdecimal() and int(name) < len(ATTEMPTS) else None


def _answer(
    environ: WSGIEnvironment,
    start_response: StartResponse,
    attempt: Attempt,
    text: str,
    kind: str = "text/html; charset=utf-8",
) -> Iterable[bytes]:
    body = text.encode()
    plain = [("Content-Type", kind), ("Content-Length", str(len(body)))]
    headers = [*plain, *attempt.answers]

    if attempt.exit == "late":

        def late() -> Iterator[bytes]:
            start_response(attempt.status, headers)
            yield from (body[at : at + _PIECE] for at in range(0, len(body), _PIECE))

        return late()
    if attempt.exit == "after an error":
        start_response(attempt.status, plain)
        try:
            int("a number, the dependency thought")
        except ValueError:  # nothing was sent yet, so that another response may begin (PEP 3333)
            start_response("500 Internal Server Error", headers, sys.exc_info())
        return [body]
    if attempt.exit == "early hints":
        hint: Any = environ.get("wsgi.early_hints", lambda _: None)
        hint(list(attempt.answers))
        headers = plain
    start_response(attempt.status, headers)
    return [body]


def _page(environ: WSGIEnvironment, attempt: Attempt) -> str:
    """Return a page that shows the app's eyes: what the request still had when it came here."""
    seen = [
        f"{key.removeprefix('HTTP_').replace('_', '-').title()}: {value}"
        for key, value in sorted(environ.items())
        if key.startswith(_ADVERTISING)
    ]
    return f"""<!doctype html>
<html lang="en"><title>A bad day</title>
{attempt.page}
<p>Of what tells visitors apart, this page was sent:</p>
<pre>
{escape(chr(10).join(seen), quote=False)}
</pre>
<p><a href="{MOUNT}">What else is tried</a></p>
</html>
"""


def _contents() -> str:
    """Return a page that tells what is tried, with a link to each."""
    rows = "\n".join(
        f'<tr><td>{attempt.rule}<td><a href="{MOUNT}{number}">{escape(attempt.tried)}</a>'
        f"<td><code>{escape(' + '.join(attempt.lines)[:120])}</code>"
        for number, attempt in enumerate(ATTEMPTS)
    )
    pages = "\n".join(
        f'<li><a href="{MOUNT}page/{name}">{escape(page.tried)}</a>' for name, page in PAGES.items()
    )
    return f"""<!doctype html>
<html lang="en"><title>A bad day</title>
<h1>A bad day</h1>
<p>On each of these pages the shop tries what its policy forbids. Look at what arrives in your browser.</p>
<table>
{rows}
</table>
<p>And in these it turns to strangers:</p>
<ul>
{pages}
</ul>
</html>
"""
