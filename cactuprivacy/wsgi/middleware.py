"""Middleware: the base on which every layer of ours stands; it owns PEP 3333's corners, a layer owns none.

Room: wsgi. A layer overrides ``open``, ``start``, ``hint`` and ``close`` and knows nothing of the protocol.
Every rule kept here is one of the traps W1 to W51, each with a test of its name in ``tests/wsgi``;
touch a line here only together with its test.
"""

from __future__ import annotations

import logging
import sys
import traceback
from types import GeneratorType
from typing import TYPE_CHECKING, ClassVar

from cactuprivacy.declaration import DeclarationError
from cactuprivacy.wsgi.exchange import Exchange, Headers

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


class RefusalError(Exception):
    """What a layer raises on purpose from ``start`` or ``hint``, for the app's own tests to fail on.

    Any other error of a hook is logged, and the page is served. This one goes on to whoever called: out of
    ``start_response``, or out of ``wsgi.early_hints``, and no such response or hint is sent. A layer whose
    errors mean this derives them from here; nothing that a visitor can bring about may raise it.
    """


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
    starts and closes last. A body is wrapped only by a layer that overrides ``close``; a file that the
    server sends by itself is never wrapped, and closes as soon as the app has returned it.

    What a layer must remember goes to ``exchange.note``, never to ``self``: an instance serves many requests
    at once. A hook that raises is logged, by the name of its error alone, and the page is served all the
    same: with the app's own status and headers, unless ``failed`` says otherwise; only a ``RefusalError`` of
    ``start`` or ``hint`` is meant, and goes on to the app. A layer with an ``__init__`` of its own calls
    this one.

    Parameters:
        app: The WSGI application to wrap.

    Raises:
        DeclarationError: when a layer inside *app* has to stand outside of this one.
    """

    #: Where the layer must stand, counted from the server: it refuses to wrap one of a lower place.
    #: ``None``, the default, is anywhere.
    place: ClassVar[int | None] = None
    #: Whether a second one of the kind inside the first does its work again.
    repeats: ClassVar[bool] = True
    #: The cookies that the layer itself sets, for a guard around it to know.
    cookies: tuple[Cookie, ...] = ()

    def __init__(self, app: WSGIApplication) -> None:
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
        """Restore safety after *hook* (``"open"``, ``"start"`` or ``"close"``) raised.

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
        if self._opens:
            answer = self._opened(exchange)
            if answer is not None:
                app = answer
        if self._hints and "wsgi.early_hints" in environ:  # W22
            environ["wsgi.early_hints"] = self._hinting(exchange, environ["wsgi.early_hints"])
        if self._starts or self._closes:
            start_response = self._starting(exchange, start_response)
        if not self._closes:
            return app(environ, start_response)

        try:
            body = app(environ, start_response)
        except BaseException as error:  # W36: GreenletExit and SystemExit too
            exchange.error = type(error)
            self.finish(exchange)
            raise
        if _is_the_servers(body, exchange):
            self.finish(exchange)  # W16: there is no later moment
            if exchange.status is None:
                exchange.environ = environ  # W1: a start may yet come, and be judged by its request
            return body
        return (_SizedBody if hasattr(type(body), "__len__") else _Body)(body, self, exchange)

    def _opened(self, exchange: Exchange) -> WSGIApplication | None:
        try:
            return self.open(exchange)
        except Exception as error:  # W37
            self._recover("open", exchange, error)
            return None

    def _starting(self, exchange: Exchange, start_response: StartResponse) -> StartResponse:
        starts = self._starts

        def starting(status: str, headers: Headers, exc_info: ExcInfo = None) -> Callable[[bytes], object]:
            before = exchange.status, exchange.headers
            try:
                # W3: each call starts afresh; W26: with a list that is nobody else's
                exchange.status, exchange.headers = status, list(headers)
                if starts:
                    try:
                        self.start(exchange)
                    except RefusalError:
                        exchange.status, exchange.headers = before  # this start has never been
                        raise
                    except Exception as error:  # W37
                        exchange.status, exchange.headers = status, list(headers)  # nothing half done
                        self._recover("start", exchange, error)
                if exc_info is None:  # W4: servers that take two arguments exist
                    return start_response(exchange.status, list(exchange.headers))
                return start_response(exchange.status, list(exchange.headers), exc_info)
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

    def _recover(self, hook: str, exchange: Exchange, error: Exception) -> None:
        self._report(hook, error)
        try:
            self.failed(exchange, hook)
        except Exception as another:
            self._report("failed", another)
            exchange.headers = [line for line in exchange.headers if line[0].lower() != "set-cookie"]

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
            self._recover("close", exchange, error)
        if not self.repeats:  # whoever serves the same environ again is seen again
            exchange.environ[_SEEN] = exchange.environ.get(_SEEN, frozenset()) - {type(self)}
        exchange.environ = {}  # W31: some servers reuse the dict, or crash on a late look


class _Body:
    """The app's body with something to do on close. Everything else is the app's own.

    Nothing is touched before the server does (W14); ``iter`` hands out the app's own iterator, so that
    no chunk is joined, dropped or read ahead (W13, W18, W19).
    """

    __slots__ = ("_body", "_exchange", "_layer")

    def __init__(self, body: Iterable[bytes], layer: Middleware, exchange: Exchange) -> None:
        self._body = body
        self._layer = layer
        self._exchange: Exchange | None = exchange

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._body)

    def close(self) -> None:
        exchange, self._exchange = self._exchange, None
        if exchange is None:  # W48: a server may close twice
            return
        # A server closes from within its own except or finally: what is being handled right now is why.
        interrupted = sys.exc_info()[0]
        if interrupted is not StopIteration:
            exchange.error = interrupted
        try:
            close = getattr(self._body, "close", None)  # W9, W10: the iterable's own, however falsy it is
            if close is not None:
                close()
        except BaseException as error:
            exchange.error = type(error)
            raise
        finally:  # W11: ours too, and the app's error goes on its way
            self._layer.finish(exchange)


class _SizedBody(_Body):
    """A body whose length servers may ask for, to know ``Content-Length`` (W12)."""

    __slots__ = ()

    def __len__(self) -> int:
        return len(self._body)  # type: ignore[arg-type]  # chosen because its type has __len__


def _is_the_servers(body: Iterable[bytes], exchange: Exchange) -> bool:
    """Tell whether *body* is one that the server must get back as it is.

    That is a file to send by the kernel (W15), a marker that is no body (gunicorn's ALREADY_HANDLED, W14),
    and the answer to an upgraded connection (W45).
    """
    environ = exchange.environ
    wrapper = environ.get("wsgi.file_wrapper")
    if isinstance(wrapper, type):
        if isinstance(body, wrapper):
            return True
    elif wrapper is not None and hasattr(body, "fileno"):
        return True  # uWSGI's wrapper is a function that returns the file itself
    kind = type(body)
    if not (hasattr(kind, "__iter__") or hasattr(kind, "__getitem__")):
        return True
    return (
        "HTTP_UPGRADE" in environ
        # Clients offer h2c at any time; an app that does not take it up answers as ever, if need be late.
        and exchange.status_code in (None, 101)
        and not isinstance(body, (GeneratorType, _Body))
    )


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
