"""The text of a sheet inside an XLSX file: where its cells stand, and exchanging them.

Enters: the XML of a sheet or workbook as bytes. Leaves: places by cell, and the same bytes
with some parts exchanged. Must never happen: a document type in the text, an entity that
expands; a byte that changes though nobody asked for it. Serves ``prooffile``; SR-P5.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final
from xml.parsers import expat
from xml.sax.saxutils import escape, quoteattr

from node.errors import MalformedMessageError

CELL: Final = re.compile(r"([A-Z]{1,3})([1-9][0-9]{0,6})", re.ASCII)
_BEFORE_CALCULATION: Final = frozenset(
    {"sheets", "functionGroups", "externalReferences", "definedNames"}
)

Value = str | int


def elements(data: bytes) -> Iterator[tuple[str, dict[str, str]]]:
    """Names and attributes of all elements, in their order."""
    found: list[tuple[str, dict[str, str]]] = []
    parser = _parser(namespaces=True)
    parser.StartElementHandler = lambda name, attributes: found.append(
        (name.rpartition(" ")[2], attributes)
    )
    _parse(parser, data)
    return iter(found)


# -- Where things stand ------------------------------------------------------------------


class Place:
    """Where an element stands in the text, filled while the text is read."""

    __slots__ = (
        "attributes",
        "end",
        "has_formula",
        "has_value",
        "inner_end",
        "prefix",
        "remembered",
        "row",
        "start",
    )

    def __init__(self, start: int, attributes: Mapping[str, str], prefix: str) -> None:
        """It begins here; where it ends is not known yet."""
        self.start, self.end, self.inner_end = start, 0, 0
        self.attributes, self.prefix, self.row = attributes, prefix, 0
        self.has_formula = self.has_value = False
        self.remembered: tuple[int, int] | None = None

    def close(self, inner_end: int, end: int) -> None:
        """Note where it ends; one without content ends inside where it began."""
        self.inner_end = inner_end if inner_end < end else self.start
        self.end = end


class Places:
    """The cells and rows of a sheet, and which areas are merged."""

    __slots__ = ("cells", "merged", "rows", "table")

    def __init__(self) -> None:
        """Nothing is known yet."""
        self.cells: dict[str, Place] = {}
        self.rows: dict[int, Place] = {}
        self.merged: list[str] = []
        self.table: Place | None = None


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


def _end_of(data: bytes, at: int, tag: str) -> tuple[int, int]:
    """Where an end tag begins and ends; both are one behind an element without content."""
    close = b"</" + tag.encode()
    if data.startswith(close, at) and data[at + len(close) : at + len(close) + 1] in (
        b">",
        b" ",
    ):
        return at, data.index(b">", at) + 1
    return at, at


class _Reader:
    """Walks over a sheet and notes where things stand."""

    def __init__(self, data: bytes) -> None:
        self.found = Places()
        self._data = data
        self._row = self._column = 0
        self._cell: Place | None = None
        self._value_start = -1
        self._parser = _parser()
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end

    def read(self) -> Places:
        _parse(self._parser, self._data)
        if self.found.table is None:
            raise MalformedMessageError("template-sheet")
        return self.found

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        prefix, _, name = tag.rpartition(":")
        head = f"{prefix}:" if prefix else ""
        place = Place(self._parser.CurrentByteIndex, attributes, head)
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

    def _begin_cell(self, place: Place) -> None:
        known = CELL.fullmatch(place.attributes.get("r", ""))
        self._column = column_number(known[1]) if known else self._column + 1
        place.row = self._row
        self._cell = place
        self.found.cells[f"{_letters(self._column)}{self._row}"] = place

    def _end(self, tag: str) -> None:
        at, close = _end_of(self._data, self._parser.CurrentByteIndex, tag)
        match tag.rpartition(":")[2]:
            case "sheetData" if self.found.table is not None:
                self.found.table.close(at, close)
            case "row":
                self.found.rows[self._row].close(at, close)
            case "c" if self._cell is not None:
                self._cell.end, self._cell = close, None
            case "v" if self._cell is not None:
                self._cell.remembered = (self._value_start, close)


def places_of(data: bytes) -> Places:
    """Read where the cells of a sheet stand.

    Raises:
        MalformedMessageError: This is no sheet.
    """
    return _Reader(data).read()


def when_opened(data: bytes) -> bytes:
    """A workbook that is computed anew by whoever opens it."""
    places: dict[str, Place] = {}
    parser = _parser()

    def start(tag: str, attributes: dict[str, str]) -> None:
        prefix, _, name = tag.rpartition(":")
        head = f"{prefix}:" if prefix else ""
        places[name] = Place(parser.CurrentByteIndex, attributes, head)

    def end(tag: str) -> None:
        at, close = _end_of(data, parser.CurrentByteIndex, tag)
        places[tag.rpartition(":")[2]].close(at, close)

    parser.StartElementHandler, parser.EndElementHandler = start, end
    _parse(parser, data)
    known = places.get("calcPr")
    attributes = {**(known.attributes if known else {}), "fullCalcOnLoad": "1"}
    listed = "".join(f" {name}={quoteattr(v)}" for name, v in attributes.items())
    if known is not None:
        new = f"<{known.prefix}calcPr{listed}/>".encode()
        return splice(data, [(known.start, known.end, new)])
    ends = [p for name, p in places.items() if name in _BEFORE_CALCULATION]
    if not ends:
        raise MalformedMessageError("template-workbook")
    last = max(ends, key=lambda place: place.end)
    new = f"<{last.prefix}calcPr{listed}/>".encode()
    return splice(data, [(last.end, last.end, new)])


def _whole(text: str | None, default: int) -> int:
    return int(text) if text and text.isascii() and text.isdigit() else default


Edit = tuple[int, int, bytes]


def stale(places: Places, but: Sequence[Place] = ()) -> list[Edit]:
    """Results that the file remembers of its formulas; they are computed anew."""
    return [
        (*place.remembered, b"")
        for place in places.cells.values()
        if place.has_formula and place.remembered and place not in but
    ]


def splice(data: bytes, edits: Sequence[Edit]) -> bytes:
    """Exchange parts of a text; edits at one place keep their order."""
    made, at = [], 0
    for start, end, new in sorted(edits, key=lambda edit: edit[:2]):
        made += [data[at:start], new]
        at = end
    return b"".join([*made, data[at:]])


def with_values(data: bytes, places: Places, values: Mapping[str, Value]) -> bytes:
    """The text with these cells exchanged or put in."""
    edits = stale(places)
    missing: dict[int, list[tuple[int, str, Value]]] = {}
    for cell, value in values.items():
        known = places.cells.get(cell)
        if known is not None:
            style = known.attributes.get("s", "")
            new = _cell_text(known.prefix, cell, value, style)
            edits.append((known.start, known.end, new))
        else:
            letters, number = CELL.fullmatch(cell).groups()  # type: ignore[union-attr]
            listed = missing.setdefault(int(number), [])
            listed.append((column_number(letters), cell, value))
    return splice(data, edits + _inserted(data, places, missing))


def _inserted(
    data: bytes,
    places: Places,
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


def _before(places: Places, row: Place, number: int, column: int) -> int:
    """Where a new cell stands in its row: before the next one to the right."""
    later = [
        place.start
        for cell, place in places.cells.items()
        if place.row == number and column_number(cell.rstrip("0123456789")) > column
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


def column_number(letters: str) -> int:
    """The number of a column, from 1 on."""
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


def covers(area: str, cell: str) -> bool:
    """Whether a merged area hides this cell; its first one is shown."""
    first, _, last = area.partition(":")
    corners = [CELL.fullmatch(text) for text in (first, last or first, cell)]
    if not all(corners) or first == cell:
        return False
    (a, b, c) = ((column_number(m[1]), int(m[2])) for m in corners if m is not None)
    return a[0] <= c[0] <= b[0] and a[1] <= c[1] <= b[1]
