"""Statistics: totals, days, pages and referrers of a range of time.

Room: visits, statistics. **Hit**: any request that was recorded. **Page view**: a GET, answered with 2xx or
304 by a page (HTML or a feed), delivered whole, and not fetched ahead by a browser. Days are UTC's.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, and_, case, func, or_, select

from cactuprivacy.store import Store
from cactuprivacy.visits.tables import visit

DAY_MS = 24 * 3600 * 1000
TOP = 10

PAGE_VIEW: ColumnElement[bool] = and_(
    visit.c.method == "GET",
    visit.c.kind == "page",
    or_(visit.c.status.between(200, 299), visit.c.status == 304),
    visit.c.aborted.is_(False),
    visit.c.prefetch.is_(False),
)


class Day(msgspec.Struct, frozen=True):
    """One day's totals."""

    day: date
    hits: int
    page_views: int


class Count(msgspec.Struct, frozen=True):
    """How often something was."""

    name: str
    count: int


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """The statistics of a range of time.

    Attributes:
        since: Beginning of the range, and *until* its end, which is not part of it.
        hits: Requests recorded, and *page_views* those that a page answered.
        days: Each day's totals, oldest first, days without a visit too.
        pages: The most viewed routes.
        referrers: The external pages that most page views came from.
        statuses: All status codes; ``none`` where an app never answered.
    """

    since: datetime
    until: datetime
    hits: int
    page_views: int
    days: list[Day]
    pages: list[Count]
    referrers: list[Count]
    statuses: list[Count]


class Statistics:
    """Reads statistics out of a database of visits.

    Parameters:
        store: The database that a :class:`~cactuprivacy.SqlSink` writes to.
    """

    def __init__(self, store: Store | str) -> None:
        self.store = Store.of(store)

    def summary(self, since: datetime, until: datetime, *, top: int = TOP) -> Summary:
        """Return the statistics from *since* until before *until*, with the *top* rows of each list."""
        start, end = (int(moment.timestamp() * 1000) for moment in (since, until))
        inside = visit.c.at.between(start, end - 1)
        viewed = and_(inside, PAGE_VIEW)
        with self.store.read() as connection:
            days = _days(connection, inside, since, until)
            return Summary(
                since=since,
                until=until,
                hits=sum(day.hits for day in days),
                page_views=sum(day.page_views for day in days),
                days=days,
                pages=_top(connection, visit.c.route, viewed, top),
                referrers=_top(
                    connection, visit.c.referrer, and_(inside, PAGE_VIEW, visit.c.referrer.is_not(None)), top
                ),
                statuses=_top(connection, visit.c.status, inside, None),
            )

    def oldest(self) -> datetime | None:
        """Return when the oldest visit that is kept was."""
        with self.store.read() as connection:
            at = connection.execute(select(func.min(visit.c.at))).scalar()
        return None if at is None else datetime.fromtimestamp(at / 1000, timezone.utc)


def _days(connection: Connection, inside: ColumnElement[bool], since: datetime, until: datetime) -> list[Day]:
    number = visit.c.at // DAY_MS
    query = select(number.label("number"), func.count(), func.sum(case((PAGE_VIEW, 1), else_=0)))
    found: dict[int, tuple[int, int]] = {
        int(row[0]): (row[1], int(row[2]))
        for row in connection.execute(query.where(inside).group_by("number"))
    }
    first = since.astimezone(timezone.utc).date()
    last = (until - timedelta(microseconds=1)).astimezone(timezone.utc).date()
    epoch = datetime(1970, 1, 1, tzinfo=timezone.utc).date()
    days = (first + timedelta(days=offset) for offset in range((last - first).days + 1))
    return [Day(day, *found.get((day - epoch).days, (0, 0))) for day in days]


def _top(
    connection: Connection, column: ColumnElement[Any], where: ColumnElement[bool], limit: int | None
) -> list[Count]:
    count = func.count()
    query = select(column, count).where(where).group_by(column).order_by(count.desc(), column).limit(limit)
    return [
        Count("none" if name is None else str(name), number) for name, number in connection.execute(query)
    ]
