"""The app that real servers serve in the tests, in a process of its own: ``python served.py <server>``.

``/bare/…`` is the app alone, ``/layers/…`` the same one under two recording layers (and so under a prefix).
``/seen?id=…`` tells what the layers, and a probe between them and the server, wrote down about a request.
"""

from __future__ import annotations

import io
import json
import sys
from collections import defaultdict
from pathlib import Path
from urllib.parse import parse_qs

from plain_server import Recorder, fail
from werkzeug.middleware.dispatcher import DispatcherMiddleware

SEEN = defaultdict(list)


def asked(environ, name):
    return parse_qs(environ["QUERY_STRING"]).get(name, [""])[0]


class Journal(Recorder):
    """Writes down what it saw under the request's own id."""

    def __init__(self, app):
        super().__init__(app, [])

    def open(self, exchange):
        exchange.note = SEEN[asked(exchange.environ, "id")]
        exchange.note.append("open")

    def start(self, exchange):
        exchange.note.append(f"start {exchange.status_code}")

    def hint(self, exchange, headers):
        return [(name, value) for name, value in headers if name.lower() != "set-cookie"]

    def close(self, exchange):
        exchange.note.append(f"close {exchange.status_code}")
        if exchange.error is not None:
            exchange.note.append("early")


TEXT = [("Content-Type", "text/plain")]


def one(environ, start_response):
    start_response("200 OK", TEXT[:])
    return [b"hello"]


def several(environ, start_response):
    start_response("200 OK", TEXT[:])
    return [b"he", b"", b"llo"]


def empty(environ, start_response):
    start_response("200 OK", TEXT[:])
    return []


def generator(environ, start_response):
    start_response("200 OK", TEXT[:])
    yield b"he"
    yield b"llo"


def written(environ, start_response):
    write = start_response("200 OK", [*TEXT, ("Content-Length", "5")])
    write(b"hello")
    return []


def file(environ, start_response):
    start_response("200 OK", [*TEXT, ("Content-Length", "5")])
    wrapper = environ.get("wsgi.file_wrapper")
    # The server closes it, or the process does.
    opened = io.BytesIO(b"hello") if asked(environ, "memory") else Path(asked(environ, "path")).open("rb")  # noqa: SIM115
    return wrapper(opened) if wrapper else [opened.read()]


def no_content(environ, start_response):
    start_response("204 No Content", [])
    return []


def not_modified(environ, start_response):
    start_response("304 Not Modified", [("ETag", '"1"')])
    return []


def error_page(environ, start_response):
    start_response("200 OK", TEXT[:])
    try:
        fail()
    except LookupError:
        start_response("500 Oops", TEXT[:], sys.exc_info())
    return [b"sorry"]


def raises(environ, start_response):
    fail()


def breaks(environ, start_response):
    start_response("200 OK", TEXT[:])
    yield b"half a page"
    raise LookupError


def hints(environ, start_response):
    if "wsgi.early_hints" in environ:
        environ["wsgi.early_hints"]([("Link", "</a.css>; rel=preload"), (b"Set-Cookie", "_ga=1")])
        environ["wsgi.early_hints"]([("Set-Cookie", "_ga=1")])
    return one(environ, start_response)


def stream(environ, start_response):
    """Yield one chunk, and the second when the test has the first: it then opens the other end of a pipe."""
    start_response("200 OK", TEXT[:])
    yield b"first\n"
    yield Path(asked(environ, "pipe")).read_bytes()


def endless(environ, start_response):
    start_response("200 OK", TEXT[:])
    for _ in range(100_000):
        yield b"more " * 2000


def posted(environ, start_response):
    body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
    start_response("200 OK", TEXT[:])
    return [body]


def peer(environ, start_response):
    start_response("200 OK", TEXT[:])
    told = [environ.get("REMOTE_ADDR"), environ.get("HTTP_X_FORWARDED_FOR"), environ["SCRIPT_NAME"]]
    return [json.dumps(told).encode()]


PAGES = {
    f"/{app.__name__.replace('_', '-')}": app
    for app in (
        *(one, several, empty, generator, written, file, no_content, not_modified, error_page, raises),
        *(breaks, hints, stream, endless, posted, peer),
    )
}


def probe(app):
    """Write down whether the server gets its own kind of file back."""

    def probed(environ, start_response):
        body = app(environ, start_response)
        wrapper = environ.get("wsgi.file_wrapper")
        if environ["PATH_INFO"] == "/file" and wrapper is not None:
            SEEN[asked(environ, "id")].append("file" if isinstance(body, wrapper) else "no file")
        return body

    return probed


def seen(environ, start_response):
    answer = json.dumps(SEEN[asked(environ, "id")]).encode()
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(answer)))])
    return [answer]


def nothing(environ, start_response):
    start_response("404 Not Found", TEXT[:])
    return [b"nothing here"]


def page(environ, start_response):
    """Call a page by its whole path, without moving it to SCRIPT_NAME: the prefix is the stack's own."""
    return PAGES.get(environ["PATH_INFO"], nothing)(environ, start_response)


application = DispatcherMiddleware(
    nothing, {"/bare": probe(page), "/layers": probe(Journal(Journal(page))), "/seen": seen}
)


def announce(port):
    print(f"http://127.0.0.1:{port}", flush=True)  # noqa: T201  # read by who started us


def serve_wsgiref():
    from wsgiref.simple_server import make_server

    with make_server("127.0.0.1", 0, application) as server:
        announce(server.server_port)
        server.serve_forever()


def serve_werkzeug():
    from werkzeug.serving import make_server

    server = make_server("127.0.0.1", 0, application, threaded=True)
    announce(server.server_port)
    server.serve_forever()


def serve_waitress():
    from waitress import create_server

    server = create_server(application, host="127.0.0.1", port=0)
    announce(server.effective_port)
    server.run()


def serve_cheroot():
    from cheroot.wsgi import Server

    server = Server(("127.0.0.1", 0), application)
    server.prepare()
    announce(server.bind_addr[1])
    server.serve()


if __name__ == "__main__":
    {
        "wsgiref": serve_wsgiref,
        "werkzeug": serve_werkzeug,
        "waitress": serve_waitress,
        "cheroot": serve_cheroot,
    }[sys.argv[1]]()
