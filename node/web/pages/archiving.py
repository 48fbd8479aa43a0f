"""S4 end of a closed case: its years are over, the archive has answered, it is deleted.

Enters: what the archive answered and the reference of its letter. Leaves: the case is gone.
Must never happen: a button where the case cannot go; a deletion without the archive's
answer. Implements the retention table of the field document, chapter 4; SR-B7.
"""

from typing import Final

from aiohttp import web

from node.cases.erased import Archive
from node.casework.archiving import Ending, end, look
from node.errors import InputError
from node.web.caseframe import case_id
from node.web.casework import actor
from node.web.forms import Form
from node.web.frame import Route, form_of, page, parts_of, see_other, words_of
from node.web.language import msgid
from node.web.pages.cases import CASEWORKERS
from node.web.pages.earlyerasure import HINDRANCES
from node.web.wording import field_errors

_ANSWERS: Final = {
    Archive.DECLINED: (
        msgid("The archive does not want the case"),
        msgid("It does not count as worth keeping."),
    ),
    Archive.TAKEN: (
        msgid("The archive has taken the case over"),
        msgid("It has everything it wanted: the copy was handed over."),
    ),
}
_STOPS: Final = {
    **HINDRANCES,
    "clock": msgid(
        "No other office confirms the clock of this program just now. Please try again in"
        " an hour."
    ),
}
_WRONG: Final = {
    ("archive", "missing"): msgid("Please choose what the archive answered."),
    ("reference", "missing"): msgid(
        "Please write the reference of the archive's letter."
    ),
    ("reference", "too_long"): msgid("The reference is too long. Please shorten it."),
}


def routes() -> list[Route]:
    """The addresses of a closed case whose years are over."""
    at = "/cases/{case}/archive"
    return [
        Route("GET", at, _show, roles=CASEWORKERS),
        Route("POST", at, _end, roles=CASEWORKERS, asks_proof=True),
    ]


async def _show(request: web.Request) -> web.Response:
    return await _page(request, Form())


async def _page(request: web.Request, form: Form, *, status: int = 200) -> web.Response:
    parts, words = parts_of(request), words_of(request)
    found: Ending = await parts.run.read(
        look, parts.office, case_id(request), by=actor(request)
    )
    return await page(
        request,
        "case_archive.html",
        status=status,
        form=form,
        ending=found,
        answers=[
            (str(answer), words.gettext(text), words.gettext(hint))
            for answer, (text, hint) in _ANSWERS.items()
        ],
        hindrance=words.gettext(_STOPS[found.hindrance]) if found.hindrance else "",
    )


async def _end(request: web.Request) -> web.Response:
    form, parts, words = form_of(request), parts_of(request), words_of(request)
    try:
        await parts.run.write(
            end,
            parts.office,
            case_id(request),
            archive=form.text("archive"),
            reference=form.text("reference"),
            seen=form.text("_seen"),
            by=actor(request),
        )
    except InputError as error:
        wrong = form.with_errors(field_errors(error, _WRONG, words))
        return await _page(request, wrong, status=422)
    saved = words.gettext("The case is deleted. Nobody can read it any more.")
    return await see_other(request, "/work", saved=saved)
