"""Sheets of details: what is stored reads as a form, and comes back as it was."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.cases.dictionary import DICTIONARY
from node.ids import Ags
from node.web.forms import Form
from node.web.language import Language, Words
from node.web.recordfields import SHEETS, Look
from node.web.recordforms import differing, joined, typed
from node.web.recordtexts import Around, asked, label_of, said, shown

WEHR = Ags("08337116")
AROUND = Around(
    on=date(2026, 3, 1),
    words=Words(Language.GERMAN),
    places={
        WEHR: "Wehr, Stadt",
        Ags("07131210"): "Wehr",
        Ags("08337096"): "Bad Säckingen, Stadt",
    },
    members=[("a" * 32, "Hana"), ("b" * 32, "Kian")],
)
PLAIN = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=12
)
ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-9, 9999)
    | PLAIN
    | st.sampled_from(["zz-test", "2026", "2026-13", "2026-02-03", "a" * 32]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["text", "lang", "from", "zz"]), inner)
    ),
    max_leaves=4,
)
SLOTS = [(sheet, slot) for sheet in SHEETS.values() for slot in sheet.slots]


def a_form(sheet, values, **changes):
    texts = shown(sheet, values, AROUND)
    return Form({**texts, **{name: (text,) for name, text in changes.items()}})


@pytest.mark.spec("DO-29", "FR-26")
@given(data=st.data())
def test_what_nobody_touched_is_stored_as_it_came(data):
    sheet, slot = data.draw(st.sampled_from(SLOTS))
    values = {slot.name: data.draw(ANYTHING), "zz-field": [1, {"x": None}]}
    found = typed(sheet, values, a_form(sheet, values), AROUND)
    assert found.values == values
    assert not found.errors
    assert not found.changed


@pytest.mark.spec("SC-24", "FR-26")
@given(data=st.data())
def test_whatever_a_peer_sent_can_be_read(data):
    _, slot = data.draw(st.sampled_from(SLOTS))
    assert isinstance(said(slot, data.draw(ANYTHING), AROUND), str)


@pytest.mark.spec("DO-29", "SC-24")
@pytest.mark.parametrize(
    ("sheet", "slot"),
    [(sheet, slot) for sheet, slot in SLOTS if slot.look is Look.CODE],
    ids=lambda one: getattr(one, "id", "") or getattr(one, "name", ""),
)
def test_every_coded_field_shows_a_strange_code_and_offers_to_keep_it(sheet, slot):
    values = {slot.name: "zz-test"}
    form = a_form(sheet, values)
    ask = next(a for a in asked(sheet, form, AROUND) if a.name == slot.name)
    assert ("zz-test", "unbekannt: zz-test") in ask.options
    assert said(slot, "zz-test", AROUND) == "unbekannt: zz-test"
    # Somebody else's code cannot be typed in where it did not stand before.
    wrong = typed(sheet, {"zz": 1}, a_form(sheet, {}, **{slot.name: "zz-test"}), AROUND)
    assert slot.name in wrong.errors


@pytest.mark.parametrize("sheet", SHEETS.values(), ids=lambda s: s.id)
def test_every_field_has_its_word_and_its_place_in_the_dictionary(sheet):
    for slot in sheet.slots:
        assert slot.name in DICTIONARY[sheet.kind]
        assert label_of(sheet, slot.name, AROUND.words)
    assert len({slot.name for slot in sheet.slots}) == len(sheet.slots)


def test_no_sheet_asks_for_what_is_computed_or_off_by_default():
    names = {slot.name for _, slot in SLOTS}
    assert not names & {
        "counselling_max_end",
        "azr_number",
        "birth_year",
        "void_reason",
    }


@pytest.mark.spec("FR-27")
@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("08337116", "08337116"),
        ("bad saeckingen", "08337096"),
        ("Wehr", None),
        ("Atlantis", None),
        ("99999999", None),
    ],
)
def test_a_place_is_stored_by_number_only_if_it_is_one(text, number):
    sheet = SHEETS["home"]
    found = typed(sheet, {"housing": "private"}, a_form(sheet, {}, ags=text), AROUND)
    assert found.values.get("ags") == number
    assert bool(found.errors.get("ags")) is (number is None)


def test_a_place_of_two_is_told_apart_in_the_words_of_the_page():
    sheet = SHEETS["home"]
    stored = {"housing": "private", "ags": str(WEHR)}
    text = shown(sheet, stored, AROUND)["ags"][0]
    form = a_form(sheet, {"housing": "private"}, ags=text)
    assert typed(sheet, {"housing": "private"}, form, AROUND).values["ags"] == WEHR


@pytest.mark.spec("SC-11")
def test_three_versions_join_so_that_nobodys_change_is_lost():
    sheet = SHEETS["reach"]
    base = {"phones": ["1"], "emails": ["a"]}
    theirs = {"phones": ["2"], "emails": ["a"], "messenger_allowed": True}
    mine = joined(sheet, base, theirs, a_form(sheet, base, emails="b"), AROUND)
    values = typed(sheet, theirs, mine, AROUND).values
    assert values == {"phones": ["2"], "emails": ["b"], "messenger_allowed": True}
    assert [slot.name for slot in differing(sheet, mine, theirs, AROUND)] == ["emails"]


@pytest.mark.parametrize(
    ("sheet", "changes"),
    [
        ("clock", {"clock_interruptions-0-until": "01.02.2026"}),
        ("clock", {"clock_interruptions-0-from": "gestern"}),
        ("clock", {"counselling_start": ""}),
        ("name", {"family_name": "", "given_names": ""}),
        ("name", {"birth_date": "30.02.1990"}),
        ("name", {"citizenships-0": "ZZ"}),
        ("reach", {"phones": "x" * 201}),
        ("goal", {"status": "postponed"}),
        ("goal", {"importance": "7"}),
    ],
)
def test_what_breaks_a_rule_has_one_sentence_at_one_field(sheet, changes):
    stored = {"family_name": "Demo", "counselling_start": "2026-01-01", "area": "04"}
    found = typed(
        SHEETS[sheet], stored, a_form(SHEETS[sheet], stored, **changes), AROUND
    )
    assert len(found.errors) == 1
    assert all(found.errors.values())


def test_nobody_outside_the_household_is_ticked_into_it():
    sheet = SHEETS["family"]
    form = a_form(sheet, {}, guardians="c" * 32)
    assert "guardians" not in typed(sheet, {"zz": 1}, form, AROUND).values
