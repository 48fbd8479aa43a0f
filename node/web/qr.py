"""A text as squares that a phone can scan, without any markup made by hand.

Enters: a short text. Leaves: the side of the picture and a path for SVG, which a macro
draws. Must never happen: a file, or a service elsewhere, that sees the text.
"""

import segno

_QUIET = 4


def squares(text: str) -> tuple[int, str]:
    """The side in squares, quiet zone included, and the path of the dark ones."""
    matrix = segno.make(text, error="m", micro=False).matrix
    path = "".join(
        f"M{column + _QUIET} {line + _QUIET}h1v1h-1z"
        for line, cells in enumerate(matrix)
        for column, cell in enumerate(cells)
        if cell
    )
    return len(matrix) + 2 * _QUIET, path
