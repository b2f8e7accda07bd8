"""Migrations: bringing a database to the tables of this version, with alembic, shipped in the package.

Room: store. The revisions are in ``migrations/versions``, one line of them; a released one is never edited.
``tests/store/test_migrations.py`` holds them against the tables that the clauses declare.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text

if TYPE_CHECKING:
    from sqlalchemy import Connection

VERSION_TABLE = "cactuprivacy_version"
_LOCK = 0x6361637475  # any number, the same in every process: "cactu"


class Status(NamedTuple):
    """Which revision a database is at, and which one this version of the package needs."""

    revision: str | None
    needed: str

    @property
    def current(self) -> bool:
        """Whether nothing is to be done."""
        return self.revision == self.needed


def status(connection: Connection) -> Status:
    """Return the status of the database behind *connection*."""
    context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
    return Status(context.get_current_revision(), _needed())


def upgrade(connection: Connection) -> None:
    """Run what is missing, inside *connection*'s transaction, which must already be one to write."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    if status(connection).current:
        return
    from alembic import command

    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


@cache  # it is read from files that are part of the package
def _needed() -> str:
    needed = ScriptDirectory.from_config(_config()).get_current_head()
    if needed is None:
        raise RuntimeError("The package was built without its migrations.")
    return needed


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.set_main_option("path_separator", "os")
    return config
