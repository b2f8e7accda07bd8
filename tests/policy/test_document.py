"""The policy document: a pure function of the declaration."""

from __future__ import annotations

import json

import pytest

from cactuprivacy import Affiliates, Cookie, MailingList, Site, VisitLog
from cactuprivacy.policy import Policy, state
from cactuprivacy.policy.page import life

SITE = Site("https://shop.example")
A, B = Cookie("a", purpose="first"), Cookie("b", purpose="second")


def stated(**more: object) -> Policy:
    return state(site=SITE, operator="Cactusoft Ltd", contact="privacy@shop.example", **more)  # type: ignore[arg-type]


def test_I6_the_same_declaration_gives_the_same_bytes_and_hash() -> None:
    assert stated(cookies=[A, B]).json() == stated(cookies=[B, A]).json()
    assert stated(cookies=[A, B]).hash == stated(cookies=[B, A]).hash


@pytest.mark.parametrize(
    "more",
    [
        {"cookies": [A]},
        {"allow_hosts": {"image": ("images.example",)}},
        {"exempt": ("/map",)},
        {"enforced": False},
        {"affiliates": Affiliates()},
        {"visits": VisitLog()},
        {"mailing_lists": [MailingList("news", title="News", sender="news@shop.example")]},
        {"stores": ["orders"]},
    ],
    ids=lambda more: next(iter(more)),
)
def test_I6_whatever_is_declared_changes_the_hash(more: dict[str, object]) -> None:
    assert stated(**more).hash != stated().hash


def test_what_is_not_declared_is_not_stated() -> None:
    document = json.loads(stated().json())

    assert document["cookies"] == []
    assert document["visits"] is None
    assert document["affiliates"] is None


def test_a_changed_window_changes_the_hash() -> None:
    assert (
        stated(affiliates=Affiliates(window_days=30)).hash
        != stated(affiliates=Affiliates(window_days=31)).hash
    )


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (None, "until you close the browser"),
        (86400, "1 day"),
        (180 * 86400, "180 days"),
        (3600, "1 hour"),
        (90 * 60, "90 minutes"),
        (61, "61 seconds"),
    ],
)
def test_a_cookies_life_in_words(seconds: int | None, words: str) -> None:
    assert life(seconds) == words
