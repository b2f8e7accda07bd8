"""Visits: a site's running visit log, that is its pipeline, sinks and statistics together.

Room: visits. What the roof builds from a :class:`~cactuprivacy.VisitLog`, and the command line talks to.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cactuprivacy.visits.logger import VisitLogger
from cactuprivacy.visits.pipeline import Counts, Pipeline
from cactuprivacy.visits.sinks.sql import SqlSink
from cactuprivacy.visits.statistics import Statistics
from cactuprivacy.wsgi import TrustedProxies

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from _typeshed.wsgi import WSGIApplication, WSGIEnvironment

    from cactuprivacy.site import Site
    from cactuprivacy.store import Store
    from cactuprivacy.visits.declaration import VisitLog


class Visits:
    """A site's running visit log: to its database, and to every sink that was declared.

    Parameters:
        log: What is recorded, and how long it is kept.
        store: The site's database, from which the statistics read.
        site: The site.
        trusted_proxies: The networks of our own proxies.
        objects: Tells of an environ whether the visitor objects to statistics.
    """

    def __init__(
        self,
        log: VisitLog,
        *,
        store: Store,
        site: Site,
        trusted_proxies: TrustedProxies | Iterable[str] = (),
        objects: Callable[[WSGIEnvironment], bool] | None = None,
    ) -> None:
        self.log = log
        self.statistics = Statistics(store)
        self.pipeline = Pipeline([SqlSink(store), *log.sinks], keep_days=log.keep_days)
        self._site = site
        self._trusted_proxies = TrustedProxies.of(trusted_proxies)
        self._objects = objects

    def layer(self, app: WSGIApplication) -> VisitLogger:
        """Return *app* with its visits logged."""
        return VisitLogger(
            app,
            log=self.log,
            site=self._site,
            trusted_proxies=self._trusted_proxies,
            objects=self._objects,
            pipeline=self.pipeline,
        )

    def counts(self) -> dict[str, Counts]:
        """Return this process's counts by sink."""
        return self.pipeline.counts()

    def flush(self, seconds: float) -> bool:
        """Wait up to *seconds* until every visit so far is written; tell whether it is."""
        return self.pipeline.flush(seconds)

    def purge(self) -> dict[str, int]:
        """Delete what is older than the log keeps, from every sink that can; return how much, by sink."""
        return self.pipeline.purge()

    def close(self) -> None:
        """Write what is waiting, and stop this process's writers."""
        self.pipeline.close()
