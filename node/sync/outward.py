"""One event of a transfer we send, carried out: table, log entry, effects.

Enters: a transfer, a proven event, and what caused it. Leaves: changed rows, a log entry,
statements in the outbox, all in the caller's transaction. Must never happen: an effect
without its line in the table (HO-11), or some cases of a transfer moved and others not
(HO-7). Implements handover 4.1; HO-6, P1.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import assert_never

from node.cases.model import Baton, CaseFile
from node.crypto.seal import wrap_share_b
from node.errors import UsageError
from node.ids import KeyId
from node.sync.bodies import Body, GrantBody, RecallBody
from node.sync.exported import EXPORTED
from node.sync.issue import issue
from node.sync.logbook import Act, Subject, common_epoch, record
from node.sync.office import Office
from node.sync.ports import UnitOfWork
from node.sync.rows import PacketRow
from node.sync.transfer import (
    OUTBOUND,
    Effect,
    OutboundTransfer,
    OutEvent,
    Refusal,
    Why,
)
from node.sync.words import Kind, StatementType


@dataclass(frozen=True, slots=True)
class Cause:
    """What comes with an event: who or what caused it, and the bodies to send.

    ``tell`` names the task of TELL where the state does not, ``due`` its day.
    """

    why: Why | None = None
    act: Act = field(default_factory=Act)
    bodies: Mapping[Effect, Body] = field(default_factory=dict)
    codes: tuple[str, ...] = ()
    entry_type: str | None = None
    refusal: Refusal | None = None
    open_request: bytes | None = None
    last_day: date | None = None
    tell: str | None = None
    due: date | None = None


def apply(
    uow: UnitOfWork,
    office: Office,
    transfer: OutboundTransfer,
    event: OutEvent,
    cause: Cause | None = None,
    *,
    stored: OutboundTransfer | None = None,
) -> OutboundTransfer:
    """Carry one event through: table, log entry, effects, all in this transaction.

    Args:
        uow: The transaction.
        office: Keys, clock, chance, directory.
        transfer: As it stands, with what the use case has learnt of it.
        event: The proven fact.
        cause: What came with it.
        stored: As it was loaded, where the use case has changed it since.

    Returns:
        The transfer as it stands now.

    Raises:
        TransitionError: The table has no line for this event (HO-11).
        ConflictError: Somebody moved the transfer first.
    """
    cause = cause or Cause()
    at = office.clock.now()
    table = OUTBOUND if transfer.body is None else EXPORTED
    step = transfer.on(event, at=at, why=cause.why, table=table)
    entry = None
    after = replace(
        step.after,
        refusal=cause.refusal or transfer.refusal,
        open_request_digest=cause.open_request or transfer.open_request_digest,
    )
    if step.logs:
        kind = cause.entry_type or step.logs
        entry = record(uow, office, kind, subject_of(after), act=cause.act, at=at)
        after = replace(after, last_entry=entry)
    uow.outbound.replace(stored or transfer, after)
    after = replace(after, version=after.version + 1)
    # The key asked for a second time is proven by the grant that was logged (LR-20).
    proof = entry
    if entry is None and event is OutEvent.OPEN_REQUEST:
        proof = _grant_entry(uow, transfer)
    for effect in step.effects:
        _carry_out(effect, uow, office, after, entry=proof, cause=cause)
    return after


def _grant_entry(uow: UnitOfWork, transfer: OutboundTransfer) -> bytes | None:
    """The entry of the grant that was given; after a ``lost`` others came after it."""
    rows = uow.outbox.of_transfer(transfer.id)
    grants = [row.entry for row in rows if row.type == StatementType.GRANT]
    return grants[-1] if grants else transfer.last_entry


def subject_of(transfer: OutboundTransfer) -> Subject:
    """What an entry about this transfer is about."""
    return Subject(
        transfer=transfer.id,
        peer=transfer.recipient,
        epoch=common_epoch(m.epoch for m in transfer.members),
        packet=transfer.packet_digest,
        prev=transfer.last_entry,
    )


def _carry_out(  # noqa: C901, PLR0912 - one line per effect, closed by assert_never
    effect: Effect,
    uow: UnitOfWork,
    office: Office,
    transfer: OutboundTransfer,
    *,
    entry: bytes | None,
    cause: Cause,
) -> None:
    match effect:
        case Effect.FREEZE:
            _move_cases(uow, transfer, {Baton.ACTIVE}, Baton.FROZEN)
        case Effect.UNFREEZE:
            _move_cases(uow, transfer, {Baton.FROZEN}, Baton.ACTIVE)
        case Effect.MARK_GRANTED:
            _move_cases(uow, transfer, {Baton.FROZEN, Baton.HANDED_OVER}, Baton.GRANTED)
        case Effect.HAND_OVER:
            _hand_over(uow, transfer, cause.last_day)
        case Effect.TAKE_BACK:
            # HO-6: e+1 may have existed at the recipient; no number is used twice.
            held = {Baton.GRANTED, Baton.HANDED_OVER}
            _move_cases(uow, transfer, held, Baton.ACTIVE, epochs=2)
            uow.secrets.destroy_share_b(transfer.id)
        case Effect.DESTROY_SHARE_B:
            uow.secrets.destroy_share_b(transfer.id)
        case Effect.QUEUE_PACKET:
            uow.outbox.add_packet(_packet_row(uow, transfer, entry))
        case Effect.DROP_PACKET_ROW:
            uow.outbox.drop_packet(transfer.id)
        case Effect.TELL:
            _tell(uow, transfer, at=office.clock.now(), cause=cause)
        case (
            Effect.SEND_OFFER
            | Effect.SEND_GRANT
            | Effect.SEND_CLOSED
            | Effect.SEND_RECALL
            | Effect.SEND_WITHDRAWAL
            | Effect.SEND_RETURN_REQUEST
        ):
            _send(effect, uow, office, transfer, entry=entry, cause=cause)
        case Effect.KEEP_SHARE_B | Effect.START_RETENTION:
            # The freeze keeps share B itself, with its container; the retention date
            # follows from the instant at which ``durable`` was entered.
            pass
        case Effect.ERASE:
            # P10: ``sourceend`` has destroyed and removed everything by now.
            if uow.secrets.share_b(transfer.id) is not None:
                raise UsageError("erased before its share was destroyed")
        case (
            Effect.RESERVE
            | Effect.KEEP_SEALED
            | Effect.SHRED
            | Effect.IMPORT
            | Effect.OPEN_DUTY
            | Effect.SEND_STORED
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
            raise UsageError(f"{effect} is the recipient's")
        case _:
            assert_never(effect)


def _move_cases(
    uow: UnitOfWork,
    transfer: OutboundTransfer,
    held: set[Baton],
    to: Baton,
    *,
    epochs: int = 0,
) -> None:
    """All cases of a transfer change together or not at all (HO-7).

    An addendum holds nothing: where its cases are is no business of its own (HO-9).
    """
    if transfer.kind is Kind.ADDENDUM:
        return
    for member in transfer.members:
        file = uow.cases.file(member.case)
        mine = file.transfer == transfer.id or file.baton is Baton.ACTIVE
        if file.baton not in held or not mine:
            raise UsageError("a case is not where its transfer says")
        uow.cases.replace(
            file,
            replace(
                file,
                baton=to,
                epoch=file.epoch + epochs,
                transfer=None if to is Baton.ACTIVE else transfer.id,
                handed_to=None if to is Baton.ACTIVE else file.handed_to,
                responsible_until=None
                if to is Baton.ACTIVE
                else file.responsible_until,
            ),
        )


def _hand_over(
    uow: UnitOfWork, transfer: OutboundTransfer, last_day: date | None
) -> None:
    """GRANTED -> HANDED_OVER; our responsibility ends the day before (FR-3)."""
    if transfer.kind is Kind.ADDENDUM:
        return
    for member in transfer.members:
        file: CaseFile = uow.cases.file(member.case)
        uow.cases.replace(
            file,
            replace(
                file,
                baton=Baton.HANDED_OVER,
                handed_to=transfer.recipient,
                responsible_until=last_day,
            ),
        )


def _packet_row(
    uow: UnitOfWork, transfer: OutboundTransfer, sent: bytes | None
) -> PacketRow:
    """The container's row; ``sent`` is the offer's entry, looked up after a ``lost``."""
    file = uow.secrets.container(transfer.id)
    if sent is None:
        rows = uow.outbox.of_transfer(transfer.id)
        sent = next(row.entry for row in rows if row.type == StatementType.OFFER)
    assert file is not None
    assert sent is not None
    assert transfer.recipient is not None
    return PacketRow(transfer.recipient, transfer.id, file.name, file.length, sent)


def _tell(
    uow: UnitOfWork,
    transfer: OutboundTransfer,
    *,
    at: datetime,
    cause: Cause,
) -> None:
    kind = cause.tell or f"transfer.{transfer.state}"
    uow.tasks.add(kind, at=at, transfer=transfer.id, codes=cause.codes, due=cause.due)


_TYPES = {
    Effect.SEND_OFFER: StatementType.OFFER,
    Effect.SEND_GRANT: StatementType.GRANT,
    Effect.SEND_CLOSED: StatementType.CLOSED,
    Effect.SEND_RECALL: StatementType.RECALL,
    Effect.SEND_WITHDRAWAL: StatementType.WITHDRAWAL,
    Effect.SEND_RETURN_REQUEST: StatementType.RETURN_REQUEST,
}


def _send(
    effect: Effect,
    uow: UnitOfWork,
    office: Office,
    transfer: OutboundTransfer,
    *,
    entry: bytes | None,
    cause: Cause,
) -> None:
    assert transfer.recipient is not None
    body = cause.bodies.get(effect)
    if body is None and effect is Effect.SEND_GRANT:
        body = _grant_body(uow, office, transfer)
    if body is None and effect is Effect.SEND_RECALL:
        body = RecallBody(transfer.why or Why.MOOT)
    if body is None:
        raise UsageError(f"{effect} without a body")
    issue(
        uow,
        office,
        to=transfer.recipient,
        kind=_TYPES[effect],
        body=body,
        transfer=transfer.id,
        off=transfer.offer_digest,
        entry=entry,
    )


def _grant_body(
    uow: UnitOfWork, office: Office, transfer: OutboundTransfer
) -> GrantBody:
    share_b = uow.secrets.share_b(transfer.id)
    assert share_b is not None
    assert transfer.header_hash is not None
    assert transfer.packet_digest is not None
    kem = office.directory().kem_key(KeyId(f"{transfer.recipient}#{transfer.kem_kid}"))
    share = wrap_share_b(kem.key, transfer.header_hash, transfer.packet_digest, share_b)
    return GrantBody(kem.kid, share, office.clock.now().replace(microsecond=0))
