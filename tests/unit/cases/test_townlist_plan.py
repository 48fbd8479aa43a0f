"""What would become of a list: new people, duplicates, errors, offers, one digest."""

from dataclasses import replace
from datetime import date

import pytest

from node.cases.dictionary import field_of
from node.cases.townchoices import Choices, Offer
from node.cases.townlist import Skipped, read_list
from node.cases.townplan import ImportPlan, Known, plan_import
from node.cases.townrow import place_key
from node.ids import Ags
from tests.support.people import case_id, record_id
from tests.support.uglyfiles import BOM_TAB, CP1252, DUPES, MOJIBAKE, NAMES

TODAY = date(2021, 3, 15)
EVERYTHING = frozenset(Offer)
WEHR = {"wehr": Ags("08337116")}


def plan(
    file: bytes | str,
    *known: Known,
    accepted: frozenset[Offer] = frozenset(),
    today: date = TODAY,
) -> ImportPlan:
    data = file.encode() if isinstance(file, str) else file
    return plan_import(
        read_list(data),
        known,
        today=today,
        choices=Choices(accepted=accepted, places=WEHR),
    )


def as_known(planned: ImportPlan) -> list[Known]:
    return [
        Known(
            case_id(newcomer.line),
            newcomer.person.get("family_name", ""),
            newcomer.person.get("given_names", ""),
            newcomer.person.get("birth_date", ""),
        )
        for newcomer in planned.new
    ]


def errors(planned: ImportPlan) -> list[tuple[int, str, str]]:
    return [(e.line, e.column, e.code) for e in planned.errors]


@pytest.mark.spec("DO-42")
def test_01_every_row_becomes_a_person_with_address_and_place() -> None:
    planned = plan(CP1252)
    assert len(planned.new) == 3
    kind, home = planned.new[0].records[0]
    assert kind == "accommodation"
    assert home == {
        "street": "Demoweg 1",
        "postcode": "79664",
        "town": "Wehr",
        "ags": "08337116",
    }
    assert planned.unknown == ("Miete",)


@pytest.mark.spec("DO-42")
def test_02_partial_dates_are_kept() -> None:
    births = [n.person["birth_date"] for n in plan(BOM_TAB).new]
    assert births == ["2018-05-01", "2018-05", "1999-05"]


@pytest.mark.spec("DO-42")
def test_08_splitting_names_is_offered_and_not_done() -> None:
    planned = plan(NAMES)
    assert not planned.new
    codes = [(line, code) for line, _, code in errors(planned)]
    assert codes == [
        (2, "offer_split_name"),
        (3, "offer_split_name"),
        (4, "offer_split_name"),
        (5, "offer_split_name"),
        (6, "name_not_split"),
    ]


@pytest.mark.spec("DO-42")
def test_08_accepted_names_are_split_and_the_name_at_birth_is_found() -> None:
    planned = plan(NAMES, accepted=EVERYTHING)
    found = [
        (n.person["family_name"], n.person["given_names"], n.person.get("birth_name"))
        for n in planned.new
    ]
    assert found == [
        ("Demo-Birke", "Farid", None),
        ("Demo-Linde", "Samir", None),
        ("Demo-Linde", "Samira", None),
        ("Demo-Buche", "Amina", "Demo-Ulme"),
    ]
    assert errors(planned) == [(6, "Nachname, Vorname", "name_not_split")]


def test_08_without_a_yes_to_the_name_at_birth_the_row_waits() -> None:
    planned = plan(NAMES, accepted=frozenset({Offer.SPLIT_NAME}))
    assert (5, "Nachname, Vorname", "offer_birth_name") in errors(planned)
    assert [n.person["family_name"] for n in planned.new][1] == "DEMO-LINDE"
    assert (3, Offer.SMALL_LETTERS, "Nachname, Vorname") in planned.offers


@pytest.mark.spec("DO-42")
def test_10_one_person_three_times_is_one_person_and_two_duplicates() -> None:
    planned = plan(DUPES)
    assert [n.line for n in planned.new] == [2, 5]
    assert [(d.line, d.of_line, d.of_case) for d in planned.duplicates] == [
        (3, 2, None),
        (4, 2, None),
    ]


@pytest.mark.spec("DO-42")
def test_10_the_same_file_again_brings_nobody_new() -> None:
    first = plan(DUPES)
    again = plan(DUPES, *as_known(first))
    assert not again.new
    assert all(d.of_case and d.of_line is None for d in again.duplicates)
    assert len(again.duplicates) == 4


@pytest.mark.spec("DO-42")
def test_11_a_double_encoding_is_offered_for_repair_and_never_repaired_silently() -> (
    None
):
    planned = plan(MOJIBAKE)
    assert (2, "Nachname", "offer_encoding") in errors(planned)
    assert [n.line for n in planned.new] == [3, 6]
    mended = plan(MOJIBAKE, accepted=frozenset({Offer.ENCODING}))
    assert mended.new[0].person["family_name"] == "Müller"
    assert (5, "Nachname", "control_character") in errors(mended)
    assert (4, "", "mixed_encoding") in errors(mended)


def test_the_first_of_january_is_marked_as_fictitious() -> None:
    planned = plan("Nachname;Geburtsdatum\nA;1.1.1990\nB;1990\n")
    assert planned.new[0].person["birth_date_fictitious"] is True
    assert "birth_date_fictitious" not in planned.new[1].person
    assert [n.code for n in planned.notices] == ["birth_date_fictitious"]


@pytest.mark.parametrize(
    ("title", "cell", "code"),
    [
        ("Geburtsdatum", "31.02.1990", "no_such_day"),
        ("Geburtsdatum", "16.03.2021", "in_future"),
        ("Betreuungsbeginn", "5/2018", "date_incomplete"),
        ("Betreuungsbeginn", "2.5.2022", "in_future"),
        ("Telefon", "4,9E+11", "number_damaged"),
        ("E-Mail", "keine", "not_an_email"),
        ("PLZ", "796", "not_a_postcode"),
        ("Zuzug", "bald", "not_a_date"),
    ],
)
def test_a_wrong_cell_is_an_error_with_line_and_column(
    title: str, cell: str, code: str
) -> None:
    planned = plan(f"Nachname;Vorname;{title}\nA;B;{cell}\nC;D;\n")
    assert errors(planned) == [(2, title, code)]
    assert [n.line for n in planned.new] == [3]


def test_all_errors_of_a_row_are_reported_at_once() -> None:
    planned = plan("Nachname;Geburtsdatum;PLZ;Telefon\nA;x;y;z\n")
    assert len(planned.errors) == 3
    assert not planned.notices


def test_a_row_without_a_name_is_an_error() -> None:
    planned = plan("Nachname;Vorname;PLZ\n;;79664\n")
    assert errors(planned) == [(2, "Nachname", "name_missing")]


def test_an_unknown_value_is_unknown_and_kept_as_text() -> None:
    planned = plan("Nachname;Status;Sprache\nA;AE 25 II 1. Alt;Kurdisch\n")
    (newcomer,) = planned.new
    assert newcomer.records == (
        ("residence", {"residence": "unknown"}),
        ("language", {"language": "und", "lang_kind": "mother_tongue"}),
    )
    assert newcomer.left_over == (
        ("Status", "AE 25 II 1. Alt"),
        ("Sprache", "Kurdisch"),
    )
    assert [n.code for n in planned.notices] == ["value_unknown", "value_unknown"]


def test_the_clock_begins_with_the_list_and_ends_by_rule() -> None:
    planned = plan("Nachname;Betreuungsbeginn\nA;14.5.2018\nB;\nC;1.3.2018\n")
    clocks = [
        (n.person["counselling_start"], n.person["counselling_max_end"])
        for n in planned.new
    ]
    assert clocks == [
        ("2018-05-14", "2021-05-13"),
        ("2021-03-15", "2024-03-14"),
        ("2018-03-01", "2021-02-28"),
    ]
    assert [(n.line, n.code) for n in planned.notices] == [(4, "clock_is_over")]


def test_a_formula_is_a_name_like_any_other() -> None:
    planned = plan('Nachname;Vorname\n"=1+1";@SUM(A1)\n')
    assert planned.new[0].person["family_name"] == "=1+1"


def test_a_place_that_means_nothing_alone_stays_text() -> None:
    planned = plan("Nachname;Ort\nA;Irgendwo\nB;Wehr, Stadt\n")
    assert "ags" not in planned.new[0].records[0][1]
    assert planned.new[1].records[0][1]["ags"] == "08337116"
    assert [(n.line, n.code) for n in planned.notices] == [(2, "place_unknown")]
    assert place_key("Bad Säckingen, Stadt") == "badsaeckingen"


def test_every_value_has_a_place_in_the_dictionary() -> None:
    planned = plan(
        "Nachname;Vorname;Geburtsname;Geburtsdatum;Geschlecht;Nationalität;Herkunft;"
        "Sprache;Haushalt;Straße;Hausnr.;PLZ;Ort;Telefon;Handy;E-Mail;Status;Zuzug;"
        "Einreise;Betreuungsbeginn;AZ\n"
        "A;B;C;1990;w;Syrien;Irak;Arabisch;7;Demoweg;1;1067;Wehr;07762 8080;"
        "0171 3920011;a@post.example;Duldung;5/2018;2015;2.5.2018;12/34\n"
    )
    (newcomer,) = planned.new
    for kind, values in (("person", newcomer.person), *newcomer.records):
        for name in values:
            assert field_of(kind, name), (kind, name)
    assert newcomer.person["phones"] == ["+4977628080", "+491713920011"]
    assert newcomer.home == "7"
    assert [n.code for n in planned.notices] == ["zero_restored"]


@pytest.mark.parametrize(
    ("birth", "is_same"),
    [
        ("1990-05-17", True),
        ("1990-05", True),
        ("1990", True),
        ("", True),
        ("1990-05-18", False),
        ("1991", False),
    ],
)
def test_who_may_be_known_here_is_not_taken_in_again(birth: str, is_same: bool) -> None:
    known = Known(case_id(1), "Müller-Groß", "Zoë", birth)
    planned = plan("Nachname;Vorname;Geb.\nMUELLER GROSS;Zoe;17.05.1990\n", known)
    assert bool(planned.duplicates) == is_same
    assert bool(planned.new) != is_same


def test_another_given_name_is_another_person() -> None:
    known = Known(case_id(1), "Demo", "Anna", "1990")
    assert plan("Nachname;Vorname;Geb.\nDemo;Amina;1990\n", known).new


def test_a_household_with_somebody_known_joins_that_persons_household() -> None:
    known = Known(case_id(1), "Demo", "Anna", "1990", record_id(5))
    planned = plan(
        "Nachname;Vorname;Geb.;Haushalt\nDemo;Anna;1990;7\nDemo;Kind;2020;7\n", known
    )
    assert planned.joins == {"7": record_id(5)}
    assert planned.new[0].home == "7"


def test_what_is_skipped_is_told() -> None:
    planned = plan("Nachname;Vorname\nA;B\n;\nSumme;1\n")
    assert planned.skipped == (
        Skipped(1, "header"),
        Skipped(3, "blank"),
        Skipped(4, "sum"),
    )


def test_the_digest_is_that_of_one_file_one_choice_and_one_set_of_people() -> None:
    file = "Nachname;Vorname;Geburtsdatum\nA;B;1990\nÄRGER;D;1991\n"
    first = plan(file)
    assert first.digest == plan(file).digest
    others = [
        plan(f"{file}\n"),
        plan(file, accepted=frozenset({Offer.SMALL_LETTERS})),
        plan(file, accepted=frozenset({Offer.ENCODING})),
        plan(file, Known(case_id(1), "A", "B", "1990")),
        plan(file, today=date(2021, 3, 16)),
        replace(first, new=first.new[:1]),
    ]
    assert len({first.digest, *(p.digest for p in others)}) == 7
    assert len(first.digest) == 64
