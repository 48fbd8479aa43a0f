"""S10 Eingang, after the import: withdrawals to answer, the way back, the way on.

Enters: a transfer that brought a case here, and what a person decides. Leaves: the signed
answer, or a held transfer. Must never happen: a fourth answer to a withdrawal; erasing
without the page that says what cannot be undone. Implements flow J, FR-24, FR-28 to FR-30.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from aiohttp import web

from node.accounts.model import Role
from node.accounts.policy import Actor
from node.cases.codes import label
from node.casework import returning, withdrawals
from node.casework.inbox import questions
from node.casework.withdrawals import Decision, Duty
from node.errors import InputError, TransitionError
from node.ids import MemberId, TransferId
from node.report.readings import ReadingUnit
from node.sync.words import OF_PEOPLE, Answer, RejectionCode
from node.web.afterwords import story_of, why_told
from node.web.casework import actor, body_name, people_of, today
from node.web.failures import conflict
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

_DECIDERS: Final = frozenset({Role.CASEWORKER, Role.APPROVER})


def routes() -> list[Route]:
    """The addresses of what comes after the import."""
    return [
        Route("GET", "/inbox/{transfer}/after", _show, roles=_DECIDERS),
        Route("GET", "/inbox/{transfer}/withdrawal", _ask, roles=_DECIDERS),
        Route("POST", "/inbox/{transfer}/withdrawal", _answer, roles=_DECIDERS),
        Route("POST", "/inbox/{transfer}/keep", _decline, roles=_DECIDERS),
        Route("POST", "/inbox/{transfer}/return", _return, roles=_DECIDERS),
        Route("POST", "/inbox/{transfer}/forward", _forward, roles=_DECIDERS),
    ]


@dataclass(frozen=True, slots=True)
class _Seen:
    """What the pages show: the duty, the names this reader may see, who sent it."""

    duty: Duty
    names: Mapping[str, str]
    sender: str


async def _seen(request: web.Request) -> _Seen:
    parts = parts_of(request)
    duty: Duty = await parts.run.read(_read, _number(request), by=actor(request))
    people, me = await people_of(request), account_of(request).actor
    names = {
        str(person.case): person.name
        for person in people.among([case.case for case in duty.cases])
        if me.owns(person.caseworker)
    }
    return _Seen(duty, names, body_name(parts, duty.transfer.sender))


def _read(uow: ReadingUnit, transfer: TransferId, *, by: Actor) -> Duty:
    return withdrawals.duty(uow, transfer, by=by)


def _number(request: web.Request) -> TransferId:
    return path_id(request, "transfer", TransferId)


def _context(request: web.Request, seen: _Seen) -> dict[str, Any]:
    duty = seen.duty
    return {
        "transfer": duty.transfer,
        "offer": duty.offer,
        "sender": seen.sender,
        "names": list(seen.names.values()),
        "count": len(duty.cases),
        "open": duty.open,
        "due": duty.due,
        "is_late": duty.due is not None and duty.due < today(request),
        "back": "/inbox" if Role.APPROVER in account_of(request).roles else "/work",
    }


async def questions_of(request: web.Request) -> Sequence[Mapping[str, object]]:
    """Withdrawals and requests that wait for an answer here, soonest end first."""
    parts, words = parts_of(request), words_of(request)
    found = await parts.run.read(questions, today(request))
    texts = {
        True: words.gettext("The person has used a right. What becomes of the data?"),
        False: words.gettext("The former office asks for the case back."),
    }
    return [
        {
            "number": item.transfer.short,
            "href": f"/inbox/{item.transfer}/"
            + ("withdrawal" if item.is_withdrawal else "after"),
            "sender": body_name(parts, item.sender),
            "text": texts[item.is_withdrawal],
            "due": item.due,
            "is_late": item.is_late,
        }
        for item in found
    ]


# -- What came later, and the two ways ---------------------------------------------------


async def _show(request: web.Request) -> web.Response:
    return await _after_page(request, await _seen(request), Form())


async def _after_page(
    request: web.Request, seen: _Seen, form: Form, *, status: int = 200
) -> web.Response:
    parts, words = parts_of(request), words_of(request)
    duty = seen.duty
    return await page(
        request,
        "received.html",
        status=status,
        form=form,
        story=story_of(duty.aftermath, seen.sender, parts, words, is_ours=False),
        request_open=duty.aftermath.open_request is not None,
        can_go=duty.is_free,
        reasons=[(str(c), label("refusal", c, words.language)) for c in OF_PEOPLE],
        bodies=sorted(
            (
                (str(member.id), member.name)
                for member in parts.office.directory().members()
                if member.id not in {parts.office.member, duty.transfer.sender}
            ),
            key=lambda pair: pair[1],
        ),
        **_context(request, seen),
    )


async def _decline(request: web.Request) -> web.Response:
    parts, words, form = parts_of(request), words_of(request), form_of(request)
    if form.text("code") not in OF_PEOPLE:
        wrong = {"code": words.gettext("Please choose a reason.")}
        seen = await _seen(request)
        return await _after_page(request, seen, form.with_errors(wrong), status=422)
    try:
        await parts.run.write(
            returning.decline_return,
            parts.office,
            _number(request),
            RejectionCode(form.text("code")),
            by=actor(request),
        )
    except TransitionError:
        return conflict(request)
    saved = words.gettext("The case stays here. The other office learns the reason.")
    return await see_other(request, f"/inbox/{_number(request)}/after", saved=saved)


async def _return(request: web.Request) -> web.Response:
    parts, words = parts_of(request), words_of(request)
    try:
        made = await parts.run.write(
            returning.prepare_return, parts.office, _number(request), by=actor(request)
        )
    except (TransitionError, InputError):
        return conflict(request)
    saved = words.gettext("The way back is prepared. Nothing has been sent yet.")
    return await _onward(request, made, saved)


async def _forward(request: web.Request) -> web.Response:
    parts, words, form = parts_of(request), words_of(request), form_of(request)
    known = {member.id for member in parts.office.directory().members()}
    wrong = {"body": words.gettext("Please choose which body is responsible.")}
    if form.text("body") not in known:
        seen = await _seen(request)
        return await _after_page(request, seen, form.with_errors(wrong), status=422)
    try:
        made = await parts.run.write(
            returning.prepare_forwarding,
            parts.office,
            _number(request),
            MemberId(form.text("body")),
            by=actor(request),
        )
    except (TransitionError, InputError):
        return conflict(request)
    saved = words.gettext("The way on is prepared. Nothing has been sent yet.")
    return await _onward(request, made, saved)


async def _onward(request: web.Request, made: TransferId, saved: str) -> web.Response:
    """A caseworker goes on preparing; an approver has nothing more to do."""
    if Role.CASEWORKER in account_of(request).roles:
        return await see_other(request, f"/relocations/{made}", saved=saved)
    return await see_other(request, f"/inbox/{_number(request)}/after", saved=saved)


# -- A withdrawal ------------------------------------------------------------------------


async def _ask(request: web.Request) -> web.Response:
    return await _withdrawal_page(request, await _seen(request), Form())


async def _withdrawal_page(
    request: web.Request, seen: _Seen, form: Form, *, status: int = 200
) -> web.Response:
    words = words_of(request)
    if not seen.duty.open:
        return await see_other(request, f"/inbox/{_number(request)}/after")
    keeps_own = any(case.has_own for case in seen.duty.open)
    erased = (
        words.gettext("What came from there goes. Your own entries and the name stay.")
        if keeps_own
        else words.gettext("The case is deleted here. Nobody can read it any more.")
    )
    return await page(
        request,
        "withdrawal_answer.html",
        status=status,
        form=form,
        keeps_own=keeps_own,
        why=why_told(seen.duty.aftermath, seen.sender, words),
        answers=[
            ("erased", words.gettext("Delete the data"), erased),
            (
                "restricted",
                words.gettext("Lock the data"),
                words.gettext("It can be opened only to answer the person."),
            ),
            (
                "kept",
                words.gettext("Keep the data"),
                words.gettext("Only if a law asks for it. Please name the paragraph."),
            ),
        ],
        statutes=[(code, code) for code in sorted(parts_of(request).office.statutes)],
        **_context(request, seen),
    )


async def _answer(request: web.Request) -> web.Response:
    parts, words, form = parts_of(request), words_of(request), form_of(request)
    seen = await _seen(request)
    if form.text("answer") not in set(Answer):
        wrong = {"answer": words.gettext("Please choose what becomes of the data.")}
        return await _withdrawal_page(
            request, seen, form.with_errors(wrong), status=422
        )
    said = Answer(form.text("answer"))
    if form.text("_back"):
        return await _withdrawal_page(request, seen, form)
    if said is Answer.ERASED and seen.duty.open and not form.text("_sure"):
        return await page(
            request,
            "withdrawal_erase.html",
            keeps_own=any(case.has_own for case in seen.duty.open),
            **_context(request, seen),
        )
    try:
        await parts.run.write(
            withdrawals.answer,
            parts.office,
            _number(request),
            Decision(said, form.text("paragraph")),
            by=actor(request),
        )
    except TransitionError:
        return conflict(request)
    except InputError as error:
        mended = form.with_errors(_mend(error, words))
        return await _withdrawal_page(request, seen, mended, status=422)
    saved = words.gettext("Answered. %(body)s is told.") % {"body": seen.sender}
    return await see_other(request, f"/inbox/{_number(request)}/after", saved=saved)


def _mend(error: InputError, words: Words) -> Mapping[str, str]:
    if error.field == "paragraph":
        sentence = words.gettext("Please name the paragraph, for example SGB-X-67c.")
    else:
        sentence = words.gettext(
            "The case is just being handed on. It can be deleted once it is secured there."
        )
    return {error.field: sentence}
