"""What is in a stranger's hand opens what it was made for, and nothing else."""

from __future__ import annotations

import uuid

from hypothesis import given
from hypothesis import strategies as st

from cactuprivacy import KeyRing
from cactuprivacy.optin.tokens import leave_token, read_leave_token

NEW, OLD = "k3y-8Zq1vB7nT5cXw2LmP9sRd4GhJ6fYaEuC", "0ld-Tz7Wq3Np8Vb1Kc6Xm5Rj2Hs9Gd4LfYe"
UID = uuid.UUID(int=7)


def test_a_leave_link_names_its_subscription() -> None:
    keys = KeyRing([NEW])

    assert read_leave_token(keys, leave_token(keys, UID)) == UID


def test_I16_a_leave_link_outlives_a_rotation() -> None:
    link = leave_token(KeyRing([OLD]), UID)

    assert read_leave_token(KeyRing([NEW, OLD]), link) == UID
    assert read_leave_token(KeyRing([NEW]), link) is None


@given(st.integers(0, 44), st.sampled_from("AQg_-z0."))
def test_an_altered_leave_link_opens_nothing(place: int, letter: str) -> None:
    keys = KeyRing([NEW])
    link = leave_token(keys, UID)
    altered = link[:place] + letter + link[place + 1 :]

    assert altered == link or read_leave_token(keys, altered) is None


@given(st.text(max_size=60))
def test_garbage_is_no_leave_link(text: str) -> None:
    assert read_leave_token(KeyRing([NEW]), text) is None
