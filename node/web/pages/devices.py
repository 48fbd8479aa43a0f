"""S8 Einwilligung, the staff's side of the device: hand it over, take it back, record.

Enters: to whom, until when, who answers; afterwards who interpreted and who witnessed.
Leaves: a round for the device, then the consent with its evidence. Must never happen: a
device handed over without a verified German text; a draft signed without an interpreter by
name (SC-38). Implements flow C, steps 1 and 7; FR-12 to FR-14, DO-14, SC-40.
"""

from base64 import b64decode
from datetime import date
from typing import Final

from aiohttp import web

from node.cases.asking import check_end
from node.cases.consent import RESPONSIBLE_AT_NEW_PLACE, GivenBy
from node.cases.consenttext import GERMAN, TONGUES, TextState
from node.casework.cases import new_id
from node.casework.consenttexts import Texts, current_texts
from node.casework.signing import Proof, record_signed
from node.errors import ConflictError, InputError, StaleEpochError
from node.ids import CaseId, ConsentId, TransferId
from node.web.answering import Spoken
from node.web.caseframe import case_page
from node.web.casework import OpenCase, actor, chosen_case, opened_case, stale, today
from node.web.consentasking import (
    Asked,
    end_words,
    first_form,
    other_bodies,
    what_to_ask,
)
from node.web.consentsheet import sheet_page, sheet_to_sign
from node.web.forms import Form
from node.web.frame import (
    Parts,
    Route,
    form_of,
    parts_of,
    see_other,
    words_of,
)
from node.web.kiosk import drop_round, give_away, round_of
from node.web.language import Words
from node.web.pages.cases import CASEWORKERS
from node.web.round import AskedDocument, Round
from node.web.typed import ids, typed_day

_HERE: Final = "/consents/device"
_FINISH: Final = "/consents/finish"


def routes() -> list[Route]:
    """The addresses before and after the device is away."""
    return [
        Route("GET", _HERE, _prepare, roles=CASEWORKERS),
        Route("POST", _HERE, _give, roles=CASEWORKERS),
        Route("GET", _FINISH, _finish, roles=CASEWORKERS),
        Route("POST", _FINISH, _record, roles=CASEWORKERS),
        Route("GET", f"{_FINISH}/paper", _paper, roles=CASEWORKERS),
    ]


async def _prepare(request: web.Request) -> web.Response:
    case = await chosen_case(request)
    if isinstance(case, web.Response):
        return case
    asked = await what_to_ask(request, case)
    return await _prepare_page(request, asked, first_form(request, asked))


async def _prepare_page(
    request: web.Request, asked: Asked, form: Form, *, status: int = 200
) -> web.Response:
    parts, words = parts_of(request), words_of(request)
    texts = await parts.run.read(current_texts)
    return await case_page(
        request,
        "consent_device.html",
        asked.case,
        status=status,
        form=form,
        asked=asked,
        is_ready=texts.state(GERMAN) is TextState.VERIFIED,
        tongues=[
            (words.code(t.tag, "language"), texts.state(t.tag))
            for t in TONGUES.values()
        ],
        members=other_bodies(parts),
        givers=[(str(g), words.code(str(g), "given_by")) for g in asked.givers],
    )


async def _give(request: web.Request) -> web.Response:
    form, words, parts = form_of(request), words_of(request), parts_of(request)
    case = await chosen_case(request)
    if isinstance(case, web.Response):
        return case
    asked = await what_to_ask(request, case)
    texts = await parts.run.read(current_texts)
    errors = _errors(form, asked, words, parts, on=today(request))
    if errors or texts.state(GERMAN) is not TextState.VERIFIED:
        return await _prepare_page(request, asked, form.with_errors(errors), status=422)
    return await give_away(request, _round(request, form, asked, texts))


def _errors(
    form: Form, asked: Asked, words: Words, parts: Parts, *, on: date
) -> dict[str, str]:
    errors: dict[str, str] = {}
    if form.text("given_by") not in {str(giver) for giver in asked.givers}:
        errors["given_by"] = words.gettext("Please choose who answers.")
    recipients = {RESPONSIBLE_AT_NEW_PLACE, *(to for to, _ in other_bodies(parts))}
    if form.text("recipient") not in recipients:
        errors["recipient"] = words.gettext("Please choose who may receive it.")
    try:
        check_end(on, typed_day(form.text("valid_until")), asked.last_day)
    except InputError as error:
        errors["valid_until"] = end_words(error.reason, asked.last_day, words)
    return errors


def _round(request: web.Request, form: Form, asked: Asked, texts: Texts) -> Round:
    parts = parts_of(request)
    now, until = parts.clock.now(), typed_day(form.text("valid_until"))
    recipient = form.text("recipient")
    kind, _, name = recipient.partition(":")
    signed = ids(form.all("guardians"), CaseId)
    known = {p.case for p in asked.guardians}
    file = asked.case.file
    words = words_of(request)
    return Round(
        consent=ConsentId(new_id(parts.office, now)),
        case=file.id,
        epoch=file.epoch,
        given_by=GivenBy(form.text("given_by")),
        guardians=tuple(g for g in signed if g in known),
        recipient=recipient,
        body=dict(other_bodies(parts)).get(recipient, name) if kind == "member" else "",
        valid_until=until or asked.last_day,
        categories=tuple(asked.categories),
        documents=tuple(
            AskedDocument(p.id, p.title or words.code(p.kind, "doc_kind"), p.needs)
            for p in asked.documents
        ),
        german=texts.german.digest,
        touched_at=now,
        is_secrecy_bound=asked.secrecy_bound,
        transfer=next(iter(ids([form.text("_transfer")], TransferId)), ""),
    )


async def _case_of(request: web.Request) -> tuple[OpenCase, Spoken]:
    one = await round_of(request)
    texts = await parts_of(request).run.read(current_texts)
    return await opened_case(request, one.case), Spoken(one, texts)


async def _finish(request: web.Request) -> web.Response:
    case, spoken = await _case_of(request)
    return await _finish_page(request, case, spoken, Form())


async def _finish_page(
    request: web.Request,
    case: OpenCase,
    spoken: Spoken,
    form: Form,
    *,
    status: int = 200,
) -> web.Response:
    one, words = spoken.round, words_of(request)
    return await case_page(
        request,
        "consent_finish.html",
        case,
        status=status,
        form=form,
        k=spoken,
        number=one.consent,
        recipient=one.body or words.gettext("the body responsible at the new place"),
        answers=[
            (_question(one, step, words), one.said_yes(step))
            for step in one.questions
            if step in one.steps
        ],
    )


def _question(one: Round, step: str, words: Words) -> str:
    document = one.document(step)
    if document is not None:
        return words.gettext("Document: %(title)s") % {"title": document.title}
    apart = {
        "announce_by_name": words.gettext("Announce by name"),
        "may_tell_old_office": words.gettext("We may learn where they move on to"),
        "contact_back": words.gettext("The new office may ask us back"),
        "secrecy_release": words.gettext("Release from professional secrecy"),
    }
    return apart.get(step) or words.code(step, "category")


async def _record(request: web.Request) -> web.Response:
    form, words, parts = form_of(request), words_of(request), parts_of(request)
    case, spoken = await _case_of(request)
    one = spoken.round
    if form.text("_then") == "drop":
        await drop_round(request)
        saved = words.gettext("The answers were dropped. Nothing was recorded.")
        return await see_other(request, f"/cases/{one.case}/consents", saved=saved)
    if not one.is_over:
        return await give_away(request, one)
    errors = _missing(form, spoken, words)
    if spoken.german.digest != one.german:
        errors["text"] = words.gettext(
            "The text was changed while the person answered. Please ask once more."
        )
    if errors:
        return await _finish_page(
            request, case, spoken, form.with_errors(errors), status=422
        )
    evidence = {
        name: form.text(name).strip() for name in ("interpreter", "witness", "note")
    }
    answer = spoken.answer(evidence)
    try:
        await parts.run.write(
            record_signed,
            parts.office,
            answer,
            language=spoken.signed.language,
            proof=_proof(request, spoken, evidence),
            by=actor(request),
        )
    except StaleEpochError:
        return await stale(request, one.case)
    except ConflictError:
        # Sent twice: it is recorded.
        pass
    await drop_round(request)
    onward = (
        f"/relocations/{one.transfer}" if one.transfer else f"/consents/{one.consent}"
    )
    saved = words.gettext("The consent was recorded.")
    return await see_other(request, onward, saved=saved)


def _missing(form: Form, spoken: Spoken, words: Words) -> dict[str, str]:
    errors: dict[str, str] = {}
    if spoken.is_draft and not form.text("interpreter").strip():
        errors["interpreter"] = words.gettext("Please add: who interpreted.")
    if spoken.round.form == "mark" and not form.text("witness").strip():
        errors["witness"] = words.gettext("Please add: who witnessed the mark.")
    if spoken.round.form == "paper" and form.text("paper_signed") != "yes":
        errors["paper_signed"] = words.gettext(
            "Please tick when the signed paper is here."
        )
    return errors


def _proof(
    request: web.Request, spoken: Spoken, evidence: dict[str, str]
) -> Proof | None:
    """The signature's picture, or what the witness saw; paper is scanned later."""
    one, words = spoken.round, words_of(request)
    if one.form == "screen":
        return Proof(
            b64decode(one.signature),
            "image/png",
            words.gettext("Signature of the consent"),
            f"{one.consent}.png",
        )
    if one.form != "mark":
        return None
    lines = [
        words.gettext("Record of a consent before a witness"),
        words.moment(parts_of(request).clock.now()),
        words.gettext("Witness: %(name)s") % {"name": evidence["witness"]},
        words.gettext("Interpreter: %(name)s") % {"name": evidence["interpreter"]},
        words.gettext("Text: %(version)s") % {"version": spoken.signed.version},
        spoken.signed.text("sign.mark"),
        spoken.signed.text("sign.text"),
        *(
            f"{_question(one, step, words)}: "
            + (words.gettext("yes") if one.said_yes(step) else words.gettext("no"))
            for step in one.questions
        ),
    ]
    return Proof(
        "\n".join(lines).encode(),
        "text/plain",
        words.gettext("Record of the witness"),
        f"{one.consent}.txt",
    )


async def _paper(request: web.Request) -> web.Response:
    """What is signed on paper: both languages, every answer, and the number as a code."""
    case, spoken = await _case_of(request)
    return sheet_page(request, sheet_to_sign(request, case, spoken))
