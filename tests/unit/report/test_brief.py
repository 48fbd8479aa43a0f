"""The letter inside a sealed export: the case in words, and never as markup."""

import re
from datetime import date

import pytest

from node.cases.extract import Extract
from node.ids import CaseId
from node.report.brief import Letter, letter_page, letter_sheet, receipt

LETTER = Letter(
    "Wehr",
    "Stadt <b>X</b>",
    ("Platz 1",),
    "ab" * 16,
    date(2026, 12, 1),
    date(2026, 12, 9),
)


def page(*records, files=None, category="K01"):
    extract = Extract(CaseId("c" * 32), 1, None, {category: records}, (), ())
    return letter_page(letter_sheet(LETTER, [extract], files or {})).decode()


def record(of="person", number_="r" * 32, **values):
    return {"id": number_, "kind": of, "values": values}


def test_fields_stand_there_in_german_and_in_the_order_of_a_form():
    said = re.sub(
        r"<[^>]+>", " ", page(record(birth_date="1990-05-04", family_name="Ulme"))
    )
    assert re.search(r"Familienname\s+Ulme\s+Geburtsdatum\s+04\.05\.1990", said)


def test_codes_stand_there_in_words():
    said = page(record("contact", form="office", kind="talk"), category="K11")
    assert "im Büro" in said
    assert "Beratungsgespräch" in said


@pytest.mark.parametrize("text", ["<script>x</script>", '"><img src=x onerror=y>'])
def test_text_of_a_case_never_becomes_markup(text):
    said = page(record(family_name=text))
    assert text not in said
    assert "<script" not in said
    assert "<img" not in said


def test_an_unknown_kind_and_an_unknown_field_are_shown_as_they_came():
    said = page(record("zz_kind", zz_field={"a": ["b", True, None]}))
    assert "zz_kind" in said
    assert "zz_field" in said
    assert "b, ja" in said


def test_numbers_of_other_cases_do_not_stand_in_the_letter():
    other = "d" * 32
    said = page(record("contact", persons=[other], minutes=30), category="K11")
    assert other not in said
    assert "30" in said


def test_a_document_names_its_file_in_the_archive():
    number = "e" * 32
    said = page(
        record("document", number, title="Zeugnis"),
        files={number: "dokumente/002.pdf"},
        category="K13",
    )
    assert "dokumente/002.pdf" in said


def test_the_page_needs_nothing_from_elsewhere():
    said = page(record(family_name="Ulme"))
    assert not re.search(r"https?:|src=|<script|<link", said)


def test_the_code_stands_in_the_receipt_and_not_in_the_letter():
    assert b"CDEF GHJK" in receipt(LETTER, "CDEFGHJK")
    assert "GHJK" not in page(record(family_name="Ulme"))
