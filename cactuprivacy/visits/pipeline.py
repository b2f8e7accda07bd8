"""Pipeline: from the end of a request to the sinks, without a request ever waiting.

Room: visits. Each sink has a lane: a bounded queue and one writer thread a process, which is started by the
first visit and polls; it is never woken for a record, which would cost more than the record. Law of every
lane, exact at any moment: ``accepted = written + dropped{reason} + in flight``.
"""

from __future__ import annotations

import atexit
import logging
import os
import threading
import time
from collections import Counter, deque
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cactuprivacy.visits.record import Visit
    from cactuprivacy.visits.sinks import Sink

logger = logging.getLogger("cactuprivacy.visits")

CAPACITY = 20_000  # visits waiting for one sink; a visit takes about half a kilobyte
BATCH = 500
POLL_SECONDS = 0.25
RETRY_SECONDS = (
    0.25,
    0.5,
    1.0,
    2.0,
    4.0,
)  # the waits after a failure; after the last one the batch is dropped
EXIT_SECONDS = 2.0  # how long the end of a process may wait for a sink
PURGE_SECONDS = 24 * 3600

_forking = threading.Lock()


class Counts(NamedTuple):
    """Where the visits of one lane are: ``accepted = written + sum(dropped) + in_flight``."""

    accepted: int
    written: int
    dropped: Mapping[str, int]
    in_flight: int


class Pipeline:
    """Takes visits and writes them to every sink, each in its own time.

    Parameters:
        sinks: Where visits go. A sink that fails or hangs touches neither the others nor a page.
        keep_days: After how many days the sinks are told to forget.
        capacity: How many visits may wait for one sink; what comes after is dropped, and counted as ``full``.
        poll_seconds: How often a writer looks.
    """

    def __init__(
        self,
        sinks: Sequence[Sink],
        *,
        keep_days: int,
        capacity: int = CAPACITY,
        poll_seconds: float = POLL_SECONDS,
    ) -> None:
        self._lanes = tuple(_Lane(sink, keep_days, capacity, poll_seconds) for sink in sinks)

    def put(self, visit: Visit) -> None:
        """Take *visit*. Never waits, never raises for what a sink does."""
        for lane in self._lanes:
            lane.put(visit)

    def counts(self) -> dict[str, Counts]:
        """Return this process's counts by sink."""
        return {f"{number}. {lane.name}": lane.counts() for number, lane in enumerate(self._lanes, 1)}

    def flush(self, seconds: float) -> bool:
        """Wait up to *seconds* until everything that was put is written; tell whether it is."""
        until = time.monotonic() + seconds
        written = [lane.flush(until - time.monotonic()) for lane in self._lanes]
        return all(written)

    def purge(self) -> dict[str, int]:
        """Make every sink that can forget what is older than ``keep_days``; return how much each did."""
        return {
            f"{number}. {lane.name}": lane.purge()
            for number, lane in enumerate(self._lanes, 1)
            if lane.can_purge
        }

    def close(self) -> None:
        """Write what is waiting, for two seconds at most, stop this process's writers and close the sinks."""
        until = time.monotonic() + EXIT_SECONDS
        for lane in self._lanes:
            lane.close(until - time.monotonic())


class _Lane:
    """The way to one sink."""

    def __init__(self, sink: Sink, keep_days: int, capacity: int, poll_seconds: float) -> None:
        self.name = type(sink).__name__
        self.can_purge = callable(getattr(sink, "purge", None))
        self._sink = sink
        self._keep = timedelta(days=keep_days)
        self._capacity = capacity
        self._poll_seconds = poll_seconds
        self._run = _Run()

    def _current(self) -> _Run:
        # By process id, since not every server calls fork hooks: the parent's rows are the parent's to write.
        run = self._run
        if run.pid != os.getpid():
            with _forking:
                if self._run.pid != os.getpid():
                    self._run = _Run()
                run = self._run
        return run

    def put(self, visit: Visit) -> None:
        run = self._current()
        with run.changed:
            run.accepted += 1
            if len(run.queue) >= self._capacity:
                run.dropped["full"] += 1
                return
            run.queue.append(visit)
            if run.thread is None:
                run.thread = threading.Thread(
                    target=self._write_until_stopped,
                    args=(run,),
                    name=f"cactuprivacy-{self.name}",
                    daemon=True,
                )
                run.thread.start()
                atexit.register(self.close, EXIT_SECONDS)

    def counts(self) -> Counts:
        run = self._current()
        with run.changed:
            return Counts(run.accepted, run.written, dict(run.dropped), len(run.queue) + len(run.batch))

    def flush(self, seconds: float) -> bool:
        run = self._current()
        run.hurry.set()
        with run.changed:
            return run.changed.wait_for(lambda: not run.queue and not run.batch, timeout=max(0.0, seconds))

    def purge(self) -> int:
        purge = getattr(self._sink, "purge", None)
        return int(purge(datetime.now(timezone.utc) - self._keep)) if purge else 0

    def close(self, seconds: float) -> None:
        run = self._run
        if run.pid == os.getpid() and run.thread is not None:
            until = time.monotonic() + seconds
            self.flush(seconds)
            run.stopped.set()
            run.hurry.set()
            run.thread.join(max(0.0, until - time.monotonic()))
            atexit.unregister(self.close)
            left = self.counts().in_flight
            if left:
                logger.warning("%s did not take %d visits before the end; they are lost.", self.name, left)
            self._run = _Run()
        self._sink.close()

    def _write_until_stopped(self, run: _Run) -> None:
        purge_at = 0.0
        while not run.stopped.is_set():
            run.hurry.wait(self._poll_seconds)
            run.hurry.clear()
            while self._write_batch(run):
                pass
            if self.can_purge and time.monotonic() >= purge_at:
                purge_at = time.monotonic() + PURGE_SECONDS
                self._purge_quietly()

    def _write_batch(self, run: _Run) -> bool:
        with run.changed:
            run.batch = [run.queue.popleft() for _ in range(min(BATCH, len(run.queue)))]
        if not run.batch:
            return False
        failure = self._try_to_write(run)
        with run.changed:
            if failure is None:
                run.written += len(run.batch)
            else:
                run.dropped[failure] += len(run.batch)
            run.batch = []
            run.changed.notify_all()
        return True

    def _try_to_write(self, run: _Run) -> str | None:
        """Write the batch, again and again for a while; return the reason when it cannot be."""
        for wait in (*RETRY_SECONDS, None):
            try:
                self._sink.write(run.batch)
            except Exception as error:
                # Its class alone: the text of a database's error holds the row.
                logger.warning(
                    "%s did not take %d visits (%s); %s.",
                    self.name,
                    len(run.batch),
                    type(error).__name__,
                    "they are dropped" if wait is None else "trying again",
                )
                if wait is None or run.stopped.wait(wait):
                    return "failed"
            else:
                return None
        return "failed"

    def _purge_quietly(self) -> None:
        try:
            self.purge()
        except Exception as error:
            logger.warning(
                "%s could not be purged (%s); trying again in a day.", self.name, type(error).__name__
            )


class _Run:
    """What a lane holds for one process: nothing of it is carried over a fork."""

    def __init__(self) -> None:
        self.pid = os.getpid()
        self.changed = threading.Condition(threading.Lock())
        self.hurry = threading.Event()  # set by flush and close, never for a visit
        self.stopped = threading.Event()
        self.queue: deque[Visit] = deque()
        self.batch: list[Visit] = []
        self.accepted = 0
        self.written = 0
        self.dropped: Counter[str] = Counter()
        self.thread: threading.Thread | None = None
