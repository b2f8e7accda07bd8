"""``cactuprivacy affiliates applications | address | report``: the people behind the codes, and all their figures.

Room: roof, command line. Thin: the work is in ``affiliates``.
"""

from __future__ import annotations

from dataclasses import astuple
from typing import TYPE_CHECKING

import click
import msgspec
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from cactuprivacy.affiliates.spreadsheet import as_csv

if TYPE_CHECKING:
    from cactuprivacy.affiliates.figures import AffiliateFigures
    from cactuprivacy.affiliates.spreadsheet import Cell
    from cactuprivacy.privacy import Privacy

_HEADER = (
    "affiliate",
    "state",
    "clicks",
    "conversion",
    "currency",
    "sales",
    "earned",
    "reversed",
    "paid",
    "owed",
)
_SHORT = (*_HEADER[:3], "%", "", *_HEADER[5:])  # as in a table on a terminal


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def applications(privacy: Privacy, as_json: bool) -> None:
    """Print who would like to be an affiliate, with what they wrote. Nobody has proven that an address is theirs."""
    found = privacy.affiliate_portal.applications()
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(found), indent=2).decode())
        return
    for each in found:
        click.echo(f"{each.code}\t{each.day}\t{each.address}\t{each.words}")
    if found:
        click.echo("To decide: cactuprivacy affiliates approve CODE, or refuse CODE; they are told by mail.")
    else:
        click.echo("Nobody waits.")


@click.command()
@click.argument("code")
@click.argument("address")
@click.pass_obj
def address(privacy: Privacy, code: str, address: str) -> None:
    """Say that the affiliate CODE is reached at ADDRESS, for one who did not apply on the site."""
    privacy.affiliate_portal.set_address(code, address)
    click.echo(f"{code} is reached there from now on.")


@click.command()
@click.option("--year", type=int, help="As in 2026; this year unless said.")
@click.option("--month", type=int, help="1 to 12; the whole year unless said.")
@click.option(
    "--json", "as_json", is_flag=True, help="Print JSON; amounts are text, so that they stay exact."
)
@click.option("--csv", "csv", is_flag=True, help="Print CSV that no spreadsheet takes for a formula.")
@click.pass_obj
def report(privacy: Privacy, year: int | None, month: int | None, as_json: bool, csv: bool) -> None:
    """Print all affiliates' clicks, sales, commission and payments, and what each is owed now."""
    found = privacy.affiliates.report(year, month)
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(found), indent=2).decode())
        return
    rows = [row for each in found for row in _rows(each)]
    if csv:
        click.echo(as_csv(_HEADER, rows), nl=False)
        return
    table = Table(box=SIMPLE, padding=(0, 1, 0, 0))
    for name in _SHORT:  # so that a narrow terminal cuts nothing off
        table.add_column(name, overflow="fold", justify="left" if name in _HEADER[:2] else "right")
    for row in rows:
        table.add_row(*("" if cell is None else str(cell) for cell in row))
    Console(highlight=False).print(table)


def _rows(each: AffiliateFigures) -> list[tuple[Cell, ...]]:
    """Return a line for each currency that the affiliate earned in or is owed."""
    earned = {earnings.currency: earnings for earnings in each.earnings}
    start = (each.affiliate, each.state, each.clicks, each.conversion)
    rows: list[tuple[Cell, ...]] = []
    for currency in sorted({*earned, *each.balances}):
        owed = each.balances[currency].total if currency in each.balances else None
        sums = astuple(earned[currency])[1:] if currency in earned else (0, None, None, None)
        rows.append((*start, currency, *sums, owed))
    return rows or [(*start, None, 0, None, None, None, None)]
