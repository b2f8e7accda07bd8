"""The ``cactuprivacy`` command: it finds the site's declaration and hands it to one group of commands.

Room: roof. One module a group, thin: parse, call, print. What a command does is in the clause's own room.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cactuprivacy.cli.affiliate_people import address, applications, report
from cactuprivacy.cli.affiliates import affiliates
from cactuprivacy.cli.database import db
from cactuprivacy.cli.mailing_list import mailing_list
from cactuprivacy.cli.policy import policy
from cactuprivacy.cli.subject import subject
from cactuprivacy.cli.visits import visits
from cactuprivacy.declaration import DeclarationError
from cactuprivacy.store import StoreNotReadyError

if TYPE_CHECKING:
    from cactuprivacy.privacy import Privacy


class _Commands(click.Group):
    """A group whose commands say our own errors as one sentence, without a traceback."""

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except (DeclarationError, StoreNotReadyError) as error:
            raise click.ClickException(str(error)) from error


@click.group(cls=_Commands)
@click.option(
    "--app",
    "target",
    envvar="CACTUPRIVACY_APP",
    required=True,
    metavar="MODULE:NAME",
    help="Where the site's Privacy object is, such as shop:privacy. Or set CACTUPRIVACY_APP.",
)
@click.version_option(package_name="cactuprivacy")
@click.pass_context
def main(ctx: click.Context, target: str) -> None:
    """Keep a site's privacy policy: the same declaration that the site runs on, from the shell."""
    ctx.obj = load(target)


def load(target: str) -> Privacy:
    """Return the Privacy object that *target* (``module:name``) names, looking in this folder too.

    Raises:
        click.BadParameter: when there is none; the message says what was found instead.
    """
    from cactuprivacy.privacy import Privacy

    module_name, _, name = target.partition(":")
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name != module_name:
            raise
        raise click.BadParameter(
            f"There is no module {module_name!r} here; run it where the app is."
        ) from error
    found = getattr(module, name or "privacy", None)
    if not isinstance(found, Privacy):
        kind = "nothing" if found is None else f"a {type(found).__name__}"
        raise click.BadParameter(f"{target!r} names {kind}, not a Privacy object; write MODULE:NAME.")
    return found


for command in (address, applications, report):
    affiliates.add_command(command)
for group in (affiliates, db, mailing_list, policy, subject, visits):
    main.add_command(group)
