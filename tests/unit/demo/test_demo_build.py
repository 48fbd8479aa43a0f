"""The demo is reproducible, moves through time, and is made of invented words alone."""

import hashlib
import re
from collections import Counter
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.cases.codes import find_code
from node.cases.dictionary import DICTIONARY, field_of
from node.cases.extract import is_minor, member_of
from node.cases.model import CaseContent, PartialDate
from node.crypto.base64url import unb64u
from node.demo.chance import Chance
from node.demo.register import DemoTown
from node.demo.residents import REFERENCE
from node.demo.shifting import shift
from node.demo.town import build_demo
from node.demo.words import given_names, rows
from tests.support.townfolk import SEED, demo, person, records, responsible

TOWNS = [demo().wehr, demo().saeckingen]
BOTH = pytest.mark.parametrize("town", TOWNS, ids=lambda t: t.place.mark)


@pytest.mark.spec("DO-45")
def test_one_seed_gives_the_same_demo_value_by_value() -> None:
    assert build_demo(SEED) == demo()


def test_another_seed_gives_other_people_in_the_same_numbers() -> None:
    other = build_demo(SEED + 1)
    assert {c.file.id for c in other.wehr.cases}.isdisjoint(
        c.file.id for c in demo().wehr.cases
    )
    assert len(responsible(other.wehr, REFERENCE)) == 157


@given(st.binary(), st.dictionaries(st.text(), st.integers(0, 9), max_size=6))
def test_a_deck_holds_exactly_what_its_quota_says(
    seed: bytes, quota: dict[str, int]
) -> None:
    assert Counter(Chance(seed).deck(quota)) == Counter(quota)


@given(st.binary(), st.text(), st.text())
def test_streams_of_other_names_are_other_streams(seed: bytes, a: str, b: str) -> None:
    one, two = Chance(seed).of(a).bytes(40), Chance(seed).of(b).bytes(40)
    assert (one == two) == (a == b)


def test_throws_are_even() -> None:
    chance = Chance(b"even")
    faces = Counter(chance.below(6) for _ in range(6000))
    assert all(850 < faces[face] < 1150 for face in range(6))


@BOTH
def test_a_shift_there_and_back_again_changes_nothing_but_computed_ends(
    town: DemoTown,
) -> None:
    back = shift(shift(town, 300), -300)
    for before, after in zip(town.cases, back.cases, strict=True):
        assert after.file == before.file
        assert after.consents == before.consents
        assert after.birth_year == before.birth_year
        for one, two in zip(before.records, after.records, strict=True):
            months = {"arrival_germany", "arrival_town"}
            assert {k: v for k, v in one.values.items() if k not in months} == {
                k: v for k, v in two.values.items() if k not in months
            }


@BOTH
def test_a_shift_moves_every_day_by_whole_weeks(town: DemoTown) -> None:
    later = shift(town, 250)
    for before, after in zip(town.cases, later.cases, strict=True):
        assert after.file.opened_on - before.file.opened_on == timedelta(weeks=250)
        for one, two in zip(before.records, after.records, strict=True):
            assert two.recorded_at - one.recorded_at == timedelta(weeks=250)
            for name in one.values:
                days = re.fullmatch(r"\d{4}-\d\d-\d\d", one.text(name))
                if days and name not in ("birth_date", "counselling_max_end"):
                    moved = date.fromisoformat(two.text(name))
                    assert moved == date.fromisoformat(one.text(name)) + timedelta(
                        weeks=250
                    )


@pytest.mark.parametrize("year", [2022, 2023, 2024, 2025, 2026, 2027, 2030])
def test_whenever_it_is_shown_65_are_minors_and_nobody_has_run_out(year: int) -> None:
    later = build_demo(SEED, date(year, 8, 5))
    assert later.monday <= date(year, 8, 5) < later.monday + timedelta(weeks=1)
    present = responsible(later.wehr, later.monday)
    assert len(present) == 157
    members = [member_of(CaseContent(c.file, c.records), ()) for c in present]
    assert sum(is_minor(m.birth, later.monday) for m in members) == 65
    ends = [person(c).text("counselling_max_end") for c in present]
    soon = later.monday + timedelta(days=90)
    assert min(ends) >= later.monday.isoformat()
    assert sum(end <= soon.isoformat() for end in ends) == 38


def test_evidence_that_travelled_is_what_was_agreed_to_after_a_shift_too() -> None:
    for of in (demo(), build_demo(SEED, date(2026, 10, 14))):
        agreed = {
            consent.id: consent.evidence
            for case in of.wehr.cases
            for consent in case.consents
        }
        kept = list(records(of.saeckingen, "consent_evidence"))
        assert kept
        for record in kept:
            evidence = unb64u(record.text("evidence"))
            assert agreed[record.id] == evidence
            assert record.values["digest"] == hashlib.sha256(evidence).hexdigest()


@BOTH
def test_every_field_is_of_the_dictionary(town: DemoTown) -> None:
    for case in town.cases:
        for record in case.records:
            assert record.kind in DICTIONARY
            for name in record.values:
                assert field_of(record.kind, name), (record.kind, name)


@BOTH
def test_every_code_is_of_its_list_and_not_younger_than_the_day(town: DemoTown) -> None:
    for case in town.cases:
        for record in case.records:
            for name, value in record.values.items():
                known = field_of(record.kind, name)
                if known and known.codes:
                    for code in value if isinstance(value, list) else [value]:
                        found = find_code(known.codes, code)
                        assert found, (record.kind, name, code)
                        assert found.is_offered(REFERENCE)


@BOTH
def test_ids_are_used_once_but_for_entries_with_several_persons(town: DemoTown) -> None:
    single = [r.id for case in town.cases for r in case.records if r.kind != "contact"]
    assert len(single) == len(set(single))
    pairs = [(r.case, r.id) for r in records(town, "contact")]
    assert len(pairs) == len(set(pairs))


@pytest.mark.spec("FR-7")
@BOTH
def test_an_entry_with_several_persons_stands_in_each_own_case(town: DemoTown) -> None:
    copies = Counter(r.id for r in records(town, "contact") if r.origin == "own")
    for record in records(town, "contact"):
        if record.origin == "own":
            assert len(record.values["persons"]) == copies[record.id]
            assert str(record.case) in record.values["persons"]


@pytest.mark.spec("DO-45")
@BOTH
def test_people_are_called_demo_and_live_in_the_demoweg(town: DemoTown) -> None:
    trees = {row.tree for name in ("wehr", "saeckingen") for row in rows(name)}
    given = {
        name.latin
        for language in ("ar", "kmr", "prs", "ti", "fa", "so", "ps", "tr", "ckb", "en")
        for gender in "mf"
        for name in given_names(language, gender)
    } | {name.latin for gender in "mf" for name in given_names("fr", gender)}
    for case in town.cases:
        values = person(case).values
        assert values["family_name"].removeprefix("Demo-") in trees
        assert values["given_names"] in given
        for phone in values.get("phones", ()):
            assert re.fullmatch(r"\+493023125[0-9]{3}", phone)
        for mail in values.get("emails", ()):
            assert mail.endswith("@post.example")
    assert {r.text("street") for r in records(town, "accommodation")} == {"Demoweg"}


@BOTH
def test_no_two_people_share_a_phone(town: DemoTown) -> None:
    phones = [p for r in records(town, "person") for p in r.values.get("phones", ())]
    assert len(phones) == len(set(phones))


@BOTH
def test_documents_are_texts_that_say_they_are_invented(town: DemoTown) -> None:
    kept = {r.id: r for r in records(town, "document")}
    files = {name: f for case in town.cases for name, f in case.files.items()}
    assert kept.keys() == files.keys()
    assert len(files) > 10
    for name, content in files.items():
        assert content.startswith(b"DEMO")
        assert kept[name].values["bytes"] == len(content)
        assert kept[name].values["sha256"] == hashlib.sha256(content).hexdigest()


@BOTH
def test_accounts_cover_every_role_and_are_invented(town: DemoTown) -> None:
    roles = Counter(role for account in town.accounts for role in account.roles)
    workers = 1 if town.place.mark == "W" else 2
    assert roles == {
        "caseworker": workers,
        "approver": 1,
        "administrator": 1,
        "auditor": 1,
    }
    assert all(account.name.startswith("Demo ") for account in town.accounts)
    assert all(account.email.endswith(".example") for account in town.accounts)
    ids = {account.id for account in town.accounts}
    assert {case.file.caseworker for case in town.cases} <= ids


def test_birth_dates_are_dates_and_some_are_partial_or_fictitious() -> None:
    people = [r for town in TOWNS for r in records(town, "person")]
    texts = [r.text("birth_date") for r in people]
    assert {len(PartialDate(text).text) for text in texts} == {4, 7, 10}
    made_up = [r for r in people if r.values.get("birth_date_fictitious")]
    assert made_up
    assert all(r.text("birth_date").endswith("-01-01") for r in made_up)
