"""Apps behind a CookieGuard, and what enters and leaves: shared by the tests of the guard and of its doors."""

from __future__ import annotations

from werkzeug.test import create_environ, run_wsgi_app

from cactuprivacy import Cookie, CookieGuard

SITE = "https://shop.example"
SESSION = Cookie("session", purpose="keeps your basket")
HARDENED = "session=1; Path=/; Secure; HttpOnly; SameSite=Lax"
FRAMED = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"}
EVIL = "https://evil.example"
HTML = ("Content-Type", "text/html; charset=utf-8")
PLAIN = ("Content-Type", "text/plain")
OWN = "'self' shop.example:* *.shop.example:*"


class App:
    """A WSGI app that answers as told, and remembers the environ that it saw."""

    def __init__(self, *headers, status="200 OK", hints=None):
        self.headers = [("Content-Type", "text/plain"), *headers]
        self.status = status
        self.hints = hints
        self.environ = {}

    def __call__(self, environ, start_response):
        self.environ = environ
        if self.hints is not None:
            environ["wsgi.early_hints"](self.hints)
        start_response(self.status, list(self.headers))
        return [b"page"]


def cookies(*lines):
    return [("Set-Cookie", line) for line in lines]


def ask(app, headers=None, **options):
    environ = create_environ("/", SITE, headers=headers, **options)
    return run_wsgi_app(app, environ)


def leaving(app, headers=None, **options):
    return ask(app, headers, **options)[2].getlist("Set-Cookie")


def entering(header, guard=None, **headers):
    app = App()
    guard = guard or CookieGuard(app, SITE, cookies=[SESSION])
    guard.app = app
    ask(guard, {"Cookie": header, **headers})
    return app.environ.get("HTTP_COOKIE")


def answering(*headers, status="200 OK"):
    def app(environ, start_response):
        start_response(status, list(headers))
        return [b"page"]

    return app


def sent(*headers, status="200 OK", path="/", **options):
    """Return the headers that leave, after a text/plain, to which nothing is added; and the rules refused."""
    guard = CookieGuard(answering(PLAIN, *headers, status=status), SITE, **options)
    left = run_wsgi_app(guard, create_environ(path, SITE))[2].to_wsgi_list()
    return left[1:], sorted(rule for rule, direction in guard.refused if direction == "out")


def page(*headers, content_type=HTML, status="200 OK", site=SITE, **options):
    """Return the headers of a page."""
    given = [content_type, *headers] if content_type else list(headers)
    guard = CookieGuard(answering(*given, status=status), site, **options)
    return run_wsgi_app(guard, create_environ("/", SITE))[2]
