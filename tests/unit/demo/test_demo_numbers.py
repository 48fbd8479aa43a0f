"""The numbers of the field document, chapter 9, counted from what was written."""

from collections import Counter
from datetime import date, timedelta

import pytest

from node.cases.model import PartialDate, counselling_last_day
from node.demo.residents import REFERENCE
from tests.support.townfolk import (
    care_status,
    cared_for,
    demo,
    entries,
    had_contact,
    is_adult,
    person,
    records,
    responsible,
)

WEHR = demo().wehr
PRESENT = responsible(WEHR, REFERENCE)
YEAR_BEFORE = REFERENCE.replace(year=2020)


@pytest.mark.spec("DO-1", "DO-45")
@pytest.mark.parametrize(
    ("on", "count"),
    [(date(2018, 11, 15), 184), (date(2020, 2, 15), 172), (REFERENCE, 157)],
)
def test_so_many_are_in_the_towns_responsibility(on: date, count: int) -> None:
    assert len(responsible(WEHR, on)) == count


def test_214_cases_were_ever_opened_and_57_have_left_for_these_reasons() -> None:
    assert len(WEHR.cases) == 214
    reasons = Counter(
        r.values["closure_reason"]
        for r in records(WEHR, "care_status")
        if "closure_reason" in r.values
    )
    assert reasons == {
        "moved_without_transfer": 25,
        "goals_reached": 9,
        "moved_with_transfer": 8,
        "lost_contact": 6,
        "left_germany": 4,
        "refused": 2,
        "naturalised": 1,
        "other": 2,
    }


@pytest.mark.spec("DO-1")
def test_118_are_cared_for_and_the_rest_for_these_reasons() -> None:
    served = cared_for(PRESENT, REFERENCE)
    assert len(served) == 118
    others = [case for case in PRESENT if case not in served]
    assert Counter(care_status(case, REFERENCE) for case in others) == {
        "declined": 12,
        "not_reached": 9,
        "no_need": 9,
        "language_barrier": 6,
        "cared_for": 3,
    }


@pytest.mark.spec("DO-2")
def test_a_window_of_three_years_counts_the_three_who_were_not_seen_for_long() -> None:
    assert len(cared_for(PRESENT, REFERENCE, months=36)) == 121


def test_five_who_declined_or_have_no_need_had_a_contact_nevertheless() -> None:
    trapped = [
        case
        for case in PRESENT
        if care_status(case, REFERENCE) in ("declined", "no_need")
        and had_contact(case, YEAR_BEFORE, REFERENCE)
    ]
    assert len(trapped) == 5


@pytest.mark.spec("DO-9")
def test_some_declined_without_plan_and_talk() -> None:
    assert any(
        care_status(case, REFERENCE) == "declined"
        and not any(r.kind in ("plan", "contact") for r in case.records)
        for case in PRESENT
    )


@pytest.mark.spec("DO-1")
@pytest.mark.parametrize(
    ("by", "plans"),
    [(date(2018, 6, 30), 56), (date(2020, 2, 15), 113), (REFERENCE, 144)],
)
def test_so_many_plans_were_made_by_then(by: date, plans: int) -> None:
    made = [r for r in records(WEHR, "plan") if r.text("start") <= by.isoformat()]
    assert len(made) == plans


@pytest.mark.spec("DO-1")
def test_106_plans_are_in_force_and_38_have_ended() -> None:
    present = {case.file.id for case in PRESENT}
    stand = Counter(
        (r.values["status"], r.case in present) for r in records(WEHR, "plan")
    )
    assert stand == {
        ("in_force", True): 106,
        ("ended", True): 6,
        ("ended", False): 32,
    }


def test_nobody_has_two_plans_in_force() -> None:
    running = [r.case for r in records(WEHR, "plan") if r.values["status"] != "ended"]
    assert len(running) == len(set(running))


def test_431_goals_stand_like_this() -> None:
    assert Counter(r.values["status"] for r in records(WEHR, "goal")) == {
        "open": 71,
        "in_progress": 128,
        "reached": 117,
        "partly_reached": 29,
        "postponed": 41,
        "adapted": 18,
        "given_up": 15,
        "not_reached": 12,
    }


@pytest.mark.spec("FR-9")
def test_a_goal_that_was_postponed_or_adapted_says_why() -> None:
    for goal in records(WEHR, "goal"):
        needs = goal.values["status"] in ("postponed", "adapted")
        assert needs == ("reason" in goal.values)
        assert (goal.values["status"] == "reached") == ("reached_on" in goal.values)


@pytest.mark.spec("DO-1")
@pytest.mark.parametrize(("by", "talks"), [(date(2020, 2, 15), 548), (REFERENCE, 772)])
def test_so_many_talks_were_held_by_then(by: date, talks: int) -> None:
    held = [r for r in entries(WEHR, "talk") if r.text("date") <= by.isoformat()]
    assert len(held) == talks


def test_talks_had_these_forms() -> None:
    assert Counter(r.values["form"] for r in entries(WEHR, "talk")) == {
        "office": 301,
        "phone": 187,
        "home_visit": 96,
        "messenger": 84,
        "accompaniment": 44,
        "email": 38,
        "video": 12,
        "drop_in": 10,
    }


def test_from_march_2020_on_talks_were_mostly_at_a_distance() -> None:
    later = [r for r in entries(WEHR, "talk") if r.text("date") >= "2020-03-01"]
    far = [r for r in later if r.values["form"] in ("phone", "messenger", "email")]
    assert len(far) / len(later) > 0.6


def test_talks_were_about_these_topics_first() -> None:
    areas = Counter(r.values["topics"][0] for r in entries(WEHR, "talk"))
    assert areas == {
        "04.1": 148,
        "11.1": 132,
        "05.1": 121,
        "07.1": 92,
        "01.1": 84,
        "12.1": 66,
        "09.1": 47,
        "10.1": 38,
        "08.1": 24,
        "06.1": 14,
        "03.1": 6,
    }


def test_talks_had_these_interpreters() -> None:
    assert Counter(r.values["interpreter"] for r in entries(WEHR, "talk")) == {
        "none": 402,
        "volunteer": 118,
        "family": 97,
        "app": 93,
        "professional": 61,
        "child": 1,
    }


def test_every_full_month_has_its_16_to_27_talks() -> None:
    months = Counter(r.text("date")[:7] for r in entries(WEHR, "talk"))
    full = [n for month, n in months.items() if month != "2021-03"]
    assert min(full) >= 16
    assert max(full) <= 27


def test_there_are_these_other_entries() -> None:
    contacts = Counter(r.values["form"] for r in entries(WEHR, "contact"))
    assert contacts == {"messenger": 610, "phone": 250, "email": 240, "letter": 80}
    assert len(entries(WEHR, "coordination")) == 210
    assert len(entries(WEHR, "attempt")) == 64


def test_60_households_of_these_sizes_live_here() -> None:
    sizes = Counter(Counter(c.file.household for c in PRESENT).values())
    assert sizes == {1: 26, 2: 6, 3: 8, 4: 9, 5: 7, 6: 4}


def test_92_adults_and_65_minors() -> None:
    assert sum(is_adult(case) for case in PRESENT) == 92
    for case in PRESENT:
        if not is_adult(case):
            born = PartialDate(person(case).text("birth_date")).first
            assert REFERENCE - born < timedelta(days=18 * 365)


def _of_present(kind: str, name: str) -> Counter[str]:
    """Codes of records in force; of languages the first one."""
    return Counter(
        r.text(name)
        for case in PRESENT
        for r in case.records
        if r.kind == kind
        and r.values.get("lang_kind") != "spoken"
        and r.text("move_in") <= REFERENCE.isoformat()
    )


def test_first_languages() -> None:
    assert _of_present("language", "language") == {
        "ar": 58,
        "kmr": 24,
        "prs": 16,
        "ti": 14,
        "fa": 12,
        "so": 9,
        "ps": 6,
        "tr": 5,
        "ckb": 5,
        "en": 5,
        "fr": 3,
    }


def test_status_and_housing() -> None:
    kinds = {"AsylG-55": "pending", "AufenthG-60a": "toleration"}
    status = Counter[str]()
    for code, count in _of_present("residence", "residence").items():
        status[kinds.get(code, "title")] += count
    assert status == {"title": 131, "pending": 17, "toleration": 9}
    assert _of_present("accommodation", "housing") == {
        "private": 68,
        "follow_up_shared": 42,
        "follow_up_flat": 35,
        "provisional": 7,
        "with_relatives": 5,
    }


@pytest.mark.spec("DO-6")
def test_38_clocks_end_within_90_days_and_none_has_ended() -> None:
    ends = [
        date.fromisoformat(person(case).text("counselling_max_end")) for case in PRESENT
    ]
    assert min(ends) >= REFERENCE
    assert sum(end <= REFERENCE + timedelta(days=90) for end in ends) == 38
    for case in WEHR.cases:
        start = date.fromisoformat(person(case).text("counselling_start"))
        end = counselling_last_day(start)
        assert person(case).text("counselling_max_end") == end.isoformat()


def test_nothing_is_told_of_a_time_in_which_the_office_was_not_responsible() -> None:
    for case in WEHR.cases:
        assert case.file.responsible_from is not None
        first = case.file.responsible_from.isoformat()
        last = (case.file.responsible_until or REFERENCE).isoformat()
        for record in case.records:
            if record.kind in ("contact", "plan"):
                day = record.text("date") or record.text("start")
                assert first <= day <= last


SAECKINGEN = demo().saeckingen


def test_bad_saeckingen_answers_for_60_of_whom_8_came_from_wehr() -> None:
    present = responsible(SAECKINGEN, REFERENCE)
    assert len(present) == 60
    came = [case for case in present if case.file.came_from == WEHR.place.member]
    assert len(came) == 8
    assert all(case.file.epoch == 2 for case in came)


@pytest.mark.spec("DO-4")
def test_bad_saeckingen_counts_its_own_plans_and_talks_alone() -> None:
    plans = [r for r in records(SAECKINGEN, "plan") if r.origin == "own"]
    assert len(plans) == 38
    assert len(entries(SAECKINGEN, "talk")) == 260
    assert any(r.origin == "transfer" for r in records(SAECKINGEN, "contact"))


def test_everybody_is_in_the_responsibility_of_one_town_at_most() -> None:
    here = {case.file.id for case in PRESENT}
    there = {case.file.id for case in responsible(SAECKINGEN, REFERENCE)}
    assert not here & there
