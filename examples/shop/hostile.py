"""The app's bad day: pages on which the shop itself tries what the policy forbids.

Room: example shop, mounted only when ``SHOP_HOSTILE=1``. It stands for the careless dependency, the copied
snippet, the plug-in with a business model. What it sends must not arrive; the tour looks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Blueprint, Response, abort, jsonify, request

from cactuprivacy import CookieGuard
from cactuprivacy.wsgi import layers

if TYPE_CHECKING:
    from flask import Flask

#: What each page tries to set, by number. The names "session" are declared, all others are not.
ATTEMPTS = (
    ("a cookie for another domain", "tracker=1; Domain=.ads.example; Path=/"),
    ("SameSite=None", "widget=1; Path=/; Secure; SameSite=None"),
    ("SameSite=None on a declared name", "session=stolen; Path=/; Secure; SameSite=None"),
    ("a Partitioned cookie", "embed=1; Path=/; Secure; SameSite=None; Partitioned"),
    ("an undeclared cookie for two years", "_ga=GA1.1.444.555; Path=/; Max-Age=63072000"),
    ("a __Host- cookie with a Domain", "__Host-id=7; Path=/; Secure; Domain=localhost"),
    ("two cookies in one line", "session=x, _gid=1; Domain=.ads.example; Path=/"),
)

hostile = Blueprint("hostile", __name__)


@hostile.get("/hostile/<int:number>")
def misbehave(number: int) -> Response:
    """Try attempt *number*, and tell which cookies the request brought this far."""
    if number >= len(ATTEMPTS):
        abort(404)
    what, line = ATTEMPTS[number]
    response = jsonify(tried=what, line=line, seen=sorted(request.cookies))
    response.headers.add("Set-Cookie", line)
    return response


def take_out_the_guard(app: Flask) -> None:
    """Unwrap the cookie guard, as somebody in a hurry might: the tour must then end 1."""
    for layer in layers(app.wsgi_app):
        if isinstance(layer.app, CookieGuard):
            layer.app = layer.app.app
