from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cactuprivacy.affiliates.shares import split, weights

WEIGHTS = st.lists(st.integers(0, 10**6), min_size=1, max_size=8).filter(any)


@pytest.mark.parametrize(
    "model, touches, parts",
    [
        ("last", 3, [0, 0, 1000]),
        ("first", 3, [1000, 0, 0]),
        ("linear", 4, [250, 250, 250, 250]),
        ("position", 1, [1000]),
        ("position", 2, [500, 500]),
        ("position", 3, [400, 200, 400]),
        ("position", 5, [400, 67, 67, 66, 400]),
    ],
)
def test_each_model_divides_as_it_says(model: str, touches: int, parts: list[int]) -> None:
    assert parts == split(1000, weights(model, touches))


@pytest.mark.parametrize("model, touches", [("median", 1), ("last", 0), ("linear", 6)])
def test_an_unknown_model_and_too_many_touches_are_refused(model: str, touches: int) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  # either sentence
        weights(model, touches)


@pytest.mark.parametrize("wrong", [[], [0], [1, -1, 1]])
def test_weights_that_divide_nothing_are_refused(wrong: list[int]) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  # min() of nothing says it too
        split(1, wrong)


@given(amount=st.integers(-(10**15), 10**15), weighing=WEIGHTS)
def test_invariant_4_parts_sum_exactly_and_none_is_a_unit_from_its_share(
    amount: int, weighing: list[int]
) -> None:
    parts = split(amount, weighing)

    assert amount == sum(parts)
    assert all(
        abs(part - Fraction(amount * weight, sum(weighing))) < 1
        for part, weight in zip(parts, weighing, strict=True)
    )


@given(amount=st.integers(0, 10**15), weighing=WEIGHTS)
def test_a_negative_amount_divides_as_its_mirror(amount: int, weighing: list[int]) -> None:
    assert [-part for part in split(amount, weighing)] == split(-amount, weighing)
