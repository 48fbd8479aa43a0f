"""S9 Übergaben, after the key has left: asking for a case back.

Enters: a handover whose key left. Leaves: the request, or the page that says why it has to
wait. Must never happen: "Um Rückgabe bitten" where calling back still works (SC-44); a case
that moves by asking. Implements flow D, HO-21.
"""

from typing import Final

from aiohttp import web

from node.accounts.model import Role
from node.accounts.policy import Actor
from node.casework import returning
from node.casework.withdrawals import read_aftermath
from node.errors import NotFoundError, TransitionError
from node.ids import TransferId
from node.report.readings import ReadingUnit
from node.sync.aftermath import Aftermath
from node.sync.transfer import Outbound, OutboundTransfer
from node.sync.words import Kind
from node.web.casework import actor, body_name, people_of
from node.web.failures import conflict
from node.web.frame import (
    Route,
    account_of,
    page,
    parts_of,
    path_id,
    see_other,
    words_of,
)

_ASKERS: Final = frozenset({Role.CASEWORKER, Role.APPROVER})
_TAKEN_OVER: Final = frozenset({Outbound.CLOSED, Outbound.DURABLE})


def routes() -> list[Route]:
    """The addresses of a request to return."""
    return [
        Route("GET", "/outbox/{transfer}/ask-back", _ask, roles=_ASKERS),
        Route("POST", "/outbox/{transfer}/ask-back", _send, roles=_ASKERS),
    ]


def may_ask(transfer: OutboundTransfer, after: Aftermath) -> bool:
    """Whether "Um Rückgabe bitten" stands on the track: from the key on, once at a time."""
    return (
        transfer.state in {Outbound.GRANTED, *_TAKEN_OVER}
        and transfer.kind is not Kind.ADDENDUM
        and after.open_request is None
        and after.passed_on is None
    )


async def _ask(request: web.Request) -> web.Response:
    parts = parts_of(request)
    number = path_id(request, "transfer", TransferId)
    transfer, after = await parts.run.read(_read, number, by=actor(request))
    if not may_ask(transfer, after):
        return await see_other(request, f"/outbox/{number}")
    people, me = await people_of(request), account_of(request).actor
    own = people.among([member.case for member in transfer.members])
    return await page(
        request,
        "return_ask.html",
        transfer=transfer,
        own=[person for person in own if me.owns(person.caseworker)],
        body=body_name(parts, transfer.recipient),
        is_taken_over=transfer.state in _TAKEN_OVER,
    )


def _read(
    uow: ReadingUnit, number: TransferId, *, by: Actor
) -> tuple[OutboundTransfer, Aftermath]:
    """The transfer, if it is about a case of this person or they may see all."""
    transfer = uow.outbound.get(number)
    own = any(
        by.owns(uow.cases.file(member.case).caseworker) for member in transfer.members
    )
    if not own and Role.APPROVER not in by.roles:
        raise NotFoundError("transfer")
    return transfer, read_aftermath(uow, number, is_ours=True)


async def _send(request: web.Request) -> web.Response:
    parts, words = parts_of(request), words_of(request)
    number = path_id(request, "transfer", TransferId)
    try:
        await parts.run.write(
            returning.ask_return, parts.office, number, by=actor(request)
        )
    except TransitionError:
        # Race: it was answered, or passed on, while the page was open.
        return conflict(request)
    saved = words.gettext("Asked. The other office decides.")
    return await see_other(request, f"/outbox/{number}", saved=saved)
