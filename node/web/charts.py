"""Charts as numbers a template can draw: everything is computed here.

Enters: labels, values, words. Leaves: boxes and lines in the units of one picture. Must
never happen: a chart without its title, description and table; more than eight categories,
which nobody can tell apart. Implements screens chapter 7 (charts), SC-60.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from node.errors import UsageError

MOST: Final = 8
_WIDTH: Final = 400
_LABEL: Final = 120
_VALUE: Final = 50
_ROW: Final = 30
_BAR: Final = 18


@dataclass(frozen=True, slots=True)
class ChartBar:
    """One category: its words, and where bar and words stand."""

    label: str
    value: float
    text: str
    y: int
    width: float

    @property
    def middle(self) -> float:
        """Where its words stand, from the top."""
        return self.y + _BAR / 2

    @property
    def end(self) -> float:
        """Where the bar ends, from the left."""
        return _LABEL + self.width


@dataclass(frozen=True, slots=True)
class BarChart:
    """A chart of lying bars; its table shows the same numbers.

    ``title`` says what is counted, ``description`` what is to be seen, ``columns`` are the
    two headings of the table.
    """

    title: str
    description: str
    columns: tuple[str, str]
    bars: Sequence[ChartBar]

    @property
    def width(self) -> int:
        """Units from left to right."""
        return _WIDTH

    @property
    def height(self) -> int:
        """Units from top to bottom."""
        return _ROW * len(self.bars)

    @property
    def left(self) -> int:
        """Where bars begin."""
        return _LABEL

    @property
    def thickness(self) -> int:
        """The height of one bar."""
        return _BAR


def bar_chart(
    title: str,
    description: str,
    columns: tuple[str, str],
    values: Sequence[tuple[str, float, str]],
) -> BarChart:
    """Lying bars, from the top down.

    Args:
        title: What is counted, and of whom.
        description: What is to be seen, in one sentence.
        columns: The headings of the table: of the categories, of the numbers.
        values: Category, number, the number as it is read.

    Raises:
        UsageError: More than eight categories, or a number below zero.
    """
    if len(values) > MOST or any(value < 0 for _, value, _ in values):
        raise UsageError("a bar chart shows at most eight numbers from zero on")
    most = max((value for _, value, _ in values), default=0) or 1
    room = _WIDTH - _LABEL - _VALUE
    return BarChart(
        title,
        description,
        columns,
        [
            ChartBar(
                label=label,
                value=value,
                text=text,
                y=number * _ROW + (_ROW - _BAR) // 2,
                width=round(room * value / most, 1),
            )
            for number, (label, value, text) in enumerate(values)
        ],
    )
