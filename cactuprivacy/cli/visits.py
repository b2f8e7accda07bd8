"""``cactuprivacy visits``: statistics, status and purging of the visit log.

Room: roof, command line. Thin: the work is in ``visits``.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

import click
import msgspec
from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cactuprivacy.privacy import Privacy
    from cactuprivacy.visits.statistics.summary import Count

_BARS = "▁▂▃▄▅▆▇█"


@click.group()
def visits() -> None:
    """The visit log, and the statistics that it is for."""


@visits.command()
@click.option(
    "--days", default=30, show_default=True, type=click.IntRange(1, 3660), help="How many days, to today."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def stats(privacy: Privacy, days: int, as_json: bool) -> None:
    """Print hits, page views, pages, referrers and statuses."""
    now = datetime.now(timezone.utc)
    until = now.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    summary = privacy.visits.statistics.summary(until - timedelta(days=days), until)
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(summary), indent=2).decode())
        return
    console = Console(highlight=False)
    console.print(f"[bold]{summary.page_views}[/] page views, {summary.hits} hits in {days} days")
    console.print(
        _sparkline([day.page_views for day in summary.days])
        + f"  {summary.days[0].day} – {summary.days[-1].day}\n"
    )
    for title, counts in (
        ("Pages", summary.pages),
        ("Referrers", summary.referrers),
        ("Statuses", summary.statuses),
    ):
        console.print(_table(title, counts))


@visits.command()
@click.pass_obj
def purge(privacy: Privacy) -> None:
    """Delete what is older than the log keeps, from every sink that can."""
    for name, count in privacy.visits.purge().items():
        click.echo(f"{name}: {count} deleted")


@visits.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def status(privacy: Privacy, as_json: bool) -> None:
    """Tell the oldest visit that is kept; exit 1 when it is older than the policy says."""
    log, oldest = privacy.visits.log, privacy.visits.statistics.oldest()
    overdue = oldest is not None and oldest < datetime.now(timezone.utc) - timedelta(days=log.keep_days + 1)
    found = {"level": log.level, "keep_days": log.keep_days, "oldest": oldest, "overdue": overdue}
    if as_json:
        click.echo(msgspec.json.encode(found).decode())
    else:
        click.echo(
            f"level {log.level}, kept {log.keep_days} days; the oldest visit is of {oldest or 'never'}"
        )
    if overdue:
        click.echo(
            "Visits are kept for longer than the policy says; run: cactuprivacy visits purge", err=True
        )
        raise SystemExit(1)


def _sparkline(numbers: Sequence[int]) -> str:
    most = max(numbers) or 1
    return "".join(_BARS[(number * (len(_BARS) - 1) + most - 1) // most] for number in numbers)


def _table(title: str, counts: Sequence[Count]) -> Table:
    table = Table(title, "count", min_width=40)
    table.columns[1].justify = "right"
    for count in counts:
        table.add_row(count.name.replace("[", r"\["), str(count.count))
    return table
