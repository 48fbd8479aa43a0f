"""S4 Fall: the person at a glance, the history below; the handovers of the case.

Enters: a case id. Leaves: what its caseworker may see. Must never happen: an entry of
another office shown as our own (FR-8).
"""

from collections.abc import Mapping

from aiohttp import web

from node.ids import CaseId
from node.report.casepage import Entry, added_notes, origin_of, timeline
from node.report.readings import PersonRow
from node.web.caseframe import case_id, case_page
from node.web.casework import (
    OpenCase,
    body_name,
    colleagues,
    household_of,
    opened_case,
    recipient_name,
)
from node.web.frame import Route, parts_of, words_of
from node.web.language import Words
from node.web.pages.cases import CASEWORKERS
from node.web.wording import state_words


def routes() -> list[Route]:
    """The addresses of one case, without documents and consents."""
    return [
        Route("GET", "/cases/{case}", _history, roles=CASEWORKERS),
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
