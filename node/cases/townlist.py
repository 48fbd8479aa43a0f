"""The town's own list: from the lines of a sheet to rows of named cells.

Enters: a sheet, and perhaps which column a person took for which field. Leaves: a
``TownList``: rows with the cells we know by their titles, and everything that could not be
read, with line and column. Must never happen: a column that is guessed; a row that
vanishes: what is not in ``rows`` is in ``errors`` or ``skipped``. A cell is text and stays
text, whatever it begins with. Implements chapter 7 of the field document (Table, Map),
DO-42.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from node.cases.listfields import (
    NAMES,
    REPEATABLE,
    clean,
    doubled,
    fingerprint,
    joined_title,
    known_titles,
    months_in,
    named_fields,
)
from node.cases.listsheet import (
    HEADER_ROWS,
    MAX_COLUMNS,
    MAX_ROWS,
    Line,
    Sheet,
    text_sheet,
)
from node.errors import InputError

MAX_CELL_CHARACTERS: Final = 200
MAX_NOTE_CHARACTERS: Final = 4000

_SUM: Final = re.compile(r"(summe|gesamt|insgesamt|anzahl|total)\b", re.IGNORECASE)
HARMFUL: Final = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufeff\ufffd]"
)
"""Control characters, what reorders text on a screen, the mark of a lost letter."""
# What our own lists put an apostrophe before, so that no spreadsheet calculates it.
_GUARDED: Final = re.compile("'(?=[=+\\-@\uff1d\uff0b\uff0d\uff20])")


@dataclass(frozen=True, slots=True)
class ListError:
    """Why a row cannot be taken: its first line, the title of the column, a code."""

    line: int
    column: str
    code: str


@dataclass(frozen=True, slots=True)
class Skipped:
    """A line that is no person: ``title``, ``blank``, ``sum``, ``header``, ``caption``."""

    line: int
    code: str


@dataclass(frozen=True, slots=True)
class ListRow:
    """One person as the list has it: field -> its cells that are not empty."""

    line: int
    cells: Mapping[str, tuple[str, ...]]
    is_hidden: bool = False

    def text(self, field: str) -> str:
        """The field's cell, empty if there is none."""
        return next(iter(self.cells.get(field, ())), "")


@dataclass(frozen=True, slots=True)
class TownList:
    """A list that was read.

    ``digest`` is the SHA-256 of the file. ``titles`` are those of the columns in their
    order, ``fields`` says which column was taken for which field, ``months`` which
    columns are months: they say that somebody was met and not on which day.
    """

    digest: bytes
    titles: tuple[str, ...]
    fields: Mapping[int, str]
    months: frozenset[int]
    rows: tuple[ListRow, ...]
    errors: tuple[ListError, ...]
    skipped: tuple[Skipped, ...]
    is_1904: bool = False

    @property
    def columns(self) -> Mapping[str, str]:
        """Title -> field, of the columns that are taken."""
        return {self.titles[place]: field for place, field in self.fields.items()}

    @property
    def unknown(self) -> tuple[str, ...]:
        """Titles of columns that are not taken."""
        return tuple(
            title
            for place, title in enumerate(self.titles)
            if title and place not in self.fields
        )

    @property
    def is_of_talks(self) -> bool:
        """Whether each row is a talk with somebody, and not somebody."""
        return "talk_date" in self.fields.values()

    @property
    def fingerprint(self) -> bytes:
        """What lists with the same titles have in common."""
        return fingerprint(self.titles)

    def title(self, field: str) -> str:
        """The title under which this list has a field."""
        return next((t for t, f in self.columns.items() if f == field), field)


def read_list(file: bytes) -> TownList:
    """Read a CSV file by its titles alone; raises as ``text_sheet`` and ``read_sheet``."""
    return read_sheet(text_sheet(file), hashlib.sha256(file).digest())


def read_sheet(
    sheet: Sheet, digest: bytes, fields: Mapping[int, str] | None = None
) -> TownList:
    """Find the table in a sheet.

    Args:
        sheet: The lines.
        digest: SHA-256 of the file.
        fields: Place of a column -> its field, as a person chose; None takes the titles.

    Raises:
        InputError: No row of titles, two columns for one field, too many rows.
    """
    header = _header(sheet.lines)
    titles = header.titles
    months = months_in(titles)
    if fields is None:
        fields = named_fields(titles)
    fields = {p: f for p, f in fields.items() if p < len(titles) and p not in months}
    if doubled(fields):
        raise InputError("file", "column_twice")
    rows: list[ListRow] = []
    errors: list[ListError] = []
    skipped: list[Skipped] = []
    for line in sheet.lines:
        reason = _no_person(line, header)
        if reason:
            skipped.append(Skipped(line.number, reason))
            continue
        found = list(_faults(line, titles, fields))
        errors += found
        if not found:
            rows.append(_row(line, fields))
    if len(rows) + len(errors) > MAX_ROWS:
        raise InputError("file", "too_many_rows")
    return TownList(
        digest=digest,
        titles=titles,
        fields=fields,
        months=months,
        rows=tuple(rows),
        errors=tuple(errors),
        skipped=tuple(skipped),
        is_1904=sheet.is_1904,
    )


@dataclass(frozen=True, slots=True)
class _Header:
    """The line or the two lines with the titles."""

    first: int
    last: int
    titles: tuple[str, ...]
    joined: int = 0
    """How many titles mean something only together, like "Geburts-" above "datum"."""


def _header(lines: Sequence[Line]) -> _Header:
    """The titles: one line, or two of which the lower says what the upper is about.

    Raises:
        InputError: No line has two titles we know, one of them a name; too many columns.
    """
    head = lines[:HEADER_ROWS]
    found: list[_Header] = []
    for place, line in enumerate(head):
        found.append(_Header(line.number, line.number, tuple(map(clean, line.cells))))
        if place + 1 < len(head):
            found.append(_joined(line, head[place + 1]))
    # Of equal ones a line alone: two together say nothing more than one of them.
    best = max(
        found,
        key=lambda h: (len(known_titles(h.titles)), h.joined, h.first == h.last),
        default=None,
    )
    known = known_titles(best.titles) if best else frozenset()
    if best is None or len(known) < 2 or not known & (NAMES | {"case_number"}):
        raise InputError("file", "no_header")
    if len(best.titles) > MAX_COLUMNS:
        raise InputError("file", "too_many_columns")
    return best


def _joined(upper: Line, lower: Line) -> _Header:
    width = max(len(upper.cells), len(lower.cells))
    above = [clean(cell) for cell in upper.cells] + [""] * (width - len(upper.cells))
    below = [clean(cell) for cell in lower.cells] + [""] * (width - len(lower.cells))
    # A merged cell of the upper line stands above all columns it covers.
    group, groups = "", []
    for title in above:
        group = title or group
        groups.append(group)
    titles = tuple(
        joined_title(own or (group if under else ""), under)
        for own, group, under in zip(above, groups, below, strict=True)
    )
    joined = sum(
        bool(known_titles([title])) and title not in {own, under}
        for title, own, under in zip(titles, above, below, strict=True)
    )
    return _Header(upper.number, lower.number, titles, joined)


def _no_person(line: Line, header: _Header) -> str:
    """Why a line is no person, empty if it is one."""
    cells = [cleaned for cell in line.cells if (cleaned := clean(cell))]
    if line.fault:
        return ""
    if line.number < header.first:
        return "title"
    titles = tuple(clean(cell) for cell in line.cells)
    if line.number <= header.last or titles == header.titles:
        return "header"
    if not cells:
        return "blank"
    return "sum" if _SUM.match(cells[0]) else ""


def _faults(
    line: Line, titles: Sequence[str], fields: Mapping[int, str]
) -> Iterator[ListError]:
    """What makes a row unusable as a whole; values are judged later."""
    if line.fault:
        yield ListError(line.number, "", line.fault)
        return
    for place, cell in enumerate(line.cells):
        title = titles[place] if place < len(titles) else ""
        if place >= len(titles) and clean(cell):
            yield ListError(line.number, "", "too_many_cells")
            return
        if HARMFUL.search(cell):
            yield ListError(line.number, title, "control_character")
        elif place in fields and len(cell) > _most(fields[place]):
            yield ListError(line.number, title, "too_long")


def _most(field: str) -> int:
    return MAX_NOTE_CHARACTERS if field == "talk_note" else MAX_CELL_CHARACTERS


def _row(line: Line, fields: Mapping[int, str]) -> ListRow:
    cells: dict[str, tuple[str, ...]] = {}
    for place, field in fields.items():
        text = clean(line.cells[place]) if place < len(line.cells) else ""
        text = _GUARDED.sub("", text, count=1) if text.startswith("'") else text
        if text and (field in REPEATABLE or field not in cells):
            cells[field] = (*cells.get(field, ()), text)
    return ListRow(line.number, cells, line.is_hidden)
