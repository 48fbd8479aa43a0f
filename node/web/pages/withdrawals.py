"""Taking a withdrawal: two clicks, no reason asked, effective at once.

Enters: whose, and how it was said. Leaves: the end of everything that rests on it. Must
never happen: a step-up, a second person or a question why; an effect that the page did not
list. Implements flow J, FR-24, SC-63.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from aiohttp import web

from node.accounts.model import Role
from node.accounts.policy import Actor, require
from node.cases.consent import Consent
from node.casework.consents import (
    withdraw_consent,
)
from node.errors import InputError, NotFoundError
from node.ids import ConsentId
from node.report.readings import ReadingUnit
from node.sync import onward
from node.sync.limits import WITHDRAWAL_DUE
from node.sync.transfer import Outbound, OutboundTransfer
from node.web.casework import (
    actor,
    people_of,
    recipient_name,
)
from node.web.forms import Form
from node.web.frame import (
    Route,
    account_of,
    form_of,
    page,
    parts_of,
    path_id,
    see_other,
    words_of,
)
from node.web.language import Words
from node.web.pages.consentcards import card_of

_TAKERS: Final = frozenset({Role.CASEWORKER, Role.APPROVER})
_HOW: Final = ("spoken", "written", "other")
_WHO: Final = ("self", "guardian", "appointed_guardian")
_GRANTED: Final = frozenset(
    {Outbound.GRANTED, Outbound.CLOSED, Outbound.DURABLE, Outbound.TOLD}
)
_STOPPED: Final = frozenset(
    {Outbound.QUEUED, Outbound.DELIVERED, Outbound.ASKED, Outbound.EXPORTED}
)


def routes() -> list[Route]:
    """The addresses of a withdrawal."""
    return [
        Route("GET", "/consents/{consent}/withdraw", _ask_back, roles=_TAKERS),
        Route("POST", "/consents/{consent}/withdraw", _withdraw, roles=_TAKERS),
    ]


@dataclass(frozen=True, slots=True)
class _Resting:
    """A consent and the transfers that rest on it."""

    consent: Consent
    transfers: Sequence[OutboundTransfer]


def _resting(uow: ReadingUnit, consent: ConsentId, *, by: Actor) -> _Resting:
    require(by, "consent.withdraw")
    found = uow.consents.get(consent)
    return _Resting(found, onward.resting_on(uow, found))


async def _read_resting(request: web.Request) -> _Resting:
    return await parts_of(request).run.read(
        _resting, path_id(request, "consent", ConsentId), by=actor(request)
    )


async def _ask_back(request: web.Request) -> web.Response:
    return await _withdraw_page(request, await _read_resting(request), Form())


async def _withdraw_page(
    request: web.Request, resting: _Resting, form: Form, *, status: int = 200
) -> web.Response:
    words, parts = words_of(request), parts_of(request)
    if resting.consent.withdrawn_at is not None or resting.consent.declined_on:
        raise NotFoundError("consent")
    people = await people_of(request)
    person = people.find(resting.consent.case)
    return await page(
        request,
        "consent_withdraw.html",
        status=status,
        form=form,
        person=person,
        is_own=person is not None and account_of(request).actor.owns(person.caseworker),
        card=await card_of(request, resting.consent),
        by_law=resting.consent.statute or "",
        effects=_effects(request, resting.transfers),
        how=[
            ("spoken", words.gettext("spoken")),
            ("written", words.gettext("in writing")),
            ("other", words.gettext("in another way")),
        ],
        who=[(code, words.code(code, "given_by")) for code in _WHO],
        body=parts.settings.body,
    )


def _effects(
    request: web.Request, transfers: Sequence[OutboundTransfer]
) -> list[Mapping[str, str]]:
    """What will happen, one sentence per transfer."""
    parts, words = parts_of(request), words_of(request)
    due = words.day(parts.clock.now() + WITHDRAWAL_DUE)
    effects: list[Mapping[str, str]] = []
    for transfer in transfers:
        body = recipient_name(parts, transfer)
        if transfer.state in _STOPPED:
            text = words.gettext(
                "The handover to %(body)s is stopped. The content stays unreadable"
                " there for ever."
            ) % {"body": body}
        elif transfer.state in _GRANTED and transfer.body is not None:
            text = words.gettext(
                "%(body)s has no node: the handover shows a letter to print, and you"
                " write down the answer."
            ) % {"body": body}
        elif transfer.state in _GRANTED:
            text = words.gettext(
                "%(body)s is told and must answer until %(day)s what became of the data."
            ) % {"body": body, "day": due}
        else:
            continue
        effects.append({"text": text, "number": transfer.id.short})
    return effects


async def _withdraw(request: web.Request) -> web.Response:
    form, words, parts = form_of(request), words_of(request), parts_of(request)
    resting = await _read_resting(request)
    if form.text("how") not in _HOW:
        missing = {"how": words.gettext("Please choose how it was said.")}
        return await _withdraw_page(
            request, resting, form.with_errors(missing), status=422
        )
    try:
        stopped = await parts.run.write(
            withdraw_consent,
            parts.office,
            resting.consent.id,
            how=form.text("how"),
            said_by=form.text("who") if form.text("who") in _WHO else None,
            by=actor(request),
        )
    except InputError:
        stopped = []
    saved = _saved(len(stopped), words, by_law=resting.consent.statute is not None)
    people = await people_of(request)
    person = people.find(resting.consent.case)
    me = account_of(request).actor
    is_own = person is not None and me.owns(person.caseworker)
    # There the copy for the person is printed, and a scan of what they wrote kept.
    onward = f"/consents/{resting.consent.id}" if is_own else "/outbox"
    return await see_other(request, onward, saved=saved)


def _saved(stopped: int, words: Words, *, by_law: bool) -> str:
    if by_law:
        return words.gettext(
            "The objection was recorded. Nothing more is passed on until two people have"
            " decided anew."
        )
    if not stopped:
        return words.gettext("The withdrawal was recorded.")
    text = words.ngettext(
        "The withdrawal was recorded. %(num)s handover was stopped or told.",
        "The withdrawal was recorded. %(num)s handovers were stopped or told.",
        stopped,
    )
    return text % {"num": stopped}
