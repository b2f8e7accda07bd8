"""Spreadsheet: rows as CSV (RFC 4180) that no spreadsheet takes for a formula.

Room: affiliates. A pure function. Some of the texts in it were chosen by affiliates (OWASP, CSV Injection).
"""

from __future__ import annotations

import csv
import io
from decimal import Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Cell = str | int | Decimal | None

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "|", "%")
_CONTROLS = dict.fromkeys(range(0x20), " ")  # line breaks, and NUL, which csv cannot write on Python 3.10


def as_csv(header: Sequence[str], rows: Iterable[Sequence[Cell]]) -> str:
    """Return a table as CSV.

    A text that begins like a formula gets an apostrophe in front, and no control character is left in any. Numbers are
    written as they are, for a number is no formula: a negative one may begin with ``-``. ``None`` is an empty cell.
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(header)
    writer.writerows([_written(cell) for cell in row] for row in rows)
    return out.getvalue()


def _written(cell: Cell) -> str:
    if cell is None:
        return ""
    if isinstance(cell, Decimal):
        return f"{cell:f}"
    if isinstance(cell, int):
        return str(cell)
    plain = cell.translate(_CONTROLS)
    return f"'{plain}" if cell.startswith(_FORMULA) or plain.lstrip().startswith(_FORMULA) else plain
