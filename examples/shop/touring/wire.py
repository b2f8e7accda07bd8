"""The wire: one request, and each byte of its answer, for what no HTTP library would send, or would show.

Room: example shop, the tour. Standard library alone, and no judgement.
"""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

SECONDS = 20  # how long one answer may take on a busy machine


class Answer(NamedTuple):
    """An answer, as it came over the wire, early hints (RFC 8297) and all.

    Attributes:
        headers: The lines of each head, the early ones' first.
        body: The lines of the body.
    """

    headers: list[str]
    body: list[str]

    def all(self, name: str) -> list[str]:
        """Return each value of the header *name*."""
        lines = (line.partition(": ") for line in self.headers)
        return [value for key, _, value in lines if key.lower() == name.lower()]


def ask(port: int, path: str, headers: Iterable[tuple[str, str]], *, address: str = "127.0.0.1") -> Answer:
    """Send one GET request to this machine's *port*, and read until the server closes.

    Parameters:
        port: Where the server listens.
        path: What is asked for.
        headers: The request's, as they are, in this order.
        address: The loopback address to come from.
    """
    lines = [f"GET {path} HTTP/1.1", "Host: 127.0.0.1", "Connection: close"]
    lines += [f"{name}: {value}" for name, value in headers]
    with socket.create_connection(("127.0.0.1", port), SECONDS, (address, 0)) as connection:
        connection.sendall("\r\n".join([*lines, "", ""]).encode("latin-1"))
        with connection.makefile("rb") as stream:
            text = stream.read().decode("latin-1")
    said: list[str] = []
    while True:
        head, _, text = text.partition("\r\n\r\n")
        status, *fields = head.split("\r\n")
        said += fields
        if not status.startswith("HTTP/1.1 1"):
            return Answer(said, text.encode("latin-1").decode("utf-8", "replace").splitlines())
