"""What the handover needs of the exchange log: our own, and what we remember of others.

Enters: drafts of entries, cosignatures, heads. Leaves: commitments, proofs, what was seen.
Must never happen: an entry outside the transaction of its effect (LR-7); a smaller head
over a larger one (LR-16). The store implements both.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from node.crypto.checkpoint import Checkpoint
from node.crypto.merkle import HashReader
from node.exchangelog.keycard import KeyCard
from node.exchangelog.standing import Stand
from node.exchangelog.witness import Extension
from node.ids import MemberId, TransferId
from node.sync.rows import (
    Cosigned,
    EntryDraft,
    Evidence,
    Head,
    OverrideAsked,
    QuorumWait,
)
from node.sync.schedule import SignedTime

Met = Mapping[MemberId, datetime]
"""When each member last answered us or called."""


class Stands(Protocol):
    """How the node stands, seen by all its processes (exchange-log 5.4)."""

    def read(self) -> Stand:
        """How it stands now."""
        ...

    def begin(self, stand: Stand) -> None:
        """A leader starts, or ``recover`` ends: whatever stood before counts no more."""
        ...

    def enter(self, stand: Stand) -> None:
        """Stand so from now on; ConflictError if it moved, the first quarantine stays."""
        ...

    def met(self) -> Met:
        """Whom we ever met, and when last."""
        ...


class Cards(Protocol):
    """Key cards of peers that recovered, judged and taken (LR-27, LR-28)."""

    def find(self, peer: MemberId) -> KeyCard | None:
        """The newest card taken, None if the directory says all."""
        ...

    def any(self) -> bool:
        """Whether there is any: mostly there is none, and the directory says all."""
        ...

    def keep(self, peer: MemberId, card: KeyCard, at: datetime) -> None:
        """Take a later card."""
        ...


class ExchangeLog(Protocol):
    """Our own exchange log, inside one unit of work (LR-7)."""

    def append(self, draft: EntryDraft) -> bytes:
        """Compute the commitment C (32 bytes) at once; leaves are written by the commit."""
        ...

    def blind_consent(self, case: str, evidence: bytes) -> str:
        """``consent`` value (hex) of a consent document, blinded in its case's chain."""
        ...

    def newest(self) -> Head | None:
        """Our newest signed checkpoint, cosignatures included in its note."""
        ...

    def index_of(self, entry: bytes) -> int | None:
        """The place of a commitment in the tree, None before its commit."""
        ...

    def tree(self) -> HashReader:
        """Hashes of complete subtrees of our log, for proofs."""
        ...

    def former_origins(self) -> Collection[str]:
        """Origins of our logs that ended; the present one continues them (LR-28)."""
        ...

    def go_on(self, *, inc: int, at: datetime) -> None:
        """The same log under the next incarnation: ``log.recovered``, nothing lost (LR-26)."""
        ...

    def begin_anew(self, continued: Checkpoint, *, inc: int, at: datetime) -> str:
        """End the present log and begin the next, which continues a head of it (LR-26)."""
        ...

    def contains(self, size: int, root: bytes) -> bool:
        """Whether our log had exactly this root at this size."""
        ...

    def opening(self, entry: bytes) -> bytes | None:
        """``0x01 || salt || entry`` of one of our entries, None if lawfully erased."""
        ...

    def cosigned_size(self, witness: str) -> int:
        """The largest of our sizes this witness has cosigned, 0 if none."""
        ...

    def signed_from(self, size: int) -> Sequence[Head]:
        """Our newest checkpoints of this size and above, newest first, with cosignatures."""
        ...

    def add_cosignatures(
        self, size: int, lines: Mapping[str, str], at: datetime
    ) -> None:
        """Keep verified cosignature lines (name -> line) of one of our checkpoints."""
        ...

    def keep_peer_entry(
        self,
        origin: str,
        entry: bytes,
        *,
        index: int,
        opening: bytes | None,
        proof: str,
        group: str,
    ) -> None:
        """Keep the other side's entry with its proof, sealed under our group key."""
        ...


class Heads(Protocol):
    """What we remember of other logs: one row per origin (LR-16)."""

    def seen(self, origin: str) -> Head | None:
        """The newest head we verified, locked."""
        ...

    def all_seen(self) -> Sequence[Head]:
        """Everything we remember of other logs, by origin."""
        ...

    def remember(
        self, head: Head, at: datetime, shown: Extension | None = None
    ) -> None:
        """Insert, or compare-and-set to a larger size. ConflictError if it moved.

        ``shown`` is the verified proof that it goes on from a former head, kept for
        evidence.
        """
        ...

    def shown(self, witness: str) -> int:
        """The size of our own log that a peer or witness last confirmed, 0 if none."""
        ...

    def set_shown(self, witness: str, size: int) -> None:
        """It told which of our sizes it remembers; a peer is named by its member id."""
        ...

    def newest(self, limit: int) -> Sequence[Head]:
        """The heads of other logs that moved last."""
        ...

    def offered(self, origin: str) -> Sequence[str]:
        """The heads of one log that were kept as evidence."""
        ...

    def evidence(self) -> Sequence[Evidence]:
        """Everything that was kept, oldest first."""
        ...

    def cosigned(self) -> Sequence[Cosigned]:
        """The newest cosignature of each witness under our own log."""
        ...

    def hear_clock(self, peer: MemberId, *, said_at: datetime, at: datetime) -> None:
        """Keep the newest clock that a peer signed."""
        ...

    def signed_times(self, own: str) -> Sequence[SignedTime]:
        """Times that others signed lately; ``own`` names the own witness (SR-K7)."""
        ...

    def past(self, origin: str, size: int) -> bytes | None:
        """The root we remember of another log at exactly this size, if we ever saw it."""
        ...

    def keep_evidence(
        self, origin: str, *, reason: str, known: str, offered: str, at: datetime
    ) -> None:
        """Two heads that contradict each other (LR-18)."""
        ...


class Quorums(Protocol):
    """What waits for witnesses, what senders have shown, what was heard of third logs."""

    def waiting(self, transfer: TransferId) -> QuorumWait | None:
        """How a container of ours waits, None if it does not."""
        ...

    def all_waiting(self) -> Sequence[QuorumWait]:
        """Every container of ours that waits for witnesses, the oldest first."""
        ...

    def wait(self, waits: QuorumWait) -> None:
        """Note how it stands; when it began to wait stays, and so does an override."""
        ...

    def ask_override(self, transfer: TransferId, asked: OverrideAsked) -> None:
        """Somebody asks for an override. ConflictError if nothing waits."""
        ...

    def override(self, transfer: TransferId, entry: bytes) -> None:
        """The override stands in our log. ConflictError if nothing waits."""
        ...

    def drop(self, transfer: TransferId) -> None:
        """It waits no more."""
        ...

    def show(self, transfer: TransferId, outcome: str, note: str) -> None:
        """A sender has shown its quorum (``met``) or an override (``overridden``)."""
        ...

    def shown(self, transfer: TransferId) -> str | None:
        """What its sender has shown."""
        ...

    def heard(self, origin: str, size: int) -> Head | None:
        """A head of a third log that a peer told of."""
        ...

    def heard_of(self, origin: str) -> Sequence[Head]:
        """All such heads of one log, the smallest first."""
        ...

    def hear(self, head: Head) -> None:
        """Keep a head until it can be compared."""
        ...

    def settle(self, origin: str, size: int) -> None:
        """It was compared."""
        ...
