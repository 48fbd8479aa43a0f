"""The integration plan: begun, agreed in versions, reviewed, ended.

Enters: who acts, the plan as the page showed it, checked values. Leaves: one transaction
each: a draft with its goals; a new version that supersedes the old one; a review that moves
goals and names the next day; an end with its reason. Must never happen: two versions in
force; a goal postponed without a reason (FR-9); an id that changes, for the next office goes
on with the same goals. Implements FR-9, FR-10, DO-8.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Final

from node.accounts.policy import Actor
from node.cases.days import local_day
from node.cases.model import CaseContent, Former, Record
from node.cases.plan import goals_of, plan_id, running_plan, version_of
from node.casework.cases import (
    editable_case,
    goal_with_status,
    new_id,
    new_record,
    own_case,
)
from node.casework.records import Place, find_record, put_changed, seen_record
from node.errors import ConflictError, InputError, NotFoundError
from node.ids import CaseId, RecordId
from node.strictjson import Json
from node.sync.office import Office
from node.sync.ports import UnitOfWork

DRAFT: Final = "draft"


@dataclass(frozen=True, slots=True)
class Idea:
    """A goal or measure as it was chosen or typed; ``id`` is what the page drew."""

    values: Mapping[str, Json]
    id: RecordId | None = None


def begin(
    uow: UnitOfWork,
    office: Office,
    place: Place,
    ideas: Sequence[Idea],
    *,
    by: Actor,
) -> None:
    """Begin a draft with some goals; ``place.record`` becomes the plan's id.

    Raises:
        ConflictError: There is a plan that runs.
        StaleEpochError: The case moved.
    """
    now = office.clock.now()
    with uow:
        editable_case(uow, by, place.case, epoch=place.epoch, action="case.edit")
        content = uow.cases.content(place.case)
        running = running_plan(content)
        if running is not None and running.id == place.record:
            return
        if running is not None:
            raise ConflictError("there is a plan")
        values: dict[str, Json] = {
            "plan": str(place.record),
            "plan_version": 1,
            "status": DRAFT,
            "start": local_day(now).isoformat(),
        }
        plan = new_record(office, place.case, "plan", values, by=by.account)
        uow.cases.put([replace(plan, id=place.record)])
        for idea in ideas:
            _put_goal(uow, office, place.case, str(place.record), idea, by=by)
        uow.commit()


def add_goal(
    uow: UnitOfWork, office: Office, place: Place, idea: Idea, *, by: Actor
) -> None:
    """Add a goal to the plan that runs; the same form sent twice adds one.

    Raises:
        NotFoundError: No plan runs.
        StaleEpochError: The case moved.
    """
    with uow:
        editable_case(uow, by, place.case, epoch=place.epoch, action="case.edit")
        plan = _running(uow.cases.content(place.case))
        if idea.id is not None and find_record(uow, place.case, idea.id) is not None:
            return
        _put_goal(uow, office, place.case, plan_id(plan), idea, by=by)
        uow.commit()


def move_goal(
    uow: UnitOfWork,
    office: Office,
    place: Place,
    status: str,
    reason: str | None,
    *,
    by: Actor,
) -> None:
    """Set the status of one goal.

    Raises:
        InputError: ``postponed`` or ``adapted`` without a reason.
        ConflictError: Somebody changed the goal since the page was made.
        StaleEpochError: The case moved.
    """
    now = office.clock.now()
    with uow:
        editable_case(uow, by, place.case, epoch=place.epoch, action="case.edit")
        goal = seen_record(uow, place)
        if goal.kind != "goal":
            raise NotFoundError("goal")
        moved = goal_with_status(goal, status, reason, at=now, by=by.account)
        uow.cases.put([moved])
        uow.commit()


def finish_measure(uow: UnitOfWork, office: Office, place: Place, *, by: Actor) -> None:
    """A measure is done today.

    Raises:
        ConflictError: Somebody changed it since the page was made.
        StaleEpochError: The case moved.
    """
    today = local_day(office.clock.now()).isoformat()
    with uow:
        editable_case(uow, by, place.case, epoch=place.epoch, action="case.edit")
        measure = seen_record(uow, place)
        if measure.kind != "measure":
            raise NotFoundError("measure")
        done = {**measure.values, "status": "done", "done_on": today}
        put_changed(uow, office, measure, done, by=by)
        uow.commit()


def plan_history(uow: UnitOfWork, case: CaseId, *, by: Actor) -> tuple[Former, ...]:
    """How plans and goals of a case read before; what versions are told apart by."""
    with uow:
        own_case(uow, by, case, "case.read")
        content = uow.cases.content(case)
        listed = [r.id for kind in ("plan", "goal") for r in content.of(kind)]
        return tuple(uow.cases.former(case, listed))


@dataclass(frozen=True, slots=True)
class Agreement:
    """What the person agreed to: when, in which form and language, until when."""

    agreed_on: date
    form: str
    language: str
    interpreter: str
    review_due: date | None


def agree(
    uow: UnitOfWork, office: Office, place: Place, agreement: Agreement, *, by: Actor
) -> Record:
    """The person agrees: a new version in force, the old one superseded (FR-10).

    A draft that nobody agreed to before becomes the first version itself.

    Raises:
        ConflictError: Somebody changed the plan since the page was made.
        InputError: A day in the future, or a plan without a goal.
        StaleEpochError: The case moved.
    """
    now = office.clock.now()
    if agreement.agreed_on > local_day(now):
        raise InputError("agreed_on", "future")
    with uow:
        editable_case(uow, by, place.case, epoch=place.epoch, action="plan.agree")
        before = seen_record(uow, place)
        content = uow.cases.content(place.case)
        if not goals_of(content, before):
            raise InputError("goals", "missing")
        said: dict[str, Json] = {
            "status": "in_force",
            "agreed_on": agreement.agreed_on.isoformat(),
            "agreed_form": agreement.form,
            "agreed_language": agreement.language,
            "agreed_interpreter": agreement.interpreter,
            "review_due": agreement.review_due and agreement.review_due.isoformat(),
        }
        made = _next_version(uow, office, before, said, by=by)
        uow.commit()
        return made


def _next_version(
    uow: UnitOfWork,
    office: Office,
    before: Record,
    said: Mapping[str, Json],
    *,
    by: Actor,
) -> Record:
    now = office.clock.now()
    own = ("ended_on", "end_reason", "document", *said)
    kept = {n: v for n, v in before.values.items() if n not in own}
    filled = {n: v for n, v in said.items() if v not in (None, "")}
    if not before.values.get("agreed_on"):
        made = replace(
            before, values=kept | filled, recorded_at=now, recorded_by=by.account
        )
        uow.cases.put([made])
        return made
    number = version_of(before) + 1
    values = {**kept, **filled, "plan": plan_id(before), "plan_version": number}
    values["start"] = local_day(now).isoformat()
    made = new_record(office, before.case, "plan", values, by=by.account)
    today = local_day(now).isoformat()
    past = {**before.values, "status": "superseded", "ended_on": today}
    put_changed(uow, office, before, past, by=by)
    uow.cases.put([made])
    return made


@dataclass(frozen=True, slots=True)
class Review:
    """What was looked at together; ``moves`` maps goals to status and reason."""

    reviewed_on: date
    participants: str
    next_due: date | None
    moves: Mapping[RecordId, tuple[str, str | None]] = field(default_factory=dict)


def review(
    uow: UnitOfWork, office: Office, place: Place, seen: Review, *, by: Actor
) -> None:
    """Keep a review: the result per goal, and when to look again.

    Raises:
        InputError: A goal postponed or adapted without a reason, or a day in the future.
        ConflictError: Somebody changed the plan since the page was made.
        StaleEpochError: The case moved.
    """
    now = office.clock.now()
    if seen.reviewed_on > local_day(now):
        raise InputError("reviewed_on", "future")
    with uow:
        editable_case(uow, by, place.case, epoch=place.epoch, action="case.edit")
        plan = seen_record(uow, place)
        content = uow.cases.content(place.case)
        goals = goals_of(content, plan)
        uow.cases.put(
            goal_with_status(goal, *seen.moves[goal.id], at=now, by=by.account)
            for goal in goals
            if goal.id in seen.moves and seen.moves[goal.id][0] != goal.text("status")
        )
        results: list[Json] = [
            {
                "goal": str(goal.id),
                "status": seen.moves.get(goal.id, (goal.text("status"), None))[0],
            }
            for goal in goals
        ]
        due = seen.next_due.isoformat() if seen.next_due else ""
        values: dict[str, Json] = {
            "plan": plan_id(plan),
            "reviewed_on": seen.reviewed_on.isoformat(),
            "results": results,
            "next_due": due,
            "participants": seen.participants,
        }
        filled = {name: value for name, value in values.items() if value}
        made = new_record(office, place.case, "review", filled, by=by.account)
        kept = {n: v for n, v in plan.values.items() if n != "review_due"}
        put_changed(
            uow, office, plan, {**kept, **({"review_due": due} if due else {})}, by=by
        )
        uow.cases.put([made])
        uow.commit()


def end(
    uow: UnitOfWork, office: Office, place: Place, *, reason: str, by: Actor
) -> None:
    """The plan is over; its goals stay where they stand.

    Raises:
        InputError: No reason.
        ConflictError, StaleEpochError: As ``agree``.
    """
    if not reason:
        raise InputError("end_reason", "missing")
    today = local_day(office.clock.now()).isoformat()
    with uow:
        editable_case(uow, by, place.case, epoch=place.epoch, action="case.edit")
        plan = seen_record(uow, place)
        kept = {n: v for n, v in plan.values.items() if n != "review_due"}
        over = {"status": "ended", "ended_on": today, "end_reason": reason}
        put_changed(uow, office, plan, {**kept, **over}, by=by)
        uow.commit()


def _running(content: CaseContent) -> Record:
    plan = running_plan(content)
    if plan is None:
        raise NotFoundError("plan")
    return plan


def _put_goal(
    uow: UnitOfWork,
    office: Office,
    case: CaseId,
    plan: str,
    idea: Idea,
    *,
    by: Actor,
) -> None:
    values = {"status": "open", **idea.values, "plan": plan}
    made = new_record(office, case, "goal", values, by=by.account)
    goal = idea.id or RecordId(new_id(office, made.recorded_at))
    uow.cases.put([replace(made, id=goal)])
