"""The guarded app that real servers serve in the tests, in a process of its own: ``python cookieserved.py <server>``.

It answers with the ``Cookie`` header that it sees, ``/bare`` with the one that the server shows.
"""

from __future__ import annotations

import json
import sys

from cactuprivacy import Cookie, CookieGuard

COOKIES = [Cookie(name, purpose="p") for name in ("session", "basket", "__Host-sid")]


def seen(environ, start_response):
    answer = json.dumps(environ.get("HTTP_COOKIE")).encode()
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(answer)))])
    return [answer]


guarded = CookieGuard(seen, "https://shop.example", cookies=COOKIES)


def application(environ, start_response):
    return (seen if environ["PATH_INFO"] == "/bare" else guarded)(environ, start_response)


def announce(port):
    print(f"http://127.0.0.1:{port}", flush=True)  # noqa: T201  # read by who started us


def serve_wsgiref():
    from wsgiref.simple_server import make_server

    with make_server("127.0.0.1", 0, application) as server:
        announce(server.server_port)
        server.serve_forever()


def serve_werkzeug():
    from werkzeug.serving import make_server

    server = make_server("127.0.0.1", 0, application)
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
    globals()[f"serve_{sys.argv[1]}"]()
