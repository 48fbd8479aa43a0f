"""A whole exchange log in memory: entries, tree, signed heads, and a witness memory."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from node.crypto.checkpoint import (
    COSIGNATURE,
    ED25519,
    Checkpoint,
    NoteKey,
    add_lines,
    cosign,
    sign_checkpoint,
)
from node.crypto.commit import GroupKey, commitment, leaf_input, opening, salt
from node.crypto.keys import SigningKey
from node.crypto.merkle import MemoryTree, leaf_hash, root_of
from node.exchangelog.attachment import Attachment, Placed, make_attachment
from node.exchangelog.entry import (
    Act,
    Entry,
    encode_entry,
    entry,
)
from node.exchangelog.kinds import ActorRole, EntryType
from node.exchangelog.proof import (
    NAMED_BY,
    Expected,
    Heads,
    Knowledge,
    LogClaims,
    OwnLog,
    Proven,
    Verdict,
    check,
)
from node.exchangelog.witness import SignedHead, WitnessMemory
from node.ids import TransferId
from node.strictjson import Json, JsonObject

START = datetime(2026, 2, 3, 10, 0, 0, tzinfo=UTC)
TRANSFER = TransferId("ab" * 16)
PACKET = hashlib.sha256(b"example packet").digest()


@dataclass(frozen=True, slots=True)
class TransferFacts:
    """The facts that every entry about a transfer between two nodes carries.

    ``epoch`` is null where a household's cases differ. ``packet`` is the SHA-256 of the
    container, ``statement`` that of the received JWS which caused the act, ``peer_cp``
    the newest verified checkpoint of the other side, ``outcome`` a code.
    """

    transfer: TransferId
    peer: str | None = None
    epoch: int | None = None
    packet: bytes | None = None
    statement: bytes | None = None
    peer_cp: Checkpoint | None = None
    outcome: str | None = None


def transfer_entry(
    kind: EntryType,
    act: Act,
    facts: TransferFacts,
    more: Mapping[str, Json] | None = None,
) -> Entry:
    """Make an entry about a transfer.

    Args:
        kind: A type whose keys include the facts of a transfer.
        act: The moment and the person.
        facts: What both sides know of the transfer.
        more: The keys of the type beyond these, in JSON form.

    ``attempt`` is always 1: sealing again is a new transfer (HO-1).
    """
    return entry(
        kind,
        act,
        {
            "transfer": str(facts.transfer),
            "attempt": 1,
            "peer": facts.peer,
            "epoch": facts.epoch,
            "packet": _hex_or_none(facts.packet),
            "statement": _hex_or_none(facts.statement),
            "peer_cp": None if facts.peer_cp is None else encode_head(facts.peer_cp),
            "outcome": facts.outcome,
            **(more or {}),
        },
    )


def encode_head(head: Checkpoint) -> JsonObject:
    """A checkpoint as ``{log, size, root}``, as entries and statements carry it."""
    return {"log": head.origin, "size": head.size, "root": head.root.hex()}


def _hex_or_none(raw: bytes | None) -> str | None:
    return None if raw is None else raw.hex()


def digest(text: str) -> bytes:
    """A digest that a test can name."""
    return hashlib.sha256(text.encode()).digest()


@dataclass
class Written:
    """One entry with its place and all that opens it."""

    index: int
    entry: Entry
    spelled: bytes
    c: bytes
    key: GroupKey
    group: str

    @property
    def shown(self) -> bytes:
        """The opening."""
        return opening(salt(self.key, bytes.fromhex(self.entry.id)), self.spelled)

    def placed(self, *, shown: bool = False) -> Placed:
        """For an attachment."""
        return Placed(self.index, self.c, self.shown if shown else None)


@dataclass
class MemoryLog:
    """One node's log, its keys, and what it remembers of other logs."""

    host: str = "wehr.example"
    seed: int = 1
    now: datetime = START
    written: list[Written] = field(default_factory=list)
    heads: dict[int, SignedHead] = field(default_factory=dict)
    memory: dict[str, WitnessMemory] = field(default_factory=dict)
    past: dict[tuple[str, int], bytes] = field(default_factory=dict)
    keys: dict[str, GroupKey] = field(default_factory=dict)
    tree: MemoryTree = field(default_factory=MemoryTree)

    def __post_init__(self) -> None:
        self.signing = SigningKey.from_seed(bytes([self.seed]) * 32)
        self.witnessing = SigningKey.from_seed(bytes([self.seed + 100]) * 32)

    @property
    def origin(self) -> str:
        """The log's name."""
        return f"{self.host}/log/1"

    @property
    def log_key(self) -> NoteKey:
        """What others verify its heads with."""
        return NoteKey(self.origin, self.signing.public, ED25519)

    @property
    def witness_key(self) -> NoteKey:
        """What others verify its cosignatures with."""
        return NoteKey(f"{self.host}/witness/1", self.witnessing.public, COSIGNATURE)

    def act(self, prev: str | None = None) -> Act:
        """The next moment."""
        self.now += timedelta(seconds=1)
        number = len(self.written).to_bytes(8, "big") + self.seed.to_bytes(8, "big")
        return Act(number.hex(), self.now, self.origin, ActorRole.SYSTEM, prev=prev)

    def append(self, kind: EntryType, more: Mapping[str, Json], group: str) -> Written:
        """Write an entry of a type that concerns no transfer."""
        return self.put(entry(kind, self.act(), more), group)

    def append_transfer(
        self,
        kind: EntryType,
        facts: TransferFacts,
        more: Mapping[str, Json] | None = None,
    ) -> Written:
        """Write an entry about a transfer, chained to the one before."""
        group = f"transfer:{facts.transfer}"
        chain = [item.c.hex() for item in self.written if item.group == group]
        act = self.act(prev=chain[-1] if chain else None)
        return self.put(transfer_entry(kind, act, facts, more), group)

    def put(self, made: Entry, group: str) -> Written:
        """Commit an entry."""
        key = self.keys.setdefault(
            group, GroupKey(digest(f"{self.host} {group} {self.seed}"))
        )
        spelled = encode_entry(made)
        c = commitment(key, bytes.fromhex(made.id), spelled)
        item = Written(len(self.written), made, spelled, c, key, group)
        self.written.append(item)
        self.tree.append(leaf_hash(leaf_input(c)))
        return item

    def head(self, size: int | None = None) -> Checkpoint:
        """The head at a size, by default the present one."""
        size = len(self.written) if size is None else size
        return Checkpoint(self.origin, size, root_of(size, self.tree))

    def sign(self, size: int | None = None) -> SignedHead:
        """What the publisher does."""
        head = self.head(size)
        found = self.heads.get(head.size)
        if found is None:
            found = SignedHead(head, sign_checkpoint(head, self.signing))
            self.heads[head.size] = found
        return found

    def newest(self) -> SignedHead:
        """The newest signed head."""
        return self.heads[max(self.heads)]

    def contains(self, head: Checkpoint) -> bool:
        """Whether a head is one of ours."""
        return head.size <= len(self.written) and self.head(head.size) == head

    def cosigned_by(self, other: "MemoryLog", time_s: int = 1770112805) -> SignedHead:
        """Put the other node's cosignature on our newest head."""
        signed = self.newest()
        line = cosign(signed.note, other.witness_key.name, other.witnessing, time_s)
        better = replace(signed, note=add_lines(signed.note, [line]))
        self.heads[signed.head.size] = better
        return better

    def remember(self, memory: WitnessMemory) -> None:
        """Store a witness memory, as the transaction of the effect does."""
        self.memory[memory.origin] = memory
        self.past[memory.origin, memory.size] = memory.root

    def knowledge_of(self, other: "MemoryLog") -> Knowledge:
        """What this node knows when it judges the other's statement."""
        return Knowledge(
            memory=self.memory.get(other.origin),
            past=lambda size: self.past.get((other.origin, size)),
            own=OwnLog(self.log_key, self.contains),
        )

    def seen_of(self, other: "MemoryLog") -> Checkpoint | None:
        """The claim ``seen`` of a statement to the other node."""
        memory = self.memory.get(other.origin)
        if memory is None:
            return None
        return Checkpoint(memory.origin, memory.size, memory.root)

    def attach(self, item: Written | None, *below: Written, since: int) -> Attachment:
        """An attachment under the newest head."""
        signed = self.newest()
        own = [] if item is None else [item.placed(shown=True)]
        return make_attachment(
            signed,
            self.tree,
            entries=[*own, *(other.placed() for other in below)],
            cp_size=signed.head.size,
            since_size=since,
        )

    def claims(self, item: Written | None, to: "MemoryLog") -> LogClaims:
        """The log claims of a statement about an entry."""
        cp = self.newest().head if self.heads else None
        return LogClaims(None if item is None else item.c, cp, self.seen_of(to))


def expect(
    statement: str, reader: MemoryLog, *, proof_required: bool = True
) -> Expected:
    """What a statement about the example transfer must prove."""
    return Expected(
        types=NAMED_BY[statement],
        transfer=TRANSFER,
        peer=reader.host,
        epoch=1,
        packet=PACKET,
        proof_required=proof_required,
    )


def tell(
    reader: MemoryLog,
    writer: MemoryLog,
    statement: str,
    item: Written,
    *below: Written,
) -> Verdict:
    """Carry a statement from one node to the other through the gate, and remember."""
    known = reader.memory.get(writer.origin)
    attachment = writer.attach(item, *below, since=known.size if known else 0)
    verdict = check(
        writer.claims(item, reader),
        attachment,
        Heads(writer.log_key),
        knowledge=reader.knowledge_of(writer),
        expected=expect(statement, reader),
    )
    if isinstance(verdict, Proven) and verdict.memory is not None:
        reader.remember(verdict.memory)
    return verdict


def opened(log: MemoryLog) -> Written:
    """The first entry of every log."""
    more = {"vkey": str(log.log_key), "continues": None, "inc": 1}
    return log.append(EntryType.LOG_OPENED, more, "permanent:2026-02")


def recorded(log: MemoryLog, group: str = "consent:" + "cd" * 16) -> Written:
    """A consent."""
    more: dict[str, Json] = {
        "consent": digest("consent").hex(),
        "scope": ["K01", "K04"],
        "recipients": ["class:responsible_at_new_place"],
        "valid_from": "2026-02-01",
        "valid_until": "2026-06-30",
        "basis": "consent",
        "register": "V-07",
    }
    return log.append(EntryType.CONSENT_RECORDED, more, group)


def facts(peer: MemoryLog, **changes: object) -> TransferFacts:
    """The facts of the example transfer."""
    return replace(TransferFacts(TRANSFER, peer.host, 1, PACKET), **changes)  # type: ignore[arg-type]


def sent(log: MemoryLog, peer: MemoryLog, *consents: Written) -> Written:
    """A packet was sent, on these consents."""
    return log.append_transfer(
        EntryType.TRANSFER_SENT,
        facts(peer),
        {
            "persons": 1,
            "scope": ["K01", "K04"],
            "bytes": 200704,
            "expires": "2026-02-17",
            "basis": "consent",
            "register": "V-07",
            "consents": [
                {"c": digest("consent").hex(), "at": c.c.hex(), "head": c.c.hex()}
                for c in consents
            ],
        },
    )


def received(log: MemoryLog, peer: MemoryLog) -> Written:
    """The container is complete at the recipient."""
    more = {"scope": ["K01", "K04"], "bytes": 200704, "expires": "2026-02-17"}
    return log.append_transfer(EntryType.TRANSFER_RECEIVED, facts(peer), more)
