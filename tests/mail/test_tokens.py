"""What only a mail holds is long, and known to the database by its hash alone."""

from __future__ import annotations

from cactuprivacy.mail.tokens import new_token, token_digest


def test_M5_a_token_has_256_random_bits_and_is_stored_hashed() -> None:
    first, second = new_token(), new_token()

    assert 43 == len(first)
    assert first != second
    assert 32 == len(token_digest(first) or b"")


def test_what_is_no_token_has_no_digest() -> None:
    for text in ("", "x", "a" * 42, "a" * 44, "a" * 42 + "=", "é" * 43, "a" * 43 + "\n"):
        assert token_digest(text) is None
