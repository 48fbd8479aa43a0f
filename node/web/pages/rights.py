"""S4 Rechte: what the person may ask for, who saw or got the data, what is wrong in them.

Enters: a look, a request to correct, a decision with its reason. Leaves: the state of each
request; after a handover the request goes after the case. Must never happen: typed text
that is lost; an edit of the copy that stays (DO-35). Implements Art. 15 to 20 GDPR.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from aiohttp import web

from node.accounts.model import Role
from node.cases.addendum import CORRECTION
from node.cases.codes import code_list
from node.cases.model import Baton, Record
from node.casework import rights, sidenotes
from node.casework.rights import DECISIONS, Verdict
from node.errors import InputError, NotFoundError, StaleEpochError
from node.ids import RecordId
from node.report.casepage import day_of, standing
from node.report.personpaper import looks_by_day
from node.web.caseframe import case_id, case_page
from node.web.casework import OpenCase, actor, body_name, opened_case, stale
from node.web.forms import Form
from node.web.frame import (
    Route,
    account_of,
    form_of,
    parts_of,
    path_id,
    see_other,
    words_of,
)
from node.web.holdings import holdings_of
from node.web.language import Words
from node.web.pages.cases import CASEWORKERS
from node.web.pages.work import task_words

_ANSWER_MONTHS: Final = 12


def routes() -> list[Route]:
    """The addresses of the person's rights."""
    request = "/cases/{case}/rights/corrections/{request}"
    return [
        Route("GET", "/cases/{case}/rights", _show, roles=CASEWORKERS),
        Route("GET", "/cases/{case}/access", _access, roles=CASEWORKERS),
        Route("POST", "/cases/{case}/rights/corrections", _ask, roles=CASEWORKERS),
        Route("GET", request, _decision, roles=CASEWORKERS),
        Route("POST", request, _decide, roles=CASEWORKERS),
    ]


@dataclass(frozen=True, slots=True)
class Wish:
    """A request to correct as the page shows it; ``due`` is when an answer is due."""

    record: Record
    on: date
    due: date
    decision: str
    decided: date | None
    sender: str


async def _show(request: web.Request) -> web.Response:
    case = await opened_case(request, case_id(request))
    return await _rights_page(request, case, Form())


async def _rights_page(
    request: web.Request, case: OpenCase, form: Form, *, status: int = 200
) -> web.Response:
    parts = parts_of(request)
    baton = case.file.baton
    is_gone = baton is Baton.HANDED_OVER
    return await case_page(
        request,
        "case_rights.html",
        case,
        status=status,
        form=form,
        wishes=_wishes(request, case),
        is_gone=is_gone,
        # Nothing can be sent after a case whose holder has no node.
        can_ask=baton is Baton.ACTIVE or (is_gone and case.file.handed_to is not None),
        place=body_name(parts, case.file.handed_to),
        is_approver=Role.APPROVER in account_of(request).roles,
    )


def _wishes(request: web.Request, case: OpenCase) -> Sequence[Wish]:
    parts = parts_of(request)
    found = standing(case.content.of(CORRECTION))
    return [_wish(record, body_name(parts, record.origin_node)) for record in found]


def _wish(record: Record, sender: str) -> Wish:
    on = day_of(record, "date") or record.recorded_at.date()
    return Wish(
        record=record,
        on=on,
        due=_a_month_after(on),
        decision=record.text("decision"),
        decided=day_of(record, "decided_on"),
        sender=sender,
    )


def _a_month_after(on: date) -> date:
    """Art. 12(3): one month; the 31st becomes the last day of a shorter month."""
    year, month = (
        (on.year, on.month + 1) if on.month < _ANSWER_MONTHS else (on.year + 1, 1)
    )
    for day in range(on.day, 27, -1):
        try:
            return date(year, month, day)
        except ValueError:
            continue
    return date(year, month, on.day)


# -- Who saw, who got --------------------------------------------------------------------


async def _access(request: web.Request) -> web.Response:
    """Everybody who saw or got the data; looking at this is a look as well."""
    parts, words = parts_of(request), words_of(request)
    case = await opened_case(request, case_id(request))
    found = await parts.run.write(
        rights.gather, parts.office, case.file.id, by=actor(request)
    )
    holdings = holdings_of(found, parts, words, task_words)
    return await case_page(
        request,
        "case_access.html",
        case,
        receipts=holdings.receipts,
        story=holdings.story,
        looks=looks_by_day(holdings.looks),
    )


# -- Correction --------------------------------------------------------------------------


async def _ask(request: web.Request) -> web.Response:
    parts, words, form = parts_of(request), words_of(request), form_of(request)
    case = await opened_case(request, case_id(request))
    number, text = case.file.id, form.text("text")
    try:
        if case.file.baton is Baton.HANDED_OVER:
            made = await parts.run.write(
                sidenotes.send_after,
                parts.office,
                number,
                text,
                kind=CORRECTION,
                by=actor(request),
            )
            return await see_other(
                request,
                f"/outbox/{made}",
                saved=words.gettext(
                    "The request goes to the office that has the case. It is sent as soon"
                    " as the consent was checked."
                ),
            )
        await parts.run.write(
            rights.ask_correction,
            parts.office,
            number,
            text,
            epoch=form.number("_epoch"),
            by=actor(request),
        )
    except StaleEpochError:
        return await stale(request, number)
    except InputError as error:
        wrong = form.with_errors({"text": _text_error(error, words)})
        return await _rights_page(request, case, wrong, status=422)
    saved = words.gettext("The request was recorded.")
    return await see_other(request, f"/cases/{number}/rights", saved=saved)


def _text_error(error: InputError, words: Words) -> str:
    if error.reason == "missing":
        return words.gettext("Please write something.")
    return words.gettext("The text is too long. Please shorten it.")


async def _decision(request: web.Request) -> web.Response:
    case = await opened_case(request, case_id(request))
    return await _decision_page(request, case, Form())


async def _decision_page(
    request: web.Request, case: OpenCase, form: Form, *, status: int = 200
) -> web.Response:
    number, words = path_id(request, "request", RecordId), words_of(request)
    wish = next((w for w in _wishes(request, case) if w.record.id == number), None)
    if wish is None:
        raise NotFoundError("request")
    return await case_page(
        request,
        "case_correction.html",
        case,
        status=status,
        form=form,
        wish=wish,
        decisions=[(c, words.code(c, DECISIONS)) for c in code_list(DECISIONS).codes],
    )


async def _decide(request: web.Request) -> web.Response:
    parts, words, form = parts_of(request), words_of(request), form_of(request)
    case = await opened_case(request, case_id(request))
    number = case.file.id
    verdict = Verdict(form.text("decision"), form.text("reason"))
    try:
        await parts.run.write(
            rights.decide_correction,
            parts.office,
            number,
            path_id(request, "request", RecordId),
            verdict,
            epoch=form.number("_epoch"),
            by=actor(request),
        )
    except StaleEpochError:
        return await stale(request, number)
    except InputError as error:
        sentence = (
            words.gettext("Please choose what was decided.")
            if error.field == "decision"
            else words.gettext("Please say why, so that the person understands it.")
            if error.reason == "missing"
            else _text_error(error, words)
        )
        wrong = form.with_errors({error.field: sentence})
        return await _decision_page(request, case, wrong, status=422)
    saved = words.gettext("The decision was recorded. Please tell the person.")
    return await see_other(request, f"/cases/{number}/rights", saved=saved)
