"""Traps W36 to W38: errors of the app go their way unchanged, errors of ours never reach the page."""

from __future__ import annotations

import logging

import pytest
from plain_server import Recorder, hello, serve

from cactuprivacy.wsgi import Middleware, RefusalError

VISITOR = "visitor 203.0.113.7"


class Unhandled(BaseException):
    """As gevent's GreenletExit."""


def breaks(*hooks):
    """Return a layer whose *hooks* raise an error that tells too much."""

    def raises(self, exchange, *rest):
        raise ValueError(VISITOR)

    return type("Broken", (Middleware,), dict.fromkeys(hooks, raises))


@pytest.mark.parametrize("kind", [ValueError, Unhandled, SystemExit, KeyboardInterrupt, StopIteration])
def test_W36_the_apps_error_goes_on_and_is_recorded(environ, kind):
    error = kind()

    def app(environ, start_response):
        raise error

    events = []
    with pytest.raises(kind) as raised:
        serve(Recorder(app, events), environ)

    assert error is raised.value
    assert ["open", f"close None {kind.__name__}"] == events


@pytest.mark.parametrize("hook", ["open", "start", "close"])
def test_W37_a_hook_that_raises_never_reaches_the_page(environ, caplog, hook):
    reply = serve(breaks(hook)(hello), environ)

    assert (
        reply.status,
        reply.headers,
        reply.body,
    ) == ("200 OK", [("Content-Type", "text/plain")], b"hello")
    assert [record.levelno for record in caplog.records] == [logging.ERROR]
    assert f"Broken.{hook} raised ValueError" in caplog.text
    assert VISITOR not in caplog.text


def test_W37_a_hint_that_raises_is_not_sent(make_environ, caplog):
    sent = []

    def app(environ, start_response):
        environ["wsgi.early_hints"]([("Link", "</a.css>; rel=preload")])
        return hello(environ, start_response)

    reply = serve(breaks("hint")(app), make_environ(**{"wsgi.early_hints": sent.append}))

    assert (sent, reply.body) == ([], b"hello")
    assert "Broken.hint raised ValueError" in caplog.text


def test_W37_nothing_half_done_leaves(environ):
    class HalfDone(Middleware):
        def start(self, exchange):
            exchange.status = "302 Found"
            exchange.add_header("Location", "/elsewhere")
            raise ValueError

    reply = serve(HalfDone(hello), environ)

    assert (reply.status, reply.headers) == ("200 OK", [("Content-Type", "text/plain")])


def test_W37_a_layer_says_itself_what_is_safe(environ):
    class Guard(breaks("start")):
        def failed(self, exchange, hook):
            exchange.headers = [("X-Failed", hook)]

    assert serve(Guard(hello), environ).headers == [("X-Failed", "start")]


def test_W37_when_even_that_fails_no_cookie_leaves(environ):
    def app(environ, start_response):
        start_response("200 OK", [("SET-Cookie", "_ga=1"), ("X-Kept", "1")])
        return []

    reply = serve(breaks("start", "failed")(app), environ)

    assert reply.headers == [("X-Kept", "1")]


def refuses(hook):
    """Return a layer whose *hook* raises an error that is meant."""

    def raises(self, exchange, *rest):
        raise RefusalError("as the layer means")

    return type("Refusing", (Middleware,), {hook: raises})


def test_W37_a_refusal_of_start_goes_on_into_the_app(environ, caplog):
    with pytest.raises(RefusalError, match="as the layer means"):
        serve(refuses("start")(hello), environ)

    assert [] == caplog.records


def test_W37_a_refusal_of_a_hint_goes_on_into_the_app(make_environ):
    sent = []

    def app(environ, start_response):
        environ["wsgi.early_hints"]([("Link", "</a.css>; rel=preload")])
        return hello(environ, start_response)

    with pytest.raises(RefusalError):
        serve(refuses("hint")(app), make_environ(**{"wsgi.early_hints": sent.append}))

    assert [] == sent


@pytest.mark.parametrize("hook", ["open", "close"])
def test_W37_a_refusal_of_open_or_close_is_an_error_as_any_other(environ, caplog, hook):
    assert b"hello" == serve(refuses(hook)(hello), environ).body
    assert f"Refusing.{hook} raised RefusalError" in caplog.text


def test_W37_a_start_that_was_refused_has_never_been(environ):
    seen = []

    class Strict(Middleware):
        def start(self, exchange):
            if exchange.status_code == 200:
                raise RefusalError

        def close(self, exchange):
            seen.append((exchange.status, exchange.headers, exchange.error))

    with pytest.raises(RefusalError):
        serve(Strict(hello), environ)

    assert [(None, [], RefusalError)] == seen


def test_W37_after_a_refusal_the_app_may_start_another_response(environ):
    class Strict(Middleware):
        def start(self, exchange):
            if exchange.status_code == 200:
                raise RefusalError

    def app(environ, start_response):
        try:
            return hello(environ, start_response)
        except RefusalError:
            start_response("500 Oops", [])
            return [b"sorry"]

    reply = serve(Strict(app), environ)

    assert ("500 Oops", b"sorry") == (reply.status, reply.body)


def test_W38_wsgi_errors_is_not_used(make_environ, caplog):
    class Expired:
        def __getattribute__(self, name):
            raise AssertionError("log object has expired")

    environ = make_environ(**{"wsgi.errors": Expired()})

    assert serve(breaks("open", "start", "close")(hello), environ).status == "200 OK"
    assert len(caplog.records) == 3
