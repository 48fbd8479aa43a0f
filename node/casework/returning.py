"""A case that should go back, or on: asking, answering, and preparing the way.

Enters: who asks or decides. Leaves: a request, a no with its reason, or an ordinary
transfer that is held until its own gate says yes. Must never happen: a case that moves by
a request alone (HO-21); a return without consent. Implements FR-28 to FR-30, SC-44.
"""

from datetime import date

from node.accounts.policy import Actor, Relation, allowed, require
from node.cases.days import local_day
from node.casework.withdrawals import read_aftermath
from node.errors import InputError, NotFoundError, TransitionError
from node.ids import Ags, CaseId, MemberId, TransferId
from node.sync import again, inward, onward, outward
from node.sync.bodies import ReturnAnswerBody, ReturnRequestBody
from node.sync.office import Office
from node.sync.ports import UnitOfWork
from node.sync.transfer import (
    Effect,
    InboundTransfer,
    InEvent,
    MemberScope,
    Outbound,
    OutboundTransfer,
    OutEvent,
)
from node.sync.words import Kind, Reason, RejectionCode, ReturnAnswer

ASKED = "inbound.return_asked"
"""The task of a request that waits for a person here."""


# -- At the former office ----------------------------------------------------------------


def ask_return(
    uow: UnitOfWork, office: Office, transfer_id: TransferId, *, by: Actor
) -> OutboundTransfer:
    """Ask for a case back after it was taken over; nothing moves by it (HO-21).

    Raises:
        NotFoundError: Not in these hands.
        TransitionError: It was not taken over yet, or a request waits already.
    """
    with uow:
        transfer = uow.outbound.get(transfer_id)
        for member in transfer.members:
            _own(uow, by, member.case, "return.ask")
        seen = read_aftermath(uow, transfer_id, is_ours=True)
        if seen.open_request is not None or seen.passed_on is not None:
            raise TransitionError("asked before, or passed on")
        body = ReturnRequestBody(Reason.RETURN)
        cause = outward.Cause(bodies={Effect.SEND_RETURN_REQUEST: body})
        after = outward.apply(uow, office, transfer, OutEvent.RETURN_ASKED, cause)
        uow.commit()
    return after


# -- At the present office ---------------------------------------------------------------


def decline_return(
    uow: UnitOfWork,
    office: Office,
    transfer_id: TransferId,
    code: RejectionCode,
    *,
    by: Actor,
) -> InboundTransfer:
    """Say no to a request, with a code of list ``refusal``.

    Raises:
        NotFoundError: Not in these hands.
        TransitionError: Nobody asks, or it was answered.
    """
    with uow:
        transfer = uow.inbound.get(transfer_id)
        _cases_of(uow, transfer, by)
        if read_aftermath(uow, transfer_id, is_ours=False).open_request is None:
            raise TransitionError("nobody asks")
        body = ReturnAnswerBody(ReturnAnswer.DECLINED, code)
        cause = inward.Cause(body=body)
        after = inward.apply(uow, office, transfer, InEvent.RETURN_DECLINED, cause)
        uow.tasks.settle(ASKED, transfer=transfer_id)
        uow.commit()
    return after


def prepare_return(
    uow: UnitOfWork, office: Office, transfer_id: TransferId, *, by: Actor
) -> TransferId:
    """An ordinary transfer the other way, held: its gate asks for a consent of its own.

    Raises:
        NotFoundError: Not in these hands.
        InputError: A case is not active here, or is on the way already.
    """
    with uow:
        transfer = uow.inbound.get(transfer_id)
        cases = _cases_of(uow, transfer, by)
        asked = read_aftermath(uow, transfer_id, is_ours=False).open_request is not None
        made = _prepare(
            uow,
            office,
            cases,
            to=transfer.sender,
            kind=Kind.RETURN,
            reason=Reason.RECALL if asked else Reason.RETURN,
            by=by,
        )
        uow.tasks.settle(ASKED, transfer=transfer_id)
        uow.commit()
    return made


def prepare_forwarding(
    uow: UnitOfWork,
    office: Office,
    transfer_id: TransferId,
    to: MemberId,
    *,
    by: Actor,
) -> TransferId:
    """On to a third body, held: the consent that brought the case here does not count.

    Raises:
        NotFoundError: Not in these hands.
        InputError: A case is not active here, or the body is us or the former office.
    """
    with uow:
        transfer = uow.inbound.get(transfer_id)
        cases = _cases_of(uow, transfer, by)
        if to in {office.member, transfer.sender}:
            raise InputError("body", "not_another")
        made = _prepare(
            uow,
            office,
            cases,
            to=to,
            kind=Kind.FORWARDING,
            reason=Reason.FORWARDING,
            by=by,
        )
        uow.commit()
    return made


def _prepare(
    uow: UnitOfWork,
    office: Office,
    cases: tuple[CaseId, ...],
    *,
    to: MemberId,
    kind: Kind,
    reason: Reason,
    by: Actor,
) -> TransferId:
    files = [uow.cases.file(case) for case in cases]
    members = tuple(
        MemberScope(f.id, f.epoch, frozenset(), frozenset(), "") for f in files
    )
    if not again.is_free(uow, members):
        raise InputError("cases", "not_free")
    today = local_day(office.clock.now())
    like = OutboundTransfer(
        id=TransferId.of(bytes(16)),
        state=Outbound.HELD,
        recipient=to,
        ags=_place_of(office, to, today),
        move_on=today,
        reason=str(reason),
        members=members,
        created_at=office.clock.now(),
        created_by=by.account,
        policy=again.CONFIRM,
        kind=kind,
    )
    return again.hold(uow, office, like)


def _place_of(office: Office, body: MemberId, on: date) -> Ags:
    """A place for which a body answers; the offer must name one."""
    directory = office.directory()
    served = [s.ags for s in directory.member(body).serves]
    return next((ags for ags in served if directory.route(ags, on) == body), served[0])


def _cases_of(
    uow: UnitOfWork, transfer: InboundTransfer, by: Actor
) -> tuple[CaseId, ...]:
    """All cases the transfer brought; who decides may decide about each of them."""
    if transfer.state not in onward.HERE:
        raise TransitionError("not here")
    cases = tuple(case for case, _ in uow.inbound.cases(transfer.id))
    for case in cases:
        _own(uow, by, case, "return.answer")
    return cases


def _own(uow: UnitOfWork, by: Actor, case: CaseId, action: str) -> None:
    require(by, action, relation=Relation.OWN)
    file = uow.cases.file(case)
    is_own = by.owns(file.caseworker)
    if not allowed(by, action, relation=Relation.OWN if is_own else Relation.ANY):
        raise NotFoundError("transfer")
