"""Two cases of one person: what differs, what is united by rule, what a choice does."""

from dataclasses import replace
from datetime import UTC, date, datetime
from itertools import product

import pytest

from node.cases.differences import Change, Choice, compare
from node.cases.merging import Wish, merge
from node.cases.model import Baton
from node.cases.unmerging import decode_snapshot, encode_snapshot, snapshot_of
from node.errors import InputError
from node.ids import RecordId
from tests.support.casefiles import content, person, record
from tests.support.people import ADA, case_id

EVE = case_id(77)
NOW = datetime(2026, 11, 30, 9, tzinfo=UTC)
HOME, OTHER_HOME = RecordId("a" * 32), RecordId("b" * 32)


def both(mine, theirs, *more, own=()):
    one = content(person(ADA, family_name="Demo-Ulme", **mine), *own, case=ADA)
    other = content(person(EVE, family_name="Demo-Ulme", **theirs), *more, case=EVE)
    return one, other


def united(one, other, default=Choice.HERE, alone=frozenset(), **chosen):
    found = compare(one, other, alone).differing
    choices = {d.field: chosen.get(d.field, default) for d in found}
    return merge(one, other, Wish(one.file.id, choices, None, NOW, alone))


def values(result):
    return next(r.values for r in result.put if r.kind == "person")


def test_a_field_that_only_the_other_has_is_new_and_one_only_here_needs_no_word():
    one, other = both(
        {"birth_place": "Homs"}, {"gender": "m", "birth_date": "1990-05-17"}
    )
    found = compare(one, other)
    assert [(d.field, d.change) for d in found.differing] == [("gender", Change.NEW)]
    assert ("birth_place", "Homs") in found.same


def test_choosing_the_empty_side_leaves_the_field_empty():
    one, other = both({}, {"gender": "m"})
    assert "gender" not in values(united(one, other, gender=Choice.HERE))
    assert values(united(one, other, gender=Choice.THERE))["gender"] == "m"
    # Seen from the case that has it there is nothing to ask.
    assert values(united(other, one))["gender"] == "m"


def test_of_two_names_the_other_one_stays_as_a_further_name():
    one, other = both({"given_names": "Amina"}, {"given_names": "Amine"})
    after = values(united(one, other, given_names=Choice.BOTH))
    assert (after["given_names"], after["aliases"]) == ("Amina", ["Amine"])


def test_health_is_never_compared_and_both_notes_stay():
    one, other = both({"health_note": "Brille"}, {"health_note": "Gehhilfe"})
    assert "Brille" not in repr(compare(one, other))
    assert values(united(one, other))["health_note"] == "Brille\n\nGehhilfe"


def test_the_number_of_the_foreigners_register_is_never_compared():
    one, other = both({"azr_number": "111"}, {"azr_number": "222"})
    assert "222" not in repr(compare(one, other))
    assert values(united(one, other))["azr_number"] == "111"


@pytest.mark.spec("DO-7", "FR-2")
@pytest.mark.parametrize("default", [Choice.HERE, Choice.THERE])
def test_the_clock_that_began_first_goes_on_as_a_whole(default):
    starts = ("2024-02-29", "2025-01-01", "2026-03-04")
    for (a, b), (x, y) in product(
        product(starts, starts), product(("", "hardship"), repeat=2)
    ):
        clocks = [
            {"counselling_start": s, "counselling_max_end": f"end of {s}{e}"}
            | ({"clock_extension": e} if e else {})
            for s, e in ((a, x), (b, y))
        ]
        after = values(united(*both(*clocks), default))
        first = min(
            clocks, key=lambda c: (c["counselling_start"], "clock_extension" in c)
        )
        for name in ("counselling_start", "counselling_max_end", "clock_extension"):
            assert after.get(name) == first.get(name)


@pytest.mark.parametrize(
    ("choice", "standing"),
    [(Choice.HERE, ["Ahornweg"]), (Choice.THERE, ["Buchenweg"]), (Choice.BOTH, None)],
)
def test_of_two_homes_the_chosen_one_is_the_present_one(choice, standing):
    mine = record("accommodation", 1, case=ADA, street="Ahornweg")
    theirs = record("accommodation", 2, case=EVE, street="Buchenweg")
    one, other = both({}, {}, theirs, own=(mine,))
    result = united(one, other, accommodation=choice)
    kept = {mine.id: mine} | {r.id: r for r in result.put if r.kind == "accommodation"}
    streets = [r.text("street") for r in kept.values() if not r.values.get("voided_on")]
    assert streets == (standing or ["Ahornweg", "Buchenweg"])


def lives(one, other, mine, theirs):
    return (
        replace(one, file=replace(one.file, household=mine)),
        replace(other, file=replace(other.file, household=theirs)),
    )


@pytest.mark.parametrize(
    ("alone", "asked", "home"),
    [
        (set(), True, HOME),
        ({HOME}, False, OTHER_HOME),
        ({OTHER_HOME}, False, HOME),
        ({HOME, OTHER_HOME}, False, HOME),
    ],
)
def test_a_household_is_asked_for_only_where_others_live_in_both(alone, asked, home):
    one, other = lives(*both({}, {}), HOME, OTHER_HOME)
    alone = frozenset(alone)
    found = compare(one, other, alone).differing
    assert ("household" in {d.field for d in found}) is asked
    assert united(one, other, alone=alone).survivor.household == home


def test_two_records_that_say_the_same_are_one_and_two_talks_stay_two():
    mine = [
        record("language", 1, case=ADA, language="ar"),
        record("contact", 2, case=ADA, date="2026-03-01"),
    ]
    theirs = [
        record("language", 3, case=EVE, language="ar"),
        record("contact", 4, case=EVE, date="2026-03-01"),
    ]
    one, other = both({}, {}, *theirs, own=mine)
    assert compare(one, other).united == {"contact": 1}
    assert [r.kind for r in united(one, other).put if r.kind != "person"] == ["contact"]


def test_what_names_the_absorbed_case_names_the_one_that_stays():
    talk = record(
        "contact", 4, case=EVE, date="2026-03-01", persons=[str(EVE), str(ADA)]
    )
    one, other = both({}, {}, talk)
    (moved,) = [r for r in united(one, other).put if r.kind == "contact"]
    assert (moved.case, moved.values["persons"]) == (ADA, [str(ADA)])


def test_an_own_responsibility_begins_when_the_first_did_an_imported_one_does_not():
    one, other = both({}, {})
    early, late = date(2026, 1, 1), date(2026, 5, 1)
    other = replace(other, file=replace(other.file, responsible_from=early))
    own = replace(one, file=replace(one.file, responsible_from=late))
    assert united(own, other).survivor.responsible_from == early
    came = replace(own, file=replace(own.file, came_from="08337096-x", epoch=3))
    assert united(came, other).survivor.responsible_from == late


def test_without_every_choice_nothing_is_united():
    one, other = both({"gender": "w"}, {"gender": "m"})
    with pytest.raises(InputError):
        merge(one, other, Wish(ADA, {}, None, NOW))
    with pytest.raises(InputError):
        merge(one, other, Wish(ADA, {"gender": Choice.BOTH}, None, NOW))


def test_the_absorbed_case_rests_and_is_counted_nowhere():
    one, other = both({}, {})
    gone = united(one, other).absorbed
    assert (gone.baton, gone.household, gone.responsible_from) == (
        Baton.ABSORBED,
        None,
        None,
    )


def test_a_snapshot_comes_back_as_it_was_written():
    one, other = both({"gender": "w"}, {"gender": "m"}, record("contact", 4, case=EVE))
    result = united(one, other)
    after = replace(one, records=(*one.records[1:], *result.put))
    made = snapshot_of(one, other, after, ["c1"])
    back = decode_snapshot(encode_snapshot(made))
    assert (back.changed, back.after, back.added) == (
        made.changed,
        made.after,
        made.added,
    )
