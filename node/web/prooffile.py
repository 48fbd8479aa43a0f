"""Filling the funder's template: numbers into the cells that were named, nothing else.

Enters: an XLSX file, a sheet, values by cell. Leaves: the same file with these cells
changed, or what is wrong with it, by sheet and cell. Must never happen: another cell,
format, formula, picture or sheet that differs; a formula overwritten; a text that becomes a
formula (DO-36, SR-U5); an archive that is larger than it says (SR-P5).

The file is not loaded and written anew, because that loses what a library does not know:
drawings, drop-down lists, form controls. The bytes of the named cells are exchanged in the
sheet's own text. Results of formulas that the file remembers are taken out with them, so
that each program computes them from the new numbers. openpyxl reads what may be chosen.
"""

import io
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from node.errors import MalformedMessageError
from node.web.sheettext import (
    CELL,
    Places,
    Value,
    column_number,
    covers,
    elements,
    places_of,
    splice,
    stale,
    when_opened,
    with_values,
)

MOST_BYTES: Final = 5 * 1024 * 1024
_MOST_ENTRIES: Final = 1000
_MOST_UNPACKED: Final = 100 * 1024 * 1024
_MOST_RATIO: Final = 100
_SMALL: Final = 64 * 1024
# What the library raises on files that only look like one.
_UNREADABLE: Final = (
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    AssertionError,
    OSError,
    SyntaxError,
    zipfile.BadZipFile,
)
_WORKBOOK: Final = "xl/workbook.xml"
_RELATIONS: Final = "xl/_rels/workbook.xml.rels"
_OFFICE: Final = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a template cannot be filled. ``why`` is one of: file, sheet, cell, formula, text."""

    why: str
    sheet: str = ""
    cell: str = ""


@dataclass(frozen=True, slots=True)
class Shape:
    """What a template offers: the texts of each sheet by cell, and where formulas are."""

    sheets: Mapping[str, Mapping[str, str]]
    formulas: Mapping[str, frozenset[str]]
    columns: Mapping[str, int]


def shape_of(content: bytes) -> Shape | Refusal:
    """Read which sheets and cells there are."""
    try:
        _entries(content)
        return _shape(content)
    except MalformedMessageError:
        return Refusal("file")


def _shape(content: bytes) -> Shape:
    import openpyxl  # noqa: PLC0415 - only who fills a template pays for it

    try:
        book = openpyxl.load_workbook(io.BytesIO(content), keep_links=False)
    except _UNREADABLE as error:
        raise MalformedMessageError("template") from error
    texts: dict[str, dict[str, str]] = {}
    formulas: dict[str, frozenset[str]] = {}
    columns: dict[str, int] = {}
    for sheet in book.worksheets:
        cells = [cell for row in sheet.iter_rows() for cell in row]
        texts[sheet.title] = {
            cell.coordinate: str(cell.value) for cell in cells if cell.value is not None
        }
        formulas[sheet.title] = frozenset(
            cell.coordinate for cell in cells if cell.data_type == "f"
        )
        columns[sheet.title] = sheet.max_column or 1
    return Shape(texts, formulas, columns)


def fill(
    content: bytes, sheet: str, values: Mapping[str, Value], *, fresh: bool = False
) -> bytes | Refusal:
    """Put values into cells of one sheet.

    Args:
        content: The template.
        sheet: The sheet's name.
        values: Number or plain text by cell, like ``B3``.
        fresh: Refuse cells that hold a text already.
    """
    try:
        entries = _entries(content)
        part = _part_of(entries, sheet)
        if part is None:
            return Refusal("sheet", sheet)
        places = places_of(entries[part])
        for cell in values:
            wrong = _wrong(cell, places, fresh=fresh)
            if wrong:
                return Refusal(wrong, sheet, cell)
        changed = {
            part: with_values(entries[part], places, values),
            _WORKBOOK: when_opened(entries[_WORKBOOK]),
        }
        for name, data in entries.items():
            if _is_sheet(name) and name != part:
                changed[name] = splice(data, stale(places_of(data)))
        return _packed(content, changed)
    except MalformedMessageError:
        return Refusal("file", sheet)


def _is_sheet(name: str) -> bool:
    return name.startswith("xl/worksheets/") and name.count("/") == 2


def _wrong(cell: str, places: Places, *, fresh: bool) -> str:
    found = CELL.fullmatch(cell)
    if found is None or column_number(found[1]) > 16_384 or int(found[2]) > 1_048_576:
        return "cell"
    known = places.cells.get(cell)
    if known is not None and known.has_formula:
        return "formula"
    if any(covers(area, cell) for area in places.merged):
        return "cell"
    return "text" if fresh and known is not None and known.has_value else ""


# -- The archive -------------------------------------------------------------------------


def _entries(content: bytes) -> dict[str, bytes]:
    """Every entry by name, within bounds."""
    if len(content) > MOST_BYTES:
        raise MalformedMessageError("template-size")
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            listed = archive.infolist()
            names = [item.filename for item in listed]
            if len(listed) > _MOST_ENTRIES or len(set(names)) < len(names):
                raise MalformedMessageError("template-entries")
            if any(item.flag_bits & 1 for item in listed):
                raise MalformedMessageError("template-password")
            found: dict[str, bytes] = {}
            room = _MOST_UNPACKED
            for item in listed:
                with archive.open(item) as source:
                    found[item.filename] = source.read(room + 1)
                length = len(found[item.filename])
                room -= length
                is_dense = length > max(_SMALL, _MOST_RATIO * item.compress_size)
                if room < 0 or is_dense:
                    raise MalformedMessageError("template-expands")
    except (zipfile.BadZipFile, NotImplementedError, OSError, ValueError, EOFError):
        raise MalformedMessageError("template-archive") from None
    if _WORKBOOK not in found or _RELATIONS not in found:
        raise MalformedMessageError("template-workbook")
    return found


def _packed(content: bytes, changed: Mapping[str, bytes]) -> bytes:
    """The archive again; entries keep their order, dates and all that is not changed."""
    made = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(content)) as source,
        zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as target,
    ):
        for item in source.infolist():
            data = changed.get(item.filename)
            target.writestr(item, source.read(item) if data is None else data)
    return made.getvalue()


def _part_of(entries: Mapping[str, bytes], sheet: str) -> str | None:
    """The name of the entry that holds a sheet."""
    wanted = next(
        (
            attributes.get(f"{_OFFICE} id", "")
            for name, attributes in elements(entries[_WORKBOOK])
            if name == "sheet" and attributes.get("name") == sheet
        ),
        None,
    )
    for name, attributes in elements(entries[_RELATIONS]):
        if name == "Relationship" and attributes.get("Id") == wanted:
            target = attributes.get("Target", "").lstrip("/")
            part = target if target.startswith("xl/") else f"xl/{target}"
            return (
                part if part.startswith("xl/worksheets/") and part in entries else None
            )
    return None
