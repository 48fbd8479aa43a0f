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
import re
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from xml.parsers import expat
from xml.sax.saxutils import escape, quoteattr

from node.errors import MalformedMessageError

MOST_BYTES: Final = 5 * 1024 * 1024
_MOST_ENTRIES: Final = 1000
_MOST_UNPACKED: Final = 100 * 1024 * 1024
_MOST_RATIO: Final = 100
_SMALL: Final = 64 * 1024
_CELL: Final = re.compile(r"([A-Z]{1,3})([1-9][0-9]{0,6})", re.ASCII)
_WORKBOOK: Final = "xl/workbook.xml"
_RELATIONS: Final = "xl/_rels/workbook.xml.rels"
_OFFICE: Final = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"

Value = str | int


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
    except Exception as error:  # noqa: BLE001 - whatever the library finds
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
        places = _places(entries[part])
        for cell in values:
            wrong = _wrong(cell, places, fresh=fresh)
            if wrong:
                return Refusal(wrong, sheet, cell)
        changed = {part: _with_values(entries[part], places, values)}
        for name, data in entries.items():
            if name.startswith("xl/worksheets/") and name != part:
                changed[name] = _splice(data, _stale(_places(data)))
        return _packed(content, changed)
    except MalformedMessageError:
        return Refusal("file", sheet)


def _wrong(cell: str, places: "_Places", *, fresh: bool) -> str:
    found = _CELL.fullmatch(cell)
    if found is None or _number(found[1]) > 16_384 or int(found[2]) > 1_048_576:
        return "cell"
    known = places.cells.get(cell)
    if known is not None and known.has_formula:
        return "formula"
    if any(_covers(area, cell) for area in places.merged):
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
            for name, attributes in _elements(entries[_WORKBOOK])
            if name == "sheet" and attributes.get("name") == sheet
        ),
        None,
    )
    for name, attributes in _elements(entries[_RELATIONS]):
        if name == "Relationship" and attributes.get("Id") == wanted:
            target = attributes.get("Target", "").lstrip("/")
            part = target if target.startswith("xl/") else f"xl/{target}"
            return (
                part if part.startswith("xl/worksheets/") and part in entries else None
            )
    return None


def _elements(data: bytes) -> Iterator[tuple[str, dict[str, str]]]:
    found: list[tuple[str, dict[str, str]]] = []
    parser = _parser(namespaces=True)
    parser.StartElementHandler = lambda name, attributes: found.append(
        (name.rpartition(" ")[2], attributes)
    )
    _parse(parser, data)
    return iter(found)


# -- The text of a sheet -----------------------------------------------------------------


@dataclass(slots=True)
class _Place:
    """Where a cell or row stands in the text: from, up to, and its attributes."""

    start: int
    end: int = 0
    attributes: dict[str, str] = field(default_factory=dict)
    prefix: str = ""
    row: int = 0
    inner_end: int = 0
    has_formula: bool = False
    has_value: bool = False
    remembered: tuple[int, int] | None = None


@dataclass(slots=True)
class _Places:
    cells: dict[str, _Place] = field(default_factory=dict)
    rows: dict[int, _Place] = field(default_factory=dict)
    table: _Place | None = None
    merged: list[str] = field(default_factory=list)


def _parser(*, namespaces: bool = False) -> Any:
    parser = expat.ParserCreate(namespace_separator=" " if namespaces else None)

    def refuse(*_: object) -> None:
        raise MalformedMessageError("template-doctype")

    parser.StartDoctypeDeclHandler = refuse
    return parser


def _parse(parser: Any, data: bytes) -> None:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise MalformedMessageError("template-encoding")
    try:
        parser.Parse(data, True)
    except expat.ExpatError:
        raise MalformedMessageError("template-xml") from None


class _Reader:
    """Walks over a sheet and notes where things stand."""

    def __init__(self, data: bytes) -> None:
        self.found = _Places()
        self._data = data
        self._row = self._column = 0
        self._cell: _Place | None = None
        self._value_start = -1
        self._parser = _parser()
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end

    def read(self) -> _Places:
        _parse(self._parser, self._data)
        if self.found.table is None:
            raise MalformedMessageError("template-sheet")
        return self.found

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        prefix, _, name = tag.rpartition(":")
        place = _Place(
            self._parser.CurrentByteIndex,
            attributes=attributes,
            prefix=f"{prefix}:" if prefix else "",
        )
        match name:
            case "sheetData":
                self.found.table = place
            case "row":
                self._row = _whole(attributes.get("r"), self._row + 1)
                self._column = 0
                self.found.rows[self._row] = place
            case "c":
                self._begin_cell(place)
            case "f" if self._cell is not None:
                self._cell.has_formula = True
            case "v" | "is" if self._cell is not None:
                self._cell.has_value = True
                self._value_start = place.start
            case "mergeCell":
                self.found.merged.append(attributes.get("ref", ""))

    def _begin_cell(self, place: _Place) -> None:
        known = _CELL.fullmatch(place.attributes.get("r", ""))
        self._column = _number(known[1]) if known else self._column + 1
        place.row = self._row
        self._cell = place
        self.found.cells[f"{_letters(self._column)}{self._row}"] = place

    def _end(self, tag: str) -> None:
        at = self._parser.CurrentByteIndex
        close = self._data.index(b">", at) + 1
        match tag.rpartition(":")[2]:
            case "sheetData" if self.found.table is not None:
                self.found.table.inner_end, self.found.table.end = at, close
            case "row":
                place = self.found.rows[self._row]
                place.inner_end, place.end = at, close
            case "c" if self._cell is not None:
                self._cell.end, self._cell = close, None
            case "v" if self._cell is not None:
                self._cell.remembered = (self._value_start, close)


def _places(data: bytes) -> _Places:
    return _Reader(data).read()


def _whole(text: str | None, default: int) -> int:
    return int(text) if text and text.isascii() and text.isdigit() else default


Edit = tuple[int, int, bytes]


def _stale(places: _Places, but: Sequence[_Place] = ()) -> list[Edit]:
    """Results that the file remembers of its formulas; they are computed anew."""
    return [
        (*place.remembered, b"")
        for place in places.cells.values()
        if place.has_formula and place.remembered and place not in but
    ]


def _splice(data: bytes, edits: Sequence[Edit]) -> bytes:
    """Exchange parts of a text; edits at one place keep their order."""
    made, at = [], 0
    for start, end, new in sorted(edits, key=lambda edit: edit[:2]):
        made += [data[at:start], new]
        at = end
    return b"".join([*made, data[at:]])


def _with_values(data: bytes, places: _Places, values: Mapping[str, Value]) -> bytes:
    edits = _stale(places)
    missing: dict[int, list[tuple[int, str, Value]]] = {}
    for cell, value in values.items():
        known = places.cells.get(cell)
        if known is not None:
            style = known.attributes.get("s", "")
            new = _cell_text(known.prefix, cell, value, style)
            edits.append((known.start, known.end, new))
        else:
            letters, number = _CELL.fullmatch(cell).groups()  # type: ignore[union-attr]
            listed = missing.setdefault(int(number), [])
            listed.append((_number(letters), cell, value))
    return _splice(data, edits + _inserted(data, places, missing))


def _inserted(
    data: bytes,
    places: _Places,
    missing: Mapping[int, list[tuple[int, str, Value]]],
) -> list[Edit]:
    """Cells and rows that the text does not have yet, at their place in its order."""
    table = places.table
    assert table is not None
    edits: list[Edit] = []
    rows = b""
    for number in sorted(missing):
        row = places.rows.get(number)
        prefix = row.prefix if row else table.prefix
        cells = sorted(missing[number])
        if row is not None and row.inner_end != row.start:
            for column, cell, value in cells:
                at = _before(places, row, number, column)
                edits.append((at, at, _cell_text(prefix, cell, value, "")))
            continue
        inner = b"".join(_cell_text(prefix, c, v, "") for _, c, v in cells)
        close = f"</{prefix}row>".encode()
        if row is not None:
            head = data[row.start : row.end].rstrip(b">").rstrip(b"/")
            edits.append((row.start, row.end, head + b">" + inner + close))
            continue
        made = f'<{prefix}row r="{number}">'.encode() + inner + close
        later = [n for n in places.rows if n > number]
        if later:
            at = places.rows[min(later)].start
            edits.append((at, at, made))
        else:
            rows += made
    if rows and table.inner_end == table.start:
        head = data[table.start : table.end].rstrip(b">").rstrip(b"/")
        close = f"</{table.prefix}sheetData>".encode()
        edits.append((table.start, table.end, head + b">" + rows + close))
    elif rows:
        edits.append((table.inner_end, table.inner_end, rows))
    return edits


def _before(places: _Places, row: _Place, number: int, column: int) -> int:
    """Where a new cell stands in its row: before the next one to the right."""
    later = [
        place.start
        for cell, place in places.cells.items()
        if place.row == number and _number(cell.rstrip("0123456789")) > column
    ]
    return min(later, default=row.inner_end)


def _cell_text(prefix: str, cell: str, value: Value, style: str) -> bytes:
    """A cell with a number, or with a text that stays one."""
    look = f" s={quoteattr(style)}" if style else ""
    if isinstance(value, int):
        inner = f"<{prefix}v>{value}</{prefix}v>"
        return f'<{prefix}c r="{cell}"{look}>{inner}</{prefix}c>'.encode()
    text = f'<{prefix}t xml:space="preserve">{escape(value)}</{prefix}t>'
    inner = f"<{prefix}is>{text}</{prefix}is>"
    return f'<{prefix}c r="{cell}"{look} t="inlineStr">{inner}</{prefix}c>'.encode()


# -- Names of cells ----------------------------------------------------------------------


def _number(letters: str) -> int:
    number = 0
    for letter in letters:
        number = 26 * number + ord(letter) - 64
    return number


def _letters(number: int) -> str:
    letters = ""
    while number:
        number, rest = divmod(number - 1, 26)
        letters = chr(65 + rest) + letters
    return letters


def column_letters(count: int) -> list[str]:
    """The names of the first columns."""
    return [_letters(number) for number in range(1, count + 1)]


def _covers(area: str, cell: str) -> bool:
    """Whether a merged area hides this cell; its first one is shown."""
    first, _, last = area.partition(":")
    corners = [_CELL.fullmatch(text) for text in (first, last or first, cell)]
    if not all(corners) or first == cell:
        return False
    (a, b, c) = ((_number(m[1]), int(m[2])) for m in corners if m is not None)
    return a[0] <= c[0] <= b[0] and a[1] <= c[1] <= b[1]
