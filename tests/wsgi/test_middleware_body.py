"""Traps W8 to W19 and W46 to W48: the body, and the one moment at which it is closed."""

from __future__ import annotations

import io
from wsgiref.util import FileWrapper

import pytest
from gunicorn.workers.base_async import ALREADY_HANDLED
from plain_server import Recorder, Reply, fail, hello, serve

from cactuprivacy.cookie import Cookie
from cactuprivacy.wsgi import Middleware


class Body:
    """An iterable whose iterator is another object, and which counts its closing."""

    def __init__(self, *chunks, error=None):
        self.chunks, self.error, self.closed = chunks, error, 0

    def __iter__(self):
        yield from self.chunks
        if self.error is not None:
            raise self.error

    def close(self):
        self.closed += 1


class Empty(Body):
    def __len__(self):
        return 0


def serving(body):
    def app(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain")])
        return body

    return app


def call(app, environ, reply=None):
    return app(environ, (reply or Reply()).start_response)


def drain(body):
    list(body)


def take_one(body):
    next(iter(body))


def take_none(body):
    pass


@pytest.mark.parametrize("take", [drain, take_one, take_none])
def test_W8_close_comes_once_on_every_path(environ, take):
    inner, events = Body(b"a", b"b"), []
    body = call(Recorder(serving(inner), events), environ)

    take(body)
    body.close()

    assert inner.closed == 1
    assert events == ["open", "start 200", "close 200"]


def test_W8_close_comes_once_when_the_body_raises(environ):
    inner, events = Body(b"a", error=EOFError()), []

    with pytest.raises(EOFError):
        serve(Recorder(serving(inner), events), environ)

    assert inner.closed == 1
    assert events == ["open", "start 200", "close 200 EOFError"]


def test_W9_the_iterable_is_closed_and_not_its_iterator(environ):
    inner = Body(b"a")
    serve(Recorder(Recorder(serving(inner), []), []), environ)

    assert inner.closed == 1


def test_W10_a_falsy_body_is_closed_too(environ):
    inner, events = Empty(), []
    serve(Recorder(serving(inner), events), environ)

    assert inner.closed == 1
    assert events[-1] == "close 200"


def test_W11_an_error_in_one_close_hides_no_other(environ):
    class Breaks(Body):
        def close(self):
            raise BlockingIOError

    outer, inner = [], []
    with pytest.raises(BlockingIOError):
        serve(Recorder(Recorder(serving(Breaks(b"a")), inner), outer), environ)

    assert inner[2:] == ["close 200 BlockingIOError"]
    assert outer[2:] == ["close 200 BlockingIOError"]


def test_W12_length_is_kept(environ):
    """Servers take Content-Length from a body of one chunk."""
    sized = call(Recorder(serving([b"hello"]), []), dict(environ))
    unsized = call(Recorder(serving(iter([b"hello"])), []), dict(environ))

    assert len(sized) == 1
    assert not hasattr(unsized, "__len__")


def test_W13_each_iteration_is_the_apps_own(environ):
    """pywsgi iterates a sized body twice: once to count, once to send."""
    sized = call(Recorder(serving([b"he", b"llo"]), []), dict(environ))
    generator = iter(Body(b"x"))
    once = call(Recorder(serving(generator), []), dict(environ))

    assert sum(len(chunk) for chunk in sized) == 5
    assert list(sized) == [b"he", b"llo"]
    assert generator is iter(once)


def test_W14_nothing_is_touched_before_the_server_does(environ):
    touched = []

    class Shy:
        def __iter__(self):
            touched.append("iter")
            return iter(())

        def __len__(self):
            touched.append("len")
            return 0

        def __eq__(self, other):
            touched.append("eq")
            return False

        __hash__ = None

    call(Recorder(Recorder(serving(Shy()), []), []), environ)

    assert touched == []


def test_W14_a_marker_that_is_no_body_comes_back_itself(environ):
    body = call(Recorder(serving(ALREADY_HANDLED), []), environ)

    assert ALREADY_HANDLED is body


def test_W15_a_file_goes_to_the_server_as_it_is(make_environ):
    file = FileWrapper(io.BytesIO(b"file"))

    body = call(Recorder(serving(file), []), make_environ(**{"wsgi.file_wrapper": FileWrapper}))

    assert file is body


def test_W15_a_file_of_uwsgi_goes_as_it_is(make_environ, tmp_path):
    """Its wrapper is a function that returns the very file, and it compares pointers."""
    path = tmp_path / "file"
    path.write_bytes(b"file")
    with path.open("rb") as file:
        environ = make_environ(**{"wsgi.file_wrapper": lambda file, size=8192: file})

        body = call(Recorder(serving(file), []), environ)

    assert file is body


def test_W16_a_file_response_closes_when_the_app_returns(make_environ):
    events = []
    file = FileWrapper(io.BytesIO(b"file"))

    call(Recorder(serving(file), events), make_environ(**{"wsgi.file_wrapper": FileWrapper}))

    assert events == ["open", "start 200", "close 200"]
    assert not file.filelike.closed


def test_W17_the_servers_file_wrapper_is_never_replaced(make_environ):
    seen = []

    def app(environ, start_response):
        seen.append(environ["wsgi.file_wrapper"])
        return hello(environ, start_response)

    serve(Recorder(app, []), make_environ(**{"wsgi.file_wrapper": FileWrapper}))

    assert [FileWrapper] == seen


def test_W18_streaming_is_never_buffered(environ):
    made = []

    def stream():
        for chunk in (b"first", b"second"):
            made.append(chunk)
            yield chunk

    chunks = iter(call(Recorder(Recorder(serving(stream()), []), []), environ))

    assert next(chunks) == b"first"
    assert made == [b"first"]
    assert next(chunks) == b"second"


def test_W19_empty_chunks_pass(environ):
    chunks = [b"", b"a", b"", b"b", b""]

    assert chunks == serve(Recorder(serving(iter(chunks)), []), environ).chunks


def test_W46_a_client_that_leaves_ends_the_apps_generator(environ):
    ended = []

    def stream():
        try:
            while True:
                yield b"more"
        except GeneratorExit:
            ended.append("generator")
            raise

    events = []
    body = call(Recorder(serving(stream()), events), environ)
    take_one(body)
    try:
        fail(ConnectionResetError)  # as a server that notices at the next write
    except ConnectionResetError:
        body.close()

    assert ended == ["generator"]
    assert events[-1] == "close 200 ConnectionResetError"


def test_W47_a_body_of_the_old_protocol_is_a_body_too(environ):
    """Python still iterates what has but ``__getitem__``."""

    class Old:
        def __getitem__(self, index):
            return [b"a", b"b"][index]

    events = []
    body = call(Recorder(serving(Old()), events), environ)

    assert events == ["open", "start 200"]
    assert list(body) == [b"a", b"b"]


def test_W47_the_end_of_a_body_is_no_error(environ):
    """Some servers take it by hand, and close while they handle StopIteration."""
    events = []
    body = call(Recorder(serving([b"a"]), events), environ)
    chunks = iter(body)
    next(chunks)
    try:
        next(chunks)
    except StopIteration:
        body.close()

    assert events[-1] == "close 200"


def test_W47_close_comes_after_the_last_chunk(environ):
    events = []

    def stream():
        yield b"a"
        events.append("end of the body")

    serve(Recorder(serving(stream()), events), environ)

    assert events[2:] == ["end of the body", "close 200"]


def test_W48_a_second_close_does_nothing(environ):
    inner, events = Body(b"a"), []
    body = call(Recorder(serving(inner), events), environ)
    body.close()
    body.close()

    assert (inner.closed, events.count("close 200")) == (1, 1)


def test_W48_nothing_that_must_happen_hangs_on_close(environ):
    """A cookie is set in ``start``, so it is there though the server never closes."""

    class Layer(Middleware):
        def start(self, exchange):
            exchange.set_cookie(Cookie("a", purpose="a test"), "1", secure=True)

        def close(self, exchange):
            raise AssertionError("nobody closes here")

    reply = Reply()
    drain(call(Layer(hello), environ, reply))

    assert "Set-Cookie" in dict(reply.headers)
