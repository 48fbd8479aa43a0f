"""Code lists: every list is whole, and no foreign code stops anything."""

from datetime import date
from importlib.resources import files

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.cases.codes import CodeList, code_list, find_code, label
from node.cases.consent import GivenBy, Reason
from node.cases.dictionary import DICTIONARY
from node.cases.extract import offered_kind
from node.cases.model import CATEGORIES
from node.errors import UsageError
from node.sync import words

LISTS = sorted(
    path.name.removesuffix(".json")
    for path in files("node.cases").joinpath("codes").iterdir()
)
TODAY = date(2026, 4, 1)


@pytest.mark.parametrize("name", LISTS)
def test_every_list_has_id_version_source_and_labels(name: str) -> None:
    found = code_list(name)
    assert found.id == name
    assert found.version >= 1
    assert found.source
    assert str(found) == f"{name}@{found.version}"
    for code in found.codes.values():
        assert code.code
        assert code.de.strip() == code.de != ""
        assert code.en.strip() == code.en != ""
    labels = [code.de for code in found.codes.values()]
    assert len(labels) == len(set(labels))


def test_every_list_of_the_dictionary_is_there() -> None:
    named = {
        known.codes
        for fields in DICTIONARY.values()
        for known in fields.values()
        if known.codes
    }
    assert named <= set(LISTS)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("category", CATEGORIES),
        ("withheld", Reason),
        ("given_by", GivenBy),
        ("purpose", words.Purpose),
        ("transfer_reason", words.Reason),
        ("age_band", words.Band),
        ("statute", ()),
    ],
)
def test_lists_and_program_name_the_same_codes(name: str, expected: object) -> None:
    assert list(code_list(name).codes) == [str(code) for code in expected]  # type: ignore[attr-defined]


def test_every_kind_of_document_has_a_place_in_the_offer() -> None:
    offered = {offered_kind({"doc_kind": code}) for code in code_list("doc_kind").codes}
    assert offered == set(map(str, words.DocumentKind))


def test_labels_are_german_unless_english_is_asked_for() -> None:
    assert label("contact_kind", "talk") == "Beratungsgespräch"
    assert label("contact_kind", "talk", "en") == "counselling talk"
    assert label("contact_kind", "talk", "ti") == "Beratungsgespräch"


@pytest.mark.spec("FR-26", "DO-29")
def test_a_foreign_code_is_shown_as_it_came() -> None:
    assert label("goal_status", "zz-test") == "unbekannt: zz-test"
    assert label("goal_status", "zz-test", "en") == "unknown: zz-test"
    assert find_code("goal_status", "zz-test") is None


@given(
    st.recursive(
        st.one_of(st.none(), st.booleans(), st.integers(), st.text()),
        lambda inner: st.one_of(st.lists(inner), st.dictionaries(st.text(), inner)),
        max_leaves=5,
    )
)
def test_no_value_of_a_peer_stops_a_label(value: object) -> None:
    assert label("topic", value)


@pytest.mark.parametrize("name", ["", "zz_test", "../codes", "a/b", "GENDER.json"])
def test_a_list_that_is_not_there_is_our_mistake(name: str) -> None:
    with pytest.raises(UsageError):
        code_list(name)


def test_a_code_is_offered_while_its_law_is_in_force() -> None:
    chance = find_code("residence", "AufenthG-104c")
    assert chance is not None
    residence: CodeList = code_list("residence")
    assert chance in residence.offered(TODAY)
    assert chance not in residence.offered(date(2021, 3, 15))
    ended = type(chance)("x", "x", "x", valid_until=date(2021, 3, 15))
    assert ended.is_offered(date(2021, 3, 15))
    assert not ended.is_offered(date(2021, 3, 16))
    assert label("residence", "AufenthG-104c")
