"""Spreadsheets as texts: every format, the limits, and a process that can be ended."""

import io
import struct
import tracemalloc
from datetime import date, datetime, time, timedelta

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.cases.listsheet import MAX_ROWS, Book
from node.errors import InputError
from node.web import listreader, spreadsheet
from node.web.listreader import read_apart
from node.web.spreadsheet import read_file
from tests.support import uglyfiles as ugly

ROWS = (("Nachname", "Vorname"), ("Demo-Müller", "Anna"), ("Demo-Groß", "Zoë"))


def cells(file: bytes, sheet: int = 0) -> list[tuple[str, ...]]:
    return [line.cells for line in read_file(file).sheets[sheet].lines]


def refusal(file: bytes, reader=read_file) -> str:
    with pytest.raises(InputError) as refused:
        reader(file)
    return refused.value.reason


@pytest.mark.spec("SR-U6")
@pytest.mark.parametrize(
    "file",
    [
        ugly.table_xlsx(*ROWS),
        ugly.with_parts(ugly.table_xlsx(*ROWS), {"xl/vbaProject.bin": b"macro"}),
        ugly.old_workbook("Liste", ROWS),
        ugly.binary_workbook("Liste", ROWS),
        ugly.open_document(ROWS),
        "\n".join(map(";".join, ROWS)).encode("cp1252"),
        "\n".join(map("\t".join, ROWS)).encode("utf-16"),
    ],
    ids=["xlsx", "xlsm", "xls", "xlsb", "ods", "csv", "txt"],
)
def test_every_format_gives_the_same_rows(file: bytes) -> None:
    assert cells(file) == list(ROWS)


@pytest.mark.spec("SR-U6")
def test_nothing_in_a_hostile_workbook_runs_and_text_stays_text() -> None:
    assert cells(ugly.hostile_xlsx()) == [
        ("Nachname", "Vorname", "Bemerkung"),
        ("Demo-A", "=cmd|' /C calc'!A0"),
        ("@SUM(1+1)*cmd|' /C calc'!A0", "Anna"),
        ("'=1+1", "Berta"),
    ]


@pytest.mark.spec("SR-P5", "SR-U6")
def test_a_bomb_is_refused_before_it_is_unpacked() -> None:
    file = ugly.bomb_xlsx()
    tracemalloc.start()
    assert refusal(file) == "too_large_unpacked"
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 100 * 1024 * 1024


def liar() -> bytes:
    """A workbook that says of its largest part that it is small."""
    file = bytearray(ugly.bomb_xlsx())
    real = struct.pack("<I", 300 * 1024 * 1024)
    while (at := file.find(real)) >= 0:
        file[at : at + 4] = struct.pack("<I", 100)
    return bytes(file)


def twice() -> bytes:
    file = ugly.table_xlsx(*ROWS)
    with pytest.warns(UserWarning, match="Duplicate name"):
        return ugly.with_parts(file, {"xl/workbook.xml": b"<workbook/>"})


def many_entries() -> bytes:
    return ugly.with_parts(ugly.table_xlsx(*ROWS), {f"x/{n}": b"" for n in range(1001)})


def locked_zip() -> bytes:
    file = bytearray(ugly.table_xlsx(*ROWS))
    at = file.rindex(b"PK\x01\x02")
    file[at + 8] |= 1
    return bytes(file)


@pytest.mark.spec("SR-P5", "SR-U6")
@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (liar, "damaged"),
        (twice, "damaged"),
        (many_entries, "damaged"),
        (locked_zip, "password"),
        (ugly.sealed_xlsx, "password"),
        (ugly.doctype_xlsx, "damaged"),
        (lambda: b"", "empty"),
        (lambda: b" \n", "empty"),
        (ugly.table_xlsx, "empty"),
        (lambda: b"%PDF-1.7", "no_list"),
        (lambda: b"PK\x03\x04" + bytes(50), "damaged"),
        (lambda: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "damaged"),
        (lambda: ugly.container("Other", b"nothing"), "damaged"),
        (
            lambda: ugly.table_xlsx(("",) * 300 + ("x",), *ROWS),
            "too_many_columns",
        ),
    ],
)
def test_what_cannot_be_read_is_one_reason(make, reason: str) -> None:
    assert refusal(make()) == reason


@pytest.mark.spec("SR-U6")
def test_too_many_rows_are_refused() -> None:
    row = ("Nachname", "Vorname")
    assert refusal(ugly.table_xlsx(*[row] * (MAX_ROWS + 50))) == "too_many_rows"


@pytest.mark.spec("SR-U6")
def test_a_million_empty_rows_are_nothing() -> None:
    assert cells(ugly.empty_rows_xlsx()) == [
        ("Nachname", "Vorname"),
        ("Demo-A", "Anna"),
    ]


def test_hidden_rows_and_sheets_are_marked_and_taken_along() -> None:
    book = read_file(ugly.matrix_xlsx())
    assert [line.number for line in book.sheets[0].lines if line.is_hidden] == [3]
    assert [sheet.name for sheet in book.sheets] == ["2019", "2020"]
    hidden, shown = read_file(ugly.table_xlsx(*ROWS, behind_hidden=True)).sheets
    assert (hidden.is_hidden, shown.is_hidden) == (True, False)


def test_hidden_rows_of_an_open_document_are_marked() -> None:
    (sheet,) = read_file(ugly.open_document(ROWS, hidden=1)).sheets
    assert [line.number for line in sheet.lines if line.is_hidden] == [1]


@pytest.mark.parametrize(
    ("file", "is_1904"),
    [
        (ugly.dates_xlsx(is_1904=True), True),
        (ugly.dates_xlsx(is_1904=False), False),
        (ugly.old_workbook("L", ROWS, is_1904=True), True),
        (ugly.old_workbook("L", ROWS), False),
    ],
)
def test_it_is_known_from_when_bare_numbers_count(file: bytes, is_1904: bool) -> None:
    assert read_file(file).sheets[0].is_1904 is is_1904


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        (79664.0, "79664"),
        (1.5, "1,5"),
        (True, "ja"),
        (" a ", " a "),
        (date(1990, 5, 1), "01.05.1990"),
        (datetime(1990, 5, 1), "01.05.1990"),  # noqa: DTZ001
        (datetime(1990, 5, 1, 13, 30), "01.05.1990 13:30"),  # noqa: DTZ001
        (time(9, 5), "09:05"),
        (timedelta(minutes=90), "1:30"),
    ],
)
def test_a_cell_is_what_an_office_would_type(cell, text: str) -> None:
    assert spreadsheet._text(cell) == text


# ---- A process of its own --------------------------------------------------------------


@pytest.mark.spec("SR-U6")
def test_what_is_read_apart_is_what_is_read() -> None:
    for file in (ugly.matrix_xlsx(), ugly.titles_xls(), ugly.MOJIBAKE):
        assert read_apart(file) == read_file(file)
    assert refusal(ugly.sealed_xlsx(), read_apart) == "password"


@pytest.mark.spec("SR-U6")
def test_a_reader_that_takes_too_long_is_ended(monkeypatch) -> None:
    monkeypatch.setattr(listreader, "SECONDS", 0.01)
    assert refusal(ugly.table_xlsx(*ROWS), read_apart) == "too_much_work"


@pytest.mark.spec("SR-U6")
def test_a_reader_that_needs_too_much_memory_ends_alone() -> None:
    # One cell at each end of a sheet: whoever fills in the rest needs many gigabytes.
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.cell(1, 1, "Nachname")
    sheet.cell(1_048_576, 16_384, "x")
    target = io.BytesIO()
    book.save(target)
    assert refusal(target.getvalue(), read_apart) == "too_much_work"


@pytest.mark.spec("SR-K4")
def test_the_reader_gets_nothing_of_our_surroundings(monkeypatch) -> None:
    seen = {}
    real = listreader.subprocess.run

    def run(command, **given):
        seen.update(given)
        return real(command, **given)

    monkeypatch.setenv("STAFFELSTAB_SECRET", "x")
    monkeypatch.setattr(listreader.subprocess, "run", run)
    read_apart(ugly.table_xlsx(*ROWS))
    assert set(seen["env"]) == {"PYTHONPATH", "LC_ALL"}


@given(
    st.lists(
        st.lists(st.text(max_size=12), max_size=4).map(tuple), min_size=1, max_size=5
    )
)
def test_a_book_survives_its_way_between_processes(found) -> None:
    lines = tuple(
        spreadsheet.Line(n, c, "quoting" if n % 2 else "", n % 3 == 0)
        for n, c in enumerate(found, 1)
    )
    book = Book(bytes(32), (spreadsheet.Sheet("é", lines, is_1904=True),))
    assert Book.parse(book.encode()) == book
