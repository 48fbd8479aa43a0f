"""The recipient's end of a handover: what the sender's statements and the clock mean.

Enters: statements of the sender (verified and in order), the own clock. Leaves: events for
``inward``, which carries them out; ``deposit`` takes the container, ``decision`` what
people decide, and ``opening`` goes on after the grant. Must never happen: an answer before
the commit. Implements handover 4.2 and 5.2.
"""

from datetime import datetime

from node.errors import TrustError, UsageError
from node.failpoints import Point
from node.ids import TransferId
from node.sync import onward
from node.sync.bodies import DurableBody, GrantBody
from node.sync.inward import OPEN, Cause, apply, reject
from node.sync.limits import ERASE_AFTER_EXPIRY
from node.sync.logbook import Act
from node.sync.message import Statement
from node.sync.offer import OFFER, OfferBody
from node.sync.office import Office
from node.sync.ports import UnitOfWork
from node.sync.rows import Wake
from node.sync.transfer import Inbound, InboundTransfer, InEvent
from node.sync.words import Basis, RejectionCode, StatementType

SUITES = frozenset({1})
SCHEMAS = frozenset({"case/1"})


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
    tr = statement.claims.tr
    if uow.inbound.find(tr) is not None or uow.inbound.is_past(tr):
        raise UsageError("transfer known")
    transfer = InboundTransfer(
        id=statement.claims.tr,
        state=Inbound.ABSENT,
        sender=statement.claims.iss,
        offer=OFFER.write(offer),
        offer_digest=statement.digest,
        offered_at=office.clock.now(),
        expires_at=offer.exp,
        packet_bytes=offer.pkt.len,
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
        (uow.suspensions.standing(transfer.sender) is None, RejectionCode.POLICY),
        (ours or offer.kind != "move", RejectionCode.NOT_FOR_US),
        (offer.suite in SUITES, RejectionCode.SUITE),
        (offer.schema >= min(SCHEMAS), RejectionCode.SCHEMA_TOO_OLD),
        (grounded, RejectionCode.NO_BASIS),
        (offer.pkt.len <= office.packet_bytes, RejectionCode.TOO_LARGE),
        (
            uow.inbound.open_from(transfer.sender) < office.open_transfers,
            RejectionCode.CAPACITY,
        ),
    )
    return next((code for fits, code in rules if not fits), None)


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
            office.failpoints.reach(Point.WITHDRAWN_RECEIVED)
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
            return onward.take_withdrawal(uow, office, transfer, statement)
        case StatementType.RETURN_REQUEST:
            return _take_return_request(uow, office, transfer)
        case _:
            raise UsageError(f"{statement.claims.t} is no statement of a sender")


def _take_return_request(
    uow: UnitOfWork, office: Office, transfer: InboundTransfer
) -> InboundTransfer:
    """RETURN_REQUEST: the approvers and who looks after each case are told."""
    kind = "inbound.return_asked"
    after = apply(uow, office, transfer, InEvent.RETURN_REQUEST, Cause(tell=kind))
    for case, _ in uow.inbound.cases(transfer.id):
        uow.tasks.add(kind, at=office.clock.now(), case=case, transfer=transfer.id)
    return after


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


# -- The own backup ----------------------------------------------------------------------


def secure(
    uow: UnitOfWork, office: Office, transfer_id: TransferId, made: DurableBody
) -> bool:
    """BACKED_UP, in the transaction that notes the verified set (SR-R2).

    Args:
        uow: The caller's open transaction.
        office: Keys, clock, chance, directory.
        transfer_id: A transfer whose cases are in the set.
        made: The set: when it was taken and verified.

    Returns:
        Whether ``durable`` was issued; it is not before ``closed``, and only once.
    """
    transfer = uow.inbound.get(transfer_id)
    if transfer.state is not Inbound.CLOSED:
        return False
    apply(uow, office, transfer, InEvent.BACKED_UP, Cause(body=made))
    return True


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
