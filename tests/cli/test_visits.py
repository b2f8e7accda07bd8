"""``cactuprivacy visits``: statistics, status and purging."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner, Result
from testkeys import KEY

from cactuprivacy import JsonLinesSink, Privacy, VisitLog
from cactuprivacy.cli.visits import visits
from cactuprivacy.visits import Visit
from cactuprivacy.visits.record import new_id

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    Run = Callable[..., Result]


@pytest.fixture
def privacy(tmp_path: Path) -> Iterator[Privacy]:
    privacy = Privacy(
        "https://shop.example",
        operator="Cactusoft Ltd",
        contact="privacy@shop.example",
        secret_keys=[KEY],
        database=f"sqlite:///{tmp_path}/privacy.db",
        visits=VisitLog(keep_days=90, sinks=[JsonLinesSink(tmp_path / "visits.jsonl")]),
    )
    yield privacy
    privacy.close()


@pytest.fixture
def run(privacy: Privacy) -> Run:
    def run(*words: str) -> Result:
        return CliRunner().invoke(visits, words, obj=privacy)

    return run


def record(privacy: Privacy, days_ago: float, route: str = "/cacti", referrer: str | None = None) -> None:
    at = int((datetime.now(timezone.utc) - timedelta(days=days_ago)).timestamp() * 1000)
    privacy.visits.pipeline.put(
        Visit(
            id=new_id(at),
            at=at,
            method="GET",
            route=route,
            kind="page",
            status=200,
            bytes=5,
            duration_us=1500,
            referrer_kind="external" if referrer else "none",
            referrer=referrer,
            address="203.0.113.0",
            level="truncated",
            objected=False,
            prefetch=False,
            aborted=False,
        )
    )
    assert privacy.visits.flush(10)


def test_the_statistics_are_printed(run: Run, privacy: Privacy) -> None:
    record(privacy, 0, referrer="https://blog.example/[red]p")
    result = run("stats")

    assert result.exit_code == 0
    assert "1 page views, 1 hits in 30 days" in result.output
    assert "/cacti" in result.output
    assert "https://blog.example/[red]p" in result.output


def test_the_statistics_are_json_for_programs(run: Run, privacy: Privacy) -> None:
    record(privacy, 0)
    record(privacy, 40)

    assert json.loads(run("stats", "--json").output)["hits"] == 1
    assert json.loads(run("stats", "--days", "60", "--json").output)["hits"] == 2


def test_statistics_of_nothing_are_printed_too(run: Run) -> None:
    assert "0 page views, 0 hits" in run("stats").output


def test_S9_purging_is_enforced_and_the_status_tells_when_it_is_overdue(run: Run, privacy: Privacy) -> None:
    record(privacy, 0)  # the writer purges when it starts, and then once a day
    record(privacy, 100)
    overdue = run("status")
    purged = run("purge")

    assert overdue.exit_code == 1
    assert "longer than the policy says" in overdue.output
    assert purged.output == "1. SqlSink: 1 deleted\n2. JsonLinesSink: 1 deleted\n"
    assert run("status").exit_code == 0
    assert json.loads(run("status", "--json").output)["overdue"] is False
