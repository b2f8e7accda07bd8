"""The pipeline: a request never waits, and each visit ends in exactly one counter."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any

import pytest

from cactuprivacy import JsonLinesSink
from cactuprivacy.visits import Pipeline
from cactuprivacy.visits import pipeline as module

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime
    from pathlib import Path

    from cactuprivacy.visits import Visit

    Make = Callable[..., Visit]


class Sink:
    """A sink that does as it is told: fails for a while, or waits until it may go on."""

    def __init__(self, failures: int = 0) -> None:
        self.visits: list[Visit] = []
        self.failures = failures
        self.may_go_on = threading.Event()
        self.may_go_on.set()
        self.entered = threading.Event()
        self.purged: list[datetime] = []
        self.closed = 0

    def write(self, batch: Sequence[Visit]) -> None:
        self.entered.set()
        self.may_go_on.wait(30)
        if self.failures:
            self.failures -= 1
            raise OSError("secret 203.0.113.77")
        self.visits += batch

    def purge(self, before: datetime) -> int:
        self.purged.append(before)
        return 3

    def close(self) -> None:
        self.closed += 1


@pytest.fixture
def make_pipeline(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Pipeline]]:
    monkeypatch.setattr(module, "RETRY_SECONDS", (0.001, 0.001))
    made: list[Pipeline] = []

    def make(*sinks: Any, **options: Any) -> Pipeline:
        made.append(Pipeline(sinks, keep_days=90, poll_seconds=0.01, **options))
        return made[-1]

    yield make
    for pipeline in made:
        pipeline.close()


def lawful(pipeline: Pipeline) -> bool:
    return all(
        counts.accepted == counts.written + sum(counts.dropped.values()) + counts.in_flight
        for counts in pipeline.counts().values()
    )


def test_each_sink_gets_every_visit(make_pipeline: Any, make_visit: Make) -> None:
    first, second = Sink(), Sink()
    pipeline = make_pipeline(first, second)
    visits = [make_visit() for _ in range(1200)]
    for visit in visits:
        pipeline.put(visit)

    assert pipeline.flush(10)
    assert first.visits == second.visits == visits


def test_nothing_is_started_before_the_first_visit(make_pipeline: Any) -> None:
    before = threading.active_count()
    make_pipeline(Sink())

    assert threading.active_count() == before


def test_a_sink_that_recovers_loses_nothing(make_pipeline: Any, make_visit: Make) -> None:
    sink = Sink(failures=2)
    pipeline = make_pipeline(sink)
    pipeline.put(make_visit())

    assert pipeline.flush(10)
    assert len(sink.visits) == 1
    assert pipeline.counts()["1. Sink"].dropped == {}


def test_a_dead_sink_drops_and_counts_and_leaves_the_other_alone(
    make_pipeline: Any, make_visit: Make
) -> None:
    dead, alive = Sink(failures=10**9), Sink()
    pipeline = make_pipeline(dead, alive)
    for _ in range(3):
        pipeline.put(make_visit())

    assert pipeline.flush(10)
    assert sum(pipeline.counts()["1. Sink"].dropped.values()) == 3
    assert len(alive.visits) == 3
    assert lawful(pipeline)


def test_a_failure_is_logged_without_a_value(
    make_pipeline: Any, make_visit: Make, caplog: pytest.LogCaptureFixture
) -> None:
    pipeline = make_pipeline(Sink(failures=1))
    pipeline.put(make_visit())
    pipeline.flush(10)

    assert "Sink did not take 1 visits (OSError); trying again." in caplog.text
    assert "203.0.113" not in caplog.text


def test_a_hanging_sink_holds_up_nobody_and_its_queue_is_bounded(
    make_pipeline: Any, make_visit: Make
) -> None:
    hanging, alive = Sink(), Sink()
    hanging.may_go_on.clear()
    pipeline = make_pipeline(hanging, alive, capacity=10)
    pipeline.put(make_visit())
    assert hanging.entered.wait(10)
    for _ in range(30):
        pipeline.put(make_visit())
        assert alive.entered.wait(10)
        pipeline._lanes[1].flush(10)
    counts = pipeline.counts()["1. Sink"]

    assert counts == (31, 0, {"full": 20}, 11)
    assert len(alive.visits) == 31
    hanging.may_go_on.set()
    assert pipeline.flush(10)
    assert len(hanging.visits) == 11


def test_the_law_holds_at_any_moment_under_threads(make_pipeline: Any, make_visit: Make) -> None:
    sink = Sink(failures=3)
    pipeline = make_pipeline(sink, capacity=300)
    visit = make_visit()
    done = threading.Event()
    broken = []

    def watch() -> None:
        while not done.is_set():
            if not lawful(pipeline):
                broken.append(pipeline.counts())

    def put() -> None:
        for _ in range(2000):
            pipeline.put(visit)

    watcher = threading.Thread(target=watch)
    threads = [threading.Thread(target=put) for _ in range(8)]
    for thread in (watcher, *threads):
        thread.start()
    for thread in threads:
        thread.join()
    assert pipeline.flush(20)
    done.set()
    watcher.join()
    counts = pipeline.counts()["1. Sink"]

    assert broken == []
    assert counts.accepted == 16_000
    assert counts.written == len(sink.visits)
    assert counts.in_flight == 0


def test_W41_a_fork_in_mid_batch_doubles_and_loses_none(
    tmp_path: Path, make_pipeline: Any, make_visit: Make
) -> None:
    file = tmp_path / "visits.jsonl"
    pipeline = make_pipeline(JsonLinesSink(file))
    for _ in range(700):
        pipeline.put(make_visit(route="/parent"))
    child = os.fork()
    if child == 0:
        status = 1
        try:
            for _ in range(300):
                pipeline.put(make_visit(route="/child"))
            status = 0 if pipeline.flush(10) and pipeline.counts()["1. JsonLinesSink"].accepted == 300 else 2
        finally:
            os._exit(status)
    for _ in range(100):
        pipeline.put(make_visit(route="/parent"))

    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert pipeline.flush(10)
    visits = [json.loads(line) for line in file.read_text().splitlines()]
    assert len({visit["id"] for visit in visits}) == len(visits) == 1100
    assert sum(visit["route"] == "/child" for visit in visits) == 300


def test_W42_what_is_waiting_is_written_when_the_process_ends(tmp_path: Path) -> None:
    script = """
import sys, cactuprivacy
def app(environ, start_response):
    start_response("200 OK", [])
    return []
log = cactuprivacy.VisitLogger(app, sinks=[cactuprivacy.JsonLinesSink(sys.argv[1])])
for _ in range(50):
    log({"PATH_INFO": "/"}, lambda *a: None).close()
"""
    file = tmp_path / "visits.jsonl"
    subprocess.run([sys.executable, "-c", script, str(file)], check=True, timeout=60)

    assert len(file.read_text().splitlines()) == 50


def test_sinks_are_told_to_forget_by_the_writer_and_by_hand(make_pipeline: Any, make_visit: Make) -> None:
    sink = Sink()
    pipeline = make_pipeline(sink)

    assert pipeline.purge() == {"1. Sink": 3}
    pipeline.put(make_visit())
    pipeline.close()
    assert len(sink.purged) == 2
    assert (make_now() - sink.purged[0]).days == 90


def make_now() -> datetime:
    from datetime import datetime, timezone

    return datetime.now(timezone.utc)


def test_after_closing_more_may_come(make_pipeline: Any, make_visit: Make) -> None:
    sink = Sink()
    pipeline = make_pipeline(sink)
    pipeline.put(make_visit())
    pipeline.close()
    pipeline.put(make_visit())
    pipeline.close()

    assert len(sink.visits) == 2
    assert sink.closed == 2
