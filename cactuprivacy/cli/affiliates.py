"""``cactuprivacy affiliates``: add and approve affiliates, and print what each has earned.

Room: roof, command line. Thin: the work is in ``affiliates``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
import msgspec
from rich.console import Console
from rich.table import Table

from cactuprivacy.affiliates import AffiliateError

if TYPE_CHECKING:
    from cactuprivacy.affiliates import Statement
    from cactuprivacy.privacy import Privacy


class _Affiliates(click.Group):
    """A group whose commands say what is wrong with an affiliate as one sentence."""

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except AffiliateError as error:
            raise click.ClickException(str(error)) from error


@click.group(cls=_Affiliates)
def affiliates() -> None:
    """Who is credited for sales, and with how much."""


@affiliates.command()
@click.argument("code", required=False)
@click.option(
    "--alias", "aliases", multiple=True, help="A code in older links that means the same. May be repeated."
)
@click.pass_obj
def add(privacy: Privacy, code: str | None, aliases: tuple[str, ...]) -> None:
    """Add an affiliate as CODE, or under a random code; pending until approved."""
    public = privacy.affiliates.add(code, aliases=aliases)
    click.echo(f"{public} is pending; to approve: cactuprivacy affiliates approve {public}")


@affiliates.command()
@click.argument("code")
@click.pass_obj
def approve(privacy: Privacy, code: str) -> None:
    """Let the affiliate CODE be credited from now on, and print their link."""
    program = privacy.affiliates
    program.approve(code)
    public = program.statement(code).affiliate
    click.echo(f"{public} is approved: {program.link(public)}")


@affiliates.command()
@click.argument("code")
@click.option(
    "--json", "as_json", is_flag=True, help="Print JSON; amounts are text, so that they stay exact."
)
@click.pass_obj
def statement(privacy: Privacy, code: str, as_json: bool) -> None:
    """Print what the affiliate CODE has earned, with a total for each currency."""
    found = privacy.affiliates.statement(code)
    if as_json:
        click.echo(msgspec.json.format(_json(found), indent=2).decode())
        return
    table = Table("day", "kind", "amount", "currency", title=f"{found.affiliate} ({found.state})")
    for entry in found.entries:
        table.add_row(entry.day.isoformat(), entry.kind, f"{entry.amount:f}", entry.currency)
    table.add_section()
    for currency, total in found.totals.items():
        table.add_row("", "total", f"{total:f}", currency)
    Console(highlight=False).print(table)


def _json(found: Statement) -> bytes:
    return msgspec.json.encode(
        {
            "affiliate": found.affiliate,
            "state": found.state,
            "entries": found.entries,
            "totals": dict(found.totals),
        }
    )
