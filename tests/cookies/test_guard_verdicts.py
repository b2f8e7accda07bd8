"""What the guard says of what it refused, in every mode, and what it does when it breaks itself."""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor

from guarded import HARDENED, SESSION, SITE, App, ask, cookies, entering, leaving

from cactuprivacy import CookieGuard
from cactuprivacy.cookies.verdict import REASONS


def test_report_gives_the_same_verdicts_and_changes_nothing():
    app = App(
        *cookies("_ga=1", "session=1"),
        ("Set-Cookie2", "a=1"),
        ("Cache-Control", "public"),
        hints=cookies("_fbp=1"),
    )
    headers = {"Cookie": "_ga=1; session=1", "Cookie2": "a", "Sec-Browsing-Topics": "(1)"}
    hinted = []
    counts = []
    for mode in ("enforce", "report"):
        guard = CookieGuard(app, SITE, cookies=[SESSION], mode=mode)
        answer = ask(guard, headers, environ_overrides={"wsgi.early_hints": hinted.append})[2]
        counts.append(dict(guard.refused))

    assert counts[0] == counts[1]
    assert app.headers == answer.to_wsgi_list()
    assert [app.hints] == hinted
    assert ("_ga=1; session=1", "a", "(1)") == tuple(
        app.environ[key] for key in ("HTTP_COOKIE", "HTTP_COOKIE2", "HTTP_SEC_BROWSING_TOPICS")
    )


def test_verdicts_are_logged_by_rule_name_and_direction_without_value(caplog):
    caplog.set_level(logging.INFO, "cactuprivacy.cookies")
    guard = CookieGuard(App(*cookies("_ga=secret")), SITE)
    ask(guard, {"Cookie": "_fbp=secret"})
    messages = [(record.levelname, record.getMessage()) for record in caplog.records]

    assert [
        ("INFO", "I9: cookie '_fbp', in, refused: it is not declared, so the app does not see it."),
        ("WARNING", f"O18: cookie '_ga', out, refused: {REASONS['O18']}."),
    ] == messages


def test_a_strangers_header_cannot_fill_the_log(caplog):
    caplog.set_level(logging.INFO, "cactuprivacy.cookies")
    entering("; ".join(f"n{number}=1" for number in range(100)))

    assert 17 == len(caplog.records)
    assert "84 more" in caplog.records[-1].getMessage()


def test_refusals_are_counted_by_rule_and_direction():
    guard = CookieGuard(App(*cookies("_ga=1", "session=1; Partitioned")), SITE, cookies=[SESSION])
    ask(guard, {"Cookie": "_ga=1; _fbp=1"})
    ask(guard)

    assert {("O18", "out"): 2, ("O14", "out"): 2, ("I9", "in"): 2} == guard.refused


def test_refusals_of_many_threads_are_all_counted():
    guard = CookieGuard(App(*cookies("_ga=1")), SITE)
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda _: ask(guard), range(400)))

    assert {("O18", "out"): 400} == guard.refused


# Failing


def test_a_guard_that_breaks_lets_no_cookie_leave(monkeypatch, caplog):
    guard = CookieGuard(App(*cookies("session=1"), ("X-Kept", "1")), SITE, cookies=[SESSION])
    monkeypatch.setattr(guard._rules, "outgoing", lambda *_, **__: 1 / 0)
    status, headers = ask(guard)[1:]

    assert ("200 OK", "1", None) == (status, headers["X-Kept"], headers.get("Set-Cookie"))
    assert "ZeroDivisionError" in caplog.text


def test_a_guard_that_breaks_lets_no_cookie_enter(monkeypatch, caplog):
    app = App()
    guard = CookieGuard(app, SITE, cookies=[SESSION])
    monkeypatch.setattr(guard._rules, "incoming", lambda *_, **__: 1 / 0)
    ask(guard, {"Cookie": "session=secret"})

    assert "HTTP_COOKIE" not in app.environ
    assert "secret" not in caplog.text


def test_a_report_that_breaks_changes_nothing(monkeypatch, caplog):
    app = App(*cookies("session=1"))
    guard = CookieGuard(app, SITE, mode="report")
    monkeypatch.setattr(guard._rules, "incoming", lambda *_, **__: 1 / 0)
    monkeypatch.setattr(guard._rules, "outgoing", lambda *_, **__: 1 / 0)

    assert ["session=1"] == leaving(guard, {"Cookie": "_ga=1"})
    assert "_ga=1" == app.environ["HTTP_COOKIE"]


def test_rack_protection_bug_one_bad_request_is_no_other_clients():
    guard = CookieGuard(App(*cookies("session=1")), SITE, cookies=[SESSION])
    entering("session=1; session=evil; __HOST-session=evil", guard)

    assert "session=1" == entering("session=1", guard)
    guard.app = App(*cookies("session=1"))
    assert [HARDENED] == leaving(guard)


def test_django_csp_bug_error_pages_are_guarded():
    app = App(*cookies("_ga=1"), status="404 Not Found")

    assert [] == leaving(CookieGuard(app, SITE))
