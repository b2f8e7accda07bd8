"""Announcements: to whom, with what in them, and to whom not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlalchemy import insert

from cactuprivacy.optin.campaigns import AnnouncementRefusedError
from cactuprivacy.optin.tables import suppression
from cactuprivacy.store import now
from tests.optin.conftest import ORIGIN

if TYPE_CHECKING:
    from tests.optin.conftest import Shop


def parts(mail: object) -> list[str]:
    return [part.get_content() for part in mail.message.iter_parts()]  # type: ignore[attr-defined]  # a Caught


def test_I11_one_recipient_a_mail_and_it_is_the_one_in_to(shop: Shop) -> None:
    for name in ("Jo", "mo+cactus", "o'hara"):
        shop.subscribe(f"{name}@example.org")
    mails = shop.announce()

    assert {("Jo@example.org",), ("mo+cactus@example.org",), ("o'hara@example.org",)} == {
        mail.recipients for mail in mails
    }
    assert [mail.recipients for mail in mails] == [
        tuple(address.addr_spec for address in mail.message["To"].addresses) for mail in mails
    ]


def test_only_the_confirmed_get_it(shop: Shop) -> None:
    shop.subscribe("confirmed@example.org")
    shop.ask("pending@example.org")
    shop.subscribe("left@example.org")
    _, mail = sorted(shop.announce(), key=lambda mail: mail.recipients)
    shop.client.post(
        str(mail.message["List-Unsubscribe"]).strip("<>").removeprefix(ORIGIN),
        data={"List-Unsubscribe": "One-Click"},
    )
    campaign = shop.lists.announce("news", subject="Again", text="Once more")

    assert 1 == campaign.recipients
    assert [("confirmed@example.org",)] == [mail.recipients for mail in shop.deliver()]


def test_I10_who_left_before_the_data_gets_nothing(shop: Shop) -> None:
    shop.subscribe()
    way_out = shop.leave_link()
    shop.lists.announce("news", subject="Queued", text="while still subscribed")
    shop.client.post(way_out, data={"List-Unsubscribe": "One-Click"})

    assert 1 == shop.lists.deliver_due().withdrawn
    assert ["A new cactus"] == [mail.message["Subject"] for mail in shop.catcher.messages[1:]]


def test_I10_leaving_while_the_server_is_being_told_the_recipient_still_counts(shop: Shop) -> None:
    import threading

    shop.subscribe()
    way_out = shop.leave_link()
    hold = shop.catcher.hold("RCPT")
    shop.lists.announce("news", subject="Queued", text="while still subscribed")
    counts = []
    thread = threading.Thread(target=lambda: counts.append(shop.lists.deliver_due()))
    thread.start()
    assert hold.reached.wait(10)
    shop.client.post(way_out, data={"List-Unsubscribe": "One-Click"})
    hold.go.set()
    thread.join()

    assert 1 == counts[0].withdrawn
    assert 2 == len(shop.catcher.messages)


def test_a_suppression_is_the_last_word(shop: Shop) -> None:
    shop.subscribe()
    (address,) = shop.rows("address")
    shop.lists.announce("news", subject="Queued", text="before the complaint")
    with shop.store.write() as connection:
        connection.execute(
            insert(suppression).values(
                scope="news", blind_index=address.blind_index, reason="complained", since=now()
            )
        )

    assert 1 == shop.lists.deliver_due().withdrawn
    assert 0 == shop.lists.announce("news", subject="Later", text="after it").recipients


def test_the_headers_are_those_of_a_list(small_shop: Shop) -> None:
    small_shop.subscribe()
    (mail,) = small_shop.announce()
    message = mail.message

    assert "Cactus news <news@shop.example>" == message["From"]
    assert "<news.shop.example>" == message["List-Id"]
    assert "List-Unsubscribe=One-Click" == message["List-Unsubscribe-Post"]
    assert message["List-Unsubscribe"].startswith("<https://shop.example/list/u/1.")
    assert "list" == message["Precedence"]
    assert "news@shop.example" == mail.sender
    assert b"List-Unsubscribe: <https://shop.example/list/u/" in mail.data


def test_M12_every_part_holds_the_removal_statement_with_this_readers_link(small_shop: Shop) -> None:
    small_shop.subscribe()
    (mail,) = small_shop.announce()
    link = str(mail.message["List-Unsubscribe"]).strip("<>")

    text, html = parts(mail)
    assert (True, True) == (link in text, link in html)
    assert "To be removed from the list" in text
    assert "Remove me from the list" in html


def test_nothing_in_it_tracks(small_shop: Shop) -> None:
    small_shop.subscribe()
    (mail,) = small_shop.announce("Look: https://shop.example/new?pot=3 & enjoy")

    html = parts(mail)[1]
    assert "<img" not in html
    assert "https://shop.example/new?pot=3" in html.replace("&amp;", "&")


def test_the_text_is_shown_and_not_run(small_shop: Shop) -> None:
    small_shop.subscribe()
    (mail,) = small_shop.announce("<script>alert(1)</script>\n.\n..and a dot")

    text, html = parts(mail)
    assert "<script>" not in html
    assert "<script>alert(1)</script>\n.\n..and a dot" in text.replace("\r\n", "\n")


@pytest.mark.parametrize(
    "subject, text, fault",
    [
        ("", "text", "no subject"),
        ("  ", "text", "no subject"),
        ("Hello\r\nBcc: mo@example.org", "text", "line break"),
        ("Hello\nX: y", "text", "line break"),
        ("Hello\x85X: y", "text", "line break"),
        ("Hello\u2028X: y", "text", "line break"),
        ("x" * 500, "text", "longer than"),
        ("Hello", " \n ", "no text"),
        ("Hello", "x" * 300_000, "no text"),
    ],
)
def test_a_wrong_announcement_is_refused(small_shop: Shop, subject: str, text: str, fault: str) -> None:
    small_shop.subscribe()
    with pytest.raises(AnnouncementRefusedError, match=fault):
        small_shop.lists.announce("news", subject=subject, text=text)

    assert [] == small_shop.rows("campaign")


def test_an_unknown_list_is_refused_with_the_known_ones(small_shop: Shop) -> None:
    with pytest.raises(AnnouncementRefusedError, match="there is news, offers"):
        small_shop.lists.announce("nwes", subject="Hello", text="text")


def test_the_confirmation_mail_is_neutral(small_shop: Shop) -> None:
    small_shop.client.post(
        "/list/news",
        data={"email": "jo@example.org", "name": "BUY NOW", "message": "https://spam.example"},
        headers={"Origin": ORIGIN},
        environ_overrides={"REMOTE_ADDR": "192.0.2.7", "cactuprivacy.client_address": "192.0.2.7"},
    )
    (mail,) = small_shop.deliver()

    assert "auto-generated" == mail.message["Auto-Submitted"]
    assert "All" == mail.message["X-Auto-Response-Suppress"]
    assert (None, None) == (mail.message["Precedence"], mail.message["List-Unsubscribe-Post"])
    said = "".join(parts(mail))
    for foreign in ("BUY NOW", "spam.example", "192.0.2.7", "<img"):
        assert foreign not in said
    assert 32 == len(small_shop.rows("optin_request")[0].origin)


def test_M14_a_run_that_stops_half_way_goes_on_where_it_was(shop: Shop) -> None:
    for number in range(5):
        shop.subscribe(f"reader{number}@example.org")
    shop.lists.announce("news", subject="To five", text="of you")

    runs = [shop.lists.deliver_due(2).sent for _ in range(4)]
    assert [2, 2, 1, 0] == runs
    mails = [mail for mail in shop.catcher.messages if mail.message["Subject"] == "To five"]
    assert 5 == len({mail.recipients for mail in mails}) == len(mails)
