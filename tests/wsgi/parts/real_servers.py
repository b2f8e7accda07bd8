"""Starts ``served.py`` under a real server, and speaks to it in raw bytes."""

from __future__ import annotations

import itertools
import json
import os
import re
import selectors
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).parent
PATIENCE = 20  # seconds, after which a server is taken to be stuck
GUNICORN = ["-m", "gunicorn", "--no-control-socket", "--bind", "127.0.0.1:0", "--chdir", str(HERE)]
COMMANDS = {
    **{name: [str(HERE / "served.py"), name] for name in ("wsgiref", "werkzeug", "waitress", "cheroot")},
    "gunicorn sync": [*GUNICORN, "--worker-class", "sync", "served:application"],
    "gunicorn gthread": [*GUNICORN, "--worker-class", "gthread", "--threads", "4", "served:application"],
}
_ids = itertools.count()


def rest(connection):
    """Return what still comes until the server closes the connection."""
    return b"".join(iter(lambda: connection.recv(65536), b""))


class Server:
    """A server that runs, and its address."""

    def __init__(self, name, port):
        self.name, self.port = name, port

    def connect(self):
        return socket.create_connection(("127.0.0.1", self.port), PATIENCE)

    def send(self, path, *, method="GET", query="", headers=(), body=b""):
        """Send a request and return the open connection, and the request's id."""
        number = f"{os.getpid()}-{next(_ids)}"
        lines = [
            f"{method} {path}?id={number}{query} HTTP/1.1",
            "Host: shop.example",
            "Connection: close",
            *headers,
        ]
        if body:
            lines.append(f"Content-Length: {len(body)}")
        connection = self.connect()
        connection.sendall("\r\n".join([*lines, "", ""]).encode() + body)
        return connection, number

    def ask(self, path, **request):
        """Return the whole answer in bytes, and the request's id."""
        connection, number = self.send(path, **request)
        with connection:
            return rest(connection), number

    def seen(self, number, until):
        """Return what was written down about a request, as soon as *until* holds of it."""
        deadline = time.monotonic() + PATIENCE
        while True:
            connection = self.connect()
            with connection:
                connection.sendall(f"GET /seen?id={number} HTTP/1.0\r\n\r\n".encode())
                answer = rest(connection)
            events = json.loads(answer.partition(b"\r\n\r\n")[2])
            if until(events) or time.monotonic() > deadline:
                return events


@contextmanager
def running(name, log):
    """Run the server called *name*; what it prints goes to the file *log*."""
    with log.open("wb") as output:
        process = subprocess.Popen([sys.executable, "-u", *COMMANDS[name]], stdout=output, stderr=output)
    try:
        yield Server(name, _port(process, log))
    finally:
        process.terminate()
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(PATIENCE)


def _port(process, log):
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and process.poll() is None:
        found = re.search(rb"http://127\.0\.0\.1:(\d+)", log.read_bytes())
        if found:
            return int(found[1])
        selectors.DefaultSelector().select(0.02)
    raise RuntimeError(f"{process.args} did not start:\n{log.read_text()}")
