"""The integration plan as records: which version runs, what belongs to it, what to propose.

Enters: the content of a case. Leaves: the plan that runs, its goals; goals to pick from, by
life area, from the data file ``goalideas.json``. Must never happen: a goal that a peer sent
without the number of a plan gets lost. Implements FR-10 and the field document, 3.4.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final

from node import strictjson
from node.cases.model import CaseContent, Record
from node.strictjson import Json

# In this order, if a peer sent several that run.
_RUNNING: Final = ("draft", "agreed", "under_review", "in_force")
_ADULTS: Final = ("01", "04", "11")
PROPOSED: Final = 3
"""How many goals are proposed where there is no plan."""


@dataclass(frozen=True, slots=True)
class GoalIdea:
    """A goal to pick: its words can be changed before it is kept."""

    id: str
    area: str
    text: str
    sign: str


@cache
def goal_ideas() -> tuple[GoalIdea, ...]:
    """Every goal of the pick list, by life area."""
    source = files("node.cases").joinpath("goalideas.json")
    found = strictjson.parse_object(source.read_bytes(), members=10_000)
    return tuple(
        GoalIdea(f"{area}.{number}", area, text, sign)
        for area, listed in found["areas"].items()
        for number, (text, sign) in enumerate(listed, start=1)
    )


def find_idea(idea: str) -> GoalIdea | None:
    """The goal of this number in the pick list."""
    return next((one for one in goal_ideas() if one.id == idea), None)


def proposals(content: CaseContent) -> tuple[GoalIdea, ...]:
    """Three goals about what the contacts were about most; nothing of it is chosen."""
    spoken = Counter(
        topic.partition(".")[0]
        for contact in content.of("contact")
        if not contact.values.get("voided_on")
        for topic in _texts(contact.values.get("topics"))
    )
    areas = [area for area, _ in spoken.most_common()]
    wanted = dict.fromkeys([*areas, *_ADULTS])
    first = {idea.area: idea for idea in reversed(goal_ideas())}
    return tuple(first[area] for area in wanted if area in first)[:PROPOSED]


def plan_id(plan: Record) -> str:
    """What all versions of a plan and its goals have in common."""
    return plan.text("plan") or str(plan.id)


def version_of(plan: Record) -> int:
    """The number of a version; a plan that came without one is the first."""
    number = plan.values.get("plan_version")
    return number if isinstance(number, int) else 1


def running_plan(content: CaseContent) -> Record | None:
    """The version that runs, a draft included; None is a valid state (FR-10)."""
    found = [
        plan
        for plan in content.of("plan")
        if plan.text("status") in _RUNNING and not plan.values.get("voided_on")
    ]
    return max(
        found,
        key=lambda p: (_RUNNING.index(p.text("status")), version_of(p), p.recorded_at),
        default=None,
    )


def versions_of(content: CaseContent, plan: Record) -> list[Record]:
    """Every version of a plan that was agreed, oldest first."""
    return sorted(
        (
            one
            for one in content.of("plan")
            if plan_id(one) == plan_id(plan)
            and one.values.get("agreed_on")
            and not one.values.get("voided_on")
        ),
        key=version_of,
    )


def goals_of(content: CaseContent, plan: Record) -> list[Record]:
    """The goals of a plan, all versions of it; those that name no plan count to any."""
    ids = {plan_id(plan), str(plan.id), ""}
    return [
        goal
        for goal in content.of("goal")
        if goal.text("plan") in ids and not goal.values.get("voided_on")
    ]


def _texts(value: Json) -> Iterable[str]:
    return (
        (item for item in value if isinstance(item, str))
        if isinstance(value, list)
        else ()
    )
