"""Chart: the geometry of a bar chart, for a template to draw as SVG.

Room: affiliates, portal. A pure function. No script and no colour of its own; the page has the same as a table.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

WIDTH, HEIGHT = 400, 150  # of the drawing, in its own units
_TOP, _BOTTOM, _LEFT = 12, 22, 34


class Bar(NamedTuple):
    """A bar: its label, where it stands, and how high it is; *label* is empty where there is no room for one."""

    label: str
    x: float
    y: float
    width: float
    height: float

    @property
    def middle(self) -> float:
        """Where its label stands."""
        return round(self.x + self.width / 2, 1)


class Chart(NamedTuple):
    """Bars, and the lines behind them: each with what it stands for, and how high it is."""

    bars: tuple[Bar, ...]
    lines: tuple[tuple[int, float], ...]
    width: int = WIDTH
    height: int = HEIGHT
    left: int = _LEFT
    base: int = HEIGHT - _BOTTOM


def chart(labels: Sequence[str], values: Sequence[int]) -> Chart:
    """Return the chart of *values*, none below nought, from nought to a round number above the highest.

    Parameters:
        labels: One for each value; an empty one is not drawn.
        values: Whole numbers; as many as there are bars.
    """
    top = _round_number(max(values, default=0))
    room = HEIGHT - _BOTTOM - _TOP
    step = (WIDTH - _LEFT) / max(1, len(values))
    bars = tuple(
        Bar(
            label,
            round(_LEFT + number * step + step * 0.14, 1),
            round(HEIGHT - _BOTTOM - room * value / top, 1),
            round(step * 0.72, 1),
            round(room * value / top, 1),
        )
        for number, (label, value) in enumerate(zip(labels, values, strict=True))
    )
    lines = tuple((part, round(HEIGHT - _BOTTOM - room * part / top, 1)) for part in (0, top // 2, top))
    return Chart(bars, lines)


def _round_number(highest: int) -> int:
    """Return the next of 10, 20, 40, 60, 80, 100, 200 … that is not below *highest*."""
    size = 10
    while True:
        for factor in (1, 2, 4, 6, 8):
            if size * factor >= highest:
                return size * factor
        size *= 10
