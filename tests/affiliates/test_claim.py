from __future__ import annotations

from datetime import date, datetime, timedelta, timezone

import pytest
import time_machine
from hypothesis import given
from hypothesis import strategies as st

from cactuprivacy import KeyRing
from cactuprivacy.affiliates.claim import ClaimSigner, Touch

KEY = "k3y-8Zq1vB7nT5cXw2LmP9sRd4GhJ6fYaEuC"
OLD_KEY = "0ld-Tz7Wq3Np8Vb1Kc6Xm5Rj2Hs9Gd4LfYe"
NOON = datetime(2026, 6, 15, 12, tzinfo=timezone.utc)
SIGNER = ClaimSigner(KeyRing([KEY]), window_days=30)
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_."


@pytest.fixture(autouse=True)
def _noon() -> object:
    with time_machine.travel(NOON, tick=False):
        yield


def signed(day: date, signer: ClaimSigner = SIGNER) -> str:
    return signer.sign(Touch("alice", day))


def test_a_claim_comes_back() -> None:
    claim = Touch("alice", NOON.date())

    assert (claim,) == SIGNER.read(SIGNER.sign(claim))


def test_invariant_10_two_visitors_of_one_link_and_day_carry_the_same_bytes() -> None:
    with time_machine.travel(NOON.replace(hour=0), tick=False):
        early = signed(NOON.date())
    with time_machine.travel(NOON.replace(hour=23), tick=False):
        late = signed(NOON.date(), ClaimSigner(KeyRing([KEY]), window_days=30))

    assert early == late


def test_a_claim_holds_a_code_and_a_day_and_no_more() -> None:
    assert signed(NOON.date()).split(".")[:-1] == ["1", "alice", "20260615", ""]


@pytest.mark.parametrize(
    "age, counts", [(0, True), (1, True), (30, True), (31, False), (4000, False), (-1, False)]
)
def test_invariant_10_the_window_is_kept_by_the_server(age: int, counts: bool) -> None:
    assert counts is (bool(SIGNER.read(signed(NOON.date() - timedelta(days=age)))))


def test_A7_a_rotated_key_still_verifies_and_a_retired_one_does_not() -> None:
    value = signed(NOON.date(), ClaimSigner(KeyRing([OLD_KEY]), 30))

    assert ClaimSigner(KeyRing([KEY, OLD_KEY]), 30).read(value)
    assert ClaimSigner(KeyRing([KEY]), 30).read(value) == ()


def test_the_newest_key_signs() -> None:
    rotated = ClaimSigner(KeyRing([KEY, OLD_KEY]), 30)

    assert signed(NOON.date()) == signed(NOON.date(), rotated)


def test_invariant_10_what_another_purpose_signed_is_no_claim() -> None:
    foreign = KeyRing([KEY]).signer("something else").sign("1.alice.20260615.").decode()

    assert () == SIGNER.read(foreign)


def test_a_day_that_is_none_is_no_claim() -> None:
    impossible = KeyRing([KEY]).signer("affiliate claim").sign("1.alice.20261399.").decode()

    assert () == SIGNER.read(impossible)


@given(
    st.one_of(
        st.text(), st.binary(max_size=300).map(lambda raw: raw.decode("latin-1")), st.none(), st.binary()
    )
)
def test_invariant_10_whatever_bytes_come_are_no_claim_and_no_error(value: object) -> None:
    assert (SIGNER.read(value), SIGNER.take_back(value)) == ((), ())


@given(st.integers(0, 200), st.sampled_from(ALPHABET))
def test_invariant_10_a_claim_has_one_spelling(position: int, character: str) -> None:
    with time_machine.travel(NOON, tick=False):
        value = signed(NOON.date())
        position %= len(value)
        changed = value[:position] + character + value[position + 1 :]

        assert (changed == value) is (SIGNER.read(changed) != ())


@pytest.mark.parametrize("more", ["=", " ", "\n", "A", "\x00", "é", "A" * 100_000])
def test_invariant_10_a_claim_with_something_added_is_none(more: str) -> None:
    value = signed(NOON.date())

    assert (SIGNER.read(value + more), SIGNER.read(more + value)) == ((), ())


def test_a_claim_that_was_handed_over_outlives_the_window() -> None:
    text = SIGNER.hand_over(Touch("alice", NOON.date()))
    with time_machine.travel(NOON + timedelta(days=200), tick=False):
        assert (Touch("alice", NOON.date()),) == SIGNER.take_back(text)


def test_a_claim_that_was_handed_over_does_not_live_for_ever() -> None:
    text = SIGNER.hand_over(Touch("alice", NOON.date()))
    with time_machine.travel(NOON + timedelta(days=401), tick=False):
        assert () == SIGNER.take_back(text)


def test_neither_form_of_a_claim_passes_for_the_other() -> None:
    claim = Touch("alice", NOON.date())

    assert (SIGNER.take_back(SIGNER.sign(claim)), SIGNER.read(SIGNER.hand_over(claim))) == ((), ())
