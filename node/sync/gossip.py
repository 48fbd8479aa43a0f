"""What travels beside our proofs about other logs, and what others tell us so.

Enters: what we remember of the reader's log and of third logs; the notes a peer sends.
Leaves: the reader's own head with our cosignature, up to four heads of third logs, and
evidence where two heads contradict each other. Must never happen: a note shown or believed
whose log did not sign it; a claim about us believed without our own signature (LR-19); a
second history that nobody is told of. Implements ``seen_note`` and ``gossip`` of
exchange-log 6.1, and LR-18.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from node.crypto.checkpoint import (
    Checkpoint,
    NoteKey,
    add_lines,
    cosign,
    only,
    open_checkpoint,
    peek_origin,
)
from node.errors import MalformedMessageError, SignatureError, TrustError
from node.exchangelog.attachment import MAX_GOSSIP, Attachment
from node.exchangelog.entry import GroupName
from node.exchangelog.kinds import EntryClass, EntryType
from node.ids import MemberId
from node.sync.limits import EVIDENCE_KEPT, GOSSIP_KEPT
from node.sync.office import Office
from node.sync.peerkeys import log_key_of, log_keys
from node.sync.ports import UnitOfWork
from node.sync.rows import EntryDraft, Head
from node.trust.directory import Directory


@dataclass(frozen=True, slots=True)
class Beside:
    """The same for every statement of one sending.

    ``seen_note`` is the reader's own newest head that we remember, ``third`` heads of
    other logs.
    """

    seen_note: str | None
    third: tuple[str, ...] = ()

    def into(self, attachment: Attachment) -> Attachment:
        """The attachment with it."""
        return replace(attachment, seen_note=self.seen_note, gossip=self.third)

    @property
    def without_third(self) -> "Beside":
        """For all but the first statement of a list: telling it once is enough."""
        return replace(self, third=())


def beside(uow: UnitOfWork, office: Office, peer: MemberId) -> Beside:
    """What goes beside the statements to one peer; inside the caller's unit."""
    log_key = log_key_of(uow, office, peer)
    seen = uow.heads.seen(log_key.name)
    third = _third_heads(uow, office, log_key.name)
    bare = None if seen is None else _bare(seen.note, log_key)
    if seen is None or bare is None:
        return Beside(None, third)
    # Only our cosignature: others' lines would be theirs to show, and cost their length.
    time_s = int(office.clock.now().timestamp())
    line = cosign(seen.note, office.witness_name, office.keyring.witness, time_s)
    return Beside(add_lines(bare, [line]), third)


def _third_heads(uow: UnitOfWork, office: Office, reader: str) -> tuple[str, ...]:
    """The heads that moved last, of logs that are neither the reader's nor ours."""
    keys = _known(uow, office)
    found = []
    for head in uow.heads.newest(MAX_GOSSIP + 1):
        listed = keys.get(head.origin)
        if listed is None or head.origin in {reader, office.log_origin}:
            continue
        bare = _bare(head.note, listed[1])
        if bare is not None:
            found.append(bare)
    return tuple(found[:MAX_GOSSIP])


def _bare(note: str, key: NoteKey) -> str | None:
    """The note with its log's signature alone; None if the log has another key by now."""
    try:
        return only(note, key)
    except SignatureError:
        return None


def listen(uow: UnitOfWork, office: Office, teller: str, notes: Sequence[str]) -> None:
    """Compare heads of third logs with what we remember, in the caller's transaction.

    A head at a size that we never saw is kept, a few per log, until it can be compared.

    Args:
        uow: The transaction.
        office: Keys, clock, directory.
        teller: Origin of the peer's own log; about that its checkpoint speaks.
        notes: As they came.
    """
    keys = _known(uow, office)
    for note in notes:
        try:
            origin = peek_origin(note)
            if origin in {teller, office.log_origin} or origin not in keys:
                continue
            member, key = keys[origin]
            head = open_checkpoint(note, key)
            _compare(uow, office, member, head=head, note=only(note, key))
        except (MalformedMessageError, SignatureError):
            # A claim that its log did not sign is no claim.
            continue


def _compare(
    uow: UnitOfWork, office: Office, member: MemberId, *, head: Checkpoint, note: str
) -> None:
    known = uow.heads.past(head.origin, head.size)
    heard = uow.quorums.heard(head.origin, head.size)
    seen = uow.heads.seen(head.origin)
    if known is not None and known != head.root:
        found = TwoHeads("gossip", seen.note if seen else "", note)
        conflict(uow, office, member, head.origin, found)
    elif known is None and heard is not None and heard.root != head.root:
        found = TwoHeads("gossip", heard.note, note)
        conflict(uow, office, member, head.origin, found)
    elif known is None and len(uow.quorums.heard_of(head.origin)) < GOSSIP_KEPT:
        # One that is here already stays as it came first.
        uow.quorums.hear(Head(head.origin, head.size, head.root, note))


@dataclass(frozen=True, slots=True)
class TwoHeads:
    """Where two heads of one log were met, and both of their notes."""

    reason: str
    known: str
    offered: str


def conflict(
    uow: UnitOfWork,
    office: Office,
    member: MemberId | None,
    origin: str,
    found: TwoHeads,
) -> None:
    """Two histories of one log (LR-18): evidence, entry, and the relation pauses.

    Nothing of it happens twice for one head, nor for ever more heads of one log: its
    owner could sign as many as it likes, and a few convince anybody.
    """
    kept = uow.heads.offered(origin)
    if found.offered in kept or len(kept) >= EVIDENCE_KEPT:
        return
    at = office.clock.now()
    uow.heads.keep_evidence(
        origin, reason=found.reason, known=found.known, offered=found.offered, at=at
    )
    digest = hashlib.sha256(f"{found.known}\n{found.offered}".encode()).hexdigest()
    uow.log.append(
        EntryDraft(
            type=EntryType.WITNESS_CONFLICT,
            at=at,
            group=GroupName.of_month(EntryClass.PERMANENT, at),
            fields={"target": origin, "digest": digest},
        )
    )
    uow.tasks.add(
        "log.conflict", at=at, for_role="administrator", codes=(found.reason,)
    )
    if member is not None:
        uow.chains.quarantine(member, "history-conflict", found.offered)


def _known(uow: UnitOfWork, office: Office) -> dict[str, tuple[MemberId, NoteKey]]:
    """Whose log has which origin now; what the directory lists counts as well."""
    found = dict(listed_logs(office.directory()))
    if uow.cards.any():
        found |= {key.name: (member, key) for member, key in log_keys(uow, office)}
    return found


@lru_cache(maxsize=2)
def listed_logs(directory: Directory) -> dict[str, tuple[MemberId, NoteKey]]:
    """Whose log has which origin, without the retired; read once per directory."""
    found: dict[str, tuple[MemberId, NoteKey]] = {}
    for member in directory.members():
        try:
            key = directory.log_key(member.id)
        except TrustError:
            continue
        # Whoever else claims an origin does not take it away.
        found.setdefault(key.name, (member.id, key))
    return found
