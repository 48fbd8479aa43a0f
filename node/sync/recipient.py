"""The recipient's end of a handover: offer, container, decision, grant, and every end.

Enters: statements and containers of the sender (verified and in order), decisions of the
approver, the own clock. Leaves: transactions that change the transfer, the exchange log
and the outbox together; ``opening`` goes on after the grant. Must never happen: an answer
before the commit; an approval by somebody without the right. Implements handover 4.2, 5.2,
9.1 (bytes for T) and P5.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import assert_never

from node.accounts.policy import Actor, require
from node.cases.model import FOUR_EYES
from node.crypto.seal import (
    open_preview,
    open_share_a,
    read_prelude,
    seal_comment,
)
from node.errors import (
    InputError,
    MalformedMessageError,
    NotFoundError,
    TransitionError,
    TrustError,
    UsageError,
)
from node.failpoints import Point
from node.ids import Ags, MemberId, TransferId
from node.strictjson import Json
from node.sync.bodies import (
    Body,
    EmptyBody,
    GrantBody,
    OpenRequestBody,
    RejectedBody,
    SealedComment,
    StoredBody,
)
from node.sync.issue import issue
from node.sync.limits import (
    COMMENT_BYTES,
    ERASE_AFTER_EXPIRY,
    PACKET_BYTES,
)
from node.sync.logbook import Act, Subject, Who, common_epoch, record
from node.sync.message import Statement
from node.sync.offer import DOCUMENTS, OFFER, OfferBody, PacketName
from node.sync.ports import Office, StatementRow, StoredFile, UnitOfWork, Wake
from node.sync.transfer import (
    Effect,
    Inbound,
    InboundTransfer,
    InEvent,
    Refusal,
)
from node.sync.words import Basis, By, RejectionCode, StatementType

SUITES = frozenset({1})
SCHEMAS = frozenset({"case/1"})
OPEN = (Inbound.ANNOUNCED, Inbound.WAITING, Inbound.APPROVED, Inbound.OPENING)
_ENDED = frozenset({Inbound.REJECTED, Inbound.EXPIRED, Inbound.RECALLED})


@dataclass(frozen=True, slots=True)
class Cause:
    """What comes with an event: who or what caused it, and the body to send."""

    act: Act = field(default_factory=Act)
    body: Body | None = None
    codes: tuple[str, ...] = ()


def offer_of(transfer: InboundTransfer) -> OfferBody:
    """The offer as a value; it was checked when it was taken."""
    return OFFER.read(dict(transfer.offer), "offer")


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
        case Effect.TELL:
            role = (
                "approver" if transfer.state is not Inbound.IMPORTED else "caseworker"
            )
            uow.tasks.add(
                f"inbound.{transfer.state}",
                at=at,
                transfer=transfer.id,
                for_role=role,
                codes=cause.codes,
            )
        case Effect.OPEN_DUTY:
            uow.tasks.add(
                "inbound.withdrawal", at=at, transfer=transfer.id, codes=cause.codes
            )
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


# -- Statements of the sender ------------------------------------------------------------


def take_offer(
    uow: UnitOfWork,
    office: Office,
    statement: Statement,
    *,
    code: RejectionCode | None = None,
) -> InboundTransfer:
    """OFFER or OFFER_UNFIT: offers are always taken, some are rejected at once (HO-46).

    Args:
        uow: The transaction.
        office: Keys, clock, chance, directory.
        statement: The offer.
        code: Why it is unfit already, if the log gate said so.

    Raises:
        UsageError: A transfer of this id is known, from an offer of other bytes.
    """
    offer = statement.claims.b
    assert isinstance(offer, OfferBody)
    assert statement.claims.tr is not None
    if uow.inbound.find(statement.claims.tr) is not None:
        raise UsageError("transfer known")
    transfer = InboundTransfer(
        id=statement.claims.tr,
        state=Inbound.ABSENT,
        sender=statement.claims.iss,
        offer=OFFER.write(offer),
        offer_digest=statement.digest,
        offered_at=office.clock.now(),
        expires_at=offer.exp,
    )
    uow.inbound.add(transfer)
    code = code or _unfit(uow, office, transfer, offer)
    if code is None:
        return apply(uow, office, transfer, InEvent.OFFER)
    return reject(
        uow, office, transfer, InEvent.OFFER_UNFIT, code, statement=statement.digest
    )


def _unfit(
    uow: UnitOfWork, office: Office, transfer: InboundTransfer, offer: OfferBody
) -> RejectionCode | None:
    """The rules of handover 5.2 that waiting cannot cure."""
    me = office.member
    try:
        ours = office.directory().route(offer.ags, offer.move_on) == me
    except TrustError:
        ours = False
    grounded = len(offer.bases) >= offer.persons and all(
        line.basis is not Basis.STATUTE or line.second for line in offer.bases
    )
    rules = (
        (ours or offer.kind != "move", RejectionCode.NOT_FOR_US),
        (offer.suite in SUITES, RejectionCode.SUITE),
        (offer.schema >= min(SCHEMAS), RejectionCode.SCHEMA_TOO_OLD),
        (grounded, RejectionCode.NO_BASIS),
        (offer.pkt.len <= PACKET_BYTES, RejectionCode.TOO_LARGE),
        (
            uow.inbound.open_from(transfer.sender) < office.open_transfers,
            RejectionCode.CAPACITY,
        ),
    )
    return next((code for fits, code in rules if not fits), None)


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


def take_statement(
    uow: UnitOfWork, office: Office, transfer: InboundTransfer, statement: Statement
) -> InboundTransfer:
    """Apply a statement of the sender, in the transaction that takes it.

    Raises:
        TransitionError: The table has no line for it; the statement is then refused.
    """
    act = Act(statement=statement.digest)
    match statement.claims.t:
        case StatementType.GRANT:
            return _take_grant(uow, office, transfer, statement)
        case StatementType.CLOSED:
            return apply(uow, office, transfer, InEvent.CLOSED)
        case StatementType.RECALL:
            return apply(uow, office, transfer, InEvent.RECALL, Cause(act=act))
        case StatementType.WITHDRAWAL if transfer.state in OPEN:
            office.failpoints.reach(Point.WITHDRAWN_RECEIVED)
            code = RejectionCode.WITHDRAWN
            return reject(
                uow,
                office,
                transfer,
                InEvent.WITHDRAWAL,
                code,
                statement=statement.digest,
            )
        case StatementType.WITHDRAWAL:
            cause = Cause(act=replace(act, outcome="withdrawn"), codes=("withdrawn",))
            return apply(uow, office, transfer, InEvent.WITHDRAWAL, cause)
        case StatementType.RETURN_REQUEST:
            return apply(uow, office, transfer, InEvent.RETURN_REQUEST)
        case _:
            raise UsageError(f"{statement.claims.t} is no statement of a sender")


def _take_grant(
    uow: UnitOfWork, office: Office, transfer: InboundTransfer, statement: Statement
) -> InboundTransfer:
    """GRANT: keep the wrapped share; only ``approved`` goes on to ``opening``."""
    body = statement.claims.b
    assert isinstance(body, GrantBody)
    office.failpoints.reach(Point.GRANT_RECEIVED)
    after = apply(uow, office, transfer, InEvent.GRANT)
    if after.state is Inbound.OPENING and transfer.state is Inbound.APPROVED:
        uow.secrets.keep_grant(transfer.id, body.share)
        uow.wake(Wake.OPEN, str(transfer.id))
    return after


# -- The container -----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Expected:
    """The container of this offer is welcome: these bytes and no others."""

    offer: OfferBody

    @property
    def packet(self) -> PacketName:
        """Digest and length of the bytes."""
        return self.offer.pkt


@dataclass(frozen=True, slots=True)
class Answered:
    """It came before, or the transfer is over: the statement that says so."""

    statement: StatementRow
    over: bool


def expect_packet(
    uow: UnitOfWork, sender: MemberId, transfer_id: TransferId
) -> Expected | Answered:
    """What to answer to bytes for T, from its state alone (handover 9.1).

    Raises:
        NotFoundError: No offer of this sender was taken; foreign and absent look alike.
    """
    with uow:
        transfer = uow.inbound.find(transfer_id)
        if transfer is None or transfer.sender != sender:
            raise NotFoundError("unknown-transfer")
        if transfer.state is Inbound.ANNOUNCED:
            return Expected(offer_of(transfer))
        over = transfer.state in _ENDED
        ours = uow.outbox.of_transfer(transfer_id)
    kinds = (
        {StatementType.REJECTED, StatementType.EXPIRED, StatementType.RECALLED}
        if over
        else {StatementType.STORED}
    )
    return Answered(next(row for row in reversed(ours) if row.type in kinds), over)


def fits_offer(transfer_id: TransferId, offer: OfferBody, start: bytes) -> bool:
    """Whether a container's prelude says what its offer says (PACKET, PACKET_UNFIT).

    Args:
        transfer_id: T.
        offer: The offer.
        start: The container's first bytes, its whole prelude at least.
    """
    try:
        prelude = read_prelude(start)
    except MalformedMessageError:
        return False
    header = prelude.header
    return (
        header.transfer == transfer_id
        and header.kid == offer.kid
        and header.exp == int(offer.exp.timestamp())
        and prelude.length == offer.pkt.len
        and (prelude.preview is not None) == offer.named
    )


def take_packet(
    uow: UnitOfWork,
    office: Office,
    transfer_id: TransferId,
    *,
    key: bytes,
    file: StoredFile,
    fits: bool,
) -> StatementRow:
    """PACKET or PACKET_UNFIT: the complete container, sealed and synced before this.

    Args:
        uow: The transaction.
        office: Keys, clock, chance, directory.
        transfer_id: T; its digest was compared with the offer's (HO-59).
        key: The transfer key, 32 bytes, under which the file is sealed (HO-16).
        file: The sealed file.
        fits: What ``fits_offer`` said.

    Returns:
        The statement that answers: ``stored`` or ``rejected``.
    """
    with uow:
        transfer = uow.inbound.get(transfer_id)
        if transfer.state is Inbound.ANNOUNCED:
            offer = offer_of(transfer)
            if fits:
                uow.secrets.keep_received(transfer_id, key=key, file=file)
                more = {
                    "scope": offered_categories(offer),
                    "bytes": offer.pkt.len,
                    "expires": offer.exp.date().isoformat(),
                }
                cause = Cause(
                    act=Act(statement=transfer.offer_digest, more=more),
                    body=StoredBody(offer.pkt),
                )
                apply(uow, office, transfer, InEvent.PACKET, cause)
            else:
                reject(
                    uow,
                    office,
                    transfer,
                    InEvent.PACKET_UNFIT,
                    RejectionCode.BAD_PACKET,
                    statement=transfer.offer_digest,
                )
            office.failpoints.reach(Point.UPLOAD_VERIFIED)
            uow.commit()
        row = uow.outbox.of_transfer(transfer_id)[-1]
    office.failpoints.reach(Point.INBOX_AFTER_COMMIT)
    return row


def offered_categories(offer: OfferBody) -> list[str]:
    """The categories an offer names, sorted; documents are K13."""
    documents = {DOCUMENTS} if offer.categories.documents else set()
    return sorted({*offer.categories.records, *documents})


# -- Decisions of people -----------------------------------------------------------------


def approve(
    uow: UnitOfWork,
    office: Office,
    transfer_id: TransferId,
    *,
    by: Actor,
    take: Iterable[str] | None = None,
) -> InboundTransfer:
    """An approver says yes: key 1. With K09 or K14 offered two of them must (FR-17).

    Args:
        uow: The transaction.
        office: Keys, clock, chance, directory.
        transfer_id: T.
        by: Who decides.
        take: The categories to take; None for all. K01 is always taken.

    Returns:
        The transfer: ``approved``, or still ``waiting`` for the second approver.

    Raises:
        ForbiddenError: No right to approve.
        InputError: A category that is not offered, or the same person twice.
        TransitionError: It was decided before, or is over.
    """
    require(by, "transfer.approve")
    with uow:
        transfer = uow.inbound.get(transfer_id)
        if transfer.state is not Inbound.WAITING:
            raise TransitionError("decided before")
        offer = offer_of(transfer)
        offered = frozenset(offered_categories(offer))
        taken = offered if take is None else frozenset(take) | {"K01"}
        if not taken <= offered:
            raise InputError("take", "not_offered")
        if taken & FOUR_EYES and transfer.decided_by is None:
            waiting = replace(transfer, decided_by=by.account, take=taken)
            uow.inbound.replace(transfer, waiting)
            uow.tasks.add(
                "inbound.second",
                at=office.clock.now(),
                transfer=transfer_id,
                for_role="approver",
            )
            uow.commit()
            return replace(waiting, version=waiting.version + 1)
        if transfer.decided_by == by.account:
            raise InputError("second", "same_person")
        first = transfer.decided_by or by.account
        second = by.account if transfer.decided_by else None
        taken = transfer.take or taken
        decided = replace(transfer, decided_by=first, second_by=second, take=taken)
        scope = sorted(taken)
        office.failpoints.reach(Point.APPROVE_BEFORE_COMMIT)
        after = apply(
            uow,
            office,
            decided,
            InEvent.APPROVED,
            Cause(
                act=Act(who=Who("approver", first, second), more={"scope": scope}),
                body=OpenRequestBody(
                    kid=offer.kid, take=tuple(scope), hands=2 if second else 1
                ),
            ),
            stored=transfer,
        )
        uow.tasks.settle("inbound.waiting", transfer=transfer_id)
        uow.tasks.settle("inbound.second", transfer=transfer_id)
        uow.commit()
    office.failpoints.reach(Point.APPROVE_AFTER_COMMIT)
    return after


@dataclass(frozen=True, slots=True)
class No:
    """A person's refusal: code of list ``refusal``, a comment for the sender's eyes."""

    code: RejectionCode
    comment: str = ""
    body: MemberId | None = None
    ags: Ags | None = None


def refuse(
    uow: UnitOfWork,
    office: Office,
    transfer_id: TransferId,
    *,
    by: Actor,
    no: No,
) -> InboundTransfer:
    """An approver says no, or takes an approval back before the grant (HO-17).

    Raises:
        ForbiddenError: No right to refuse.
        InputError: The comment is longer than 2 KiB, or another body is not named.
        TransitionError: It is over.
    """
    require(by, "transfer.refuse")
    with uow:
        transfer = uow.inbound.get(transfer_id)
        try:
            body = RejectedBody(
                by=By.APPROVER,
                code=no.code,
                body=no.body,
                ags=no.ags,
                comment=_sealed_comment(office, transfer, no.comment),
            )
        except MalformedMessageError:
            raise InputError("code", "other_body_missing") from None
        refused = replace(
            transfer,
            decided_by=by.account,
            refusal=Refusal(by=str(By.APPROVER), code=str(no.code)),
        )
        act = Act(outcome=str(no.code), who=Who("approver", by.account))
        cause = Cause(act=act, body=body)
        after = apply(uow, office, refused, InEvent.REFUSED, cause, stored=transfer)
        uow.tasks.settle("inbound.waiting", transfer=transfer_id)
        uow.tasks.settle("inbound.second", transfer=transfer_id)
        uow.commit()
    return after


def _sealed_comment(
    office: Office, transfer: InboundTransfer, text: str
) -> SealedComment | None:
    raw = text.strip().encode()
    if not raw:
        return None
    if len(raw) > COMMENT_BYTES:
        raise InputError("comment", "too_long")
    kem = office.directory().sealing_key(transfer.sender, office.clock.now())
    return SealedComment(kem.kid, seal_comment(kem.key, transfer.offer_digest, raw))


def preview(
    uow: UnitOfWork,
    office: Office,
    transfer_id: TransferId,
    start: bytes,
    *,
    by: Actor,
) -> bytes:
    """Open the announcement by name; the caller logs who looked (HO-61).

    Raises:
        ForbiddenError, NotFoundError: No right; nothing announced, or gone.
        PacketUnreadableError: It does not open.
    """
    require(by, "preview.open")
    with uow:
        transfer = uow.inbound.get(transfer_id)
    prelude = read_prelude(start)
    key = office.keyring.openings.get(prelude.header.kid)
    if key is None or prelude.preview is None or transfer.state not in OPEN:
        raise NotFoundError("no announcement")
    return open_preview(prelude, open_share_a(prelude, key))


# -- The own clock -----------------------------------------------------------------------


def expire(uow: UnitOfWork, office: Office, transfer_id: TransferId) -> None:
    """DEADLINE at ``exp``, ERASE_DUE a week later (handover 10.3)."""
    with uow:
        transfer = uow.inbound.get(transfer_id)
        now = office.clock.now()
        undecided = transfer.state in {Inbound.ANNOUNCED, Inbound.WAITING}
        if undecided and now >= transfer.expires_at:
            apply(uow, office, transfer, InEvent.DEADLINE)
            uow.commit()
        elif (
            transfer.state is Inbound.APPROVED
            and now >= transfer.expires_at + ERASE_AFTER_EXPIRY
        ):
            apply(uow, office, transfer, InEvent.ERASE_DUE)
            uow.commit()


def remind(uow: UnitOfWork, transfer_id: TransferId, *, at: datetime, day: int) -> None:
    """The notices of day 3 and 9 to the approvers; no personal data (FR-31)."""
    with uow:
        transfer = uow.inbound.get(transfer_id)
        if transfer.state is Inbound.WAITING:
            uow.tasks.add(
                f"inbound.notice_{day}",
                at=at,
                transfer=transfer_id,
                for_role="approver",
            )
            uow.commit()
