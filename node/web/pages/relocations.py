"""S7 Wegzug, once it is recorded: who, what, and the reasons of everything that waits.

Enters: a transfer that is held, and what was ticked. Leaves: the confirmation, the second
person's, or its end. Must never happen: a send button where the gate would say no; a name
shown to a second person who has nothing to confirm. Implements flow B, steps 3 to 6; FR-11,
FR-16, FR-17, DO-20.
"""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Final

from aiohttp import web

from node.accounts.model import Role
from node.cases.extract import is_minor
from node.cases.model import FOUR_EYES, PartialDate
from node.casework.relocations import (
    CONFIRMED,
    Confirmation,
    cancel,
    confirm,
    second,
)
from node.errors import (
    InputError,
    NotFoundError,
    TransitionError,
)
from node.ids import CaseId, RecordId, TransferId
from node.report.readings import PersonRow, ReadingUnit, TransferRow
from node.sync.transfer import Outbound, OutboundTransfer
from node.web.afterwords import KINDS
from node.web.casework import (
    actor,
    colleagues,
    household_of,
    new_once,
    people_of,
    recipient_name,
)
from node.web.exportwords import has_address
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
from node.web.pages.cases import CASEWORKERS
from node.web.placenames import place_words
from node.web.travellers import Traveller, scope_of, ticked, travellers_of

_GOES_SOON: Final = timedelta(minutes=2)
_SECONDS: Final = frozenset({Role.CASEWORKER, Role.APPROVER})
_LISTED: Final = 500
_LONG_AGO: Final = timedelta(days=365)


def routes() -> list[Route]:
    """The addresses of moves."""
    return [
        Route("GET", "/relocations/{transfer}", _show, roles=_SECONDS),
        Route("POST", "/relocations/{transfer}", _send, roles=CASEWORKERS),
        Route(
            "POST",
            "/relocations/{transfer}/second",
            _second,
            roles=_SECONDS,
            asks_proof=True,
        ),
        Route("POST", "/relocations/{transfer}/discard", _discard, roles=CASEWORKERS),
    ]


# -- The task list of a transfer that is held --------------------------------------------


async def _show(request: web.Request) -> web.Response:
    row = await _transfer(request)
    transfer = row.transfer
    if transfer.state is not Outbound.HELD:
        return await see_other(request, f"/outbox/{transfer.id}")
    if transfer.body is not None and not await has_address(request, transfer):
        return await see_other(request, f"/exports/{transfer.id}")
    if not await _is_mine(request, transfer):
        return await _second_page(request, transfer)
    travellers = await travellers_of(request, transfer)
    return await _task_page(request, transfer, travellers, ticked(transfer, travellers))


async def _transfer(request: web.Request) -> TransferRow:
    return await parts_of(request).run.read(
        _read_transfer, path_id(request, "transfer", TransferId)
    )


def _read_transfer(uow: ReadingUnit, transfer: TransferId) -> TransferRow:
    return uow.readings.transfer(transfer)


async def _is_mine(request: web.Request, transfer: OutboundTransfer) -> bool:
    people, me = await people_of(request), account_of(request).actor
    return all(
        person is not None and me.owns(person.caseworker)
        for person in (people.find(member.case) for member in transfer.members)
    )


async def _task_page(
    request: web.Request,
    transfer: OutboundTransfer,
    travellers: Sequence[Traveller],
    form: Form,
    *,
    status: int = 200,
) -> web.Response:
    parts, words = parts_of(request), words_of(request)
    waiting = transfer.policy == CONFIRMED and transfer.second is None
    names = await colleagues(request)
    return await page(
        request,
        "relocation.html",
        status=status,
        kind=KINDS.get(transfer.kind, ""),
        transfer=transfer,
        form=form,
        travellers=travellers,
        body=recipient_name(parts, transfer),
        place=place_words(transfer.ags, parts.places.get(transfer.ags, "")),
        staying=await _staying(request, transfer),
        tasks=_tasks(transfer, travellers, words),
        can_use_law=bool(parts.office.statutes),
        can_send=any(t.is_covered for t in travellers),
        waits_for_second=waiting and any(t.needs_second for t in travellers),
        confirmed_by=names.get(transfer.created_by, "") if transfer.created_by else "",
        going=transfer.policy == "auto"
        and not transfer.withheld
        and parts.clock.now() - transfer.created_at < _GOES_SOON
        and all(t.is_covered and not t.needs_second for t in travellers),
    )


async def _staying(request: web.Request, transfer: OutboundTransfer) -> list[PersonRow]:
    """Who of the household stays; named here only, the other side reads a number."""
    people = await people_of(request)
    moving = {member.case for member in transfer.members}
    first = people.find(transfer.members[0].case)
    if first is None:
        return []
    return [
        p
        for p in await household_of(request, first)
        if p.case not in moving and p.is_here
    ]


def _tasks(
    transfer: OutboundTransfer, travellers: Sequence[Traveller], words: Words
) -> list[Mapping[str, str]]:
    """The six steps of flow B, each with how it stands."""
    done, todo = words.gettext("done"), words.gettext("not begun")
    missing = [t for t in travellers if not t.is_covered]
    blocked = words.gettext("blocked")
    consent = {"status": done, "kind": "success"}
    if missing:
        reason = words.ngettext(
            "missing for %(num)s person", "missing for %(num)s persons", len(missing)
        ) % {"num": len(missing)}
        is_stuck = len(missing) == len(travellers)
        consent = {
            "status": blocked if is_stuck else words.gettext("in part"),
            "kind": "warning",
            "hint": reason,
        }
    ready = len(missing) < len(travellers)
    return [
        {"title": words.gettext("Where to"), "href": "#where", "status": done}
        | {"kind": "success"},
        {"title": words.gettext("Who"), "href": "#what", "status": done}
        | {"kind": "success"},
        {"title": words.gettext("Consent"), "href": "#what"} | consent,
        {
            "title": words.gettext("What is sent"),
            "href": "#what",
            "status": todo if transfer.policy != CONFIRMED else done,
            "kind": "" if transfer.policy != CONFIRMED else "success",
        },
        {
            "title": words.gettext("Check and send"),
            "href": "#send" if ready else "",
            "status": todo if ready else blocked,
            "kind": "",
        },
    ]


# -- Send, confirm as second, discard ----------------------------------------------------


async def _send(request: web.Request) -> web.Response:
    form, words = form_of(request), words_of(request)
    transfer = (await _transfer(request)).transfer
    if transfer.state is not Outbound.HELD:
        return await see_other(request, f"/outbox/{transfer.id}")
    travellers = await travellers_of(request, transfer)
    scope = scope_of(form, travellers)
    if not scope:
        wrong = words.gettext("Please tick at least one person.")
        return await _task_page(
            request,
            transfer,
            travellers,
            form.with_errors({"member": wrong}),
            status=422,
        )
    if form.text("_back"):
        return await _task_page(request, transfer, travellers, form)
    if not form.text("_sure"):
        return await _send_page(request, transfer, travellers, scope)
    return await _confirm(request, transfer, travellers, scope)


async def _confirm(
    request: web.Request,
    transfer: OutboundTransfer,
    travellers: Sequence[Traveller],
    scope: Mapping[CaseId, tuple[frozenset[str], frozenset[RecordId]]],
) -> web.Response:
    parts, words = parts_of(request), words_of(request)
    try:
        await parts.run.write(
            confirm, transfer.id, Confirmation(scope), by=actor(request)
        )
    except TransitionError:
        return conflict(request)
    second_is_missing = any(
        t.needs_second or not scope[t.person.case][0].isdisjoint(FOUR_EYES)
        for t in travellers
        if t.person.case in scope
    )
    if second_is_missing:
        saved = words.gettext("Saved. A second person must confirm before it is sent.")
        return await see_other(request, f"/relocations/{transfer.id}", saved=saved)
    saved = words.gettext("The handover is being sent.")
    return await see_other(request, f"/outbox/{transfer.id}", saved=saved)


async def _send_page(
    request: web.Request,
    transfer: OutboundTransfer,
    travellers: Sequence[Traveller],
    scope: Mapping[CaseId, tuple[frozenset[str], frozenset[RecordId]]],
) -> web.Response:
    parts, words = parts_of(request), words_of(request)
    kept: dict[str, object] = {"member": list(scope)}
    for case, (categories, documents) in scope.items():
        kept[f"cat_{case}"] = sorted(categories)
        kept[f"doc_{case}"] = sorted(documents)
    left = [t.person for t in travellers if t.person.case not in scope]
    minors = sum(_is_minor(p, transfer.move_on) for p in left)
    return await page(
        request,
        "relocation_send.html",
        transfer=transfer,
        body=recipient_name(parts, transfer),
        place=place_words(transfer.ags, parts.places.get(transfer.ags, "")),
        going=[
            (
                t.person,
                [
                    words.code(code, "category")
                    for code in sorted(scope[t.person.case][0])
                ],
                [p for p in t.documents if p.id in scope[t.person.case][1]],
            )
            for t in travellers
            if t.person.case in scope
        ],
        left=left,
        left_out=(len(left) - minors, minors),
        kept=kept,
    )


def _is_minor(person: PersonRow, on: date) -> bool:
    try:
        return is_minor(PartialDate(person.birth), on)
    except InputError:
        return False


async def _second_page(
    request: web.Request, transfer: OutboundTransfer
) -> web.Response:
    """What the first person ticked, for the second one (SC-33)."""
    if transfer.policy != CONFIRMED or transfer.created_by == account_of(request).id:
        raise NotFoundError("transfer")
    parts, words = parts_of(request), words_of(request)
    people, names = await people_of(request), await colleagues(request)
    return await page(
        request,
        "relocation_second.html",
        transfer=transfer,
        body=recipient_name(parts, transfer),
        place=place_words(transfer.ags, parts.places.get(transfer.ags, "")),
        prepared_by=names.get(transfer.created_by, "") if transfer.created_by else "",
        going=[
            (
                people.find(member.case),
                [words.code(code, "category") for code in sorted(member.categories)],
                len(member.documents),
            )
            for member in transfer.members
        ],
        version=transfer.version,
        once=new_once(request),
    )


async def _second(request: web.Request) -> web.Response:
    form, parts = form_of(request), parts_of(request)
    transfer = (await _transfer(request)).transfer
    if form.text("_version") != str(transfer.version):
        return conflict(request)
    try:
        await parts.run.write(
            second, transfer.id, members=transfer.members, by=actor(request)
        )
    except TransitionError:
        return conflict(request)
    saved = words_of(request).gettext("Confirmed. The handover is being sent.")
    return await see_other(request, f"/outbox/{transfer.id}", saved=saved)


async def _discard(request: web.Request) -> web.Response:
    parts = parts_of(request)
    transfer = (await _transfer(request)).transfer
    try:
        await parts.run.write(cancel, parts.office, transfer.id, by=actor(request))
    except TransitionError:
        return conflict(request)
    saved = words_of(request).gettext("Discarded. Nothing was sent.")
    return await see_other(request, f"/cases/{transfer.members[0].case}", saved=saved)
