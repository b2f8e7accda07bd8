"""Clause 4: visits are recorded for statistics, cut before they are stored, to pluggable sinks.

Room: visits, one of the clauses; knows no other clause. ``declaration`` (VisitLog) → ``logger`` (the middleware)
→ ``record`` and ``redaction`` → ``pipeline`` → ``sinks/`` → ``statistics/``; ``running`` bundles them for a site.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cactuprivacy.visits.declaration import VisitLog as VisitLog
from cactuprivacy.visits.logger import VisitLogger as VisitLogger
from cactuprivacy.visits.pipeline import Pipeline as Pipeline
from cactuprivacy.visits.record import Visit as Visit
from cactuprivacy.visits.sinks import JsonLinesSink as JsonLinesSink
from cactuprivacy.visits.sinks import Sink as Sink

if TYPE_CHECKING:
    from cactuprivacy.visits.running import Visits as Visits
    from cactuprivacy.visits.sinks.sql import SqlSink as SqlSink


def __getattr__(name: str) -> object:
    # These two need SQLAlchemy, which a log in a file does not.
    if name == "Visits":
        from cactuprivacy.visits.running import Visits

        return Visits
    if name == "SqlSink":
        from cactuprivacy.visits.sinks.sql import SqlSink

        return SqlSink
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
