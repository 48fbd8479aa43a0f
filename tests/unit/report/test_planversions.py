"""Versions of a plan: each as it read then, told apart in differences."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from node.cases.model import CaseContent, Former, Origin
from node.cases.plan import proposals, running_plan
from node.report.planversions import Change, differences, goals_now, versions
from tests.support.build import AT, case_file, record
from tests.support.people import record_id

DAY = timedelta(days=1)
PLAN = str(record_id(90))


def plan(number=90, version=1, status="in_force", after=1, **more):
    values = {
        "plan": PLAN,
        "plan_version": version,
        "status": status,
        "agreed_on": "2026-02-10",
    }
    at = AT + after * DAY
    return record(number, kind="plan", values=values | more, recorded_at=at)


def goal(number, text, after=0, **more):
    values = {"plan": PLAN, "area": "04", "text": text, "status": "open", **more}
    return record(number, kind="goal", values=values, recorded_at=AT + after * DAY)


def content(*records):
    return CaseContent(case_file(), records)


@pytest.mark.spec("FR-10")
def test_a_version_shows_the_goals_of_its_day():
    old = goal(1, "Arbeit")
    now = goal(1, "Arbeit in der Küche", after=5)
    late = goal(2, "Wohnung", after=5)
    case = content(plan(), now, late)
    found = versions(case, plan(), [Former(old, AT + 5 * DAY)])
    assert [g.text for g in found[0].goals] == ["Arbeit"]
    changes = differences(found[0].goals, goals_now(case, plan()))
    assert {(c.change, c.goal) for c in changes} == {
        (Change.ADDED, "Wohnung"),
        (Change.REWORDED, "Arbeit in der Küche"),
    }


@pytest.mark.spec("FR-10")
def test_the_day_of_a_version_is_when_it_was_agreed_not_when_it_was_touched_last():
    agreed = plan(after=1)
    touched = replace(agreed, recorded_at=AT + 9 * DAY)
    between = goal(2, "Wohnung", after=5)
    case = content(touched, goal(1, "Arbeit"), between)
    found = versions(case, touched, [Former(agreed, AT + 9 * DAY)])
    assert [g.text for g in found[0].goals] == ["Arbeit"]


@pytest.mark.spec("FR-10")
def test_a_version_of_another_office_claims_no_wording():
    came = replace(plan(), origin=Origin.TRANSFER)
    found = versions(content(came, goal(1, "Arbeit")), came, [])
    assert found[0].goals is None
    assert found[0].agreed_on == date(2026, 2, 10)


def test_a_voided_version_and_a_draft_are_none():
    draft = plan(91, 2, "draft", agreed_on=None)
    gone = plan(92, 3, voided_on="2026-03-01")
    case = content(plan(), draft, gone, goal(1, "Arbeit"))
    assert [v.number for v in versions(case, plan(), [])] == [1]


@pytest.mark.parametrize("order", [1, -1])
def test_the_version_in_force_runs_whatever_else_a_peer_sent(order):
    sent = [plan(91, 7, "draft"), plan(90, 2), plan(92, 1, "agreed")][::order]
    assert running_plan(content(*sent)).values["plan_version"] == 2


def test_a_plan_that_ended_runs_no_more():
    assert running_plan(content(plan(status="ended"))) is None


def test_proposals_follow_the_topics_and_forget_what_was_a_mistake():
    def talk(number, topic, **more):
        return record(number, values={"topics": [topic], **more})

    case = content(
        talk(1, "08.1"),
        talk(2, "08"),
        talk(3, "10.2"),
        talk(4, "06.1", voided_on="2026-01-01"),
        record(5, values={"topics": "zz"}),
    )
    assert [idea.area for idea in proposals(case)] == ["08", "10", "01"]
    assert len(proposals(content())) == 3
