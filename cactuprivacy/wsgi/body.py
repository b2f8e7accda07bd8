"""Body: what stands between an app's response body and the server, for a layer that closes or filters.

Room: wsgi. Only :mod:`~cactuprivacy.wsgi.middleware` makes these. Everything that a layer does not ask for is
the app's own: its chunks, one by one, its length, its ``close``. Each rule is one of the traps W8 to W19 and
W46 to W48, with a test of its name in ``tests/wsgi``.
"""

from __future__ import annotations

import sys
from types import GeneratorType
from typing import TYPE_CHECKING, Protocol

from cactuprivacy.wsgi.exchange import RefusalError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from cactuprivacy.wsgi.exchange import Exchange
    from cactuprivacy.wsgi.middleware import Middleware


class BodyFilter(Protocol):
    """What the bytes of one response's body go through. It may hold some back, for the next chunk."""

    def feed(self, chunk: bytes) -> bytes:
        """Return what to send now that *chunk* has come; it may be empty."""

    def end(self) -> bytes:
        """Return what is still held back: nothing more will come."""


class Watched:
    """A body filter that lets *inner* see every byte, and sends all as it came."""

    def __init__(self, inner: BodyFilter) -> None:
        self._inner = inner

    def feed(self, chunk: bytes) -> bytes:
        """Return *chunk* itself."""
        self._inner.feed(chunk)
        return chunk

    def end(self) -> bytes:
        """Return nothing, for nothing was held back."""
        self._inner.end()
        return b""


class Passage:
    """The way of one response's bytes through its filter, whether they are written, listed or iterated over.

    A filter that raises is out of the way from there on, so that the page is served (W37), unless the layer's
    ``failed`` puts another in its place.

    Parameters:
        layer: Whose filter it is.
        exchange: The request, and the response of which the bytes are.
    """

    __slots__ = ("_exchange", "_layer")

    def __init__(self, layer: Middleware, exchange: Exchange) -> None:
        self._layer = layer
        self._exchange = exchange

    @property
    def free(self) -> bool:
        """Whether all goes through untouched."""
        return self._exchange.filter is None

    def feed(self, chunk: bytes) -> bytes:
        """Return what to send for *chunk*."""
        filtering = self._exchange.filter
        if filtering is None:
            return chunk
        try:
            return filtering.feed(chunk)
        except RefusalError:
            raise
        except Exception as error:
            self._drop(error)
            left = self._exchange.filter
            return filtering.end() + chunk if left is None else left.feed(chunk)

    def end(self) -> bytes:
        """Return what is left to send after the last chunk."""
        filtering = self._exchange.filter
        try:
            return b"" if filtering is None else filtering.end()
        except RefusalError:
            raise
        except Exception as error:
            self._drop(error)
            return b""

    def _drop(self, error: Exception) -> None:
        self._exchange.filter = None
        self._layer.recover("filter", self._exchange, error)


def filtered(
    body: Iterable[bytes], layer: Middleware, exchange: Exchange, *, upgraded: bool
) -> Iterable[bytes]:
    """Return *body* with its bytes going through the response's filter; *body* itself where there is sure to be none.

    *upgraded* is whether the client has asked for another protocol; what the app says of that does not count here.

    A list has all been made already: it is filtered at once, and has as many chunks as before, since servers
    compute ``Content-Length`` from a list of one (W12).
    """
    if type(body) in (list, tuple) and exchange.status is not None:
        if exchange.filter is None:
            return body
        passage = Passage(layer, exchange)
        chunks = [passage.feed(chunk) for chunk in body] or [b""]
        if rest := passage.end():
            chunks[-1] += rest
        return chunks
    late = exchange.status is None and not upgraded  # there may be a filter yet
    if not _is_iterable(body) or (not late and exchange.filter is None and is_the_servers(body, exchange)):
        return body
    return _FilteredBody(body, Passage(layer, exchange))


class _FilteredBody:
    """The app's body through a layer's filter: a chunk for a chunk, and what was held back at the end (W18)."""

    __slots__ = ("_body", "_passage")

    def __init__(self, body: Iterable[bytes], passage: Passage) -> None:
        self._body = body
        self._passage = passage

    def __iter__(self) -> Iterator[bytes]:
        passage = self._passage
        chunks = iter(self._body)
        for chunk in chunks:
            yield passage.feed(chunk)
            if chunk and passage.free:
                yield from chunks
                return
        if rest := passage.end():
            yield rest

    def close(self) -> None:
        close = getattr(self._body, "close", None)  # W9, W10: the iterable's own
        if close is not None:
            close()


def closing(body: Iterable[bytes], layer: Middleware, exchange: Exchange) -> Iterable[bytes]:
    """Return *body* so that *layer* finishes *exchange* when the server closes it."""
    return (_SizedBody if hasattr(type(body), "__len__") else _Body)(body, layer, exchange)


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


def is_the_servers(body: Iterable[bytes], exchange: Exchange) -> bool:
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
    if not _is_iterable(body):
        return True
    return (
        "HTTP_UPGRADE" in environ
        # Clients offer h2c at any time; an app that does not take it up answers as ever, if need be late.
        and exchange.status_code in (None, 101)
        and not isinstance(body, (GeneratorType, _Body, _FilteredBody))
    )


def _is_iterable(body: object) -> bool:
    kind = type(body)
    return hasattr(kind, "__iter__") or hasattr(kind, "__getitem__")
