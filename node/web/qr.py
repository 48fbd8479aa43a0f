"""A short text as a code that a camera reads. The only room with segno.

Enters: the number of a paper, the secret of an app. Leaves: the size of the square and the
path of its dark fields, which a macro sets into an ``svg``; for PDF the picture as a file.
Must never happen: a service elsewhere that sees the text.
"""

import io
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


def svg_of(text: str) -> bytes:
    """The code as an SVG file without a border, for paper."""
    drawn = io.BytesIO()
    segno.make(text, error="m", micro=False).save(
        drawn, kind="svg", border=0, xmldecl=False
    )
    return drawn.getvalue()
