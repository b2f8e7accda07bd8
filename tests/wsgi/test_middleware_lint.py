"""Both linters of the protocol, on both sides of a stack, and a property: a stack that does nothing is not there."""

from __future__ import annotations

import io
import sys
from wsgiref.util import FileWrapper
from wsgiref.validate import validator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from plain_server import Recorder, fail, hello, patient, request_environ, serve
from webtest import TestApp
from webtest.lint import middleware as lint
from werkzeug.middleware.dispatcher import DispatcherMiddleware

EVENTS = ["open", "start 200", "close 200"]


def generator(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    yield b"hel"
    yield b"lo"


def written(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "5")])(b"hello")
    return []


@pytest.mark.parametrize("linter", [validator, lint], ids=["wsgiref", "webtest"])
@pytest.mark.parametrize("app", [hello, generator, written])
@pytest.mark.parametrize("mount", ["", "/shop"])
def test_linters_pass_on_both_sides_of_a_stack(linter, app, mount):
    outer, inner = [], []
    stack = linter(Recorder(linter(Recorder(linter(app), inner)), outer))
    client = TestApp(DispatcherMiddleware(hello, {mount: stack}), lint=False)

    answer = client.get(mount + "/page?q=1")

    assert (answer.status_int, answer.body) == (200, b"hello")
    assert EVENTS == outer == inner


@pytest.mark.parametrize("linter", [validator, lint], ids=["wsgiref", "webtest"])
@pytest.mark.parametrize("method", ["HEAD", "POST"])
def test_linters_pass_for_other_methods(linter, method):
    def app(environ, start_response):
        body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"] or 0))
        start_response("200 OK", [("Content-Type", "text/plain"), ("X-Body", body.decode())])
        return []

    events = []
    client = TestApp(linter(Recorder(linter(app), events)), lint=False)

    answer = client.request("/", method=method, body=b"sent" if method == "POST" else b"")

    assert "sent" * (method == "POST") == answer.headers["X-Body"]
    assert events == EVENTS


@pytest.mark.parametrize("linter", [validator, lint], ids=["wsgiref", "webtest"])
def test_linters_pass_for_an_error_page(linter):
    def app(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain")])
        try:
            fail()
        except LookupError:
            start_response("500 Oops", [("Content-Type", "text/plain")], sys.exc_info())
        return [b"sorry"]

    events = []
    answer = TestApp(linter(Recorder(linter(app), events)), lint=False).get("/", status=500)

    assert answer.body == b"sorry"
    assert events[-1] == "close 500"


header_lines = st.tuples(
    st.sampled_from(["Content-Type", "Set-Cookie", "set-cookie", "X-Other", "Cache-Control", "Vary"]),
    st.text("abc=;, 1\xe9", max_size=8),
)


class Sized:
    def __init__(self, chunks):
        self.chunks = chunks

    def __len__(self):
        return len(self.chunks)

    def __getitem__(self, index):  # iterable by the old protocol alone
        return self.chunks[index]


def bodies(kind, chunks, log):
    class Closing:
        def __iter__(self):
            return iter(chunks)

        def close(self):
            log.append("closed")

    return {
        "list": list(chunks),
        "tuple": tuple(chunks),
        "iterator": iter(chunks),
        "sized": Sized(chunks),
        "closing": Closing(),
        "file": FileWrapper(io.BytesIO(b"".join(chunks))),
    }[kind]


@patient
@given(
    kind=st.sampled_from(["list", "tuple", "iterator", "sized", "closing", "file"]),
    chunks=st.lists(st.binary(max_size=3), max_size=4),
    headers=st.lists(header_lines, max_size=5),
    status=st.sampled_from(["200 OK", "204 No Content", "304 Not Modified", "404 Not Found", "299 Odd one"]),
    late=st.booleans(),
    writes=st.booleans(),
    again=st.booleans(),
    depth=st.integers(1, 3),
)
def test_a_stack_that_does_nothing_is_not_there(kind, chunks, headers, status, late, writes, again, depth):
    """Whatever an app does, server and app see through layers what they would see without them."""

    def make(log):
        def app(environ, start_response):
            log.append(sorted(environ))
            if again:
                start_response("200 First", [("X-First", "1")])
                try:
                    fail()
                except LookupError:
                    write = start_response(status, headers, sys.exc_info())
            else:
                write = start_response(status, headers)
            if writes:
                write(b"w")
            return bodies(kind, chunks, log)

        def starts_late(environ, start_response):
            yield from app(environ, start_response)

        return starts_late if late else app

    def run(app):
        reply = serve(app, request_environ(**{"wsgi.file_wrapper": FileWrapper}))
        return reply.status, reply.headers, reply.chunks

    bare_log, log, events = [], [], []
    stack = make(log)
    for _ in range(depth):
        stack = Recorder(stack, events)

    assert run(make(bare_log)) == run(stack)
    assert bare_log == log
    assert depth == events.count("open") == sum(event.startswith("close") for event in events)
