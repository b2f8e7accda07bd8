"""``cactuprivacy list``: announcing, delivering, and how the mails stand.

Room: cli. Thin: parse, call, print. There is no command that adds an address, and there will be none.
"""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, TextIO

import click

if TYPE_CHECKING:
    from cactuprivacy.privacy import Privacy


@click.group("list")
def mailing_list() -> None:
    """Mailing lists: strictly confirmed opt-in."""


@mailing_list.command("announce")
@click.argument("slug")
@click.option("--subject", required=True, help="The subject, one line.")
@click.option("--text", required=True, type=click.File(encoding="utf-8"), help="A file with the text, or -.")
@click.pass_obj
def announce_(privacy: Privacy, slug: str, subject: str, text: TextIO) -> None:
    """Queue an announcement to everybody who confirmed the list SLUG."""
    from cactuprivacy.optin.campaigns import AnnouncementRefusedError

    try:
        campaign = privacy.mailing_lists.announce(slug, subject=subject, text=text.read())
    except AnnouncementRefusedError as error:
        raise click.ClickException(str(error)) from error
    readers = "subscriber" if campaign.recipients == 1 else "subscribers"
    click.echo(f"Queued to {campaign.recipients} confirmed {readers} of {campaign.list}.")


@mailing_list.command()
@click.option("--watch", is_flag=True, help="Go on until interrupted, looking every few seconds.")
@click.option("--limit", default=1000, show_default=True, help="How many mails to take in one run.")
@click.pass_obj
def deliver(privacy: Privacy, watch: bool, limit: int) -> None:
    """Send the mails that are due."""
    from cactuprivacy.mail.courier import POLL_SECONDS

    lists = privacy.mailing_lists
    while True:
        counts = lists.deliver_due(limit)
        if any(counts) or not watch:
            click.echo(", ".join(f"{count} {name}" for name, count in counts._asdict().items()))
        if not watch:
            return
        if not any(counts):
            time.sleep(POLL_SECONDS)


@mailing_list.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
@click.pass_obj
def status(privacy: Privacy, as_json: bool) -> None:
    """Tell how many subscribers the lists have, and how the mails stand."""
    lists = privacy.mailing_lists
    subscribers, mails = lists.subscribers(), lists.outbox.status()
    if as_json:
        click.echo(json.dumps({"subscribers": subscribers, "mails": mails}))
        return
    from rich.console import Console
    from rich.table import Table

    console = Console()
    for title, counts in (("Subscribers", subscribers), ("Mails", mails)):
        table = Table("", "state", "count", title=title, title_justify="left")
        for name, states in sorted(counts.items()):
            for state, count in sorted(states.items()):
                table.add_row(name, state, str(count))
        console.print(table)
