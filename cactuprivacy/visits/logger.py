"""VisitLogger: records each request when its answer has been delivered, or has failed.

Room: visits. The outermost of our layers. It looks at the request when it comes, since layers inside may
change what they are given, and records on close; no disk and no database is on a request's way.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple

from cactuprivacy.declaration import DeclarationError, explains_options
from cactuprivacy.site import Site
from cactuprivacy.visits.declaration import VisitLog, checked
from cactuprivacy.visits.pipeline import Pipeline
from cactuprivacy.visits.record import METHODS, Visit, clean_path, cut_address, cut_referrer, kind_of, new_id
from cactuprivacy.wsgi import Middleware, TrustedProxies, client_address, fetch_context

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from _typeshed.wsgi import WSGIApplication, WSGIEnvironment

    from cactuprivacy.visits.sinks import Sink
    from cactuprivacy.wsgi import Exchange

ROUTE = "cactuprivacy.route"


class _Arrival(NamedTuple):
    """What is remembered of a request from when it came."""

    at: int
    began: int
    method: str
    path: str
    referrer: str | None
    host: str
    address: str | None
    objected: bool


class VisitLogger(Middleware):
    """Records every request that passes, with address and referrer cut as the level says.

    Parameters:
        app: The WSGI application to wrap.
        sinks: Where visits go; those of *log* are added.
        log: What is recorded, and how long it is kept.
        site: The site, to tell its own pages from other people's; without it the ``Host`` header does.
        trusted_proxies: The networks of our own proxies, whose word about the client is believed.
        objects: Tells of an environ whether the visitor objects to statistics; then the request is counted
            without address and referrer.
        pipeline: A pipeline that is shared with other layers; without it the layer has one of its own.

    Raises:
        DeclarationError: when there is nowhere for visits to go.
    """

    place = 10
    repeats = False

    @explains_options
    def __init__(
        self,
        app: WSGIApplication,
        *,
        sinks: Sequence[Sink] = (),
        log: VisitLog | None = None,
        site: Site | str | None = None,
        trusted_proxies: TrustedProxies | Iterable[str] = (),
        objects: Callable[[WSGIEnvironment], bool] | None = None,
        pipeline: Pipeline | None = None,
    ) -> None:
        super().__init__(app)
        log = log or VisitLog()
        if pipeline is None:
            joined = (*log.sinks, *checked(sinks))
            if not joined:
                raise DeclarationError(
                    "The visit log has no sink; give sinks=[JsonLinesSink('visits.jsonl')]."
                )
            pipeline = Pipeline(joined, keep_days=log.keep_days)
        self.pipeline = pipeline
        self._level = log.level
        self._host = Site.of(site).host if site is not None else None
        self._proxies = TrustedProxies.of(trusted_proxies)
        self._objects = objects

    def open(self, exchange: Exchange) -> None:
        """Remember the request as it came (W30)."""
        environ = exchange.environ
        counts = self._level == "counts"
        exchange.note = _Arrival(
            at=time.time_ns() // 1_000_000,
            began=time.perf_counter_ns(),
            method=environ.get("REQUEST_METHOD", ""),
            path=environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", ""),
            referrer=None if counts else environ.get("HTTP_REFERER"),
            host=self._host or environ.get("HTTP_HOST", "").partition(":")[0].lower(),
            address=None if counts else client_address(environ, self._proxies),
            objected=self._objects is not None and self._objects(environ),
        )

    def close(self, exchange: Exchange) -> None:
        """Hand the record to the pipeline."""
        if isinstance(exchange.note, _Arrival):
            self.pipeline.put(self._record(exchange, exchange.note))

    def _record(self, exchange: Exchange, arrival: _Arrival) -> Visit:
        environ = exchange.environ
        # Asked again, since the page of choices may have been told in this very request.
        objected = arrival.objected or (self._objects is not None and self._objects(environ))
        referrer_kind, referrer = cut_referrer(None if objected else arrival.referrer, arrival.host)
        address = None if objected else arrival.address
        status = exchange.status_code
        if status is None and exchange.error is not None:
            status = 500
        length = exchange.header("content-length")
        context = fetch_context(environ)
        return Visit(
            id=new_id(arrival.at),
            at=arrival.at,
            method=arrival.method if arrival.method in METHODS else "OTHER",
            route=environ.get(ROUTE) or clean_path(arrival.path),
            kind=kind_of(exchange.header("content-type"), status, navigation=context.navigation),
            status=status,
            bytes=int(length)
            if length and length.isascii() and length.isdigit() and len(length) < 19
            else None,
            duration_us=(time.perf_counter_ns() - arrival.began) // 1000,
            referrer_kind=referrer_kind,
            referrer=referrer,
            address=address if self._level == "full" else cut_address(address),
            level=self._level,
            objected=objected,
            prefetch=context.prefetch,
            aborted=exchange.error is not None,
        )
