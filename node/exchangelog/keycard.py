"""The key card: under which keys and which log number a node speaks after a recovery.

Enters: a card that a node signed with its statement key, what we hold of that node. Leaves:
whether we take it. Must never happen: a log with a new number taken without a head that we
can hold against our memory (LR-28); an incarnation that goes back (P13); another log key,
for that one the directory alone can change. Implements exchange-log 4 (key card), 5.4;
LR-27, LR-28, HO-50.
"""

from dataclasses import dataclass
from enum import StrEnum, unique

from node.crypto.checkpoint import COSIGNATURE, ED25519, Checkpoint, NoteKey
from node.errors import MalformedMessageError
from node.exchangelog.kinds import is_head
from node.exchangelog.standing import number_of, series_of
from node.exchangelog.witness import WitnessMemory
from node.strictjson import Json, JsonObject


@dataclass(frozen=True, slots=True)
class KeyCard:
    """Incarnation, keys of log and witness, and the head that a new log continues."""

    inc: int
    log: NoteKey
    witness: NoteKey
    continues: Checkpoint | None = None


@unique
class Judged(StrEnum):
    """What becomes of a card."""

    KNOWN = "known"  # nothing new
    TAKEN = "taken"  # a later incarnation, and the log goes on as far as we can tell
    REFUSED = "refused"  # alarm; we go on with what we hold (LR-28)


def judge_card(card: KeyCard, held: KeyCard, memory: WitnessMemory | None) -> Judged:
    """Whether a peer's card is to be believed; its signature was verified.

    Args:
        card: What it says now.
        held: What we hold of it: the last card taken, or what the directory lists.
        memory: The newest head we remember of the log of ``held``.
    """
    if card.inc <= held.inc:
        return Judged.KNOWN if card.inc < held.inc or card == held else Judged.REFUSED
    same_hands = card.log.key == held.log.key and (
        series_of(card.log.name) == series_of(held.log.name)
        and series_of(card.witness.name) == series_of(held.witness.name)
    )
    if not same_hands:
        return Judged.REFUSED
    if card.log.name == held.log.name:
        # The same log: its next proof has to go on from our memory, as always.
        return Judged.TAKEN
    return Judged.TAKEN if _goes_on(card, held, memory) else Judged.REFUSED


def _goes_on(card: KeyCard, held: KeyCard, memory: WitnessMemory | None) -> bool:
    """A later log number that continues a head not older than the one we remember."""
    former = card.continues
    if former is None or former.origin != held.log.name:
        return False
    if number_of(card.log.name) <= number_of(held.log.name):
        return False
    if memory is None:
        return True
    if former.size == memory.size:
        return former.root == memory.root
    # A larger one somebody else remembers; what we relied on lies below our own memory.
    return former.size > memory.size


def encode_card(card: KeyCard) -> JsonObject:
    """The payload of the signed card."""
    head = card.continues
    return {
        "inc": card.inc,
        "log": str(card.log),
        "witness": str(card.witness),
        "continues": None
        if head is None
        else {"origin": head.origin, "size": head.size, "root": head.root.hex()},
    }


def parse_card(found: JsonObject) -> KeyCard:
    """The inverse.

    Raises:
        MalformedMessageError: Not exactly this form.
    """
    if set(found) != {"inc", "log", "witness", "continues"}:
        raise MalformedMessageError("card")
    inc, log, witness = found["inc"], found["log"], found["witness"]
    if not (type(inc) is int and isinstance(log, str) and isinstance(witness, str)):
        raise MalformedMessageError("card")
    card = KeyCard(
        inc,
        NoteKey.parse(log),
        NoteKey.parse(witness),
        _head(found["continues"]),
    )
    numbered = all(
        key.name.rpartition("/")[2].isdecimal() for key in (card.log, card.witness)
    )
    if inc < 1 or (card.log.type, card.witness.type) != (ED25519, COSIGNATURE):
        raise MalformedMessageError("card")
    if not numbered:
        raise MalformedMessageError("card")
    return card


def _head(value: Json) -> Checkpoint | None:
    if value is None:
        return None
    if not isinstance(value, dict) or "origin" not in value:
        raise MalformedMessageError("card")
    named = {"log" if key == "origin" else key: item for key, item in value.items()}
    if not is_head(named):
        raise MalformedMessageError("card")
    return Checkpoint(named["log"], named["size"], bytes.fromhex(named["root"]))
