"""The agreement about a plan: gathered once, for page and paper alike."""

import json
from datetime import date
from importlib.resources import files

import pytest

from node.cases.model import CaseContent
from node.report.agreement import agreement_of
from node.report.casepage import current_plan
from tests.support.build import case_file, record
from tests.support.people import record_id

GOAL = str(record_id(1))


def gathered(language="de", *, goals=(), status="in_force", agreed_on="2026-02-10"):
    plan = record(
        9, kind="plan", values={"status": status, "agreed_on": agreed_on, "plan": "p"}
    )
    listed = goals or [{"area": "04", "text": "Arbeit", "status": "open"}]
    records = [
        record(n, kind="goal", values={"plan": "p", **values})
        for n, values in enumerate(listed, start=1)
    ]
    measures = [
        record(20 + n, kind="measure", values={"goal": GOAL, "text": t, "status": s})
        for n, (t, s) in enumerate([("Lebenslauf", "running"), ("Kurs", "dropped")])
    ]
    content = CaseContent(case_file(), (plan, *records, *measures))
    return agreement_of(
        current_plan(content),
        body="Stadt Wehr",
        person="Hana",
        caseworker="Frau Muster",
        language=language,
    )


def test_the_paper_names_both_sides_and_what_is_done():
    paper = gathered()
    assert (paper.body, paper.person, paper.caseworker) == (
        "Stadt Wehr", "Hana", "Frau Muster",
    )  # fmt: skip
    assert paper.agreed_on == date(2026, 2, 10)
    assert [goal.area for goal in paper.goals] == ["Arbeit"]
    assert [m.text for m in paper.goals[0].measures] == ["Lebenslauf"]


def test_a_draft_has_no_day_of_agreement():
    assert gathered(status="draft", agreed_on=None).agreed_on is None


@pytest.mark.parametrize("status", ["reached", "given_up", "not_reached"])
def test_what_is_settled_is_not_agreed_again(status):
    goals = [
        {"area": "04", "text": "Arbeit", "status": status},
        {"area": "zz-test", "status": "postponed"},
    ]
    assert [g.text for g in gathered(goals=goals).goals] == ["unbekannt: zz-test"]


@pytest.mark.parametrize("language", ["de", "ti", "zz", ""])
def test_a_language_without_texts_gets_the_german_ones_alone(language):
    paper = gathered(language)
    assert paper.german.said["title"] == "Vereinbarung zum Integrationsplan"
    assert paper.own is None


@pytest.mark.parametrize("language", ["ar", "fa", "prs"])
def test_languages_written_from_the_right_say_so(language):
    assert gathered(language).own.direction == "rtl"


def test_every_language_has_every_text_and_the_translations_are_drafts():
    folder = files("node.report").joinpath("agreementtexts")
    listed = [json.loads(source.read_text("utf-8")) for source in folder.iterdir()]
    german = next(one for one in listed if one["language"] == "de")
    for one in listed:
        assert one["texts"].keys() == german["texts"].keys()
        assert all(one["texts"].values())
        assert (one["state"] == "original") is (one["language"] == "de")
