"""Store: the database of a site, SQLite by default and PostgreSQL when one outgrows it.

Room: store. May import declaration only. It owns the engine, the transactions and the migrations; which
tables there are is each clause's own affair, in its ``tables`` module, on the shared ``metadata``.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError
from sqlalchemy.pool import QueuePool

from cactuprivacy.declaration import DeclarationError
from cactuprivacy.store import migrate

if TYPE_CHECKING:
    from collections.abc import Iterator

BUSY_SECONDS = 10  # how long a writer waits for another one's transaction on SQLite
_WRITES = "cactuprivacy_writes"


class StoreNotReadyError(Exception):
    """The database has not been brought to the tables that this version needs."""


class Store:
    """The database of a site: transactions to read and to write in, and its migrations.

    Nothing is opened when it is made. Each process opens its own connections, so a server may fork
    whenever it likes. A SQLite file is set up on first use; PostgreSQL is by ``cactuprivacy db upgrade``,
    since there the tables are the operator's to change.

    Parameters:
        url: SQLAlchemy's: ``"sqlite:///privacy.db"`` or ``"postgresql+psycopg://user@host/name"``.

    Raises:
        DeclarationError: for another kind of database, a missing driver, a folder that cannot be written.
    """

    def __init__(self, url: str) -> None:
        try:
            self.url = make_url(url)
            backend = self.url.get_backend_name()
            if backend not in ("sqlite", "postgresql"):
                raise DeclarationError(
                    f"The database {_shown(url)} is neither SQLite nor PostgreSQL; use one of them."
                )
            self.url.get_dialect().import_dbapi()
        except (ArgumentError, NoSuchModuleError) as error:
            raise DeclarationError(
                f"The database {_shown(url)} is not understood; write sqlite:///privacy.db or postgresql+psycopg://…"
            ) from error
        except ImportError as error:
            raise DeclarationError(
                f"The database {_shown(url)} needs a driver that is not installed ({error.name}); "
                "pip install 'cactuprivacy[postgres]', and write postgresql+psycopg://…"
            ) from error
        self.is_sqlite = backend == "sqlite"
        if self.is_sqlite:
            _refuse_unwritable(self.url.database)
        self._lock = threading.Lock()
        self._engine: Engine | None = None
        self._pid = 0
        self._ready = False

    @classmethod
    def of(cls, store: Store | str) -> Store:
        """Return *store* itself, or the store at a URL."""
        return store if isinstance(store, Store) else cls(store)

    def __repr__(self) -> str:
        return f"<Store {self.url.render_as_string(hide_password=True)}>"

    @property
    def engine(self) -> Engine:
        """This process's SQLAlchemy engine. Prefer :meth:`read` and :meth:`write`."""
        if self._engine is None or self._pid != os.getpid():
            with self._lock:
                if self._engine is None or self._pid != os.getpid():
                    if self._engine is not None:  # the parent's connections are the parent's to close
                        self._engine.dispose(close=False)
                    self._engine = self._make_engine()
                    self._pid = os.getpid()
        return self._engine

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Open a connection to read with.

        Raises:
            StoreNotReadyError: when the tables are not this version's; the message says what to run.
        """
        self._be_ready()
        with self.engine.connect() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Open a transaction that commits at the end of the block, and rolls back if it raises.

        On SQLite it takes the write lock at once, so that no transaction fails half way for having read first.

        Raises:
            StoreNotReadyError: when the tables are not this version's; the message says what to run.
        """
        self._be_ready()
        with self._writing() as connection:
            yield connection

    def upgrade(self) -> None:
        """Bring the tables to this version's. Safe when several processes do it at once."""
        with self._writing() as connection:
            migrate.upgrade(connection)
        self._ready = True

    def status(self) -> migrate.Status:
        """Tell which revision the database is at, and which this version needs."""
        with self.engine.connect() as connection:
            return migrate.status(connection)

    def dispose(self) -> None:
        """Close this process's connections."""
        if self._engine is not None and self._pid == os.getpid():
            self._engine.dispose()
        self._engine = None

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        with self.engine.connect().execution_options(**{_WRITES: True}) as connection, connection.begin():
            yield connection

    def _be_ready(self) -> None:
        if self._ready:
            return
        if self.is_sqlite:
            self.upgrade()
            return
        status = self.status()
        if not status.current:
            raise StoreNotReadyError(
                f"The database is at revision {status.revision or 'none'}, this version needs {status.needed}; "
                "run: cactuprivacy --app … db upgrade"
            )
        self._ready = True

    def _make_engine(self) -> Engine:
        if not self.is_sqlite:
            return create_engine(self.url, pool_pre_ping=True)
        engine = create_engine(self.url, poolclass=QueuePool, connect_args={"timeout": BUSY_SECONDS})
        event.listen(engine, "connect", _set_up_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine


def _set_up_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # the driver begins no transaction of its own; _begin_sqlite does
    _use_wal(connection)
    # Without recursive triggers a REPLACE deletes rows past the triggers that refuse it.
    for pragma in ("synchronous=FULL", "foreign_keys=ON", "secure_delete=ON", "recursive_triggers=ON"):
        connection.execute(f"PRAGMA {pragma}").fetchall()


def _use_wal(connection: Any) -> None:
    # Two processes that switch a new file together: SQLite tells the later one "locked" at once, without
    # the wait that BUSY_SECONDS asks for everywhere else, so the waiting is done here.
    give_up = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL").fetchall()
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > give_up:
                raise
            time.sleep(0.02)
        else:
            return


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get(_WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _refuse_unwritable(database: str | None) -> None:
    if not database or database == ":memory:" or "mode=memory" in database:
        raise DeclarationError(
            "A SQLite database in memory is each process's own and gone with it; name a file: sqlite:///privacy.db."
        )
    path = Path(database)
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise DeclarationError(
            f"The database file {database!r} cannot be written; make its folder, or name another file."
        )


def _shown(url: str) -> str:
    return repr((url.partition("@")[2] and f"{url.partition('://')[0]}://…@{url.partition('@')[2]}") or url)
