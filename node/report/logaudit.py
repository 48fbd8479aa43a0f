"""The exchange log as an auditor's checks read it: shared transfers, places, proofs.

Enters: the keys of the directory. Leaves: values of ``exchangelog.shared``, entries by
place. Must never happen: an entry that is called lawfully erased on the word of a row; a
time taken from anything but a verified cosignature. The store implements ``LogAudit``; use
cases reach it as ``uow.log_audit``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from node.crypto.checkpoint import Checkpoint, NoteKey
from node.exchangelog.attachment import EntryProof
from node.exchangelog.shared import Item, Shared
from node.ids import MemberId, TransferId
from node.report.logview import LogViewUnit
from node.sync.rows import Head


@dataclass(frozen=True, slots=True)
class Known:
    """This node, and whose keys the directory vouches for.

    ``witnesses`` are foreign ones; the own cosignature counts for nothing (LR-21).
    """

    member: MemberId
    log_key: NoteKey
    witnesses: tuple[NoteKey, ...]
    logs: Mapping[MemberId, str]
    witness_names: Mapping[MemberId, str]


@dataclass(frozen=True, slots=True)
class PeerList:
    """What a peer told of the transfers it shares with us.

    ``is_continuing`` says whether its head goes on from what we remember of that log.
    ``held`` are commitments of our own entries that it holds, by transfer.
    """

    log: str
    size: int
    is_continuing: bool
    items: Mapping[TransferId, tuple[Item, ...]]
    held: Mapping[TransferId, tuple[bytes, ...]]


@dataclass(frozen=True, slots=True)
class SelfCheck:
    """The newest daily check of the own log; ``verdict`` as ``finding.Verdict``."""

    at: datetime
    size: int
    verdict: str
    findings: int


class LogAudit(Protocol):
    """Queries of one reading unit."""

    def transfers(self, peer: MemberId) -> Sequence[TransferId]:
        """Every transfer with this peer that our readable entries name, in order."""
        ...

    def shared(
        self, transfer: TransferId, known: Known, told: PeerList | None = None
    ) -> Shared:
        """One transfer as both logs tell it. NotFoundError if neither knows it."""
        ...

    def item_at(self, index: int, known: Known) -> Item:
        """One entry of ours. NotFoundError if the log has no such place."""
        ...

    def for_peer(
        self, transfer: TransferId, peer: MemberId, signed: Head
    ) -> tuple[EntryProof, ...]:
        """Our entries about a transfer with proofs and openings, for its other side."""
        ...

    def cosigned_head(self, known: Known, size: int | None) -> Checkpoint | None:
        """Our newest head, or that of a size, that a foreign witness cosigned; verified."""
        ...

    def last_check(self) -> SelfCheck | None:
        """The newest daily check."""
        ...

    def keep_check(self, check: SelfCheck) -> None:
        """Put a newer one in its place."""
        ...

    def held_of(self, transfer: TransferId) -> Sequence[bytes]:
        """Commitments of the other side's entries that we keep."""
        ...


class LogAuditUnit(LogViewUnit, Protocol):
    """A unit of work as the auditor's checks read it."""

    @property
    def log_audit(self) -> LogAudit:
        """The log, for checks."""
        ...
