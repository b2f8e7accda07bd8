"""``cactuprivacy subject``: find, export and erase what is kept about a person.

Room: roof, command line. Thin: the work is in ``people``. An address typed here is echoed nowhere.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
import msgspec

if TYPE_CHECKING:
    from cactuprivacy.privacy import Privacy


@click.group()
def subject() -> None:
    """What is kept about one person, known by their e-mail address."""


@subject.command()
@click.argument("address")
@click.pass_obj
def find(privacy: Privacy, address: str) -> None:
    """Tell how many records each store keeps about ADDRESS."""
    for name, count in privacy.people.find(address).items():
        click.echo(f"{name}: {count}")


@subject.command()
@click.argument("address")
@click.pass_obj
def export(privacy: Privacy, address: str) -> None:
    """Print all that is kept about ADDRESS, as JSON."""
    click.echo(msgspec.json.format(msgspec.json.encode(privacy.people.export(address)), indent=2).decode())


@subject.command()
@click.argument("address")
@click.confirmation_option(prompt="Erase everything that may be erased about this person?")
@click.pass_obj
def erase(privacy: Privacy, address: str) -> None:
    """Erase ADDRESS from every store, and search them all again; exit 1 when something had to stay."""
    erasure = privacy.people.erase(address)
    for name, count in erasure.erased.items():
        click.echo(f"{name}: {count} erased, {erasure.left.get(name, 0)} left")
    if erasure.left:
        raise SystemExit(1)
