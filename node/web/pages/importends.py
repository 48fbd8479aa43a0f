"""S17, the last steps: the trial run, taking over as a job, taking back.

Enters: a yes to exactly what the trial showed. Leaves: cases and talks, or the state from
before. Must never happen: half a list; a list taken in that is not the one that was looked
at; something taken back that was edited since. Implements SC-64, DO-42, FR-8.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from aiohttp import web

from node.cases.importports import BatchState
from node.cases.townplan import ImportPlan
from node.casework.listbatches import (
    Undoing,
    WaitingList,
    apply_batch,
    look_at_undo,
    undo_batch,
)
from node.errors import ConflictError, NotFoundError
from node.ids import Hex128
from node.web.casework import actor, people_of
from node.web.download import given
from node.web.forms import Form
from node.web.frame import (
    Route,
    account_of,
    form_of,
    page,
    parts_of,
    see_other,
    words_of,
)
from node.web.jobs import Job
from node.web.language import Words
from node.web.listframe import (
    CASEWORKERS,
    SHOWN,
    address,
    batch_id,
    cell_of,
    tried,
    waiting_list,
)
from node.web.listwords import STAYS_WORDS, reason_of
from node.web.spreadsheet_out import XLSX_TYPE, Sheet, xlsx_bytes

_REFRESH_S: Final = 2
_NEWCOMERS: Final = 20
_NOBODY: Final = frozenset({"blank", "header"})


def routes() -> list[Route]:
    """The addresses of these steps."""
    one = "/imports/{batch}"
    return [
        Route("GET", one + "/trial", _trial, roles=CASEWORKERS),
        Route("GET", one + "/errors.xlsx", _errors, roles=CASEWORKERS),
        Route("GET", one + "/apply", _ask, roles=CASEWORKERS),
        Route("POST", one + "/apply", _apply, roles=CASEWORKERS),
        Route("GET", one + "/undo", _ask_undo, roles=CASEWORKERS),
        Route("POST", one + "/undo", _undo, roles=CASEWORKERS),
    ]


# ---- Trial -----------------------------------------------------------------------------


async def _tried(request: web.Request) -> tuple[WaitingList, ImportPlan] | None:
    """The list and its trial; None if something before it is not decided."""
    found = await tried(request)
    return found if found is not None and found[0].answers.has_values else None


async def _trial(request: web.Request) -> web.Response:
    found = await _tried(request)
    if found is None:
        return await see_other(request, address(batch_id(request)))
    waiting, plan = found
    words = words_of(request)
    people = await people_of(request)
    return await page(
        request,
        "import_trial.html",
        batch=waiting.batch,
        answers=waiting.answers,
        address=address(waiting.batch.id),
        plan=plan,
        is_open=waiting.batch.state is BatchState.OPEN,
        is_of_talks=waiting.listed is not None and waiting.listed.is_of_talks,
        newcomers=[
            {
                "line": n.line,
                "name": " ".join(
                    filter(
                        None,
                        (n.person.get("given_names"), n.person.get("family_name")),
                    )
                ),
                "birth": _as_typed(n.person.get("birth_date", "")),
            }
            for n in plan.new[:_NEWCOMERS]
        ],
        errors=[
            (e.line, e.column, cell_of(waiting, e), reason_of(e.code, words))
            for e in sorted(plan.errors, key=lambda e: e.line)[:SHOWN]
        ],
        more_errors=max(0, len(plan.errors) - SHOWN),
        notices=_notices(plan, words),
        duplicates=[
            (d.line, d.of_line, people.find(d.of_case) if d.of_case else None)
            for d in plan.duplicates[:SHOWN]
        ],
        more_duplicates=max(0, len(plan.duplicates) - SHOWN),
        changes=[
            (c.line, people.find(c.case), len(c.person) + len(c.records))
            for c in plan.changes[:SHOWN]
        ],
        left_out=sum(s.code not in _NOBODY for s in plan.skipped),
        skipped=[
            (s.line, reason_of(s.code, words))
            for s in plan.skipped
            if s.code not in _NOBODY
        ][:SHOWN],
    )


def _as_typed(birth: str) -> str:
    """A partial date with its day first."""
    return ".".join(reversed(birth.split("-")))


def _notices(plan: ImportPlan, words: Words) -> list[tuple[str, int, str]]:
    """Each kind of notice once: its sentence, in how many rows, in which first."""
    lines: dict[str, list[int]] = {}
    for notice in plan.notices:
        lines.setdefault(notice.code, []).append(notice.line)
    return [
        (
            reason_of(code, words),
            len(set(rows)),
            ", ".join(map(str, sorted(set(rows))[:10])),
        )
        for code, rows in sorted(lines.items())
    ]


async def _errors(request: web.Request) -> web.Response:
    """Every row with an error as it stands in the list, and why."""
    found = await _tried(request)
    if found is None:
        raise NotFoundError("errors")
    waiting, plan = found
    words = words_of(request)
    content = await parts_of(request).run.file(_sheet_of, waiting, plan, words)
    return given(content, XLSX_TYPE, words.gettext("rows-with-errors") + ".xlsx")


def _sheet_of(waiting: WaitingList, plan: ImportPlan, words: Words) -> bytes:
    assert waiting.listed is not None
    titles = waiting.listed.titles
    reasons: dict[int, list[str]] = {}
    for error in plan.errors:
        said = reason_of(error.code, words)
        reasons.setdefault(error.line, []).append(
            f"{error.column}: {said}" if error.column else said
        )
    lines = {line.number: line.cells for line in waiting.sheet.lines}
    rows = (
        [
            *lines[number][: len(titles)],
            *[""] * (len(titles) - len(lines[number])),
            str(number),
            " ".join(said),
        ]
        for number, said in sorted(reasons.items())
    )
    head = [*titles, words.gettext("Row"), words.gettext("Reason")]
    return xlsx_bytes([Sheet(words.gettext("Rows with errors"), head, list(rows))])


# ---- Taking over -----------------------------------------------------------------------


@dataclass(slots=True)
class _Progress:
    """How far a job is; the thread that works writes it, pages read it."""

    done: int = 0
    total: int = 0
    is_told: bool = False

    def __call__(self, done: int, total: int) -> None:
        self.done, self.total = done, total


def _job(request: web.Request) -> tuple[Job, _Progress] | None:
    """The job of this list, if this process runs or ran it for this account."""
    number = Hex128(str(batch_id(request)))
    try:
        job = parts_of(request).jobs.get(number, account_of(request).id)
    except NotFoundError:
        return None
    assert isinstance(job.about, _Progress)
    return job, job.about


async def _ask(request: web.Request) -> web.Response:
    running = _job(request)
    if running is not None and not running[0].work.done():
        return await _wait(request, running[1])
    if running is not None and not running[1].is_told:
        running[1].is_told = True
        failure = running[0].work.exception()
        if failure is not None and not isinstance(failure, ConflictError):
            raise failure
        return await _ask_page(request, has_moved=failure is not None)
    return await _ask_page(request)


async def _ask_page(request: web.Request, *, has_moved: bool = False) -> web.Response:
    waiting = await waiting_list(request)
    number = waiting.batch.id
    if waiting.batch.state is not BatchState.OPEN:
        return await _taken_over(request, waiting)
    found = await _tried(request)
    if found is None:
        return await see_other(request, address(number))
    waiting, plan = found
    return await page(
        request,
        "import_apply.html",
        status=409 if has_moved else 200,
        has_moved=has_moved,
        form=Form(),
        batch=waiting.batch,
        answers=waiting.answers,
        address=address(number),
        plan=plan,
    )


async def _taken_over(request: web.Request, waiting: WaitingList) -> web.Response:
    return await see_other(
        request,
        address(waiting.batch.id),
        saved=_done_words(waiting.answers.counts, words_of(request)),
    )


def _done_words(counts: Mapping[str, int], words: Words) -> str:
    sentence = words.gettext(
        "Taken over: %(new)s new people, %(changed)s changed, %(talks)s talks."
    )
    return sentence % {
        name: words.number(counts.get(name, 0)) for name in ("new", "changed", "talks")
    }


async def _wait(request: web.Request, progress: _Progress) -> web.Response:
    """Wait without scripts: the page asks again by itself."""
    answer = await page(
        request,
        "import_running.html",
        address=address(batch_id(request)),
        done=progress.done,
        total=progress.total,
    )
    answer.headers["Refresh"] = str(_REFRESH_S)
    return answer


async def _apply(request: web.Request) -> web.Response:
    form, parts = form_of(request), parts_of(request)
    number = batch_id(request)
    waiting = await waiting_list(request)
    running = _job(request)
    is_running = running is not None and not running[0].work.done()
    if waiting.batch.state is BatchState.OPEN and not is_running:
        progress = _Progress()
        work = parts.run.write(
            apply_batch,
            parts.office,
            number,
            form.text("_digest"),
            by=actor(request),
            is_held=form.text("held") == "yes",
            progress=progress,
        )
        await parts.jobs.start(
            Hex128(str(number)), account_of(request).id, progress, work
        )
    return await see_other(request, address(number, "apply"))


# ---- Taking back -----------------------------------------------------------------------


async def _ask_undo(request: web.Request) -> web.Response:
    waiting = await waiting_list(request)
    if waiting.batch.state is not BatchState.APPLIED:
        return await see_other(request, address(waiting.batch.id))
    found: Undoing = await parts_of(request).run.read(
        look_at_undo, waiting.batch.id, by=actor(request)
    )
    people, words = await people_of(request), words_of(request)
    return await page(
        request,
        "import_undo.html",
        batch=waiting.batch,
        answers=waiting.answers,
        address=address(waiting.batch.id),
        opened=sum(taken.before == 0 for taken in found.goes),
        written=sum(len(taken.records) for taken in found.goes),
        stays=[
            (people.find(case), words.gettext(STAYS_WORDS[standing]))
            for case, standing in found.stays
        ],
    )


async def _undo(request: web.Request) -> web.Response:
    parts, words = parts_of(request), words_of(request)
    number = batch_id(request)
    found: Undoing = await parts.run.write(
        undo_batch, parts.office, number, by=actor(request)
    )
    saved = words.gettext("Everything of this list was taken back.")
    if found.stays:
        saved = words.ngettext(
            "The list was taken back. %(num)s case stays, because it was edited or moved.",
            "The list was taken back. %(num)s cases stay, because they were edited or"
            " moved.",
            len(found.stays),
        ) % {"num": words.number(len(found.stays))}
    return await see_other(request, address(number), saved=saved)
