"""Cells: dates day first, codes never guessed, repairs only where one is possible."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.cases.towncells import (
    CellError,
    birth_name,
    folded_name,
    full_date,
    in_small_letters,
    is_shouted,
    mailbox,
    partial_date,
    phone,
    postcode,
    repaired,
    split_name,
)
from node.cases.towncodes import code

TODAY = date(2021, 3, 15)


@pytest.mark.spec("DO-42")
@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("1.5.18", "2018-05-01"),
        ("01.05.2018", "2018-05-01"),
        ("1. 5. 2018", "2018-05-01"),
        ("1/5/2018", "2018-05-01"),
        ("2018-05-01", "2018-05-01"),
        ("2018-05", "2018-05"),
        ("5/2018", "2018-05"),
        ("05.2018", "2018-05"),
        ("Mai 2018", "2018-05"),
        ("43221", "2018-05-01"),
        ("43221.0", "2018-05-01"),
        ("01.05.2018 00:00:00", "2018-05-01"),
        ("2018-05-01T00:00:00", "2018-05-01"),
        ("1. Mai 2018", "2018-05-01"),
        ("März 2019", "2019-03"),
        ("Sept. 2019", "2019-09"),
        ("1990", "1990"),
        ("00.00.1990", "1990"),
        ("00.05.1990", "1990-05"),
        ("01.01.1990", "1990-01-01"),
        ("29.02.2020", "2020-02-29"),
    ],
)
def test_dates_are_read_day_first_and_partial_dates_are_kept(
    text: str, found: str
) -> None:
    assert partial_date(text, today=TODAY).text == found


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("31.02.1990", "no_such_day"),
        ("29.02.2019", "no_such_day"),
        ("05/18/2018", "no_such_day"),
        ("13/2018", "no_such_day"),
        ("15.00.1990", "no_such_day"),
        ("1.5", "not_a_date"),
        ("432210", "not_a_date"),
        ("9999", "in_future"),
        ("Maien 2018", "not_a_date"),
        ("unbekannt", "not_a_date"),
        ("1.5.2018 ca.", "not_a_date"),
        ("\u0660\u0661.05.2018", "not_a_date"),
        ("01.05.1899", "too_old"),
        ("0000", "no_such_day"),
        ("16.03.2021", "in_future"),
        ("2022", "in_future"),
    ],
)
def test_dates_that_are_none_are_refused(text: str, reason: str) -> None:
    with pytest.raises(CellError) as refused:
        partial_date(text, today=TODAY)
    assert refused.value.code == reason


@pytest.mark.parametrize(
    ("text", "found"),
    [("1.5.18", 2018), ("1.5.21", 2021), ("1.5.22", 1922), ("1.5.90", 1990)],
)
def test_a_year_of_birth_in_two_digits_lies_in_the_past(text: str, found: int) -> None:
    later = date(2021, 6, 1)
    assert partial_date(text, today=later, is_birth=True).first.year == found


def test_another_year_in_two_digits_lies_after_2000() -> None:
    assert partial_date("1.5.18", today=TODAY).first.year == 2018
    with pytest.raises(CellError):
        partial_date("1.5.90", today=TODAY)


@pytest.mark.parametrize("text", ["5/2018", "2018", "00.05.2018"])
def test_where_a_day_is_needed_a_month_is_not_enough(text: str) -> None:
    with pytest.raises(CellError) as refused:
        full_date(text, today=TODAY)
    assert refused.value.code == "date_incomplete"


@given(st.dates(date(1921, 3, 16), TODAY))
def test_every_day_is_read_in_both_spellings(day: date) -> None:
    for text in (f"{day:%d.%m.%Y}", f"{day.day}.{day.month}.{day:%y}", f"{day}"):
        found = partial_date(text, today=TODAY, is_birth=True).first
        assert (found.month, found.day, found.year % 100) == (
            day.month,
            day.day,
            day.year % 100,
        )


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("07762 80 80", "+4977628080"),
        ("+49 (0)7762/8080", "+4977628080"),
        ("0049-7762-8080", "+4977628080"),
        ("+963 11 2345678", "+963112345678"),
    ],
)
def test_phones_become_e164(text: str, found: str) -> None:
    assert phone(text)[0] == found


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("4,91762E+11", "number_damaged"),
        ("4.9e11", "number_damaged"),
        ("7762 8080", "not_a_phone"),
        ("siehe Akte", "not_a_phone"),
        ("+49", "not_a_phone"),
        ("+4912345678901234567", "not_a_phone"),
        ("\u0660\u0661\u0662\u0663\u0664\u0665\u0666", "not_a_phone"),
    ],
)
def test_what_is_no_phone_is_refused(text: str, reason: str) -> None:
    with pytest.raises(CellError) as refused:
        phone(text)
    assert refused.value.code == reason


def test_a_lost_zero_of_a_postcode_is_put_back_because_only_one_can_be_lost() -> None:
    assert postcode("1067") == ("01067", True)
    assert postcode("79664") == ("79664", False)
    for text in ("106", "796641", "7966a", "7.9664E+4"):
        with pytest.raises(CellError):
            postcode(text)


@pytest.mark.parametrize(
    "text", ["a@b", "@b.example", "a b@c.example", "a@b.example,c@d.e"]
)
def test_what_is_no_mailbox_is_refused(text: str) -> None:
    assert mailbox("a.b@post.example") == "a.b@post.example"
    with pytest.raises(CellError):
        mailbox(text)


@pytest.mark.parametrize(
    ("name", "text", "found"),
    [
        ("gender", "W", "w"),
        ("gender", "männlich", "m"),
        ("language", "Dari", "prs"),
        ("language", "Tigrinya", "ti"),
        ("country", "Syrien", "SY"),
        ("country", "syrisch", "SY"),
        ("country", "AF", "AF"),
        ("residence", "Duldung", "AufenthG-60a"),
        ("residence", "§ 25 Abs. 3 AufenthG", "AufenthG-25.3"),
        ("language", "Kurdisch", None),
        ("residence", "AE 25 II 1. Alt", None),
        ("residence", "Duldg.", None),
        ("gender", "?", None),
    ],
)
def test_codes_are_found_by_label_or_usual_word_and_never_guessed(
    name: str, text: str, found: str | None
) -> None:
    assert code(name, text) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Demo, Anna", ("Demo", "Anna")),
        ("DEMO Anna", ("DEMO", "Anna")),
        ("Anna Maria DEMO", ("DEMO", "Anna Maria")),
        ("Anna Demo", None),
        ("ANNA DEMO", None),
        ("Demo, Anna, Maria", None),
        ("Demo,", None),
        (", Anna", None),
        ("محمد أحمد", None),
    ],
)
def test_a_name_is_split_only_where_something_says_how(
    text: str, found: tuple[str, str] | None
) -> None:
    assert split_name(text) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Demo geb. Muster", ("Demo", "Muster")),
        ("Demo (geb. Muster)", ("Demo", "Muster")),
        ("Demo geborene Muster", ("Demo", "Muster")),
        ("Gebhard", None),
        ("geb. Muster", None),
    ],
)
def test_a_name_at_birth_is_found(text: str, found: tuple[str, str] | None) -> None:
    assert birth_name(text) == found


def test_capitals_are_seen_and_can_be_made_small() -> None:
    assert is_shouted("DEMO-LINDE")
    assert not is_shouted("Demo")
    assert not is_shouted("A")
    assert not is_shouted("محمد")
    assert in_small_letters("DEMO-LINDE VON ÄRA") == "Demo-Linde Von Ära"


@given(st.text(st.sampled_from("aäöüßéÄÖÜabc"), min_size=1))
def test_a_double_encoding_is_undone(text: str) -> None:
    twice = text.encode().decode("cp1252", "ignore")
    if twice.encode("cp1252") == text.encode() and not text.isascii():
        assert repaired(twice) == text


@pytest.mark.parametrize("text", ["Müller", "Demo", "Ärger", "محمد", "São"])
def test_what_was_encoded_once_is_left_alone(text: str) -> None:
    assert repaired(text) is None


def test_spellings_of_one_name_are_folded_alike() -> None:
    assert folded_name("Müller-Groß") == folded_name("MUELLER GROSS")
    assert folded_name("Zoë") == folded_name("Zoe")
    assert folded_name("Moller") != folded_name("Möller")
