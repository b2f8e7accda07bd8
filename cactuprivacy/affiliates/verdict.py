"""Verdict: what followed an affiliate's link: a person, a program, a browser fetching ahead, or a page that stuffs.

Room: affiliates. May import wsgi. Judged by what the request says of itself, never by an address, and only asked of
requests that carry a link. Sources: W3C Fetch Metadata, nav-speculation.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal

from cactuprivacy.wsgi import fetch_context

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

Verdict = Literal["human", "bot", "prefetch", "stuffing", "duplicate"]

# Crawlers, link previews and HTTP libraries. No list of thousands: one that is missed makes a claim in a jar that
# nobody buys with. CUBOT makes telephones.
_BOT = re.compile(
    r"(?<!cu)bot|crawl|spider|slurp|preview|facebookexternalhit|facebookcatalog|whatsapp|embedly|vkshare|"
    r"mediapartners|lighthouse|pingdom|python-|curl/|wget/|go-http-client|libwww|node-fetch",
    re.IGNORECASE,
)
_MAX_AGENT = 512  # characters that are looked at


def verdict(environ: WSGIEnvironment) -> Verdict | None:
    """Return what follows a link with this request.

    ``None`` for what is no click at all: a form that is sent, and our own page's script that asks again for its page.
    """
    if environ.get("REQUEST_METHOD") not in ("GET", "HEAD"):
        return None
    context = fetch_context(environ)
    if context.prefetch:
        return "prefetch"
    # A person's browser never asks for the head alone; link previews do.
    if environ["REQUEST_METHOD"] == "HEAD" or _BOT.search(environ.get("HTTP_USER_AGENT", "")[:_MAX_AGENT]):
        return "bot"
    if context.navigation:
        return "human"
    return None if context.site == "same-origin" else "stuffing"
