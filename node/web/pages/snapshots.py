"""Frozen reports: kept as they were, counted again, compared.

Enters: which report of which days is to be kept. Leaves: a snapshot's page: its numbers,
when they were known, what was recorded since, whether they can still be counted so. Must
never happen: numbers of a snapshot that change. Implements the field document, chapter 5
(snapshot), screens S13, DO-38.
"""

from typing import Final

from aiohttp import web

from node.accounts.model import Role
from node.cases.days import local_day
from node.casework import reporting
from node.casework.reporting import audience_for, sees_rows
from node.errors import ConflictError
from node.ids import Hex128
from node.report.csvtable import csv_bytes
from node.report.definition import Audience, definition
from node.report.seen import seen_by
from node.report.sheet import Kind, Sheet
from node.report.snapshot import Snapshot
from node.report.tables import thaw
from node.web.casework import actor, colleagues, once
from node.web.download import given
from node.web.failures import conflict
from node.web.frame import (
    Route,
    form_of,
    page,
    parts_of,
    path_id,
    see_other,
    words_of,
)
from node.web.language import Words
from node.web.pages.reports import report_page
from node.web.printing import german, printed
from node.web.reportpaper import report_blocks
from node.web.reportview import HIDES, Shown, address_of, asked, only_total

_COUNTERS: Final = frozenset({Role.CASEWORKER, Role.APPROVER})


def routes() -> list[Route]:
    """The addresses of snapshots."""
    return [
        Route("POST", "/reports/{report}/freeze", _freeze, roles=_COUNTERS),
        Route("GET", "/reports/snapshots/{snapshot}", _show),
        Route("GET", "/reports/snapshots/{snapshot}/csv", _csv),
        Route("GET", "/reports/snapshots/{snapshot}/pdf", _pdf),
    ]


async def _freeze(request: web.Request) -> web.Response:
    parts, words = parts_of(request), words_of(request)
    fields = form_of(request)
    typed = {name: fields.text(name) for name in fields.values}
    wanted = await asked(request, request.match_info["report"], typed)
    if wanted.form.errors:
        return await report_page(request, wanted)
    number = Hex128(once(request, "snapshot"))
    try:
        await parts.run.write(
            reporting.freeze, parts.office, wanted.wish, number, by=actor(request)
        )
    except ConflictError:
        return conflict(request)
    saved = words.gettext("The report is frozen as it is known now.")
    return await see_other(request, f"/reports/snapshots/{number}", saved=saved)


async def _seen(request: web.Request, words: Words) -> tuple[Snapshot, Shown, Audience]:
    parts, by = parts_of(request), actor(request)
    kept = await parts.run.read(_get, path_id(request, "snapshot", Hex128))
    report = definition(kept.definition)
    try:
        wanted = Audience(request.query.get("audience", report.audience))
    except ValueError:
        wanted = report.audience
    audience = audience_for(by, wanted, report)
    table = thaw(report, kept.content)
    if not sees_rows(by):
        table = only_total(table)
    return (
        kept,
        Shown(seen_by(table, audience), await colleagues(request), words),
        audience,
    )


def _get(uow: reporting.ReportUnit, number: Hex128) -> Snapshot:
    return uow.reports.get(number)


async def _show(request: web.Request) -> web.Response:
    parts, words = parts_of(request), words_of(request)
    kept, seen, audience = await _seen(request, words)
    view = seen.view()
    again = await parts.run.read(
        reporting.rerun, kept.id, parts.clock.now(), by=actor(request)
    )
    names = await colleagues(request)
    return await page(
        request,
        "report_snapshot.html",
        kept=kept,
        view=view,
        title=_title(view.title, kept, words),
        again=again,
        recounted=_recounted(again, words),
        address=f"/reports/{address_of(seen.table.definition)}",
        by=names.get(kept.made_by, ""),
        hides=words.gettext(HIDES),
        audience=audience,
        later=_later(again.later, words),
        groups=_groups(kept),
    )


def _groups(kept: Snapshot) -> list[str]:
    """The checksum as people compare it."""
    text = kept.digest.hex()
    return [text[at : at + 4] for at in range(0, len(text), 4)]


def _title(title: str, kept: Snapshot, words: Words) -> str:
    return words.gettext("%(title)s, as known on %(day)s") % {
        "title": title,
        "day": words.day(local_day(kept.known_at)),
    }


def _recounted(again: reporting.Rerun, words: Words) -> str:
    """Whether the numbers can still be counted as they were."""
    if again.is_same:
        return words.gettext("Counted again as known then, every number is the same.")
    return words.gettext(
        "Some of it can no longer be counted, because cases were erased or the report"
        " changed. The frozen numbers stay."
    )


def _later(count: int, words: Words) -> str:
    return words.ngettext(
        "Recorded since then: %(num)s entry about these days.",
        "Recorded since then: %(num)s entries about these days.",
        count,
    ) % {"num": words.number(count)}


async def _csv(request: web.Request) -> web.Response:
    kept, seen, _ = await _seen(request, words_of(request))
    rows = [
        [str(v).replace(".", ",") if isinstance(v, float) else v for v in row]
        for row in seen.rows()
    ]
    return given(
        csv_bytes(seen.columns(), rows), "text/csv", f"{kept.definition}-stand.csv"
    )


async def _pdf(request: web.Request) -> web.Response:
    parts, words = parts_of(request), german(request)
    kept, seen, audience = await _seen(request, words)
    again = await parts.run.read(
        reporting.rerun, kept.id, parts.clock.now(), by=actor(request)
    )
    names = await colleagues(request)
    known = (
        (words.gettext("Frozen"), words.moment(kept.known_at)),
        (words.gettext("By"), names.get(kept.made_by, "")),
        (words.gettext("Checksum of the table"), " ".join(_groups(kept))),
        (words.gettext("Software"), kept.software),
    )
    notes = (_later(again.later, words), _recounted(again, words))
    return await printed(
        request,
        Kind.REPORT,
        Sheet(
            title=_title(seen.view().title, kept, words),
            number=kept.id.short,
            blocks=tuple(
                report_blocks(seen, audience, words, known=known, notes=notes)
            ),
        ),
        name=f"{kept.definition}-stand.pdf",
        back=f"/reports/snapshots/{kept.id}",
    )
