"""Requested, confirmed, left: in order, out of order, and all at once."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
import time_machine
from sqlalchemy import insert, update

from cactuprivacy import KeyRing
from cactuprivacy.optin.tables import address as address_table
from cactuprivacy.optin.tables import suppression
from cactuprivacy.store import now
from tests.optin.conftest import KEY, link_in

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from tests.optin.conftest import Shop

OLD_KEY = "0ld-Tz7Wq3Np8Vb1Kc6Xm5Rj2Hs9Gd4LfYe"


def at_once(count: int, do: Callable[[int], object]) -> None:
    barrier = threading.Barrier(count)
    failures: list[BaseException] = []

    def run(number: int) -> None:
        try:
            barrier.wait()
            do(number)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [] == failures


def kinds(shop: Shop) -> list[str]:
    return [event.kind for event in shop.rows("consent_event")]


def leave(shop: Shop) -> None:
    assert 200 == shop.client.post(shop.leave_link(), data={"List-Unsubscribe": "One-Click"}).status_code


def later(**span: int) -> time_machine.travel:
    return time_machine.travel(now() + timedelta(**span))


def test_a_sign_up_mails_one_link_and_subscribes_nobody(shop: Shop) -> None:
    shop.sign_up()

    (mail,) = shop.deliver()
    assert ("jo@example.org",) == mail.recipients
    assert [] == shop.rows("subscription")
    assert [] == shop.announce()


def test_I8_fifty_clicks_at_once_confirm_once(shop: Shop) -> None:
    import re

    link = shop.ask()
    found = re.search(r'name="stamp" value="([^"]+)"', shop.client.get(link).text)
    assert found is not None
    stamp, answers = found[1], list[int]()
    at_once(50, lambda _: answers.append(shop.client.post(link, data={"stamp": stamp}).status_code))

    assert [303] * 50 == answers
    assert (1, 1) == (len(shop.rows("confirmation")), len(shop.rows("subscription")))
    assert ["requested", "confirmed"] == kinds(shop)


def test_a_flood_of_sign_ups_for_one_address_mails_once(shop: Shop) -> None:
    at_once(30, lambda number: shop.sign_up("Victim@example.org" if number % 2 else "victim@example.org"))

    assert 1 == len(shop.deliver())
    assert (1, 1) == (len(shop.rows("address")), len(shop.rows("optin_request")))


def test_M4_an_address_is_asked_three_times_a_day_on_all_lists_together(small_shop: Shop) -> None:
    mails = 0
    with time_machine.travel(now(), tick=False) as clock:
        for minute in range(0, 24 * 60, 15):
            small_shop.sign_up(slug="news" if minute % 2 else "offers")
            mails += len(small_shop.deliver())
            clock.shift(timedelta(minutes=15))

    assert 3 == mails


def test_I9_an_old_link_never_brings_back_who_left(shop: Shop) -> None:
    link = shop.subscribe()
    leave(shop)

    assert 410 == shop.client.get(link).status_code
    assert 410 == shop.client.post(link, data={"stamp": _stamp(shop, link)}).status_code
    assert ["unsubscribed"] == [row.state for row in shop.rows("subscription")]
    assert [] == shop.announce()


def _stamp(shop: Shop, link: str) -> str:
    from cactuprivacy.mail.tokens import token_digest

    return shop.lists._endpoints._forms.page_stamp(token_digest(link.rpartition("/")[2]) or b"")


def test_I9_a_second_link_mailed_before_leaving_is_dead_after_it(shop: Shop) -> None:
    first = shop.ask()
    with later(minutes=11):
        second = shop.ask()
        shop.confirm(first)
        leave(shop)

        assert 410 == shop.client.get(second).status_code
        assert 410 == shop.client.post(second, data={"stamp": _stamp(shop, second)}).status_code
    assert [] == shop.announce()


def test_a_replay_stays_at_success_while_subscribed(shop: Shop) -> None:
    link = shop.subscribe()
    page = shop.client.get(link)

    assert (200, True) == (page.status_code, "You are on the list" in page.text)
    assert 303 == shop.client.post(link, data={"stamp": _stamp(shop, link)}).status_code
    assert ["requested", "confirmed"] == kinds(shop)


def test_who_left_comes_back_by_a_new_confirmation(shop: Shop) -> None:
    shop.subscribe()
    leave(shop)
    with later(minutes=11):
        shop.subscribe()

        assert [("jo@example.org",)] == [mail.recipients for mail in shop.announce()]
    assert ["requested", "confirmed", "unsubscribed", "requested", "confirmed"] == kinds(shop)


def test_an_expired_link_is_dead_with_no_sweeper_running(shop: Shop) -> None:
    link = shop.ask()
    with later(hours=73):
        assert 410 == shop.client.get(link).status_code
        assert 410 == shop.client.post(link, data={"stamp": _stamp(shop, link)}).status_code
    assert [] == shop.rows("subscription")


def test_the_clock_of_a_link_starts_when_the_server_took_the_mail(small_shop: Shop) -> None:
    small_shop.sign_up()
    with later(hours=71):
        (mail,) = small_shop.deliver()
    with later(hours=100):
        assert 303 == small_shop.confirm(link_in(mail)).status_code


def test_a_mail_that_waited_until_its_link_died_is_not_sent(small_shop: Shop) -> None:
    small_shop.sign_up()
    with later(hours=73):
        assert [] == small_shop.deliver()


def test_an_active_address_is_not_asked_again(small_shop: Shop) -> None:
    small_shop.subscribe()
    with later(days=2):
        small_shop.sign_up("JO@example.org")

        assert [] == small_shop.deliver()


def test_who_complained_is_not_asked_again(small_shop: Shop) -> None:
    from cactuprivacy.mail.addresses import parse

    index = small_shop.lists._person._book.indexes(parse("jo@example.org").identity)[0]
    with small_shop.store.write() as connection:
        connection.execute(
            insert(suppression).values(scope="*", blind_index=index, reason="complained", since=now())
        )
    small_shop.sign_up()

    assert [] == small_shop.deliver()
    assert [] == small_shop.rows("address")


def test_a_link_of_one_list_confirms_no_other(small_shop: Shop) -> None:
    small_shop.subscribe(slug="offers")

    assert ["offers"] == [row.list for row in small_shop.rows("subscription")]
    assert [] == small_shop.announce()


def test_I15_an_address_moved_to_another_row_does_not_open(shop: Shop) -> None:
    shop.subscribe("jo@example.org")
    shop.subscribe("victim@example.org")
    one, two = shop.rows("address")
    with shop.store.write() as connection:
        connection.execute(
            update(address_table).where(address_table.c.id == one.id).values(sealed=two.sealed)
        )
        connection.execute(
            update(address_table).where(address_table.c.id == two.id).values(sealed=one.sealed)
        )

    assert [] == shop.announce()
    assert {"failed": 2} == shop.lists.outbox.status()["announcement"]


def test_I16_a_rotation_keeps_addresses_links_and_waiting_mails(make_shop: Any) -> None:
    before = make_shop(keys=KeyRing([OLD_KEY]))
    before.subscribe("jo@example.org")
    way_out = before.leave_link()
    before.sign_up("mo@example.org")
    after = make_shop(keys=KeyRing([KEY, OLD_KEY]))

    (mail,) = after.deliver()
    assert 303 == after.confirm(link_in(mail)).status_code
    after.sign_up("jo@example.org")
    assert 2 == len(after.rows("address"))
    assert 200 == after.client.post(way_out, data={"List-Unsubscribe": "One-Click"}).status_code
    assert [("mo@example.org",)] == [mail.recipients for mail in after.announce()]


def test_M8_events_make_a_chain_that_shows_its_first_broken_link(shop: Shop) -> None:
    from cactuprivacy.optin import evidence

    shop.subscribe()
    leave(shop)
    with shop.store.read() as connection:
        assert evidence.first_broken(connection) is None
    with shop.store.write() as connection:
        if shop.store.is_sqlite:
            connection.exec_driver_sql("DROP TRIGGER consent_event_is_not_changed")
        else:
            connection.exec_driver_sql("ALTER TABLE consent_event DISABLE TRIGGER USER")
        connection.exec_driver_sql("UPDATE consent_event SET kind = 'requested' WHERE seq = 2")
    with shop.store.read() as connection:
        assert 2 == evidence.first_broken(connection)


def test_sign_ups_and_clicks_of_many_at_once_all_hold(shop: Shop) -> None:
    at_once(12, lambda number: shop.sign_up(f"reader{number}@example.org"))
    links = [link_in(mail) for mail in shop.deliver()]
    at_once(12, lambda number: shop.confirm(links[number]))

    assert {"news": {"active": 12}} == {"news": shop.lists.subscribers()["news"]}
    assert 12 == len(shop.announce())


@pytest.mark.parametrize("field", ["address", "outbox"])
def test_M9_nothing_at_rest_holds_an_address_or_a_token(small_shop: Shop, field: str) -> None:
    from pathlib import Path

    small_shop.sign_up()
    token = link_in(small_shop.deliver()[0]).rpartition("/")[2]
    small_shop.sign_up("waiting@example.org")
    files = Path(small_shop.store.url.database or "").parent.glob("privacy.db*")
    held = b"".join(file.read_bytes() for file in files)

    assert {"address": b"@example.org", "outbox": token.encode()}[field] not in held
