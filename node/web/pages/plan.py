"""S5 Integrationsplan: goals with what is done for them, cheaper to keep than a note.

Enters: a case, what was chosen. Leaves: the plan as it stands; goals moved, added, measures
done. Must never happen: a goal chosen before anybody chose it; a postponed goal without its
reason, or shown as a failure (FR-9, SC-25). Implements screens S5, DO-8, DO-9, FR-10.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Final

from aiohttp import web

from node.cases.codes import code_list
from node.cases.model import Baton, Record
from node.cases.plan import find_idea, goal_ideas, proposals
from node.casework import plans
from node.casework.records import Place
from node.errors import ConflictError, InputError, NotFoundError, StaleEpochError
from node.ids import RecordId
from node.report.casepage import Goal, Plan, current_plan, day_of, standing
from node.report.planversions import (
    Change,
    Difference,
    Version,
    differences,
    goals_now,
    versions,
)
from node.web.caseframe import case_id, case_page
from node.web.casesheet import around_of
from node.web.casework import OpenCase, actor, new_once, once, opened_case, stale
from node.web.forms import Form
from node.web.frame import Route, form_of, parts_of, see_other, words_of
from node.web.language import Words, msgid
from node.web.pages.casefile import bodies
from node.web.pages.cases import CASEWORKERS
from node.web.pages.sheets import conflict_page
from node.web.recordfields import SHEETS, Sheet
from node.web.recordforms import changes_said, typed
from node.web.recordtexts import Around, asked, label_of, said, shown
from node.web.typed import ids
from node.web.wording import GOAL_CHOICES, partial_day

_NEW_GOAL: Final[Sheet] = replace(
    SHEETS["goal"],
    slots=tuple(s for s in SHEETS["goal"].slots if s.name not in {"status", "reason"}),
)
_CHANGES: Final[Mapping[Change, str]] = {
    Change.ADDED: msgid("New: “%(goal)s”."),
    Change.DROPPED: msgid("No longer there: “%(goal)s”."),
    Change.REWORDED: msgid("Worded anew: “%(before)s” is now “%(after)s”."),
    Change.SIGN: msgid("“%(goal)s”: noticed by “%(after)s”, before by “%(before)s”."),
    Change.STATUS: msgid("“%(goal)s”: %(after)s, before %(before)s."),
    Change.TARGET: msgid("“%(goal)s”: wished for by %(after)s, before %(before)s."),
}


def routes() -> list[Route]:
    """The addresses of the plan as it is worked on."""
    at = "/cases/{case}/plan"
    return [
        Route("GET", at, _show, roles=CASEWORKERS),
        Route("POST", at, _move, roles=CASEWORKERS),
        Route("POST", f"{at}/begin", _begin, roles=CASEWORKERS),
        Route("GET", f"{at}/goals", _ask_goal, roles=CASEWORKERS),
        Route("POST", f"{at}/goals", _add_goal, roles=CASEWORKERS),
        Route("POST", f"{at}/measures", _finish, roles=CASEWORKERS),
        # Where "open the page again" leads after a form of the plan met a conflict.
        *(
            Route("GET", f"{at}/{form}", back, roles=CASEWORKERS)
            for form in ("begin", "measures", "end")
        ),
    ]


async def back(request: web.Request) -> web.Response:
    """From the address of a form to the page it stands on."""
    return await see_other(request, f"/cases/{case_id(request)}/plan")


@dataclass(frozen=True, slots=True)
class Area:
    """The goals of one life area."""

    code: str
    goals: Sequence[Goal]


async def _show(request: web.Request) -> web.Response:
    case = await opened_case(request, case_id(request))
    return await plan_page(request, case, Form())


async def plan_page(
    request: web.Request, case: OpenCase, form: Form, *, status: int = 200
) -> web.Response:
    """The plan as it stands, or what one could begin with."""
    words, plan = words_of(request), current_plan(case.content)
    around = await around_of(request, case)
    agreed = await versions_now(request, case, plan)
    return await case_page(
        request,
        "case_plan.html",
        case,
        status=status,
        plan=plan,
        areas=areas_of(plan),
        form=form,
        once=new_once(request),
        since=since_agreed(case, plan, agreed, words),
        versions=agreed,
        ideas=() if plan else proposals(case.content),
        choices=choices(words),
        reasons=codes(words, "goal_reason"),
        endings=codes(words, "closure"),
        assessments=_assessments(case, around),
        reviews=_reviews(case),
        former=[
            (p, day_of(p, "ended_on"))
            for p in standing(case.content.of("plan"))
            if p.text("status") == "ended"
        ],
        bodies=bodies(request, case),
    )


def areas_of(plan: Plan | None) -> list[Area]:
    """The goals by life area, in the order of the list."""
    goals = plan.goals if plan else ()
    return [Area(code, tuple(g)) for code, g in groupby(goals, key=lambda g: g.area)]


def choices(words: Words) -> list[tuple[str, str]]:
    """How a goal can stand."""
    return [(code, words.code(code, "goal_status")) for code in GOAL_CHOICES]


def codes(words: Words, name: str) -> list[tuple[str, str]]:
    """A list as choices."""
    return [(code, words.code(code, name)) for code in code_list(name).codes]


async def versions_now(
    request: web.Request, case: OpenCase, plan: Plan | None
) -> tuple[Version, ...]:
    """The versions that were agreed, each as it read then."""
    if plan is None:
        return ()
    former = await parts_of(request).run.read(
        plans.plan_history, case.file.id, by=actor(request)
    )
    return versions(case.content, plan.record, former)


def since_agreed(
    case: OpenCase, plan: Plan | None, agreed: Sequence[Version], words: Words
) -> list[str]:
    """What changed since the person agreed, in words."""
    last = agreed[-1].goals if agreed else None
    if plan is None or last is None:
        return []
    found = differences(last, goals_now(case.content, plan.record))
    # The status of a goal moves all the time; only what was agreed is agreed anew.
    return [change_words(d, words) for d in found if d.change is not Change.STATUS]


def change_words(difference: Difference, words: Words) -> str:
    """One difference as a sentence."""
    before, after = difference.before, difference.after
    if difference.change is Change.STATUS:
        before, after = (words.code(c, "goal_status") for c in (before, after))
    if difference.change is Change.TARGET:
        before, after = (partial_day(d, words) for d in (before, after))
    nothing = words.gettext("not stated")
    return words.gettext(_CHANGES[difference.change]) % {
        "goal": difference.goal,
        "before": before or nothing,
        "after": after or nothing,
    }


def _assessments(case: OpenCase, around: Around) -> list[tuple[Record, str, list[str]]]:
    """The newest assessment of each life area, in words."""
    newest = {r.text("area"): r for r in standing(case.content.of("assessment"))}
    sheet = SHEETS["assessment"]
    return [
        (
            record,
            area,
            [
                f"{label_of(sheet, slot.name, around.words)}: {said(slot, value, around)}"
                for slot in sheet.slots
                if slot.name != "area" and (value := record.values.get(slot.name))
            ],
        )
        for area, record in sorted(newest.items())
    ]


def _reviews(case: OpenCase) -> list[tuple[Record, object]]:
    found = standing(case.content.of("review"))
    return [(r, day_of(r, "reviewed_on")) for r in reversed(found)]


# -- Beginning, adding -------------------------------------------------------------------


def place_of(request: web.Request, case: OpenCase, record: RecordId) -> Place:
    """Where a form of the plan writes, as its page showed it."""
    form = form_of(request)
    return Place(
        case.file.id,
        record,
        form.number("_epoch"),
        form.number("_version"),
    )


async def _begin(request: web.Request) -> web.Response:
    form, parts, words = form_of(request), parts_of(request), words_of(request)
    case = await opened_case(request, case_id(request))
    chosen = [idea for name in form.all("idea") if (idea := find_idea(name))]
    ideas = [
        plans.Idea({"area": i.area, "text": i.text, "sign": i.sign}) for i in chosen
    ]
    place = place_of(request, case, RecordId(once(request, "plan")))
    try:
        await parts.run.write(
            plans.begin, parts.office, place, ideas, by=actor(request)
        )
    except StaleEpochError:
        return await stale(request, case.file.id)
    saved = words.gettext("The plan was begun as a draft.")
    return await see_other(request, f"/cases/{case.file.id}/plan", saved=saved)


async def _ask_goal(request: web.Request) -> web.Response:
    case = await opened_case(request, case_id(request))
    home = f"/cases/{case.file.id}/plan"
    if case.file.baton is not Baton.ACTIVE or current_plan(case.content) is None:
        return await see_other(request, home)
    idea = find_idea(request.query.get("idea", ""))
    filled = {"area": idea.area, "text": idea.text, "sign": idea.sign} if idea else {}
    values = shown(_NEW_GOAL, filled, await around_of(request, case))
    frame = {
        "_epoch": (str(case.file.epoch),),
        "_once": (new_once(request),),
    }
    return await _goal_page(request, case, Form({**values, **frame}))


async def _goal_page(
    request: web.Request, case: OpenCase, form: Form, *, status: int = 200
) -> web.Response:
    around = await around_of(request, case)
    return await case_page(
        request,
        "plan_goal.html",
        case,
        status=status,
        form=form,
        asked=asked(_NEW_GOAL, form, around),
        ideas=[
            (around.words.code(area, "area"), list(listed))
            for area, listed in groupby(goal_ideas(), key=lambda idea: idea.area)
        ],
    )


async def _add_goal(request: web.Request) -> web.Response:
    form, parts, words = form_of(request), parts_of(request), words_of(request)
    case = await opened_case(request, case_id(request))
    read = typed(_NEW_GOAL, {}, form, await around_of(request, case))
    if read.errors:
        return await _goal_page(
            request, case, form.with_errors(read.errors), status=422
        )
    goal = RecordId(once(request, "goal"))
    place = place_of(request, case, goal)
    idea = plans.Idea(read.values, goal)
    try:
        await parts.run.write(
            plans.add_goal, parts.office, place, idea, by=actor(request)
        )
    except StaleEpochError:
        lines = changes_said(_NEW_GOAL, {}, form, await around_of(request, case))
        return await stale(request, case.file.id, typed=lines)
    saved = words.gettext("The goal was added.")
    return await see_other(request, f"/cases/{case.file.id}/plan", saved=saved)


# -- Moving ------------------------------------------------------------------------------


def find_goal(case: OpenCase, text: str) -> Record:
    """The goal that a form names.

    Raises:
        NotFoundError: The case has none of this id.
    """
    for goal in standing(case.content.of("goal")):
        if goal.id == text:
            return goal
    raise NotFoundError("goal")


async def _move(request: web.Request) -> web.Response:
    """Set the status of one goal; FR-9 asks for a reason where a date moves."""
    form, words, parts = form_of(request), words_of(request), parts_of(request)
    case = await opened_case(request, case_id(request))
    goal = find_goal(case, form.text("goal"))
    status = form.text(f"status-{goal.id}")
    reason = form.text(f"reason-{goal.id}")
    if status not in GOAL_CHOICES:
        raise NotFoundError("status")
    place = place_of(request, case, goal.id)
    try:
        await parts.run.write(
            plans.move_goal,
            parts.office,
            place,
            status,
            reason or None,
            by=actor(request),
        )
    except InputError:
        why = words.gettext("Please add: why the goal is postponed or adapted.")
        wrong = form.with_errors({f"reason-{goal.id}": why})
        return await plan_page(request, case, wrong, status=422)
    except StaleEpochError:
        return await stale(request, case.file.id)
    except ConflictError:
        around = await around_of(request, case)
        mine = {
            **shown(SHEETS["goal"], goal.values, around),
            "status": (status,),
            "reason": (reason,),
        }
        return await conflict_page(request, case, SHEETS["goal"], goal, Form(mine))
    saved = words.gettext("Goal saved: %(status)s") % {
        "status": words.code(status, "goal_status")
    }
    return await see_other(request, f"/cases/{case.file.id}/plan", saved=saved)


async def _finish(request: web.Request) -> web.Response:
    form, parts, words = form_of(request), parts_of(request), words_of(request)
    case = await opened_case(request, case_id(request))
    named = ids([form.text("measure")], RecordId)
    if not named:
        raise NotFoundError("measure")
    place = place_of(request, case, named[0])
    try:
        await parts.run.write(
            plans.finish_measure, parts.office, place, by=actor(request)
        )
    except StaleEpochError:
        return await stale(request, case.file.id)
    saved = words.gettext("The measure is done.")
    return await see_other(request, f"/cases/{case.file.id}/plan", saved=saved)
