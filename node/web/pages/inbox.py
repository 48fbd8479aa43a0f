"""S10 Eingang: what another office offers, one page, one decision.

Enters: the approver's look, ticks and reasons. Leaves: the decision through
``sync.recipient``, and the page that shows how it goes on. Must never happen here: a name
before it was announced or opened; approve where a check failed; a second decision over a
first. Implements flow E, SC-46 to SC-53.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from aiohttp import web

from node.accounts.model import Role
from node.accounts.policy import Actor
from node.cases.codes import label
from node.cases.days import local_day
from node.cases.model import FOUR_EYES
from node.casework import inbox as casework
from node.casework.archiving import abandoned
from node.casework.arrivals import caseworkers
from node.casework.inbox import Announced, OfferSight
from node.casework.seconds import waiting
from node.errors import (
    InputError,
    PacketUnreadableError,
    TransitionError,
    TrustError,
)
from node.ids import MemberId, TransferId
from node.sync import decision
from node.sync.decision import No
from node.sync.inward import offered_categories
from node.sync.offer import OfferBody
from node.sync.office import Office
from node.sync.ports import UnitOfWork
from node.sync.transfer import Inbound
from node.sync.uploading import beginning
from node.sync.words import OF_PEOPLE, RejectionCode
from node.web.afterwords import KINDS
from node.web.forms import Form
from node.web.frame import (
    Parts,
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
from node.web.offerwords import (
    bodies_of,
    chain_of,
    checks_of,
    content_of,
    headline,
    left_out,
    people_of,
    sender_of,
    state_word,
)
from node.web.pages.aftermath import questions_of
from node.web.session import shows_already
from node.web.trackwords import mark_of

APPROVERS: Final = frozenset({Role.APPROVER})
_ALWAYS: Final = "K01"


async def caseworkers_of(request: web.Request) -> Sequence[tuple[str, str]]:
    """Who may get an arrived case today: id and name."""
    parts = parts_of(request)
    found = await parts.run.read(caseworkers, parts.clock.now().date())
    return [(str(account.id), account.name) for account in found]


def routes() -> list[Route]:
    """The addresses of the inbox."""
    one, who = "/inbox/{transfer}", APPROVERS
    return [
        Route("GET", "/inbox", _list, roles=who),
        Route("GET", one, _show, roles=who),
        Route("POST", f"{one}/names", _names, roles=who),
        Route("POST", f"{one}/approve", _approve, roles=who, asks_proof=True),
        Route("POST", f"{one}/refuse", _refuse, roles=who, asks_proof=True),
    ]


async def _list(request: web.Request) -> web.Response:
    parts, words = parts_of(request), words_of(request)
    found = await parts.run.read(casework.inbox, _actor(request))
    rows = {
        name: [
            {
                "id": item.transfer.id,
                "number": item.transfer.id.short,
                "sender": sender_of(parts.office, item.transfer.sender).name,
                "ends": item.transfer.expires_at,
                "persons": item.offer.persons,
                "move_on": item.offer.move_on,
                "state": state_word(item, words),
                "at": max(item.transfer.facts.values()),
            }
            for item in items
        ]
        for name, items in (("open", found.open), ("over", found.over))
    }
    today = local_day(parts.clock.now())
    return await page(
        request,
        "inbox.html",
        rows=rows,
        questions=await questions_of(request),
        wishes=await parts.run.read(waiting, today, by=_actor(request)),
        abandoned=await parts.run.read(abandoned, today, by=_actor(request)),
    )


async def _show(request: web.Request) -> web.Response:
    sight = await sight_of(request)
    return await offer_page(request, sight, _ticked(sight))


async def _names(request: web.Request) -> web.Response:
    """Show who comes; who looked is written down first (HO-61)."""
    parts, number = parts_of(request), path_id(request, "transfer", TransferId)
    actor, at = _actor(request), parts.clock.now()
    key, sealed = await parts.run.write(casework.begin_look, number, actor, at)
    sight = await sight_of(request)
    try:
        start = await parts.run.file(beginning, parts.files, number, key, sealed)
        people = await parts.run.read(
            casework.names, parts.office, number, start, actor
        )
    except PacketUnreadableError:
        words = words_of(request)
        wrong = words.gettext("The announcement cannot be read.")
        return await offer_page(request, sight, _ticked(sight), problem=wrong)
    return await offer_page(request, sight, _ticked(sight), people=people)


async def _approve(request: web.Request) -> web.Response:
    parts, words, form = parts_of(request), words_of(request), form_of(request)
    sight = await sight_of(request)
    offer = sight.received.offer
    offered = frozenset(offered_categories(offer))
    take = frozenset(form.all("take")) & offered
    if any(check["ok"] is False for check in _checks(request, sight)):
        problem = words.gettext("One of the checks failed. Nothing was approved.")
        return await offer_page(request, sight, form, status=409, problem=problem)
    try:
        after = await parts.run.write(
            _decide_yes, parts.office, sight.received.transfer.id, take, _actor(request)
        )
    except TransitionError:
        return await _too_late(request)
    except InputError:
        problem = words.gettext(
            "A second person must approve: you were the first already."
        )
        return await offer_page(request, sight, form, status=422, problem=problem)
    saved = (
        words.gettext("Approved. Another person must approve as well.")
        if after is Inbound.WAITING
        else words.gettext("Approved. The key is requested.")
    )
    return await see_other(request, request.path.removesuffix("/approve"), saved=saved)


async def _refuse(request: web.Request) -> web.Response:
    parts, words, form = parts_of(request), words_of(request), form_of(request)
    sight = await sight_of(request)
    no, errors = _no_of(form, parts.office, words)
    if no is not None:
        try:
            await parts.run.write(
                _decide_no,
                parts.office,
                sight.received.transfer.id,
                no,
                _actor(request),
            )
        except TransitionError:
            return await _too_late(request)
        except TrustError:
            errors = {
                "comment": words.gettext(
                    "The comment cannot be sealed for the other office just now."
                    " Please refuse without it."
                )
            }
        except InputError:
            errors = {
                "comment": words.gettext(
                    "The comment is too long. Please shorten it to about 2000 letters."
                )
            }
        else:
            saved = words.gettext("Refused. The other office learns the reason.")
            return await see_other(
                request, request.path.removesuffix("/refuse"), saved=saved
            )
    # The ticks above stand in a form of their own; a wrong refusal leaves them alone.
    kept = Form({**form.values, "take": _ticked(sight).all("take")}, errors)
    return await offer_page(request, sight, kept, status=422)


# ---- The page --------------------------------------------------------------------------


async def sight_of(request: web.Request) -> OfferSight:
    """What may be known of the offer that the address names."""
    number = path_id(request, "transfer", TransferId)
    sight: OfferSight = await parts_of(request).run.read(
        casework.offer_sight, number, _actor(request)
    )
    return sight


async def _too_late(request: web.Request) -> web.Response:
    """Somebody or something was faster; the page shows how it stands now (SC-51)."""
    sight = await sight_of(request)
    problem = words_of(request).gettext(
        "Your decision was not saved: it was decided or ended meanwhile."
    )
    return await offer_page(request, sight, _ticked(sight), status=409, problem=problem)


async def offer_page(
    request: web.Request,
    sight: OfferSight,
    form: Form,
    *,
    status: int = 200,
    problem: str = "",
    people: Sequence[Announced] = (),
) -> web.Response:
    """The page of one offer, in whatever state it is."""
    parts, words, account = parts_of(request), words_of(request), account_of(request)
    transfer, offer = sight.received.transfer, sight.received.offer
    sender = sender_of(parts.office, transfer.sender)
    mine = transfer.decided_by == account.id
    checks = _checks(request, sight)
    sound = all(check["ok"] is True for check in checks)
    waiting = transfer.state is Inbound.WAITING
    top = headline(sight, sender.name, words, is_first=mine)
    chain = chain_of(sight, words)
    mark = mark_of(transfer.state, top, chain)
    if shows_already(request, mark):
        return web.Response(status=204)
    return await page(
        request,
        "offer.html",
        status=status,
        transfer=transfer,
        offer=offer,
        offer_kind=words.gettext(KINDS[offer.kind]) if offer.kind in KINDS else "",
        sender=sender,
        decided_by=sight.decided_by,
        second_by=sight.second_by,
        place=_place(parts, offer),
        headline=top,
        mark=mark,
        checks=checks,
        chain=chain,
        bands=people_of(offer, words),
        interpreters=[
            label("language", language, words.language)
            for language in offer.interpreters
        ],
        content=content_of(offer, words),
        documents=[
            (label("doc_kind", kind, words.language), count)
            for kind, count in sorted(offer.categories.documents.items())
        ],
        left_out=left_out(offer, words),
        overridden=sight.is_overridden,
        days_left=max((transfer.expires_at - parts.clock.now()).days, 0),
        sight=sight,
        caseworkers=await caseworkers_of(request) if sight.unassigned else [],
        undecided=transfer.state in casework.WAITING_HERE,
        can_approve=waiting and sound and not mine,
        can_refuse=transfer.state in {Inbound.WAITING, Inbound.APPROVED},
        four_eyes=bool(FOUR_EYES & set(offered_categories(offer))),
        is_second=waiting and transfer.decided_by is not None and not mine,
        choices=_choices(sight, words),
        taken=_taken(sight, words),
        named=offer.named and sight.is_here,
        people=people,
        reasons=[
            (str(code), label("refusal", code, words.language)) for code in OF_PEOPLE
        ],
        bodies=bodies_of(parts.office),
        refusal=_refusal(sight, words),
        form=form,
        problem=problem,
    )


def _checks(request: web.Request, sight: OfferSight) -> Sequence[Mapping[str, object]]:
    parts = parts_of(request)
    sender = sender_of(parts.office, sight.received.transfer.sender)
    return checks_of(sight, sender, words_of(request), at=parts.clock.now())


def _choices(sight: OfferSight, words: Words) -> Sequence[tuple[str, str]]:
    """What can be ticked; person and contact details are always taken."""
    return [
        (code, label("category", code, words.language))
        for code in offered_categories(sight.received.offer)
        if code != _ALWAYS
    ]


def _taken(sight: OfferSight, words: Words) -> Sequence[str]:
    """What was ticked, in words, once somebody decided."""
    take = sight.received.transfer.take
    return [label("category", code, words.language) for code in sorted(take or ())]


def _ticked(sight: OfferSight) -> Form:
    """The form as it is first shown: everything ticked, or what the first approver chose."""
    take = sight.received.transfer.take
    offered = offered_categories(sight.received.offer)
    return Form({"take": tuple(sorted(take)) if take is not None else tuple(offered)})


def _refusal(sight: OfferSight, words: Words) -> str:
    refusal = sight.received.transfer.refusal
    if refusal is None or refusal.code not in OF_PEOPLE:
        return ""
    return label("refusal", refusal.code, words.language)


def _place(parts: Parts, offer: OfferBody) -> str:
    # The official list says "Wehr, Stadt".
    name = parts.places.get(offer.ags, "").split(",")[0]
    return f"{name} ({offer.ags})".strip()


def _no_of(
    form: Form, office: Office, words: Words
) -> tuple[No | None, Mapping[str, str]]:
    """The refusal that was filled in, or a sentence for what is missing."""
    chosen = form.text("code")
    if chosen not in OF_PEOPLE:
        return None, {"code": words.gettext("Please choose a reason.")}
    code = RejectionCode(chosen)
    body = next((m for m, _ in bodies_of(office) if m == form.text("body")), None)
    if code is RejectionCode.OTHER_BODY and body is None:
        wrong = words.gettext("Please choose which body is responsible.")
        return None, {"body": wrong}
    named = MemberId(body) if code is RejectionCode.OTHER_BODY and body else None
    return No(code, form.text("comment"), body=named), {}


# ---- Use cases in one thread hop -------------------------------------------------------


def _actor(request: web.Request) -> Actor:
    return account_of(request).actor


def _decide_yes(
    uow: UnitOfWork, office: Office, number: TransferId, take: frozenset[str], by: Actor
) -> Inbound:
    return decision.approve(uow, office, number, by=by, take=take).state


def _decide_no(
    uow: UnitOfWork, office: Office, number: TransferId, no: No, by: Actor
) -> None:
    decision.refuse(uow, office, number, by=by, no=no)
