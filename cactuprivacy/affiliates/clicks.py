"""Clicks: how often affiliates' links were followed, as numbers by day, and nothing about who followed them.

Room: affiliates. May import store. A request only adds one to a number in this process's memory; a thread writes the
numbers once a second, and looks up there whose codes they are. Nobody waits for bookkeeping.
"""

from __future__ import annotations

import atexit
import logging
import os
import threading
import time
from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import CheckConstraint, Column, Date, ForeignKey, Integer, String, Table, delete, select
from sqlalchemy.dialects import postgresql, sqlite

from cactuprivacy.affiliates.claim import today
from cactuprivacy.affiliates.tables import RowId
from cactuprivacy.store import metadata

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date

    from sqlalchemy import Connection

    from cactuprivacy.affiliates.roster import Roster
    from cactuprivacy.affiliates.verdict import Verdict
    from cactuprivacy.store import Store

logger = logging.getLogger("cactuprivacy.affiliates")

SMALL = 5  # clicks: fewer are not told to the affiliate, who might know whom they were
CAPACITY = 10_000  # numbers waiting in one process; codes that nobody has cannot fill its memory
POLL_SECONDS = 1.0
EXIT_SECONDS = 2.0  # how long the end of a process may wait for the database
_PURGE_SECONDS = 24 * 3600

_forking = threading.Lock()

#: The one table of affiliates whose numbers go up and whose rows go away: no money depends on it.
click_day = Table(
    "affiliate_click_day",
    metadata,
    Column("day", Date, primary_key=True),
    Column("affiliate_id", RowId, ForeignKey("affiliate.id"), primary_key=True),
    Column("campaign", String(32), primary_key=True),
    Column("verdict", String(16), primary_key=True),
    Column("n", Integer, nullable=False),
    CheckConstraint("verdict IN ('human', 'bot', 'prefetch', 'stuffing', 'duplicate')", name="verdict"),
    CheckConstraint("n > 0", name="n"),
)


class Clicks(NamedTuple):
    """How often an affiliate's links were followed.

    Attributes:
        period: The day, ``"2026-06-15"``, or the month, ``"2026-06"``, into which days with few clicks are merged.
        campaign: The campaign that the links named; empty for none, and ``None`` where small ones are merged.
        verdict: ``human``, ``bot``, ``prefetch``, ``stuffing``, or ``duplicate`` for who came by the same
            affiliate that day already, as far as the claim in their browser tells.
        n: How often.
    """

    period: str
    campaign: str | None
    verdict: Verdict
    n: int


class _Cell(NamedTuple):
    day: date
    code: str
    campaign: str
    verdict: Verdict


class ClickCounter:
    """Counts clicks, and forgets the counts when they are old.

    Parameters:
        store: The database.
        roster: Whose code a code is; what nobody approved has is not counted.
        keep_days: After how many days a day's numbers are deleted.
    """

    def __init__(self, store: Store, roster: Roster, keep_days: int) -> None:
        self._store = store
        self._roster = roster
        self._keep = timedelta(days=keep_days)
        self._run = _Run()

    def count(self, code: str, campaign: str, verdict: Verdict) -> None:
        """Count one click. Never waits for the database, never raises for what it does."""
        cell = _Cell(today(), code, campaign, verdict)
        run = self._current()
        with run.changed:
            if cell not in run.counts and len(run.counts) >= CAPACITY:
                run.dropped += 1
                return
            run.counts[cell] += 1
            if run.thread is None:
                run.thread = threading.Thread(
                    target=self._write_until_stopped, args=(run,), name="cactuprivacy-clicks", daemon=True
                )
                run.thread.start()
                atexit.register(self.close)

    def flush(self, seconds: float) -> bool:
        """Wait up to *seconds* until every click so far is written; tell whether it is."""
        run = self._current()
        run.hurry.set()
        with run.changed:
            return run.changed.wait_for(lambda: not run.counts and not run.writing, max(0.0, seconds))

    def close(self) -> None:
        """Write what is waiting, for two seconds at most, and stop this process's writer."""
        run = self._run
        if run.pid != os.getpid() or run.thread is None:
            return
        run.stopped.set()
        run.hurry.set()
        run.thread.join(EXIT_SECONDS)
        atexit.unregister(self.close)
        if run.counts or run.writing:
            logger.warning("Clicks could not be written before the end; their numbers are lost.")
        self._run = _Run()

    def purge(self) -> int:
        """Delete the numbers of days that are older than the programme keeps; return how many."""
        with self._store.write() as connection:
            return int(
                connection.execute(delete(click_day).where(click_day.c.day < today() - self._keep)).rowcount
            )

    def of(self, code: str, *, exact: bool = False) -> tuple[Clicks, ...]:
        """Return the clicks of the affiliate behind *code*, oldest first.

        Parameters:
            code: The affiliate's code or an alias.
            exact: Whether small numbers are told; not for the affiliate's eyes.

        Raises:
            AffiliateError: when there is no such affiliate.
        """
        with self._store.read() as connection:
            affiliate = self._roster.known(connection, code)
            rows = connection.execute(
                select(click_day.c.day, click_day.c.campaign, click_day.c.verdict, click_day.c.n)
                .where(click_day.c.affiliate_id == affiliate.id)
                .order_by(click_day.c.day, click_day.c.campaign, click_day.c.verdict)
            ).all()
        clicks = [Clicks(day.isoformat(), campaign, verdict, n) for day, campaign, verdict, n in rows]
        return tuple(clicks if exact else merged(clicks))

    def _current(self) -> _Run:
        # By process id, since not every server calls fork hooks: the parent's numbers are the parent's to write.
        run = self._run
        if run.pid != os.getpid():
            with _forking:
                if self._run.pid != os.getpid():
                    self._run = _Run()
                run = self._run
        return run

    def _write_until_stopped(self, run: _Run) -> None:
        purge_at = 0.0
        last = False
        while not last:
            run.hurry.wait(POLL_SECONDS)
            run.hurry.clear()
            last = run.stopped.is_set()  # after which it writes once more
            try:
                if time.monotonic() >= purge_at:
                    purge_at = time.monotonic() + _PURGE_SECONDS
                    self.purge()
                self._write(run)
            except Exception as error:
                # Its class alone: the text of a database's error holds the row.
                logger.warning("Clicks could not be written (%s); trying again.", type(error).__name__)

    def _write(self, run: _Run) -> None:
        with run.changed:
            run.writing, run.counts = run.counts, Counter()
            dropped, run.dropped = run.dropped, 0
        if dropped:
            logger.warning("%d clicks by more codes than there can be were not counted.", dropped)
        try:
            if run.writing:
                with self._store.write() as connection:
                    self._add(connection, run.writing)
        except BaseException:
            with run.changed:
                run.counts += run.writing  # nothing was committed: next time
            raise
        finally:
            with run.changed:
                run.writing = Counter()
                run.changed.notify_all()

    def _add(self, connection: Connection, counts: Counter[_Cell]) -> None:
        found = {code: self._roster.find(connection, code) for code in {cell.code for cell in counts}}
        numbers: Counter[tuple[date, int, str, Verdict]] = Counter()
        for cell, n in counts.items():
            affiliate = found[cell.code]
            if affiliate and affiliate.state == "approved":
                numbers[cell.day, affiliate.id, cell.campaign, cell.verdict] += n
        if not numbers:
            return
        insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
        statement = insert(click_day)
        connection.execute(
            statement.on_conflict_do_update(
                index_elements=list(click_day.primary_key),
                set_={"n": click_day.c.n + statement.excluded.n},
            ),
            # In one order for all processes, so that no two wait for each other.
            [dict(zip(click_day.c.keys(), (*key, n), strict=True)) for key, n in sorted(numbers.items())],
        )


def merged(clicks: Iterable[Clicks]) -> list[Clicks]:
    """Return *clicks* without small numbers: campaigns merge into their day, days into their month, or they go."""
    told: list[Clicks] = []
    small = list(clicks)
    for length, named in ((10, True), (10, False), (7, False)):
        numbers: Counter[tuple[str, str | None, Verdict]] = Counter()
        for each in small:
            numbers[each.period[:length], each.campaign if named else None, each.verdict] += each.n
        cells = [Clicks(*key, n) for key, n in numbers.items()]
        told += [cell for cell in cells if cell.n >= SMALL]
        small = [cell for cell in cells if cell.n < SMALL]
    return sorted(told, key=lambda each: (each.period, each.campaign or "", each.verdict))


class _Run:
    """What is counted in one process: nothing of it is carried over a fork."""

    def __init__(self) -> None:
        self.pid = os.getpid()
        self.changed = threading.Condition(threading.Lock())
        self.hurry = threading.Event()  # set by flush and close, never for a click
        self.stopped = threading.Event()
        self.counts: Counter[_Cell] = Counter()
        self.writing: Counter[_Cell] = Counter()
        self.dropped = 0
        self.thread: threading.Thread | None = None
