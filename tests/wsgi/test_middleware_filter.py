"""A layer's filter: what the body's bytes go through, by whichever way they leave."""

from __future__ import annotations

import logging

import pytest
from gunicorn.workers.base_async import ALREADY_HANDLED
from plain_server import Reply, serve

from cactuprivacy.wsgi import Middleware, RefusalError


class Shouting:
    """Returns what came before, in capitals, and holds the newest chunk back until the next one comes."""

    def __init__(self):
        self.held = b""

    def feed(self, chunk):
        self.held, ready = chunk, self.held
        return ready.upper()

    def end(self):
        self.held, ready = b"", self.held
        return ready.upper()


class Shout(Middleware):
    filters = True

    def start(self, exchange):
        if exchange.header("Content-Type") == "text/html":
            exchange.filter = Shouting()


class ShoutAndClose(Shout):
    def close(self, exchange):
        exchange.environ["test.closed"].append(exchange.status)


def app_of(body, kind="text/html"):
    def app(environ, start_response):
        start_response("200 OK", [("Content-Type", kind)])
        return body() if callable(body) else body

    return app


def stream():
    yield b"one "
    yield b"two"


@pytest.mark.parametrize("body", [[b"one ", b"two"], (b"one ", b"two"), [b"one two"], stream])
@pytest.mark.parametrize("layer", [Shout, ShoutAndClose])
def test_every_byte_goes_through_the_filter(environ, layer, body):
    environ["test.closed"] = []

    assert serve(layer(app_of(body)), environ).body == b"ONE TWO"


@pytest.mark.parametrize("body", [[b"one ", b"two"], stream])
def test_without_a_filter_the_body_is_untouched(environ, body):
    assert serve(Shout(app_of(body, "text/plain")), environ).body == b"one two"


def test_a_list_that_is_not_filtered_comes_back_itself(environ):
    body = [b"one"]

    assert Shout(app_of(body, "text/plain"))(environ, Reply().start_response) is body


def test_W12_a_list_keeps_its_length(environ):
    body = Shout(app_of([b"one ", b"two"]))(environ, Reply().start_response)

    assert len(body) == 2


def test_an_empty_list_stays_without_a_byte(environ):
    assert serve(Shout(app_of([])), environ).body == b""


def test_W18_each_chunk_of_a_stream_is_answered_before_the_next_is_asked_for(environ):
    asked = []

    def streaming():
        for chunk in (b"a", b"b", b"c"):
            asked.append(chunk)
            yield chunk

    body = iter(Shout(app_of(streaming))(environ, Reply().start_response))

    assert (b"", [b"a"]) == (next(body), asked)
    assert (b"A", [b"a", b"b"]) == (next(body), asked[:2])


def test_W7_what_is_written_goes_through_the_filter_before_the_body(environ):
    def app(environ, start_response):
        write = start_response("200 OK", [("Content-Type", "text/html")])
        write(b"one ")
        write(b"two ")
        return [b"three"]

    assert serve(Shout(app), environ).body == b"ONE TWO THREE"


def test_W1_a_late_start_decides_about_the_filter(environ):
    def app(environ, start_response):
        yield b""
        start_response("200 OK", [("Content-Type", "text/html")])
        yield b"one"

    assert serve(Shout(app), environ).body == b"ONE"


def test_W3_the_error_page_of_a_stream_is_the_response_that_is_filtered(environ):
    def app(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain")])
        error = ValueError()
        start_response("500 Oh", [("Content-Type", "text/html")], (ValueError, error, None))
        yield b"oh"

    assert serve(Shout(app), environ).body == b"OH"


def test_W15_a_file_is_read_only_where_there_is_a_filter_for_it(make_environ):
    environ = make_environ()

    class Wrapper:
        def __init__(self):
            self.closed = False

        def __iter__(self):
            return iter([b"a file"])

        def close(self):
            self.closed = True

    environ["wsgi.file_wrapper"] = Wrapper
    plain, page = Wrapper(), Wrapper()

    assert Shout(app_of(plain, "text/plain"))(environ, Reply().start_response) is plain
    shouted = Shout(app_of(page))(environ, Reply().start_response)
    assert b"A FILE" == b"".join(shouted)
    shouted.close()
    assert page.closed


def test_W14_a_marker_that_is_no_body_comes_back_itself(environ):
    app = app_of(ALREADY_HANDLED)

    assert Shout(app)(environ, Reply().start_response) is ALREADY_HANDLED


@pytest.mark.parametrize("layer", [Shout, ShoutAndClose])
def test_W8_the_apps_body_is_closed_through_the_filter(environ, layer):
    environ["test.closed"] = closed = []

    def streaming():
        try:
            yield b"one"
            yield b"two"
        finally:
            closed.append("body")

    body = layer(app_of(streaming))(environ, Reply().start_response)
    next(iter(body))
    body.close()

    assert closed == (["body"] if layer is Shout else ["body", "200 OK"])


class Breaking(Shouting):
    def feed(self, chunk):
        if chunk == b"two":
            raise ValueError(chunk)
        return super().feed(chunk)


@pytest.mark.parametrize("body", [[b"one ", b"two", b" three"], lambda: iter([b"one ", b"two", b" three"])])
def test_W37_a_filter_that_raises_is_out_of_the_way(environ, caplog, body):
    class Break(Middleware):
        filters = True

        def start(self, exchange):
            exchange.filter = Breaking()

    assert serve(Break(app_of(body)), environ).body == b"ONE two three"
    assert ["Break.filter raised ValueError; the page is served."] == [
        record.getMessage().partition("\n")[0] for record in caplog.records if record.levelno == logging.ERROR
    ]
    assert "ValueError: b'two'" not in caplog.text


@pytest.mark.parametrize("body", [[b"one"], lambda: iter([b"one"])])
def test_a_refusal_goes_on_to_whoever_reads_the_body(environ, body):
    class Refusing(Shouting):
        def feed(self, chunk):
            raise RefusalError

    class Refuse(Middleware):
        filters = True

        def start(self, exchange):
            exchange.filter = Refusing()

    with pytest.raises(RefusalError):
        list(Refuse(app_of(body))(environ, Reply().start_response))


def test_filters_nest(environ):
    class Exclaiming(Shouting):
        def end(self):
            return super().end() + b"!"

    class Exclaim(Middleware):
        filters = True

        def start(self, exchange):
            exchange.filter = Exclaiming()

    assert serve(Exclaim(Shout(app_of(stream))), environ).body == b"ONE TWO!"
