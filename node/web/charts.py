"""Charts as numbers a template can draw: everything is computed here.

Enters: words, names and numbers, some of them not shown. Leaves: bars or a line in the units
of one picture. Must never happen: a chart without its title and description; a bar for a
number that is not shown; more than eight bars, which nobody can tell apart (the table beside
the picture has all). Names stand above their bars, so that long ones fit a narrow screen.
Implements screens chapter 7 (charts), SC-60.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from node.errors import UsageError

MOST: Final = 8
_WIDTH: Final = 360
_ROW: Final = 40
_BAR: Final = 14
_VALUE: Final = 60
_HEIGHT: Final = 150
_FOOT: Final = 24


@dataclass(frozen=True, slots=True)
class Point:
    """A name, its number as it is read, and the number; None is not shown.

    ``id`` names it in addresses, where it leads somewhere.
    """

    name: str
    text: str
    value: int | None
    id: str = ""


@dataclass(frozen=True, slots=True)
class LyingBar:
    """One bar: its words, where it stands and how long it is."""

    name: str
    text: str
    y: int
    width: float


@dataclass(frozen=True, slots=True)
class Chart:
    """A picture. ``bars`` lie from the top down; ``line`` is one over time.

    ``title`` says what is counted, ``description`` what is to be seen in one sentence,
    ``points`` is what the table beside it has as well.
    """

    title: str
    description: str
    points: Sequence[Point]
    height: int
    bars: Sequence[LyingBar] = ()
    line: str = ""
    marks: Sequence[tuple[float, float, str, str]] = ()
    width: int = _WIDTH
    thickness: int = _BAR

    @property
    def base(self) -> int:
        """Where zero is, of a line."""
        return self.height - _FOOT


def bars(title: str, description: str, points: Sequence[Point]) -> Chart:
    """The largest numbers as lying bars, in the order given.

    Raises:
        UsageError: A number below zero.
    """
    if any((point.value or 0) < 0 for point in points):
        raise UsageError("a bar shows a number from zero on")
    largest = sorted(points, key=lambda point: -(point.value or 0))[:MOST]
    shown = [point for point in points if point in largest]
    most = max((point.value or 0 for point in shown), default=0) or 1
    return Chart(
        title,
        description,
        points,
        _ROW * len(shown),
        [
            LyingBar(
                point.name,
                point.text,
                number * _ROW,
                round((_WIDTH - _VALUE) * (point.value or 0) / most, 1),
            )
            for number, point in enumerate(shown)
        ],
    )


def line(title: str, description: str, points: Sequence[Point]) -> Chart:
    """Numbers over time; the first, the last and the highest one are named."""
    known = [(n, point) for n, point in enumerate(points) if point.value is not None]
    most = max((point.value or 0 for _, point in known), default=0) or 1
    step = (_WIDTH - 2 * _BAR) / max(1, len(points) - 1)

    def place(number: int, point: Point) -> tuple[float, float]:
        height = (_HEIGHT - _FOOT - _ROW) * (point.value or 0) / most
        return round(_BAR + step * number, 1), round(_HEIGHT - _FOOT - height, 1)

    named = {0, len(points) - 1} & {number for number, _ in known}
    named |= {max(known, key=lambda item: item[1].value or 0)[0]} if known else set()
    places = [(number, point, place(number, point)) for number, point in known]
    return Chart(
        title,
        description,
        points,
        _HEIGHT,
        line=" ".join(f"{x},{y}" for _, _, (x, y) in places),
        marks=[
            (x, y, point.text, _anchor(number, len(points)))
            for number, point, (x, y) in places
            if number in named
        ],
    )


def _anchor(number: int, count: int) -> str:
    """On which side of its place a number stands, so that none is cut off."""
    if number == 0:
        return "start"
    return "end" if number == count - 1 else "middle"
