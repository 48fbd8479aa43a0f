"""Spreadsheets that come in: the only room that knows calamine.

Enters: the bytes of a file of unknown kind. Leaves: a ``Book`` of texts. Must never happen:
a formula, macro or link that runs: a cell is the value that was stored in it; a file that
is unpacked before its size is known. Implements chapter 7 of the field document (Read),
SR-P5, SR-U6. ``read_file`` may hang or take much memory on a hostile file: it runs
in a process of its own (``listreader``).
"""

import hashlib
import io
import re
import zipfile
from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime, time, timedelta
from itertools import count
from typing import Final
from xml.parsers import expat

from python_calamine import (
    CalamineError,
    CalamineSheet,
    CalamineWorkbook,
    PasswordError,
    SheetTypeEnum,
    SheetVisibleEnum,
    ZipError,
)

from node.cases.listsheet import (
    HEADER_ROWS,
    MAX_BYTES,
    MAX_COLUMNS,
    MAX_ROWS,
    Book,
    Line,
    Sheet,
    text_sheet,
)
from node.errors import InputError

MAX_UNPACKED: Final = 200 * 1024 * 1024
MAX_ENTRIES: Final = 1000
MAX_RATIO: Final = 100
_PORTION: Final = 1024 * 1024
_SMALL: Final = 10 * 1024 * 1024
_ZIP: Final = b"PK\x03\x04"
_OLE: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_SEALED: Final = "EncryptedPackage".encode("utf-16-le")
_PDF_OR_PICTURE: Final = (b"%PDF", b"\x89PNG", b"\xff\xd8\xff", b"{\\rtf", b"GIF8")
_LAST_ROW: Final = 1_048_576

Cell = int | float | str | bool | time | date | datetime | timedelta


def read_file(file: bytes) -> Book:
    """Read a list: xls, xlsx, xlsm, xlsb, ods by their content, all else as CSV or text.

    Raises:
        InputError: Empty or too large, packed or with too many rows or columns, protected
            by a password, damaged, no list at all. The reason is a stable code.
    """
    if not file.strip():
        raise InputError("file", "empty")
    if len(file) > MAX_BYTES:
        raise InputError("file", "too_large")
    digest = hashlib.sha256(file).digest()
    if file.startswith(_PDF_OR_PICTURE):
        raise InputError("file", "no_list")
    if file.startswith(_ZIP):
        hidden, is_1904 = _look_into(file)
        return Book(digest, _sheets(file, hidden, is_1904=is_1904))
    if file.startswith(_OLE):
        if _SEALED in file:
            raise InputError("file", "password")
        return Book(digest, _sheets(file, {}, is_1904=_is_old_1904(file)))
    return Book(digest, (text_sheet(file),))


# ---- Reading ---------------------------------------------------------------------------


def _sheets(
    file: bytes, hidden: dict[int, frozenset[int]], *, is_1904: bool
) -> tuple[Sheet, ...]:
    try:
        book = CalamineWorkbook.from_filelike(io.BytesIO(file))
        found = []
        for place, about in enumerate(book.sheets_metadata):
            if about.typ is not SheetTypeEnum.WorkSheet:
                continue
            rows = book.get_sheet_by_name(about.name)
            lines = tuple(_lines(rows, hidden.get(place, frozenset())))
            if lines:
                is_hidden = about.visible is not SheetVisibleEnum.Visible
                found.append(Sheet(about.name, lines, is_1904, is_hidden))
    except PasswordError:
        raise InputError("file", "password") from None
    except (CalamineError, ZipError, ValueError, OverflowError):
        raise InputError("file", "damaged") from None
    if not found:
        raise InputError("file", "empty")
    if sum(len(sheet.lines) for sheet in found) > MAX_ROWS + HEADER_ROWS * len(found):
        raise InputError("file", "too_many_rows")
    return tuple(found)


def _lines(sheet: CalamineSheet, hidden: frozenset[int]) -> Iterator[Line]:
    """The rows from the first that holds something to the last one."""
    if sheet.start is None:
        return
    first, left = sheet.start
    if sheet.width + left > MAX_COLUMNS:
        _refuse_wide(sheet, left)
    blanks: list[Line] = []
    filled = 0
    for number, row in zip(count(first + 1), sheet.iter_rows(), strict=False):
        cells = ("",) * left + tuple(map(_text, row))
        while cells and not cells[-1].strip():
            cells = cells[:-1]
        line = Line(number, cells, is_hidden=number in hidden)
        if not cells:
            # A million formatted rows below the table are nothing.
            if len(blanks) < MAX_ROWS:
                blanks.append(line)
            continue
        yield from blanks
        blanks.clear()
        filled += 1
        if filled > MAX_ROWS + HEADER_ROWS:
            raise InputError("file", "too_many_rows")
        yield line


def _refuse_wide(sheet: CalamineSheet, left: int) -> None:
    """Columns that hold nothing may be as many as they like."""
    for row in sheet.iter_rows():
        if any(str(cell).strip() for cell in row[MAX_COLUMNS - left :]):
            raise InputError("file", "too_many_columns")


def _text(cell: Cell) -> str:
    """A cell as an office would type it: days first, whole numbers without a point."""
    text = str(cell).replace(".", ",")
    match cell:
        case bool():
            text = "ja" if cell else "nein"
        case str():
            text = cell
        case float() if cell.is_integer() and abs(cell) < 2**53:
            text = str(int(cell))
        case datetime() if cell.time() != time():
            text = f"{cell:%d.%m.%Y %H:%M}"
        case date():
            text = f"{cell:%d.%m.%Y}"
        case time():
            text = f"{cell:%H:%M}"
        case timedelta():
            minutes = int(cell.total_seconds()) // 60
            text = f"{minutes // 60}:{minutes % 60:02}"
    return text


# ---- Looking into a packed file before anything is unpacked ----------------------------


def _look_into(file: bytes) -> tuple[dict[int, frozenset[int]], bool]:
    """Hidden rows by the place of their sheet, and whether days count from 1904.

    Raises:
        InputError: Damaged, too many or double entries, too large unpacked, protected.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(file)) as packed:
            names = packed.namelist()
            if len(names) > MAX_ENTRIES or len(names) != len(set(names)):
                raise InputError("file", "damaged")
            if any(entry.flag_bits & 1 for entry in packed.infolist()):
                raise InputError("file", "password")
            _measure(packed, len(file))
            if "content.xml" in names:
                return _look_into_ods(packed, names)
            return _look_into_xlsx(packed, names)
    except (zipfile.BadZipFile, NotImplementedError, EOFError, OSError, ValueError):
        raise InputError("file", "damaged") from None


def _measure(packed: zipfile.ZipFile, length: int) -> None:
    """Count what is unpacked while it is; what an entry says of itself may be a lie."""
    most = min(MAX_UNPACKED, max(_SMALL, MAX_RATIO * length))
    total = sum(entry.file_size for entry in packed.infolist())
    if total > most:
        raise InputError("file", "too_large_unpacked")
    total = 0
    for entry in packed.infolist():
        with packed.open(entry) as opened:
            while portion := opened.read(_PORTION):
                total += len(portion)
                if total > most:
                    raise InputError("file", "too_large_unpacked")


def _look_into_ods(
    packed: zipfile.ZipFile, names: Sequence[str]
) -> tuple[dict[int, frozenset[int]], bool]:
    manifest = "META-INF/manifest.xml"
    if manifest in names and b"encryption-data" in packed.read(manifest):
        raise InputError("file", "password")
    hidden: dict[int, set[int]] = {}
    place = row = -1

    def begin(tag: str, attributes: dict[str, str]) -> None:
        nonlocal place, row
        if tag == "table:table":
            place, row = place + 1, 0
        elif tag == "table:table-row":
            repeated = min(
                int(attributes.get("table:number-rows-repeated", 1)), _LAST_ROW
            )
            if attributes.get("table:visibility", "visible") != "visible":
                hidden.setdefault(place, set()).update(
                    range(row + 1, row + 1 + min(repeated, MAX_ROWS))
                )
            row += repeated

    _walk(packed.read("content.xml"), begin)
    return {n: frozenset(rows) for n, rows in hidden.items()}, False


def _look_into_xlsx(
    packed: zipfile.ZipFile, names: Sequence[str]
) -> tuple[dict[int, frozenset[int]], bool]:
    """Of an xlsb nothing is seen but its size: its parts are no XML."""
    hidden: dict[int, frozenset[int]] = {}
    if "xl/workbook.xml" not in names:
        return hidden, False
    is_1904 = False
    parts: list[str] = []
    targets: dict[str, str] = {}

    def workbook(tag: str, attributes: dict[str, str]) -> None:
        nonlocal is_1904
        if tag == "workbookPr":
            is_1904 = attributes.get("date1904", "") in {"1", "true"}
        elif tag == "sheet":
            parts.append(attributes.get("r:id", ""))

    def relation(tag: str, attributes: dict[str, str]) -> None:
        if tag == "Relationship":
            targets[attributes.get("Id", "")] = attributes.get("Target", "")

    _walk(packed.read("xl/workbook.xml"), workbook)
    if "xl/_rels/workbook.xml.rels" in names:
        _walk(packed.read("xl/_rels/workbook.xml.rels"), relation)
    for place, part in enumerate(parts):
        target = targets.get(part, "").removeprefix("/xl/")
        if (name := f"xl/{target}") in names:
            hidden[place] = _hidden_rows(packed.read(name))
    return hidden, is_1904


def _hidden_rows(sheet: bytes) -> frozenset[int]:
    found: set[int] = set()
    number = 0

    def begin(tag: str, attributes: dict[str, str]) -> None:
        nonlocal number
        if tag == "row":
            number = int(attributes.get("r", number + 1))
            if attributes.get("hidden", "") in {"1", "true"}:
                found.add(number)

    if b"hidden=" in sheet:
        _walk(sheet, begin)
    return frozenset(found)


def _walk(document: bytes, begin: Callable[[str, dict[str, str]], None]) -> None:
    """Tell each element; a document type of its own is refused, so nothing expands."""
    parser = expat.ParserCreate()
    parser.StartElementHandler = begin
    parser.StartDoctypeDeclHandler = _refuse_doctype
    try:
        parser.Parse(document, True)
    except expat.ExpatError:
        raise InputError("file", "damaged") from None


def _refuse_doctype(*_: object) -> None:
    raise InputError("file", "damaged")


def _is_old_1904(file: bytes) -> bool:
    """The record DATEMODE of an old workbook, near its beginning; source: [MS-XLS] 2.4.77."""
    found = re.search(rb"\x22\x00\x02\x00([\x00\x01])\x00", file)
    return found is not None and found[1] == b"\x01"
