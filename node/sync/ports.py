"""What the handover needs of the world: one unit of work, files, the way to a peer.

The store implements these; the federation implements ``Transport``. A use case takes a
``UnitOfWork`` and an ``Office`` and never talks to the network.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum, unique
from types import TracebackType
from typing import Protocol, Self

from node.accounts.ports import AccountRepository
from node.cases.ports import (
    CaseRepository,
    ConsentRepository,
    RelocationRepository,
    TaskRepository,
)
from node.clock import Clock
from node.crypto.keys import Keyring, Randomness
from node.crypto.merkle import HashReader
from node.failpoints import Failpoints
from node.ids import AccountId, MemberId, MessageId, TransferId
from node.strictjson import Json
from node.sync.chain import Position
from node.sync.limits import OPEN_TRANSFERS_PER_PEER
from node.sync.transfer import Inbound, InboundTransfer, Outbound, OutboundTransfer
from node.trust.directory import Directory


@unique
class Wake(StrEnum):
    """What is due after a commit; the worker listens and polls besides."""

    RELEASE = "release"
    DELIVER = "deliver"
    OPEN = "open"
    PUBLISH = "publish"


@dataclass(frozen=True, slots=True)
class Office:
    """What this node brings to a use case: its keys, clock, chance and directory.

    ``directory`` gives the directory in force at the moment of the call. ``failpoints`` is
    inert in every real node. ``register`` is the id of this procedure in the body's
    register of processing (Art. 30 GDPR), ``statutes`` the paragraphs it has confirmed.
    """

    keyring: Keyring
    clock: Clock
    randomness: Randomness
    directory: Callable[[], Directory]
    failpoints: Failpoints
    log_origin: str
    witness_name: str
    register: str = "V-01"
    open_transfers: int = OPEN_TRANSFERS_PER_PEER
    statutes: frozenset[str] = frozenset()

    @property
    def member(self) -> MemberId:
        """This node's own member id."""
        return self.keyring.member

    def log_of(self, peer: MemberId) -> str:
        """The origin of a peer's exchange log, by the directory."""
        return self.directory().log_key(peer).name


@dataclass(frozen=True, slots=True)
class EntryDraft:
    """A log entry before the store gives it an id and blinds the actor.

    ``group`` names its erasable key: ``transfer:<id>``, ``consent:<case>`` or
    ``<class>:<YYYY-MM>``. ``fields`` are the keys of its type beyond the common ones.
    """

    type: str
    at: datetime
    group: str
    fields: Mapping[str, Json]
    role: str = "system"
    actor: AccountId | None = None
    second: AccountId | None = None
    prev: bytes | None = None


@dataclass(frozen=True, slots=True)
class Head:
    """A checkpoint of a log, ours or another's: size, root (32 bytes) and its signed note."""

    origin: str
    size: int
    root: bytes
    note: str


@dataclass(frozen=True, slots=True)
class StatementRow:
    """One of our statements on its way.

    ``entry`` is None where no proof is needed; ``cp_size`` is the size its claim ``cp``
    names, 0 if none.
    """

    peer: MemberId
    jti: MessageId
    inc: int
    seq: int
    type: str
    jws: str
    entry: bytes | None
    cp_size: int
    transfer: TransferId | None


@dataclass(frozen=True, slots=True)
class PacketRow:
    """One container on its way."""

    peer: MemberId
    transfer: TransferId
    digest: bytes
    length: int
    offer_entry: bytes


@dataclass(frozen=True, slots=True)
class Due:
    """How a peer's queue stands: failures in a row, when to try next, since when it waits."""

    peer: MemberId
    failures: int
    next_attempt_at: datetime | None
    failing_since: datetime | None
    last_success_at: datetime | None
    code: str | None


@dataclass(frozen=True, slots=True)
class TakenRow:
    """One statement of a peer as taken: its bytes' digest and the stored result."""

    jti: MessageId
    digest: bytes
    result: str


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file that is synced to disk: its name (SHA-256 of its bytes there) and length."""

    name: bytes
    length: int


class OutboundRepository(Protocol):
    """Transfers this node sends."""

    def add(self, transfer: OutboundTransfer) -> None:
        """Insert one with its members."""
        ...

    def get(self, transfer: TransferId) -> OutboundTransfer:
        """One transfer, locked. NotFoundError if absent."""
        ...

    def find(self, transfer: TransferId) -> OutboundTransfer | None:
        """One transfer, locked, or None."""
        ...

    def replace(self, before: OutboundTransfer, after: OutboundTransfer) -> None:
        """Compare-and-set on ``before.version``; keeps ``holding`` for the unique index.

        ConflictError: it moved, or another transfer already holds one of the cases (HO-5).
        """
        ...

    def in_states(self, states: Iterable[Outbound]) -> Sequence[TransferId]:
        """Ids of all transfers in these states, oldest first."""
        ...

    def resting_on(self, consent: str) -> Sequence[TransferId]:
        """Ids of all transfers with a member who has this consent among the grounds."""
        ...

    def of_case(self, case: str) -> Sequence[OutboundTransfer]:
        """All transfers of one case, oldest first, not locked."""
        ...


class InboundRepository(Protocol):
    """Transfers this node receives."""

    def add(self, transfer: InboundTransfer) -> None:
        """Insert one."""
        ...

    def get(self, transfer: TransferId) -> InboundTransfer:
        """One transfer, locked. NotFoundError if absent."""
        ...

    def find(self, transfer: TransferId) -> InboundTransfer | None:
        """One transfer, locked, or None."""
        ...

    def replace(self, before: InboundTransfer, after: InboundTransfer) -> None:
        """Compare-and-set on ``before.version``; ConflictError if it moved."""
        ...

    def in_states(self, states: Iterable[Inbound]) -> Sequence[TransferId]:
        """Ids of all transfers in these states, oldest first."""
        ...

    def open_from(self, sender: MemberId) -> int:
        """How many transfers of this peer are open (announced to opening)."""
        ...


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

    def quarantine(self, peer: MemberId, code: str, proof: str) -> None:
        """Stop talking to this peer but for hello; both statements are the proof."""
        ...

    def quarantined(self, peer: MemberId) -> bool:
        """Whether the pair is in quarantine."""
        ...


class Outbox(Protocol):
    """What wants to go out; what is connected is never stored (HO-78)."""

    def add_statement(self, row: StatementRow) -> None:
        """Queue a statement at the end of its chain."""
        ...

    def add_packet(self, row: PacketRow) -> None:
        """Queue a container, once per transfer."""
        ...

    def drop_packet(self, transfer: TransferId) -> None:
        """Remove the packet row, if there is one."""
        ...

    def statements(self, peer: MemberId, limit: int) -> Sequence[StatementRow]:
        """The oldest statements not yet acknowledged, in chain order."""
        ...

    def statement(self, peer: MemberId, jti: MessageId) -> StatementRow | None:
        """One of our statements, acknowledged or not."""
        ...

    def of_transfer(self, transfer: TransferId) -> Sequence[StatementRow]:
        """All our statements about one transfer, in chain order, acknowledged or not."""
        ...

    def acknowledge(
        self, peer: MemberId, jtis: Iterable[MessageId], at: datetime
    ) -> None:
        """A signed answer lists these as taken (HO-47)."""
        ...

    def acknowledge_through(
        self, peer: MemberId, inc: int, seq: int, at: datetime
    ) -> None:
        """The peer's ``got`` reaches this place."""
        ...

    def packets(self, peer: MemberId, limit: int) -> Sequence[PacketRow]:
        """Containers whose offer was acknowledged, smallest class first, oldest first."""
        ...

    def waiting_peers(self) -> Sequence[MemberId]:
        """Peers with a statement or packet row waiting."""
        ...

    def due(self, peer: MemberId) -> Due:
        """How the queue of a peer stands."""
        ...

    def failed(
        self, peer: MemberId, *, at: datetime, next_at: datetime, code: str
    ) -> None:
        """One more failure in a row."""
        ...

    def succeeded(self, peer: MemberId, at: datetime) -> None:
        """A verified answer: the row of failures ends."""
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

    def of_transfer(self, transfer: TransferId) -> Sequence[str]:
        """The JWS of all statements about one transfer, in chain order."""
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

    def contains(self, size: int, root: bytes) -> bool:
        """Whether our log had exactly this root at this size."""
        ...

    def opening(self, entry: bytes) -> bytes | None:
        """``0x01 || salt || entry`` of one of our entries, None if lawfully erased."""
        ...

    def cosigned_size(self, witness: str) -> int:
        """The largest of our sizes this witness has cosigned, 0 if none."""
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

    def remember(self, head: Head, at: datetime) -> None:
        """Insert, or compare-and-set to a larger size. ConflictError if it moved."""
        ...

    def shown(self, peer: MemberId) -> int:
        """The size of our own log that this peer last confirmed to remember, 0 if none."""
        ...

    def set_shown(self, peer: MemberId, size: int) -> None:
        """The peer's signed answer told which of our sizes it remembers."""
        ...

    def past(self, origin: str, size: int) -> bytes | None:
        """The root we remember of another log at exactly this size, if we ever saw it."""
        ...

    def keep_evidence(
        self, origin: str, *, reason: str, known: str, offered: str, at: datetime
    ) -> None:
        """Two heads that contradict each other (LR-18)."""
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
        self, transfer: TransferId, *, key: bytes, file: StoredFile
    ) -> None:
        """Keep what arrived: its transfer key, sealed, and its file (KEEP_SEALED)."""
        ...

    def received(self, transfer: TransferId) -> tuple[bytes, StoredFile] | None:
        """Transfer key and file of what arrived, None once shredded."""
        ...

    def keep_grant(self, transfer: TransferId, share: bytes) -> None:
        """Keep the wrapped share B of a grant, sealed under the transfer key."""
        ...

    def grant(self, transfer: TransferId) -> bytes | None:
        """The wrapped share B, None before the grant and after SHRED."""
        ...

    def shred(self, transfer: TransferId) -> None:
        """Transfer key, file name and grant go; the file is removed after the commit."""
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
    relocations: RelocationRepository
    tasks: TaskRepository
    outbound: OutboundRepository
    inbound: InboundRepository
    chains: Chains
    outbox: Outbox
    inbox: Inbox
    log: ExchangeLog
    heads: Heads
    secrets: TransferSecrets
    leases: Leases

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

    def wake(self, what: Wake, key: str) -> None:
        """After the commit, tell the worker that something is due."""
        ...


class PacketFiles(Protocol):
    """Containers on disk, named by the digest of their bytes there; synced on return."""

    def keep(self, chunks: Iterator[bytes]) -> StoredFile:
        """Write a container as it is (sender)."""
        ...

    def read(self, name: bytes) -> Iterator[bytes]:
        """The bytes of a container, in chunks."""
        ...

    def keep_sealed(
        self, key: bytes, transfer: TransferId, chunks: Iterator[bytes]
    ) -> StoredFile:
        """Write what arrived, sealed under a transfer key of 32 bytes (HO-16)."""
        ...

    def read_sealed(
        self, key: bytes, transfer: TransferId, name: bytes
    ) -> Iterator[bytes]:
        """What arrived, opened chunk by chunk."""
        ...

    def remove(self, name: bytes) -> None:
        """Remove a file; absent is fine."""
        ...
