"""What is kept for the way to a peer, as values: rows of the outbox and inbox, heads, files.

Enters and leaves: nothing; these are the words in which use cases and the store speak to
each other. Must never happen: a row that names a connection (HO-78) or holds content.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum, unique

from node.ids import AccountId, MemberId, MessageId, TransferId
from node.strictjson import Json


@unique
class Wake(StrEnum):
    """What is due after a commit; the worker listens and polls besides."""

    RELEASE = "release"
    DELIVER = "deliver"
    OPEN = "open"
    PUBLISH = "publish"
    WITNESS = "witness"


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
    failures: int = 0
    code: str | None = None


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


@dataclass(frozen=True, slots=True)
class SealedPart:
    """A part of a container that arrived: the place of its first byte, its sealed file."""

    start: int
    name: bytes


@dataclass(frozen=True, slots=True)
class Upload:
    """An upload under way: its transfer key, and how many plain bytes are synced."""

    key: bytes
    received: int


@dataclass(frozen=True, slots=True)
class Evidence:
    """Two heads of one log that contradict each other, as whole notes (LR-18)."""

    origin: str
    reason: str
    known: str
    offered: str
    seen_at: datetime


@dataclass(frozen=True, slots=True)
class Cosigned:
    """How far a witness has followed our log, and its newest line."""

    name: str
    size: int
    last_at: datetime
    line: str


@dataclass(frozen=True, slots=True)
class OverrideAsked:
    """Who asked to send without the quorum, and why; ``code`` is a reason of the list.

    ``account`` is None where the operator asked at the command line.
    """

    code: str
    role: str
    account: AccountId | None


@dataclass(frozen=True, slots=True)
class QuorumWait:
    """A container of ours that waits for witnesses (exchange-log 5.3).

    ``got`` of ``needed`` cosignatures are in. ``override`` is the commitment of the entry
    that waives the rest.
    """

    transfer: TransferId
    since: datetime
    got: int
    needed: int
    missing: tuple[str, ...]
    asked: OverrideAsked | None = None
    override: bytes | None = None
