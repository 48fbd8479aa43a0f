"""One event of a transfer we receive, carried out: table, log entry, effects.

Enters: a transfer, a proven event, and what caused it. Leaves: changed rows, a log entry,
statements in the outbox, all in the caller's transaction. Must never happen: an effect
without its line in the table (HO-11). Implements handover 4.2 and P5.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from functools import lru_cache
from typing import assert_never

from node import strictjson
from node.errors import UsageError
from node.ids import CaseId
from node.strictjson import Json
from node.sync.bodies import Body, EmptyBody, RejectedBody
from node.sync.issue import issue
from node.sync.logbook import Act, Subject, common_epoch, record
from node.sync.offer import DOCUMENTS, OFFER, OfferBody
from node.sync.office import Office
from node.sync.ports import UnitOfWork
from node.sync.transfer import Effect, Inbound, InboundTransfer, InEvent, Refusal
from node.sync.words import By, RejectionCode, StatementType

OPEN = (Inbound.ANNOUNCED, Inbound.WAITING, Inbound.APPROVED, Inbound.OPENING)


@dataclass(frozen=True, slots=True)
class Cause:
    """What comes with an event: who or what caused it, and the body to send.

    ``tell`` names the task of TELL where the state does not, ``due`` its day; ``cases``
    are those whose caseworkers have to act.
    """

    act: Act = field(default_factory=Act)
    body: Body | None = None
    codes: tuple[str, ...] = ()
    tell: str | None = None
    due: date | None = None
    cases: tuple[CaseId, ...] = ()


def offer_of(transfer: InboundTransfer) -> OfferBody:
    """The offer as a value; it was checked when it was taken."""
    return _read_offer(strictjson.encode(transfer.offer))


@lru_cache(maxsize=256)
def _read_offer(spelled: bytes) -> OfferBody:
    """Read once what each act of a transfer asks for; by its bytes, so never another's."""
    return OFFER.read(json.loads(spelled), "offer")


def apply(
    uow: UnitOfWork,
    office: Office,
    transfer: InboundTransfer,
    event: InEvent,
    cause: Cause | None = None,
    *,
    stored: InboundTransfer | None = None,
) -> InboundTransfer:
    """Carry one event through: table, log entry, effects, all in this transaction.

    Args:
        uow: The transaction.
        office: Keys, clock, chance, directory.
        transfer: As it stands, with what the use case has learnt of it.
        event: The proven fact.
        cause: What came with it.
        stored: As it was loaded, where the use case has changed it since.

    Raises:
        TransitionError: The table has no line for this event (HO-11).
        ConflictError: Somebody moved the transfer first.
    """
    cause = cause or Cause()
    at = office.clock.now()
    step = transfer.on(event, at=at)
    after = step.after
    entry = None
    if step.logs:
        entry = record(uow, office, step.logs, _subject(after), act=cause.act, at=at)
        after = replace(after, last_entry=entry)
    uow.inbound.replace(stored or transfer, after)
    after = replace(after, version=after.version + 1)
    for effect in step.effects:
        _carry_out(effect, uow, office, after, entry=entry, cause=cause)
    return after


def _subject(transfer: InboundTransfer) -> Subject:
    offer = offer_of(transfer)
    return Subject(
        transfer=transfer.id,
        peer=transfer.sender,
        epoch=common_epoch(case.e for case in offer.cases),
        packet=offer.pkt.dig,
        prev=transfer.last_entry,
    )


_TYPES = {
    Effect.SEND_STORED: StatementType.STORED,
    Effect.SEND_OPEN_REQUEST: StatementType.OPEN_REQUEST,
    Effect.SEND_IMPORTED: StatementType.IMPORTED,
    Effect.SEND_DURABLE: StatementType.DURABLE,
    Effect.SEND_REJECTED: StatementType.REJECTED,
    Effect.SEND_EXPIRED: StatementType.EXPIRED,
    Effect.SEND_RECALLED: StatementType.RECALLED,
    Effect.SEND_WITHDRAWAL_ANSWER: StatementType.WITHDRAWAL_ANSWER,
    Effect.SEND_RETURN_ANSWER: StatementType.RETURN_ANSWER,
    Effect.SEND_FIRST_CONTACT: StatementType.FIRST_CONTACT,
    Effect.SEND_PASSED_ON: StatementType.PASSED_ON,
}


def _carry_out(
    effect: Effect,
    uow: UnitOfWork,
    office: Office,
    transfer: InboundTransfer,
    *,
    entry: bytes | None,
    cause: Cause,
) -> None:
    at = office.clock.now()
    match effect:
        case Effect.SHRED:
            uow.secrets.shred(transfer.id)
            uow.uploads.drop(transfer.id)
        case Effect.TELL:
            _tell(uow, transfer, at=at, cause=cause)
        case Effect.OPEN_DUTY:
            _open_duty(uow, transfer, at=at, cause=cause)
        case Effect.RESERVE | Effect.KEEP_SEALED | Effect.KEEP_SHARE_B | Effect.IMPORT:
            # The use case that proved the event has what these need and does them in
            # the same transaction: the offer's row, the file, the share, the records.
            pass
        case (
            Effect.SEND_STORED
            | Effect.SEND_OPEN_REQUEST
            | Effect.SEND_IMPORTED
            | Effect.SEND_DURABLE
            | Effect.SEND_REJECTED
            | Effect.SEND_EXPIRED
            | Effect.SEND_RECALLED
            | Effect.SEND_WITHDRAWAL_ANSWER
            | Effect.SEND_RETURN_ANSWER
            | Effect.SEND_FIRST_CONTACT
            | Effect.SEND_PASSED_ON
        ):
            body = cause.body
            if effect in {Effect.SEND_EXPIRED, Effect.SEND_RECALLED}:
                body = EmptyBody()
            if body is None:
                raise UsageError(f"{effect} without a body")
            issue(
                uow,
                office,
                to=transfer.sender,
                kind=_TYPES[effect],
                body=body,
                transfer=transfer.id,
                off=transfer.offer_digest,
                entry=entry,
            )
        case (
            Effect.FREEZE
            | Effect.UNFREEZE
            | Effect.MARK_GRANTED
            | Effect.HAND_OVER
            | Effect.TAKE_BACK
            | Effect.DESTROY_SHARE_B
            | Effect.QUEUE_PACKET
            | Effect.DROP_PACKET_ROW
            | Effect.START_RETENTION
            | Effect.ERASE
            | Effect.SEND_OFFER
            | Effect.SEND_GRANT
            | Effect.SEND_CLOSED
            | Effect.SEND_RECALL
            | Effect.SEND_WITHDRAWAL
            | Effect.SEND_RETURN_REQUEST
        ):
            raise UsageError(f"{effect} is the sender's")
        case _:
            assert_never(effect)


def _tell(
    uow: UnitOfWork, transfer: InboundTransfer, *, at: datetime, cause: Cause
) -> None:
    is_settled = transfer.state is Inbound.IMPORTED and cause.tell is None
    uow.tasks.add(
        cause.tell or f"inbound.{transfer.state}",
        at=at,
        transfer=transfer.id,
        for_role="caseworker" if is_settled else "approver",
        due=cause.due,
        codes=cause.codes,
    )


def _open_duty(
    uow: UnitOfWork, transfer: InboundTransfer, *, at: datetime, cause: Cause
) -> None:
    """A task for who looks after each case; the approvers have theirs from TELL."""
    for case in cause.cases:
        uow.tasks.add(
            "inbound.withdrawal",
            at=at,
            case=case,
            transfer=transfer.id,
            due=cause.due,
            codes=cause.codes,
        )


def reject(
    uow: UnitOfWork,
    office: Office,
    transfer: InboundTransfer,
    event: InEvent,
    code: RejectionCode,
    *,
    statement: bytes | None = None,
) -> InboundTransfer:
    """A rule says no: the signed ``rejected`` with its code and nothing else (HO-65)."""
    more: Mapping[str, Json] = (
        {"count": 1} if event in {InEvent.OFFER_UNFIT, InEvent.PACKET_UNFIT} else {}
    )
    refused = replace(transfer, refusal=Refusal(by=str(By.RULE), code=str(code)))
    return apply(
        uow,
        office,
        refused,
        event,
        Cause(
            act=Act(statement=statement, outcome=str(code), more=more),
            body=RejectedBody(by=By.RULE, code=code),
            codes=(str(code),),
        ),
        stored=transfer,
    )


def offered_categories(offer: OfferBody) -> list[str]:
    """The categories an offer names, sorted; documents are K13."""
    documents = {DOCUMENTS} if offer.categories.documents else set()
    return sorted({*offer.categories.records, *documents})
