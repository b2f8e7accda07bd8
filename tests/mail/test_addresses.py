"""Which addresses we take, and that what we take goes to exactly that address."""

from __future__ import annotations

from email.utils import parseaddr

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cactuprivacy.mail.addresses import AddressRefusedError, MailAddress, mask, parse


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(
            "=?utf-8?q?victim=40evil.example=2c?=@example.org", id="an encoded word with two addresses"
        ),
        pytest.param("=?utf-8?q?victim?=@example.org", id="an encoded word that is another local part"),
        pytest.param("a?=b@example.org", id="the end of an encoded word"),
        pytest.param("victim%evil.example@example.org", id="a percent route"),
        pytest.param("evil.example!victim@example.org", id="a bang route"),
        pytest.param("-oQ/tmp@example.org", id="an option"),
        pytest.param('"a b"@example.org', id="a quoted local part"),
        pytest.param("Jo <jo@example.org>", id="a display name"),
        pytest.param("jo@[192.0.2.1]", id="an address literal"),
        pytest.param("jo@example.org, mo@example.org", id="two addresses"),
        pytest.param("jo@example.org\r\nBcc: mo@example.org", id="a header"),
        pytest.param("jo@example.org>\r\nRCPT TO:<mo@example.org", id="an SMTP command"),
        pytest.param("a" * 65 + "@example.org", id="a local part of 65"),
        pytest.param("a" * 5000 + "@example.org", id="a long one"),
        pytest.param("jo@localhost", id="a machine of ours"),
        pytest.param("jo\0@example.org", id="a null"),
        pytest.param("", id="nothing"),
    ],
)
def test_P0_refuses(text: str) -> None:
    with pytest.raises(AddressRefusedError) as refused:
        parse(text)

    assert not text or text not in str(refused.value)


@pytest.mark.parametrize(
    "text, spelling, identity",
    [
        (" Jo@Example.ORG ", "Jo@example.org", "jo@example.org"),
        ("jo+cactus@example.org", "jo+cactus@example.org", "jo+cactus@example.org"),
        ("jo@bücher.example", "jo@xn--bcher-kva.example", "jo@xn--bcher-kva.example"),
        ("o'hara@example.org", "o'hara@example.org", "o'hara@example.org"),
        ("Ünal@example.org", "Ünal@example.org", "Ünal@example.org"),
        ("u\u0308nal@example.org", "\u00fcnal@example.org", "\u00fcnal@example.org"),
    ],
)
def test_spells_for_mailing_and_folds_for_identity(text: str, spelling: str, identity: str) -> None:
    assert MailAddress(spelling, identity) == parse(text)


def test_letters_that_only_look_alike_stay_two_people() -> None:
    assert parse("strasse@example.org").identity != parse("straße@example.org").identity
    assert parse("mike@example.org").identity != parse("mıke@example.org").identity


def test_masks_all_but_two_letters() -> None:
    assert "j***@e…" == mask("jo@example.org")


@given(st.text(max_size=80) | st.emails() | st.from_regex(r"[!-~]{1,20}@[a-z=?%]{1,9}\.org", fullmatch=True))
def test_an_address_that_is_taken_is_read_as_itself_by_others(text: str) -> None:
    try:
        address = parse(text)
    except AddressRefusedError:
        return

    assert address == parse(address.spelling)
    assert address.spelling == parseaddr(address.spelling)[1]
    assert address.domain.isascii()
    assert not set(address.spelling) & set(' <>,;:"()[]\\\r\n\t\0')
