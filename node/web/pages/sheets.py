"""S4, one sheet of details: entered, changed, marked as a mistake.

Enters: a case, a sheet, what was typed. Leaves: the record as it shall stand. Must never
happen: another tab's version overwritten unseen (SC-11); a typed text lost because the case
went away meanwhile (SC-12); received history held against our rules (DO-29).
"""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Final

from aiohttp import web

from node.cases.model import Baton, Former, Record
from node.casework.records import (
    Place,
    add_record,
    change_record,
    former_versions,
    void_record,
)
from node.errors import ConflictError, NotFoundError, StaleEpochError
from node.ids import RecordId
from node.report.casepage import standing
from node.strictjson import Json
from node.web.caseframe import case_id, case_page
from node.web.casesheet import (
    around_of,
    has_left,
    places_along,
    who_lives_along,
)
from node.web.casework import (
    OpenCase,
    actor,
    colleagues,
    new_once,
    once,
    opened_case,
    stale,
)
from node.web.forms import Form
from node.web.frame import Route, form_of, parts_of, path_id, see_other, words_of
from node.web.pages.cases import CASEWORKERS
from node.web.recordfields import HISTORIES, SHEETS, Look, Sheet
from node.web.recordforms import changes_said, differing, first_field, joined, typed
from node.web.recordtexts import asked, label_of, said, shown
from node.web.typed import shown_day

_PLAN: Final = "K10"
_TODAY: Final = {
    "assessment": "assessed_on",
    "care": "valid_from",
    "protection": "valid_from",
}
"""Days that are proposed for a new record."""


def routes() -> list[Route]:
    """The addresses of the sheets."""
    one = "/cases/{case}/details/{sheet}"
    return [
        Route("GET", one, _ask, roles=CASEWORKERS),
        Route("POST", one, _add, roles=CASEWORKERS),
        Route("GET", f"{one}/{{record}}", _open, roles=CASEWORKERS),
        Route("POST", f"{one}/{{record}}", _change, roles=CASEWORKERS),
        Route("POST", f"{one}/{{record}}/void", _void, roles=CASEWORKERS),
        # Where "open the page again" leads after the form met a conflict.
        Route("GET", f"{one}/{{record}}/void", _back, roles=CASEWORKERS),
    ]


async def _back(request: web.Request) -> web.Response:
    return await see_other(request, request.path.removesuffix("/void"))


def sheet_of(request: web.Request) -> Sheet:
    """The sheet in the address.

    Raises:
        NotFoundError: There is none of this name.
    """
    sheet = SHEETS.get(request.match_info["sheet"])
    if sheet is None:
        raise NotFoundError("sheet")
    return sheet


def home_of(case: OpenCase, sheet: Sheet) -> str:
    """The page on which a sheet stands."""
    return f"/cases/{case.file.id}/{'plan' if sheet.category == _PLAN else 'details'}"


async def _ask(request: web.Request) -> web.Response:
    sheet = sheet_of(request)
    case = await opened_case(request, case_id(request))
    if case.file.baton is not Baton.ACTIVE:
        return await see_other(request, home_of(case, sheet))
    around = await around_of(request, case)
    values = shown(sheet, {}, around)
    if sheet.id in _TODAY:
        values[_TODAY[sheet.id]] = (shown_day(around.on),)
    frame = {
        "_epoch": (str(case.file.epoch),),
        "_once": (new_once(request),),
        "_goal": (request.query.get("goal", ""),),
    }
    return await sheet_page(request, case, sheet, Form({**values, **frame}))


async def sheet_page(
    request: web.Request,
    case: OpenCase,
    sheet: Sheet,
    form: Form,
    *,
    record: Record | None = None,
    status: int = 200,
) -> web.Response:
    """A sheet as a form, for a new record or a present one."""
    around = await around_of(request, case)
    words = around.words
    at = f"/cases/{case.file.id}/details/{sheet.id}"
    return await case_page(
        request,
        "record_form.html",
        case,
        status=status,
        form=form,
        title=words.gettext(sheet.title),
        asked=asked(sheet, form, around),
        needed=[words.gettext("family name or given names")]
        if sheet.id == "name"
        else [label_of(sheet, s.name, words) for s in sheet.slots if s.needed],
        action=f"{at}/{record.id}" if record else at,
        record=record,
        along=[] if record else await who_lives_along(request, case, sheet),
        can_void=record is not None and not sheet.is_single and sheet.kind != "plan",
        home=home_of(case, sheet),
    )


async def _add(request: web.Request) -> web.Response:
    sheet, form = sheet_of(request), form_of(request)
    case = await opened_case(request, case_id(request))
    if sheet.id not in HISTORIES | {"measure", "assessment"}:
        raise NotFoundError("sheet")
    around = await around_of(request, case)
    read = typed(sheet, {}, form, around)
    errors, values = dict(read.errors), dict(read.values)
    if not values and not errors:
        sentence = around.words.gettext("Please fill this in.")
        errors = {first_field(sheet.slots[0]): sentence}
    if errors:
        form = form.with_errors(errors)
        return await sheet_page(request, case, sheet, form, status=422)
    if sheet.id == "measure":
        goals = {str(goal.id) for goal in case.content.of("goal")}
        if form.text("_goal") not in goals:
            raise NotFoundError("goal")
        values |= {
            "goal": form.text("_goal"),
            "status": values.get("status", "planned"),
        }
    place = Place(
        case.file.id, RecordId(once(request, sheet.id)), form.number("_epoch")
    )
    return await _save(request, case, sheet, place, values, kind=sheet.kind)


async def _save(
    request: web.Request,
    case: OpenCase,
    sheet: Sheet,
    place: Place,
    values: Mapping[str, Json],
    *,
    kind: str = "",
) -> web.Response:
    parts = parts_of(request)
    try:
        if kind:
            along = await places_along(request, case, sheet)
            await parts.run.write(
                partial(add_record, along=along, by=actor(request)),
                parts.office,
                place,
                kind,
                values,
            )
        else:
            await parts.run.write(
                change_record, parts.office, place, values, by=actor(request)
            )
    except StaleEpochError:
        return await _stale(request, case, sheet, place)
    words = words_of(request)
    saved = words.gettext("Saved: %(what)s") % {"what": words.gettext(sheet.title)}
    if has_left(request, sheet, values):
        asks = words.gettext("Another office answers for this place. Is it a move?")
        onward = f"/relocations/new?case={case.file.id}"
        return await see_other(request, onward, saved=f"{saved}. {asks}")
    return await see_other(request, home_of(case, sheet), saved=saved)


async def _stale(
    request: web.Request, case: OpenCase, sheet: Sheet, place: Place
) -> web.Response:
    """The case moved on; what was typed stands in a box, field by field (SC-12)."""
    stored = [r.values for r in case.content.of(sheet.kind) if r.id == place.record]
    around = await around_of(request, case)
    form = form_of(request)
    lines = changes_said(sheet, stored[0] if stored else {}, form, around)
    return await stale(request, case.file.id, typed=lines)


# -- Changing ----------------------------------------------------------------------------


def _found(request: web.Request, case: OpenCase, sheet: Sheet) -> Record:
    wanted = path_id(request, "record", RecordId)
    for record in standing(case.content.of(sheet.kind)):
        if record.id == wanted and sheet.kind != "protection":
            return record
    raise NotFoundError("record")


async def _open(request: web.Request) -> web.Response:
    sheet = sheet_of(request)
    case = await opened_case(request, case_id(request))
    record = _found(request, case, sheet)
    if case.file.baton is not Baton.ACTIVE:
        return await see_other(request, home_of(case, sheet))
    around = await around_of(request, case)
    frame = {
        "_epoch": (str(case.file.epoch),),
        "_version": (str(record.version),),
    }
    form = Form({**shown(sheet, record.values, around), **frame})
    return await sheet_page(request, case, sheet, form, record=record)


async def _change(request: web.Request) -> web.Response:
    sheet, form = sheet_of(request), form_of(request)
    case = await opened_case(request, case_id(request))
    record = _found(request, case, sheet)
    around = await around_of(request, case)
    if form.number("_epoch") != case.file.epoch:
        return await _stale(request, case, sheet, Place(case.file.id, record.id, 0))
    if form.number("_version") != record.version:
        return await conflict_page(request, case, sheet, record, form)
    read = typed(sheet, record.values, form, around)
    if read.errors:
        form = form.with_errors(read.errors)
        return await sheet_page(request, case, sheet, form, record=record, status=422)
    place = Place(case.file.id, record.id, case.file.epoch, record.version)
    try:
        return await _save(request, case, sheet, place, read.values)
    except ConflictError:
        # Race: the other tab saved between our look and our save.
        case = await opened_case(request, case.file.id)
        now = _found(request, case, sheet)
        return await conflict_page(request, case, sheet, now, form)


async def conflict_page(
    request: web.Request,
    case: OpenCase,
    sheet: Sheet,
    record: Record,
    form: Form,
) -> web.Response:
    """Somebody was faster: both versions side by side, nothing is overwritten (SC-11)."""
    around = await around_of(request, case)
    base = await _as_it_was(request, record, form.number("_version"))
    mine = joined(sheet, base, record.values, form, around)
    differ = differing(sheet, mine, record.values, around)
    names = await colleagues(request)
    own = typed(sheet, record.values, mine, around).values
    kept: dict[str, object] = {
        **{n: list(t) for n, t in mine.values.items() if not n.startswith("_")},
        "_epoch": case.file.epoch,
        "_version": record.version,
    }
    united = {
        slot.name: f"{record.text(slot.name)}\n\n{mine.text(slot.name)}"
        for slot in differ
        if slot.look is Look.LONG and record.text(slot.name) and mine.text(slot.name)
    }
    at = f"/cases/{case.file.id}/details/{sheet.id}/{record.id}"
    return await case_page(
        request,
        "record_conflict.html",
        case,
        status=409,
        title=around.words.gettext(sheet.title),
        rows=[
            (
                label_of(sheet, slot.name, around.words),
                said(slot, own.get(slot.name), around),
                said(slot, record.values.get(slot.name), around),
            )
            for slot in differ
        ],
        who=names.get(record.recorded_by, "") if record.recorded_by else "",
        at=record.recorded_at,
        action=at,
        kept=kept,
        united=kept | united if united else {},
        home=home_of(case, sheet),
    )


async def _as_it_was(
    request: web.Request, record: Record, version: int
) -> Mapping[str, Json]:
    """The values of the version that the page showed."""
    _, former = await former_of(request, record)
    return next(
        (f.record.values for f in former if f.record.version == version), record.values
    )


async def former_of(
    request: web.Request, record: Record
) -> tuple[Record, Sequence[Former]]:
    """A record and every earlier version of it."""
    return await parts_of(request).run.read(
        former_versions, record.case, record.id, by=actor(request)
    )


async def _void(request: web.Request) -> web.Response:
    sheet, form, words = sheet_of(request), form_of(request), words_of(request)
    case = await opened_case(request, case_id(request))
    record = _found(request, case, sheet)
    if sheet.is_single or sheet.kind == "plan":
        raise NotFoundError("record")
    if not form.text("void_reason").strip():
        around = await around_of(request, case)
        again = Form({**shown(sheet, record.values, around), **form.values})
        wrong = {"void_reason": words.gettext("Please add: why it was a mistake.")}
        return await sheet_page(
            request, case, sheet, again.with_errors(wrong), record=record, status=422
        )
    place = Place(
        case.file.id,
        record.id,
        form.number("_epoch"),
        form.number("_version"),
    )
    parts = parts_of(request)
    try:
        await parts.run.write(
            void_record,
            parts.office,
            place,
            reason=form.text("void_reason"),
            by=actor(request),
        )
    except StaleEpochError:
        return await stale(request, case.file.id)
    saved = words.gettext("Marked as a mistake: %(what)s") % {
        "what": words.gettext(sheet.title)
    }
    return await see_other(request, home_of(case, sheet), saved=saved)
