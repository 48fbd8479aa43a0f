"""S4, the details of a case as they are read, and how each of them read before.

Enters: a case. Leaves: what is known by category; every earlier version of one entry. Must
never happen: an earlier text that nobody can read any more (DO-10); a code shown as if it
were known (SC-24).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from aiohttp import web

from node.cases.dictionary import DICTIONARY
from node.cases.model import Record
from node.errors import NotFoundError
from node.ids import RecordId
from node.report.casepage import standing
from node.web.caseframe import case_id, case_page, is_minor
from node.web.casesheet import around_of
from node.web.casework import OpenCase, colleagues, opened_case
from node.web.frame import Route, path_id
from node.web.pages.casefile import bodies
from node.web.pages.cases import CASEWORKERS
from node.web.pages.sheets import former_of
from node.web.recordfields import DETAILS, HISTORIES, SHEETS, Sheet
from node.web.recordtexts import Around, label_of, said
from node.web.wording import fact_label, fact_value

_DAYS: Final = ("valid_from", "move_in", "assessed_on", "completed_on")
_OTHERS: Final = ("follow_up", "handover_note")


def routes() -> list[Route]:
    """The addresses of the details."""
    return [
        Route("GET", "/cases/{case}/details", _show, roles=CASEWORKERS),
        Route("GET", "/cases/{case}/records/{record}", _versions, roles=CASEWORKERS),
    ]


# -- Reading -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Shown:
    """One record on the page of details: its facts, and where it is changed."""

    record: Record
    title: str
    facts: Sequence[tuple[str, str]]
    change: str
    lift: str
    earlier: str
    is_single: bool


async def _show(request: web.Request) -> web.Response:
    case = await opened_case(request, case_id(request))
    around = await around_of(request, case)
    words = around.words
    sections: dict[str, tuple[list[Shown], list[tuple[str, str]]]] = {}
    for sheet in DETAILS:
        shown_here, more = sections.setdefault(sheet.category, ([], []))
        records = _records(case, sheet)
        items = [one for r in records if (one := _item(r, sheet, around)).facts]
        shown_here += items
        is_for_others = sheet.id == "childcare" and not (
            items or is_minor(case, around.on)
        )
        if not is_for_others and (sheet.id in HISTORIES or not items):
            place = str(records[0].id) if sheet.is_single and records else ""
            address = f"/cases/{case.file.id}/details/{sheet.id}"
            more.append(
                (words.gettext(sheet.title), f"{address}/{place}" if place else address)
            )
    sections["K16"] = ([_other(r, around) for r in _open_notes(case)], [])
    return await case_page(
        request,
        "case_details.html",
        case,
        sections=[
            (words.code(category, "category"), items, more)
            for category, (items, more) in sorted(sections.items())
            if items or more
        ],
        bodies=bodies(request, case),
    )


def _records(case: OpenCase, sheet: Sheet) -> list[Record]:
    """The records of a sheet, the newest first; a day that is unknown is the oldest."""
    return sorted(
        standing(case.content.of(sheet.kind)),
        key=lambda record: (
            max((record.text(name) for name in _DAYS), default=""),
            record.recorded_at,
        ),
        reverse=True,
    )


def _open_notes(case: OpenCase) -> list[Record]:
    found = [r for kind in _OTHERS for r in standing(case.content.of(kind))]
    return [r for r in found if not r.values.get("done_on")]


def _item(record: Record, sheet: Sheet, around: Around) -> Shown:
    facts = [
        (label_of(sheet, slot.name, around.words), said(slot, value, around))
        for slot in sheet.slots
        if (value := record.values.get(slot.name)) not in (None, "", [], False)
    ]
    at = f"/cases/{record.case}"
    is_flag = sheet.kind == "protection"
    return Shown(
        record=record,
        title=around.words.gettext(sheet.title),
        facts=facts,
        change="" if is_flag else f"{at}/details/{sheet.id}/{record.id}",
        lift=f"{at}/protection/{record.id}" if is_flag else "",
        earlier=f"{at}/records/{record.id}" if record.version > 1 else "",
        is_single=sheet.is_single,
    )


def _other(record: Record, around: Around) -> Shown:
    facts = [
        (label, fact_value(record, name, around.words))
        for name in DICTIONARY[record.kind]
        if (label := fact_label(name, around.words))
        and record.values.get(name) not in (None, "", [], False)
    ]
    return Shown(record, "", facts, "", "", "", is_single=True)


# -- Earlier versions --------------------------------------------------------------------


async def _versions(request: web.Request) -> web.Response:
    """How an entry read before it was changed (DO-10)."""
    case = await opened_case(request, case_id(request))
    wanted = path_id(request, "record", RecordId)
    record = next((r for r in case.content.records if r.id == wanted), None)
    if record is None:
        raise NotFoundError("record")
    now, former = await former_of(request, record)
    around = await around_of(request, case)
    names = await colleagues(request)
    states = [
        (f.record, f.superseded_at)
        for f in sorted(former, key=lambda f: -f.record.version)
    ]
    return await case_page(
        request,
        "record_versions.html",
        case,
        states=[
            (
                state,
                names.get(state.recorded_by, "") if state.recorded_by else "",
                until,
                _facts(state, around),
            )
            for state, until in [(now, None), *states]
        ],
        home=f"/cases/{case.file.id}",
    )


def _facts(record: Record, around: Around) -> list[tuple[str, str]]:
    """Every field of a record that pages have a word for."""
    known = {
        slot.name: (label_of(sheet, slot.name, around.words), slot)
        for sheet in SHEETS.values()
        if sheet.kind == record.kind
        for slot in sheet.slots
    }
    found = []
    for name in DICTIONARY.get(record.kind, {}):
        value = record.values.get(name)
        if value in (None, "", [], False):
            continue
        if name in known:
            label, slot = known[name]
            found.append((label, said(slot, value, around)))
        elif label := fact_label(name, around.words):
            found.append((label, fact_value(record, name, around.words)))
    return found
