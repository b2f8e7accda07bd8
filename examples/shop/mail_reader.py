"""The mail reader: a page on which the caught mails are read, as if one were each of their recipients.

Room: example shop, the demo. A small WSGI app of its own on a port of its own. What a mail holds is shown as
text; nothing in it is run, loaded or trusted.
"""

from __future__ import annotations

import re
from email import message_from_bytes, policy
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from jinja2 import Environment, FileSystemLoader
from werkzeug import Request, Response

if TYPE_CHECKING:
    from collections.abc import Iterable
    from email.message import EmailMessage

    from _typeshed.wsgi import StartResponse, WSGIEnvironment

_SHOP = Path(__file__).resolve().parent
_HEADERS = {
    # The shop may be anywhere on this machine, and one click to leave is a form that is sent there.
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; form-action 'self' http:; base-uri 'none'",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
}


class Mail(NamedTuple):
    """A mail, as the page shows it."""

    to: str
    subject: str
    date: str
    text: str
    leave: str | None


class Mailbox:
    """Shows the mails in *folder*, newest first.

    Parameters:
        folder: Where the catcher writes them, as ``*.eml``.
        shop: The shop's origin, to lead back to.
    """

    def __init__(self, folder: Path, shop: str) -> None:
        self._folder = folder
        self._shop = shop
        templates = Environment(loader=FileSystemLoader(_SHOP / "templates"), autoescape=True)
        self._page = templates.get_template("mails.html")
        self._style = (_SHOP / "static" / "shop.css").read_bytes()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Serve a request (PEP 3333)."""
        path = Request(environ).path
        if path == "/shop.css":
            response = Response(self._style, mimetype="text/css")
        elif path == "/":
            response = Response(self._page.render(mails=self._mails(), shop=self._shop), mimetype="text/html")
        else:
            response = Response("There is nothing here.\n", 404)
        response.headers.update(_HEADERS)
        return response(environ, start_response)

    def _mails(self) -> list[Mail]:
        files = sorted(self._folder.glob("*.eml"), reverse=True)
        return [_mail(message_from_bytes(path.read_bytes(), policy=policy.default)) for path in files[:100]]


def _mail(message: EmailMessage) -> Mail:
    part = message.get_body(("plain", "html"))
    one_click = "List-Unsubscribe-Post" in message
    leave = re.search(r"<(https?://[^>]+)>", str(message["List-Unsubscribe"] or "")) if one_click else None
    return Mail(
        to=str(message["To"] or ""),
        subject=str(message["Subject"] or ""),
        date=str(message["Date"] or ""),
        text=str(part.get_content()).strip() if part else "",
        leave=leave[1] if leave else None,
    )
