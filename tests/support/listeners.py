"""Listeners: a real socket for each host of the world but the site's, which notes whoever connects.

Room: tests, end to end. Knows sockets, the least of HTTP, and how Chromium is told where a host is; no clause.
"""

from __future__ import annotations

import contextlib
import selectors
import socket
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_SECONDS = 20  # how long anything may take on a busy machine before it counts as missing


class Listeners:
    """Listens for each of *hosts*, and to who asks over http sets a cookie that is good in any page.

    Parameters:
        hosts: Their names, of which each gets a port of its own.
    """

    def __init__(self, hosts: Iterable[str]) -> None:
        self._ports: dict[str, int] = {}
        self._connected: set[str] = set()
        self._changed = threading.Condition()
        self._selector = selectors.DefaultSelector()
        for host in hosts:
            listening = socket.create_server(("127.0.0.1", 0), backlog=64)
            self._ports[host] = listening.getsockname()[1]
            self._selector.register(listening, selectors.EVENT_READ, host)
        self._bell, ringing = socket.socketpair()
        self._selector.register(ringing, selectors.EVENT_READ)
        self._thread = threading.Thread(target=self._listen)
        self._thread.start()

    @property
    def arguments(self) -> list[str]:
        """Chromium's: the hosts are here, and may set Secure cookies; no other name leads anywhere."""
        rules = [f"MAP {host} 127.0.0.1:{port}" for host, port in self._ports.items()]
        secure = ",".join(f"http://{host}" for host in self._ports)
        return [
            f"--host-resolver-rules={', '.join([*rules, 'MAP * ~NOTFOUND', 'EXCLUDE 127.0.0.1'])}",
            f"--unsafely-treat-insecure-origin-as-secure={secure}",
        ]

    @property
    def hosts(self) -> list[str]:
        """All of them."""
        return list(self._ports)

    def port(self, host: str) -> int:
        """Return the port on which *host* is."""
        return self._ports[host]

    @property
    def connected(self) -> set[str]:
        """The hosts to which somebody has connected, if only to send nothing."""
        with self._changed:
            return set(self._connected)

    def wait_for(self, *hosts: str) -> None:
        """Wait until somebody has connected to each of *hosts*.

        Raises:
            TimeoutError: when nobody does in time; it names the hosts.
        """
        with self._changed:
            if not self._changed.wait_for(lambda: self._connected.issuperset(hosts), _SECONDS):
                raise TimeoutError(f"Nobody connected to {sorted(set(hosts) - self._connected)}.")

    def close(self) -> None:
        """Listen no more."""
        self._bell.close()
        self._thread.join()
        for key in list(self._selector.get_map().values()):
            key.fileobj.close()  # type: ignore[union-attr]  # sockets, all of them
        self._selector.close()

    def _listen(self) -> None:
        while True:
            # All that have connected so far are noted together: who connected before another is never behind.
            ready = [key for key, _ in self._selector.select()]
            if any(key.data is None for key in ready):
                return
            for key in ready:
                threading.Thread(target=self._answer, args=(key.fileobj.accept()[0],), daemon=True).start()
            with self._changed:
                self._connected |= {key.data for key in ready}
                self._changed.notify_all()

    @staticmethod
    def _answer(connection: socket.socket) -> None:
        head = (
            "HTTP/1.1 200 OK",
            "Content-Type: text/plain",
            "Content-Length: 0",
            "Connection: close",
            "Access-Control-Allow-Origin: *",
            "Set-Cookie: third-party=1; Path=/; Secure; SameSite=None",
        )
        with connection, contextlib.suppress(OSError):
            connection.settimeout(_SECONDS)
            if connection.recv(65536):
                connection.sendall("\r\n".join([*head, "", ""]).encode())
