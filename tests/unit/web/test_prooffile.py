"""The funder's template: named cells are filled, everything else is as it was (DO-36)."""

import io
import zipfile

import openpyxl
import pytest
import xlsxwriter
from openpyxl.styles import Font, PatternFill
from openpyxl.worksheet.datavalidation import DataValidation

from node.web.prooffile import MOST_BYTES, Refusal, Shape, fill, shape_of

SHEET = "Auswertung Zeitraum"


def template():
    """A pattern with formats, formulas, merged cells, a drop-down list, two sheets."""
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = SHEET
    sheet["A1"] = "Verwendungsnachweis"
    sheet["A1"].font = Font(bold=True, size=16)
    sheet.merge_cells("A1:E1")
    sheet["A3"], sheet["A4"] = "Zeitraum von", "bis"
    sheet["B3"].number_format = "DD.MM.YYYY"
    for column, text in zip("ABCDE", ("Name", "Z", "B", "P", "G"), strict=True):
        sheet[f"{column}11"] = text
        sheet[f"{column}12"].fill = PatternFill("solid", "FFEECC")
    for column in "BCDE":
        sheet[f"{column}20"] = f"=SUM({column}12:{column}19)"
    sheet["F12"] = "=C12/B12"
    sheet.column_dimensions["A"].width = 33
    choice = DataValidation(type="list", formula1='"ja,nein"')
    choice.add("G12")
    sheet.add_data_validation(choice)
    other = book.create_sheet("Hinweise")
    other["A1"] = "Bitte nicht ändern"
    other["B2"] = f"='{SHEET}'!B20*2"
    made = io.BytesIO()
    book.save(made)
    return made.getvalue()


GIVEN = template()
VALUES = {"B3": "01.01.2020", "A12": "Demo Amsel", "B12": 157, "E12": 772, "A13": "Neu"}


def filled(values=VALUES, content=GIVEN, sheet=SHEET):
    made = fill(content, sheet, values)
    assert isinstance(made, bytes), made
    return made


def cells_of(content):
    book = openpyxl.load_workbook(io.BytesIO(content))
    return {
        (sheet.title, cell.coordinate): (
            cell.value,
            cell.data_type,
            cell.number_format,
            repr(cell.font),
            repr(cell.fill),
            repr(cell.border),
            repr(cell.alignment),
            repr(cell.protection),
        )
        for sheet in book.worksheets
        for row in sheet.iter_rows(max_row=30, max_col=12)
        for cell in row
    }


def entries(content):
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.mark.spec("DO-36")
def test_only_the_named_cells_differ_cell_by_cell():
    before, after = cells_of(GIVEN), cells_of(filled())
    assert before.keys() == after.keys()
    changed = {place[1] for place in before if before[place] != after[place]}
    assert changed == set(VALUES)
    for cell, value in VALUES.items():
        assert after[SHEET, cell][0] == value
        # The format of the cell stays.
        assert after[SHEET, cell][2:] == before[SHEET, cell][2:]


@pytest.mark.spec("DO-36")
def test_formulas_are_intact_and_computed_anew():
    made = filled()
    book = openpyxl.load_workbook(io.BytesIO(made))
    assert book[SHEET]["E20"].value == "=SUM(E12:E19)"
    assert book["Hinweise"]["B2"].value == f"='{SHEET}'!B20*2"
    assert b'fullCalcOnLoad="1"' in entries(made)["xl/workbook.xml"]
    # No program shows what the file remembered of the empty pattern.
    source = io.BytesIO()
    with xlsxwriter.Workbook(source) as book:
        page = book.add_worksheet("X")
        page.write_formula("B2", "=A1*2", None, 42)
    after = filled({"A1": 5}, source.getvalue(), "X")
    shown = openpyxl.load_workbook(io.BytesIO(after), data_only=True)["X"]
    assert (shown["A1"].value, shown["B2"].value) == (5, None)


@pytest.mark.spec("DO-36")
def test_all_other_parts_of_the_file_are_the_same_bytes():
    before, after = entries(GIVEN), entries(filled())
    assert list(before) == list(after)
    changed = {name for name in before if before[name] != after[name]}
    assert changed <= {
        "xl/workbook.xml",
        "xl/worksheets/sheet1.xml",
        "xl/worksheets/sheet2.xml",
    }
    sheet = after["xl/worksheets/sheet1.xml"]
    for kept in (b"<dataValidation", b"<mergeCell", b'width="33"'):
        assert (kept in sheet) == (kept in before["xl/worksheets/sheet1.xml"])


@pytest.mark.spec("DO-36")
def test_a_picture_and_a_chart_stay():
    source = io.BytesIO()
    with xlsxwriter.Workbook(source) as book:
        page = book.add_worksheet("X")
        chart = book.add_chart({"type": "column"})
        chart.add_series({"values": "=X!$A$1:$A$3"})
        page.insert_chart("C2", chart)
    before = entries(source.getvalue())
    after = entries(filled({"A1": 1}, source.getvalue(), "X"))
    for name in before:
        if name.startswith(("xl/charts", "xl/drawings")):
            assert after[name] == before[name]
    assert b"<drawing" in after["xl/worksheets/sheet1.xml"]


@pytest.mark.spec("SR-U5")
@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@A1", '=HYPERLINK("x")', "<&>"])
def test_a_text_stays_a_text(text):
    made = filled({"A12": text})
    cell = openpyxl.load_workbook(io.BytesIO(made))[SHEET]["A12"]
    assert (cell.value, cell.data_type) == (text, "s")


def test_cells_that_the_text_does_not_have_yet_stand_in_their_order():
    values = {"C40": 3, "A40": 1, "B40": 2, "A2": 7, "Z12": 9, "A50": 5}
    sheet = openpyxl.load_workbook(io.BytesIO(filled(values)))[SHEET]
    assert {cell: sheet[cell].value for cell in values} == values
    text = entries(filled(values))["xl/worksheets/sheet1.xml"]
    places = [
        text.index(f'r="{cell}"'.encode()) for cell in ("A2", "A12", "Z12", "A40")
    ]
    assert places == sorted(places)


def test_an_empty_sheet_can_be_filled():
    source = io.BytesIO()
    with xlsxwriter.Workbook(source) as book:
        book.add_worksheet("Leer")
    made = filled({"B2": 1}, source.getvalue(), "Leer")
    assert openpyxl.load_workbook(io.BytesIO(made))["Leer"]["B2"].value == 1


@pytest.mark.spec("DO-36")
@pytest.mark.parametrize(
    ("sheet", "cell", "why"),
    [
        ("Fehlt", "B12", "sheet"),
        (SHEET, "B20", "formula"),
        (SHEET, "F12", "formula"),
        (SHEET, "C1", "cell"),
        (SHEET, "12", "cell"),
        (SHEET, "b12", "cell"),
        (SHEET, "A0", "cell"),
        (SHEET, "AAAA1", "cell"),
        (SHEET, "A1048577", "cell"),
        (SHEET, "XFE1", "cell"),
    ],
)
def test_a_missing_sheet_or_cell_is_refused_by_name(sheet, cell, why):
    refused = fill(GIVEN, sheet, {cell: 1})
    assert refused == Refusal(why, sheet, "" if why == "sheet" else cell)


def test_the_first_of_merged_cells_can_be_filled():
    book = openpyxl.load_workbook(io.BytesIO(filled({"A1": "Titel"})))
    assert book[SHEET]["A1"].value == "Titel"


def test_the_shape_names_texts_formulas_and_columns():
    shape = shape_of(GIVEN)
    assert isinstance(shape, Shape)
    assert list(shape.sheets) == [SHEET, "Hinweise"]
    assert shape.sheets[SHEET]["A3"] == "Zeitraum von"
    assert "B20" in shape.formulas[SHEET]


# ---- Hostile files ---------------------------------------------------------------------


def archive(parts, compress=zipfile.ZIP_DEFLATED):
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", compress) as target:
        for name, data in parts:
            target.writestr(name, data)
    return made.getvalue()


def with_part(name, data):
    return archive({**entries(GIVEN), name: data}.items())


DOCTYPE = b'<!DOCTYPE x [<!ENTITY a "aaaa">]><worksheet><sheetData>&a;</sheetData></worksheet>'


@pytest.mark.spec("SR-P5")
@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"PK\x03\x04",
        b"\xd0\xcf\x11\xe0" + bytes(600),
        archive([("a", b"b")]),
        with_part("xl/worksheets/sheet1.xml", DOCTYPE),
        with_part("xl/worksheets/sheet1.xml", b"<worksheet>"),
        with_part("xl/worksheets/sheet1.xml", b"<worksheet/>"),
        with_part("xl/worksheets/sheet1.xml", GIVEN),
        with_part("xl/bomb", bytes(20_000_000)),
        archive([(f"f{n}", b"") for n in range(1001)]),
        bytes(MOST_BYTES + 1),
        with_part("xl/workbook.xml", b"<workbook/>"),
    ],
    ids=[
        "empty",
        "cut",
        "old-xls",
        "other-archive",
        "entities",
        "cut-sheet",
        "no-rows",
        "no-text",
        "expands",
        "many-parts",
        "large",
        "no-sheets",
    ],
)
def test_what_is_no_template_is_refused_and_nothing_breaks(content):
    assert isinstance(fill(content, SHEET, {"B12": 1}), Refusal)


@pytest.mark.spec("SR-P5")
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_an_archive_with_one_name_twice_is_refused():
    listed = [*entries(GIVEN).items(), ("xl/workbook.xml", b"<workbook/>")]
    assert shape_of(archive(listed)) == Refusal("file")


@pytest.mark.parametrize(
    "content",
    [b"", b"PK", GIVEN[:-200], archive([("a", b"b")])],
    ids=["empty", "cut", "shortened", "other-archive"],
)
def test_the_shape_of_what_is_no_template_is_a_refusal(content):
    assert shape_of(content) == Refusal("file")
