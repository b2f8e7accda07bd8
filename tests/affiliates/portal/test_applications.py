"""Applying: a form that nobody sends by accident, a decision of the owner's, and a mail that tells it."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest
import time_machine
from sqlalchemy import insert
from sqlalchemy.exc import IntegrityError

from cactuprivacy import AffiliatePortal, AffiliateProgram, Affiliates, DeclarationError, Store
from cactuprivacy.affiliates import AffiliateError
from cactuprivacy.affiliates.portal.tables import letter
from tests.affiliates.portal.conftest import ANN, KEY, ORIGIN, OWNER, text_of

if TYPE_CHECKING:
    from tests.affiliates.portal.conftest import Shop


def test_A14_an_application_waits_for_the_owner(shop: Shop) -> None:
    answer = shop.apply(words="On my blog,\nwell above the fold")
    (waiting,) = shop.portal.applications()

    assert (303, "/affiliates/applied") == (answer.status_code, answer.location)
    assert (ANN, "On my blog, well above the fold") == (waiting.address, waiting.words)
    assert [(waiting.code, "pending")] == [(each.code, each.state) for each in shop.program.everybody()]


def test_A14_the_code_that_one_gets_is_neither_counted_up_nor_ones_address(shop: Shop) -> None:
    shop.apply("ann@example.org")
    shop.apply("ben@example.org")
    codes = [each.code for each in shop.portal.applications()]

    assert 2 == len(set(codes))
    assert all(len(code) == 10 and "ann" not in code for code in codes)


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_A14_reading_a_page_changes_nothing(small_shop: Shop, method: str) -> None:
    link = "/affiliates/f/" + "a" * 43
    before = small_shop.dump()
    for path in ("", "/", "/apply", "/applied", "/figures", "/sent", "/ended"):
        query = {
            "email": ANN,
            "words": "x",
            "stamp": small_shop.stamp("/affiliates/apply"),
            "activity": "apply",
        }
        answer = small_shop.client.open("/affiliates" + path, method=method, query_string=query)
        assert 200 == answer.status_code
    small_shop.client.open(link, method=method)

    assert before == small_shop.dump()


def test_A14_a_form_that_is_not_ours_is_refused(small_shop: Shop) -> None:
    data = {"email": ANN, "words": "On my blog"}
    stamp = small_shop.stamp("/affiliates/apply")
    another = small_shop.stamp("/affiliates/figures")
    post = small_shop.client.post
    answers = [
        post("/affiliates/apply", data=data),
        post("/affiliates/apply", data={**data, "stamp": "forged"}),
        post("/affiliates/apply", data={**data, "stamp": another}),
        post("/affiliates/apply", data={**data, "stamp": stamp}, headers={"Sec-Fetch-Site": "cross-site"}),
    ]

    assert [403] * 4 == [answer.status_code for answer in answers]
    assert [] == small_shop.portal.applications()


def test_A14_a_form_that_was_open_for_a_day_is_refused_and_keeps_what_was_typed(small_shop: Shop) -> None:
    stamp = small_shop.stamp("/affiliates/apply")
    with time_machine.travel(datetime.now(timezone.utc) + timedelta(hours=13)):
        data = {"email": ANN, "words": "On my blog", "stamp": stamp}
        answer = small_shop.client.post("/affiliates/apply", data=data)

    assert 403 == answer.status_code
    assert ANN in answer.text
    assert "On my blog" in answer.text


@pytest.mark.parametrize(
    ("address", "words"),
    [
        pytest.param("ann@nowhere@example.org", "On my blog", id="no address"),
        pytest.param("=?utf-8?q?x=40evil.example=2c?=@example.org", "On my blog", id="two addresses in one"),
        pytest.param(ANN, "", id="nothing said"),
        pytest.param(ANN, "x" * 501, id="too much said"),
        pytest.param(ANN, "\x1b[2Jcleared", id="an escape that the owner's terminal would obey"),
    ],
)
def test_an_application_that_cannot_be_read_is_asked_for_again(
    small_shop: Shop, address: str, words: str
) -> None:
    answer = small_shop.apply(address, words)

    assert 422 == answer.status_code
    assert 'role="alert"' in answer.text
    assert [] == small_shop.portal.applications()


def test_what_a_stranger_typed_is_no_markup_on_our_page(small_shop: Shop) -> None:
    answer = small_shop.apply('"><script>alert(1)</script>', "</textarea><script>alert(2)</script>")

    assert "<script>" not in answer.text


def test_a_program_that_fills_in_what_people_do_not_see_is_answered_and_forgotten(small_shop: Shop) -> None:
    data = {"email": ANN, "words": "Buy", "stamp": small_shop.stamp("/affiliates/apply"), "website": "x"}
    answer = small_shop.client.post("/affiliates/apply", data=data)

    assert "/affiliates/applied" == answer.location
    assert [] == small_shop.portal.applications()


def test_who_applies_again_is_answered_alike_and_stays_one(shop: Shop) -> None:
    first, again = shop.apply(), shop.apply(ANN.upper().replace("EXAMPLE.ORG", "example.org"), "Again")

    assert (first.status_code, first.data) == (again.status_code, again.data)
    assert first.headers.to_wsgi_list() == again.headers.to_wsgi_list()
    assert ["On my blog"] == [each.words for each in shop.portal.applications()]


def test_who_applies_eight_times_at_once_is_one(shop: Shop) -> None:
    stamp = shop.stamp("/affiliates/apply")
    data = {"email": ANN, "words": "On my blog", "stamp": stamp}
    codes: list[int] = []
    threads = [
        threading.Thread(
            target=lambda: codes.append(shop.client.post("/affiliates/apply", data=data).status_code)
        )
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [303] * 8 == codes
    assert 1 == len(shop.portal.applications())
    assert 1 == len(shop.program.everybody())


def test_one_network_sends_twenty_forms_in_an_hour_and_others_are_not_held_up(shop: Shop) -> None:
    far = {"environ_base": {"REMOTE_ADDR": "2001:db8::1"}}
    for number in range(20):
        near = {"environ_base": {"REMOTE_ADDR": f"2001:db8:0:7::{number + 1:x}"}}
        assert 303 == shop.apply(f"a{number}@example.org", **near).status_code
    one_more = shop.apply("one.more@example.org", **near)

    assert (429, "3600") == (one_more.status_code, one_more.headers["Retry-After"])
    assert 303 == shop.apply("else@example.org", **far).status_code
    with time_machine.travel(datetime.now(timezone.utc) + timedelta(minutes=61)):
        assert 303 == shop.apply("later@example.org", **near).status_code
    assert 1 == len(shop.rows("affiliate_attempt"))


def test_the_database_holds_no_address_in_the_clear(shop: Shop) -> None:
    shop.apply(words="A very particular blog", environ_base={"REMOTE_ADDR": "203.0.113.9"})
    shop.deliver()
    whole = repr(shop.dump()).encode() + b"".join(
        bytes(value) for row in shop.rows("affiliate_person") for value in row if isinstance(value, bytes)
    )

    for secret in (ANN, "ann.blogs", "particular", "203.0.113.9"):
        assert secret.encode() not in whole


def test_A14_the_owner_is_told_once_an_hour_and_by_no_word_of_the_applicants(shop: Shop) -> None:
    shop.apply(words="Visit evil.example")
    (mail,) = shop.deliver()
    shop.apply("ben@example.org")
    nothing_yet = shop.deliver()
    with time_machine.travel(datetime.now(timezone.utc) + timedelta(minutes=61)):
        (later,) = shop.deliver()

    assert ((OWNER,), (OWNER,)) == (mail.recipients, later.recipients)
    assert [] == nothing_yet
    assert b"evil" not in mail.data
    assert b"ann.blogs" not in mail.data


def test_A14_off_means_off(sqlite_store: Store) -> None:
    program = AffiliateProgram(Affiliates(basis="exempt"), site=ORIGIN, keys=[KEY], store=sqlite_store)

    with pytest.raises(DeclarationError, match=r"takes no applications; declare Affiliates\(applications="):
        AffiliatePortal(program, keys=[KEY], mail="smtp://localhost:25")


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("affiliates", "is no mail address"),
        (True, "is no mail address"),
        ("affiliates@elsewhere.example", "is not this site's"),
    ],
)
def test_the_mails_come_from_an_address_of_the_site(sqlite_store: Store, address: Any, says: str) -> None:
    with pytest.raises(DeclarationError, match=says):
        AffiliatePortal(
            AffiliateProgram(
                Affiliates(basis="exempt", applications=address), site=ORIGIN, keys=[KEY], store=sqlite_store
            ),
            keys=[KEY],
            mail="smtp://localhost:25",
        )


def test_A15_who_is_approved_gets_one_mail_with_the_link_and_no_secret(shop: Shop) -> None:
    shop.apply()
    shop.deliver()
    (waiting,) = shop.portal.applications()
    shop.program.approve(waiting.code, actor="maria")
    (mail,) = shop.deliver()
    shop.program.approve(waiting.code)
    again = shop.deliver()
    text = text_of(mail)

    assert ((ANN,), []) == (mail.recipients, again)
    assert f"{ORIGIN}/?af={waiting.code}" in text
    assert "/affiliates/f/" not in text
    assert [] == shop.rows("affiliate_access")
    assert [] == shop.portal.applications()


def test_A15_a_decision_is_told_once_though_many_deliver_at_once(shop: Shop) -> None:
    shop.apply()
    shop.deliver()
    shop.program.approve(shop.portal.applications()[0].code)
    together = threading.Barrier(6)

    def deliver() -> None:
        together.wait()
        shop.portal.deliver_due()

    threads = [threading.Thread(target=deliver) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert 1 == sum(mail.recipients == (ANN,) for mail in shop.catcher.messages)


def test_A15_who_is_refused_is_told_and_forgotten_after_a_month(shop: Shop) -> None:
    shop.apply()
    (waiting,) = shop.portal.applications()
    shop.program.refuse(waiting.code)
    mails = shop.deliver()
    with time_machine.travel(datetime.now(timezone.utc) + timedelta(days=31)):
        shop.portal._contacts.purge()

    assert [(ANN,)] == [mail.recipients for mail in mails]
    assert [] == shop.rows("affiliate_person")
    assert 0 == shop.portal.find(ANN)


def test_A15_a_decision_that_was_changed_before_its_mail_left_is_told_as_it_stands(shop: Shop) -> None:
    shop.apply()
    (waiting,) = shop.portal.applications()
    shop.program.approve(waiting.code)
    shop.portal.outbox._queue_what_is_to_be_told()
    shop.program.refuse(waiting.code)
    (mail,) = shop.deliver()

    assert "decided not to take" in text_of(mail)
    assert {"withdrawn", "sent"} == {row.state for row in shop.rows("affiliate_letter")}


def test_A15_each_decision_has_its_actor_and_its_time(shop: Shop) -> None:
    code = shop.approved()
    shop.program.suspend(code, actor="maria")
    events = shop.rows("affiliate_event")

    assert ["pending", "approved", "suspended"] == [event.state for event in events]
    assert ["applicant", "owner", "maria"] == [event.actor for event in events]
    assert all(event.at for event in events)


def test_an_affiliate_who_was_added_by_hand_can_be_given_an_address(shop: Shop) -> None:
    shop.program.add("cactusblog")
    shop.portal.set_address("cactusblog", "first@example.org")
    shop.portal.set_address("cactusblog", ANN)
    shop.program.approve("cactusblog")
    (mail,) = shop.deliver()

    assert (ANN,) == mail.recipients
    shop.program.add("another")
    with pytest.raises(AffiliateError, match="another affiliate's"):
        shop.portal.set_address("another", ANN)
    with pytest.raises(AffiliateError, match="cannot be written to"):
        shop.portal.set_address("another", "no address")


def test_a_person_gets_a_copy_and_is_erased_and_the_earnings_stay(shop: Shop) -> None:
    code = shop.approved()
    shop.link()
    shop.program.credit_sale(order=1, amount="100", currency="GBP", coupon=code)
    told = shop.portal.export(ANN)
    found = shop.portal.find(ANN)
    erased = shop.portal.erase(ANN)

    assert (ANN, "On my blog", code) == (told["address"], told["words"], told["code"])
    assert ["pending", "approved"] == [each["state"] for each in told["states"]]
    assert (3, 3, 0, {}) == (found, erased, shop.portal.find(ANN), shop.portal.export(ANN))
    assert [] == shop.rows("affiliate_person") + shop.rows("affiliate_access")
    assert 1000 == sum(row.amount_minor for row in shop.rows("affiliate_ledger"))


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param({"kind": "approved"}, id="a decision of no event"),
        pytest.param({"kind": "access", "affiliate_id": 1}, id="a link that is none"),
        pytest.param({"kind": "application", "affiliate_id": 1}, id="the owner's mail to somebody"),
        pytest.param({"kind": "welcome", "affiliate_id": 1}, id="a mail for no reason"),
        pytest.param({"kind": "approved", "affiliate_id": 99, "event_id": 1}, id="to nobody"),
    ],
)
def test_the_database_refuses_a_mail_that_has_no_reason(shop: Shop, fault: dict[str, Any]) -> None:
    shop.apply()
    row = {"dedupe_key": "x", "message_id": "x", "state": "queued", "attempts": 0}
    moment = datetime.now(timezone.utc)

    with pytest.raises(IntegrityError), shop.store.write() as connection:
        connection.execute(insert(letter).values(**row, next_at=moment, created_at=moment, **fault))


def test_nothing_is_held_about_a_stranger(shop: Shop) -> None:
    for address in ("nobody@example.org", "no address"):
        assert (0, {}, 0) == (
            shop.portal.find(address),
            shop.portal.export(address),
            shop.portal.erase(address),
        )


def test_a_database_that_is_down_is_a_page_that_says_so(small_shop: Shop) -> None:
    stamp = small_shop.stamp("/affiliates/apply")
    with small_shop.store.write() as connection:
        connection.exec_driver_sql("ALTER TABLE affiliate_person RENAME TO gone")
    data = {"email": ANN, "words": "On my blog", "stamp": stamp}
    answer = small_shop.client.post("/affiliates/apply", data=data)

    assert (503, "60") == (answer.status_code, answer.headers["Retry-After"])
