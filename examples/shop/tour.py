"""The tour: the shop's whole journey through real sockets, with the evidence for each clause.

Room: example shop. ``python examples/shop/tour.py`` (or ``make tour``) starts the shop as a server of its own
and a mail server beside it, in a temporary folder, and ends 0 only when all of the policy held.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from mail_catcher import MailCatcher
from touring import affiliates, cookies, crash, letters, people, visits
from touring.report import Report
from touring.scene import Scene
from touring.server import ShopServer

CHAPTERS = (
    ("Clause 3 · Affiliates: a sale is credited once", affiliates.with_consent),
    ("Clause 3 · Affiliates: without consent, nothing", affiliates.without_consent),
    ("Clause 3 · Cookies: none for others, none of others", cookies.hostile_app),
    ("Clause 4 · Visits: logged to two sinks, and counted", visits.logged_and_counted),
    ("Clause 2 · The mailing list: only who pressed the button", letters.opt_in),
    ("Clause 1 · Your details: yours to find, get and erase", people.rights),
    ("kill -9 in mid-order: what was answered is there, once", crash.mid_order),
    ("Clause 2 · Everyone else: never a mail", letters.nobody_else),
    ("Clause 1 · Your details: sealed in every byte", people.sealed),
    ("Clause 3 · Every cookie of this tour", cookies.whole_tour),
)


def main() -> int:
    """Play every chapter, and return the exit status."""
    parser = argparse.ArgumentParser(description="Play the shop's journey, and show that its policy holds.")
    parser.add_argument(
        "--only",
        default="",
        metavar="TEXT",
        help="only the chapters with TEXT in their title; some build on those before",
    )
    only = parser.parse_args().only
    chapters = [(title, play) for title, play in CHAPTERS if only.lower() in title.lower()]
    if not chapters:
        parser.error(f"there is no chapter with {only!r} in its title")
    with (
        tempfile.TemporaryDirectory(prefix="cactus-tour-") as folder,
        MailCatcher("127.0.0.1") as catcher,
        Report(len(chapters)) as report,
    ):
        server = ShopServer(Path(folder), f"smtp://127.0.0.1:{catcher.port}")
        scene = Scene(report, server, catcher, Path(folder))
        report.console.print(
            f"\n[bold]Cactus & Co[/] on {server.origin}, its mails to 127.0.0.1:{catcher.port}"
        )
        try:
            server.start()
            for title, play in chapters:
                with report.chapter(title):
                    play(scene)
        finally:
            server.stop()
        return report.finish()


if __name__ == "__main__":
    sys.exit(main())
