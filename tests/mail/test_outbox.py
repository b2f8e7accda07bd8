"""The outbox: what becomes of a mail when the server is slow, gone, or says no."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
import time_machine
from sqlalchemy import select
from werkzeug.test import Client

from cactuprivacy import KeyRing, MailingList, OptIn, Store
from cactuprivacy.mail import Counts
from cactuprivacy.mail.outbox import MAX_ATTEMPTS
from cactuprivacy.mail.tables import outbox
from cactuprivacy.store import now

if TYPE_CHECKING:
    from mail_catcher import MailCatcher

KEY = "k3y-8Zq1vB7nT5cXw2LmP9sRd4GhJ6fYaEuC"


@pytest.fixture
def lists(sqlite_store: Store, catcher: MailCatcher) -> OptIn:
    return OptIn(
        [MailingList("news", title="Cactus news", sender="news@shop.example")],
        site="https://shop.example",
        keys=KeyRing([KEY]),
        store=sqlite_store,
        mail=catcher.url,
        background=False,
    )


def sign_up(lists: OptIn, count: int = 1) -> None:
    for number in range(count):
        answer = Client(lists).post("/news", data={"email": f"reader{number}@example.org"})
        assert 303 == answer.status_code


def test_what_is_put_off_comes_later_as_the_same_message(lists: OptIn, catcher: MailCatcher) -> None:
    sign_up(lists)
    catcher.refuse(".", "451 later")

    assert Counts(retried=1) == lists.deliver_due()
    assert Counts() == lists.deliver_due()
    catcher.refuse(".", None)
    with time_machine.travel(now() + timedelta(minutes=2)):
        assert Counts(sent=1) == lists.deliver_due()


def test_each_wait_is_longer_and_no_try_is_endless(lists: OptIn, catcher: MailCatcher) -> None:
    sign_up(lists)
    catcher.refuse("RCPT", "451 later")
    waits, outcome = [timedelta()], Counts(retried=1)
    with time_machine.travel(now(), tick=False) as clock:
        while outcome == Counts(retried=1):
            outcome = lists.deliver_due()
            with lists._store.read() as connection:
                next_at = connection.execute(select(outbox.c.next_at)).scalar_one()
            waits.append(next_at - now())
            clock.move_to(next_at)

    assert sorted(waits[:-1]) == waits[:-1]
    assert MAX_ATTEMPTS == len(waits) - 1
    assert Counts(withdrawn=1) == outcome  # its link has ended by then


def test_a_refusal_for_good_is_not_tried_again(lists: OptIn, catcher: MailCatcher) -> None:
    sign_up(lists)
    catcher.refuse("RCPT", "550 no such reader")

    assert Counts(failed=1) == lists.deliver_due()
    catcher.refuse("RCPT", None)
    with time_machine.travel(now() + timedelta(days=1)):
        assert Counts() == lists.deliver_due()


def test_a_server_that_is_down_is_asked_once_a_run(lists: OptIn, catcher: MailCatcher) -> None:
    sign_up(lists, 5)
    catcher.refuse("CONNECT", "554 closed")

    assert Counts(retried=5) == lists.deliver_due()
    catcher.refuse("CONNECT", None)
    with time_machine.travel(now() + timedelta(minutes=2)):
        assert Counts(sent=5) == lists.deliver_due()


def test_a_lost_answer_to_a_confirmation_sends_the_same_message_again(
    lists: OptIn, catcher: MailCatcher
) -> None:
    sign_up(lists)
    catcher.refuse(".", "lost")
    lists.deliver_due()
    catcher.refuse(".", None)
    with time_machine.travel(now() + timedelta(minutes=2)):
        lists.deliver_due()

    first, second = catcher.messages
    assert first.message["Message-ID"] == second.message["Message-ID"]


def test_many_at_once_send_each_mail_once(lists: OptIn, catcher: MailCatcher) -> None:
    sign_up(lists, 25)
    threads = [threading.Thread(target=lists.deliver_due) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    lists.deliver_due()

    assert 25 == len(catcher.messages) == len({mail.recipients for mail in catcher.messages})


def test_a_run_that_is_to_end_leaves_the_rest_to_others(lists: OptIn, catcher: MailCatcher) -> None:
    sign_up(lists, 5)
    answers = iter([False, False, False, True, True, True, True])

    assert 2 == lists.outbox.deliver_due(ending=lambda: next(answers)).sent
    assert 3 == lists.deliver_due().sent


def test_the_token_is_wiped_when_its_mail_is_done_with(lists: OptIn) -> None:
    sign_up(lists)
    lists.deliver_due()
    with lists._store.read() as connection:
        ((state, sealed),) = connection.exec_driver_sql("SELECT state, sealed FROM outbox")

    assert ("sent", None) == (state, sealed)


def test_the_courier_sends_what_a_request_queued(sqlite_store: Store, catcher: MailCatcher) -> None:
    lists = OptIn(
        [MailingList("news", title="Cactus news", sender="news@shop.example")],
        site="https://shop.example",
        keys=KeyRing([KEY]),
        store=sqlite_store,
        mail=catcher.url,
    )
    sign_up(lists, 2)

    assert 2 == len(catcher.wait_for(2))
    lists.close()
