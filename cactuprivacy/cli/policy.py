"""``cactuprivacy policy``: print the policy that the declaration amounts to.

Room: roof, command line. Thin: the work is in ``policy``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from cactuprivacy.privacy import Privacy


@click.group()
def policy() -> None:
    """The policy, as the site's declaration amounts to."""


@policy.command()
@click.option(
    "--json", "as_json", is_flag=True, help="Print the canonical JSON, as /privacy/policy.json serves it."
)
@click.pass_obj
def show(privacy: Privacy, as_json: bool) -> None:
    """Print the policy."""
    stated = privacy.policy
    if as_json:
        click.echo(stated.json().decode())
        return
    console = Console(highlight=False)
    console.print(f"[bold]{stated.document['operator']}[/], {stated.document['site']}\n")
    for number, clause in enumerate(stated.document["clauses"], 1):
        console.print(f"{number}. {clause}\n")
    table = Table("cookie", "purpose", "seconds", "asks first", title="Cookies", title_justify="left")
    for cookie in stated.document["cookies"]:
        life, asks = cookie["max_age_seconds"], cookie["needs_consent"]
        table.add_row(cookie["name"], cookie["purpose"], str(life or "session"), "yes" if asks else "no")
    console.print(table)
    console.print(f"\nsha256 {stated.hash}")
