"""Traps W29 to W35, W44 and W45: the environ, which is the server's, and the request body, which is the app's."""

from __future__ import annotations

import pytest
from plain_server import Recorder, Reply, hello, request_environ, serve
from werkzeug.middleware.dispatcher import DispatcherMiddleware

from cactuprivacy.wsgi import Middleware, TrustedProxies, client_address, fetch_context


class Untouchable:
    """Fails the test when anybody so much as looks at it."""

    def __getattribute__(self, name):
        raise AssertionError(f"{name} was touched")


class Notes(Middleware):
    """Takes the path on opening, and keeps each exchange."""

    def __init__(self, app, closed):
        super().__init__(app)
        self.closed = closed

    def open(self, exchange):
        exchange.note = exchange.environ.get("SCRIPT_NAME", "") + exchange.environ.get("PATH_INFO", "")

    def close(self, exchange):
        self.closed.append(exchange)


def test_W29_the_app_gets_the_very_dict(environ):
    seen = []

    def app(environ, start_response):
        seen.append(environ)
        fetch_context(environ)
        client_address(environ, TrustedProxies())
        return hello(environ, start_response)

    class Once(Recorder):
        repeats = False

    before = dict(environ)
    serve(Once(Recorder(app, []), []), environ)

    assert environ is seen[0]
    added = environ.keys() - before.keys()
    assert {"cactuprivacy"} == {key.partition(".")[0] for key in added}
    assert before == {key: environ[key] for key in before}


def test_W30_a_note_survives_what_inner_apps_do_to_the_environ(make_environ):
    closed = []
    environ = make_environ("/list/news")
    path = environ["SCRIPT_NAME"] + "/list/news"

    serve(Notes(DispatcherMiddleware(hello, {"/list": hello}), closed), environ)

    assert environ["PATH_INFO"] == "/news"
    assert path == closed[0].note


def test_W31_exchange_lets_the_environ_go(environ):
    """uWSGI clears the dict and uses it for the next request."""
    closed = []
    serve(Notes(hello, closed), environ)

    assert closed[0].environ == {}
    assert "PATH_INFO" in environ


def test_W31_a_server_may_clear_the_environ_before_it_closes(environ):
    class Once(Recorder):
        repeats = False

    events = []
    body = Once(hello, events)(environ, Reply().start_response)
    environ.clear()
    body.close()

    assert events[-1] == "close 200"


def test_W32_script_name_and_path_may_be_missing():
    environ = request_environ()
    del environ["SCRIPT_NAME"], environ["PATH_INFO"]
    closed = []

    assert serve(Notes(hello, closed), environ).status == "200 OK"
    assert closed[0].note == ""


@pytest.mark.parametrize("path", ["", "/", "//a", "/a/../b", "/a//b/.", "/a/b c"])
def test_W33_paths_are_left_as_the_server_made_them(make_environ, path):
    seen = []

    def app(environ, start_response):
        seen.append(environ["PATH_INFO"])
        return hello(environ, start_response)

    serve(Recorder(app, []), make_environ(path))

    assert [path] == seen


@pytest.mark.parametrize("peer", ["", "localhost", "<local>", b"", None])
@pytest.mark.parametrize("port", ["/run/shop.sock", "t", ""])
def test_W34_a_unix_socket_has_no_address(make_environ, peer, port):
    environ = make_environ(REMOTE_ADDR=peer, SERVER_PORT=port)
    if peer is None:
        del environ["REMOTE_ADDR"]

    assert serve(Recorder(hello, []), environ).status == "200 OK"
    assert client_address(environ, TrustedProxies()) is None


def test_W35_a_forwarding_header_is_a_strangers_word(make_environ):
    """Servers join repeats by commas; only what stands right of the trusted proxies' own entries is left out."""
    forwarded = "192.0.2.66,198.51.100.9, 10.0.0.2"

    alone = make_environ(HTTP_X_FORWARDED_FOR=forwarded)
    behind = make_environ(REMOTE_ADDR="10.0.0.1", HTTP_X_FORWARDED_FOR=forwarded)

    assert client_address(alone, TrustedProxies()) == "203.0.113.7"
    assert client_address(dict(alone), TrustedProxies(["10.0.0.0/8"])) == "203.0.113.7"
    assert client_address(behind, TrustedProxies(["10.0.0.0/8"])) == "198.51.100.9"
    assert "underscores" in TrustedProxies.__doc__


def test_W44_the_request_body_is_the_apps(make_environ):
    environ = make_environ(
        REQUEST_METHOD="POST",
        CONTENT_TYPE="application/x-www-form-urlencoded",
        CONTENT_LENGTH="7",
        **{"wsgi.input": Untouchable()},
    )

    assert serve(Recorder(Recorder(hello, []), []), environ).status == "200 OK"


def test_W45_an_upgraded_connection_passes_unwrapped(make_environ):
    """eventlet compares its marker, which one can iterate, by identity; there is never a status."""
    events = []

    class AlreadyHandled:
        def __iter__(self):
            return self

        def __next__(self):
            raise StopIteration

    marker = AlreadyHandled()
    layered = Recorder(lambda environ, start_response: marker, events)

    assert marker is layered(make_environ(HTTP_UPGRADE="websocket"), Reply().start_response)
    assert events == ["open", "close None"]


def test_W45_an_offer_to_upgrade_that_is_not_taken_up_changes_nothing(make_environ):
    """Some clients offer h2c with every request, also to apps that start late."""

    def late(environ, start_response):
        start_response("200 OK", [])
        yield b"x"

    for app in (hello, late):
        outer, inner = [], []
        body = Recorder(Recorder(app, inner), outer)(make_environ(HTTP_UPGRADE="h2c"), Reply().start_response)
        assert not any(event.startswith("close") for event in outer + inner)
        list(body)
        body.close()

        assert ["open", "start 200", "close 200"] == outer == inner


def test_W45_a_start_after_all_is_still_judged_by_its_request(make_environ):
    seen = []

    class Late:
        def __init__(self, start_response):
            self.start_response = start_response

        def __iter__(self):
            self.start_response("200 OK", [])
            return iter([b"x"])

    class Judges(Middleware):
        def start(self, exchange):
            seen.append(exchange.environ["HTTP_UPGRADE"])

        def close(self, exchange):
            pass

    layered = Judges(lambda environ, start_response: Late(start_response))
    serve(layered, make_environ(HTTP_UPGRADE="h2c"))

    assert seen == ["h2c"]
