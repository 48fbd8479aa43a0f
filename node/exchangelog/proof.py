"""The log gate: no statement counts whose act is not in the issuer's log.

Enters: the log claims of a statement whose signature is good, its attachment, what we
remember of the issuer's log and what the statement must be about. Leaves: ``Proven`` with
the memory as it will stand, or why not. Must never happen: an act on an unproven entry; a
jump of our memory; a quarantine because a peer merely claims something (LR-19). Implements
exchange-log 6.2 steps 2 to 6, HO-49, LR-18, LR-19, LR-28 (first contact), LR-30, LR-31.

The steps, by the numbers of 6.2: (2) the checkpoint is the issuer's; (3) it goes on from
our memory; (4) the statement's ``cp`` lies on it; (5) its ``seen`` is a head of ours;
(6) its entry is included and says what the statement says. Steps 1 and 7 are the caller's.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum, unique
from typing import Final

from node.crypto.checkpoint import Checkpoint, NoteKey, open_checkpoint
from node.crypto.commit import check_opening, leaf_input
from node.crypto.merkle import leaf_hash, verify_inclusion
from node.errors import MalformedMessageError, SignatureError
from node.exchangelog.attachment import Attachment, EntryProof
from node.exchangelog.entry import Entry, parse_entry
from node.exchangelog.kinds import EntryType
from node.exchangelog.witness import (
    Past,
    Relation,
    SignedHead,
    WitnessMemory,
    goes_on,
    relate,
)
from node.ids import TransferId

_T = EntryType
NAMED_BY: Final[Mapping[str, frozenset[EntryType]]] = {
    "offer": frozenset((_T.TRANSFER_SENT,)),
    "stored": frozenset((_T.TRANSFER_RECEIVED,)),
    "open-request": frozenset((_T.TRANSFER_APPROVED,)),
    "grant": frozenset((_T.TRANSFER_GRANTED,)),
    "imported": frozenset((_T.TRANSFER_IMPORTED,)),
    "closed": frozenset((_T.TRANSFER_COMPLETED,)),
    "durable": frozenset((_T.TRANSFER_BACKED_UP,)),
    "rejected": frozenset((_T.TRANSFER_REJECTED, _T.TRANSFER_REFUSED)),
    "recall": frozenset((_T.TRANSFER_RECALLED, _T.TRANSFER_DENIED)),
    "recalled": frozenset((_T.TRANSFER_DROPPED,)),
    "expired": frozenset((_T.TRANSFER_DROPPED,)),
    "withdrawal": frozenset((_T.NOTICE_SENT,)),
    "withdrawal-answer": frozenset((_T.NOTICE_ANSWERED,)),
}
"""Which entry a statement of a type names (exchange-log 3.3); other types name none."""


@unique
class GateCode(StrEnum):
    """Why a statement is not proven; goes into the problem document or the rejection."""

    ATTACHMENT = "attachment"
    KEY = "log-key"
    SINCE = "since"
    HISTORY = "history"
    ENTRY = "entry"
    OPENING = "opening"
    LOG = "entry-log"
    TYPE = "entry-type"
    TRANSFER = "entry-transfer"
    PEER = "entry-peer"
    EPOCH = "entry-epoch"
    PACKET = "entry-packet"
    CONSENT = "consent-order"


@dataclass(frozen=True, slots=True)
class LogClaims:
    """What a statement says of logs, under its signature (6.1)."""

    entry: bytes | None
    cp: Checkpoint | None
    seen: Checkpoint | None


@dataclass(frozen=True, slots=True)
class Expected:
    """What the statement's entry must say, from the statement's other claims.

    ``peer`` is our own member id as the entry names it. ``epoch`` and ``packet`` are None
    where the entry must hold null. ``proof_required`` is false for ``stored`` alone: it
    only stops the resending (LR-30).
    """

    types: frozenset[EntryType]
    transfer: TransferId
    peer: str
    epoch: int | None
    packet: bytes | None
    proof_required: bool = True


@dataclass(frozen=True, slots=True)
class OwnLog:
    """Our own log: its key, and whether a head is one that it contains."""

    key: NoteKey
    contains: Callable[[Checkpoint], bool]


@dataclass(frozen=True, slots=True)
class Knowledge:
    """What we know when we judge: our memory of the issuer's log, and our own log."""

    memory: WitnessMemory | None
    past: Past
    own: OwnLog


@dataclass(frozen=True, slots=True)
class Proven:
    """Act on it, and store ``memory`` in the same transaction (step 7).

    ``advanced`` says whether ``memory`` differs from before and is to be cosigned.
    ``proof`` and ``entry`` are the statement's own entry, if it was shown.
    """

    memory: WitnessMemory | None
    advanced: bool
    proof: EntryProof | None
    entry: Entry | None


@dataclass(frozen=True, slots=True)
class Unproven:
    """Do not act. ``final``: what is signed is wrong, no other attachment can cure it."""

    code: GateCode
    final: bool = False


@dataclass(frozen=True, slots=True)
class PeerBehind:
    """The issuer shows an older head than we remember; ``note`` is what we remember."""

    note: str


@dataclass(frozen=True, slots=True)
class WeBehind:
    """The peer holds a head with our signature that our log lacks: quarantine (5.4)."""

    note: str


@dataclass(frozen=True, slots=True)
class Conflict:
    """The issuer has two histories: keep both texts, pause the relation (LR-18)."""

    reason: str
    known: str
    offered: str


Refused = Unproven | PeerBehind | WeBehind | Conflict
Verdict = Proven | Refused


class Heads:
    """Opens the notes of one issuer, each once: a list of statements shares one."""

    def __init__(self, log_key: NoteKey) -> None:
        """Remember the issuer's log key, by the directory or its key card."""
        self._log_key = log_key
        self._opened: dict[str, SignedHead | None] = {}

    def open(self, note: str) -> SignedHead | None:
        """The head of a note, or None if the issuer's log key did not sign it."""
        if note not in self._opened:
            self._opened[note] = self._verify(note)
        return self._opened[note]

    def _verify(self, note: str) -> SignedHead | None:
        try:
            return SignedHead(open_checkpoint(note, self._log_key), note)
        except (MalformedMessageError, SignatureError):
            return None


def check(
    claims: LogClaims,
    attachment: Attachment | None,
    heads: Heads,
    *,
    knowledge: Knowledge,
    expected: Expected | None,
) -> Verdict:
    """Judge one statement; pure.

    Args:
        claims: From the statement, whose signature was verified (step 1).
        attachment: What came beside it.
        heads: One per request and issuer, so that a shared note is verified once.
        knowledge: Must hold the memory as the statement before left it.
        expected: None for a statement that names no entry (hello, ack, some answers).

    Returns:
        ``Unproven`` is answered with the retryable problem ``log-unproven``, or, if it is
        final and the statement an offer, with a rejection (LR-31). ``PeerBehind`` is the
        problem ``log-behind`` with our note. ``WeBehind`` and ``Conflict`` are alarms.
    """
    if (claims.entry is None) != (expected is None):
        return Unproven(GateCode.ENTRY, final=True)
    if attachment is None:
        if expected is not None and expected.proof_required:
            return Unproven(GateCode.ATTACHMENT)
        return Proven(knowledge.memory, advanced=False, proof=None, entry=None)
    signed = heads.open(attachment.checkpoint)
    if signed is None:
        return Unproven(GateCode.KEY)
    return _check_log(signed, claims, attachment, knowledge) or _check_act(
        signed, claims, attachment, knowledge=knowledge, expected=expected
    )


def _check_log(
    signed: SignedHead, claims: LogClaims, attachment: Attachment, knowledge: Knowledge
) -> Refused | None:
    """Steps 3 to 5: the histories of both logs fit what everybody remembers."""
    return (
        # Step 5 comes first: after a restore our memory of others is old as well, and
        # step 3 alone would wait for ever for a proof from a head we have forgotten.
        _check_seen(claims.seen, attachment, knowledge.own)
        or _check_memory(signed, attachment, knowledge)
        or _check_history(signed, claims.cp, attachment, knowledge.past)
    )


def _check_act(
    signed: SignedHead,
    claims: LogClaims,
    attachment: Attachment,
    *,
    knowledge: Knowledge,
    expected: Expected | None,
) -> Proven | Unproven:
    """Step 6, then the memory for step 7."""
    memory = _remember(signed, knowledge.memory)
    advanced = memory != knowledge.memory
    if expected is None or not (expected.proof_required or attachment.entries):
        return Proven(memory, advanced, proof=None, entry=None)
    entry = _check_entry(signed.head, claims, attachment, expected)
    if isinstance(entry, Unproven):
        return entry
    return Proven(memory, advanced, attachment.entries[0], entry)


def _check_memory(
    signed: SignedHead, attachment: Attachment, knowledge: Knowledge
) -> Refused | None:
    """Step 3: the head goes on from what we remember of this log."""
    memory = knowledge.memory
    match relate(memory, signed.head, attachment.since, knowledge.past):
        case Relation.CONTRADICTS:
            known = "" if memory is None else memory.note
            return Conflict("checkpoint", known, signed.note)
        case Relation.UNSHOWN:
            return Unproven(GateCode.SINCE)
        case Relation.BEHIND:
            return PeerBehind("" if memory is None else memory.note)
        case Relation.EXTENDS | Relation.SAME | Relation.OLDER:
            return None


def _check_history(
    signed: SignedHead, cp: Checkpoint | None, attachment: Attachment, past: Past
) -> Refused | None:
    """Step 4: the head that the statement names lies on the one it shows."""
    if cp is None:
        return None
    head = signed.head
    if cp.origin != head.origin:
        return Unproven(GateCode.HISTORY, final=True)
    known = past(cp.size)
    if (cp.size == head.size and cp.root != head.root) or (
        known is not None and known != cp.root
    ):
        return Conflict("cp", cp.body(), signed.note)
    if not goes_on(cp, head, attachment.history):
        return Unproven(GateCode.HISTORY)
    return None


def _check_seen(
    seen: Checkpoint | None, attachment: Attachment, own: OwnLog
) -> Refused | None:
    """Step 5: a foreign claim about our log counts only with our own signature."""
    if seen is None or attachment.seen_note is None or own.contains(seen):
        return None
    try:
        head = open_checkpoint(attachment.seen_note, own.key)
    except (MalformedMessageError, SignatureError):
        return None
    return None if own.contains(head) else WeBehind(attachment.seen_note)


def _remember(signed: SignedHead, memory: WitnessMemory | None) -> WitnessMemory:
    """The newer of both; the head was found to lie on the same history."""
    head = signed.head
    if memory is not None and memory.size >= head.size:
        return memory
    return WitnessMemory(head.origin, head.size, head.root, signed.note)


def _check_entry(
    head: Checkpoint, claims: LogClaims, attachment: Attachment, expected: Expected
) -> Entry | Unproven:
    """Step 6: the entry is included, and says what the statement says."""
    proof = attachment.entries[0] if attachment.entries else None
    if proof is None or proof.c != claims.entry or not _included(proof, head):
        return Unproven(GateCode.ENTRY)
    try:
        spelled = check_opening(proof.c, proof.opening or b"")
    except MalformedMessageError:
        return Unproven(GateCode.OPENING)
    # From here on the bytes are those the issuer committed to, so a fault is final.
    try:
        entry = parse_entry(spelled)
    except MalformedMessageError:
        return Unproven(GateCode.OPENING, final=True)
    wrong = _first_difference(entry, head.origin, expected)
    if wrong is None and entry.type is EntryType.TRANSFER_SENT:
        return _check_grounds(entry, attachment, head) or entry
    return entry if wrong is None else Unproven(wrong, final=True)


def _included(proof: EntryProof, head: Checkpoint) -> bool:
    leaf = leaf_hash(leaf_input(proof.c))
    try:
        verify_inclusion(proof.index, head.size, leaf, proof.path, head.root)
    except MalformedMessageError:
        return False
    return True


def _first_difference(entry: Entry, origin: str, expected: Expected) -> GateCode | None:
    """The first field in which the entry is not what the statement says."""
    packet = None if expected.packet is None else expected.packet.hex()
    more = entry.more
    fields = (
        (GateCode.LOG, entry.log == origin),
        (GateCode.TYPE, entry.type in expected.types),
        (GateCode.TRANSFER, more.get("transfer") == str(expected.transfer)),
        (GateCode.PEER, more.get("peer") == expected.peer),
        (GateCode.EPOCH, more.get("epoch") == expected.epoch),
        (GateCode.PACKET, more.get("packet") == packet),
    )
    return next((code for code, fits in fields if not fits), None)


def _check_grounds(
    entry: Entry, attachment: Attachment, head: Checkpoint
) -> Unproven | None:
    """Each consent was recorded, and its chain ended, before the packet was sent.

    Missing proofs can still come; a proven wrong order stays wrong.
    """
    places = {
        proof.c.hex(): proof.index
        for proof in attachment.entries[1:]
        if _included(proof, head)
    }
    sent = attachment.entries[0].index
    for ground in entry.more["consents"]:
        if "statute" in ground:
            continue
        recorded, newest = places.get(ground["at"]), places.get(ground["head"])
        if recorded is None or newest is None:
            return Unproven(GateCode.CONSENT)
        if not recorded <= newest < sent:
            return Unproven(GateCode.CONSENT, final=True)
    return None
