"""The versions of a plan: what was agreed when, and what is different since.

Enters: a case with the earlier versions of its records. Leaves: each agreed version as it
read on the day it was agreed, and the differences between two of them as codes that pages
put into words. Must never happen: a wording shown for a version that was agreed elsewhere
and whose former texts did not come along. Implements FR-10, screens S5.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum, unique

from node.cases.model import CaseContent, Former, Origin, Record
from node.cases.plan import goals_of, version_of, versions_of
from node.ids import RecordId
from node.report.casepage import day_of


@dataclass(frozen=True, slots=True)
class GoalState:
    """A goal as it stood."""

    id: RecordId
    area: str
    text: str
    sign: str
    status: str
    target: str


@dataclass(frozen=True, slots=True)
class Version:
    """One agreed version; ``goals`` is None if only another office knows its wording."""

    id: RecordId
    number: int
    agreed_on: date | None
    superseded_on: date | None
    status: str
    goals: tuple[GoalState, ...] | None


@unique
class Change(StrEnum):
    """What can be different about a goal."""

    ADDED = "added"
    DROPPED = "dropped"
    REWORDED = "reworded"
    SIGN = "sign"
    STATUS = "status"
    TARGET = "target"


@dataclass(frozen=True, slots=True)
class Difference:
    """One difference: about which goal, from what, to what."""

    change: Change
    goal: str
    before: str = ""
    after: str = ""


def versions(
    content: CaseContent, plan: Record, former: Sequence[Former]
) -> tuple[Version, ...]:
    """Every agreed version of a plan, oldest first.

    Args:
        content: The case.
        plan: Any version of the plan.
        former: The earlier versions of the plan's records and of its goals.
    """
    goals = goals_of(content, plan)
    found = []
    for record in versions_of(content, plan):
        agreed_at = _agreed_at(record, former)
        is_ours = record.origin is not Origin.TRANSFER
        found.append(
            Version(
                id=record.id,
                number=version_of(record),
                agreed_on=day_of(record, "agreed_on"),
                superseded_on=day_of(record, "ended_on"),
                status=record.text("status"),
                goals=_as_of(goals, former, agreed_at) if is_ours else None,
            )
        )
    return tuple(found)


def goals_now(content: CaseContent, plan: Record) -> tuple[GoalState, ...]:
    """The goals as they stand."""
    return tuple(_state(goal) for goal in _sorted(goals_of(content, plan)))


def differences(
    before: Sequence[GoalState], after: Sequence[GoalState]
) -> tuple[Difference, ...]:
    """What changed from one version to another, goal by goal."""
    old = {goal.id: goal for goal in before}
    new = {goal.id: goal for goal in after}
    return (
        *(Difference(Change.ADDED, g.text) for g in after if g.id not in old),
        *(Difference(Change.DROPPED, g.text) for g in before if g.id not in new),
        *(d for g in after if g.id in old for d in _between(old[g.id], g)),
    )


def _between(old: GoalState, new: GoalState) -> Iterator[Difference]:
    if old.text != new.text:
        yield Difference(Change.REWORDED, new.text, old.text, new.text)
    if old.sign != new.sign:
        yield Difference(Change.SIGN, new.text, old.sign, new.sign)
    if old.status != new.status:
        yield Difference(Change.STATUS, new.text, old.status, new.status)
    if old.target != new.target:
        yield Difference(Change.TARGET, new.text, old.target, new.target)


def _agreed_at(plan: Record, former: Iterable[Former]) -> datetime:
    """When the version was agreed: its first state that says so."""
    states = [f.record for f in former if f.record.id == plan.id]
    agreed = [r.recorded_at for r in (*states, plan) if r.values.get("agreed_on")]
    return min(agreed, default=plan.recorded_at)


def _as_of(
    goals: Iterable[Record], former: Sequence[Former], at: datetime
) -> tuple[GoalState, ...]:
    """The goals as they stood at an instant; those that came later are left out."""
    stood = []
    for goal in goals:
        earlier = [f for f in former if f.record.id == goal.id and f.superseded_at > at]
        state = earlier[0].record if earlier else goal
        if state.recorded_at <= at:
            stood.append(state)
    return tuple(_state(goal) for goal in _sorted(stood))


def _sorted(goals: Iterable[Record]) -> list[Record]:
    return sorted(goals, key=lambda goal: (goal.text("area"), goal.id))


def _state(goal: Record) -> GoalState:
    return GoalState(
        id=goal.id,
        area=goal.text("area"),
        text=goal.text("text"),
        sign=goal.text("sign"),
        status=goal.text("status"),
        target=goal.text("target_date"),
    )
