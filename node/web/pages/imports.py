"""S17 Listen einlesen: put a list down, see how far it is, choose its sheet, discard it.

Enters: a file of an office, a sheet. Leaves: a list that waits, sealed; or a sentence that
says why the file is none and what to do. Must never happen: a file on the disk as it came;
somebody else's list. Implements SC-64, SR-U6.
"""

from typing import Final

from aiohttp import BodyPartReader, web

from node.cases.importports import BatchState
from node.cases.listsheet import MAX_BYTES
from node.casework.listbatches import (
    Answers,
    WaitingList,
    choose,
    discard,
    own_lists,
    put_down,
)
from node.errors import InputError
from node.web.casework import actor
from node.web.filekinds import clean_name
from node.web.forms import Form
from node.web.frame import Route, form_of, page, parts_of, see_other, words_of
from node.web.guard import FILE
from node.web.listframe import (
    CASEWORKERS,
    SHOWN,
    address,
    batch_id,
    tasks_of,
    waiting_list,
)
from node.web.listreader import read_apart
from node.web.listwords import STATE_WORDS, reason_of

_PORTION: Final = 256 * 1024
ENDINGS: Final = ".xls,.xlsx,.xlsm,.xlsb,.ods,.csv,.txt"


def routes() -> list[Route]:
    """The addresses of lists as a whole."""
    return [
        Route("GET", "/imports", _all, roles=CASEWORKERS),
        Route("POST", "/imports", _take, roles=CASEWORKERS, takes_file=True),
        Route("GET", "/imports/{batch}", _one, roles=CASEWORKERS),
        Route("POST", "/imports/{batch}/discard", _discard, roles=CASEWORKERS),
        Route("GET", "/imports/{batch}/file", _file, roles=CASEWORKERS),
        Route("POST", "/imports/{batch}/file", _choose_sheet, roles=CASEWORKERS),
    ]


async def _all(request: web.Request) -> web.Response:
    return await _list_page(request, Form())


async def _list_page(
    request: web.Request, form: Form, *, status: int = 200
) -> web.Response:
    words = words_of(request)
    lists = await parts_of(request).run.read(own_lists, by=actor(request))
    return await page(
        request,
        "imports.html",
        status=status,
        form=form,
        endings=ENDINGS,
        lists=[
            {
                "name": answers.name,
                "href": address(batch.id),
                "at": batch.created_at,
                "until": batch.erase_at,
                "state": words.gettext(STATE_WORDS[batch.state][0]),
                "kind": STATE_WORDS[batch.state][1],
            }
            for batch, answers in lists
        ],
    )


async def _take(request: web.Request) -> web.Response:
    """Read the file apart, keep what was read; the file itself is kept nowhere."""
    form, parts, words = form_of(request), parts_of(request), words_of(request)
    part = request[FILE]
    name = clean_name(part.filename or "")
    try:
        book = await parts.run.file(read_apart, await _read(part))
    except InputError as error:
        said = reason_of(error.reason, words)
        if not name:
            said = words.gettext("Please choose a file.")
        return await _list_page(request, form.with_errors({"file": said}), status=422)
    number = await parts.run.write(
        put_down, parts.office, book, name, by=actor(request)
    )
    return await see_other(
        request, address(number), saved=words.gettext("The list was read.")
    )


async def _read(part: BodyPartReader) -> bytes:
    """The file, in memory only.

    Raises:
        InputError: It is too large; the rest of it is not read.
    """
    content = bytearray()
    while portion := await part.read_chunk(_PORTION):
        content += portion
        if len(content) > MAX_BYTES:
            raise InputError("file", "too_large")
    return bytes(content)


async def _one(request: web.Request) -> web.Response:
    waiting = await waiting_list(request)
    words = words_of(request)
    state, kind = STATE_WORDS[waiting.batch.state]
    listed = waiting.listed
    return await page(
        request,
        "import.html",
        batch=waiting.batch,
        answers=waiting.answers,
        address=address(waiting.batch.id),
        rows=len(listed.rows) + len(listed.errors) if listed else 0,
        state=words.gettext(state),
        state_kind=kind,
        is_open=waiting.batch.state is BatchState.OPEN,
        can_undo=waiting.batch.state is BatchState.APPLIED,
        tasks=tasks_of(waiting, words),
    )


async def _discard(request: web.Request) -> web.Response:
    words = words_of(request)
    await parts_of(request).run.write(discard, batch_id(request), by=actor(request))
    saved = words.gettext("The list was deleted.")
    return await see_other(request, "/imports", saved=saved)


async def _file(request: web.Request) -> web.Response:
    waiting = await waiting_list(request)
    form = Form().starting({"sheet": str(waiting.answers.sheet)})
    return await _file_page(request, waiting, form)


async def _file_page(
    request: web.Request, waiting: WaitingList, form: Form, *, status: int = 200
) -> web.Response:
    words, listed = words_of(request), waiting.listed
    skipped = [s for s in listed.skipped if s.code != "blank"] if listed else []
    return await page(
        request,
        "import_file.html",
        status=status,
        form=form,
        batch=waiting.batch,
        answers=waiting.answers,
        address=address(waiting.batch.id),
        problem=reason_of(waiting.problem, words) if waiting.problem else "",
        sheets=[
            (
                str(place),
                sheet.name or words.gettext("Table"),
                _about_sheet(
                    len(sheet.lines), words.gettext, is_hidden=sheet.is_hidden
                ),
            )
            for place, sheet in enumerate(waiting.book.sheets)
        ],
        rows=len(listed.rows) if listed else 0,
        hidden=sum(row.is_hidden for row in listed.rows) if listed else 0,
        blank=len(listed.skipped) - len(skipped) if listed else 0,
        months=[listed.titles[place] for place in sorted(listed.months)]
        if listed
        else [],
        skipped=[(s.line, reason_of(s.code, words)) for s in skipped[:SHOWN]],
        more=max(0, len(skipped) - SHOWN),
        faults=[(e.line, reason_of(e.code, words)) for e in listed.errors[:SHOWN]]
        if listed
        else [],
    )


def _about_sheet(lines: int, gettext: object, *, is_hidden: bool) -> str:
    assert callable(gettext)
    said = gettext("%(num)s rows") % {"num": lines}
    return f"{said}, {gettext('hidden in the file')}" if is_hidden else said


async def _choose_sheet(request: web.Request) -> web.Response:
    form, words = form_of(request), words_of(request)
    waiting = await waiting_list(request)
    sheets = {str(place) for place in range(len(waiting.book.sheets))}
    if form.text("sheet") not in sheets:
        said = words.gettext("Please choose a table.")
        return await _file_page(
            request, waiting, form.with_errors({"sheet": said}), status=422
        )
    sheet = int(form.text("sheet"))
    if sheet != waiting.answers.sheet:
        await parts_of(request).run.write(
            choose,
            waiting.batch.id,
            Answers(waiting.answers.name, sheet),
            version=waiting.batch.version,
            by=actor(request),
        )
        waiting = await waiting_list(request)
        if waiting.listed is None:
            said = reason_of(waiting.problem, words)
            return await _file_page(
                request, waiting, form.with_errors({"sheet": said}), status=422
            )
    return await see_other(request, address(waiting.batch.id, "columns"))
