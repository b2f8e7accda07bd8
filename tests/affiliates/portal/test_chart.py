from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cactuprivacy.affiliates.portal.chart import HEIGHT, WIDTH, chart


@pytest.mark.parametrize(
    ("highest", "line"),
    [(0, 10), (1, 10), (10, 10), (11, 20), (21, 40), (59, 60), (99, 100), (101, 200), (5001, 6000)],
)
def test_the_highest_line_is_a_round_number_above_the_highest_bar(highest: int, line: int) -> None:
    assert (0, line // 2, line) == tuple(value for value, _ in chart([""], [highest]).lines)


@given(st.lists(st.integers(0, 10**12), min_size=1, max_size=40))
def test_each_bar_stands_within_the_drawing_and_as_high_as_its_value(values: list[int]) -> None:
    drawn = chart([""] * len(values), values)
    highest = max(drawn.bars, key=lambda bar: bar.height)

    for bar in drawn.bars:
        assert 0 <= bar.x <= bar.x + bar.width <= WIDTH + 0.1
        assert 0 <= bar.y <= bar.y + bar.height <= HEIGHT
    assert max(values) == 0 or values[drawn.bars.index(highest)] >= max(values) * 0.99


def test_no_values_are_an_empty_drawing() -> None:
    assert () == chart([], []).bars
