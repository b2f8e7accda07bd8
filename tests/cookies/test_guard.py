"""The guard around an app: every exit, every entrance, and what may be declared."""

from __future__ import annotations

import subprocess
import sys
from wsgiref.validate import validator

import pytest
from flask import Blueprint, Flask, session
from guarded import FRAMED, HARDENED, SESSION, SITE, App, ask, cookies, entering, leaving
from webtest import TestApp
from webtest.lint import middleware as lint
from werkzeug.test import Client, create_environ

from cactuprivacy import Cookie, CookieGuard, DeclarationError, Middleware, Site

# Outgoing


@pytest.mark.parametrize("name", ["Set-Cookie", "set-cookie", "SET-COOKIE", "Set-Cookie ", "\tset-cookie"])
def test_O1_every_line_in_any_case_is_judged(name):
    app = App((name, "_ga=1"), (name, "session=1"), (name, "session=2; Domain=ads.example"))

    assert [HARDENED] == leaving(CookieGuard(app, SITE, cookies=[SESSION]))


@pytest.mark.parametrize(
    "status", ["200 OK", "204 No Content", "302 Found", "304 Not Modified", "404 N", "500 E"]
)
def test_O1_every_status_is_judged(status):
    app = App(*cookies("_ga=1", "session=1"), status=status)

    assert [HARDENED] == leaving(CookieGuard(app, SITE, cookies=[SESSION]))


def test_O1_a_generator_that_starts_late_is_judged():
    def app(environ, start_response):
        start_response("200 OK", cookies("_ga=1", "session=1"))
        yield b"page"

    assert [HARDENED] == leaving(CookieGuard(app, SITE, cookies=[SESSION]))


def test_O1_the_second_start_of_an_error_page_is_judged():
    def app(environ, start_response):
        start_response("200 OK", cookies("session=0"))
        try:
            int("no number")
        except ValueError:
            start_response("500 Oops", cookies("_ga=1", "session=1"), sys.exc_info())
        return [b"sorry"]

    sent = []
    guard = CookieGuard(app, SITE, cookies=[SESSION])
    guard(create_environ("/", SITE), lambda status, headers, exc_info=None: sent.append(dict(headers)))

    assert [HARDENED.replace("1", "0", 1), HARDENED] == [headers["Set-Cookie"] for headers in sent]


def test_O1_early_hints_are_judged():
    link = ("Link", "</style.css>; rel=preload")
    app = App(hints=[link, *cookies("_ga=1; Domain=example.com", "session=1"), ("Set-Cookie2", "a=1")])
    hinted = []
    ask(CookieGuard(app, SITE, cookies=[SESSION]), environ_overrides={"wsgi.early_hints": hinted.append})

    assert [[link, ("Set-Cookie", HARDENED)]] == hinted


def test_O1_set_cookie2_does_not_leave():
    app = App(("Set-Cookie2", "session=1; Version=1"), ("X-Kept", "1"))
    guard = CookieGuard(app, SITE, cookies=[SESSION])
    headers = ask(guard)[2]

    assert ("1", None) == (headers.get("X-Kept"), headers.get("Set-Cookie2"))
    assert {("O1", "out"): 1} == guard.refused


@pytest.mark.parametrize(
    "header",
    [
        ("X-Page", "1\r\nSet-Cookie: _ga=1"),
        ("X-Page", "1\nSet-Cookie: _ga=1"),
        ("X-Page: 1\r\nSet-Cookie", "_ga=1"),
        ("Set-Cookie: _ga=1; x", "1"),
        (" ; Domain=ads.example", "set-cookie"),
        ("Set-Cookie", "session=1\r\nSet-Cookie: _ga=1"),
    ],
)
def test_O1_no_cookie_hides_in_another_header(header):
    sent = []
    guard = CookieGuard(App(header), SITE, cookies=[SESSION])
    guard(create_environ("/", SITE), lambda status, headers: sent.extend(headers))
    wire = "".join(f"{name}: {value}\r\n" for name, value in sent)

    assert [] == [line for line in wire.splitlines() if "cookie" in line.lower() or "ads" in line]


def test_O1_no_cookie_hides_in_the_status():
    sent = []
    guard = CookieGuard(App(status="200 OK\r\nSet-Cookie: _ga=1"), SITE)
    guard(create_environ("/", SITE), lambda status, headers: sent.append(status))

    assert ["200 OK"] == sent


def test_O10_the_requests_host_has_no_say():
    app = App(*cookies("session=1; Domain=ads.example"))
    headers = {"Host": "ads.example", "X-Forwarded-Host": "ads.example"}

    assert [] == leaving(CookieGuard(app, SITE, cookies=[SESSION]), headers)


def test_O12_the_scheme_of_a_proxy_behind_has_no_say():
    app = App(*cookies("session=1"))

    assert [HARDENED] == leaving(CookieGuard(app, SITE, cookies=[SESSION]), {"X-Forwarded-Proto": "http"})


def test_O19_our_own_cookie_does_not_leave_into_a_strange_page():
    guard = CookieGuard(App(*cookies("session=1")), SITE, cookies=[SESSION])

    assert [] == leaving(guard, FRAMED)
    assert [HARDENED] == leaving(guard, {**FRAMED, "Sec-Fetch-Dest": "document"})


def test_O19_early_hints_into_a_strange_page_set_none():
    app = App(hints=cookies("session=1"))
    hinted = []
    guard = CookieGuard(app, SITE, cookies=[SESSION])
    ask(guard, FRAMED, environ_overrides={"wsgi.early_hints": hinted.append})

    assert [] == hinted


def test_O20_no_shared_cache_keeps_a_response_that_sets_a_cookie():
    app = App(*cookies("session=1"), ("Cache-Control", "public, max-age=60"))

    assert "private, max-age=60" == ask(CookieGuard(app, SITE, cookies=[SESSION]))[2]["Cache-Control"]


def test_O20_a_response_that_sets_none_stays_cacheable():
    app = App(*cookies("_ga=1"), ("Cache-Control", "public, max-age=60"))

    assert "public, max-age=60" == ask(CookieGuard(app, SITE))[2]["Cache-Control"]


def test_headers_keep_their_order_and_the_app_its_own_list():
    app = App(("X-A", "1"), *cookies("session=1", "_ga=1"), ("X-B", "2"))
    before = list(app.headers)
    sent = ask(CookieGuard(app, SITE, cookies=[SESSION]))[2].to_wsgi_list()

    assert ["Content-Type", "X-A", "Set-Cookie", "X-B", "Cache-Control"] == [name for name, _ in sent]
    assert before == app.headers


# Incoming


def test_I8_a_frame_in_a_strange_page_reads_no_cookie():
    assert entering("session=1", **FRAMED) is None
    assert "session=1" == entering("session=1", **{**FRAMED, "Sec-Fetch-Dest": "document"})


def test_I9_an_undeclared_cookie_is_taken_out_and_nothing_is_left_behind():
    assert "session=1" == entering("_ga=1; session=1")
    assert entering("_ga=1") is None


def test_I9_cookie2_never_enters():
    app = App()
    ask(CookieGuard(app, SITE, cookies=[SESSION]), {"Cookie2": "$Version=1", "Cookie": "session=1"})

    assert ("session=1", False) == (app.environ["HTTP_COOKIE"], "HTTP_COOKIE2" in app.environ)


@pytest.mark.parametrize(
    "signal",
    [
        "Sec-Browsing-Topics",
        "Attribution-Reporting-Eligible",
        "Attribution-Reporting-Support",
        "Sec-Ad-Auction-Fetch",
    ],
)
def test_I11_signals_of_advertising_do_not_enter(signal):
    app = App()
    guard = CookieGuard(app, SITE)
    ask(guard, {signal: "1", "X-Kept": "1"})

    assert ["HTTP_X_KEPT"] == [key for key in app.environ if "X_KEPT" in key or signal[-8:].upper() in key]
    assert {("I11", "in"): 1} == guard.refused


def test_the_app_gets_the_very_environ_of_the_server():
    app = App()
    environ = create_environ("/", SITE, headers={"Cookie": "_ga=1"})
    CookieGuard(app, SITE)(environ, lambda status, headers: None)

    assert app.environ is environ
    assert "HTTP_COOKIE" not in environ


# Declarations


class Claiming(Middleware):
    place = 30
    cookies = (Cookie("claim", purpose="credits who sent you"),)


def test_the_cookies_of_layers_inside_are_declared():
    guard = CookieGuard(Claiming(App(*cookies("claim=1", "other=1"))), SITE, cookies=[SESSION])

    assert ("session", "claim") == tuple(cookie.name for cookie in guard.cookies)
    assert ["claim=1; Path=/; Secure; HttpOnly; SameSite=Lax"] == leaving(guard)


def test_one_declaration_by_two_ways_is_one():
    guard = CookieGuard(CookieGuard(Claiming(App()), SITE), SITE, cookies=Claiming.cookies)

    assert Claiming.cookies == guard.cookies


@pytest.mark.parametrize(
    "options, sentence",
    [
        ({"cookies": [SESSION, Cookie("session", purpose="else")]}, "'session' is declared twice"),
        ({"cookies": [Cookie("claim", purpose="else")]}, "declared twice, once by Claiming"),
        ({"cookies": SESSION}, r"write cookies=\[Cookie\('session'"),
        ({"cookies": ["session"]}, r"write Cookie\(name, purpose"),
        ({"cookies": [Cookie("a", "p", domain="ads.example")]}, "cannot have the domain"),
        ({"undeclared": "drop"}, "use 'strip' or 'allow'"),
        ({"mode": "off"}, "use 'enforce', 'report' or 'strict'"),
        ({"undeclare": "strip"}, "did you mean undeclared="),
    ],
)
def test_a_wrong_declaration_is_refused(options, sentence):
    with pytest.raises(DeclarationError, match=sentence):
        CookieGuard(Claiming(App()), SITE, **options)


def test_a_layers_cookie_that_the_site_cannot_carry_is_refused():
    class Prefixed(Middleware):
        cookies = (Cookie("__Host-a", purpose="p"),)

    with pytest.raises(DeclarationError, match="has a prefix"):
        CookieGuard(Prefixed(App()), Site("http://localhost"))


def test_undeclared_allow_lets_first_party_cookies_pass_hardened():
    app = App(*cookies("other=1; Max-Age=60", "bad=1; SameSite=None"))
    guard = CookieGuard(app, SITE, undeclared="allow")

    assert ["other=1; Max-Age=60; Path=/; Secure; HttpOnly; SameSite=Lax"] == leaving(guard)
    assert "_ga=1" == entering("_ga=1; Bad name=2", guard)


# Around real things


def test_validators_on_both_sides_find_nothing():
    app = App(*cookies("session=1", "_ga=1"), ("Content-Length", "4"))
    guard = CookieGuard(validator(lint(app)), SITE, cookies=[SESSION], evict=True)
    response = TestApp(lint(validator(guard)), lint=True).get("/", headers={"Cookie": "session=1; _ga=1"})
    lines = response.headers.getall("Set-Cookie")

    assert (b"page", HARDENED, 5) == (response.body, lines[0], len(lines))  # and four that forget _ga


def test_flask_talisman_bug_a_blueprint_is_guarded_as_the_rest():
    blueprint = Blueprint("shop", __name__)

    @blueprint.get("/")
    def page():
        return "page", 200, {"Set-Cookie": "_ga=1"}

    app = Flask(__name__)
    app.register_blueprint(blueprint, url_prefix="/shop")
    app.wsgi_app = CookieGuard(app.wsgi_app, SITE)

    assert [] == app.test_client().get("/shop/").headers.getlist("Set-Cookie")


def test_a_flask_session_keeps_working():
    app = Flask(__name__)
    app.secret_key = "k3y-8Zq1vB7nT5cXw2LmP9sRd4GhJ6fYaEuC"

    @app.get("/")
    def count():
        session["visits"] = session.get("visits", 0) + 1
        return str(session["visits"])

    @app.post("/leave")
    def leave():
        session.clear()
        return "left"

    app.wsgi_app = CookieGuard(app.wsgi_app, SITE, cookies=[SESSION])
    client = Client(app)
    client.set_cookie("_ga", "1", domain="shop.example")

    assert ["1", "2"] == [client.get("/", base_url=SITE).text for _ in range(2)]
    assert "Secure; HttpOnly; SameSite=Lax" in client.get("/", base_url=SITE).headers["Set-Cookie"]

    client.post("/leave", base_url=SITE)

    assert "1" == client.get("/", base_url=SITE).text


def test_importing_the_guard_imports_no_database():
    code = "import sys, cactuprivacy.cookies; print('sqlalchemy' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert "False" == run.stdout.strip()


@pytest.mark.parametrize(
    ("cookies", "mend"),
    [
        (None, r"write cookies=\[Cookie\("),
        (SESSION, r"write cookies=\[Cookie\('session'"),
        (["session"], "write Cookie"),
        ([SESSION, SESSION], "keep one"),
    ],
)
def test_what_is_no_list_of_cookies_is_refused_when_declared(cookies, mend):
    with pytest.raises(DeclarationError, match=mend):
        CookieGuard(App(), SITE, cookies=cookies)
