"""Whether a container may leave, and whether one may come in: policy, floor, override.

Enters: our log with its cosignatures, the policy in force, the proof beside an offer.
Leaves: under which head a container may leave; what a sender has shown. Must never happen:
a container out or in before the sender's quorum and the recipient's own cosignature are
there, but for an override of two people, which never waives the recipient. Implements
LR-20, LR-21, LR-24 and HO-46.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from node.crypto.checkpoint import COSIGNATURE, NoteKey
from node.errors import UnknownNodeError
from node.exchangelog.attachment import Attachment
from node.exchangelog.entry import GroupName
from node.exchangelog.kinds import EntryClass, EntryType
from node.exchangelog.override import override_in
from node.exchangelog.policy import Policy, Standing, cosigners, judge, parse_policy
from node.exchangelog.proof import Heads
from node.ids import MemberId, TransferId
from node.sync.message import Statement
from node.sync.office import Office
from node.sync.peerkeys import witness_key_of
from node.sync.ports import UnitOfWork
from node.sync.rows import EntryDraft, Head, PacketRow, QuorumWait
from node.sync.transfer import Outbound
from node.sync.words import StatementType
from node.trust.directory import Directory

MET = "met"
OVERRIDDEN = "overridden"


@lru_cache(maxsize=64)
def read_policy(body: bytes) -> Policy | None:
    """A policy as the directory keeps it; None is the built-in one."""
    return parse_policy(body) if body else None


def policy_of(office: Office, member: MemberId) -> Policy | None:
    """The policy in force for a body, by our copy of the directory."""
    _, body = office.directory().policy_for(member.scope, office.clock.now())
    return read_policy(body)


def policies_of(office: Office, member: MemberId) -> tuple[Policy | None, ...]:
    """The policy in force for a body, and those before it for 7 days (LR-21)."""
    found = office.directory().policies_for(member.scope, office.clock.now())
    return tuple(map(read_policy, found))


def note_policy(
    uow: UnitOfWork,
    member: MemberId,
    before: Directory | None,
    after: Directory,
    at: datetime,
) -> None:
    """Write ``policy.changed`` if another policy is in force for us; in the caller's unit."""
    old = before.policy_for(member.scope, at)[1] if before else b""
    prefix, new = after.policy_for(member.scope, at)
    if old == new:
        return
    target = f"policy/{prefix}" if prefix else "pair"
    digest = hashlib.sha256(new).hexdigest()
    uow.log.append(
        EntryDraft(
            type=EntryType.POLICY_CHANGED,
            at=at,
            group=GroupName.of_month(EntryClass.OPERATION, at),
            fields={"target": target, "digest": digest},
        )
    )


# -- Leaving -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Leave:
    """A container may leave under this head; with ``override`` its entry goes along."""

    row: PacketRow
    head: Head
    override: bytes | None = None


@dataclass(frozen=True, slots=True)
class Stay:
    """It waits; ``standing`` is the best that any of our heads has come to."""

    row: PacketRow
    standing: Standing


def own_key(office: Office) -> NoteKey:
    """Our own witness key, which never counts for us."""
    return NoteKey(office.witness_name, office.keyring.witness.public, COSIGNATURE)


def weigh(
    uow: UnitOfWork, office: Office, policy: Policy, rows: Sequence[PacketRow]
) -> list[Leave | Stay]:
    """Look for one head of ours under which each container may leave by a policy.

    Args:
        uow: A reading unit.
        office: Keys, clock, directory.
        policy: In force for us.
        rows: Containers for one peer.
    """
    if not rows:
        return []
    recipient, own = witness_key_of(uow, office, rows[0].peer), own_key(office)
    places = {row.transfer: uow.log.index_of(row.offer_entry) for row in rows}
    least = min((place for place in places.values() if place is not None), default=None)
    judged = []
    for head in uow.log.signed_from(least + 1) if least is not None else ():
        # Each line is verified once, however many containers wait.
        by = cosigners(head.note, {*policy.keys, recipient})
        judged.append((head, judge(policy, by, recipient=recipient, own=own)))
    nothing = judge(policy, (), recipient=recipient, own=own)
    return [
        _weigh_one(uow, row, places[row.transfer], judged, nothing=nothing)
        for row in rows
    ]


def _weigh_one(
    uow: UnitOfWork,
    row: PacketRow,
    index: int | None,
    judged: Sequence[tuple[Head, Standing]],
    *,
    nothing: Standing,
) -> Leave | Stay:
    waits = uow.quorums.waiting(row.transfer)
    override = waits.override if waits else None
    waived = uow.log.index_of(override) if override else None
    best = nothing
    for head, standing in judged:
        if index is None or head.size <= index:
            continue
        if standing.met:
            return Leave(row, head)
        if standing.floor and waived is not None and waived < head.size:
            return Leave(row, head, override)
        if standing.got > best.got:
            best = standing
    return Stay(row, best)


def note_waits(
    uow: UnitOfWork, stays: Mapping[TransferId, Standing], at: datetime
) -> None:
    """Remember since when containers wait, and for how many; not a failed attempt."""
    with uow:
        for transfer, standing in stays.items():
            # Race: it was called back, or its witnesses came, since it was weighed.
            found = uow.outbound.find(transfer)
            if found is None or found.state is not Outbound.QUEUED:
                continue
            uow.quorums.wait(
                QuorumWait(
                    transfer, at, standing.got, standing.needed, standing.missing
                )
            )
        uow.commit()


# -- Coming in ---------------------------------------------------------------------------


def take_proof(
    uow: UnitOfWork,
    office: Office,
    statement: Statement,
    attachment: Attachment,
    *,
    heads: Heads,
) -> None:
    """Note what the proof beside an offer shows of the sender's quorum.

    Args:
        uow: The transaction.
        office: Keys, clock, chance, directory.
        statement: After the log gate found it proven; only an offer shows anything.
        attachment: Beside it.
        heads: Of the sender's log.
    """
    signed, transfer = heads.open(attachment.checkpoint), statement.claims.tr
    if statement.claims.t is not StatementType.OFFER or not signed or not transfer:
        return
    sender, head = statement.claims.iss, signed.head
    note, own = attachment.checkpoint, own_key(office)
    theirs = witness_key_of(uow, office, sender)
    floor = False
    for policy in policies_of(office, sender):
        keys = {*(policy.keys if policy else ()), own}
        found = judge(policy, cosigners(note, keys), recipient=own, own=theirs)
        floor = floor or found.floor
        if found.met:
            uow.quorums.show(transfer, MET, note)
            return
    overridden = floor and override_in(attachment, head, transfer) is not None
    if overridden and uow.quorums.shown(transfer) is None:
        uow.quorums.show(transfer, OVERRIDDEN, note)


def welcome(
    uow: UnitOfWork, office: Office, sender: MemberId, transfer: TransferId
) -> bool:
    """Whether a container of this offer may come in.

    By the pair policy the offer alone shows enough: whoever proved it to us has shown the
    head that we remember, and what we remember we cosign (LR-16).
    """
    try:
        if None in policies_of(office, sender):
            return True
    except UnknownNodeError:
        return False
    shown = uow.quorums.shown(transfer)
    return shown == MET or (shown == OVERRIDDEN and office.accept_override)
