"""S8 legal basis: a case that may be handed over by law, asked by one, agreed by another.

Enters: a paragraph in force, what of whom may go to which body until when, and why; then the
second person's word. Leaves: the wish, or the basis. Must never happen: a category chosen
beforehand; the second person sees more of the case than the first one said; who asked
decides. Implements flow B, step 4 (basis statute), FR-21, SR-B7, DO-32.
"""

from collections.abc import Mapping
from datetime import date
from typing import Final

from aiohttp import web

from node.accounts.model import Role
from node.cases.consent import RESPONSIBLE_AT_NEW_PLACE
from node.cases.model import Baton
from node.casework import statutes
from node.casework.seconds import LAPSES_AFTER
from node.casework.statutes import Use, Wanted
from node.errors import InputError, StaleEpochError
from node.ids import CaseId, RecordId
from node.web.caseframe import case_id, case_page
from node.web.casework import OpenCase, actor, colleagues, opened_case, stale
from node.web.consentasking import Asked, end_words, other_bodies, what_to_ask
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
from node.web.language import Words, msgid
from node.web.pages.cases import CASEWORKERS
from node.web.pages.consentcards import recipient_words
from node.web.typed import ids, typed_day

_SECONDS: Final = frozenset({Role.APPROVER})
_WRONG: Final = {
    ("statute", "missing"): msgid("Please choose the paragraph."),
    ("recipient", "missing"): msgid("Please choose who may receive it."),
    ("categories", "missing"): msgid("Without person and contact nothing can be sent."),
    ("documents", "category"): msgid("Please tick “Documents” as well."),
    ("reason", "missing"): msgid("Please say why the law allows it here."),
    ("reason", "too_long"): msgid("The text is too long. Please shorten it."),
}


def routes() -> list[Route]:
    """The addresses of a legal basis."""
    at = "/cases/{case}/statute"
    return [
        Route("GET", at, _show, roles=CASEWORKERS),
        Route("POST", at, _ask, roles=CASEWORKERS, asks_proof=True),
        Route("POST", f"{at}/back", _take_back, roles=CASEWORKERS),
        Route("GET", f"{at}/second", _second, roles=_SECONDS),
        Route("POST", f"{at}/second", _decide, roles=_SECONDS, asks_proof=True),
    ]


# -- The first person --------------------------------------------------------------------


async def _show(request: web.Request) -> web.Response:
    return await _ask_page(
        request, await opened_case(request, case_id(request)), Form()
    )


async def _ask_page(
    request: web.Request, case: OpenCase, form: Form, *, status: int = 200
) -> web.Response:
    if case.file.baton is not Baton.ACTIVE:
        # Its page says where it is.
        return await see_other(request, f"/cases/{case.file.id}")
    parts, words = parts_of(request), words_of(request)
    asked = await what_to_ask(request, case)
    standing = await parts.run.read(statutes.asked_for, parts.office, case.content)
    listed = await parts.run.read(statutes.in_force)
    at_new_place = (
        RESPONSIBLE_AT_NEW_PLACE,
        words.gettext("the body responsible at the new place"),
    )
    return await case_page(
        request,
        "statute_ask.html",
        case,
        status=status,
        form=form,
        asked=asked,
        paragraphs=[(code, f"{title} ({code})") for code, title in listed.items()],
        bodies=[at_new_place, *other_bodies(parts)],
        categories=[(c, words.code(c, "category")) for c in asked.categories],
        documents=[
            (p.id, p.title or words.code(p.kind, "doc_kind")) for p in asked.documents
        ],
        **(await _facts(request, standing) if standing else {"use": None}),
    )


async def _facts(request: web.Request, use: Use) -> Mapping[str, object]:
    """What both people see."""
    parts, words = parts_of(request), words_of(request)
    names = await colleagues(request)
    return {
        "use": use,
        "receiver": recipient_words(parts, words, use.wanted.recipient),
        "named": [title or words.code(kind, "doc_kind") for title, kind in use.papers],
        "asker": names.get(use.asked_by, ""),
        "until": use.asked_at + LAPSES_AFTER,
    }


async def _ask(request: web.Request) -> web.Response:
    form, parts, words = form_of(request), parts_of(request), words_of(request)
    case = await opened_case(request, case_id(request))
    asked = await what_to_ask(request, case)
    try:
        await parts.run.write(
            statutes.ask_use,
            parts.office,
            _wanted(form, case.file.id, asked),
            by=actor(request),
        )
    except StaleEpochError:
        return await stale(request, case.file.id)
    except InputError as error:
        wrong = form.with_errors(_errors(error, asked.last_day, words))
        return await _ask_page(request, case, wrong, status=422)
    saved = words.gettext("A second person is asked. Nothing may leave until then.")
    return await see_other(request, f"/cases/{case.file.id}/statute", saved=saved)


def _wanted(form: Form, case: CaseId, asked: Asked) -> Wanted:
    """What was typed; only what the case has is taken."""
    categories = frozenset(form.all("categories")) & set(asked.categories)
    documents = frozenset(ids(form.all("documents"), RecordId))
    return Wanted(
        case=case,
        epoch=form.number("_epoch"),
        statute=form.text("statute"),
        recipient=form.text("recipient"),
        categories=categories,
        documents=documents,
        valid_until=typed_day(form.text("valid_until")),
        reason=form.text("reason"),
        secrecy_release=asked.secrecy_bound and bool(form.text("secrecy_release")),
    )


def _errors(error: InputError, last_day: date, words: Words) -> Mapping[str, str]:
    if error.field == "valid_until":
        return {"valid_until": end_words(error.reason, last_day, words)}
    return {error.field: words.gettext(_WRONG[error.field, error.reason])}


async def _take_back(request: web.Request) -> web.Response:
    parts, words, case = parts_of(request), words_of(request), case_id(request)
    await parts.run.write(statutes.take_back, parts.office, case, by=actor(request))
    saved = words.gettext("The request is taken back.")
    return await see_other(request, f"/cases/{case}/consents", saved=saved)


# -- The second person -------------------------------------------------------------------


async def _second(request: web.Request) -> web.Response:
    return await _second_page(request)


async def _second_page(
    request: web.Request, *, status: int = 200, problem: str = ""
) -> web.Response:
    parts = parts_of(request)
    use: Use = await parts.run.read(
        statutes.open_use, parts.office, case_id(request), by=actor(request)
    )
    return await page(
        request,
        "statute_second.html",
        status=status,
        case=use.wanted.case,
        is_mine=use.asked_by == account_of(request).id,
        problem=problem,
        **await _facts(request, use),
    )


async def _decide(request: web.Request) -> web.Response:
    form, parts, words = form_of(request), parts_of(request), words_of(request)
    agrees = form.text("answer") == "yes"
    (seen,) = ids([form.text("_seen")], RecordId) or [RecordId("0" * 32)]
    try:
        await parts.run.write(
            statutes.decide_use,
            parts.office,
            case_id(request),
            agrees=agrees,
            seen=seen,
            by=actor(request),
        )
    except (InputError, StaleEpochError):
        problem = words.gettext(
            "It can no longer be agreed to. Your colleague asks anew."
        )
        return await _second_page(request, status=409, problem=problem)
    saved = (
        words.gettext("The legal basis counts from now on. It is marked in the log.")
        if agrees
        else words.gettext("Nothing is passed on without a consent.")
    )
    return await see_other(request, "/inbox", saved=saved)
