"""Who is told of a refusal: the counter always, the log once, the signal's receivers, in tests the app."""

from __future__ import annotations

import logging
import pickle

import pytest
from flask import Flask, make_response
from werkzeug.test import Client, create_environ, run_wsgi_app

from cactuprivacy import Cookie, CookieGuard
from cactuprivacy.cookies import CookieRefusedError, Verdict, cookie_refused
from cactuprivacy.cookies.refusals import MAX_REMEMBERED, Refusals
from cactuprivacy.wsgi import RefusalError

SITE = "https://shop.example"
SESSION = Cookie("session", purpose="keeps your basket")


def setting(*lines):
    def app(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain"), *(("Set-Cookie", line) for line in lines)])
        return [environ.get("HTTP_COOKIE", "nothing").encode()]

    return app


def strict(app):
    return CookieGuard(app, SITE, cookies=[SESSION], mode="strict")


def ask(app, headers=None, **options):
    return run_wsgi_app(app, create_environ("/", SITE, headers=headers, **options))


# Strict


def test_strict_raises_for_a_refused_cookie_with_rule_name_and_reason_and_no_value():
    with pytest.raises(CookieRefusedError) as raised:
        ask(strict(setting("_ga=secret")))

    assert (
        "O18: cookie '_ga', out: it is not declared; declare it with Cookie(name, purpose=…), or stop setting it."
        == str(raised.value)
    )
    assert "secret" not in repr(raised.value)


def test_strict_names_every_refusal_of_the_response():
    with pytest.raises(CookieRefusedError) as raised:
        ask(strict(setting("_ga=1", "session=1", "session=2; SameSite=None")))

    assert [("O18", "_ga"), ("O13", "session")] == [(v.rule, v.name) for v in raised.value.verdicts]
    assert 2 == len(str(raised.value).splitlines())


def test_strict_raises_within_the_app_and_its_error_page_is_judged_too():
    def app(environ, start_response):
        try:
            start_response("200 OK", [("Set-Cookie", "_ga=1")])
        except CookieRefusedError:
            start_response("500 Oops", [("Set-Cookie", "session=1")])
        return [b"sorry"]

    _, status, headers = ask(strict(app))

    assert "500 Oops" == status
    assert headers["Set-Cookie"].startswith("session=1; Path=/")


def test_strict_raises_for_early_hints():
    def app(environ, start_response):
        environ["wsgi.early_hints"]([("Set-Cookie", "_ga=1")])
        return setting()(environ, start_response)

    sent = []
    with pytest.raises(CookieRefusedError):
        ask(strict(app), environ_overrides={"wsgi.early_hints": sent.append})

    assert [] == sent


def test_strict_sends_what_is_declared_hardened():
    assert (
        "session=1; Path=/; Secure; HttpOnly; SameSite=Lax"
        == ask(strict(setting("session=1")))[2]["Set-Cookie"]
    )


def test_strict_enforces_what_enters_without_raising():
    body, _, _ = ask(strict(setting()), {"Cookie": "_ga=1; session=1", "Cookie2": "$Version=1"})

    assert [b"session=1"] == list(body)


def test_strict_reaches_the_test_that_drives_flask():
    app = Flask(__name__)

    @app.get("/")
    def index():
        response = make_response("page")
        response.set_cookie("_ga", "1")
        return response

    app.wsgi_app = strict(app.wsgi_app)

    with pytest.raises(CookieRefusedError, match="O18"):
        Client(app).get("/", base_url=SITE)


def test_strict_counts_before_it_raises():
    guard = strict(setting("_ga=1"))
    with pytest.raises(CookieRefusedError):
        ask(guard)

    assert {("O18", "out"): 1} == guard.refused


def test_the_error_is_a_refusal_and_survives_a_process_border():
    error = CookieRefusedError(Verdict("out", "_ga", "O18"))

    assert isinstance(error, RefusalError)
    assert str(error) == str(pickle.loads(pickle.dumps(error)))


@pytest.mark.parametrize("mode", ["enforce", "report"])
def test_other_modes_raise_nothing(mode):
    assert "200 OK" == ask(CookieGuard(setting("_ga=1"), SITE, mode=mode))[1]


# Signal


@pytest.fixture
def receive():
    """Connect receivers for one test."""
    connected = []

    def connect(receiver, **options):
        cookie_refused.connect(receiver, **options)
        connected.append(receiver)

    yield connect
    for receiver in connected:
        cookie_refused.disconnect(receiver)


def test_each_verdict_is_sent_by_the_guard(receive):
    got = []

    def receiver(sender, verdict):
        got.append((sender, verdict.rule, verdict.name, verdict.direction))

    receive(receiver)
    guard = CookieGuard(setting("_ga=1"), SITE)
    ask(guard, {"Cookie": "_fbp=1"})
    ask(guard)

    assert [
        (guard, "I9", "_fbp", "in"),
        (guard, "O18", "_ga", "out"),
        (guard, "O18", "_ga", "out"),
    ] == got


def test_a_receiver_may_ask_for_one_guard(receive):
    got = []

    def receiver(sender, verdict):
        got.append(sender)

    ours, other = (CookieGuard(setting("_ga=1"), SITE) for _ in range(2))
    receive(receiver, sender=ours)
    ask(ours)
    ask(other)

    assert [ours] == got


def test_a_receiver_that_raises_harms_neither_page_nor_other_receivers(receive, caplog):
    got = []

    def breaks(sender, verdict):
        raise RefusalError("203.0.113.7")

    def receiver(sender, verdict):
        got.append(verdict.name)

    receive(breaks)
    receive(receiver)
    guard = CookieGuard(setting("_ga=1", "session=1"), SITE, cookies=[SESSION])
    headers = [ask(guard)[2] for _ in range(2)]

    assert ["_ga", "_ga"] == got
    assert all(found["Set-Cookie"].startswith("session=1;") for found in headers)
    assert ["A receiver of cookie_refused raised RefusalError."] == [
        record.getMessage() for record in caplog.records if record.levelno == logging.ERROR
    ]
    assert "203.0.113.7" not in caplog.text


# Log


def levels(caplog):
    return [record.levelname for record in caplog.records]


def test_a_refusal_is_logged_once_and_then_at_debug_only(caplog):
    caplog.set_level(logging.DEBUG, "cactuprivacy.cookies")
    guard = CookieGuard(setting("_ga=1"), SITE)
    for _ in range(2):
        ask(guard, {"Cookie": "_ga=1"})

    assert ["INFO", "WARNING", "DEBUG", "DEBUG"] == levels(caplog)
    assert {("I9", "in"): 2, ("O18", "out"): 2} == guard.refused


def test_another_rule_name_or_direction_is_logged_again(caplog):
    caplog.set_level(logging.INFO, "cactuprivacy.cookies")
    refusals = Refusals(object(), enforced=True)
    refusals.record(
        [Verdict("out", "_ga", "O18"), Verdict("out", "_ga", "O9"), Verdict("out", "_fbp", "O18")]
    )
    refusals.record([Verdict("in", "_ga", "I9"), Verdict("out", "_ga", "O18")])

    assert ["WARNING", "WARNING", "WARNING", "INFO"] == levels(caplog)


def test_what_had_no_room_is_logged_with_the_next_response(caplog):
    caplog.set_level(logging.INFO, "cactuprivacy.cookies")
    guard = CookieGuard(setting(*(f"n{number}=1" for number in range(20))), SITE)
    for _ in range(3):
        ask(guard)

    assert 16 + 1 + 4 == len(caplog.records)
    assert "4 more were refused" in caplog.records[16].getMessage()


def test_strangers_can_neither_fill_the_log_nor_the_memory_nor_silence_the_app(caplog):
    caplog.set_level(logging.INFO, "cactuprivacy.cookies")
    refusals = Refusals(object(), enforced=True)
    for number in range(2 * MAX_REMEMBERED):
        refusals.record([Verdict("in", f"n{number}", "I9")])
    refusals.record([Verdict("out", "_ga", "O18")])

    assert [*["INFO"] * MAX_REMEMBERED, "WARNING"] == levels(caplog)
    assert 2 * MAX_REMEMBERED == refusals.counts["I9", "in"]
    assert MAX_REMEMBERED == len(refusals._logged["in"])


def test_what_is_not_told_by_name_is_counted_and_logged_as_a_number(caplog):
    caplog.set_level(logging.INFO, "cactuprivacy.cookies")
    guard = CookieGuard(setting(), SITE)
    ask(guard, {"Cookie": "; ".join(f"n{number}=1" for number in range(100))})

    assert {("I9", "in"): 100} == guard.refused
    assert 16 + 1 == len(caplog.records)
    assert "84 more were refused" in caplog.records[16].getMessage()


def test_who_brings_many_cookies_with_each_request_does_not_fill_the_log(caplog):
    caplog.set_level(logging.INFO, "cactuprivacy.cookies")
    guard = CookieGuard(setting(), SITE)
    for _ in range(50):
        ask(guard, {"Cookie": "; ".join(f"n{number}=1" for number in range(100))})

    assert 16 + 2 == len(caplog.records)
    assert {("I9", "in"): 5000} == guard.refused


def test_a_name_that_no_logger_took_is_logged_when_one_does(caplog):
    guard = CookieGuard(setting(), SITE)
    caplog.set_level(logging.WARNING, "cactuprivacy.cookies")
    ask(guard, {"Cookie": "_ga=1"})
    caplog.set_level(logging.INFO, "cactuprivacy.cookies")
    ask(guard, {"Cookie": "_ga=1"})

    assert ["INFO"] == levels(caplog)


def test_strict_mode_raises_for_a_door_but_not_for_a_redirect_that_is_only_reported():
    def redirecting(environ, start_response):
        start_response("302 Found", [("Location", "https://stranger.example/")])
        return [b""]

    strict = CookieGuard(redirecting, SITE, mode="strict")
    refusing = CookieGuard(redirecting, SITE, mode="strict", redirects="refuse")

    assert "302 Found" == ask(strict)[1]
    with pytest.raises(CookieRefusedError, match="D9: header 'Location', out"):
        ask(refusing)
