"""Middleware: the base on which every layer of ours stands; it owns PEP 3333's corners, a layer owns none.

Room: wsgi. A layer overrides the hooks that it needs and knows nothing of the protocol.
Every rule kept here is one of the traps W1 to W51, each with a test of its name in ``tests/wsgi``;
touch a line here only together with its test.
"""

from __future__ import annotations

import logging
import traceback
from typing import TYPE_CHECKING, ClassVar

from cactuprivacy.declaration import DeclarationError
from cactuprivacy.wsgi.body import Passage, closing, filtered, is_the_servers
from cactuprivacy.wsgi.exchange import Exchange, Headers, RefusalError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from types import TracebackType
    from typing import Any

    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

    from cactuprivacy.cookie import Cookie

    ExcInfo = tuple[type[BaseException], BaseException, TracebackType] | tuple[None, None, None] | None

logger = logging.getLogger("cactuprivacy.wsgi")

_SEEN = "cactuprivacy.seen"
_MAX_CHAIN = 64

#: What wrappers call what they wrap: werkzeug, Flask, WhiteNoise, OpenTelemetry, functools.wraps.
_INSIDE = ("app", "wsgi_app", "application", "wsgi", "__wrapped__")


class Middleware:
    """Base of the layers. Wraps a WSGI app as WSGI middlewares do, and nests with any other.

    A layer is a subclass with the hooks that it needs; all else passes by it untouched, streamed::

        class NoArchive(Middleware):
            def start(self, exchange):
                if exchange.status_code == 200:
                    exchange.add_header("X-Robots-Tag", "noarchive")


        application = NoArchive(application)

    For a request they run in this order: ``open`` before the app is called; ``hint`` for early hints, and
    ``start`` each time that the app starts a response (an error page starts a second one); ``close`` once,
    when the response has been delivered or has failed. Of nested layers the outer one opens first, and
    starts and closes last. A body is wrapped only by a layer that ``filters`` or overrides ``close``; a file
    that the server sends by itself is wrapped only where there is a filter for it, and closes as soon as the
    app has returned it.

    What a layer must remember goes to ``exchange.note``, never to ``self``: an instance serves many requests
    at once. A hook that raises is logged, by the name of its error alone, and the page is served all the
    same: with the app's own status and headers, unless ``failed`` says otherwise; only a ``RefusalError`` of
    ``start``, ``hint`` or a filter is meant, and goes on. A layer with an ``__init__`` of its own calls
    this one.

    Parameters:
        app: The WSGI application to wrap.

    Raises:
        DeclarationError: when *app* is none, or a layer inside it has to stand outside of this one.
    """

    #: Where the layer must stand, counted from the server: it refuses to wrap one of a lower place.
    #: ``None``, the default, is anywhere.
    place: ClassVar[int | None] = None
    #: Whether a second one of the kind inside the first does its work again.
    repeats: ClassVar[bool] = True
    #: Whether ``start`` may set ``exchange.filter``: an object with ``feed(chunk)`` and ``end()``, each of which
    #: returns bytes to send, through which the response's body goes.
    filters: ClassVar[bool] = False
    #: The cookies that the layer itself sets, for a guard around it to know.
    cookies: tuple[Cookie, ...] = ()

    def __init__(self, app: WSGIApplication) -> None:
        if not callable(app):
            raise DeclarationError(
                f"{type(self).__name__} wraps a WSGI app, and was given a {type(app).__name__} for it; "
                "put the app first."
            )
        for inner in layers(app):
            if self.place is not None and inner.place is not None and inner.place < self.place:
                ours, theirs = type(self).__name__, type(inner).__name__
                raise DeclarationError(
                    f"{ours} cannot stand outside {theirs}, which would not see what it does; "
                    f"wrap the other way round: {theirs}({ours}(app, …), …)."
                )
        self.app = app
        kind = type(self)
        self._opens = kind.open is not Middleware.open
        self._starts = kind.start is not Middleware.start
        self._hints = kind.hint is not Middleware.hint
        self._closes = kind.close is not Middleware.close

    def open(self, exchange: Exchange) -> WSGIApplication | None:
        """Look at the request, and answer it by the app that is returned, or let it pass with ``None``."""

    def start(self, exchange: Exchange) -> None:
        """Edit ``exchange.status`` and ``exchange.headers``; called each time that the app starts a response."""

    def hint(self, exchange: Exchange, headers: Headers) -> Headers:
        """Return the early hints (RFC 8297) to send in place of *headers*; none of them when it raises."""
        return headers

    def close(self, exchange: Exchange) -> None:
        """Do what is left when the response has been delivered, or has failed; called once."""

    def failed(self, exchange: Exchange, hook: str) -> None:
        """Restore safety after *hook* (``"open"``, ``"start"``, ``"filter"`` or ``"close"``) raised.

        After ``start`` the exchange's status and headers are the app's again. Should this raise too, no
        cookie leaves with the response.
        """

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Serve a request (PEP 3333). A plain function that returns, so that nothing is delayed (W2)."""
        if not self.repeats:  # W49
            seen = environ.get(_SEEN, frozenset())
            if type(self) in seen:
                return self.app(environ, start_response)
            environ[_SEEN] = seen | {type(self)}

        exchange = Exchange(environ)
        app = self.app
        upgraded = self.filters and "HTTP_UPGRADE" in environ
        if self._opens:
            answer = self._opened(exchange)
            if answer is not None:
                app = answer
        if self._hints and "wsgi.early_hints" in environ:  # W22
            environ["wsgi.early_hints"] = self._hinting(exchange, environ["wsgi.early_hints"])
        if self._starts or self._closes:
            start_response = self._starting(exchange, start_response)
        if not self._closes:
            body = app(environ, start_response)
            return filtered(body, self, exchange, upgraded=upgraded) if self.filters else body

        try:
            body = app(environ, start_response)
            if self.filters:
                body = filtered(body, self, exchange, upgraded=upgraded)
        except BaseException as error:  # W36: GreenletExit and SystemExit too
            exchange.error = type(error)
            self.finish(exchange)
            raise
        if is_the_servers(body, exchange):
            self.finish(exchange)  # W16: there is no later moment
            if exchange.status is None:
                exchange.environ = environ  # W1: a start may yet come, and be judged by its request
            return body
        return closing(body, self, exchange)

    def _opened(self, exchange: Exchange) -> WSGIApplication | None:
        try:
            return self.open(exchange)
        except Exception as error:  # W37
            self.recover("open", exchange, error)
            return None

    def _starting(self, exchange: Exchange, start_response: StartResponse) -> StartResponse:
        starts = self._starts

        def starting(status: str, headers: Headers, exc_info: ExcInfo = None) -> Callable[[bytes], object]:
            before = exchange.status, exchange.headers, exchange.filter
            try:
                # W3: each call starts afresh; W26: with a list that is nobody else's
                exchange.begin(status, headers)
                if starts:
                    try:
                        self.start(exchange)
                    except RefusalError:
                        # this start has never been
                        exchange.status, exchange.headers, exchange.filter = before
                        raise
                    except Exception as error:  # W37
                        exchange.begin(status, headers)  # nothing half done
                        self.recover("start", exchange, error)
                started = exchange.status or status, list(exchange.headers)
                # W4: servers that take two arguments exist
                try:
                    write = (
                        start_response(*started) if exc_info is None else start_response(*started, exc_info)
                    )
                except BaseException:
                    # the server goes on with the response before, and so does its filter
                    exchange.status, exchange.headers, exchange.filter = before
                    raise
                if exchange.filter is None:
                    return write  # W7
                return lambda chunk: write(Passage(self, exchange).feed(chunk))
            finally:
                exc_info = None  # W6: no reference cycle through the traceback

        return starting  # W5: exc_info keeps its name, WebOb passes it by keyword

    def _hinting(self, exchange: Exchange, send: Callable[[Headers], Any]) -> Callable[[Headers], Any]:
        def hinting(headers: Headers) -> Any:
            try:
                # gunicorn takes bytes as well, and no hook shall overlook a name for that
                ours = self.hint(exchange, [(_native(name), _native(value)) for name, value in headers])
            except RefusalError:
                raise
            except Exception as error:
                self._report("hint", error)
                return None  # a hint is never needed: fail closed
            return send(ours) if ours else None

        return hinting

    def recover(self, hook: str, exchange: Exchange, error: Exception) -> None:
        """Log that *hook* raised *error*, and go on: the base itself calls this."""
        self._report(hook, error)
        try:
            self.failed(exchange, hook)
        except Exception as another:
            self._report("failed", another)
            exchange.headers = [line for line in exchange.headers if "set-cookie" not in str(line).lower()]

    def _report(self, hook: str, error: Exception) -> None:
        # Where it happened, but never the error's own text: that may hold a value or an address.
        where = "".join(traceback.format_tb(error.__traceback__))
        logger.error(
            "%s.%s raised %s; the page is served.\n%s", type(self).__name__, hook, type(error).__name__, where
        )

    def finish(self, exchange: Exchange) -> None:
        """End *exchange*: the base itself calls this, once, when there is nothing more to come."""
        try:
            self.close(exchange)
        except Exception as error:  # W37
            self.recover("close", exchange, error)
        if not self.repeats:  # whoever serves the same environ again is seen again
            exchange.environ[_SEEN] = exchange.environ.get(_SEEN, frozenset()) - {type(self)}
        exchange.environ = {}  # W31: some servers reuse the dict, or crash on a late look


def _native(text: str | bytes) -> str:
    return text.decode("latin-1") if isinstance(text, bytes) else text


def layers(app: object) -> Iterator[Middleware]:
    """Walk inwards from *app* and yield each of our layers, as far as wrappers show what they wrap."""
    for _ in range(_MAX_CHAIN):
        if isinstance(app, Middleware):
            yield app
        wrapped = (getattr(app, name, None) for name in _INSIDE)
        app = next((inner for inner in wrapped if callable(inner)), None)
        if app is None:
            return
