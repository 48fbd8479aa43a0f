"""S4 Rechte, the copy: passages about others first, then PDF and JSON, or files to take along.

Enters: which passages are blackened, which documents go along. Leaves: a PDF with the JSON
inside, or a ZIP. Must never happen: a copy made of another state of the case than the one
that was looked at; a copy shown to another account; a name of a person in a file's name.
Implements Art. 15 and 20 GDPR, DO-34, SR-U2.
"""

import io
import json
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from aiohttp import web

from node.cases.days import local_day
from node.cases.dictionary import named_cases
from node.cases.model import Record
from node.casework import rights
from node.casework.rights import Everything, Paper
from node.errors import (
    ConflictError,
    NotFoundError,
    PrinterError,
    UnprintableError,
)
from node.ids import CaseId, Hex128, RecordId
from node.report.blackening import passages, without
from node.report.casepage import standing
from node.report.personcopy import Holdings, as_json
from node.report.personpaper import as_blocks
from node.report.sheet import GERMAN, Attached, Kind, Sheet
from node.web.caseframe import case_id
from node.web.casework import actor, people_of
from node.web.download import given
from node.web.filekinds import SUFFIXES
from node.web.forms import Form
from node.web.frame import (
    Parts,
    Route,
    account_of,
    form_of,
    page,
    parts_of,
    path_id,
    see_other,
    words_of,
)
from node.web.holdings import holdings_of
from node.web.jobs import Job
from node.web.pages.cases import CASEWORKERS
from node.web.pages.work import task_words
from node.web.printing import german, not_printed

_REFRESH_S: Final = 3
_PDF: Final = "pdf"
_FILES: Final = "files"
_SUFFIX: Final = {media_type: suffix for suffix, media_type in SUFFIXES.items()}
_LONG_AGO: Final = (1980, 1, 1, 0, 0, 0)


def routes() -> list[Route]:
    """The addresses of the copy."""
    here = "/cases/{case}/rights/copy"
    return [
        Route("GET", here, _prepare, roles=CASEWORKERS),
        Route("POST", here, _make, roles=CASEWORKERS, asks_proof=True),
        Route("GET", f"{here}/{{job}}", _job, roles=CASEWORKERS),
        Route("GET", f"{here}/{{job}}/file", _file, roles=CASEWORKERS),
    ]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a job makes: for which case, a PDF or files, and what the file is called."""

    case: CaseId
    media_type: str
    name: str


# -- First what is about others ----------------------------------------------------------


async def _prepare(request: web.Request) -> web.Response:
    found, holdings = await _gathered(request)
    shown = passages(holdings, await _others(request, found))
    documents = standing(found.content.of("document"))
    about_others = [d for d in documents if _is_about_others(d)]
    ticked = {
        "black": tuple(p.id for p in shown if p.is_likely),
        "document": tuple(str(d.id) for d in documents if d not in about_others),
    }
    words = words_of(request)
    return await page(
        request,
        "person_copy.html",
        case=found.content.file.id,
        version=found.content.file.version,
        name=found.content.name,
        groups=[
            (where, list(group)) for where, group in groupby(shown, lambda p: p.where)
        ],
        documents=[
            (
                d.id,
                d.text("title")
                or d.text("file_name")
                or words.code(d.text("doc_kind"), "doc_kind"),
                d in about_others,
            )
            for d in documents
        ],
        form=Form(ticked),
    )


async def _gathered(request: web.Request) -> tuple[Everything, Holdings]:
    """Everything, and that it was opened is written down."""
    parts = parts_of(request)
    found: Everything = await parts.run.write(
        rights.gather, parts.office, case_id(request), by=actor(request)
    )
    return found, holdings_of(found, parts, german(request), task_words)


async def _others(request: web.Request, found: Everything) -> list[str]:
    """Names of who may be meant: the household and whoever a record names."""
    people = await people_of(request)
    file = found.content.file
    meant = {
        CaseId(case)
        for record in found.content.records
        for case in named_cases(record.kind, record.values)
    }
    return [
        name
        for p in people.all()
        if p.case != file.id
        and (p.case in meant or (p.household and p.household == file.household))
        for name in (
            *(p.family_name, p.given_names, *p.other_names),
            *(text for _, text in p.scripts),
        )
    ]


def _is_about_others(record: Record) -> bool:
    return bool(named_cases(record.kind, record.values) - {str(record.case)})


# -- Then the copy -----------------------------------------------------------------------


async def _make(request: web.Request) -> web.Response:
    """Begin to make it; the page of the job gives it out."""
    parts, form = parts_of(request), form_of(request)
    found, holdings = await _gathered(request)
    if form.text("_version") != str(found.content.file.version):
        # A sentence somebody added meanwhile was looked at by nobody.
        raise ConflictError("the case changed since the passages were looked at")
    cleaned = without(holdings, frozenset(form.all("black")))
    case, on = found.content.file.id, local_day(parts.clock.now())
    number = Hex128.of(parts.randomness(16))
    data = _json(cleaned, parts)
    if form.text("give") == _FILES:
        chosen = _chosen(form, found.content.of("document"))
        papers = await parts.run.read(rights.papers, case, chosen, by=actor(request))
        about = Wanted(case, "application/zip", f"daten-{on}.zip")
        work = parts.run.file(_archive, data, papers)
    else:
        about = Wanted(case, "application/pdf", f"auskunft-{on}.pdf")
        sheet = Sheet(
            title="Auskunft über gespeicherte Daten",
            number=f"{number[:4]}-{number[4:8]}".upper(),
            blocks=tuple(as_blocks(cleaned, parts.settings.body)),
            attached=Attached("daten.json", "Alle Angaben für Programme", data),
        )
        work = parts.printer.render(Kind.COPY, GERMAN, sheet)
    await parts.jobs.start(number, account_of(request).id, about, work)
    return await see_other(request, f"/cases/{case}/rights/copy/{number}")


def _json(holdings: Holdings, parts: Parts) -> bytes:
    said = as_json(holdings, parts.settings.body, parts.clock.now())
    return json.dumps(said, ensure_ascii=False, indent=1).encode()


def _chosen(form: Form, documents: Iterable[Record]) -> list[RecordId]:
    ticked = frozenset(form.all("document"))
    return [d.id for d in documents if str(d.id) in ticked]


def _archive(data: bytes, papers: Iterable[Paper]) -> bytes:
    """The JSON with the documents beside it; files are called by their number."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo("daten.json", _LONG_AGO), data)
        for paper in papers:
            name = f"dokumente/{paper.record}.{_SUFFIX.get(paper.media_type, 'bin')}"
            archive.writestr(zipfile.ZipInfo(name, _LONG_AGO), paper.content)
    return target.getvalue()


async def _job(request: web.Request) -> web.Response:
    """Wait without scripts, then offer the file."""
    number, job, _ = _own_job(request)
    back = f"/cases/{case_id(request)}/rights/copy"
    if not job.work.done():
        answer = await page(request, "person_copy_job.html", back=back, href="")
        answer.headers["Refresh"] = str(_REFRESH_S)
        return answer
    try:
        job.work.result()
    except (PrinterError, UnprintableError) as error:
        return not_printed(request, error, back)
    return await page(
        request, "person_copy_job.html", back=back, href=f"{back}/{number}/file"
    )


async def _file(request: web.Request) -> web.Response:
    _, job, about = _own_job(request)
    content: bytes = await job.work
    return given(content, about.media_type, about.name)


def _own_job(request: web.Request) -> tuple[Hex128, Job, Wanted]:
    """The job in the address, if this account began it for this case.

    Raises:
        NotFoundError: Another one's, or the program was started anew.
    """
    number = path_id(request, "job", Hex128)
    job = parts_of(request).jobs.get(number, account_of(request).id)
    if not isinstance(job.about, Wanted) or job.about.case != case_id(request):
        raise NotFoundError("job")
    return number, job, job.about
