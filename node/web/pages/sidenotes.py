"""S4 Fall, while it cannot be changed: notes for later, addenda, requests to correct.

Enters: a text about a case that is on its way or was handed over. Leaves: a note kept apart,
or an addendum on its way. Must never happen: typed text that is lost; an edit of the copy
that stays (DO-35). Implements HO-9.
"""

from typing import Final

from aiohttp import web

from node.cases.addendum import ADDED, CORRECTION, SIDE_NOTE
from node.cases.model import Baton
from node.casework import sidenotes
from node.errors import InputError, StaleEpochError
from node.report.casepage import added_notes
from node.web.caseframe import case_id, case_page
from node.web.casework import OpenCase, actor, body_name, opened_case, stale
from node.web.forms import Form
from node.web.frame import Route, form_of, parts_of, see_other, words_of
from node.web.pages.cases import CASEWORKERS

_ON_THE_WAY: Final = frozenset({Baton.FROZEN, Baton.GRANTED})


def routes() -> list[Route]:
    """The addresses of notes that stand beside a case."""
    return [
        Route("GET", "/cases/{case}/notes", _show, roles=CASEWORKERS),
        Route("POST", "/cases/{case}/notes", _save, roles=CASEWORKERS),
    ]


async def _show(request: web.Request) -> web.Response:
    case = await opened_case(request, case_id(request))
    return await _notes_page(request, case, Form())


async def _notes_page(
    request: web.Request, case: OpenCase, form: Form, *, status: int = 200
) -> web.Response:
    parts, words = parts_of(request), words_of(request)
    return await case_page(
        request,
        "case_notes.html",
        case,
        status=status,
        form=form,
        notes=added_notes(case.content),
        is_on_the_way=case.file.baton in _ON_THE_WAY,
        is_gone=case.file.baton is Baton.HANDED_OVER,
        place=body_name(parts, case.file.handed_to),
        kinds=[
            (
                SIDE_NOTE,
                words.gettext("Addendum"),
                words.gettext("Something the new office should know."),
            ),
            (
                CORRECTION,
                words.gettext("Correction"),
                words.gettext("Something that was wrong. The new office decides."),
            ),
        ],
    )


async def _save(request: web.Request) -> web.Response:
    parts, words, form = parts_of(request), words_of(request), form_of(request)
    case = await opened_case(request, case_id(request))
    is_gone = case.file.baton is Baton.HANDED_OVER
    if is_gone and form.text("kind") not in ADDED:
        wrong = {"kind": words.gettext("Please choose what it is.")}
        return await _notes_page(request, case, form.with_errors(wrong), status=422)
    onward = f"/cases/{case.file.id}/notes"
    saved = words.gettext("The note was kept apart. It follows the case by itself.")
    try:
        if is_gone:
            made = await parts.run.write(
                sidenotes.send_after,
                parts.office,
                case.file.id,
                form.text("text"),
                kind=form.text("kind"),
                by=actor(request),
            )
            onward = f"/outbox/{made}"
            saved = words.gettext("It is sent as soon as the consent was checked.")
        else:
            await parts.run.write(
                sidenotes.keep_apart,
                parts.office,
                case.file.id,
                form.text("text"),
                by=actor(request),
            )
    except StaleEpochError:
        return await stale(request, case.file.id)
    except InputError as error:
        sentence = (
            words.gettext("Please write something.")
            if error.reason == "missing"
            else words.gettext("The text is too long. Please shorten it.")
        )
        wrong = {"text": sentence}
        return await _notes_page(request, case, form.with_errors(wrong), status=422)
    return await see_other(request, onward, saved=saved)
