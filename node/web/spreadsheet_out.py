"""Spreadsheets that leave: lists and reports as XLSX, text never as a formula.

Enters: sheets of texts and numbers. Leaves: the bytes of an XLSX file, made in memory. Must
never happen: a text that a spreadsheet takes for a formula or a link (SR-U5); a time of day
in the file's properties. The only room that knows xlsxwriter, and it imports it when a file
is made. Implements the XLSX of the field document, chapter 5.
"""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

XLSX_TYPE: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_NAME_CHARACTERS: Final = 31
_WIDTHS: Final = (10, 48)
_MADE: Final = datetime(2000, 1, 1, tzinfo=UTC).replace(tzinfo=None)

Value = str | int | float | None


@dataclass(frozen=True, slots=True)
class Sheet:
    """One sheet: lines above the table, its head, its rows, lines below it."""

    name: str
    head: Sequence[str]
    rows: Sequence[Sequence[Value]]
    above: Sequence[str] = ()
    below: Sequence[str] = ()


def xlsx_bytes(sheets: Sequence[Sheet]) -> bytes:
    """The file's bytes."""
    import xlsxwriter  # noqa: PLC0415 - only who makes a file pays for it

    made = io.BytesIO()
    book = xlsxwriter.Workbook(made, {"in_memory": True, "strings_to_urls": False})
    book.set_properties({"created": _MADE})
    bold = book.add_format({"bold": True, "text_wrap": True, "valign": "top"})
    for sheet in sheets:
        page = book.add_worksheet(sheet.name[:_NAME_CHARACTERS])
        at = 0
        for line in sheet.above:
            page.write_string(at, 0, line)
            at += 1
        at += bool(sheet.above)
        for column, text in enumerate(sheet.head):
            page.write_string(at, column, text, bold)
            shortest, longest = _WIDTHS
            page.set_column(column, column, min(max(len(text), shortest), longest))
        page.freeze_panes(at + 1, 1)
        for row in sheet.rows:
            at += 1
            for column, value in enumerate(row):
                if isinstance(value, str):
                    page.write_string(at, column, value)
                elif value is not None:
                    page.write_number(at, column, value)
        at += 1
        for line in sheet.below:
            at += 1
            page.write_string(at, 0, line)
    book.close()
    return made.getvalue()
