"""S8 Einwilligung: what a person said, category by category.

Enters: yes or no, with nothing chosen beforehand; who answered, in which form and language,
until when. Leaves: the consent with its evidence. Must never happen: a category that nobody
answered stored as yes; a yes under a text that nobody verified; a no that takes more steps
than a yes. Implements flow C (staff side), FR-12 to FR-14, FR-20 to FR-23, SC-36 to SC-38.
"""

from typing import Final

from aiohttp import web

from node.cases.codes import code_list
from node.cases.consent import RESPONSIBLE_AT_NEW_PLACE, GivenBy
from node.cases.consenttext import ConsentText
from node.cases.model import SENSITIVE
from node.casework.consents import Answer
from node.casework.consenttexts import current_texts
from node.casework.signing import record_signed
from node.errors import InputError, StaleEpochError
from node.ids import CaseId, RecordId, TransferId
from node.strictjson import Json
from node.web.caseframe import case_page
from node.web.casework import actor, chosen_case, stale, today
from node.web.consentasking import (
    Asked,
    end_words,
    first_form,
    other_bodies,
    what_to_ask,
)
from node.web.forms import Form
from node.web.frame import (
    Parts,
    Route,
    form_of,
    parts_of,
    see_other,
    words_of,
)
from node.web.language import Words
from node.web.pages.cases import CASEWORKERS
from node.web.typed import ids, typed_day

# What is signed on the screen comes from the device alone, with its picture.
_FORMS: Final = ("paper", "mark", "oral")
_SAID: Final = "oral"
_ASKED_APART: Final = ("announce_by_name", "may_tell_old_office", "contact_back")
_DOCUMENTS: Final = "K13"


def routes() -> list[Route]:
    """The addresses where an answer is recorded."""
    return [
        Route("GET", "/consents/new", _ask, roles=CASEWORKERS),
        Route("POST", "/consents/new", _record, roles=CASEWORKERS),
    ]


async def _ask(request: web.Request) -> web.Response:
    case = await chosen_case(request)
    if isinstance(case, web.Response):
        return case
    asked = await what_to_ask(request, case)
    return await _form_page(request, asked, first_form(request, asked))


async def _form_page(
    request: web.Request, asked: Asked, form: Form, *, status: int = 200
) -> web.Response:
    parts, words = parts_of(request), words_of(request)
    on = today(request)
    languages = [
        (code.code, words.code(code.code, "language"))
        for code in code_list("language").offered(on)
    ]
    spoken = asked.case.person.languages
    return await case_page(
        request,
        "consent_new.html",
        asked.case,
        status=status,
        form=form,
        asked=asked,
        everyday=[c for c in asked.categories if c not in SENSITIVE],
        sensitive=[c for c in asked.categories if c in SENSITIVE],
        members=other_bodies(parts),
        givers=[(str(g), words.code(str(g), "given_by")) for g in asked.givers],
        languages=sorted(
            languages, key=lambda pair: (pair[0] not in spoken, pair[1].casefold())
        ),
        forms=[(code, words.code(code, "consent_form")) for code in _FORMS],
    )


async def _record(request: web.Request) -> web.Response:
    form, words, parts = form_of(request), words_of(request), parts_of(request)
    case = await chosen_case(request)
    if isinstance(case, web.Response):
        return case
    asked = await what_to_ask(request, case)
    declines = form.text("_answer") == "no"
    signed = (await parts.run.read(current_texts)).signed(form.text("language"))
    errors = _errors(form, asked, words, parts, declines=declines)
    if not declines and "language" not in errors:
        errors |= _errors_of_text(form, signed, words)
    if errors:
        return await _form_page(request, asked, form.with_errors(errors), status=422)
    answer = _answer(form, asked, signed, declines=declines)
    try:
        await parts.run.write(
            record_signed,
            parts.office,
            answer,
            language=signed.language,
            proof=None,
            by=actor(request),
        )
    except StaleEpochError:
        return await stale(request, case.file.id)
    except InputError as error:
        wrong = (
            {"language": _not_verified(words)}
            if error.field == "text"
            else {"valid_until": end_words(error.reason, asked.last_day, words)}
        )
        return await _form_page(request, asked, form.with_errors(wrong), status=422)
    saved = (
        words.gettext("The “no” was recorded. Nothing is passed on.")
        if not answer.categories
        else words.gettext("The consent was recorded.")
    )
    back = ids([form.text("_transfer")], TransferId)
    onward = f"/relocations/{back[0]}" if back else f"/cases/{case.file.id}/consents"
    return await see_other(request, onward, saved=saved)


def _errors(
    form: Form, asked: Asked, words: Words, parts: Parts, *, declines: bool
) -> dict[str, str]:
    """One sentence for each field that needs mending, in the order of the page."""
    errors: dict[str, str] = {}
    if form.text("given_by") not in {str(giver) for giver in asked.givers}:
        errors["given_by"] = words.gettext("Please choose who answers.")
    if not declines:
        errors |= _errors_of_yes(form, asked, words, parts)
    if form.text("language") not in code_list("language").codes:
        errors["language"] = words.gettext("Please choose the language of the talk.")
    if form.text("form") not in _FORMS:
        errors["form"] = words.gettext("Please choose how it was said.")
    elif form.text("form") == _SAID and not declines:
        errors["form"] = words.gettext(
            "Only a no to everything can be spoken. A yes needs a signature, or a mark"
            " before a witness."
        )
    if form.text("form") == "mark" and not form.text("witness").strip():
        errors["witness"] = words.gettext("Please add: who witnessed the mark.")
    return errors


def _errors_of_yes(
    form: Form, asked: Asked, words: Words, parts: Parts
) -> dict[str, str]:
    errors: dict[str, str] = {}
    recipients = {RESPONSIBLE_AT_NEW_PLACE, *(to for to, _ in other_bodies(parts))}
    if form.text("recipient") not in recipients:
        errors["recipient"] = words.gettext("Please choose who may receive it.")
    if not any(form.text(code) in {"yes", "no"} for code in asked.categories):
        errors["K01"] = words.gettext("Please record the answers, each with yes or no.")
    elif form.text("K01") != "yes" and any(
        form.text(code) == "yes" for code in asked.categories
    ):
        errors["K01"] = words.gettext(
            "Without this nothing can be passed on. If the answer is no, record a no"
            " to everything."
        )
    if typed_day(form.text("valid_until")) is None:
        errors["valid_until"] = words.gettext("Please write the day like 03.12.2026.")
    return errors


def _errors_of_text(form: Form, signed: ConsentText, words: Words) -> dict[str, str]:
    """Who signed the German text and spoke another language had it interpreted (SC-38)."""
    if form.text("language") == signed.language or form.text("interpreter").strip():
        return {}
    return {
        "interpreter": words.gettext(
            "There is no verified text in this language: the German one is signed. Please"
            " add who interpreted it."
        )
    }


def _not_verified(words: Words) -> str:
    return words.gettext(
        "Nothing can be signed yet: nobody has verified the German consent text. The"
        " administration does this under Settings, Consent texts."
    )


def _answer(form: Form, asked: Asked, signed: ConsentText, *, declines: bool) -> Answer:
    said = frozenset(c for c in asked.categories if form.text(c) == "yes")
    categories = frozenset[str]() if declines else said
    documents = frozenset(
        paper.id for paper in asked.documents if form.text(f"doc-{paper.id}") == "yes"
    )
    guardians = ids(form.all("guardians"), CaseId)
    evidence: dict[str, Json] = {
        name: form.text(name).strip()
        for name in ("witness", "interpreter", "note")
        if form.text(name).strip()
    }
    yes = {
        name: form.text(name) == "yes" for name in (*_ASKED_APART, "secrecy_release")
    }
    is_yes = bool(categories)
    return Answer(
        case=asked.case.file.id,
        epoch=form.number("_epoch"),
        given_by=GivenBy(form.text("given_by")),
        recipients=(form.text("recipient"),) if is_yes else (),
        categories=categories,
        valid_until=typed_day(form.text("valid_until")) if is_yes else None,
        language=form.text("language"),
        form=form.text("form"),
        text_version=signed.version,
        evidence=evidence,
        guardians=tuple(g for g in guardians if g in {p.case for p in asked.guardians}),
        documents=documents if _DOCUMENTS in categories else frozenset[RecordId](),
        announce_by_name=is_yes and yes["announce_by_name"],
        secrecy_release=is_yes and yes["secrecy_release"],
        contact_back=is_yes and yes["contact_back"],
        may_tell_old_office=is_yes and yes["may_tell_old_office"],
    )
