"""The courier: started by use, one a process, never in anybody's way."""

from __future__ import annotations

import logging
import os
import sys
import threading
from typing import TYPE_CHECKING, Any

import pytest

from cactuprivacy.mail import Counts, Courier

if TYPE_CHECKING:
    from collections.abc import Callable


class Deliveries:
    """Stands where the outbox stands: what a courier needs of it is one method."""

    def __init__(self, *outcomes: Counts | Exception) -> None:
        self.outcomes = list(outcomes)
        self.runs = threading.Semaphore(0)
        self.by = set[str]()

    def deliver_due(self, limit: int = 100, ending: Callable[[], bool] = lambda: False) -> Counts:
        self.by.add(threading.current_thread().name)
        self.runs.release()
        outcome = self.outcomes.pop(0) if self.outcomes else Counts()
        if isinstance(outcome, Exception):
            raise outcome
        return outcome


def courier(deliveries: Deliveries, **options: Any) -> Courier:
    return Courier(deliveries, **{"poll_seconds": 60.0, **options})  # type: ignore[arg-type]  # see above


def wait(deliveries: Deliveries, runs: int) -> None:
    for _ in range(runs):
        assert deliveries.runs.acquire(timeout=10)


def threads() -> int:
    return sum(thread.name == "cactuprivacy-courier" for thread in threading.enumerate())


def test_making_one_starts_nothing() -> None:
    courier(Deliveries())

    assert 0 == threads()


def test_waking_it_often_starts_one_thread() -> None:
    deliveries = Deliveries()
    ours = courier(deliveries)
    wakers = [threading.Thread(target=ours.wake) for _ in range(20)]
    for waker in wakers:
        waker.start()
    for waker in wakers:
        waker.join()
    wait(deliveries, 1)

    assert 1 == threads()
    ours.stop()
    assert 0 == threads()


def test_it_goes_on_while_there_is_something_to_send() -> None:
    deliveries = Deliveries(Counts(sent=20), Counts(sent=3))
    ours = courier(deliveries)
    ours.wake()
    wait(deliveries, 3)
    ours.stop()

    assert {"cactuprivacy-courier"} == deliveries.by


def test_a_new_mail_does_not_wait_for_the_next_look() -> None:
    deliveries = Deliveries()
    ours = courier(deliveries)
    ours.wake()
    wait(deliveries, 1)
    ours.hurry()
    wait(deliveries, 1)
    ours.stop()


def test_I12_a_failure_is_logged_without_its_text_and_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.ERROR, "cactuprivacy.mail")
    deliveries = Deliveries(RuntimeError("jo@example.org"))
    ours = courier(deliveries)
    ours.wake()
    wait(deliveries, 1)
    ours.hurry()
    wait(deliveries, 1)
    ours.stop()

    assert 1 == len(caplog.records)
    assert "RuntimeError" in caplog.text
    assert "jo@example.org" not in caplog.text


def test_one_that_is_not_active_starts_nothing() -> None:
    ours = courier(Deliveries(), active=False)
    ours.wake()
    ours.hurry()

    assert 0 == threads()


def test_chores_are_done_beside_it() -> None:
    done = threading.Event()
    ours = courier(Deliveries(), chores=done.set)
    ours.wake()

    assert done.wait(10)
    ours.stop()


@pytest.mark.skipif(sys.platform == "win32", reason="there is no fork")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_W41_a_forked_child_has_its_own_thread() -> None:
    deliveries = Deliveries()
    ours = courier(deliveries)
    ours.wake()
    wait(deliveries, 1)
    child = os.fork()
    if child == 0:
        ours.wake()
        delivered = deliveries.runs.acquire(timeout=10)
        ours.stop()
        os._exit(0 if delivered else 1)
    _, status = os.waitpid(child, 0)
    ours.stop()

    assert 0 == os.waitstatus_to_exitcode(status)
