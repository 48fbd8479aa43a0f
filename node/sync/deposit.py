"""A container that comes in: whether it is welcome, and what keeping it means.

Enters: bytes for a transfer, as a sealed file. Leaves: the statement that answers them.
Must never happen: a ``stored`` before the file and its row are durable; another file than
the offer names (HO-59). Implements handover 9.1 (bytes for T), HO-16, P5.
"""

from dataclasses import dataclass
from functools import partial

from node.crypto.seal import read_prelude
from node.errors import MalformedMessageError, NotFoundError
from node.failpoints import Point
from node.ids import MemberId, TransferId
from node.sync import quorum
from node.sync.bodies import StoredBody
from node.sync.firstword import require_speaking
from node.sync.inward import Cause, apply, offer_of, offered_categories, reject
from node.sync.limits import PUT_BYTES, UPLOADS_PER_PEER
from node.sync.logbook import Act
from node.sync.offer import OfferBody, PacketName
from node.sync.office import Office
from node.sync.ports import UnitOfWork
from node.sync.rows import SealedPart, StatementRow
from node.sync.transfer import Inbound, InEvent
from node.sync.words import RejectionCode, StatementType

_ENDED = frozenset({Inbound.REJECTED, Inbound.EXPIRED, Inbound.RECALLED})


@dataclass(frozen=True, slots=True)
class Expected:
    """The container of this offer is welcome: these bytes and no others.

    Unless ``is_witnessed`` it must wait: its sender has not shown its quorum yet (LR-21).
    While ``over_quota`` there is no place for more of this sender (HO-76).
    """

    offer: OfferBody
    is_witnessed: bool = True
    over_quota: bool = False

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
    uow: UnitOfWork, office: Office, sender: MemberId, transfer_id: TransferId
) -> Expected | Answered:
    """What to answer to bytes for T, from its state alone (handover 9.1).

    Raises:
        NotFoundError: No offer of this sender was taken; foreign and absent look alike.
    """
    with uow:
        return expectation(uow, office, sender, transfer_id)


def expectation(
    uow: UnitOfWork, office: Office, sender: MemberId, transfer_id: TransferId
) -> Expected | Answered:
    """As ``expect_packet``, inside a transaction that has begun.

    Raises:
        FirstWordError, ReadingOnlyError: Nothing is taken now (exchange-log 5.4).
    """
    require_speaking(uow)
    transfer = uow.inbound.find(transfer_id)
    if transfer is None or transfer.sender != sender:
        raise NotFoundError("unknown-transfer")
    if transfer.state is Inbound.ANNOUNCED:
        witnessed = quorum.welcome(uow, office, sender, transfer_id)
        offer = offer_of(transfer)
        lying, uploads = uow.uploads.unopened_from(sender, transfer_id)
        over = lying + offer.pkt.len > office.unopened_bytes or (
            offer.pkt.len > PUT_BYTES and uploads >= UPLOADS_PER_PEER
        )
        return Expected(offer, witnessed, over)
    over = transfer.state in _ENDED
    ours = uow.outbox.of_transfer(transfer_id)
    kinds = (
        {StatementType.REJECTED, StatementType.EXPIRED, StatementType.RECALLED}
        if over
        else {StatementType.STORED}
    )
    return Answered(next(row for row in reversed(ours) if row.type in kinds), over)


def named_in(start: bytes) -> TransferId:
    """The transfer that a container names, for bytes that come without an address.

    Raises:
        MalformedMessageError: No container.
    """
    return read_prelude(start).header.transfer


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
    fits: bool,
    parts: tuple[SealedPart, ...] = (),
) -> StatementRow:
    """PACKET or PACKET_UNFIT: the complete container, sealed and synced before this.

    It is the upload of this transfer, unless it came at once.

    Args:
        uow: The transaction.
        office: Keys, clock, chance, directory.
        transfer_id: T; its digest was compared with the offer's (HO-59).
        key: The transfer key, 32 bytes, under which its parts are sealed (HO-16).
        fits: What ``fits_offer`` said.
        parts: What came at once; no row names it yet.

    Returns:
        The statement that answers: ``stored`` or ``rejected``.
    """
    with uow:
        transfer = uow.inbound.get(transfer_id)
        if transfer.state is Inbound.ANNOUNCED:
            offer = offer_of(transfer)
            if fits:
                end = uow.uploads.drop if parts else uow.uploads.end
                end(transfer_id)
                uow.secrets.keep_received(transfer_id, key=key, parts=parts)
                more = {
                    "scope": offered_categories(offer),
                    "bytes": offer.pkt.len,
                    "expires": offer.exp.date().isoformat(),
                }
                cause = Cause(
                    act=Act(
                        statement=transfer.offer_digest,
                        outcome=_outcome(uow, transfer_id),
                        more=more,
                    ),
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
                uow.uploads.drop(transfer_id)
            office.failpoints.reach(Point.UPLOAD_VERIFIED)
            uow.after_commit(partial(office.failpoints.reach, Point.INBOX_AFTER_COMMIT))
            uow.commit()
        return uow.outbox.of_transfer(transfer_id)[-1]


def _outcome(uow: UnitOfWork, transfer: TransferId) -> str | None:
    """``overridden`` where two people of the sender waived its quorum (LR-24)."""
    shown = uow.quorums.shown(transfer)
    return shown if shown == quorum.OVERRIDDEN else None
