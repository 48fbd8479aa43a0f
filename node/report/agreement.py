"""The agreement about an integration plan, ready to be put on a page or on paper.

Enters: the plan that counts now, the names of both sides. Leaves: one frozen value with
every text that the paper shows, German first, the person's language beside it where there
is one. Must never happen: a draft that reads as agreed; a translation that looks checked.
The fixed texts stand in ``agreementtexts``, one file per language; the German ones hold,
the others are reading aids. Implements screens S5 (print).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.resources import files
from typing import Final

from node import strictjson
from node.cases.codes import label
from node.report.casepage import Goal, Plan

_GERMAN: Final = "de"
_SETTLED: Final = frozenset({"given_up", "reached", "not_reached"})


@dataclass(frozen=True, slots=True)
class Texts:
    """The fixed texts of one language, by name; ``direction`` is ``ltr`` or ``rtl``."""

    language: str
    direction: str
    said: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class PaperMeasure:
    """What is done for a goal; who does it in German words."""

    text: str
    bearer: str
    due: date | None


@dataclass(frozen=True, slots=True)
class PaperGoal:
    """A goal on the paper; its life area in German words."""

    area: str
    text: str
    sign: str
    until: date | None
    measures: tuple[PaperMeasure, ...]


@dataclass(frozen=True, slots=True)
class Agreement:
    """What the paper says.

    ``own`` is None if the person's language has no texts, or is German. ``agreed_on`` is
    None for a draft.
    """

    body: str
    person: str
    caseworker: str
    version: int
    agreed_on: date | None
    review_due: date | None
    wishes: str
    goals: tuple[PaperGoal, ...]
    german: Texts
    own: Texts | None


def agreement_of(
    plan: Plan, *, body: str, person: str, caseworker: str, language: str
) -> Agreement:
    """Gather the agreement of the plan that counts now.

    Args:
        plan: With its goals and measures; goals that are settled are left out.
        body: The office.
        person: Whom it is about.
        caseworker: Who works with them.
        language: In which language the person agrees.
    """
    return Agreement(
        body=body,
        person=person,
        caseworker=caseworker,
        version=plan.version,
        agreed_on=plan.agreed,
        review_due=plan.review_due,
        wishes=plan.record.text("wishes"),
        goals=tuple(_goal(g) for g in plan.goals if g.status not in _SETTLED),
        german=_texts()[_GERMAN],
        own=_texts().get(language) if language != _GERMAN else None,
    )


def _goal(goal: Goal) -> PaperGoal:
    area = label("area", goal.area, _GERMAN)
    return PaperGoal(
        area=area,
        text=goal.text or area,
        sign=goal.sign,
        until=goal.target,
        measures=tuple(
            PaperMeasure(
                text=measure.text,
                bearer=label("bearer", measure.bearer, _GERMAN)
                if measure.bearer
                else "",
                due=measure.due,
            )
            for measure in goal.measures
            if measure.status != "dropped"
        ),
    )


@cache
def _texts() -> Mapping[str, Texts]:
    folder = files("node.report").joinpath("agreementtexts")
    found = {}
    for source in sorted(folder.iterdir(), key=lambda file: file.name):
        listed = strictjson.parse_object(source.read_bytes(), members=100)
        language = listed["language"]
        found[language] = Texts(language, listed["direction"], listed["texts"])
    return found
