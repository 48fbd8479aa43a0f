"""What the handover needs of the world: one unit of work over everything, and files.

The store implements these. A use case takes a ``UnitOfWork`` and an ``Office`` and never
talks to the network.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from types import TracebackType
from typing import Protocol, Self

from node.accounts.ports import AccountRepository
from node.cases.erased import ErasedCases
from node.cases.matchports import Matches
from node.cases.ports import (
    CaseRepository,
    ConsentRepository,
    ConsentTextRepository,
    RelocationRepository,
    TallyRepository,
    TaskRepository,
)
from node.ids import MemberId, MessageId, TransferId
from node.sync.chain import Position
from node.sync.exportports import Exports
from node.sync.logports import Cards, ExchangeLog, Heads, Quorums, Stands
from node.sync.mailports import Mail, Shelf
from node.sync.outboxport import Outbox
from node.sync.rows import (
    SealedPart,
    StoredFile,
    TakenRow,
    Upload,
    Wake,
)
from node.sync.transferports import InboundRepository, OutboundRepository
from node.trust.suspension import Suspensions


class Chains(Protocol):
    """Both chains of each pair, and whether the pair is in quarantine."""

    def last_out(self, peer: MemberId) -> Position | None:
        """Our newest statement to the peer; locks the pair's row until the commit (HO-43)."""
        ...

    def advance_out(self, peer: MemberId, position: Position) -> None:
        """Remember our newest statement."""
        ...

    def last_in(self, peer: MemberId) -> Position | None:
        """The peer's newest statement taken without a gap; locks the pair's row."""
        ...

    def advance_in(self, peer: MemberId, position: Position) -> None:
        """Remember the peer's newest statement."""
        ...

    def incarnation(self) -> int:
        """Our own incarnation; rises with each recovery."""
        ...

    def begin_incarnation(self, inc: int) -> None:
        """Recovery: all our chains start anew under this incarnation (HO-25)."""
        ...

    def restart(
        self, peer: MemberId, *, out: Position | None, taken: Position | None
    ) -> None:
        """Recovery: stand where the peer remembers us; the pair's quarantine is over."""
        ...

    def quarantine(self, peer: MemberId, code: str, proof: str) -> None:
        """Stop talking to this peer but for hello; both statements are the proof."""
        ...

    def quarantined(self, peer: MemberId) -> bool:
        """Whether the pair is in quarantine."""
        ...


class Inbox(Protocol):
    """Statements taken from peers; kept for ever (P2)."""

    def find(self, issuer: MemberId, jti: MessageId) -> TakenRow | None:
        """The stored result of a statement taken before."""
        ...

    def add(
        self,
        issuer: MemberId,
        jti: MessageId,
        *,
        position: Position,
        type: str,  # noqa: A002
        jws: str,
        result: str,
        transfer: TransferId | None,
        at: datetime,
    ) -> None:
        """Keep a statement with its result. ConflictError on a second one with this jti."""
        ...

    def after(
        self, issuer: MemberId, inc: int, seq: int, *, limit: int
    ) -> Sequence[str]:
        """The JWS of a peer's statements after a place, in chain order (recovery)."""
        ...

    def of_transfer(self, transfer: TransferId) -> Sequence[str]:
        """The JWS of all statements about one transfer, in chain order."""
        ...

    def taken_of(self, transfer: TransferId) -> Sequence[str]:
        """As ``of_transfer``, without those that were refused: they changed nothing."""
        ...


class TransferSecrets(Protocol):
    """Share B at the sender; container, transfer key and grant at the recipient."""

    def keep_share_b(
        self, transfer: TransferId, share_b: bytes, container: StoredFile
    ) -> None:
        """Keep share B sealed under the week key, and the container's name (KEEP_SHARE_B)."""
        ...

    def share_b(self, transfer: TransferId) -> bytes | None:
        """Share B, or None once it is destroyed."""
        ...

    def container(self, transfer: TransferId) -> StoredFile | None:
        """The sender's container file."""
        ...

    def destroy_share_b(self, transfer: TransferId) -> None:
        """Register line first (HO-19), then share B and the container's name; idempotent."""
        ...

    def keep_received(
        self, transfer: TransferId, *, key: bytes, parts: Sequence[SealedPart]
    ) -> None:
        """Keep what arrived: its transfer key, sealed, and its new parts (KEEP_SEALED)."""
        ...

    def received(
        self, transfer: TransferId
    ) -> tuple[bytes, tuple[SealedPart, ...]] | None:
        """Transfer key and parts of what arrived, None once shredded."""
        ...

    def keep_grant(self, transfer: TransferId, share: bytes) -> None:
        """Keep the wrapped share B of a grant, sealed under the transfer key."""
        ...

    def grant(self, transfer: TransferId) -> bytes | None:
        """The wrapped share B, None before the grant and after SHRED."""
        ...

    def shred(self, transfer: TransferId) -> None:
        """Transfer key, parts and grant go; the files are removed after the commit."""
        ...


class Uploads(Protocol):
    """Containers that arrive in parts (HO-86, HO-87)."""

    def start(self, transfer: TransferId, key: bytes, at: datetime) -> None:
        """Begin an upload under this transfer key. ConflictError if one runs."""
        ...

    def find(self, transfer: TransferId) -> Upload | None:
        """The upload of a transfer, None if none runs."""
        ...

    def add_part(
        self,
        transfer: TransferId,
        before: Upload,
        *,
        part: SealedPart,
        length: int,
        at: datetime,
    ) -> None:
        """Append a synced part of so many plain bytes. ConflictError if it moved."""
        ...

    def idle_since(self, before: datetime) -> Sequence[TransferId]:
        """The uploads that have not moved since before this instant."""
        ...

    def unopened_from(self, sender: MemberId, besides: TransferId) -> tuple[int, int]:
        """Bytes of this peer that lie here unopened or are on their way; its uploads.

        One transfer is left out: the one that asks.
        """
        ...

    def parts(self, transfer: TransferId) -> tuple[SealedPart, ...]:
        """The parts that are synced, in order."""
        ...

    def end(self, transfer: TransferId) -> None:
        """An upload is whole: its parts are the packet from now on."""
        ...

    def drop(self, transfer: TransferId) -> None:
        """Forget an upload, if one runs; its part files go after the commit."""
        ...


class Leases(Protocol):
    """Which process of this node does a job just now."""

    def take(self, name: str, holder: str, *, at: datetime, until: datetime) -> bool:
        """Take or renew a lease; False while another holder's has not run out."""
        ...


class UnitOfWork(Protocol):
    """One transaction over everything; the only way to the store.

    ``with uow: ... uow.commit()``. Leaving the block without commit undoes all of it.
    """

    cases: CaseRepository
    accounts: AccountRepository
    consents: ConsentRepository
    consent_texts: ConsentTextRepository
    relocations: RelocationRepository
    tasks: TaskRepository
    tally: TallyRepository
    matches: Matches
    erased_cases: ErasedCases
    outbound: OutboundRepository
    inbound: InboundRepository
    chains: Chains
    outbox: Outbox
    inbox: Inbox
    log: ExchangeLog
    heads: Heads
    quorums: Quorums
    secrets: TransferSecrets
    uploads: Uploads
    leases: Leases
    shelf: Shelf
    mail: Mail
    exports: Exports
    stands: Stands
    cards: Cards
    suspensions: Suspensions

    def __enter__(self) -> Self:
        """Begin."""
        ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Undo everything that was not committed."""
        ...

    def commit(self) -> None:
        """Sequence the log entries and make all of it durable together."""
        ...

    def after_commit(self, tidy: Callable[[], None]) -> None:
        """Do this once the unit is durable; a crash may come first, so it only tidies."""
        ...

    def wake(self, what: Wake, key: str) -> None:
        """After the commit, tell the worker that something is due."""
        ...


class PacketFiles(Protocol):
    """Containers on disk, named by the digest of their bytes there; synced on return."""

    def keep(self, chunks: Iterator[bytes]) -> StoredFile:
        """Write a container as it is (sender)."""
        ...

    def read(self, name: bytes, start: int = 0, /) -> Iterator[bytes]:
        """The bytes of a container from a place on, in chunks."""
        ...

    def has_room(self, length: int) -> bool:
        """Whether so many bytes more leave the disk the room it needs (HO-76)."""
        ...

    def keep_sealed(
        self, key: bytes, transfer: TransferId, start: int, chunks: Iterable[bytes]
    ) -> SealedPart:
        """Write a part of what arrives, sealed under a transfer key of 32 bytes (HO-16)."""
        ...

    def read_sealed(
        self, key: bytes, transfer: TransferId, parts: Iterable[SealedPart]
    ) -> Iterator[bytes]:
        """What arrived, part after part, opened chunk by chunk."""
        ...

    def remove(self, name: bytes) -> None:
        """Remove a file; absent is fine."""
        ...
