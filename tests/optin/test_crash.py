"""kill -9 in the middle of a delivery: a confirmation is not lost, an announcement not doubled."""

from __future__ import annotations

import signal
import subprocess
import sys
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
import time_machine

from cactuprivacy.store import now
from tests.optin.conftest import KEY, ORIGIN

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from tests.optin.conftest import Shop

DELIVER = f"""
import sys
from cactuprivacy import MailingList, OptIn
lists = OptIn(
    [MailingList("news", title="Cactus news", sender="news@shop.example")],
    site={ORIGIN!r}, keys=[{KEY!r}], store=sys.argv[1], mail=sys.argv[2], background=False,
)
lists.deliver_due()
"""


def deliver_and_kill(shop: Shop, verb: str) -> None:
    """Let another process deliver, and kill it while it waits for the answer to *verb*."""
    hold = shop.catcher.hold(verb)
    url = shop.store.url.render_as_string(hide_password=False)
    # From a folder of nobody's, so that it imports what these tests import.
    process = subprocess.Popen([sys.executable, "-c", DELIVER, url, shop.catcher.url], cwd="/")
    try:
        assert hold.reached.wait(30)
        process.send_signal(signal.SIGKILL)
    finally:
        process.kill()
        process.wait()
        hold.go.set()


def after_the_lease() -> AbstractContextManager[object]:
    return time_machine.travel(now() + timedelta(minutes=6))


@pytest.mark.parametrize("verb", ["MAIL", "RCPT", "."])
def test_I13_a_killed_confirmation_is_sent_again_as_the_same_message(small_shop: Shop, verb: str) -> None:
    small_shop.sign_up()
    (row,) = small_shop.rows("outbox")
    deliver_and_kill(small_shop, verb)
    with after_the_lease():
        assert 1 == small_shop.lists.deliver_due().sent

    mails = small_shop.catcher.wait_for(2 if verb == "." else 1)
    assert {row.message_id} == {mail.message["Message-ID"] for mail in mails}


def test_I13_an_announcement_killed_before_the_data_is_sent_once(small_shop: Shop) -> None:
    small_shop.subscribe()
    small_shop.lists.announce("news", subject="Once", text="and not twice")
    deliver_and_kill(small_shop, "RCPT")
    with after_the_lease():
        assert 1 == small_shop.lists.deliver_due().sent

    assert 1 == [mail.message["Subject"] for mail in small_shop.catcher.messages].count("Once")


def test_I13_an_announcement_killed_after_the_data_is_never_sent_again(shop: Shop) -> None:
    shop.subscribe()
    shop.lists.announce("news", subject="Once", text="and not twice")
    deliver_and_kill(shop, ".")
    shop.catcher.wait_for(2)
    with after_the_lease():
        assert 1 == shop.lists.deliver_due().unknown
        assert not any(shop.lists.deliver_due())

    assert 1 == [mail.message["Subject"] for mail in shop.catcher.messages].count("Once")
    assert {"unknown": 1} == shop.lists.outbox.status()["announcement"]


def test_I13_a_lease_keeps_others_off_while_it_lasts(small_shop: Shop) -> None:
    small_shop.sign_up()
    deliver_and_kill(small_shop, "RCPT")

    assert not any(small_shop.lists.deliver_due())
