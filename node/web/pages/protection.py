"""S4, a protection flag that shall end: asked by one, agreed by another.

Enters: the flag in the address. Leaves: the request, then the second person's word. Must
never happen: the second person sees more of the case than the flag and the request; who
asked decides (FR-16, chapter 6 of the field document).
"""

from aiohttp import web

from node.cases.model import Record
from node.casework.protections import (
    Lift,
    ask_lift,
    decide_lift,
    lift_of,
    open_lift,
)
from node.casework.records import Place
from node.errors import InputError, NotFoundError, StaleEpochError
from node.ids import CaseId, RecordId
from node.report.casepage import standing
from node.web.caseframe import case_id, case_page
from node.web.casework import (
    OpenCase,
    actor,
    colleagues,
    opened_case,
    people_of,
    stale,
)
from node.web.forms import Form
from node.web.frame import (
    Route,
    account_of,
    form_of,
    page,
    parts_of,
    path_id,
    see_other,
    words_of,
)
from node.web.pages.cases import CASEWORKERS


def routes() -> list[Route]:
    """The addresses of a flag that shall end."""
    at = "/cases/{case}/protection/{record}"
    return [
        Route("GET", at, _show, roles=CASEWORKERS),
        Route("POST", at, _ask, roles=CASEWORKERS),
        Route("GET", f"{at}/second", _second, roles=CASEWORKERS),
        Route("POST", f"{at}/second", _decide, roles=CASEWORKERS),
    ]


def _flag(request: web.Request, case: OpenCase) -> Record:
    wanted = path_id(request, "record", RecordId)
    for record in standing(case.content.of("protection")):
        if record.id == wanted:
            return record
    raise NotFoundError("protection")


async def _show(request: web.Request) -> web.Response:
    case = await opened_case(request, case_id(request))
    return await _ask_page(request, case, Form())


async def _ask_page(
    request: web.Request, case: OpenCase, form: Form, *, status: int = 200
) -> web.Response:
    parts, flag = parts_of(request), _flag(request, case)
    names = await colleagues(request)
    lift = lift_of(flag, parts.clock.now())
    return await case_page(
        request,
        "protection_lift.html",
        case,
        status=status,
        form=form,
        flag=flag,
        lift=lift,
        who=names.get(lift.asked_by, "") if lift else "",
        second=f"/cases/{case.file.id}/protection/{flag.id}/second",
    )


async def _ask(request: web.Request) -> web.Response:
    form, parts, words = form_of(request), parts_of(request), words_of(request)
    case = await opened_case(request, case_id(request))
    flag = _flag(request, case)
    place = Place(case.file.id, flag.id, form.number("_epoch"))
    try:
        await parts.run.write(
            ask_lift, parts.office, place, reason=form.text("reason"), by=actor(request)
        )
    except InputError:
        wrong = {"reason": words.gettext("Please add: why the flag shall end.")}
        return await _ask_page(request, case, form.with_errors(wrong), status=422)
    except StaleEpochError:
        return await stale(request, case.file.id)
    saved = words.gettext("A second person is asked. The flag stands until then.")
    onward = f"/cases/{case.file.id}/protection/{flag.id}"
    return await see_other(request, onward, saved=saved)


async def _second(request: web.Request) -> web.Response:
    parts = parts_of(request)
    case, record = case_id(request), path_id(request, "record", RecordId)
    lift = await parts.run.read(
        open_lift, parts.office, case, record, by=actor(request)
    )
    return await _second_page(request, case, lift)


async def _second_page(request: web.Request, case: CaseId, lift: Lift) -> web.Response:
    person = (await people_of(request)).find(case)
    names = await colleagues(request)
    return await page(
        request,
        "protection_second.html",
        case=case,
        lift=lift,
        name=person.name if person else "",
        who=names.get(lift.asked_by, ""),
        is_mine=lift.asked_by == account_of(request).id,
    )


async def _decide(request: web.Request) -> web.Response:
    form, parts, words = form_of(request), parts_of(request), words_of(request)
    place = Place(
        case_id(request),
        path_id(request, "record", RecordId),
        form.number("_epoch"),
        form.number("_version"),
    )
    agrees = form.text("answer") == "yes"
    await parts.run.write(
        decide_lift, parts.office, place, agrees=agrees, by=actor(request)
    )
    saved = (
        words.gettext("The flag has ended.")
        if agrees
        else words.gettext("The flag stands.")
    )
    return await see_other(request, "/work", saved=saved)
