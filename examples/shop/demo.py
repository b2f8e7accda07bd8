"""The demo: the shop on this machine, with a mailbox for all the mails that it sends.

Room: example shop. ``python examples/shop/demo.py`` (or ``make demo``) keeps its data in ``var/demo``, so that
one may stop it and come back; ``--fresh`` begins anew. Ctrl-C ends it.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import socket
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import waitress
from mail_catcher import MailCatcher
from mail_reader import Mailbox
from rich.console import Console

from cactuprivacy.affiliates import AffiliateError

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication
    from waitress.server import BaseWSGIServer

    from cactuprivacy import AffiliateProgram

AFFILIATE = "CACTUSBLOG"


def main() -> None:
    """Start everything, say where it is, and wait for Ctrl-C."""
    options = _options()
    if options.fresh:
        _empty(options.data)
    mails = options.data / "mails"
    mails.mkdir(parents=True, exist_ok=True)
    with MailCatcher("127.0.0.1", folder=mails) as catcher:
        origin = f"http://localhost:{_port(options.port)}"
        os.environ.update(
            SHOP_ORIGIN=origin,
            SHOP_DATA=str(options.data),
            SHOP_SMTP=f"smtp://127.0.0.1:{catcher.port}",
            SHOP_HOSTILE="1",
        )
        import shop  # only now: it reads its settings when it is imported

        shop.open_shop()
        link = _affiliate_link(shop.privacy.affiliates)
        mailbox = _serve(Mailbox(mails, origin), _port(options.port + 1 if options.port else 0))
        _tell(origin, f"http://localhost:{mailbox.effective_port}", link, options.data)
        try:
            waitress.serve(shop.app, host="127.0.0.1", port=shop.privacy.site.port, threads=8, _quiet=True)
        finally:
            mailbox.close()
    Console().print("\nClosed. What was ordered and agreed is kept for next time.")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Start the example shop, and a mailbox for its mails.")
    parser.add_argument("--port", type=int, default=8000, help="the shop's port; 0 takes a free one (8000)")
    parser.add_argument(
        "--data", type=Path, default=Path("var/demo"), help="where to keep its data (var/demo)"
    )
    parser.add_argument("--fresh", action="store_true", help="empty that folder first")
    options = parser.parse_args()
    options.data = options.data.absolute()
    return options


def _port(wanted: int) -> int:
    """Return *wanted*, or a free port where somebody listens there already."""
    with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", wanted)) as listening:
        return int(listening.getsockname()[1])
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


def _empty(folder: Path) -> None:
    if folder.exists() and any(folder.iterdir()):
        if not (folder / "secret.key").exists():
            raise SystemExit(f"{folder} does not look like a shop's data folder; it is left as it is.")
        shutil.rmtree(folder)


def _affiliate_link(program: AffiliateProgram) -> str:
    """Return the path of the demo affiliate's link; the affiliate is added when there is none."""
    with contextlib.suppress(AffiliateError):  # it is there from last time
        program.add(AFFILIATE)
    program.approve(AFFILIATE)
    return f"/?{program.declaration.parameters[0]}={AFFILIATE}"


def _serve(app: WSGIApplication, port: int) -> BaseWSGIServer:
    """Serve *app* in a thread beside the shop."""
    server = waitress.create_server(app, host="127.0.0.1", port=port, threads=2)
    threading.Thread(target=server.run, daemon=True).start()
    return server


def _tell(shop: str, mails: str, link: str, data: Path) -> None:
    here, programs = Path(__file__).resolve().parent, Path(sys.executable).parent
    exported = " ".join(f"{name}={os.environ[name]}" for name in ("SHOP_ORIGIN", "SHOP_DATA", "SHOP_SMTP"))
    Console(highlight=False, soft_wrap=True).print(
        f"""
[bold]Cactus & Co[/]    {shop}
[bold]Its mails[/]      {mails}
[bold]Its data[/]       {data}

[bold]Five things to try[/]
  1  Come by an affiliate’s link, say yes to the question, and buy a cactus:
     {shop}{link}
  2  Sign up for Cactus news at the foot of a page, and press the button behind the link in the mail:
     {mails}
  3  Let the shop try what its policy forbids, and look for it in your browser:
     {shop}/hostile/
  4  Read the policy that the shop runs on, and change your mind about what you chose:
     {shop}/privacy and {shop}/privacy/choices
  5  Be the operator, in a second terminal:
     [dim]cd {here}
     export PATH={programs}:$PATH CACTUPRIVACY_APP=shop:privacy
     export {exported}[/]
     cactuprivacy affiliates statement {AFFILIATE}
     cactuprivacy visits stats
     echo "The saguaro flowers." | cactuprivacy list announce news --subject Hello --text -

Ctrl-C closes the shop.
"""
    )


if __name__ == "__main__":
    main()
