"""The consents of a case as cards, and one of them in full.

Enters: a case or a consent. Leaves: recipients, categories in words, end, status. Must never
happen: a card of somebody else's case. Implements screens S4 (Einwilligungen), S8.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from aiohttp import web

from node import strictjson
from node.cases.asking import Status, may_ask, status_of
from node.cases.consent import RESPONSIBLE_AT_NEW_PLACE, Basis, Consent
from node.cases.model import CATEGORIES
from node.casework.statutes import reason_of
from node.casework.withdrawals import read_aftermath
from node.ids import ConsentId, MemberId, TransferId
from node.report.casepage import standing
from node.report.contents import papers
from node.report.readings import ReadingUnit
from node.sync import onward
from node.sync.aftermath import Aftermath
from node.sync.transfer import OutboundTransfer
from node.web.afterwords import Said, story_of
from node.web.caseframe import case_id, case_page
from node.web.casework import (
    OpenCase,
    body_name,
    colleagues,
    opened_case,
    today,
)
from node.web.consentasking import consents_of
from node.web.filekinds import SUFFIXES
from node.web.forms import Form
from node.web.frame import (
    Parts,
    Route,
    parts_of,
    path_id,
    words_of,
)
from node.web.language import Words
from node.web.pages.cases import CASEWORKERS


def routes() -> list[Route]:
    """The addresses of cards."""
    return [
        Route("GET", "/cases/{case}/consents", _list, roles=CASEWORKERS),
        Route("GET", "/consents/{consent}", _show, roles=CASEWORKERS),
    ]


@dataclass(frozen=True, slots=True)
class Card:
    """One consent as a card."""

    consent: Consent
    status: Status
    recipients: Sequence[str]
    recorded_by: str

    @property
    def can_be_withdrawn(self) -> bool:
        """Whether there is anything to take back."""
        return self.status in {Status.ACTIVE, Status.DRAFT, Status.EXPIRED}


async def _list(request: web.Request) -> web.Response:
    case = await opened_case(request, case_id(request))
    consents = await consents_of(request, case.file.id)
    return await case_page(
        request,
        "case_consents.html",
        case,
        cards=[
            await card_of(request, consent)
            for consent in sorted(consents, key=lambda c: c.recorded_at, reverse=True)
        ],
        may_ask=may_ask(consents, today(request)),
        can_use_law=bool(parts_of(request).office.statutes),
    )


async def card_of(request: web.Request, consent: Consent) -> Card:
    """One consent with everything its card says."""
    parts, words = parts_of(request), words_of(request)
    names = await colleagues(request)
    return Card(
        consent=consent,
        status=status_of(consent, parts.clock.now()),
        recipients=[recipient_words(parts, words, to) for to in consent.recipients],
        recorded_by=names.get(consent.recorded_by, "") if consent.recorded_by else "",
    )


def recipient_words(parts: Parts, words: Words, to: str) -> str:
    """A recipient of a consent in words."""
    if to == RESPONSIBLE_AT_NEW_PLACE:
        return words.gettext("the body responsible at the new place")
    kind, _, name = to.partition(":")
    if kind == "member":
        return body_name(parts, MemberId(name))
    return words.gettext("bodies of the area %(number)s") % {"number": name}


async def _show(request: web.Request) -> web.Response:
    return await consent_page(request, await consent_of(request))


async def consent_page(
    request: web.Request, consent: Consent, *, errors: Mapping[str, str] | None = None
) -> web.Response:
    """One consent in full; with errors where a scan was not taken."""
    case = await opened_case(request, consent.case)
    if consent.basis is Basis.STATUTE:
        return await _basis_page(request, case, consent)
    evidence = strictjson.parse_object(consent.evidence) if consent.evidence else {}
    words = words_of(request)
    return await case_page(
        request,
        "consent.html",
        case,
        status=422 if errors else 200,
        form=Form().with_errors(errors or {}),
        accepted=", ".join(f".{suffix}" for suffix in SUFFIXES),
        proofs=[
            r
            for r in standing(case.content.of("document"))
            if r.text("consent") == str(consent.id)
        ],
        card=await card_of(request, consent),
        categories=[(code, code in consent.categories) for code in CATEGORIES],
        story=await _story(request, consent),
        version=_version_words(consent.text_version, words),
        reading_aid=_version_words(
            str(evidence.get("evidence_reading_aid", "")), words
        ),
        documents=[p for p in papers(case.content) if p.id in consent.documents],
        evidence={
            name: str(evidence.get(f"evidence_{name}", ""))
            for name in ("witness", "interpreter", "note")
        },
    )


async def _basis_page(
    request: web.Request, case: OpenCase, basis: Consent
) -> web.Response:
    """A legal basis in full: its paragraph, why, who agreed, what an objection did."""
    names = await colleagues(request)
    return await case_page(
        request,
        "consent_statute.html",
        case,
        card=await card_of(request, basis),
        title=paragraph_of(basis),
        second=names.get(basis.second, "") if basis.second else "",
        reason=reason_of(case.content, basis.id),
        documents=[p for p in papers(case.content) if p.id in basis.documents],
        story=await _story(request, basis),
    )


def paragraph_of(basis: Consent) -> str:
    """The paragraph in full, as both people saw it."""
    evidence = strictjson.parse_object(basis.evidence) if basis.evidence else {}
    return str(evidence.get("title", ""))


async def _story(
    request: web.Request, consent: Consent
) -> Sequence[tuple[TransferId, Said]]:
    """What became of the data at each body that had them."""
    parts, words = parts_of(request), words_of(request)
    after = await parts.run.read(_told, consent)
    return [
        (transfer.id, said)
        for transfer, found in after
        for said in story_of(
            replace(found, asked=(), first_contact=None, passed_on=None),
            body_name(parts, transfer.recipient),
            parts,
            words,
            is_ours=True,
        )
    ]


def _version_words(version: str, words: Words) -> str:
    """A version of a text as its language and the beginning of its digest."""
    language, colon, digest = version.partition(":")
    if not colon:
        return version
    name = words.code(language, "language")
    return words.gettext("%(language)s, version %(number)s") % {
        "language": name,
        "number": digest[:8],
    }


async def consent_of(request: web.Request) -> Consent:
    """The consent in the address; whoever opens its case proves that it is theirs."""
    return await parts_of(request).run.read(
        _one, path_id(request, "consent", ConsentId)
    )


def _one(uow: ReadingUnit, consent: ConsentId) -> Consent:
    return uow.consents.get(consent)


def _told(
    uow: ReadingUnit, consent: Consent
) -> list[tuple[OutboundTransfer, Aftermath]]:
    """What became of a withdrawal at each body that had the data."""
    if consent.withdrawn_at is None:
        return []
    resting = onward.resting_on(uow, consent)
    return [(t, read_aftermath(uow, t.id, is_ours=True)) for t in resting]
