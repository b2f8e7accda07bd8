"""``cactuprivacy affiliates``: who is an affiliate, what each has earned, refunds, holds, payouts, and the proof.

Room: roof, command line. Thin: the work is in ``affiliates``.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import click
import msgspec
from rich.console import Console
from rich.table import Table

from cactuprivacy.affiliates import AffiliateError
from cactuprivacy.affiliates.payouts import as_csv

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cactuprivacy.affiliates import Payout, Statement
    from cactuprivacy.privacy import Privacy

_POLL_SECONDS = 5.0

_actor = click.option("--actor", default="owner", show_default=True, help="Who does it, for the books.")
_as_json = click.option(
    "--json", "as_json", is_flag=True, help="Print JSON; amounts are text, so that they stay exact."
)
_as_csv = click.option(
    "--csv", "csv", is_flag=True, help="Print CSV that no spreadsheet takes for a formula."
)


class _Affiliates(click.Group):
    """A group whose commands say what is wrong with an affiliate or an amount as one sentence."""

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except (AffiliateError, ValueError) as error:
            raise click.ClickException(str(error)) from error


@click.group(cls=_Affiliates)
def affiliates() -> None:
    """Who is credited for sales, with how much, and what was paid."""


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
@_actor
@click.pass_obj
def approve(privacy: Privacy, code: str, actor: str) -> None:
    """Let the affiliate CODE be credited and paid from now on, and print their link."""
    program = privacy.affiliates
    program.approve(code, actor=actor)
    public = program.statement(code).affiliate
    click.echo(f"{public} is approved: {program.link(public)}")


@affiliates.command()
@click.argument("code")
@_actor
@click.pass_obj
def suspend(privacy: Privacy, code: str, actor: str) -> None:
    """Neither credit nor pay the affiliate CODE until approved again; what is owed stays."""
    privacy.affiliates.suspend(code, actor=actor)
    click.echo(f"{code} is suspended.")


@affiliates.command()
@click.argument("code")
@_actor
@click.pass_obj
def refuse(privacy: Privacy, code: str, actor: str) -> None:
    """Refuse the affiliate CODE."""
    privacy.affiliates.refuse(code, actor=actor)
    click.echo(f"{code} is refused.")


@affiliates.command("list")
@_as_json
@click.pass_obj
def list_(privacy: Privacy, as_json: bool) -> None:
    """Print all affiliates with their states."""
    found = privacy.affiliates.everybody()
    if as_json:
        _print_json([{"affiliate": each.code, "state": each.state} for each in found])
        return
    for each in found:
        click.echo(f"{each.code}\t{each.state}")


@affiliates.command()
@click.argument("code")
@click.option("--month", help="Whose lines to print, as in 2026-11; this month's unless said.")
@_as_json
@click.pass_obj
def statement(privacy: Privacy, code: str, month: str | None, as_json: bool) -> None:
    """Print what the affiliate CODE has earned, with a total for each currency."""
    found = privacy.affiliates.statement(code, month)
    if as_json:
        _print_json(_plain(found))
        return
    table = Table(
        "day", "kind", "amount", "currency", title=f"{found.affiliate} ({found.state}), {found.month}"
    )
    for entry in found.entries:
        table.add_row(entry.day.isoformat(), entry.kind, f"{entry.amount:f}", entry.currency)
    for currency, balance in found.balances.items():
        table.add_section()
        for name in ("pending", "held", "available", "paid", "total"):
            table.add_row("", name, f"{getattr(balance, name):f}", currency)
    Console(highlight=False).print(table)


@affiliates.command()
@click.argument("order")
@click.argument("amount")
@click.argument("currency")
@click.option("--id", "refund_id", required=True, help="The refund's own number, by which it counts once.")
@click.pass_obj
def refund(privacy: Privacy, order: str, amount: str, currency: str, refund_id: str) -> None:
    """Take back the commission on AMOUNT CURRENCY that was refunded of ORDER."""
    found = privacy.affiliates.refund(order=order, amount=amount, currency=currency, refund=refund_id)
    if found.conflict:
        raise click.ClickException(
            "This refund was reported before otherwise, or is not in the sale's currency."
        )
    click.echo(
        f"{'Taken' if found.new else 'Nothing new; taken'} back in all: {found.amount:f} {found.currency}"
    )


@affiliates.command()
@click.argument("order")
@click.pass_obj
def void(privacy: Privacy, order: str) -> None:
    """Take back all commission of ORDER, which was cancelled."""
    found = privacy.affiliates.void(order=order)
    click.echo(f"Taken back in all: {found.amount:f} {found.currency or ''}".rstrip())


@affiliates.command()
@click.argument("order")
@click.option("--rule", default="owner", show_default=True, help="Why, by which it is released.")
@_actor
@click.pass_obj
def hold(privacy: Privacy, order: str, rule: str, actor: str) -> None:
    """Keep the commission of ORDER back from payouts."""
    if not privacy.affiliates.hold(order=order, rule=rule, actor=actor):
        raise click.ClickException(f"{rule!r} has released this order already; hold it by another --rule.")
    click.echo("Held.")


@affiliates.command()
@click.argument("order")
@click.option("--rule", default="owner", show_default=True, help="Which hold to end.")
@_actor
@click.pass_obj
def release(privacy: Privacy, order: str, rule: str, actor: str) -> None:
    """End the hold of ORDER by a rule."""
    still = privacy.affiliates.release(order=order, rule=rule, actor=actor)
    click.echo("Released; another rule still holds it." if still else "Released.")


@affiliates.command()
@click.argument("period")
@click.option(
    "--minimum", "minimums", multiple=True, metavar="CURRENCY=AMOUNT", help="Pay no less, as in GBP=20."
)
@click.option("--method", default="", help="How it is paid, in your words.")
@click.option("--only", multiple=True, help="Pay this affiliate alone. May be repeated.")
@_actor
@_as_csv
@_as_json
@click.pass_obj
def pay(
    privacy: Privacy,
    period: str,
    minimums: tuple[str, ...],
    method: str,
    only: tuple[str, ...],
    actor: str,
    csv: bool,
    as_json: bool,
) -> None:
    """Enter as paid what is due by the end of the month PERIOD, once, and print that period's payouts."""
    pairs = [each.partition("=") for each in minimums]
    if any(not amount for _, _, amount in pairs):
        raise click.BadParameter("A minimum is written as in GBP=20.", param_hint="--minimum")
    _print_payouts(
        privacy.affiliates.pay(
            period,
            minimum={currency: amount for currency, _, amount in pairs},
            method=method,
            only=only or None,
            actor=actor,
        ),
        csv,
        as_json,
    )


@affiliates.command()
@click.argument("period", required=False)
@click.option("--void", "number", type=int, help="Take back the payout of this number, by an entry.")
@click.option("--reason", default="", help="Why it is taken back.")
@_actor
@_as_csv
@_as_json
@click.pass_obj
def payouts(
    privacy: Privacy,
    period: str | None,
    number: int | None,
    reason: str,
    actor: str,
    csv: bool,
    as_json: bool,
) -> None:
    """Print the payouts of the month PERIOD, or all of them."""
    if number is not None:
        _print_payouts([privacy.affiliates.void_payout(number, reason=reason, actor=actor)], csv, as_json)
        return
    _print_payouts(privacy.affiliates.payouts(period), csv, as_json)


@affiliates.command()
@click.argument("order")
@_as_json
@click.pass_obj
def explain(privacy: Privacy, order: str, as_json: bool) -> None:
    """Tell why ORDER was credited to whom."""
    found = privacy.affiliates.explain(order=order)
    if as_json:
        _print_json(found)
        return
    if not found.credited:
        click.echo("This order was credited to nobody.")
        return
    click.echo(f"By {found.rule}, model {found.model}, to be paid from {found.available_on} on.")
    for touch in found.touches:
        amount = f": {touch.amount:f} {found.currency}" if touch.amount is not None else ""
        click.echo(f"{touch.affiliate} ({touch.day or 'no click'}) {touch.verdict}{amount}")
    if found.reversed:
        click.echo(f"Refunds took back {found.reversed:f} {found.currency}.")
    if found.held:
        click.echo("It is held.")


@affiliates.command()
@click.option(
    "--head", help="The head of an earlier run, kept elsewhere: that it is gone is a difference too."
)
@_as_json
@click.pass_obj
def reconcile(privacy: Privacy, head: str | None, as_json: bool) -> None:
    """Compute everything in the ledger again, and print what differs; exit 1 when something does."""
    found = privacy.affiliates.reconcile(head=head)
    if as_json:
        _print_json(found)
    else:
        for difference in found.differences:
            click.echo(difference)
        click.echo(f"{found.entries} entries, {len(found.differences)} differences, head {found.head}")
    if found.differences:
        raise SystemExit(1)


@affiliates.command()
@click.option("--watch", is_flag=True, help="Go on until interrupted, looking every few seconds.")
@click.option("--limit", default=1000, show_default=True, help="How many messages to take in one run.")
@click.pass_obj
def deliver(privacy: Privacy, watch: bool, limit: int) -> None:
    """Post the webhook messages that are due."""
    while True:
        counts = privacy.affiliates.deliver_due(limit)
        if any(counts) or not watch:
            click.echo(", ".join(f"{count} {name}" for name, count in counts._asdict().items()))
        if not watch:
            return
        if not any(counts):
            time.sleep(_POLL_SECONDS)


def _print_payouts(found: Sequence[Payout], csv: bool, as_json: bool) -> None:
    if csv:
        click.echo(as_csv(found), nl=False)
        return
    if as_json:
        _print_json(found)
        return
    table = Table("no.", "affiliate", "period", "amount", "method", "day", "")
    for each in found:
        told = "voided" if each.voided else "new" if each.new else ""
        amount = f"{each.amount:f} {each.currency}"
        table.add_row(
            str(each.number), each.affiliate, each.period, amount, each.method, each.day.isoformat(), told
        )
    Console(highlight=False).print(table)


def _plain(found: Statement) -> dict[str, Any]:
    return {
        "affiliate": found.affiliate,
        "state": found.state,
        "month": found.month,
        "entries": found.entries,
        "months": found.months,
        "totals": dict(found.totals),
        "balances": dict(found.balances),
    }


def _print_json(found: Any) -> None:
    click.echo(msgspec.json.format(msgspec.json.encode(found), indent=2).decode())
