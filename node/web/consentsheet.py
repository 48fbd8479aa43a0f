"""The sheet of a consent as a page: to sign, to take away, to print.

Enters: a round that is under way, or a consent on record. Leaves: its ``ConsentCopy`` with
the number as a code. Must never happen: a consent printed in other words than those that
were signed, while we still have them. Implements flow C, steps 6 and 7; SC-40.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from aiohttp import web

from node import strictjson
from node.cases.consent import RESPONSIBLE_AT_NEW_PLACE, Consent
from node.cases.consenttext import GERMAN, TONGUES, ConsentText, TextState
from node.cases.days import local_day
from node.casework.cases import open_document
from node.casework.consenttexts import current_texts
from node.errors import ErasedError, NotFoundError, TrustError
from node.ids import MemberId, RecordId
from node.report.consentcopy import Asker, ConsentCopy, Words, gather_copy
from node.report.contents import papers
from node.report.readings import ReadingUnit
from node.strictjson import JsonObject
from node.web.answering import Spoken
from node.web.casework import OpenCase, actor, body_name
from node.web.frame import Parts, bare_frame, parts_of, render
from node.web.qr import code_of

_YES_NO: Final = ("announce_by_name", "may_tell_old_office", "contact_back")


def asker_of(parts: Parts) -> Asker:
    """This body, and how it is reached."""
    try:
        contact = parts.office.directory().member(parts.office.member).contact
    except TrustError:
        return Asker(parts.settings.body, ())
    lines = (contact.office, contact.phone, contact.mail)
    return Asker(parts.settings.body, tuple(line for line in lines if line))


def sheet_to_sign(request: web.Request, case: OpenCase, spoken: Spoken) -> ConsentCopy:
    """The sheet of a round whose answers are given and whose paper is not signed yet."""
    one = spoken.round
    answers = []
    for step in one.questions:
        document = one.document(step)
        title = document.title if document else ""
        block = "document" if document else step
        answers.append((block, one.said_yes(step), title))
    return gather_copy(
        Words(spoken.own, spoken.german, one.values, spoken.is_draft),
        asker=asker_of(parts_of(request)),
        number=str(one.consent),
        person=case.person.name,
        given_by=str(one.given_by),
        to_body=bool(one.body),
        answers=answers,
    )


async def sheet_of(
    request: web.Request, case: OpenCase, consent: Consent
) -> ConsentCopy:
    """The copy of a consent on record, in the words that were signed."""
    parts = parts_of(request)
    evidence = strictjson.parse_object(consent.evidence) if consent.evidence else {}
    own, german, is_draft = await parts.run.read(_texts_of, consent, evidence)
    to = next(iter(consent.recipients), RESPONSIBLE_AT_NEW_PLACE)
    kind, _, name = to.partition(":")
    body = body_name(parts, MemberId(name)) if kind == "member" else ""
    values = {"body": body, "date": f"{consent.valid_until:%d.%m.%Y}"}
    copy = gather_copy(
        Words(own, german, values, is_draft),
        asker=asker_of(parts),
        number=str(consent.id),
        person=case.person.name,
        given_by=str(consent.given_by),
        to_body=bool(body),
        answers=_answers(case, consent, evidence),
    )
    return replace(
        copy,
        version=consent.text_version,
        signed_on=local_day(consent.recorded_at),
        withdrawn_on=local_day(consent.withdrawn_at) if consent.withdrawn_at else None,
        interpreter=str(evidence.get("evidence_interpreter", "")),
        witness=str(evidence.get("evidence_witness", "")),
        form=consent.form,
    )


def _texts_of(
    uow: ReadingUnit, consent: Consent, evidence: JsonObject
) -> tuple[ConsentText, ConsentText, bool]:
    """Own text, German text, and whether the own one was a draft.

    Answers that were recorded before the texts had versions get those of today.
    """
    texts = current_texts(uow)
    signed = _version(uow, consent.text_version)
    aid = _version(uow, str(evidence.get("evidence_reading_aid", "")))
    beside = _version(uow, str(evidence.get("evidence_german", "")))
    german = beside or (
        signed if signed is not None and signed.language == GERMAN else texts.german
    )
    if aid is not None or signed is not None:
        return aid or signed or german, german, aid is not None
    if consent.language not in TONGUES:
        return german, german, False
    is_draft = texts.state(consent.language) is not TextState.VERIFIED
    return texts.of(consent.language), german, is_draft and consent.language != GERMAN


def _version(uow: ReadingUnit, version: str) -> ConsentText | None:
    kept = uow.consent_texts.version(version.partition(":")[2])
    return None if kept is None else kept.text


def _answers(
    case: OpenCase, consent: Consent, evidence: JsonObject
) -> Sequence[tuple[str, bool, str]]:
    """Every question that was asked; without a list of them, what was granted."""
    titles: Mapping[str, str] = {
        str(p.id): p.title or p.kind for p in papers(case.content)
    }
    listed = evidence.get("evidence_asked")
    granted = {str(d) for d in consent.documents} | set(consent.categories)
    granted |= {name for name in _YES_NO if getattr(consent, name)}
    granted |= {"secrecy_release"} if consent.secrecy_release else set()
    asked = listed if isinstance(listed, list) else sorted(granted - {"K13"})
    return [
        ("document", one in granted, titles.get(one, ""))
        if len(one) == 32
        else (one, one in granted, "")
        for one in asked
    ]


def sheet_page(
    request: web.Request, copy: ConsentCopy, *, pdf: str = ""
) -> web.Response:
    """The sheet, ready to be printed from the browser; ``pdf`` is where it is a file."""
    return render(
        request,
        "consent_sheet.html",
        bare_frame(request),
        copy=copy,
        code=code_of(copy.number),
        pdf=pdf,
    )


async def signature_of(request: web.Request, consent: Consent) -> bytes:
    """The picture of a signature by finger; empty if there is none, or it was erased."""
    evidence = strictjson.parse_object(consent.evidence) if consent.evidence else {}
    number = str(evidence.get("evidence_document", ""))
    if consent.form != "screen" or not RecordId.pattern.fullmatch(number):
        return b""
    run = parts_of(request).run
    try:
        record, chunks = await run.read(
            open_document, actor(request), consent.case, RecordId(number)
        )
    except (ValueError, ErasedError, NotFoundError):
        return b""
    if record.text("media_type") != "image/png":
        return b""
    return await run.file(b"".join, chunks)
