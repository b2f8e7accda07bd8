"""``cactuprivacy db``: bring the database to this version's tables, and tell where it stands.

Room: roof, command line. Thin: the work is in ``store``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from cactuprivacy.privacy import Privacy


@click.group()
def db() -> None:
    """The database's tables."""


@db.command()
@click.pass_obj
def upgrade(privacy: Privacy) -> None:
    """Bring the tables to what this version needs. Safe to run again."""
    privacy.store.upgrade()
    click.echo(f"The database is at revision {privacy.store.status().revision}.")


@db.command()
@click.pass_obj
def status(privacy: Privacy) -> None:
    """Tell the database's revision; exit 1 when it is not the one that this version needs."""
    found = privacy.store.status()
    click.echo(f"The database is at revision {found.revision or 'none'}, this version needs {found.needed}.")
    if not found.current:
        raise SystemExit(1)
