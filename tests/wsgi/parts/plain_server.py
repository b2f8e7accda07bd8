"""The smallest honest WSGI server, as PEP 3333 sketches it, and a layer that writes down what it saw."""

from __future__ import annotations

import io
from dataclasses import dataclass, field

from hypothesis import HealthCheck, settings

from cactuprivacy.wsgi import Middleware

#: For properties: how long an example takes on a busy machine says nothing about ours.
patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


class Recorder(Middleware):
    """A layer with open, start and close, which writes down each as a few words."""

    def __init__(self, app, events):
        super().__init__(app)
        self.events = events

    def open(self, exchange):
        self.events.append("open")

    def start(self, exchange):
        self.events.append(f"start {exchange.status_code}")

    def close(self, exchange):
        error = f" {exchange.error.__name__}" if exchange.error else ""
        self.events.append(f"close {exchange.status_code}{error}")


@dataclass
class Reply:
    """What the server was given to send."""

    status: str | None = None
    headers: list = field(default_factory=list)
    chunks: list = field(default_factory=list)

    @property
    def body(self):
        return b"".join(self.chunks)

    def start_response(self, status, headers, exc_info=None):
        if exc_info:
            try:
                if self.chunks:  # too late for an error page
                    raise exc_info[1].with_traceback(exc_info[2])
            finally:
                exc_info = None
        elif self.status is not None:
            raise AssertionError("start_response came twice, without exc_info")
        self.status, self.headers = status, headers
        return self.write

    def write(self, chunk):
        self.chunks.append(chunk)


def request_environ(path="/", *, mount="", **more):
    """Return the environ of a GET, as a careful server makes it."""
    return {
        "REQUEST_METHOD": "GET",
        "SCRIPT_NAME": mount,
        "PATH_INFO": path,
        "QUERY_STRING": "",
        "SERVER_NAME": "shop.example",
        "SERVER_PORT": "443",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "HTTP_HOST": "shop.example",
        "REMOTE_ADDR": "203.0.113.7",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "https",
        "wsgi.input": io.BytesIO(),
        "wsgi.errors": io.StringIO(),
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
        **more,
    }


def serve(app, environ):
    """Serve one request whole, and return what was to be sent."""
    reply = Reply()
    body = app(environ, reply.start_response)
    try:
        for chunk in body:
            reply.write(chunk)
    finally:
        close = getattr(body, "close", None)
        if close is not None:
            close()
    return reply


def fail(error=LookupError):
    """Raise *error*, as an app's own function may."""
    raise error


def hello(environ, start_response):
    """The smallest app: a list of one chunk, no Content-Length."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"hello"]
