"""The dictionary as a table: walked field by field."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.cases.dictionary import (
    CONTACT_DATA,
    DICTIONARY,
    FOREIGN,
    NEVER,
    Field,
    category_of,
    field_of,
    health_records,
    named_cases,
    needed_for_document,
    partition,
    split_protection,
    without_cases,
)
from node.cases.model import CATEGORIES, Record
from node.ids import RecordId
from tests.support.people import ADA, BEN, CEM, record_id

EVERY_FIELD = [
    (kind, name, known)
    for kind, fields in DICTIONARY.items()
    for name, known in fields.items()
]
NOBODY: frozenset[str] = frozenset()


def record(of_kind: str, number: int = 1, /, **values: Any) -> Record:
    instant = datetime(2026, 1, 1, tzinfo=UTC)
    return Record(ADA, RecordId(record_id(number)), of_kind, values, instant)


@pytest.mark.parametrize(("kind", "name", "known"), EVERY_FIELD)
def test_every_field_has_a_category_and_a_protection(
    kind: str, name: str, known: Field
) -> None:
    assert known.category in (*CATEGORIES, NEVER, None)
    assert known.protection in ("C", "E", "CX", "EX")
    assert name != FOREIGN
    assert field_of(kind, name) is known


def test_every_category_has_a_field() -> None:
    assert {known.category for _, _, known in EVERY_FIELD} >= set(CATEGORIES)


@pytest.mark.spec("FR-18")
def test_numbers_of_authorities_never_leave_and_are_sealed() -> None:
    for kind, name in (
        ("person", "azr_number"),
        ("person", "case_number"),
        ("residence", "document_no"),
    ):
        known = field_of(kind, name)
        assert known is not None
        assert known.protection == "EX"
        assert not partition(kind, {name: "4711"}, NOBODY)


@pytest.mark.parametrize(
    ("kind", "name", "category", "protection"),
    [
        ("person", "family_name", "K01", "E"),
        ("person", "gender", "K01", "C"),
        ("person", "custody", "K02", "C"),
        ("person", "birth_year", "X", "CX"),
        ("person", "health_note", "K09", "E"),
        ("contact", "date", "K11", "C"),
        ("contact", "note", "K12", "E"),
        ("contact", "others_present", "K15", "E"),
        ("contact", "touched", "K10", "C"),
        ("contact", "caseworker", "X", "CX"),
        ("goal", "text", "K10", "E"),
        ("accommodation", "street", "K07", "E"),
        ("follow_up", "assignee", "X", "CX"),
        ("document", "title", "K13", "E"),
        ("document", "digest", None, "C"),
        ("protection", "protection", "K14", "E"),
        ("third_person", "phone", "K15", "E"),
    ],
)
def test_fields_are_what_the_field_document_says(
    kind: str, name: str, category: str | None, protection: str
) -> None:
    known = field_of(kind, name)
    assert known is not None
    assert (known.category, known.protection) == (category, protection)
    assert category_of(kind, name, {}) == category


def test_what_the_dictionary_does_not_know_has_no_category() -> None:
    assert category_of("contact", "zz-test", {}) is None
    assert category_of("zz-test", "note", {}) is None
    assert not partition("contact", {"zz-test": "x", FOREIGN: {}}, NOBODY)
    assert not partition("zz-test", {"note": "x"}, NOBODY)


class TestAtRest:
    def test_codes_dates_and_counts_stay_clear_and_text_is_sealed(self) -> None:
        clear, sealed = split_protection(
            record("contact", date="2026-01-01", minutes=30, note="n", kind="talk")
        )
        assert clear == {"date": "2026-01-01", "minutes": 30, "kind": "talk"}
        assert sealed == {"note": "n"}

    def test_unknown_fields_and_unknown_kinds_are_sealed(self) -> None:
        assert split_protection(record("contact", shoe=42)) == ({}, {"shoe": 42})
        assert split_protection(record("zz-test", date="x")) == ({}, {"date": "x"})

    def test_an_assessment_of_health_is_sealed_throughout(self) -> None:
        values = {"area": "06", "need": 3, "assessed_on": "2026-01-01", "text": "t"}
        assert split_protection(record("assessment", **values)) == ({}, values)
        clear, _ = split_protection(record("assessment", **values | {"area": "04"}))
        assert set(clear) == {"area", "need", "assessed_on"}

    @given(
        st.sampled_from([*DICTIONARY, "zz-test"]),
        st.dictionaries(
            st.sampled_from([*sorted({n for _, n, _ in EVERY_FIELD}), "shoe", FOREIGN]),
            st.integers(),
            max_size=12,
        ),
    )
    def test_splitting_loses_nothing_and_doubles_nothing(
        self, kind: str, values: dict[str, Any]
    ) -> None:
        clear, sealed = split_protection(record(kind, **values))
        assert clear | sealed == values
        assert not clear.keys() & sealed.keys()


class TestHealth:
    GOAL = record("goal", 1, area="06", text="t")
    OTHER = record("goal", 2, area="04", text="t")
    MEASURE = record("measure", 3, goal=record_id(1), text="m")
    FREE = record("measure", 4, area="06.2", text="m")
    RECORDS = (GOAL, OTHER, MEASURE, FREE, record("measure", 5, goal=record_id(2)))

    def test_reaches_goals_and_their_measures(self) -> None:
        assert health_records(self.RECORDS) == {record_id(n) for n in (1, 3, 4)}

    def test_travels_as_k09_and_never_as_k10(self) -> None:
        health = health_records(self.RECORDS)
        for one in (self.GOAL, self.MEASURE, self.FREE):
            assert set(partition(one.kind, one.values, health)) == {"K09"}
        assert set(partition("goal", self.OTHER.values, health)) == {"K10"}
        assert category_of("assessment", "need", {"area": "06"}) == "K09"

    @pytest.mark.spec("PKT-10")
    @pytest.mark.parametrize(
        ("kind", "name"), [("contact", "touched"), ("review", "results")]
    )
    def test_divides_lists_that_point_at_goals(self, kind: str, name: str) -> None:
        about_health = {"goal": record_id(1), "status": "reached"}
        other = {"goal": record_id(2), "status": "reached"}
        health = health_records(self.RECORDS)
        assert partition(kind, {name: [about_health, other]}, health) == {
            "K09": {name: [about_health]},
            "K10": {name: [other]},
        }
        assert partition(kind, {name: [about_health]}, health) == {
            "K09": {name: [about_health]}
        }
        assert partition(kind, {name: []}, health) == {"K10": {name: []}}
        assert partition(kind, {name: "?"}, health) == {"K10": {name: "?"}}

    def test_strange_values_break_nothing(self) -> None:
        strange = record("goal", area=["06"], plan={}, text=None)
        assert not health_records([strange, record("measure", goal=[1])])


class TestDocuments:
    @pytest.mark.spec("DO-48")
    @pytest.mark.parametrize(
        ("values", "needed"),
        [
            ({"doc_kind": "school"}, set()),
            ({"doc_kind": "zz-test"}, set()),
            ({}, set()),
            ({"doc_kind": "health"}, {"K09"}),
            ({"doc_kind": "protection"}, {"K14"}),
            ({"doc_kind": "restricted", "restricted_kind": "health"}, {"K09"}),
            ({"doc_kind": "restricted", "restricted_kind": "protection"}, {"K14"}),
            ({"doc_kind": "restricted", "restricted_kind": "zz"}, {"K09", "K14"}),
            ({"doc_kind": "restricted", "restricted_kind": [1]}, {"K09", "K14"}),
            ({"doc_kind": "restricted"}, {"K09", "K14"}),
        ],
    )
    def test_of_health_and_protection_need_their_category_too(
        self, values: dict[str, Any], needed: set[str]
    ) -> None:
        assert needed_for_document(values) == needed


class TestNamedCases:
    def test_are_found_alone_in_lists_and_in_entries(self) -> None:
        assert named_cases("contact", {"persons": [ADA, BEN, "?"]}) == {ADA, BEN}
        assert named_cases("protection", {"concerns": BEN}) == {BEN}
        guardians = [{"case": BEN}, {"name": "Demo", "body": "Amt"}]
        assert named_cases("person", {"guardians": guardians}) == {BEN}
        assert not named_cases("contact", {"persons": None, "note": BEN})
        assert not named_cases("zz-test", {"persons": [ADA]})

    def test_are_left_out_when_they_stay(self) -> None:
        absent = frozenset({BEN})
        assert without_cases([ADA, BEN, CEM], absent) == [ADA, CEM]
        assert without_cases(BEN, absent) is None
        assert without_cases(ADA, absent) == ADA
        assert without_cases([{"case": BEN}, {"name": "x"}], absent) == [{"name": "x"}]


def test_contact_data_are_fields_of_a_person() -> None:
    assert all(field_of("person", name) for name in CONTACT_DATA)
