"""Migrations: what they build is what the clauses declare, whoever runs them, and however often."""

from __future__ import annotations

import importlib
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect, text

from cactuprivacy import Store
from cactuprivacy.store import metadata
from cactuprivacy.store.migrate import VERSION_TABLE

if TYPE_CHECKING:
    from pathlib import Path

for clause in ("affiliates", "mail", "optin", "visits"):  # together they declare all tables
    importlib.import_module(f"cactuprivacy.{clause}.tables")


def test_the_migrations_build_what_the_tables_declare(store: Store) -> None:
    with store.read() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})

        assert compare_metadata(context, metadata) == []


def test_upgrading_again_changes_nothing(store: Store) -> None:
    store.upgrade()
    store.upgrade()

    assert store.status().current


def test_the_tables_are_ours_alone_by_name(store: Store) -> None:
    with store.read() as connection:
        assert set(inspect(connection).get_table_names()) == {*metadata.tables, VERSION_TABLE}


def test_a_file_is_set_up_once_by_processes_that_start_together(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/privacy.db"
    script = (
        "import sys, cactuprivacy as c; s = c.Store(sys.argv[1]); s.read().__enter__(); print(s.status())"
    )
    started = [
        subprocess.Popen([sys.executable, "-c", script, url], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for _ in range(4)
    ]
    told = [process.communicate(timeout=60) for process in started]

    assert [process.returncode for process in started] == [0] * 4, told
    assert len({out for out, _ in told}) == 1


@pytest.mark.postgres
def test_a_file_and_a_server_have_the_same_tables(sqlite_store: Store, postgres_store: Store) -> None:
    def shape(store: Store) -> dict[str, list[str]]:
        with store.read() as connection:
            found = inspect(connection)
            return {
                table: sorted(column["name"] for column in found.get_columns(table))
                for table in sorted(found.get_table_names())
            }

    assert shape(sqlite_store) == shape(postgres_store)


@pytest.mark.postgres
def test_a_schema_of_its_own_keeps_our_tables_from_the_hosts(postgres_store: Store) -> None:
    with postgres_store.write() as connection:
        connection.execute(text("CREATE SCHEMA of_its_own"))
        connection.execute(text("DROP TABLE visit"))
        connection.execute(text("CREATE TABLE visit (doctor text)"))
    url = postgres_store.url.update_query_dict({"options": "-csearch_path=of_its_own"})
    apart = Store(url.render_as_string(hide_password=False))
    apart.upgrade()
    with apart.read() as connection:
        columns = {column["name"] for column in inspect(connection).get_columns("visit", schema="of_its_own")}
    apart.dispose()

    assert "duration_us" in columns
