"""Lists in odd shapes: two rows of titles, households by layout, dates by number, codes."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.cases.listfields import FIELDS, fingerprint, months_in, proposed_fields
from node.cases.townblocks import heads_of, in_households
from node.cases.towncells import (
    CellError,
    full_date,
    minutes,
    municipality,
    partial_date,
    phone,
)
from node.cases.townchoices import Choices, Offer
from node.cases.towncodes import code, proposed_code
from node.cases.townlist import read_list, read_sheet
from node.cases.townplan import Known, plan_import
from node.cases.towntalks import plan_talks
from node.web.spreadsheet import read_file
from tests.support import uglyfiles as ugly
from tests.support.people import case_id

TODAY = date(2021, 3, 15)
PLACES = {"08337116": "Wehr", "08337096": "Bad Säckingen"}


def planned(file: bytes, **decided):
    book = read_file(file)
    listed = read_sheet(book.sheets[0], book.digest)
    choices = Choices(known_ags=PLACES, **decided)
    return plan_import(listed, (), today=TODAY, choices=choices)


def errors(plan) -> list[tuple[int, str, str]]:
    return [(e.line, e.column, e.code) for e in plan.errors]


# ---- The ugly files that are no text ---------------------------------------------------


@pytest.mark.spec("DO-42")
def test_03_unicode_text_keeps_its_letters() -> None:
    plan = planned(ugly.UTF16)
    assert [n.person["family_name"] for n in plan.new] == ["Müller", "Y\u0131ld\u0131z"]


@pytest.mark.spec("DO-42")
def test_04_titles_and_sum_are_listed_and_two_header_rows_are_joined() -> None:
    plan = planned(ugly.titles_xls())
    assert [(s.line, s.code) for s in plan.skipped] == [
        (1, "title"),
        (2, "title"),
        (3, "title"),
        (4, "header"),
        (5, "header"),
        (9, "sum"),
    ]
    assert [n.person["birth_date"] for n in plan.new] == [
        "1990-02-01",
        "1991",
        "1999-04-03",
    ]
    asked = [(q.field, q.text, q.proposed) for q in plan.questions]
    assert asked == [
        ("residence", "AE 25 II 1. Alt", "AufenthG-25.2.1"),
        ("residence", "Duldg.", "AufenthG-60a"),
        ("residence", "irgendwas", ""),
    ]
    assert [dict(n.records)["residence"]["residence"] for n in plan.new] == [
        "unknown"
    ] * 3, "a proposal is no decision"


@pytest.mark.spec("DO-42")
def test_04_a_person_decides_what_a_free_code_means() -> None:
    values = {
        ("residence", "ae25ii1alt"): "AufenthG-25.2.1",
        ("residence", "duldg"): "AufenthG-60a",
        ("residence", "irgendwas"): "",
    }
    plan = planned(ugly.titles_xls(), values=values)
    found = [dict(n.records)["residence"] for n in plan.new]
    assert found[0] == {"residence": "AufenthG-25.2.1", "valid_until": "2030-12-31"}
    assert found[1] == {"residence": "AufenthG-60a"}
    assert found[2] == {"residence": "unknown"}
    assert plan.new[2].left_over == (("Aufenthalt Status", "irgendwas"),) or (
        plan.new[2].left_over == (("Status", "irgendwas"),)
    )


@pytest.mark.spec("DO-42")
def test_05_every_form_of_a_date_and_one_error() -> None:
    plan = planned(ugly.dates_xlsx())
    assert [n.person["birth_date"] for n in plan.new] == [
        "2018-05-01",
        "2018-05-01",
        "2018-05",
        "2018-05",
        "1990",
        "1990",
        "1985-03-07",
        "1985-03-07",
        "1990-01-01",
        "1990",
    ]
    assert errors(plan) == [(10, "Geburtsdatum", "no_such_day")]
    notices = [(n.line, n.code) for n in plan.notices]
    assert (11, "birth_date_fictitious") in notices
    assert (9, "counted_days") in notices


@pytest.mark.spec("DO-42")
def test_05_the_same_numbers_count_from_1900_in_the_other_system() -> None:
    plan = planned(ugly.dates_xlsx(is_1904=False))
    assert plan.new[7].person["birth_date"] == "1985-03-07"


@pytest.mark.spec("DO-42")
def test_06_lost_zeros_are_put_back_only_where_one_number_is_possible() -> None:
    plan = planned(ugly.zeros_xlsx())
    assert [n.person["phones"] for n in plan.new] == [
        ["+491713920011"],
        ["+497762808080"],
    ]
    homes = [dict(n.records)["accommodation"] for n in plan.new]
    assert homes == [
        {"postcode": "79664", "ags": "08337116"},
        {"postcode": "01067", "ags": "08337096"},
    ]
    assert errors(plan) == [
        (4, "AGS", "not_an_ags"),
        (5, "PLZ", "not_a_postcode"),
        (6, "Telefon", "number_ambiguous"),
        (7, "Telefon", "number_damaged"),
    ]
    assert {n.code for n in plan.notices} == {"zero_restored"}


@pytest.mark.spec("DO-42")
def test_07_households_are_proposed_and_nobody_gets_a_surname_unasked() -> None:
    plan = planned(ugly.blocks_ods())
    assert [n.line for n in plan.new] == [9]
    assert {(e.line, e.code) for e in plan.errors} == {
        (line, "offer_households") for line in (2, 3, 4, 6, 7)
    }
    plan = planned(ugly.blocks_ods(), accepted=frozenset({Offer.HOUSEHOLDS}))
    assert [
        (n.line, n.person["family_name"], n.home, dict(n.records)["accommodation"])
        for n in plan.new
    ] == [
        (2, "Demo-Birke", "line 2", {"street": "Demoweg 1", "town": "Wehr"}),
        (3, "Demo-Birke", "line 2", {"street": "Demoweg 1", "town": "Wehr"}),
        (4, "Demo-Birke", "line 2", {"street": "Demoweg 1", "town": "Wehr"}),
        (7, "Demo-Linde", "line 6", {"street": "Demoweg 2", "town": "Wehr"}),
        (9, "Demo-Eiche", "", {"street": "Demoweg 3", "town": "Wehr"}),
    ]
    assert (6, "caption") in [(s.line, s.code) for s in plan.skipped]


@pytest.mark.parametrize(
    "file",
    [
        b"Nachname;Vorname;Haushalt\nA;B;1\n;C;1\n",
        b"Nachname;Vorname\nA;B\n;\n;C\n",
        b"Nachname;Vorname\nA;\nB;C\n",
        b"Nachname;PLZ\nA;79664\n;79664\n",
    ],
)
def test_without_that_layout_no_household_is_seen(file: bytes) -> None:
    listed = read_list(file)
    assert not heads_of(listed)
    assert in_households(listed) == listed


@pytest.mark.spec("DO-42")
def test_09_months_are_no_column_of_a_talk() -> None:
    book = read_file(ugly.matrix_xlsx())
    listed = read_sheet(book.sheets[0], book.digest)
    assert [listed.titles[place] for place in sorted(listed.months)] == [
        "Jan 2019",
        "Feb 2019",
        "Mrz 2019",
    ]
    assert not listed.is_of_talks
    forced = read_sheet(
        book.sheets[0],
        book.digest,
        {0: "family_name", 1: "given_names", 2: "talk_date"},
    )
    assert not forced.is_of_talks, "even a choice makes no day of a month"
    plan = planned(ugly.matrix_xlsx())
    assert [(n.line, n.code) for n in plan.notices] == [(3, "row_hidden")]


@pytest.mark.parametrize(
    ("titles", "count"),
    [
        (["Jan", "Feb", "Mrz"], 3),
        (["Januar 2019", "02/2019", "2019-03", "April"], 4),
        (["Jan", "Feb"], 0),
        (["Mai", "Juni", "Name"], 0),
        (["13/2019", "Janus", "Febr"], 0),
    ],
)
def test_three_months_are_months(titles: list[str], count: int) -> None:
    assert len(months_in(titles)) == count


def test_our_own_apostrophe_goes_and_a_name_keeps_its_own() -> None:
    listed = read_list(b"Nachname;Vorname\n'=1+1;'Abd\n'+49;O'Neil\n")
    assert [(r.text("family_name"), r.text("given_names")) for r in listed.rows] == [
        ("=1+1", "'Abd"),
        ("+49", "O'Neil"),
    ]


# ---- Columns ---------------------------------------------------------------------------


def test_of_two_columns_for_one_field_the_first_is_proposed() -> None:
    assert proposed_fields(["Nachname", "Familienname", "Telefon", "Handy"]) == {
        0: "family_name",
        2: "phone",
        3: "phone",
    }


def test_a_remark_is_a_note_only_beside_a_day() -> None:
    assert "talk_note" not in proposed_fields(["Name", "Bemerkung"]).values()
    assert "talk_note" in proposed_fields(["Name", "Datum", "Bemerkung"]).values()


def test_a_fingerprint_is_that_of_the_titles_alone() -> None:
    assert fingerprint(["Nachname", "Geb.-Datum"]) == fingerprint(
        ["NACHNAME", "gebdatum"]
    )
    assert fingerprint(["Nachname", "Ort"]) != fingerprint(["Ort", "Nachname"])


def test_every_field_has_its_own_name() -> None:
    assert len(FIELDS) == len(set(FIELDS))


# ---- Dates and numbers -----------------------------------------------------------------


@given(st.dates(min_value=date(1927, 6, 1), max_value=date(2021, 3, 15)))
def test_a_day_is_read_from_every_form_and_never_month_first(day: date) -> None:
    for text in (
        f"{day.day}.{day.month}.{day.year}",
        f"{day:%d.%m.%Y}",
        f"{day.day}/{day.month}/{day.year}",
        f"{day.isoformat()}",
        f"{day:%d.%m.%Y} 00:00:00",
        str((day - date(1899, 12, 30)).days),
    ):
        assert full_date(text, today=TODAY) == day, text


@given(st.dates(min_value=date(1931, 6, 1), max_value=date(2021, 3, 15)))
def test_days_count_from_1904_where_the_file_says_so(day: date) -> None:
    text = str((day - date(1904, 1, 1)).days)
    assert full_date(text, today=TODAY, is_1904=True) == day
    if day < TODAY - timedelta(days=1462):
        assert full_date(text, today=TODAY) != day


@given(st.text(max_size=20), st.booleans(), st.booleans())
def test_any_text_is_a_date_or_an_error(text: str, birth: bool, mac: bool) -> None:
    try:
        found = partial_date(text, today=TODAY, is_birth=birth, is_1904=mac)
    except CellError:
        return
    assert date(1900, 1, 1) <= found.first <= TODAY


@given(st.integers(0, 99), st.dates(date(2000, 1, 1), date(2030, 1, 1)))
def test_two_digits_of_a_birth_year_lie_in_the_past(year: int, today: date) -> None:
    found = partial_date(f"1.1.{year:02}", today=today, is_birth=True)
    assert today - timedelta(days=36_526) < found.first <= today


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("1713920011", ("+491713920011", True)),
        ("15112345678", ("+4915112345678", True)),
        ("7762808080", ("+497762808080", True)),
        ("4,91713920011E+11", "number_ambiguous"),
        ("4,9171392E+11", "number_damaged"),
        ("4917139200110", "number_ambiguous"),
        ("41791234567", "number_ambiguous"),
        ("436641234567", "number_ambiguous"),
        ("808080", "not_a_phone"),
        ("00491713920011", ("+491713920011", False)),
    ],
)
def test_a_phone_is_repaired_only_if_it_can_mean_one(text: str, found) -> None:
    if isinstance(found, tuple):
        assert phone(text) == found
        return
    with pytest.raises(CellError) as refused:
        phone(text)
    assert refused.value.code == found


@pytest.mark.parametrize("text", ["1234567", "833711", "083371160", "0833711x", ""])
def test_what_is_no_municipality_is_refused(text: str) -> None:
    with pytest.raises(CellError):
        municipality(text, PLACES)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("45", 45),
        ("45 min", 45),
        ("30 Minuten", 30),
        ("1:30", 90),
        ("01:30:00", 90),
        ("1,5 h", 90),
        ("2 Std.", 120),
        ("lang", None),
        ("-5", None),
        ("1:75", None),
    ],
)
def test_minutes_are_read(text: str, found: int | None) -> None:
    assert minutes(text) == found


@pytest.mark.parametrize(
    ("name", "text", "found"),
    [
        ("residence", "AE 25 II 1. Alt", "AufenthG-25.2.1"),
        ("residence", "25 Abs. 2 S. 1 2. Alt.", "AufenthG-25.2.2"),
        ("residence", "§ 25 Abs. 2", ""),
        ("residence", "§ 25 Abs. 5", "AufenthG-25.5"),
        ("residence", "AE § 25 III", "AufenthG-25.3"),
        ("residence", "Duldg.", "AufenthG-60a"),
        ("residence", "irgendwas", ""),
        ("language", "Kurd.", ""),
        ("language", "Arab.", "ar"),
        ("country", "Syr.", "SY"),
        ("contact_form", "Hausbes.", "home_visit"),
    ],
)
def test_a_code_is_proposed_where_one_fits_and_taken_by_nobody(
    name: str, text: str, found: str
) -> None:
    assert proposed_code(name, text) == found
    assert code(name, text) is None


# ---- Talks -----------------------------------------------------------------------------


ANNA = Known(case_id(1), "Demo", "Anna", "1990-05-17", case_number="12/3", is_own=True)
TWIN = Known(case_id(2), "Demo", "Anna", "1991", is_own=True)
OTHERS = Known(case_id(3), "Fremd", "Nora", "1980")


def talks(text: str, *known: Known, **decided):
    return plan_talks(
        read_list(text.encode()),
        known or (ANNA, OTHERS),
        {},
        today=TODAY,
        choices=Choices(**decided),
    )


@pytest.mark.parametrize(
    ("row", "column", "reason"),
    [
        ("1.2.2021;Demo;Berta;;;Büro", "Nachname", "person_not_found"),
        ("1.2.2021;Fremd;Nora;;;Büro", "Nachname", "person_not_own"),
        ("1.2.2021;Demo;Anna;18.5.1990;;Büro", "Nachname", "person_not_found"),
        ("1.2.2021;;;;99/9;Büro", "AZ", "person_not_found"),
        ("1.2.2021;;;;;Büro", "Nachname", "name_missing"),
        (";Demo;Anna;;;Büro", "Datum", "date_missing"),
        ("2/2021;Demo;Anna;;;Büro", "Datum", "date_incomplete"),
        ("1.2.2022;Demo;Anna;;;Büro", "Datum", "in_future"),
        ("1.2.2021;Demo;Anna;;;", "Form", "form_missing"),
        ("1.2.2021;Demo;Anna;;;geträumt", "Form", "form_missing"),
    ],
)
def test_a_talk_that_is_not_certain_is_an_error(
    row: str, column: str, reason: str
) -> None:
    plan = talks(f"Datum;Nachname;Vorname;Geb.;AZ;Form\n{row}\n")
    assert errors(plan) == [(2, column, reason)]
    assert not plan.talks


def test_of_two_people_with_one_name_the_list_must_say_which() -> None:
    head = "Datum;Nachname;Vorname;Geb.;Form\n"
    unsure = talks(f"{head}1.2.2021;Demo;Anna;;Büro\n", ANNA, TWIN)
    assert errors(unsure) == [(2, "Nachname", "person_not_unique")]
    sure = talks(f"{head}1.2.2021;Demo;Anna;17.5.1990;Büro\n", ANNA, TWIN)
    assert [talk.case for talk in sure.talks] == [ANNA.case]


def test_a_file_number_is_enough() -> None:
    plan = talks("Datum;AZ;Form\n1.2.2021;12/3;Büro\n")
    assert [talk.case for talk in plan.talks] == [ANNA.case]


@pytest.mark.spec("FR-6")
@pytest.mark.parametrize(
    ("form", "kind"),
    [
        ("Büro", "talk"),
        ("Hausbesuch", "talk"),
        ("WhatsApp", "contact"),
        ("E-Mail", "contact"),
        ("Brief", "contact"),
        ("mit Dritten", "coordination"),
        ("nicht erschienen", "attempt"),
    ],
)
def test_the_form_says_what_it_counts_as(form: str, kind: str) -> None:
    plan = talks(f"Datum;Nachname;Vorname;Form\n1.2.2021;Demo;Anna;{form}\n")
    assert plan.talks[0].values["kind"] == kind


def test_a_topic_of_no_list_stays_in_the_note() -> None:
    plan = talks(
        "Datum;Nachname;Vorname;Form;Thema;Notiz\n1.2.2021;Demo;Anna;Büro;Dies;Das\n"
    )
    assert plan.talks[0].values["note"] == "Das\nThema: Dies"
    assert "topics" not in plan.talks[0].values
