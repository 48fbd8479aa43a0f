"""Reading a town's list: every line is a row, an error or skipped; nothing is guessed."""

import csv
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from node.cases.listsheet import MAX_BYTES, MAX_COLUMNS, MAX_ROWS
from node.cases.townlist import (
    ListError,
    Skipped,
    TownList,
    read_list,
)
from node.errors import InputError
from tests.support.uglyfiles import BOM_TAB, CP1252, DUPES, MOJIBAKE, NAMES


def errors_of(listed: TownList) -> list[tuple[int, str, str]]:
    return [(e.line, e.column, e.code) for e in listed.errors]


def names(listed: TownList) -> list[tuple[str, str]]:
    return [(r.text("family_name"), r.text("given_names")) for r in listed.rows]


@pytest.mark.spec("DO-42")
def test_01_a_windows_list_is_read_with_its_letters() -> None:
    listed = read_list(CP1252)
    assert names(listed) == [
        ("Müller", "Jörg"),
        ("Groß", "Zoë"),
        ("Özdemir", "Ayse-Ersatz"),
    ]
    assert listed.rows[0].text("street") == "Demoweg 1"
    assert listed.unknown == ("Miete",)
    assert not listed.errors


@pytest.mark.spec("DO-42")
def test_02_tabs_and_line_breaks_in_quotation_marks_are_read() -> None:
    listed = read_list(BOM_TAB)
    assert names(listed) == [
        ("Demo-Ahorn", "Mohammed"),
        ("Demo-Linde", "Samir Karim"),
        ("Demo-Eiche", "Abel"),
    ]
    assert [row.line for row in listed.rows] == [2, 4, 6]
    assert listed.unknown == ("Bemerkung",)


@pytest.mark.spec("DO-42")
def test_11_mixed_lines_and_nul_bytes_are_errors_of_their_rows() -> None:
    listed = read_list(MOJIBAKE)
    assert errors_of(listed) == [
        (4, "", "mixed_encoding"),
        (5, "Nachname", "control_character"),
    ]
    assert [row.line for row in listed.rows] == [2, 3, 6]


def test_utf_16_with_its_mark_is_read() -> None:
    text = "Nachname\tVorname\r\nMüller\tĐặng\r\n"
    assert names(read_list(text.encode("utf-16"))) == [("Müller", "Đặng")]


@pytest.mark.parametrize("delimiter", [";", ",", "\t", "|"])
def test_the_delimiter_is_found_by_the_titles(delimiter: str) -> None:
    text = f"Nachname{delimiter}Vorname\nDemo{delimiter}Anna, Maria; die zweite\n"
    if delimiter in ",;":
        text = text.replace("Anna, Maria; die zweite", '"Anna, Maria; die zweite"')
    assert names(read_list(text.encode())) == [("Demo", "Anna, Maria; die zweite")]


@pytest.mark.parametrize(
    ("title", "field"),
    [
        ("Familienname", "family_name"),
        ("Geb.-Datum", "birth_date"),
        ("STAATSANGEHÖRIGKEIT", "citizenship"),
        ("Haushalt/Familie-Nr", "household"),
        ("Strasse", "street"),
        ("E-Mail", "email"),
        ("Status/Aufenthalt", "residence"),
        ("Zuzug", "arrival_town"),
        ("Betreuungsbeginn", "counselling_start"),
        ("Mobil-Nr.", None),
        ("Religion", None),
    ],
)
def test_titles_are_known_or_listed_as_unknown(title: str, field: str | None) -> None:
    first = "PLZ" if field == "family_name" else "Nachname"
    listed = read_list(f"{first};Vorname;{title}\nA;B;C\n".encode())
    if field is None:
        assert listed.unknown == (title,)
    else:
        assert listed.columns[title] == field
        assert not listed.unknown


def test_titles_above_sums_below_and_blank_lines_are_skipped_and_listed() -> None:
    listed = read_list(
        b"Liste der Stadt\n\nNachname;Vorname\nA;B\n;\nNachname;Vorname\nSumme;1\n"
    )
    assert names(listed) == [("A", "B")]
    assert listed.skipped == (
        Skipped(1, "title"),
        Skipped(2, "title"),
        Skipped(3, "header"),
        Skipped(5, "blank"),
        Skipped(6, "header"),
        Skipped(7, "sum"),
    )


def test_a_cell_that_looks_like_a_formula_stays_text() -> None:
    listed = read_list(b'Nachname;Vorname\n"=HYPERLINK(1)";+49@A1\n')
    assert names(listed) == [("=HYPERLINK(1)", "+49@A1")]


def test_name_alone_is_both_names_and_beside_a_given_name_the_family_name() -> None:
    assert read_list(b"Name;Geburtsdatum\nA B;1990\n").columns["Name"] == "full_name"
    assert read_list(b"Name;Vorname\nA;B\n").columns["Name"] == "family_name"
    three = read_list(b"Name;Nachname;Vorname\nA;B;C\n")
    assert three.unknown == ("Name",)


def test_two_phones_are_both_kept() -> None:
    listed = read_list(b"Nachname;Telefon;Handy\nA;030;0171\n")
    assert listed.rows[0].cells["phone"] == ("030", "0171")


@pytest.mark.parametrize(
    ("file", "reason"),
    [
        (b"", "empty"),
        (b" \r\n ", "empty"),
        (b"a" * (MAX_BYTES + 1), "too_large"),
        (b"Nachname\nA\n", "no_header"),
        (b"PLZ;Ort\n79664;Wehr\n", "no_header"),
        (b"A;B\nC;D\n", "no_header"),
        (b"\n" * 25 + b"Nachname;Vorname\nA;B\n", "no_header"),
        (b"Nachname;Vorname;Familienname\nA;B;C\n", "column_twice"),
        (b"Nachname;Vorname;Ort;Wohnort\nA;B;C;D\n", "column_twice"),
        (b"Nachname;Vorname\nA;B\n" + b"A;B\n" * MAX_ROWS, "too_many_rows"),
        (b"Nachname;Vorname" + b";x" * MAX_COLUMNS + b"\n", "too_many_columns"),
        (b'Nachname;Vorname\nA;"B\nC;D\nE;F\n', "quote_not_closed"),
        (b"\xff\xfeN\x00\x00", "encoding"),
    ],
)
def test_what_is_no_list_is_refused(file: bytes, reason: str) -> None:
    with pytest.raises(InputError) as refused:
        read_list(file)
    assert refused.value.reason == reason


@pytest.mark.parametrize(
    ("row", "column", "code"),
    [
        (b"A\x00;B", "Nachname", "control_character"),
        (b"A;B\x1b[2J", "Vorname", "control_character"),
        ("A;B\u202e".encode(), "Vorname", "control_character"),
        ("A;B\ufffd".encode(), "Vorname", "control_character"),
        ("A;B\x85".encode(), "Vorname", "control_character"),
        (b"A;B;C", "", "too_many_cells"),
        (b"A;" + b"B" * 201, "Vorname", "too_long"),
        (b'"A"B;C', "", "quoting"),
    ],
)
def test_a_bad_row_is_an_error_and_its_neighbours_are_read(
    row: bytes, column: str, code: str
) -> None:
    listed = read_list(b"Nachname;Vorname\nX;Y\n" + row + b"\nZ;W\n")
    assert listed.errors == (ListError(3, column, code),)
    assert names(listed) == [("X", "Y"), ("Z", "W")]


def test_a_byte_that_no_encoding_has_is_an_error_of_its_row() -> None:
    listed = read_list(b"Nachname;Vorname\nA;B\x81\nM\xfcller;C\n")
    assert errors_of(listed) == [(2, "", "encoding")]
    assert names(listed) == [("Müller", "C")]


def test_a_marked_file_with_other_bytes_is_mixed() -> None:
    listed = read_list(b"\xef\xbb\xbfNachname;Vorname\nM\xfcller;C\nA;B\n")
    assert errors_of(listed) == [(2, "", "mixed_encoding")]


def test_the_digest_is_that_of_the_file() -> None:
    assert read_list(NAMES).digest != read_list(DUPES).digest
    assert read_list(NAMES) == read_list(NAMES)


WORDS = st.text(
    st.characters(
        categories=("Lu", "Ll", "Lo", "Nd", "Pd", "Sc"), exclude_characters="\ufffd"
    ),
    min_size=1,
    max_size=20,
)


@settings(max_examples=40)
@given(
    st.lists(st.tuples(WORDS, WORDS), max_size=8),
    st.sampled_from([";", ",", "\t"]),
    st.sampled_from(["\n", "\r\n"]),
)
def test_what_was_written_as_csv_is_read_as_it_was(
    people: list[tuple[str, str]], delimiter: str, end: str
) -> None:
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter, lineterminator=end)
    writer.writerow(("Nachname", "Vorname"))
    writer.writerows(people)
    listed = read_list(text.getvalue().encode())
    found = len(listed.rows) + len(listed.skipped) - 1 + len(listed.errors)
    assert found == len(people)
    assert not listed.errors


@given(st.binary(max_size=300))
def test_no_bytes_make_it_fail_in_another_way(noise: bytes) -> None:
    try:
        listed = read_list(b"Nachname;Vorname\n" + noise)
    except InputError:
        return
    lines = [r.line for r in listed.rows] + [s.line for s in listed.skipped]
    assert len(lines) == len(set(lines))
    assert not set(lines) & {e.line for e in listed.errors}
