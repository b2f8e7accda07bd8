from __future__ import annotations

import csv
import io
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cactuprivacy.affiliates.spreadsheet import as_csv


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "|calc", "%0"])
def test_no_text_is_a_formula(text: str) -> None:
    (row,) = list(csv.reader(io.StringIO(as_csv(["a"], [[text]]))))[1:]

    assert row[0].startswith("'")


def test_numbers_are_written_as_they_are_and_nothing_as_nothing() -> None:
    assert "n,m,o\r\n-2.05,7,\r\n" == as_csv(["n", "m", "o"], [[Decimal("-2.05"), 7, None]])


@given(st.lists(st.lists(st.text(max_size=20), min_size=2, max_size=2), max_size=5))
def test_every_row_stays_one_row_of_as_many_cells(rows: list[list[str]]) -> None:
    text = as_csv(["a", "b"], rows)

    assert [2] * (len(rows) + 1) == [len(row) for row in csv.reader(text.split("\r\n")[:-1])]
