"""S4 Fall: the person at a glance, the history below; the pages around it.

Enters: a case id. Leaves: what its caseworker may see. Must never happen: an address shown
to somebody in the household it is blocked from (FR-16), or a form for a case that is not
editable here.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from aiohttp import web

from node.cases.codes import code_list
from node.cases.dictionary import DICTIONARY
from node.casework.cases import goal_with_status, save_record
from node.errors import InputError, NotFoundError, StaleEpochError
from node.ids import CaseId
from node.report.casepage import (
    Entry,
    added_notes,
    current_plan,
    origin_of,
    standing,
    timeline,
)
from node.report.readings import PersonRow
from node.web.caseframe import age, case_id, case_page
from node.web.casework import (
    OpenCase,
    actor,
    body_name,
    colleagues,
    household_of,
    opened_case,
    recipient_name,
    stale,
    today,
)
from node.web.forms import Form
from node.web.frame import Route, form_of, parts_of, see_other, words_of
from node.web.language import Words
from node.web.pages.cases import CASEWORKERS
from node.web.wording import GOAL_CHOICES, fact_label, fact_value, state_words

_CLOCK_WARNING: Final = timedelta(days=90)
_SECTIONS: Final = (
    ("K01", ("person",)),
    ("K03", ("residence", "residence_condition")),
    ("K04", ("language", "course")),
    ("K05", ("education",)),
    ("K06", ("employment",)),
    ("K07", ("accommodation",)),
    ("K08", ("childcare_school",)),
    ("K15", ("third_person",)),
    ("K16", ("follow_up", "handover_note")),
)


def routes() -> list[Route]:
    """The addresses of one case, without documents and consents."""
    return [
        Route("GET", "/cases/{case}", _history, roles=CASEWORKERS),
        Route("GET", "/cases/{case}/plan", _plan, roles=CASEWORKERS),
        Route("POST", "/cases/{case}/plan", _move_goal, roles=CASEWORKERS),
        Route("GET", "/cases/{case}/details", _details, roles=CASEWORKERS),
        Route("GET", "/cases/{case}/household", _household, roles=CASEWORKERS),
        Route("GET", "/cases/{case}/transfers", _transfers, roles=CASEWORKERS),
    ]


# -- The pages ---------------------------------------------------------------------------


async def _history(request: web.Request) -> web.Response:
    case = await opened_case(request, case_id(request))
    kind = request.query.get("only", "")
    months = timeline(case.content)
    kinds = sorted({entry.kind for month in months for entry in month.entries})
    if kind:
        months = tuple(
            type(month)(month.first, tuple(e for e in month.entries if e.kind == kind))
            for month in months
            if any(e.kind == kind for e in month.entries)
        )
    members = {p.case: p for p in await household_of(request, case.person)}
    return await case_page(
        request,
        "case_history.html",
        case,
        added=() if kind else added_notes(case.content),
        months=months,
        kinds=[
            (
                words_of(request).code(name, "contact_kind"),
                f"/cases/{case.file.id}?only={name}",
                None,
                name == kind,
            )
            for name in kinds
        ],
        kind=kind,
        colleagues=await colleagues(request),
        with_whom={
            entry.id: _with_whom(entry, members, words_of(request))
            for month in months
            for entry in month.entries
            if entry.with_cases
        },
        bodies=bodies(request, case),
        plan=current_plan(case.content),
    )


def _with_whom(entry: Entry, members: Mapping[CaseId, PersonRow], words: Words) -> str:
    """Who else took part: names of the household, else a number."""
    names = [members[case].name for case in entry.with_cases if case in members]
    if names:
        return words.gettext("Together with %(who)s") % {"who": ", ".join(names)}
    count = len(entry.with_cases)
    return words.ngettext(
        "Together with %(num)s more person", "Together with %(num)s more people", count
    ) % {"num": count}


def bodies(request: web.Request, case: OpenCase) -> Mapping[str, str]:
    """Names of the bodies that records of this case came from."""
    parts = parts_of(request)
    members = {origin_of(record) for record in case.content.records} - {None}
    return {str(member): body_name(parts, member) for member in members}


async def _plan(request: web.Request) -> web.Response:
    return await _plan_page(
        request, await opened_case(request, case_id(request)), Form()
    )


async def _plan_page(
    request: web.Request, case: OpenCase, form: Form, *, status: int = 200
) -> web.Response:
    words = words_of(request)
    return await case_page(
        request,
        "case_plan.html",
        case,
        status=status,
        plan=current_plan(case.content),
        form=form,
        choices=[(code, words.code(code, "goal_status")) for code in GOAL_CHOICES],
        reasons=_codes(words, "goal_reason"),
        bodies=bodies(request, case),
    )


def _codes(words: Words, name: str) -> list[tuple[str, str]]:
    return [(code, words.code(code, name)) for code in code_list(name).codes]


async def _move_goal(request: web.Request) -> web.Response:
    """Set the status of one goal; FR-9 asks for a reason where a date moves."""
    form, words, parts = form_of(request), words_of(request), parts_of(request)
    case = await opened_case(request, case_id(request))
    goal = next(
        (g for g in case.content.of("goal") if str(g.id) == form.text("goal")), None
    )
    status = form.text("status")
    if goal is None or status not in GOAL_CHOICES:
        raise NotFoundError("goal")
    try:
        moved = goal_with_status(
            goal,
            status,
            form.text("reason") or None,
            at=parts.clock.now(),
            by=actor(request).account,
        )
    except InputError:
        missing = {
            "reason": words.gettext("Please add: why the goal is postponed or adapted.")
        }
        return await _plan_page(request, case, form.with_errors(missing), status=422)
    try:
        await parts.run.write(
            save_record,
            parts.office,
            moved,
            epoch=int(form.text("_epoch") or 0),
            by=actor(request),
        )
    except StaleEpochError:
        return await stale(request, case.file.id)
    saved = words.gettext("Goal saved: %(status)s") % {
        "status": words.code(status, "goal_status")
    }
    return await see_other(request, f"/cases/{case.file.id}/plan", saved=saved)


async def _details(request: web.Request) -> web.Response:
    case = await opened_case(request, case_id(request))
    words = words_of(request)
    sections = []
    for category, kinds in _SECTIONS:
        items = [
            (
                record,
                [
                    (fact_label(name, words), fact_value(record, name, words))
                    for name in DICTIONARY[record.kind]
                    if fact_label(name, words)
                    and record.values.get(name) not in (None, "", [], False)
                ],
            )
            for kind in kinds
            for record in standing(case.content.of(kind))
            if not record.values.get("done_on")
        ]
        items = [(record, facts) for record, facts in items if facts]
        if items:
            sections.append((words.code(category, "category"), items))
    return await case_page(
        request,
        "case_details.html",
        case,
        sections=sections,
        bodies=bodies(request, case),
    )


async def _household(request: web.Request) -> web.Response:
    case = await opened_case(request, case_id(request))
    others = await household_of(request, case.person)
    words, on = words_of(request), today(request)
    return await case_page(
        request,
        "case_household.html",
        case,
        members=[
            (person, person.household_role, age(person, on, words))
            for person in (case.person, *others)
        ],
        me=actor(request).account,
        guardians=[person for person in others if str(person.case) in _guardians(case)],
        custody=case.content.person.text("custody") if case.content.person else "",
    )


def _guardians(case: OpenCase) -> set[str]:
    person = case.content.person
    value = person.values.get("guardians") if person else None
    return (
        {item for item in value if isinstance(item, str)}
        if isinstance(value, list)
        else set()
    )


async def _transfers(request: web.Request) -> web.Response:
    case = await opened_case(request, case_id(request))
    parts = parts_of(request)
    return await case_page(
        request,
        "case_transfers.html",
        case,
        transfers=[
            (transfer, recipient_name(parts, transfer), state_words(transfer))
            for transfer in reversed(case.transfers)
        ],
        came_from=body_name(parts, case.file.came_from),
    )
