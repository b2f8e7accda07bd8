"""The bytes of a mail go to exactly who is meant, or are not made."""

from __future__ import annotations

from datetime import datetime, timezone
from email import message_from_bytes, policy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cactuprivacy.mail.addresses import AddressRefusedError, parse
from cactuprivacy.mail.message import Letter, Message, MessageRefusedError, build

LINK = "https://shop.example/list/u/1." + "A" * 200


def make(
    recipient: str = "jo@example.org", letter: Letter | None = None, name: str = "Cactus news"
) -> Message:
    return build(
        letter or Letter("Hello", "text", "<p>text</p>", (("List-Unsubscribe", f"<{LINK}>"),)),
        sender="news@shop.example",
        sender_name=name,
        recipient=recipient,
        message_id="<1@shop.example>",
        date=datetime(2026, 1, 2, tzinfo=timezone.utc),
    )


@pytest.mark.parametrize(
    "recipient",
    [
        "=?utf-8?q?victim=40evil.example=2c?=x@example.org",
        "=?utf-8?q?victim?=@example.org",
        "jo@example.org\r\nBcc: mo@example.org",
        "jo@example.org, mo@example.org",
        "jo",
    ],
)
def test_P0_a_recipient_that_reads_as_another_is_refused(recipient: str) -> None:
    with pytest.raises(MessageRefusedError) as refused:
        make(recipient)

    assert recipient not in str(refused.value)


@given(st.emails() | st.from_regex(r"[a-z!#$&'*+/=?^_`{|}~.-]{1,64}@([a-z]{1,20}\.){1,5}org", fullmatch=True))
def test_I11_what_is_taken_is_addressed_as_it_is_spelled(text: str) -> None:
    try:
        spelling = parse(text).spelling
    except AddressRefusedError:
        return
    data = make(spelling).data

    assert f"\r\nTo: {spelling}\r\n".encode() in data


@given(st.text(min_size=1, max_size=60).filter(str.isprintable))
def test_an_international_local_part_is_kept(text: str) -> None:
    try:
        spelling = parse(f"{text}@example.org").spelling
    except AddressRefusedError:
        return

    assert spelling.encode() in make(spelling).data


@pytest.mark.parametrize(
    "letter",
    [
        Letter("Hello\r\nBcc: mo@example.org", "text", "html"),
        Letter("Hello", "text", "html", (("List-Id", "x\nBcc: mo@example.org"),)),
        Letter("Hello", "text", "html", (("Cc", "mo@example.org"),)),
    ],
)
def test_a_header_that_breaks_out_is_refused(letter: Letter) -> None:
    with pytest.raises(MessageRefusedError):
        make(letter=letter)


def test_a_sender_name_cannot_add_a_header() -> None:
    with pytest.raises(MessageRefusedError):
        make(name="News\r\nBcc: mo@example.org")


def test_a_long_link_stays_one_line_for_mail_programs() -> None:
    assert f"\r\nList-Unsubscribe: <{LINK}>\r\n".encode() in make().data


def test_lines_of_the_body_are_short_and_end_as_smtp_wants() -> None:
    data = make(letter=Letter("Hello", "ä" * 3000 + "\n.\n", "<p>" + "x" * 3000)).data

    body = data.partition(b"\r\n\r\n")[2]
    assert max(map(len, body.split(b"\r\n"))) <= 78
    assert b"\n" not in data.replace(b"\r\n", b"")


def test_it_has_a_text_and_an_html_part() -> None:
    message = message_from_bytes(make().data, policy=policy.SMTP)

    assert ["text/plain", "text/html"] == [part.get_content_type() for part in message.iter_parts()]
