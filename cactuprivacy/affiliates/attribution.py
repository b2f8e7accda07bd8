"""AffiliateAttribution: the middleware that turns a followed affiliate link into a claim, and nothing else into one.

Room: affiliates. May import wsgi. Trusts nothing in the request: the link's code counts only when the roster
knows it as approved, and only for a person's own navigation to a page. On a request without our parameter and
cookie it looks for two substrings and is done.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import unquote

from sqlalchemy.exc import SQLAlchemyError

from cactuprivacy.affiliates.claim import Claim, affiliate_code, today
from cactuprivacy.store import StoreNotReadyError
from cactuprivacy.wsgi import Middleware, fetch_context

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication, WSGIEnvironment

    from cactuprivacy.affiliates.program import AffiliateProgram
    from cactuprivacy.wsgi import Exchange

logger = logging.getLogger("cactuprivacy.affiliates")

_MAX_VALUE = 3 * 64  # a code of 64 characters, each of them percent-encoded


class _Seen(NamedTuple):
    """What a request brought: the code in its link, if it can make a claim, and whether our cookie came."""

    code: str | None
    cookie: bool


class AffiliateAttribution(Middleware):
    """Sets, replaces and clears the affiliate claim around *app*.

    The last click wins. The same click again on the same day changes nothing. Who refuses, or withdraws in this
    very request, gets the claim cleared in the response; who has not decided gets nothing set, and the
    link keeps its parameter, so that a yes on the landing page still counts.

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
        self._parameter = program.declaration.parameter
        self._needle = self._parameter + "="

    def open(self, exchange: Exchange) -> None:
        """Note what the request brings, before the app can change it."""
        environ = exchange.environ
        linked = self._needle in environ.get("QUERY_STRING", "")
        named = self.program.cookie.name in environ.get("HTTP_COOKIE", "")
        if not linked and not named:
            return
        code = (
            code_in(environ["QUERY_STRING"], self._parameter) if linked and _makes_claims(environ) else None
        )
        cookie = named and _sends(environ["HTTP_COOKIE"], self.program.cookie.name)
        if code:
            # A 304 cannot carry a cookie: a shared cache would write it into what it stores (RFC 9111, 4.3.4).
            environ.pop("HTTP_IF_NONE_MATCH", None)
            environ.pop("HTTP_IF_MODIFIED_SINCE", None)
        if code or cookie:
            exchange.note = _Seen(code, cookie)

    def start(self, exchange: Exchange) -> None:
        """Set or clear the claim. Consent is asked only here: the app may just have been told."""
        seen = exchange.note
        if not isinstance(seen, _Seen) or exchange.status_code == 304:
            return
        program = self.program
        allowed = program.allowed(exchange.environ)
        if allowed is False and seen.cookie:
            exchange.set_cookie(program.cookie, None, secure=program.site.secure)
        elif allowed and seen.code:
            self._claim(exchange, seen.code)

    def _claim(self, exchange: Exchange, code: str) -> None:
        program = self.program
        day = today()
        held = program.held(exchange.environ)
        if held == Claim(code, day):
            return
        try:
            public = program.approved(code)
        except (SQLAlchemyError, StoreNotReadyError) as error:
            logger.error(  # noqa: TRY400  # a traceback could hold the code
                "The roster cannot be read (%s); no claim is made, the page is served.", type(error).__name__
            )
            return
        if public and held != Claim(public, day):
            value = program.signer.sign(Claim(public, day))
            exchange.set_cookie(program.cookie, value, secure=program.site.secure)


def code_in(query: str, parameter: str) -> str | None:
    """Return the affiliate's code in a query string, in lower case.

    ``None`` when the parameter is missing, holds what is no code, or comes with two different values. The name
    must be spelt exactly; the value may be percent-encoded.
    """
    found = {
        value
        for name, equals, value in (pair.partition("=") for pair in query.split("&"))
        if name == parameter
    }
    if len(found) != 1:
        return None
    value = found.pop()
    return affiliate_code(unquote(value)) if len(value) <= _MAX_VALUE else None


def _makes_claims(environ: WSGIEnvironment) -> bool:
    """Tell whether a person goes to a page: no image, frame, script, form, HEAD or prefetch makes a claim."""
    context = fetch_context(environ)
    return context.navigation and not context.prefetch


def _sends(header: str, name: str) -> bool:
    """Tell whether a ``Cookie`` header holds the cookie, whatever its value: a broken one is cleared too."""
    return any(pair.partition("=")[0].strip(" \t") == name for pair in header.split(";"))
