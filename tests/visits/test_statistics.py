"""Statistics: the same answers on both databases, by definitions in words."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone
from typing import TYPE_CHECKING

import pytest

from cactuprivacy import SqlSink
from cactuprivacy.visits.statistics import Statistics
from cactuprivacy.visits.statistics.summary import Count, Day

if TYPE_CHECKING:
    from collections.abc import Callable

    from cactuprivacy import Store
    from cactuprivacy.visits import Visit

    Make = Callable[..., Visit]

UNTIL = datetime(2026, 11, 23, tzinfo=timezone.utc)
SINCE = UNTIL - timedelta(days=3)


def at(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def test_hits_page_views_and_days(store: Store, make_visit: Make) -> None:
    SqlSink(store).write(
        [
            make_visit(at=at(SINCE)),
            make_visit(at=at(SINCE) - 1),
            make_visit(at=at(UNTIL) - 1),
            make_visit(at=at(UNTIL)),
            make_visit(at=at(UNTIL) - 1, kind="other"),
        ]
    )
    summary = Statistics(store).summary(SINCE, UNTIL)

    assert (summary.hits, summary.page_views) == (3, 2)
    assert summary.days == [
        Day(date(2026, 11, 20), 1, 1),
        Day(date(2026, 11, 21), 0, 0),
        Day(date(2026, 11, 22), 2, 1),
    ]


@pytest.mark.parametrize(
    "different",
    [
        {"method": "HEAD"},
        {"method": "POST"},
        {"kind": "other"},
        {"status": 301},
        {"status": 404},
        {"status": None},
        {"aborted": True},
        {"prefetch": True},
    ],
    ids=str,
)
def test_what_is_a_hit_but_no_page_view(store: Store, make_visit: Make, different: dict[str, object]) -> None:
    SqlSink(store).write([make_visit(at=at(SINCE), **different), make_visit(at=at(SINCE), status=304)])
    summary = Statistics(store).summary(SINCE, UNTIL)

    assert (summary.hits, summary.page_views) == (2, 1)


def test_pages_and_referrers_are_counted_by_page_views_most_first(store: Store, make_visit: Make) -> None:
    blog, paper = "https://blog.example/p", "https://paper.example/"
    SqlSink(store).write(
        [
            make_visit(at=at(SINCE), route="/b", referrer=blog),
            make_visit(at=at(SINCE), route="/b", referrer=blog),
            make_visit(at=at(SINCE), route="/a", referrer=paper),
            make_visit(at=at(SINCE), route="/c", referrer=paper, status=404),
        ]
    )
    summary = Statistics(store).summary(SINCE, UNTIL, top=2)

    assert summary.pages == [Count("/b", 2), Count("/a", 1)]
    assert summary.referrers == [Count(blog, 2), Count(paper, 1)]
    assert summary.statuses == [Count("200", 3), Count("404", 1)]


def test_nothing_recorded_is_nothing_counted(store: Store) -> None:
    summary = Statistics(store).summary(SINCE, UNTIL)

    assert (summary.hits, summary.page_views, summary.pages) == (0, 0, [])
    assert Statistics(store).oldest() is None


def test_the_oldest_visit_is_told(store: Store, make_visit: Make) -> None:
    SqlSink(store).write([make_visit(at=at(SINCE)), make_visit(at=at(UNTIL))])

    assert Statistics(store).oldest() == SINCE
