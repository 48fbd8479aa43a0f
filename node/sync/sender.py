"""The sender's end of a handover, from the permit to the receipt.

Enters: decisions of people, statements of the recipient (verified and in order), the own
clock. Leaves: transactions that change the transfer, the cases, the exchange log and the
outbox together. Must never happen: share B leaves without the gate's yes in the same
transaction; a transfer ends by anything but a statement or, before the grant, our own
clock or will. Implements handover 4.1, 5.1 and P1, P4, P7, P11.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from functools import partial
from typing import assert_never
from zoneinfo import ZoneInfo

from node.cases.consent import Member, Permit, Recipient, Wish, Withheld, gate
from node.cases.days import local_day
from node.cases.extract import member_of
from node.cases.model import Baton, CaseContent, CaseFile
from node.crypto.seal import open_comment, wrap_share_b
from node.errors import (
    KeyRetiredError,
    PacketUnreadableError,
    ReceiptError,
    UsageError,
)
from node.failpoints import Point
from node.ids import CaseId, KeyId, TransferId
from node.strictjson import Json
from node.sync import words
from node.sync.bodies import (
    Body,
    ClosedBody,
    GrantBody,
    ImportedBody,
    OpenRequestBody,
    RecallBody,
    RejectedBody,
    SealedComment,
    StoredBody,
    WithdrawalAnswerBody,
    WithdrawalBody,
)
from node.sync.issue import issue
from node.sync.limits import WITHDRAWAL_DUE
from node.sync.logbook import SYSTEM, Act, Subject, Who, common_epoch, record
from node.sync.message import Statement
from node.sync.offer import case_tag
from node.sync.ports import Office, PacketRow, UnitOfWork
from node.sync.transfer import (
    Effect,
    MemberScope,
    Outbound,
    OutboundTransfer,
    OutEvent,
    Refusal,
    Why,
)
from node.sync.words import StatementType

BERLIN = ZoneInfo("Europe/Berlin")
_GRANTED = frozenset(
    {Outbound.GRANTED, Outbound.CLOSED, Outbound.DURABLE, Outbound.ERASED}
)
_BEFORE_GRANT = frozenset({Outbound.QUEUED, Outbound.DELIVERED, Outbound.ASKED})


@dataclass(frozen=True, slots=True)
class Cause:
    """What comes with an event: who or what caused it, and the bodies to send."""

    why: Why | None = None
    act: Act = field(default_factory=Act)
    bodies: Mapping[Effect, Body] = field(default_factory=dict)
    codes: tuple[str, ...] = ()
    entry_type: str | None = None
    refusal: Refusal | None = None
    open_request: bytes | None = None
    last_day: date | None = None


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
    step = transfer.on(event, at=at, why=cause.why)
    entry = None
    after = replace(
        step.after,
        refusal=cause.refusal or transfer.refusal,
        open_request_digest=cause.open_request or transfer.open_request_digest,
    )
    if step.logs:
        kind = cause.entry_type or step.logs
        entry = record(uow, office, kind, _subject(after), act=cause.act, at=at)
        after = replace(after, last_entry=entry)
    uow.outbound.replace(stored or transfer, after)
    after = replace(after, version=after.version + 1)
    for effect in step.effects:
        _carry_out(effect, uow, office, after, entry=entry, cause=cause)
    return after


def _subject(transfer: OutboundTransfer) -> Subject:
    assert transfer.recipient is not None
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
            _tell(uow, transfer, at=office.clock.now(), codes=cause.codes)
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
            raise UsageError("erasure is the retention worker's, not a statement's")
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
    """All cases of a transfer change together or not at all (HO-7)."""
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
    codes: tuple[str, ...],
) -> None:
    kind = f"transfer.{transfer.state}"
    uow.tasks.add(kind, at=at, transfer=transfer.id, codes=codes)


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


# -- The gate ---------------------------------------------------------------------------


def ask_gate(
    uow: UnitOfWork, office: Office, transfer: OutboundTransfer
) -> Permit | Withheld:
    """Ask for the stored scope again (HO-28), reading the consents under lock (HO-33)."""
    assert transfer.recipient is not None
    now = office.clock.now()
    members = [open_member(uow, m.case, now)[1] for m in transfer.members]
    wishes: dict[CaseId, Wish] = {
        m.case: Wish(m.categories, m.documents, m.basis) for m in transfer.members
    }
    routed = office.directory().route(transfer.ags, transfer.move_on)
    return gate(
        members,
        wishes,
        Recipient(transfer.recipient, transfer.ags, routed == transfer.recipient),
        purpose="relocation",
        at=now,
        second=transfer.second,
        prepared_by=transfer.created_by,
        statutes=office.statutes,
    )


def open_member(
    uow: UnitOfWork, case: CaseId, at: datetime
) -> tuple[CaseContent, Member]:
    """A case, opened, and what the gate must know of its person."""
    content = uow.cases.content(case)
    worker = content.file.caseworker
    return content, member_of(
        content,
        tuple(uow.consents.of_case(case)),
        on=local_day(at),
        secrecy_bound=worker is not None and uow.accounts.is_secrecy_bound(worker),
    )


def check_before_attempt(
    uow: UnitOfWork, office: Office, transfer_id: TransferId
) -> bool:
    """The gate before a delivery attempt of the packet (HO-26 c).

    Returns:
        Whether the container may leave now; if not, the transfer was stopped here.
    """
    with uow:
        transfer = uow.outbound.get(transfer_id)
        if transfer.state is not Outbound.QUEUED:
            return False
        stop = _stop_cause(uow, office, transfer)
        if stop is not None:
            apply(uow, office, transfer, OutEvent.STOPPED, stop)
            uow.commit()
    return stop is None


def _stop_cause(
    uow: UnitOfWork, office: Office, transfer: OutboundTransfer
) -> Cause | None:
    """Why this transfer must not go on, if anything: own clock, key, basis."""
    assert transfer.expires_at is not None
    if office.clock.now() >= transfer.expires_at:
        return Cause(why=Why.EXPIRED, act=Act(outcome="expired"), codes=("expired",))
    try:
        office.directory().kem_key(KeyId(f"{transfer.recipient}#{transfer.kem_kid}"))
    except KeyRetiredError:
        return Cause(why=Why.KEY, act=Act(outcome="key"), codes=("key",))
    answer = ask_gate(uow, office, transfer)
    if isinstance(answer, Withheld):
        codes = tuple(sorted({str(code) for _, code in answer.reasons}))
        return Cause(why=Why.BASIS_GONE, act=Act(outcome="basis-gone"), codes=codes)
    return None


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
    if uow.chains.quarantined(transfer.recipient):
        return apply(uow, office, transfer, OutEvent.GRANT_DELAYED)
    stop = _stop_cause(uow, office, transfer)
    if stop is not None:
        # The peer asked and we refuse: the log says denied, the statement is a recall.
        denied = replace(
            stop,
            entry_type="transfer.denied",
            act=replace(stop.act, statement=transfer.open_request_digest),
        )
        return apply(uow, office, transfer, OutEvent.STOPPED, denied)
    act = Act(
        statement=transfer.open_request_digest,
        more={"consents": consent_references(uow, transfer)},
    )
    granted = apply(uow, office, transfer, OutEvent.GRANTED, Cause(act=act))
    office.failpoints.reach(Point.GRANT_BEFORE_COMMIT)
    # Crash here: share B has left us for good; the grant's bytes wait in the outbox.
    uow.after_commit(partial(office.failpoints.reach, Point.GRANT_AFTER_COMMIT))
    return granted


def consent_references(uow: UnitOfWork, transfer: OutboundTransfer) -> list[Json]:
    """Per ground of each member: the consent relied on, its entry, its chain's newest."""
    references: list[Json] = []
    for member in transfer.members:
        known = {str(c.id): c for c in uow.consents.of_case(member.case)}
        head = uow.consents.last_entry(member.case)
        for ground in grounds_of(member):
            if ground.startswith("statute:"):
                references.append({"statute": ground.removeprefix("statute:")})
                continue
            consent = known[ground]
            assert consent.entry is not None
            assert head is not None
            references.append(
                {
                    "c": uow.log.blind_consent(member.case, consent.evidence),
                    "at": consent.entry.hex(),
                    "head": head.hex(),
                }
            )
    return references


def grounds_of(member: MemberScope) -> list[str]:
    """The single grounds a member's content rests on; two where both must answer."""
    return member.basis.split("+")


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
            cause = Cause(act=replace(act, outcome=str(answer.answer)))
            return apply(uow, office, transfer, OutEvent.WITHDRAWAL_ANSWER, cause)
        case StatementType.RETURN_ANSWER:
            return apply(uow, office, transfer, OutEvent.RETURN_ANSWER)
        case StatementType.FIRST_CONTACT:
            return apply(uow, office, transfer, OutEvent.FIRST_CONTACT)
        case _:
            raise UsageError(f"{statement.claims.t} is no statement of a recipient")


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
    uow.after_commit(partial(office.failpoints.reach, Point.CLOSE_AFTER_COMMIT))
    return closed


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
    return apply(uow, office, transfer, OutEvent.REJECTED, cause)


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
            uow.commit()


def stop_restored(
    uow: UnitOfWork, office: Office, transfers: Iterable[TransferId]
) -> None:
    """STOPPED(restored): the register says that share B is destroyed, and it is here (HO-19).

    A crash before the commit that destroyed it, or yesterday's backup. After the grant
    nothing is stopped: there the recipient's statement comes again and ends it.
    """
    with uow:
        for transfer_id in transfers:
            transfer = uow.outbound.get(transfer_id)
            if transfer.state in _BEFORE_GRANT:
                cause = Cause(
                    why=Why.RESTORED, act=Act(outcome="restored"), codes=("restored",)
                )
                apply(uow, office, transfer, OutEvent.STOPPED, cause)
        uow.commit()


def basis_ended(
    uow: UnitOfWork, office: Office, consent: str, *, who: Who = SYSTEM
) -> list[OutboundTransfer]:
    """A consent was withdrawn: stop or notify every transfer resting on it (FR-24).

    Runs inside the caller's transaction, after the consent was marked.
    """
    ended = []
    for transfer_id in uow.outbound.resting_on(consent):
        transfer = uow.outbound.get(transfer_id)
        if transfer.state is Outbound.HELD or transfer.state in _BEFORE_GRANT:
            act = Act(outcome="basis-gone", who=who)
            cause = Cause(why=Why.BASIS_GONE, act=act, codes=("withdrawn",))
            ended.append(apply(uow, office, transfer, OutEvent.STOPPED, cause))
        elif transfer.state in _GRANTED:
            cause = Cause(
                act=Act(outcome="withdrawn", who=who),
                bodies={
                    Effect.SEND_WITHDRAWAL: _notice(office, transfer, consent),
                },
            )
            ended.append(apply(uow, office, transfer, OutEvent.WITHDRAWN, cause))
    return ended


def _notice(office: Office, transfer: OutboundTransfer, consent: str) -> WithdrawalBody:
    resting = [m for m in transfer.members if consent in grounds_of(m)]
    now = office.clock.now().replace(microsecond=0)
    return WithdrawalBody(
        cause=words.Cause.BASIS_ENDED,
        tags=tuple(
            sorted(
                case_tag(office.keyring.tag_key, transfer.id, m.case, epoch=m.epoch)
                for m in resting
            )
        ),
        scope=tuple(sorted({c for m in resting for c in m.categories})),
        due=now + WITHDRAWAL_DUE,
    )
