"""Store: transactions on a real SQLite file and a real PostgreSQL."""

from __future__ import annotations

import os
import sqlite3
import threading
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import Column, Integer, MetaData, Table, select, text
from sqlalchemy.exc import IntegrityError

from cactuprivacy import DeclarationError, Store
from cactuprivacy.store import Moment, StoreNotReadyError

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def counted(store: Store) -> Store:
    with store.write() as connection:
        connection.execute(text("CREATE TABLE counted (n INTEGER UNIQUE)"))
    return store


def count(store: Store) -> int:
    with store.read() as connection:
        return int(connection.execute(text("SELECT count(*) FROM counted")).scalar_one())


def test_a_write_is_committed_at_the_end_of_its_block(counted: Store) -> None:
    with counted.write() as connection:
        connection.execute(text("INSERT INTO counted VALUES (1)"))

    assert count(counted) == 1


def test_a_write_that_raises_leaves_nothing(counted: Store) -> None:
    def twice() -> None:
        with counted.write() as connection:
            connection.execute(text("INSERT INTO counted VALUES (1)"))
            connection.execute(text("INSERT INTO counted VALUES (1)"))

    with pytest.raises(IntegrityError):
        twice()

    assert count(counted) == 0


def test_writers_in_eight_threads_wait_for_each_other(counted: Store) -> None:
    def write(start: int) -> None:
        for n in range(start, start + 10):
            with counted.write() as connection:
                connection.execute(text("SELECT count(*) FROM counted")).scalar_one()
                connection.execute(text("INSERT INTO counted VALUES (:n)"), {"n": n})

    threads = [threading.Thread(target=write, args=(start,)) for start in range(0, 80, 10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert count(counted) == 80


def test_a_forked_child_opens_connections_of_its_own(counted: Store) -> None:
    with counted.write() as connection:
        connection.execute(text("INSERT INTO counted VALUES (1)"))
    child = os.fork()
    if child == 0:
        status = 1
        try:
            with counted.write() as connection:
                connection.execute(text("INSERT INTO counted VALUES (2)"))
            status = 0
        finally:
            os._exit(status)

    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert count(counted) == 2


def test_a_moment_comes_back_in_utc(store: Store) -> None:
    table = Table("moments", MetaData(), Column("id", Integer, primary_key=True), Column("at", Moment))
    at = datetime(2026, 7, 1, 12, 30, 0, 123456, tzinfo=timezone(timedelta(hours=2)))
    with store.write() as connection:
        table.create(connection)
        connection.execute(table.insert().values(at=at))
        found = connection.execute(select(table.c.at).where(table.c.at == at)).scalar_one()

    assert found == at
    assert found.tzinfo is timezone.utc


def test_a_moment_without_a_zone_is_refused(store: Store) -> None:
    with store.read() as connection, pytest.raises(Exception, match="needs a time zone"):
        connection.execute(select(text("1")).where(Column("at", Moment) == datetime(2026, 7, 1)))  # noqa: DTZ001


def test_making_a_store_opens_and_creates_nothing(tmp_path: Path) -> None:
    Store(f"sqlite:///{tmp_path}/privacy.db")

    assert list(tmp_path.iterdir()) == []


def test_sqlite_keeps_its_promises(sqlite_store: Store) -> None:
    with sqlite_store.read() as connection:
        pragmas = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar_one()
            for name in ("journal_mode", "foreign_keys", "synchronous", "secure_delete")
        }

    assert pragmas == {"journal_mode": "wal", "foreign_keys": 1, "synchronous": 2, "secure_delete": 1}


def test_a_file_that_another_process_is_setting_up_is_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "privacy.db"
    first = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    first.execute("BEGIN IMMEDIATE")  # in the midst of its switch to a write-ahead log
    done = threading.Timer(0.3, first.commit)
    done.start()

    store = Store(f"sqlite:///{path}")
    with store.read() as connection:
        assert connection.execute(text("PRAGMA journal_mode")).scalar_one() == "wal"
    done.join()
    first.close()
    store.dispose()


@pytest.mark.parametrize(
    ("url", "mend"),
    [
        ("nonsense", "write sqlite:///privacy.db"),
        ("sqlite+nothing:///x", "write sqlite:///privacy.db"),
        ("mysql+pymysql://x", "neither SQLite nor PostgreSQL"),
        ("postgresql+psycopg2://x", "pip install"),
        ("sqlite://", "name a file"),
        ("sqlite:///:memory:", "name a file"),
        ("sqlite:////no/such/folder/privacy.db", "make its folder"),
    ],
)
def test_a_database_that_cannot_be_is_refused(url: str, mend: str) -> None:
    with pytest.raises(DeclarationError, match=mend):
        Store(url)


def test_no_password_is_told() -> None:
    store = Store("postgresql+psycopg://user:hush-hush@localhost/name")

    assert "hush-hush" not in repr(store)
    with pytest.raises(DeclarationError) as caught:
        Store("nonsense://user:hush-hush@localhost/name")
    assert "hush-hush" not in str(caught.value)


@pytest.mark.postgres
def test_a_postgresql_without_our_tables_says_what_to_run(postgres_server: str) -> None:
    store = Store(postgres_server)

    with pytest.raises(StoreNotReadyError, match="db upgrade"), store.read():
        pass
    store.dispose()
