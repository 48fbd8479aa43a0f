"""Wiedervorlagen: done, moved, and taken back, each by one button.

Enters: a follow-up of an own case. Leaves: the follow-up with its new day or its end, and
the line that takes it back. Must never happen: a record of another kind changed here.
Implements screens S2 (one action per row).
"""

from dataclasses import replace
from datetime import date, timedelta
from typing import Final

from aiohttp import web

from node.accounts.policy import Actor
from node.cases.model import Record
from node.casework.cases import own_case, save_record
from node.errors import NotFoundError, StaleEpochError
from node.ids import CaseId, RecordId
from node.report.readings import ReadingUnit
from node.strictjson import Json
from node.web.casework import actor, stale, today
from node.web.frame import Route, form_of, parts_of, see_other, words_of
from node.web.pages.cases import CASEWORKERS
from node.web.session import Undo
from node.web.typed import ids
from node.web.workgroups import DONE, MOVE, UNDO

_WEEK: Final = timedelta(days=7)


def routes() -> list[Route]:
    """The addresses of follow-ups."""
    return [
        Route("POST", DONE, _done, roles=CASEWORKERS),
        Route("POST", MOVE, _move, roles=CASEWORKERS),
        Route("POST", UNDO, _undo, roles=CASEWORKERS),
    ]


async def _done(request: web.Request) -> web.Response:
    record, epoch = await _asked(request)
    day = today(request).isoformat()
    said = words_of(request).gettext("Done.")
    return await _save(request, record, epoch, {"done_on": day}, said=said)


async def _move(request: web.Request) -> web.Response:
    """A week later; what is overdue, a week from today."""
    record, epoch = await _asked(request)
    words, on = words_of(request), today(request)
    due = max(_day(record.text("due")) or on, on) + _WEEK
    said = words.gettext("Moved to %(day)s.") % {"day": words.day(due)}
    return await _save(request, record, epoch, {"due": due.isoformat()}, said=said)


async def _undo(request: web.Request) -> web.Response:
    record, epoch = await _asked(request)
    form = form_of(request)
    due, done_on = _day(form.text("due")), _day(form.text("done_on"))
    if due is None:
        raise NotFoundError("record")
    said = words_of(request).gettext("Taken back.")
    values = {"due": due.isoformat(), "done_on": done_on.isoformat() if done_on else ""}
    return await _save(request, record, epoch, values, said=said)


async def _asked(request: web.Request) -> tuple[Record, int]:
    """The follow-up that the form names, and the epoch of its case."""
    form = form_of(request)
    cases, records = (
        ids([form.text("case")], CaseId),
        ids([form.text("record")], RecordId),
    )
    if not cases or not records:
        raise NotFoundError("record")
    return await parts_of(request).run.read(
        _follow_up, cases[0], records[0], by=actor(request)
    )


def _follow_up(
    uow: ReadingUnit, case: CaseId, record: RecordId, *, by: Actor
) -> tuple[Record, int]:
    file = own_case(uow, by, case, "case.read")
    found = uow.cases.record(case, record)
    if found.kind != "follow_up":
        raise NotFoundError("record")
    return found, file.epoch


async def _save(
    request: web.Request,
    record: Record,
    epoch: int,
    changed: dict[str, Json],
    *,
    said: str,
) -> web.Response:
    parts, is_undo = parts_of(request), request.path == UNDO
    values = {n: v for n, v in {**record.values, **changed}.items() if v != ""}
    try:
        await parts.run.write(
            save_record,
            parts.office,
            replace(record, values=values),
            epoch=epoch,
            by=actor(request),
        )
    except StaleEpochError:
        return await stale(request, record.case)
    before = {
        "case": str(record.case),
        "record": str(record.id),
        "due": record.text("due"),
        "done_on": record.text("done_on"),
    }
    undo = None if is_undo else Undo(UNDO, before)
    return await see_other(request, "/work", saved=said, undo=undo)


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
