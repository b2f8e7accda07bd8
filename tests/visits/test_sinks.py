"""The contract of every sink, and what each promises besides."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select

from cactuprivacy import DeclarationError, JsonLinesSink, SqlSink
from cactuprivacy.visits.tables import visit as table

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from cactuprivacy import Store
    from cactuprivacy.visits import Visit

    Make = Callable[..., Visit]
    Sink = tuple[Any, Callable[[], list[dict[str, Any]]]]

NOON = datetime(2026, 11, 22, 12, tzinfo=timezone.utc)


@pytest.fixture(params=["json lines", "sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def sink(request: pytest.FixtureRequest, tmp_path: Path) -> Sink:
    """A sink, and a way to read back what is in it."""
    if request.param == "json lines":
        file = tmp_path / "visits.jsonl"
        return JsonLinesSink(file), lambda: [json.loads(line) for line in file.read_bytes().splitlines()]
    store: Store = request.getfixturevalue(f"{request.param}_store")

    def rows() -> list[dict[str, Any]]:
        with store.read() as connection:
            return [dict(row) for row in connection.execute(select(table).order_by(table.c.id)).mappings()]

    return SqlSink(store), rows


def plain(visit: Visit) -> dict[str, Any]:
    return {name: getattr(visit, name) for name in visit.__struct_fields__}


def test_every_field_comes_back(sink: Sink, make_visit: Make) -> None:
    written, read = sink
    visit = make_visit(
        route="/größe\u2028\"'<", referrer="https://blog.example/ü", referrer_kind="external", status=None
    )
    written.write([visit])

    assert read() == [plain(visit)]


def test_batches_add_up(sink: Sink, make_visit: Make) -> None:
    written, read = sink
    for size in (1, 500, 7):
        written.write([make_visit() for _ in range(size)])

    assert len(read()) == 508


def test_purging_forgets_what_is_older_and_nothing_else(sink: Sink, make_visit: Make) -> None:
    written, read = sink
    noon = int(NOON.timestamp() * 1000)
    written.write([make_visit(at=noon - 1), make_visit(at=noon), make_visit(at=noon + 1)])

    assert written.purge(NOON) == 1
    assert written.purge(NOON) == 0
    assert sorted(row["at"] for row in read()) == [noon, noon + 1]


def test_after_closing_more_may_come(sink: Sink, make_visit: Make) -> None:
    written, read = sink
    written.write([make_visit()])
    written.close()
    written.write([make_visit()])

    assert len(read()) == 2


def test_a_visit_that_comes_twice_is_stored_once(store: Store, make_visit: Make) -> None:
    sink, visit = SqlSink(store), make_visit()
    sink.write([visit])
    sink.write([visit, make_visit()])

    with store.read() as connection:
        assert len(connection.execute(select(table)).all()) == 2


def test_making_a_sink_creates_nothing(tmp_path: Path) -> None:
    JsonLinesSink(tmp_path / "visits.jsonl")

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["missing/visits.jsonl", "."])
def test_a_file_that_cannot_be_is_refused_when_it_is_made(tmp_path: Path, name: str) -> None:
    with pytest.raises(DeclarationError):
        JsonLinesSink(tmp_path / name)


def test_the_file_is_nobody_elses_to_read(tmp_path: Path, make_visit: Make) -> None:
    before = os.umask(0)
    try:
        JsonLinesSink(tmp_path / "visits.jsonl").write([make_visit()])
    finally:
        os.umask(before)

    assert stat.S_IMODE((tmp_path / "visits.jsonl").stat().st_mode) == 0o640


def test_a_rotated_file_is_left_alone(tmp_path: Path, make_visit: Make) -> None:
    file, old = tmp_path / "visits.jsonl", tmp_path / "visits.jsonl.1"
    sink = JsonLinesSink(file)
    sink.write([make_visit()])
    file.rename(old)
    sink.write([make_visit(), make_visit()])

    assert len(old.read_text().splitlines()) == 1
    assert len(file.read_text().splitlines()) == 2


def test_a_torn_line_spoils_no_other(tmp_path: Path, make_visit: Make) -> None:
    file = tmp_path / "visits.jsonl"
    file.write_bytes(b'{"v":1,"id":"cut of')
    JsonLinesSink(file).write([make_visit()])

    assert json.loads(file.read_bytes().splitlines()[-1])["route"] == "/cacti"


def test_purging_drops_what_is_no_visit(tmp_path: Path, make_visit: Make) -> None:
    file = tmp_path / "visits.jsonl"
    file.write_bytes(b"junk\n[]\n{}\n")
    sink = JsonLinesSink(file)
    sink.write([make_visit()])

    assert sink.purge(NOON - timedelta(days=1)) == 3
    assert len(file.read_text().splitlines()) == 1


def test_a_full_disk_leaves_whole_lines(
    tmp_path: Path, make_visit: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A write that takes a part only, as a full disk does, is taken back."""
    file = tmp_path / "visits.jsonl"
    sink = JsonLinesSink(file)
    sink.write([make_visit()])
    whole, write = file.read_bytes(), os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: write(descriptor, data[:10]))
    with pytest.raises(OSError, match="whole batch"):
        sink.write([make_visit()])

    assert file.read_bytes() == whole


APPEND = """
import json, sys
from cactuprivacy.visits import JsonLinesSink, Visit
from cactuprivacy.visits.record import new_id

path, made = sys.argv[1], json.loads(sys.argv[2])
for _ in range(30):
    JsonLinesSink(path).write([Visit(**{**made, "id": new_id(made["at"])}) for _ in range(20)])
"""


def test_four_processes_and_a_purge_lose_and_tear_nothing(tmp_path: Path, make_visit: Make) -> None:
    file = tmp_path / "visits.jsonl"
    made = json.dumps(plain(make_visit(at=int(NOON.timestamp() * 1000))))
    writers = [subprocess.Popen([sys.executable, "-c", APPEND, str(file), made]) for _ in range(4)]
    sink = JsonLinesSink(file)
    old = make_visit(at=0)
    while any(writer.poll() is None for writer in writers):
        sink.write([old])
        sink.purge(NOON - timedelta(days=1))

    assert [writer.wait() for writer in writers] == [0] * 4
    lines = [json.loads(line) for line in file.read_bytes().splitlines()]
    assert len({line["id"] for line in lines}) == len(lines) == 2400
