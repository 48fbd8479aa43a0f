"""The sender's end of a handover, from the permit to the receipt.

Enters: decisions of people, statements of the recipient (verified and in order), the own
clock. Leaves: events for ``outward``, which carries them out. Must never happen: share B
leaves without the gate's yes in the same transaction; a transfer ends by anything but a
statement or, before the grant, our own clock or will. Implements handover 4.1, 5.1 and P1,
P4, P7, P11.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from functools import partial
from zoneinfo import ZoneInfo

from node.cases.consent import Consent
from node.crypto.seal import open_comment
from node.errors import PacketUnreadableError, ReceiptError, UsageError
from node.failpoints import Point
from node.ids import TransferId
from node.sync import again, onward
from node.sync.aftermath import aftermath_of
from node.sync.bodies import (
    ClosedBody,
    ImportedBody,
    OpenRequestBody,
    RejectedBody,
    SealedComment,
    StoredBody,
    WithdrawalAnswerBody,
)
from node.sync.firstword import is_speaking
from node.sync.logbook import SYSTEM, Act, Who
from node.sync.message import Statement
from node.sync.office import Office
from node.sync.outward import Cause, apply
from node.sync.permission import consent_references, prepare_anew, stop_cause
from node.sync.ports import UnitOfWork
from node.sync.transfer import (
    Effect,
    Outbound,
    OutboundTransfer,
    OutEvent,
    Refusal,
    Why,
)
from node.sync.words import Kind, StatementType

BERLIN = ZoneInfo("Europe/Berlin")
_BEFORE_GRANT = frozenset(
    {Outbound.QUEUED, Outbound.DELIVERED, Outbound.ASKED, Outbound.EXPORTED}
)
_NEWS = {
    StatementType.RETURN_ANSWER: (OutEvent.RETURN_ANSWER, "transfer.return_declined"),
    StatementType.FIRST_CONTACT: (OutEvent.FIRST_CONTACT, "transfer.first_contact"),
    StatementType.PASSED_ON: (OutEvent.PASSED_ON, "transfer.passed_on"),
}
"""What changes nothing here but what the track shows, and the task that tells it."""
_ENDS_BY_REFUSAL = _BEFORE_GRANT | {Outbound.GRANTED}


# -- The grant: the point of no return ---------------------------------------------------


def take_open_request(
    uow: UnitOfWork, office: Office, transfer: OutboundTransfer, statement: Statement
) -> OutboundTransfer:
    """OPEN_REQUEST, and the grant in the same transaction if nothing stands against it."""
    body = statement.claims.b
    assert isinstance(body, OpenRequestBody)
    if body.kid != transfer.kem_kid:
        raise UsageError("open-request names another key")
    before = transfer.state
    cause = Cause(open_request=statement.digest)
    transfer = apply(uow, office, transfer, OutEvent.OPEN_REQUEST, cause)
    if transfer.state is not Outbound.ASKED or before is Outbound.ASKED:
        return transfer
    return _decide(uow, office, transfer)


def grant(uow: UnitOfWork, office: Office, transfer_id: TransferId) -> None:
    """Ask the gate once more for a transfer that waits in ``asked``, and grant or stop it."""
    with uow:
        transfer = uow.outbound.get(transfer_id)
        if transfer.state is Outbound.ASKED:
            _decide(uow, office, transfer)
            uow.commit()


def _decide(
    uow: UnitOfWork, office: Office, transfer: OutboundTransfer
) -> OutboundTransfer:
    """First commit wins between this and a withdrawal (HO-33, I3)."""
    assert transfer.recipient is not None
    suspended = uow.suspensions.standing(transfer.recipient) is not None
    if suspended or uow.chains.quarantined(transfer.recipient) or not is_speaking(uow):
        return apply(uow, office, transfer, OutEvent.GRANT_DELAYED)
    stop = stop_cause(uow, office, transfer)
    if stop is not None:
        # The peer asked and we refuse: the log says denied, the statement is a recall.
        denied = replace(
            stop,
            entry_type="transfer.denied",
            act=replace(stop.act, statement=transfer.open_request_digest),
        )
        stopped = apply(uow, office, transfer, OutEvent.STOPPED, denied)
        prepare_anew(uow, office, transfer, denied)
        return stopped
    act = Act(
        statement=transfer.open_request_digest,
        more={"consents": consent_references(uow, transfer)},
    )
    granted = apply(uow, office, transfer, OutEvent.GRANTED, Cause(act=act))
    office.failpoints.reach(Point.GRANT_BEFORE_COMMIT)
    # Crash here: share B has left us for good; the grant's bytes wait in the outbox.
    uow.after_commit(partial(office.failpoints.reach, Point.GRANT_AFTER_COMMIT))
    return granted


# -- What the recipient's statements mean here -------------------------------------------


def take_statement(  # noqa: C901, PLR0911 - one line per type of statement
    uow: UnitOfWork, office: Office, transfer: OutboundTransfer, statement: Statement
) -> OutboundTransfer:
    """Apply a statement of the recipient, in the transaction that takes it.

    Raises:
        TransitionError: The table has no line for it; the statement is then refused.
        UsageError: It names another packet or key than the offer.
    """
    act = Act(statement=statement.digest)
    match statement.claims.t:
        case StatementType.STORED:
            _check_packet(transfer, statement)
            return apply(uow, office, transfer, OutEvent.STORED, Cause(act=act))
        case StatementType.OPEN_REQUEST:
            return take_open_request(uow, office, transfer, statement)
        case StatementType.IMPORTED:
            return _take_imported(uow, office, transfer, statement)
        case StatementType.DURABLE:
            return apply(uow, office, transfer, OutEvent.DURABLE, Cause(act=act))
        case StatementType.REJECTED:
            return _take_rejected(uow, office, transfer, statement)
        case StatementType.RECALLED:
            return apply(uow, office, transfer, OutEvent.RECALLED, Cause(act=act))
        case StatementType.EXPIRED:
            cause = Cause(why=Why.EXPIRED, act=replace(act, outcome="expired"))
            return apply(uow, office, transfer, OutEvent.EXPIRED_THERE, cause)
        case StatementType.WITHDRAWAL_ANSWER:
            answer = statement.claims.b
            assert isinstance(answer, WithdrawalAnswerBody)
            cause = Cause(
                act=replace(act, outcome=str(answer.answer)),
                tell="transfer.withdrawal_answered",
                codes=(str(answer.answer),),
            )
            return _take_answer(uow, office, transfer, statement, cause)
        case StatementType.LOST:
            return _take_lost(uow, office, transfer, statement)
        case kind if kind in _NEWS:
            event, task = _NEWS[kind]
            return apply(uow, office, transfer, event, Cause(tell=task))
        case _:
            raise UsageError(f"{statement.claims.t} is no statement of a recipient")


def _take_answer(
    uow: UnitOfWork,
    office: Office,
    transfer: OutboundTransfer,
    statement: Statement,
    cause: Cause,
) -> OutboundTransfer:
    """WITHDRAWAL_ANSWER; the last one that is missing ends the task (FR-24)."""
    after = apply(uow, office, transfer, OutEvent.WITHDRAWAL_ANSWER, cause)
    ours = [row.jws for row in uow.outbox.of_transfer(transfer.id)]
    theirs = [*uow.inbox.taken_of(transfer.id), statement.jws]
    if not aftermath_of(ours, theirs).open_notices:
        uow.tasks.settle(onward.ANSWER_DUE, transfer=transfer.id)
    return after


def _check_packet(transfer: OutboundTransfer, statement: Statement) -> None:
    """A receipt that names another packet is none (SR-F8)."""
    body = statement.claims.b
    assert isinstance(body, StoredBody | ImportedBody)
    if body.pkt.dig != transfer.packet_digest:
        raise ReceiptError("receipt names another packet")


def _take_imported(
    uow: UnitOfWork, office: Office, transfer: OutboundTransfer, statement: Statement
) -> OutboundTransfer:
    _check_packet(transfer, statement)
    body = statement.claims.b
    assert isinstance(body, ImportedBody)
    office.failpoints.reach(Point.IMPORTED_RECEIVED)
    closed = apply(
        uow,
        office,
        transfer,
        OutEvent.IMPORTED,
        Cause(
            act=Act(statement=statement.digest),
            bodies={Effect.SEND_CLOSED: ClosedBody(statement.claims.jti)},
            last_day=body.at.astimezone(BERLIN).date() - timedelta(days=1),
        ),
    )
    if closed.kind is not Kind.ADDENDUM:
        onward.tell_former(uow, office, closed, body.at.astimezone(BERLIN).date())
        again.add_notes(uow, office, closed)
    uow.after_commit(partial(office.failpoints.reach, Point.CLOSE_AFTER_COMMIT))
    return closed


def _take_lost(
    uow: UnitOfWork, office: Office, transfer: OutboundTransfer, statement: Statement
) -> OutboundTransfer:
    """The recipient was restored and has it no more: LOST, or what is left of it (4.3)."""
    act = Act(statement=statement.digest, outcome="lost")
    event = OutEvent.LOST
    # An addendum never held the case, so where that is now says nothing about it.
    moved = transfer.kind is not Kind.ADDENDUM and any(
        uow.cases.file(member.case).transfer != transfer.id
        for member in transfer.members
    )
    if transfer.state is Outbound.ERASED or (
        transfer.state in onward.GRANTED and moved
    ):
        event = OutEvent.LOST_MOOT
    elif transfer.state in onward.GRANTED and uow.secrets.share_b(transfer.id) is None:
        event = OutEvent.LOST_EMPTY
    cause = Cause(why=Why.RESTORED, act=act, codes=("lost",))
    return apply(uow, office, transfer, event, cause)


def _take_rejected(
    uow: UnitOfWork, office: Office, transfer: OutboundTransfer, statement: Statement
) -> OutboundTransfer:
    """REJECTED; the reason must reach the caseworker who sent (HO-53)."""
    body = statement.claims.b
    assert isinstance(body, RejectedBody)
    refusal = Refusal(
        by=str(body.by),
        code=str(body.code),
        comment=_open_comment(office, transfer, body.comment),
        other=body.body or body.ags,
    )
    act = Act(statement=statement.digest, outcome=refusal.code)
    cause = Cause(act=act, refusal=refusal, codes=(refusal.code,))
    was_open = transfer.state in _ENDS_BY_REFUSAL
    after = apply(uow, office, transfer, OutEvent.REJECTED, cause)
    if was_open:
        again.after_refusal(uow, office, after)
    return after


def _open_comment(
    office: Office, transfer: OutboundTransfer, comment: SealedComment | None
) -> str | None:
    """The recipient's words, sealed to us; unreadable ones are left out, not fatal."""
    key = office.keyring.openings.get(comment.kid) if comment else None
    if comment is None or key is None or transfer.offer_digest is None:
        return None
    try:
        text = open_comment(key, transfer.offer_digest, comment.ct)
    except PacketUnreadableError:
        return None
    return text.decode("utf-8", "replace")


# -- Decisions of people, and the own clock ----------------------------------------------


def call_back(
    uow: UnitOfWork, office: Office, transfer_id: TransferId, *, who: Who
) -> OutboundTransfer:
    """End a transfer before the grant: what lies there stays unreadable for ever.

    Raises:
        TransitionError: Share B has left; ask for a return instead.
    """
    with uow:
        transfer = uow.outbound.get(transfer_id)
        cause = Cause(why=Why.CALLED_BACK, act=Act(outcome="called-back", who=who))
        after = apply(uow, office, transfer, OutEvent.STOPPED, cause)
        uow.commit()
    return after


def expire(uow: UnitOfWork, office: Office, transfer_id: TransferId) -> None:
    """STOPPED(expired) and GIVEN_UP by the own clock (handover 10.3)."""
    with uow:
        transfer = uow.outbound.get(transfer_id)
        cause = Cause(why=Why.EXPIRED, act=Act(outcome="expired"), codes=("expired",))
        if transfer.state in _BEFORE_GRANT:
            apply(uow, office, transfer, OutEvent.STOPPED, cause)
            uow.commit()
        elif transfer.state is Outbound.RECALLING:
            apply(uow, office, transfer, OutEvent.GIVEN_UP)
            uow.outbox.park(transfer_id, office.clock.now())
            uow.commit()


def stop_restored(
    uow: UnitOfWork, office: Office, transfers: Iterable[TransferId]
) -> None:
    """STOPPED(restored): the register says that share B is destroyed, and it is here (HO-19).

    A crash before the commit that destroyed it, or yesterday's backup. After the grant
    nothing is stopped: there the recipient's statement comes again and ends it.
    """
    with uow:
        stop_outlived(uow, office, transfers)
        uow.commit()


def stop_outlived(
    uow: UnitOfWork, office: Office, transfers: Iterable[TransferId]
) -> None:
    """As ``stop_restored``, inside a transaction that has begun."""
    for transfer_id in transfers:
        transfer = uow.outbound.get(transfer_id)
        if transfer.state in _BEFORE_GRANT:
            cause = Cause(
                why=Why.RESTORED, act=Act(outcome="restored"), codes=("restored",)
            )
            apply(uow, office, transfer, OutEvent.STOPPED, cause)


def basis_ended(
    uow: UnitOfWork, office: Office, consent: Consent, *, who: Who = SYSTEM
) -> list[OutboundTransfer]:
    """A consent was withdrawn: stop or notify every transfer resting on it (FR-24).

    Runs inside the caller's transaction, after the consent was marked.
    """
    ended = []
    for transfer in onward.resting_on(uow, consent):
        after = onward.end_of_basis(uow, office, transfer, consent, who=who)
        if after is not None:
            ended.append(after)
    return ended
