"""The five stories can begin: the gate permits what shall travel, and nothing else."""

from datetime import UTC, date, datetime, time, timedelta

import pytest

from node.cases.asking import check_end
from node.cases.consent import (
    Permit,
    Reason,
    Recipient,
    Wish,
    Withheld,
    auto_allowed,
    gate,
    may_announce,
)
from node.cases.extract import member_of
from node.cases.model import SENSITIVE, Baton, CaseContent
from node.demo.cast import Opening, Story, stories
from node.demo.register import Demo, DemoCase
from node.demo.residents import REFERENCE
from node.demo.town import SAECKINGEN, WEHR, build_demo
from node.ids import CaseId
from tests.support.townfolk import SEED, demo, is_adult, person

LATER = build_demo(SEED, date(2026, 10, 14))
DEMOS = [demo(), LATER]
ALL = [(d, story) for d in DEMOS for story in stories(d)]


def opening_cases(of: Demo, story: Story) -> list[DemoCase]:
    """The cases as they stand when the story is staged."""
    town = of.wehr if story.sender == WEHR else of.saeckingen
    found = {case.file.id: case for case in town.cases}
    if story.opening is Opening.IMPORTED and story.handover:
        found |= {case.file.id: case for case in story.handover.before}
    return [found[case] for case in story.cases]


def ask(
    of: Demo,
    story: Story,
    *,
    on: date | None = None,
    others: tuple[CaseId, ...] = (),
    is_responsible: bool = True,
    wish: Wish | None = None,
) -> tuple[Permit | Withheld, list[DemoCase]]:
    cases = opening_cases(of, story)
    cases += [c for c in of.wehr.cases if c.file.id in others]
    day = on or (story.move_on if story.opening is Opening.IMPORTED else of.monday)
    answer = gate(
        [member_of(CaseContent(c.file, c.records), c.consents) for c in cases],
        {c.file.id: wish or Wish(categories=story.wish) for c in cases},
        Recipient(story.recipient.member, story.place.ags, responsible=is_responsible),
        purpose="relocation",
        at=datetime.combine(day, time(9), UTC),
    )
    return answer, cases


@pytest.mark.spec("DO-45", "DO-46")
@pytest.mark.parametrize(("of", "story"), ALL)
def test_the_gate_permits_every_story(of: Demo, story: Story) -> None:
    answer, _ = ask(of, story)
    assert isinstance(answer, Permit)
    assert {case.case for case in answer.cases} == set(story.cases)


@pytest.mark.parametrize(("of", "story"), ALL)
def test_the_gate_permits_nothing_to_an_office_that_is_not_responsible(
    of: Demo, story: Story
) -> None:
    answer, _ = ask(of, story, is_responsible=False)
    assert isinstance(answer, Withheld)
    assert {reason for _, reason in answer.reasons} == {Reason.OTHER_RECIPIENT}


@pytest.mark.parametrize(("of", "story"), ALL)
def test_nobody_in_a_story_agreed_to_more_than_is_said(of: Demo, story: Story) -> None:
    for extra in SENSITIVE - story.wish:
        answer, _ = ask(of, story, wish=Wish(categories=story.wish | {extra}))
        assert isinstance(answer, Withheld)


@pytest.mark.parametrize(("of", "story"), ALL)
def test_a_story_without_notes_could_be_sent_by_itself(of: Demo, story: Story) -> None:
    answer, cases = ask(of, story)
    assert isinstance(answer, Permit)
    members = [member_of(CaseContent(c.file, c.records), c.consents) for c in cases]
    assert auto_allowed(answer, members) == (not story.wish & SENSITIVE)
    assert may_announce(answer, members) == (story.number == 4)


@pytest.mark.spec("DO-15")
@pytest.mark.parametrize("of", DEMOS)
def test_the_brother_who_said_no_withholds_the_family_if_he_is_taken_along(
    of: Demo,
) -> None:
    story = stories(of)[1]
    assert len(story.cases) == 3
    assert len(story.stays) == 1
    answer, _ = ask(of, story, others=story.stays)
    assert answer == Withheld(((story.stays[0], Reason.DECLINED),))


@pytest.mark.spec("DO-16")
def test_a_note_about_both_brothers_arrived_without_text_and_without_him() -> None:
    story = stories(demo())[1]
    assert story.handover
    brother = story.stays[0]
    before = [r for c in story.handover.before for r in c.records]
    mixed = [r for r in before if str(brother) in r.values.get("persons", ())]
    assert mixed
    assert any("beiden Brüdern" in r.text("note") for r in mixed)
    arrived = {r.id: r for c in story.handover.arrived for r in c.records}
    for entry in mixed:
        assert "note" not in arrived[entry.id].values
        assert arrived[entry.id].text("date") == entry.text("date")
    assert not any(str(brother) in str(r.values) for r in arrived.values())
    assert any("note" in r.values for r in arrived.values())


@pytest.mark.spec("DO-17")
@pytest.mark.parametrize("of", DEMOS)
def test_minors_need_both_guardians(of: Demo) -> None:
    story = stories(of)[0]
    cases = opening_cases(of, story)
    minors = [c for c in cases if not is_adult(c, of.monday)]
    assert (len(cases) - len(minors), len(minors)) == (2, 3)
    for case in minors:
        assert person(case).values["custody"] == "joint"
        (answer,) = case.consents
        assert answer.given_by == "both_guardians"
        assert set(answer.guardians) == set(person(case).values["guardians"])
        assert set(answer.guardians) < {c.file.id for c in cases}


@pytest.mark.spec("DO-14")
@pytest.mark.parametrize("of", DEMOS)
def test_no_consent_outlives_the_counselling_clock(of: Demo) -> None:
    for town in (of.wehr, of.saeckingen):
        for case in town.cases:
            end = date.fromisoformat(person(case).text("counselling_max_end"))
            for consent in case.consents:
                if consent.declined_on is None:
                    check_end(consent.valid_from, consent.valid_until, end)
                    assert consent.valid_from < of.monday


def test_story_four_moves_to_murg_and_the_new_address_is_known() -> None:
    story = stories(demo())[3]
    assert (story.place.ags, story.recipient) == ("08337076", SAECKINGEN)
    for case in opening_cases(demo(), story):
        homes = [r for r in case.records if r.kind == "accommodation"]
        assert [r.values["ags"] for r in homes] == ["08337116", "08337076"]


def test_story_five_was_in_wehr_is_in_saeckingen_and_has_a_twin_in_wehr() -> None:
    story = stories(demo())[4]
    (here,) = [c for c in demo().wehr.cases if c.file.id == story.cases[0]]
    (there,) = opening_cases(demo(), story)
    assert (here.file.baton, here.file.epoch) == (Baton.HANDED_OVER, 1)
    assert (there.file.baton, there.file.epoch) == (Baton.ACTIVE, 2)
    (twin,) = [c for c in demo().wehr.cases if c.file.id == story.twin]
    names = [(person(c).values["given_names"]) for c in (there, twin)]
    births = [(person(c).values["birth_date"]) for c in (there, twin)]
    assert names == ["Mohammed", "Muhamad"]
    assert births == ["1994-03-07", "1994-07-03"]


@pytest.mark.parametrize("of", DEMOS)
def test_the_days_of_story_five_are_swapped_after_a_shift_too(of: Demo) -> None:
    story = stories(of)[4]
    (there,) = opening_cases(of, story)
    (twin,) = [c for c in of.wehr.cases if c.file.id == story.twin]
    one, two = (person(c).text("birth_date").split("-") for c in (there, twin))
    assert one[0] == two[0]
    assert one[1:] == two[:0:-1]


def test_the_case_of_story_five_had_six_talks_and_a_plan_in_wehr() -> None:
    story = stories(demo())[4]
    (here,) = [c for c in demo().wehr.cases if c.file.id == story.cases[0]]
    talks = [r for r in here.records if r.values.get("kind") == "talk"]
    assert len(talks) == 6
    assert len([r for r in here.records if r.kind == "plan"]) == 1


def test_the_eight_who_moved_are_counted_at_one_place_from_the_day_of_import() -> None:
    moved = [c for h in demo().handovers for c in h.before]
    assert len(moved) == 8
    for handover in demo().handovers:
        for after, arrived in zip(handover.after, handover.arrived, strict=True):
            assert after.file.id == arrived.file.id
            assert after.file.responsible_until == handover.day - timedelta(days=1)
            assert arrived.file.responsible_from == handover.day
            assert handover.day < REFERENCE
