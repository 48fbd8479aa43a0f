"""S13 Berichte: numbers that explain themselves, on screen and as files.

Enters: which report, of which days, for whom. Leaves: the page, CSV, XLSX and PDF of one view;
behind a number the reader's own cases. Must never happen: a number that the audience must
not see; a case of somebody else. Implements flow H, SC-59 to SC-61, DO-2, DO-37, DO-40.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final
from urllib.parse import urlencode

from aiohttp import web

from node.accounts.model import Role
from node.casework import reporting
from node.casework.reporting import sees_rows
from node.errors import NotFoundError
from node.ids import AccountId
from node.report.csvtable import csv_bytes
from node.report.definition import LAND, Audience, definitions
from node.report.periods import years_offered
from node.report.seen import seen_by
from node.report.sheet import Kind, Sheet
from node.report.snapshot import Snapshot, Template
from node.report.tables import TOTAL, Table
from node.web.casework import actor, colleagues, new_once, people_of, today
from node.web.download import given
from node.web.frame import Route, account_of, page, parts_of, words_of
from node.web.pages.cases import PAGE
from node.web.printing import german, printed
from node.web.proofcells import proof_values, refusal_words
from node.web.prooffile import Refusal, fill
from node.web.reportpaper import report_blocks
from node.web.reportview import (
    EARLY,
    HIDES,
    Asked,
    Shown,
    address_of,
    asked,
    shown,
)
from node.web.reportwords import audience_name
from node.web.spreadsheet_out import XLSX_TYPE, xlsx_bytes
from node.web.typed import page_number

_CASEWORKERS: Final = frozenset({Role.CASEWORKER})
_CSV_TYPE: Final = "text/csv"


def routes() -> list[Route]:
    """The addresses of reports."""
    at = "/reports/{report}"
    return [
        Route("GET", "/reports", _list),
        Route("GET", at, _show),
        Route("GET", at + "/csv", _csv),
        Route("GET", at + "/xlsx", _xlsx),
        Route("GET", at + "/pdf", _pdf),
        Route("GET", at + "/cases", _cases, roles=_CASEWORKERS),
        Route("GET", at + "/narrative", _narrative),
    ]


async def _list(request: web.Request) -> web.Response:
    language = words_of(request).language
    return await page(
        request,
        "reports.html",
        reports=[
            (
                report.title.of(language),
                report.about.of(language),
                f"/reports/{address_of(report)}",
            )
            for report in definitions()
        ],
        may_define=Role.ADMINISTRATOR in account_of(request).roles,
    )


async def _counted(request: web.Request, wanted: Asked) -> Table:
    parts = parts_of(request)
    return await parts.run.read(
        reporting.run, wanted.wish, parts.clock.now(), by=actor(request)
    )


async def _show(request: web.Request) -> web.Response:
    return await report_page(
        request, await asked(request, request.match_info["report"])
    )


async def report_page(
    request: web.Request,
    wanted: Asked,
    *,
    refusal: Refusal | None = None,
    status: int = 200,
) -> web.Response:
    """The page of a report."""
    words, by, parts = words_of(request), actor(request), parts_of(request)
    table = await _counted(request, wanted)
    seen = await shown(request, table, wanted.audience)
    kept, template = await parts.run.read(_kept, wanted.report.id)
    is_inside = sees_rows(by)
    changes = []
    if kept and is_inside and reporting.wish_of(kept[0]).frame == table.frame:
        labels = {c.id: seen.label(c) for c in table.columns}
        changes = [
            (labels[name], _plain(then), _plain(now))
            for name, then, now in reporting.differences(table, kept[0])
            if wanted.audience is Audience.INTERNAL or (TOTAL, name) not in seen.hidden
        ]
    return await page(
        request,
        "report.html",
        status=422 if wanted.form.errors else status,
        wanted=wanted,
        form=wanted.form,
        view=seen.view(),
        frame_days=table.frame,
        early=words.gettext(EARLY) if table.frame.last > today(request) else "",
        hides=words.gettext(HIDES),
        audience=audience_name(wanted.audience, words),
        audiences=_audiences(request, is_inside=is_inside),
        workers=await _workers(request) if is_inside else (),
        periods=() if is_inside else _periods(request, wanted),
        is_inside=is_inside,
        can_follow=Role.CASEWORKER in by.roles,
        is_land=wanted.report.id == LAND,
        pattern=template,
        refusal=refusal_words(refusal, words) if refusal else "",
        kept=kept,
        changes=changes,
        once=new_once(request),
    )


def _kept(
    uow: reporting.ReportUnit, name: str
) -> tuple[Sequence[Snapshot], Template | None]:
    return uow.reports.of(name), uow.reports.template()


def _plain(value: float | str | None) -> str:
    return "\u2013" if value is None else str(value).replace(".", ",")


def _audiences(request: web.Request, *, is_inside: bool) -> list[tuple[str, str]]:
    words = words_of(request)
    return [
        (audience.value, audience_name(audience, words))
        for audience in Audience
        if is_inside or audience is not Audience.INTERNAL
    ]


async def _workers(request: web.Request) -> list[tuple[str, str]]:
    names: dict[AccountId, str] = dict(await parts_of(request).run.read(_caseworkers))
    return sorted(((str(i), n) for i, n in names.items()), key=lambda pair: pair[1])


def _caseworkers(uow: reporting.ReportUnit) -> dict[AccountId, str]:
    return {
        account.id: account.name
        for account in uow.accounts.all()
        if Role.CASEWORKER in account.roles
    }


def _periods(request: web.Request, wanted: Asked) -> list[tuple[str, str]]:
    """Days that may be asked for by who sees totals alone: no day more or less."""
    years = years_offered(wanted.settings, today(request))
    return [(str(year), str(year)) for year in years]


# -- Files -------------------------------------------------------------------------------


async def _csv(request: web.Request) -> web.Response:
    wanted, seen = await _view(request)
    rows = [[_spelled(value) for value in row] for row in seen.rows()]
    return given(csv_bytes(seen.columns(), rows), _CSV_TYPE, f"{wanted.report.id}.csv")


def _spelled(value: object) -> object:
    """A number as a German spreadsheet reads it."""
    return str(value).replace(".", ",") if isinstance(value, float) else value


async def _view(request: web.Request) -> tuple[Asked, Shown]:
    wanted = await asked(request, request.match_info["report"])
    table = await _counted(request, wanted)
    return wanted, await shown(request, table, wanted.audience)


async def _xlsx(request: web.Request) -> web.Response:
    """The funder's own pattern if there is one, else our sheet."""
    parts, (wanted, seen) = parts_of(request), await _view(request)
    template = await parts.run.read(_template)
    is_filled = wanted.report.id == LAND and request.query.get("own") != "yes"
    if is_filled and template is not None and template.cells:
        return await _filled(request, wanted, seen, template)
    sheets = seen.sheets(_above(request, wanted, seen), ())
    made = await parts.run.file(xlsx_bytes, sheets)
    return given(made, XLSX_TYPE, f"{wanted.report.id}.xlsx")


def _template(uow: reporting.ReportUnit) -> Template | None:
    return uow.reports.template()


async def _filled(
    request: web.Request, wanted: Asked, seen: Shown, template: Template
) -> web.Response:
    sheet, values = proof_values(template.cells, seen, words_of(request))
    made = await parts_of(request).run.file(fill, template.content, sheet, values)
    if isinstance(made, Refusal):
        return await report_page(request, wanted, refusal=made, status=422)
    return given(made, XLSX_TYPE, f"{wanted.report.id}.xlsx")


async def _pdf(request: web.Request) -> web.Response:
    wanted = await asked(request, request.match_info["report"])
    if wanted.form.errors:
        return await report_page(request, wanted)
    words, names = german(request), await colleagues(request)
    table = await _counted(request, wanted)
    seen, days = Shown(seen_by(table, wanted.audience), names, words), table.frame
    worker = wanted.wish.caseworker if sees_rows(actor(request)) else None
    known = ((words.gettext("Caseworker"), seen.row_name(worker)),) if worker else ()
    is_early = days.last > today(request)
    notes = (words.gettext(EARLY),) if is_early else ()
    return await printed(
        request,
        Kind.REPORT,
        Sheet(
            title=seen.view().title,
            number=f"{wanted.report.id}-{days.first:%Y%m%d}-{days.last:%Y%m%d}",
            blocks=tuple(
                report_blocks(seen, wanted.audience, words, known=known, notes=notes)
            ),
        ),
        name=f"{wanted.report.id}.pdf",
        back=f"{wanted.address}?{wanted.query}",
    )


def _above(request: web.Request, wanted: Asked, seen: Shown) -> list[str]:
    """What stands over the numbers of a file of our own."""
    words, days = words_of(request), seen.table.frame
    lines = [
        f"{parts_of(request).settings.body}: {seen.view().title}",
        words.gettext("Period: %(first)s to %(last)s")
        % {"first": words.day(days.first), "last": words.day(days.last)},
        words.gettext("Made for: %(audience)s")
        % {"audience": audience_name(wanted.audience, words)},
    ]
    if wanted.report.id == LAND:
        lines.append(words.gettext("Without the pattern of the Land"))
    return lines


# -- Behind a number ---------------------------------------------------------------------


async def _cases(request: web.Request) -> web.Response:
    parts, me = parts_of(request), account_of(request).id
    wanted = await asked(request, request.match_info["report"])
    column, row = request.query.get("column", ""), request.query.get("row", TOTAL)
    people = await people_of(request)
    own = frozenset(p.case for p in people.all() if p.caseworker == me)
    found = await parts.run.read(
        reporting.drill,
        wanted.wish,
        (row, column),
        own,
        parts.clock.now(),
        by=actor(request),
    )
    seen = await shown(request, await _counted(request, wanted), Audience.INTERNAL)
    known = next((c for c in seen.table.columns if c.id == column), None)
    if known is None or row not in seen.table.rows:
        raise NotFoundError("column")
    persons = people.by_name(people.among(found.own))
    pages = -(-len(persons) // PAGE)
    number = page_number(request.query.get("page", ""), pages)
    some = persons[(number - 1) * PAGE : number * PAGE]
    here = urlencode({"column": column, "row": row})
    return await page(
        request,
        "report_cases.html",
        wanted=wanted,
        label=seen.label(known),
        row=seen.row_name(row),
        so=seen.so(known),
        found=found,
        persons=[(person, found.own[person.case]) for person in some],
        number=number,
        pages=pages,
        here=f"{wanted.address}/cases?{here}&{wanted.query}",
    )


# -- The narrative report ----------------------------------------------------------------


async def _narrative(request: web.Request) -> web.Response:
    """About three pages: headings and figures are there, the words are the office's."""
    wanted = await asked(request, request.match_info["report"])
    if wanted.report.id != LAND:
        raise NotFoundError("report")
    parts, words, names = (
        parts_of(request),
        words_of(request),
        await colleagues(request),
    )
    wishes = [replace(wanted.wish, definition=report.id) for report in definitions()]
    tables = await parts.run.read(
        reporting.run_all, wishes, parts.clock.now(), by=actor(request)
    )
    numbers = {
        table.definition.id: Shown(seen_by(table, Audience.LAND), names, words).view()
        for table in tables
    }
    return await page(
        request,
        "report_narrative.html",
        wanted=wanted,
        frame_days=wanted.wish.frame,
        views=numbers,
    )
