"""S4 Rechte: nothing of a person is deleted while a procedure needs it.

Enters: ground, reason and last day; why it ends. Leaves: the hold, seen on every page of
the case. Must never happen: a typed reason that is lost; a button where nothing can change.
Implements the field ``legal_hold`` of the field document, chapter 2.
"""

from datetime import date
from typing import Final

from aiohttp import web

from node.cases.codes import code_list
from node.cases.days import local_day
from node.casework.holding import (
    GROUNDS,
    Held,
    last_day,
    lift_hold,
    look_hold,
    set_hold,
)
from node.errors import InputError
from node.web.caseframe import case_id
from node.web.casework import actor, colleagues
from node.web.forms import Form
from node.web.frame import Route, form_of, page, parts_of, see_other, words_of
from node.web.language import msgid
from node.web.pages.cases import CASEWORKERS
from node.web.typed import typed_day
from node.web.wording import field_errors

_HINDRANCE: Final = msgid("A handover is under way. Please wait until it has ended.")
_WRONG: Final = {
    ("ground", "missing"): msgid("Please choose which procedure it is."),
    ("reason", "missing"): msgid("Please say why."),
    ("reason", "too_long"): msgid("The text is too long. Please shorten it."),
    ("until", "missing"): msgid("Please write the last day like 03.12.2026."),
    ("until", "past"): msgid("This day is over. Please write today or a later one."),
    ("until", "too_far"): msgid("Please write a day not later than %(day)s."),
}


def routes() -> list[Route]:
    """The addresses of a legal hold."""
    at = "/cases/{case}/rights/hold"
    return [
        Route("GET", at, _show, roles=CASEWORKERS),
        Route("POST", at, _set, roles=CASEWORKERS),
        Route("POST", f"{at}/lift", _lift, roles=CASEWORKERS),
    ]


async def _show(request: web.Request) -> web.Response:
    return await _page(request, Form())


async def _page(request: web.Request, form: Form, *, status: int = 200) -> web.Response:
    parts, words, case = parts_of(request), words_of(request), case_id(request)
    found: Held = await parts.run.read(look_hold, parts.office, case, by=actor(request))
    record = found.record
    names = await colleagues(request)
    by = record.recorded_by if record is not None else None
    return await page(
        request,
        "hold.html",
        status=status,
        form=form,
        held=found,
        until=date.fromisoformat(record.text("until")) if record else None,
        set_by=names.get(by, "") if by is not None else "",
        hindrance=words.gettext(_HINDRANCE) if found.hindrance else "",
        grounds=[
            (code, words.code(code, GROUNDS)) for code in code_list(GROUNDS).codes
        ],
        last_day=last_day(local_day(parts.clock.now())),
    )


async def _set(request: web.Request) -> web.Response:
    form, parts, words = form_of(request), parts_of(request), words_of(request)
    case = case_id(request)
    try:
        await parts.run.write(
            set_hold,
            parts.office,
            case,
            ground=form.text("ground"),
            reason=form.text("reason"),
            until=typed_day(form.text("until")),
            by=actor(request),
        )
    except InputError as error:
        return await _wrong(request, form, error)
    saved = words.gettext("Nothing of this person is deleted now.")
    return await see_other(request, f"/cases/{case}/rights/hold", saved=saved)


async def _lift(request: web.Request) -> web.Response:
    form, parts, words = form_of(request), parts_of(request), words_of(request)
    case = case_id(request)
    try:
        await parts.run.write(
            lift_hold,
            parts.office,
            case,
            reason=form.text("reason"),
            by=actor(request),
        )
    except InputError as error:
        return await _wrong(request, form, error)
    saved = words.gettext("The deletion stop has ended. What is due is deleted.")
    return await see_other(request, f"/cases/{case}/rights", saved=saved)


async def _wrong(request: web.Request, form: Form, error: InputError) -> web.Response:
    words = words_of(request)
    last = words.day(last_day(local_day(parts_of(request).clock.now())))
    errors = field_errors(error, _WRONG, words, day=last)
    return await _page(request, form.with_errors(errors), status=422)
