"""One person's data: found, handed out, erased."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING

import time_machine

from cactuprivacy.optin.tables import suppression
from cactuprivacy.store import now
from tests.optin.conftest import NEWS

if TYPE_CHECKING:
    from tests.optin.conftest import Shop


def test_a_stranger_is_not_found(small_shop: Shop) -> None:
    small_shop.subscribe()

    for nobody in ("mo@example.org", "no address"):
        assert (0, {}, 0) == (
            small_shop.lists.find(nobody),
            small_shop.lists.export(nobody),
            small_shop.lists.erase(nobody),
        )


def test_M7_an_export_holds_what_was_agreed_to_when_and_what_was_sent(shop: Shop) -> None:
    shop.subscribe("Jo@example.org")
    shop.announce()
    export = json.loads(json.dumps(shop.lists.export("jo@example.org")))

    assert "Jo@example.org" == export["address"]
    assert (NEWS.consent, "signup_box") == (
        export["requests"][0]["agreed_to"],
        export["requests"][0]["source"],
    )
    assert ["active"] == [row["state"] for row in export["subscriptions"]]
    assert ["A new cactus"] == [row["subject"] for row in export["announcements"]]
    assert ["requested", "confirmed"] == [row["kind"] for row in export["events"]]


def test_I14_erasing_leaves_keyed_hashes_alone(shop: Shop) -> None:
    shop.subscribe("mo@example.org")
    shop.subscribe()
    shop.announce()
    shop.lists.announce("news", subject="Waiting", text="in the outbox")

    assert shop.lists.find("jo@example.org") > 0
    assert shop.lists.erase("JO@example.org") > 0
    assert 0 == shop.lists.find("jo@example.org")
    assert 1 == len(shop.rows("address"))
    assert ["erased"] == [row.reason for row in shop.rows("suppression")]
    assert {("mo@example.org",)} == {mail.recipients for mail in shop.announce()}


def test_I14_a_suppression_still_matches_after_the_erasure(shop: Shop) -> None:
    from cactuprivacy.mail.addresses import parse

    shop.subscribe()
    shop.lists.erase("jo@example.org")
    with shop.store.read() as connection:
        book = shop.lists._person._book

        assert book.is_suppressed(connection, parse("Jo@Example.org"), "news")
        assert not book.is_suppressed(connection, parse("mo@example.org"), "news")


def test_I14_who_was_erased_comes_back_only_by_a_fresh_confirmation(shop: Shop) -> None:
    old = shop.subscribe()
    shop.lists.erase("jo@example.org")

    assert 404 == shop.client.get(old).status_code
    fresh = shop.ask()
    assert [] == shop.announce()
    shop.confirm(fresh)
    assert 1 == len(shop.announce())
    assert [] == shop.rows("suppression")


def test_an_erasure_leaves_a_complaint_standing(shop: Shop) -> None:
    from sqlalchemy import insert

    shop.subscribe()
    (address,) = shop.rows("address")
    with shop.store.write() as connection:
        connection.execute(
            insert(suppression).values(
                scope="*", blind_index=address.blind_index, reason="complained", since=now()
            )
        )
    shop.lists.erase("jo@example.org")

    assert ["complained"] == [row.reason for row in shop.rows("suppression")]
    shop.sign_up()
    assert [] == shop.deliver()


def test_M10_who_never_confirmed_is_cleared_away_and_the_others_stay(shop: Shop) -> None:
    shop.subscribe("jo@example.org")
    shop.ask("never@example.org")
    with time_machine.travel(now() + timedelta(days=34)):
        shop.ask("today@example.org")

        assert 1 == shop.lists._person.purge()
        assert (0, True, True) == (
            shop.lists.find("never@example.org"),
            shop.lists.find("jo@example.org") > 0,
            shop.lists.find("today@example.org") > 0,
        )
