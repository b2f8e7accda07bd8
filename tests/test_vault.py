"""Vault: personal fields sealed at rest, each bound to its place."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from testkeys import KEY, OLD_KEY

from cactuprivacy import KeyRing
from cactuprivacy.vault import SealBrokenError, Vault

PLACE = "address.sealed:42"


@given(st.text())
def test_what_is_sealed_opens_again(plain: str) -> None:
    vault = Vault(KeyRing([KEY]))

    assert vault.open(vault.seal(plain, PLACE), PLACE) == plain


def test_the_sealed_field_does_not_hold_the_plain_one() -> None:
    assert b"ada@shop.example" not in Vault(KeyRing([KEY])).seal("ada@shop.example", PLACE)


def test_I15_a_field_moved_to_another_row_does_not_open() -> None:
    vault = Vault(KeyRing([KEY]))

    with pytest.raises(SealBrokenError):
        vault.open(vault.seal("ada@shop.example", PLACE), "address.sealed:43")


@given(st.integers(0, 52), st.integers(1, 255))
def test_I15_an_altered_field_does_not_open(at: int, by: int) -> None:
    vault = Vault(KeyRing([KEY]))
    sealed = bytearray(vault.seal("ada@shop.example", PLACE))
    sealed[at] ^= by

    with pytest.raises(SealBrokenError):
        vault.open(bytes(sealed), PLACE)


@given(st.binary(max_size=64))
def test_garbage_does_not_open(sealed: bytes) -> None:
    with pytest.raises(SealBrokenError):
        Vault(KeyRing([KEY])).open(sealed, PLACE)


def test_I16_after_a_rotation_old_fields_open_and_are_found() -> None:
    old, rotated = Vault(KeyRing([OLD_KEY])), Vault(KeyRing([KEY, OLD_KEY]))

    assert rotated.open(old.seal("ada", PLACE), PLACE) == "ada"
    assert old.index("ada", "address") in rotated.indexes("ada", "address")
    assert rotated.index("ada", "address") != old.index("ada", "address")


def test_an_index_for_one_purpose_is_none_for_another() -> None:
    vault = Vault(KeyRing([KEY]))

    assert vault.index("ada", "address") != vault.index("ada", "suppression")


def test_the_error_names_no_row_and_no_value() -> None:
    vault = Vault(KeyRing([KEY]))

    with pytest.raises(SealBrokenError) as caught:
        vault.open(vault.seal("ada", PLACE), "address.sealed:secret-row")
    assert "secret-row" not in str(caught.value)
