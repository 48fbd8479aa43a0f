"""An auditor's comparisons: both logs, the consents of a transfer, a sample, proofs.

Enters: who asks, a peer or a transfer, perhaps the peer's own list. Leaves: what the pure
checks say of it. Must never happen: entries read for somebody without the right; a sample
under a head that nobody else has signed. Implements exchange-log 8 (``reconcile``,
``consent``, ``sample``).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from node.accounts.policy import Actor, require
from node.cases.days import local_day
from node.casework.auditing import own_log_key
from node.crypto.checkpoint import Checkpoint
from node.crypto.merkle import consistency_proof, inclusion_proof
from node.errors import InputError, NotFoundError
from node.exchangelog.consent import Standing, check_consent
from node.exchangelog.reconcile import Difference, classify
from node.exchangelog.sample import Drawn, draw
from node.exchangelog.shared import Item, Shared
from node.exchangelog.tlogproof import TlogProof
from node.exchangelog.witness import WitnessMemory
from node.ids import MemberId, TransferId
from node.report.logaudit import Known, LogAuditUnit, PeerList
from node.sync.office import Office
from node.sync.peerkeys import log_of

MOST_SAMPLED: Final = 1000


@dataclass(frozen=True, slots=True)
class Comparison:
    """How two logs agree; ``asked`` says whether the peer's own list was at hand."""

    peer: MemberId
    at: datetime
    asked: bool
    transfers: int
    differences: tuple[Difference, ...]


def known_of(office: Office) -> Known:
    """Whose keys count, by the directory in force."""
    members = office.directory().members()
    return Known(
        member=office.member,
        log_key=own_log_key(office),
        witnesses=tuple(
            listed.key
            for member in members
            if member.id != office.member
            for listed in member.witness.keys
        ),
        logs={member.id: member.log.name for member in members},
        witness_names={member.id: member.witness.name for member in members},
    )


def compare(
    uow: LogAuditUnit,
    office: Office,
    peer: MemberId,
    told: PeerList | None = None,
    *,
    by: Actor,
) -> Comparison:
    """Both sides of every transfer shared with a peer.

    Raises:
        UnknownNodeError: No such member.
    """
    require(by, "log.verify")
    office.directory().member(peer)
    known, now = known_of(office), office.clock.now()
    transfers = dict.fromkeys(uow.log_audit.transfers(peer))
    if told is not None:
        transfers |= dict.fromkeys((*told.items, *told.held))
    found: list[Difference] = []
    for transfer in transfers:
        shared = uow.log_audit.shared(transfer, known, told)
        found += classify(shared, now, local_day)
    return Comparison(peer, now, told is not None, len(transfers), tuple(found))


def consent_of(
    uow: LogAuditUnit, office: Office, transfer: TransferId, *, by: Actor
) -> tuple[Shared, tuple[Standing, ...]]:
    """Whether the consent stood at sending and when the key was handed over.

    Raises:
        NotFoundError: Our log holds nothing of it.
    """
    require(by, "log.verify")
    shared = uow.log_audit.shared(transfer, known_of(office))
    return shared, check_consent(shared, local_day)


def trace(
    uow: LogAuditUnit, office: Office, transfer: TransferId, *, by: Actor
) -> tuple[Shared, tuple[Difference, ...]]:
    """One transfer on both sides, and how they agree.

    Raises:
        NotFoundError: Our log holds nothing of it.
    """
    require(by, "log.read")
    shared = uow.log_audit.shared(transfer, known_of(office))
    return shared, classify(shared, office.clock.now(), local_day)


def entry_at(uow: LogAuditUnit, office: Office, index: int, *, by: Actor) -> Item:
    """One entry of our log with its proof.

    Raises:
        NotFoundError: The log has no such place.
    """
    require(by, "log.read")
    return uow.log_audit.item_at(index, known_of(office))


def proof_of(uow: LogAuditUnit, index: int) -> TlogProof:
    """An entry's place under our newest signed head; shows no content (LR-14).

    Raises:
        NotFoundError: No signed head covers it.
    """
    head = uow.log.newest()
    if head is None or not 0 <= index < head.size:
        raise NotFoundError("no signed head covers this entry")
    path = inclusion_proof(index, head.size, uow.log.tree())
    return TlogProof(index, path, head.note)


def growth_of(uow: LogAuditUnit, old: int, new: int) -> tuple[bytes, ...]:
    """That the log of size ``new`` goes on from that of size ``old``.

    Raises:
        NotFoundError: Outside the signed log, or the wrong way round.
    """
    head = uow.log.newest()
    if head is None or not 0 < old <= new <= head.size:
        raise NotFoundError("no signed head covers this size")
    return consistency_proof(old, new, uow.log.tree())


def sample(
    uow: LogAuditUnit,
    office: Office,
    count: int,
    seed: str,
    size: int | None = None,
    *,
    by: Actor,
) -> tuple[Checkpoint, Sequence[Drawn]]:
    """Transfers in an order that seed and a cosigned head fix.

    Args:
        uow: The unit.
        office: For keys.
        count: How many, at most 1,000.
        seed: Chosen by the auditor.
        size: Of the head of an earlier sample, to draw it again; None for the newest.
        by: Who asks.

    Raises:
        InputError: A count or a seed of another form.
        NotFoundError: No foreign witness has cosigned a head of this size.
    """
    require(by, "log.verify")
    if not 1 <= count <= MOST_SAMPLED:
        raise InputError("count", "out_of_range")
    if not 1 <= len(seed) <= 100:
        raise InputError("seed", "missing" if not seed else "too_long")
    head = uow.log_audit.cosigned_head(known_of(office), size)
    if head is None:
        raise NotFoundError("no cosigned head")
    starts: dict[TransferId, int] = {}
    for line in uow.log_view.lines(0):
        if line.transfer is not None:
            starts.setdefault(line.transfer, line.index)
    return head, draw(starts, count, seed, head)


def memory_of(
    uow: LogAuditUnit, office: Office, peer: MemberId
) -> WitnessMemory | None:
    """What we remember of a peer's log."""
    with uow:
        seen = uow.heads.seen(log_of(uow, office, peer))
    return (
        None
        if seen is None
        else WitnessMemory(seen.origin, seen.size, seen.root, seen.note)
    )
