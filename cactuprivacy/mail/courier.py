"""The courier: one thread a process that empties the outbox, so that nobody waits for a mail server.

Room: mail. Started by the first request and not by import, so a server may fork whenever it likes; every
process has its own. It never raises: a mail server or a database that is down is tried again, later.
"""

from __future__ import annotations

import atexit
import logging
import os
import threading
import time
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

logger = logging.getLogger("cactuprivacy.mail")

POLL_SECONDS = 5.0
_LONGEST_PAUSE = 300.0  # seconds between tries while the database is failing
_CHORES_EVERY = 3600.0


class Queue(Protocol):
    """What a courier empties: the outbox of mails, or another of its kind."""

    def deliver_due(self, limit: int = 100, ending: Callable[[], bool] = ...) -> tuple[Any, ...]:
        """Deliver what is due, and return how much of it became what."""


class Courier:
    """Delivers what is due in the background, in whatever process it is woken.

    Parameters:
        outbox: Whose mails.
        chores: Done about once an hour beside it.
        active: Whether this process delivers at all; ``False`` leaves it to ``cactuprivacy list deliver --watch``.
        poll_seconds: How often to look for mails that nobody announced: retries, and other processes'.
    """

    def __init__(
        self,
        outbox: Queue,
        *,
        chores: Callable[[], object] | None = None,
        active: bool = True,
        poll_seconds: float = POLL_SECONDS,
    ) -> None:
        self._outbox = outbox
        self._chores = chores
        self._active = active
        self._poll = poll_seconds
        self._workers: dict[int, _Worker] = {}

    def wake(self) -> None:
        """See that this process has its thread. Cheap enough for every request."""
        if self._active and os.getpid() not in self._workers:
            # setdefault is atomic, and a lock here could be one that another thread held at the fork.
            self._workers.setdefault(os.getpid(), _Worker(self._outbox, self._chores, self._poll)).start()

    def hurry(self) -> None:
        """Say that a mail has just been queued, where this process delivers; a shell leaves it to the site's own."""
        worker = self._workers.get(os.getpid())
        if worker is not None:
            worker.due.set()

    def stop(self, timeout: float = 10.0) -> None:
        """Let this process's thread finish the mail in its hands, for at most *timeout* seconds, and end."""
        worker = self._workers.pop(os.getpid(), None)
        if worker is not None:
            worker.stop(timeout)


class _Worker:
    """The thread of one process."""

    def __init__(self, outbox: Queue, chores: Callable[[], object] | None, poll: float) -> None:
        self._outbox, self._chores, self._poll = outbox, chores, poll
        self.due = threading.Event()
        self._ended = threading.Event()
        self._starting = threading.Lock()
        self._pid = os.getpid()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        with self._starting:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="cactuprivacy-courier", daemon=True)
                self._thread.start()
                atexit.register(self.stop)

    def stop(self, timeout: float = 10.0) -> None:
        if self._pid != os.getpid():  # a child that inherited our atexit
            return
        atexit.unregister(self.stop)
        self._ended.set()
        self.due.set()
        with self._starting:
            thread = self._thread
        if thread is not None:
            thread.join(timeout)

    def _run(self) -> None:
        failures, chores_at = 0, time.monotonic()
        while not self._ended.is_set():
            self.due.clear()
            try:
                while any(self._outbox.deliver_due(ending=self._ended.is_set)):
                    pass
                if self._chores is not None and time.monotonic() >= chores_at:
                    chores_at = time.monotonic() + _CHORES_EVERY
                    self._chores()
                failures = 0
            except Exception as error:
                failures += 1
                logger.error(  # noqa: TRY400  # a database's traceback quotes addresses
                    "The courier could not deliver (%s); it will try again.", type(error).__name__
                )
            self.due.wait(min(self._poll * 2 ** min(failures, 16), _LONGEST_PAUSE))
