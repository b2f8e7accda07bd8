"""AffiliateAttribution: the middleware that turns a followed affiliate link into a claim, and nothing else into one.

Room: affiliates. May import wsgi. Trusts nothing in the request: the link's code counts only when the roster
knows it as approved, and only for a person's own navigation to a page. On a request without our parameter and
cookie it looks for them and is done.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy.exc import SQLAlchemyError

from cactuprivacy.affiliates.claim import with_touch
from cactuprivacy.affiliates.verdict import verdict
from cactuprivacy.store import StoreNotReadyError
from cactuprivacy.wsgi import Middleware, fetch_context

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

    from cactuprivacy.affiliates.claim import Touch
    from cactuprivacy.affiliates.links import Link
    from cactuprivacy.affiliates.program import AffiliateProgram
    from cactuprivacy.wsgi import Exchange

logger = logging.getLogger("cactuprivacy.affiliates")

_ROUTE = "cactuprivacy.route"
_UNCACHED = [("Cache-Control", "private, no-store"), ("Content-Length", "0")]


@dataclass(slots=True)
class _Seen:
    """What a request brought: its link, the touch it can make, whether our cookie came, and what is to be counted."""

    link: Link | None
    touch: Touch | None
    cookie: bool
    uncounted: bool


class AffiliateAttribution(Middleware):
    """Sets, replaces and clears the affiliate claim around *app*.

    The same click again on the same day changes nothing. Who refuses, or withdraws in this very request, gets
    the claim cleared in the response; who has not decided gets nothing set, and the link keeps its parameter, so
    that a yes on the landing page still counts. A page that is fetched ahead by a link is answered 503, so that the
    click asks again. Whatever was asked for by a link is kept by no shared cache: it could answer others there,
    whose click would then never come here.

    Parameters:
        app: The WSGI application to wrap.
        program: The running programme.
    """

    place = 30
    repeats = False

    def __init__(self, app: WSGIApplication, program: AffiliateProgram) -> None:
        super().__init__(app)
        self.program = program
        self.cookies = program.cookies
        self._name = program.cookie.name
        self._in_query = program.links.in_query
        self._doors = program.links.doors

    def open(self, exchange: Exchange) -> WSGIApplication | None:
        """Note what the request brings, before the app can change it; lead on, or clean its URL."""
        environ = exchange.environ
        query = environ.get("QUERY_STRING", "")
        linked = query != "" and self._in_query(query) is not None
        cookie = self._name in environ.get("HTTP_COOKIE", "")
        door = bool(self._doors) and environ.get("PATH_INFO", "").lower().startswith(self._doors)
        if not (linked or cookie or door):
            return None
        link = self.program.links.followed(environ) if linked or door else None
        cookie = cookie and _sends(environ["HTTP_COOKIE"], self._name)
        if link is None:
            exchange.note = _Seen(None, None, cookie, uncounted=False) if cookie else None
            return None
        return self._followed(exchange, link, cookie=cookie)

    def start(self, exchange: Exchange) -> None:
        """Set or clear the claim. Consent is asked here, at the last moment: the app may just have been told."""
        seen = exchange.note
        if not isinstance(seen, _Seen):
            return
        if seen.link:
            exchange.forbid_shared_caching()
        if exchange.status_code == 304:
            return
        program = self.program
        allowed = program.allowed(exchange.environ)
        if allowed is False and seen.cookie:
            exchange.set_cookie(program.cookie, None, secure=program.site.secure)
        twice = self._claim(exchange, seen.touch) if allowed and seen.touch else False
        if seen.uncounted and seen.link:
            seen.uncounted = False  # an error page starts a second time
            program.count_click(seen.link.code, seen.link.campaign, "duplicate" if twice else "human")

    def _followed(self, exchange: Exchange, link: Link, *, cookie: bool) -> WSGIApplication | None:
        environ, program = exchange.environ, self.program
        follower = verdict(environ)
        touch = program.visitors.touch(environ, link) if follower == "human" else None
        # Who comes from our own page was counted when they came to it: saying yes leads back to the link.
        uncounted = touch is not None and fetch_context(environ).site != "same-origin"
        seen = exchange.note = _Seen(link, touch, cookie, uncounted)
        if follower is not None and follower != "human":
            program.count_click(link.code, link.campaign, follower)
        if follower == "prefetch":
            exchange.note = None
            return _answer("503 Service Unavailable", ("Content-Type", "text/plain"))
        if touch:
            # A 304 cannot carry a cookie: a shared cache would write it into what it stores (RFC 9111, 4.3.4).
            environ.pop("HTTP_IF_NONE_MATCH", None)
            environ.pop("HTTP_IF_MODIFIED_SINCE", None)
        return self._redirect(environ, link, seen)

    def _redirect(self, environ: WSGIEnvironment, link: Link, seen: _Seen) -> WSGIApplication | None:
        if environ.get("REQUEST_METHOD") not in ("GET", "HEAD"):
            return None
        links = self.program.links
        if link.target is not None:
            environ[_ROUTE] = "/<affiliate link>"
            undecided = seen.touch is not None and self.program.allowed(environ) is None
            if undecided:
                seen.uncounted = False  # the page that the link is carried to counts it
            location: str | None = links.onwards(link, carry=undecided)
        elif self.program.declaration.clean_url and seen.touch and self.program.allowed(environ) is not None:
            location = links.clean(environ)
        else:
            return None
        if location is None:
            return None
        return _answer("303 See Other", ("Location", location))

    def _claim(self, exchange: Exchange, touch: Touch) -> bool:
        """Set the claim that *touch* leads to. Return whether the claim that is there holds it already."""
        program = self.program
        model = program.declaration.model
        held = program.held(exchange.environ)
        if with_touch(held, touch, model) == held:
            return _holds(held, touch)
        try:
            public = program.approved(touch.code)
        except (SQLAlchemyError, StoreNotReadyError) as error:
            logger.error(  # noqa: TRY400  # a traceback could hold the code
                "The roster cannot be read (%s); no claim is made, the page is served.", type(error).__name__
            )
            return False
        if public is None:
            return False
        touch = touch._replace(code=public)
        touches = with_touch(held, touch, model)
        if touches != held:
            exchange.set_cookie(program.cookie, program.signer.sign(*touches), secure=program.site.secure)
        return _holds(held, touch)


def _answer(status: str, header: tuple[str, str]) -> WSGIApplication:
    # By hand, since werkzeug's Response spells a Location anew.
    def answer(environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
        start_response(status, [header, *_UNCACHED])
        return []

    return answer


def _holds(held: tuple[Touch, ...], touch: Touch) -> bool:
    return any((touch.code, touch.day) == (other.code, other.day) for other in held)


def _sends(header: str, name: str) -> bool:
    """Tell whether a ``Cookie`` header holds the cookie, whatever its value: a broken one is cleared too."""
    return any(pair.partition("=")[0].strip(" \t") == name for pair in header.split(";"))
