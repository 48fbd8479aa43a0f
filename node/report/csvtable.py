"""A table as a CSV file that a spreadsheet opens without running anything.

Enters: a head and rows of text. Leaves: UTF-8 with a byte order mark, ``;`` between cells.
Must never happen: a cell that a spreadsheet takes for a formula (SR-U5). Implements EL-18
and the CSV of the report chapter.
"""

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Final

_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


def csv_bytes(head: Sequence[str], rows: Iterable[Sequence[object]]) -> bytes:
    """The file's bytes; None becomes an empty cell."""
    text = io.StringIO()
    writer = csv.writer(text, delimiter=";", lineterminator="\r\n")
    writer.writerow(head)
    writer.writerows([_cell(value) for value in row] for row in rows)
    return b"\xef\xbb\xbf" + text.getvalue().encode()


def _cell(value: object) -> str:
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(_FORMULA) else text
