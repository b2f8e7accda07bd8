"""Traps W1 to W7 and W20 to W28: starting a response, and the headers that leave with it."""

from __future__ import annotations

import contextlib
import gc
import inspect
import sys
import weakref

import pytest
from plain_server import Recorder, Reply, fail, hello, serve
from webob import Response as WebObResponse

from cactuprivacy.cookie import Cookie
from cactuprivacy.wsgi import Middleware

BASKET = Cookie("basket", purpose="keeps your basket")


class SetsACookie(Middleware):
    def start(self, exchange):
        exchange.set_cookie(BASKET, "3", secure=True)


def answers(status, headers, body=(b"x",)):
    def app(environ, start_response):
        start_response(status, headers)
        return list(body)

    return app


def test_W1_generator_app_starts_late(environ):
    def app(environ, start_response):
        start_response("201 Created", [])
        yield b"x"

    events = []
    body = Recorder(app, events)(environ, (reply := Reply()).start_response)

    assert events == ["open"]
    assert list(body) == [b"x"]
    body.close()
    assert reply.status == "201 Created"
    assert events == ["open", "start 201", "close 201"]


def test_W2_call_is_a_plain_function(environ):
    events = []
    Recorder(hello, events)(environ, (reply := Reply()).start_response)

    assert events == ["open", "start 200"]
    assert reply.status == "200 OK"
    assert not inspect.isgeneratorfunction(Middleware.__call__)


def test_W3_second_start_replaces_the_first(environ):
    def app(environ, start_response):
        start_response("200 OK", [("X-First", "1")])
        try:
            fail()
        except LookupError:
            start_response("500 Oops", [("X-Second", "2")], sys.exc_info())
        return [b"sorry"]

    events = []
    reply = serve(Recorder(app, events), environ)

    assert (reply.status, reply.headers) == ("500 Oops", [("X-Second", "2")])
    assert events == ["open", "start 200", "start 500", "close 500"]


def test_W3_error_of_a_late_error_page_goes_its_way(environ):
    error = LookupError()

    def app(environ, start_response):
        write = start_response("200 OK", [])
        write(b"half a page")
        try:
            fail(error)
        except LookupError:
            start_response("500 Oops", [], sys.exc_info())

    with pytest.raises(LookupError) as raised:
        serve(Recorder(app, []), environ)

    assert error is raised.value


def test_W4_no_third_argument_where_none_was_given(environ):
    started = []
    Recorder(hello, [])(environ, lambda status, headers: started.append(status))

    assert started == ["200 OK"]


def test_W5_exc_info_may_come_by_keyword(environ):
    """WebOb passes it so when it merges its cookies into another app's answer."""
    answer = WebObResponse("no")
    answer.set_cookie("basket", "3")

    reply = serve(answer.merge_cookies(Recorder(hello, [])), environ)

    assert reply.status == "200 OK"
    assert "Set-Cookie" in dict(reply.headers)
    started = []
    layered = Recorder(lambda environ, start_response: start_response("200 OK", [], exc_info=None) or [], [])
    layered(environ, lambda status, headers: started.append(status))
    assert started == ["200 OK"]


def test_W6_traceback_is_not_kept(environ):
    """An error that comes too late for a page passes through ours, and would hold itself alive from there."""

    class OopsError(Exception):
        pass

    seen = []

    def app(environ, start_response):
        start_response("200 OK", [])(b"half a page")
        try:
            fail(OopsError)
        except OopsError as error:
            seen.append(weakref.ref(error))
            start_response("500 Oops", [], sys.exc_info())

    gc.disable()
    try:
        with contextlib.suppress(OopsError):
            serve(Recorder(app, []), environ)

        assert [ref() for ref in seen] == [None]
    finally:
        gc.enable()


def test_W7_write_is_the_servers_own(environ):
    def app(environ, start_response):
        start_response("200 OK", [])(b"written")
        return []

    reply = serve(Recorder(Recorder(app, []), []), environ)

    assert reply.body == b"written"


def test_W20_content_length_is_left_alone(environ):
    app = answers("200 OK", [("Content-Length", "5")], [b"he", b"llo"])

    reply = serve(Recorder(app, []), environ)

    assert reply.headers == [("Content-Length", "5")]
    assert reply.chunks == [b"he", b"llo"]


def test_W21_head_is_answered_by_the_app_and_closed(make_environ):
    app = answers("200 OK", [("Content-Length", "5")], [])
    events = []

    reply = serve(Recorder(app, events), make_environ(REQUEST_METHOD="HEAD"))

    assert (reply.headers, reply.body) == ([("Content-Length", "5")], b"")
    assert events == ["open", "start 200", "close 200"]


@pytest.mark.parametrize("status", ["204 No Content", "304 Not Modified"])
def test_W22_answers_without_a_body_get_none(environ, status):
    events = []
    reply = serve(Recorder(answers(status, [], []), events), environ)

    assert (status, [], []) == (reply.status, reply.headers, reply.chunks)
    assert f"close {status[:3]}" == events[-1]


class DropsCookieHints(Middleware):
    def hint(self, exchange, headers):
        return [(name, value) for name, value in headers if name.lower() != "set-cookie"]


@pytest.mark.parametrize("name", ["Set-Cookie", "set-cookie", b"Set-Cookie"])
def test_W22_early_hints_pass_by_the_layer(make_environ, name):
    """They bypass ``start_response``, and gunicorn takes them as text or as bytes."""
    sent = []

    def app(environ, start_response):
        environ["wsgi.early_hints"]([("Link", b"</a.css>; rel=preload"), (name, "_ga=1")])
        environ["wsgi.early_hints"]([(name, "_ga=1")])
        return hello(environ, start_response)

    serve(DropsCookieHints(app), make_environ(**{"wsgi.early_hints": sent.append}))

    assert sent == [[("Link", "</a.css>; rel=preload")]]


def test_W22_early_hints_are_the_servers_where_no_layer_cares(make_environ):
    environ = make_environ(**{"wsgi.early_hints": print})
    serve(Recorder(hello, []), environ)

    assert print is environ["wsgi.early_hints"]


def test_W23_a_cookie_makes_the_response_private(environ):
    app = answers("200 OK", [("Cache-Control", "public, max-age=60, s-maxage=600")])

    reply = serve(SetsACookie(app), environ)

    assert [value for name, value in reply.headers if name == "Cache-Control"] == ["private, max-age=60"]
    assert dict(reply.headers)["Set-Cookie"] == "basket=3; Path=/; Secure; HttpOnly; SameSite=Lax"


def test_W23_a_304_carries_no_cookie_into_what_caches_store(environ):
    headers = [("ETag", '"1"'), ("Cache-Control", "public, max-age=60")]

    reply = serve(SetsACookie(answers("304 Not Modified", headers, [])), environ)

    assert headers == reply.headers


def test_W24_no_hop_by_hop_header_is_ours(environ):
    """No header at all is the base's own."""
    headers = [("Content-Type", "text/plain"), ("X-Twice", "1"), ("x-twice", "2")]

    reply = serve(Recorder(Recorder(answers("200 OK", headers), []), []), environ)

    assert headers == reply.headers


def test_W25_headers_are_a_list_of_pairs_in_their_order(environ):
    headers = [("Set-Cookie", "a=1"), ("X-Other", "1"), ("Set-Cookie", "b=2"), ("Set-Cookie", "a=1")]

    reply = serve(Recorder(answers("200 OK", headers), []), environ)

    assert headers == reply.headers
    assert (list, {tuple}) == (type(reply.headers), {type(pair) for pair in reply.headers})


class SharesAList(Middleware):
    headers = [("X-Shared", "1")]  # noqa: RUF012  # the mistake that the base has to bear

    def start(self, exchange):
        exchange.headers = self.headers


@pytest.mark.parametrize("layer", [SetsACookie, SharesAList])
def test_W26_servers_list_is_nobody_elses(environ, layer):
    """wsgiref writes Content-Length into the list that it was given."""
    shared = [("Content-Type", "text/plain")]
    application = layer(answers("200 OK", shared))

    first = serve(application, dict(environ))
    first.headers.append(("Content-Length", "1"))
    second = serve(application, dict(environ))

    assert "Content-Length" not in dict(second.headers)
    assert shared == [("Content-Type", "text/plain")]


def test_W27_headers_are_native_strings_in_latin_1(environ):
    class Greets(Middleware):
        def start(self, exchange):
            exchange.add_header("X-Greeting", "gr\xfc\xdfe")

    reply = serve(Greets(answers("200 OK", [("X-App", "caf\xe9")])), environ)

    assert reply.headers == [("X-App", "caf\xe9"), ("X-Greeting", "gr\xfc\xdfe")]


def test_W28_environ_stays_raw(make_environ):
    """UTF-8 read as latin-1 is what PEP 3333 wants there; decoding it is the reader's affair."""
    seen = []

    def app(environ, start_response):
        seen.append(environ["PATH_INFO"])
        return hello(environ, start_response)

    serve(Recorder(app, []), make_environ("/caf\xc3\xa9"))

    assert seen == ["/caf\xc3\xa9"]
