"""Sheets of a town's file: rows of texts, whatever the file was.

Enters: the bytes of a CSV or text file as an office saves it. Leaves: a ``Sheet``: lines
with their number, and what is wrong with a line as a whole. Must never happen: a letter
that is guessed; a line that vanishes. Implements chapter 7 of the field document (Decode).
"""

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final, Self

from node.cases.listfields import known_titles
from node.errors import InputError

MAX_BYTES: Final = 20 * 1024 * 1024
MAX_ROWS: Final = 20_000
MAX_COLUMNS: Final = 200
HEADER_ROWS: Final = 20

_DELIMITERS: Final = (";", ",", "\t", "|")
_BOM: Final = b"\xef\xbb\xbf"
_UTF16: Final = (b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True, slots=True)
class Line:
    """One row of a file: its first physical line, its cells, or what is wrong."""

    number: int
    cells: tuple[str, ...]
    fault: str = ""
    is_hidden: bool = False


@dataclass(frozen=True, slots=True)
class Sheet:
    """One sheet; ``is_1904`` says from when its bare numbers count days."""

    name: str
    lines: tuple[Line, ...]
    is_1904: bool = False
    is_hidden: bool = False


@dataclass(frozen=True, slots=True)
class Book:
    """A file that was read. ``digest`` is the SHA-256 of its bytes."""

    digest: bytes
    sheets: tuple[Sheet, ...]

    def encode(self) -> bytes:
        """As one text, to be sealed or handed to another process."""
        sheets = [
            [
                sheet.name,
                [[n.number, n.cells, n.fault, n.is_hidden] for n in sheet.lines],
                sheet.is_1904,
                sheet.is_hidden,
            ]
            for sheet in self.sheets
        ]
        return json.dumps([self.digest.hex(), sheets]).encode()

    @classmethod
    def parse(cls, text: bytes) -> Self:
        """The inverse of ``encode``."""
        digest, sheets = json.loads(text)
        return cls(
            bytes.fromhex(digest),
            tuple(
                Sheet(
                    name,
                    tuple(
                        Line(n, tuple(c), fault, seen) for n, c, fault, seen in lines
                    ),
                    is_1904=is_1904,
                    is_hidden=is_hidden,
                )
                for name, lines, is_1904, is_hidden in sheets
            ),
        )


def text_sheet(file: bytes) -> Sheet:
    """Read a CSV or text file.

    Raises:
        InputError: Empty or too large, too many rows or columns, a quotation mark that is
            never closed, no encoding. The reason is a stable code.
    """
    if not file.strip():
        raise InputError("file", "empty")
    if len(file) > MAX_BYTES:
        raise InputError("file", "too_large")
    texts, faults = _decode(file)
    lines: list[Line] = []
    for line in _records(texts, _delimiter(texts), faults):
        if len(lines) > MAX_ROWS + HEADER_ROWS:
            raise InputError("file", "too_many_rows")
        if len(line.cells) > MAX_COLUMNS and any(line.cells[MAX_COLUMNS:]):
            raise InputError("file", "too_many_columns")
        lines.append(line)
    return Sheet("", tuple(lines))


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

    def titles(delimiter: str) -> int:
        head = islice(_records(texts, delimiter, {}), HEADER_ROWS)
        return max((len(known_titles(line.cells)) for line in head), default=0)

    return max(_DELIMITERS, key=titles)


def _records(
    texts: Sequence[str], delimiter: str, faults: Mapping[int, str]
) -> Iterator[Line]:
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
            yield Line(first, (), "quoting")
            continue
        found = (faults[n] for n in range(first, reader.line_num + 1) if n in faults)
        yield Line(first, cells, next(found, ""))
