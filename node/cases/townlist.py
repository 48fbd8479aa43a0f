"""The town's own list of people: from bytes to rows of named cells.

Enters: the bytes of a CSV file as an office saves it. Leaves: a ``TownList``: rows with the
cells we know by their titles, and everything that could not be read, with line and column.
Must never happen: a letter or a column that is guessed; a row that vanishes: what is not in
``rows`` is in ``errors`` or ``skipped``. A cell is text and stays text, whatever it begins
with. Implements chapter 7 of the field document (Read, Decode, Table, Map), DO-42.
"""

import csv
import hashlib
import io
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

from node.errors import InputError

MAX_BYTES: Final = 20 * 1024 * 1024
MAX_ROWS: Final = 20_000
MAX_COLUMNS: Final = 200
MAX_CELL_CHARACTERS: Final = 200
HEADER_ROWS: Final = 20

# Field -> titles under which offices keep it, folded to letters and digits.
_TITLES: Final[Mapping[str, str]] = {
    "family_name": "nachname familienname famname zuname",
    "given_names": "vorname vornamen rufname",
    "full_name": "name nachnamevorname namevorname familiennamevorname person",
    "birth_name": "geburtsname geborene mädchenname",
    "birth_date": "geburtsdatum gebdatum gebdat geb geburtstag geborenam",
    "gender": "geschlecht mw mwd",
    "citizenship": "staatsangehörigkeit staatsangehörigkeiten nationalität stang",
    "origin_country": "herkunftsland herkunft",
    "language": "sprache sprachen muttersprache",
    "household": "haushalt haushaltsnr haushaltnr haushaltsnummer haushaltnummer"
    " hhnr familie familienr familiennr familiennummer haushaltfamilienr",
    "street": "straße strasse straßehausnummer straßehausnr straßenr",
    "number": "hausnummer hausnr",
    "postcode": "plz postleitzahl",
    "town": "ort wohnort",
    "phone": "telefon telefonnummer tel handy handynummer mobil mobilnummer mobiltelefon",
    "email": "email emailadresse mail mailadresse",
    "residence": "status aufenthalt statusaufenthalt aufenthaltsstatus aufenthaltstitel",
    "arrival_town": "zuzug zuzugsdatum zugezogenam zuzugam",
    "arrival_germany": "einreise einreisedatum",
    "counselling_start": "betreuungsbeginn beratungsbeginn betreutseit betreuungseit",
    "case_number": "aktenzeichen fallnummer az",
}
_FIELD_OF: Final = {
    title: field for field, titles in _TITLES.items() for title in titles.split()
}
_REPEATABLE: Final = frozenset({"phone", "email"})
_NAMES: Final = frozenset({"family_name", "given_names", "full_name"})
_DELIMITERS: Final = (";", ",", "\t", "|")
_SUM: Final = re.compile(r"(summe|gesamt|insgesamt|anzahl|total)\b", re.IGNORECASE)
_BOM: Final = b"\xef\xbb\xbf"
_UTF16: Final = (b"\xff\xfe", b"\xfe\xff")
# Control characters, what reorders text on a screen, the mark of a lost letter.
_HARMFUL: Final = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufeff\ufffd]"
)


@dataclass(frozen=True, slots=True)
class ListError:
    """Why a row cannot be taken: its first line, the title of the column, a code."""

    line: int
    column: str
    code: str


@dataclass(frozen=True, slots=True)
class Skipped:
    """A line that is no person: ``title``, ``blank``, ``sum`` or ``header``."""

    line: int
    code: str


@dataclass(frozen=True, slots=True)
class ListRow:
    """One person as the list has it: field -> its cells that are not empty."""

    line: int
    cells: Mapping[str, tuple[str, ...]]

    def text(self, field: str) -> str:
        """The field's cell, empty if there is none."""
        return next(iter(self.cells.get(field, ())), "")


@dataclass(frozen=True, slots=True)
class TownList:
    """A list that was read.

    ``digest`` is the SHA-256 of the file. ``columns`` says which title was taken for which
    field; ``unknown`` are the titles that nobody explained to us.
    """

    digest: bytes
    columns: Mapping[str, str]
    unknown: tuple[str, ...]
    rows: tuple[ListRow, ...]
    errors: tuple[ListError, ...]
    skipped: tuple[Skipped, ...]

    def title(self, field: str) -> str:
        """The title under which this list has a field."""
        return next((t for t, f in self.columns.items() if f == field), field)


@dataclass(frozen=True, slots=True)
class _Line:
    """One record of the file: its first physical line, its cells, or what is wrong."""

    number: int
    cells: tuple[str, ...]
    fault: str = ""


def read_list(file: bytes) -> TownList:
    """Read a list.

    Raises:
        InputError: Empty or too large, too many rows or columns, a quotation mark that is
            never closed, no row of titles, two columns for one field. The reason is a
            stable code.
    """
    if not file.strip():
        raise InputError("file", "empty")
    if len(file) > MAX_BYTES:
        raise InputError("file", "too_large")
    texts, faults = _decode(file)
    delimiter = _delimiter(texts)
    lines = _records(texts, delimiter, faults)
    header, titles = _header(list(islice(lines, HEADER_ROWS)))
    fields = _fields(titles)
    rows: list[ListRow] = []
    errors: list[ListError] = []
    skipped: list[Skipped] = []
    for count, line in enumerate(_records(texts, delimiter, faults)):
        if count > MAX_ROWS + HEADER_ROWS:
            raise InputError("file", "too_many_rows")
        reason = _no_person(line, header, titles)
        if reason:
            skipped.append(Skipped(line.number, reason))
            continue
        found = list(_faults(line, titles))
        errors += found
        if not found:
            rows.append(_row(line, fields))
    if len(rows) + len(errors) > MAX_ROWS:
        raise InputError("file", "too_many_rows")
    return TownList(
        digest=hashlib.sha256(file).digest(),
        columns={titles[place]: field for place, field in fields.items()},
        unknown=tuple(
            title for place, title in enumerate(titles) if title and place not in fields
        ),
        rows=tuple(rows),
        errors=tuple(errors),
        skipped=tuple(skipped),
    )


def _decode(file: bytes) -> tuple[list[str], dict[int, str]]:
    """The physical lines as text, and by line number which could not be trusted.

    Byte order mark, else strict UTF-8, else Windows-1252 as a whole. If some lines are
    UTF-8 and others are not, the others are faults: nobody can say what they were.
    """
    if file.startswith(_UTF16):
        try:
            return list(io.StringIO(file.decode("utf-16"), newline="")), {}
        except UnicodeDecodeError:
            raise InputError("file", "encoding") from None
    lines = file.removeprefix(_BOM).splitlines(keepends=True)
    as_utf8 = [_strictly(line, "utf-8") for line in lines]
    if None not in as_utf8:
        return [text for text in as_utf8 if text is not None], {}
    is_mixed = file.startswith(_BOM) or any(
        text is not None and not text.isascii() for text in as_utf8
    )
    faults: dict[int, str] = {}
    texts: list[str] = []
    for number, (line, text) in enumerate(zip(lines, as_utf8, strict=True), 1):
        western = _strictly(line, "cp1252")
        if text is None and (is_mixed or western is None):
            faults[number] = "mixed_encoding" if is_mixed else "encoding"
        readable = text if text is not None else western
        texts.append(readable or line.decode("cp1252", "replace"))
    return texts, faults


def _strictly(line: bytes, encoding: str) -> str | None:
    try:
        return line.decode(encoding)
    except UnicodeDecodeError:
        return None


def _delimiter(texts: Sequence[str]) -> str:
    """The one under which a row of the first twenty has most titles we know."""

    def known_titles(delimiter: str) -> int:
        head = islice(_records(texts, delimiter, {}), HEADER_ROWS)
        return max((len(_known(line.cells)) for line in head), default=0)

    return max(_DELIMITERS, key=known_titles)


def _records(
    texts: Sequence[str], delimiter: str, faults: Mapping[int, str]
) -> Iterator[_Line]:
    """Records with the number of their first line; a broken one is a fault of its own.

    Raises:
        InputError: A quotation mark swallows the lines below it.
    """
    reader = csv.reader(texts, delimiter=delimiter, strict=True)
    while True:
        first = reader.line_num + 1
        try:
            cells = tuple(next(reader))
        except StopIteration:
            return
        except csv.Error:
            if reader.line_num > first:
                raise InputError("file", "quote_not_closed") from None
            yield _Line(first, (), "quoting")
            continue
        found = (faults[n] for n in range(first, reader.line_num + 1) if n in faults)
        yield _Line(first, cells, next(found, ""))


def _header(head: Iterable[_Line]) -> tuple[int, tuple[str, ...]]:
    """The line number of the titles, and the titles.

    Raises:
        InputError: No line has two titles we know, one of them a name; too many columns.
    """
    best = max(head, key=lambda line: len(_known(line.cells)))
    known = _known(best.cells)
    if len(known) < 2 or not known & _NAMES:
        raise InputError("file", "no_header")
    if len(best.cells) > MAX_COLUMNS:
        raise InputError("file", "too_many_columns")
    return best.number, tuple(_clean(cell) for cell in best.cells)


def _known(cells: Iterable[str]) -> frozenset[str]:
    return frozenset(_FIELD_OF[t] for t in map(_folded, cells) if t in _FIELD_OF)


def _fields(titles: Sequence[str]) -> dict[int, str]:
    """Place of a column -> its field.

    Raises:
        InputError: Two columns claim one field; which is meant is not for us to say.
    """
    found = {
        place: _FIELD_OF[folded]
        for place, folded in enumerate(map(_folded, titles))
        if folded in _FIELD_OF
    }
    # "Name" beside "Vorname" is the family name; alone it is both.
    if "given_names" in found.values() and "family_name" not in found.values():
        found = {
            place: "family_name" if field == "full_name" else field
            for place, field in found.items()
        }
    if "family_name" in found.values():
        found = {p: field for p, field in found.items() if field != "full_name"}
    single = [field for field in found.values() if field not in _REPEATABLE]
    if len(single) != len(set(single)):
        raise InputError("file", "column_twice")
    return found


def _no_person(line: _Line, header: int, titles: Sequence[str]) -> str:
    """Why a line is no person, empty if it is one."""
    cells = [cleaned for cell in line.cells if (cleaned := _clean(cell))]
    if line.fault:
        return ""
    if line.number < header:
        return "title"
    if line.number == header or tuple(_clean(c) for c in line.cells) == titles:
        return "header"
    if not cells:
        return "blank"
    return "sum" if _SUM.match(cells[0]) else ""


def _faults(line: _Line, titles: Sequence[str]) -> Iterator[ListError]:
    """What makes a row unusable as a whole; values are judged later."""
    if line.fault:
        yield ListError(line.number, "", line.fault)
        return
    for place, cell in enumerate(line.cells):
        title = titles[place] if place < len(titles) else ""
        if place >= len(titles) and _clean(cell):
            yield ListError(line.number, "", "too_many_cells")
            return
        if _HARMFUL.search(cell):
            yield ListError(line.number, title, "control_character")
        elif len(cell) > MAX_CELL_CHARACTERS and _folded(title) in _FIELD_OF:
            yield ListError(line.number, title, "too_long")


def _row(line: _Line, fields: Mapping[int, str]) -> ListRow:
    cells: dict[str, tuple[str, ...]] = {}
    for place, field in fields.items():
        text = _clean(line.cells[place]) if place < len(line.cells) else ""
        if text:
            cells[field] = (*cells.get(field, ()), text)
    return ListRow(line.number, cells)


def _clean(text: str) -> str:
    """Composed letters (NFC), single blanks; a hard blank is a blank."""
    return " ".join(unicodedata.normalize("NFC", text).split())


def _folded(title: str) -> str:
    """A title as letters and digits, lower case."""
    plain = unicodedata.normalize("NFC", title).lower()
    return "".join(letter for letter in plain if letter.isalnum())
