"""A number as a code that a camera reads, drawn as one path.

Enters: a short text without personal data. Leaves: the size of the square and the path of
its dark fields, to be set into an ``svg`` by a macro, so that no markup is made here.
"""

from dataclasses import dataclass
from typing import Final

import segno

_QUIET: Final = 4


@dataclass(frozen=True, slots=True)
class Code:
    """A square of ``size`` fields, a quiet border included; ``path`` draws the dark ones."""

    text: str
    size: int
    path: str


def code_of(text: str) -> Code:
    """The code of a text."""
    made = segno.make(text, error="m", micro=False)
    rows = [bytes(row) for row in made.matrix]
    path = "".join(
        f"M{x + _QUIET} {y + _QUIET}h1v1h-1z"
        for y, row in enumerate(rows)
        for x, dark in enumerate(row)
        if dark
    )
    return Code(text, len(rows) + 2 * _QUIET, path)
