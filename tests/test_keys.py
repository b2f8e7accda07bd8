"""KeyRing: rotating secrets, one derived key a purpose."""

import pytest
from itsdangerous import BadSignature
from testkeys import KEY, OLD_KEY

from cactuprivacy import DeclarationError, KeyRing


def test_each_purpose_has_a_key_of_its_own() -> None:
    keys = KeyRing([KEY])

    assert keys.derive("one") != keys.derive("two")
    assert keys.derive("one") == KeyRing([KEY]).derive("one")


def test_the_newest_signs_and_all_verify() -> None:
    old = KeyRing([OLD_KEY]).signer("claim").sign("x")
    rotated = KeyRing([KEY, OLD_KEY]).signer("claim")

    assert rotated.unsign(old) == b"x"
    assert rotated.sign("x") == KeyRing([KEY]).signer("claim").sign("x")


def test_a_retired_key_verifies_no_more() -> None:
    old = KeyRing([OLD_KEY]).signer("claim").sign("x")

    with pytest.raises(BadSignature):
        KeyRing([KEY]).signer("claim").unsign(old)


def test_what_one_purpose_signed_is_nothing_to_another() -> None:
    keys = KeyRing([KEY])

    with pytest.raises(BadSignature):
        keys.signer("two").unsign(keys.signer("one").sign("x"))
    with pytest.raises(BadSignature):
        keys.stamps("two").loads(keys.stamps("one").dumps("x"))


def test_digests_lead_with_the_newest() -> None:
    keys = KeyRing([KEY, OLD_KEY])

    assert keys.digests("order", b"7") == [
        KeyRing([KEY]).digest("order", b"7"),
        KeyRing([OLD_KEY]).digest("order", b"7"),
    ]


@pytest.mark.parametrize(
    ("secrets", "fault"),
    [
        ([], "There is no secret key"),
        (KEY, "secret_keys is one text"),
        (["short"], "has 5 bytes, at least 32"),
        (["x" * 40], "a placeholder"),
        (["changeme-changeme-changeme-0123456789abcdef"], "a placeholder"),
        ([KEY, KEY], "twice in the list"),
    ],
)
def test_what_protects_nothing_is_refused(secrets: list[str], fault: str) -> None:
    with pytest.raises(DeclarationError, match=fault):
        KeyRing(secrets)


def test_no_secret_shows_in_its_repr_or_in_a_refusal() -> None:
    weak = "weak-" + KEY[:20]

    assert KEY not in repr(KeyRing([KEY]))
    with pytest.raises(DeclarationError) as caught:
        KeyRing([weak])
    assert weak not in str(caught.value)
