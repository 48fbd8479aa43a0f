"""What we remember of another log's head, and the one rule by which that memory moves.

Enters: heads of other logs whose signature was verified, proofs that they go on, and the
bytes of C2SP add-checkpoint. Leaves: the memory as it will stand, or the status that the
standard demands. Must never happen: a memory that goes back or jumps to another history;
a cosignature that is not backed by the memory (LR-16). Nothing here writes an entry or
starts an exchange (LR-17). Implements LR-15 to LR-19 and EL-11; source: C2SP tlog-witness.
"""

import base64
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum, unique
from typing import Final

from node.crypto.checkpoint import (
    Checkpoint,
    NoteKey,
    open_checkpoint,
    parse_note,
)
from node.crypto.merkle import EMPTY_ROOT, verify_consistency
from node.errors import MalformedMessageError, SignatureError

MAX_PROOF_LINES: Final = 63
REQUEST_BYTES: Final = 64 * 1024
SIZE_TYPE: Final = "text/x.tlog.size"
_DECIMAL: Final = re.compile(r"0|[1-9][0-9]{0,18}", re.ASCII)
_HASH_LINE: Final = re.compile(r"[A-Za-z0-9+/]{43}=", re.ASCII)

Past = Callable[[int], bytes | None]
"""The root we cosigned at a size of this log, or None if we cosigned none there."""


@dataclass(frozen=True, slots=True)
class WitnessMemory:
    """The newest head of another log that we cosigned; ``note`` is the whole note."""

    origin: str
    size: int
    root: bytes
    note: str


@dataclass(frozen=True, slots=True)
class Extension:
    """A consistency proof from the tree of ``size`` leaves to a newer head."""

    size: int
    path: tuple[bytes, ...]


@unique
class Relation(StrEnum):
    """How a validly signed head stands to what we remember of its log."""

    EXTENDS = "extends"
    SAME = "same"
    OLDER = "older"  # lies on our memory, because we cosigned that very head
    UNSHOWN = "unshown"  # newer, and the proof is missing or shows nothing
    BEHIND = "behind"  # smaller than our memory, at a size we never cosigned
    CONTRADICTS = "contradicts"  # another root at a size we cosigned: proof of a fork


def relate(
    memory: WitnessMemory | None,
    head: Checkpoint,
    extension: Extension | None,
    past: Past,
) -> Relation:
    """Judge a head against our memory of the same origin.

    Args:
        memory: What we remember; None at the first contact, when any head is taken.
        head: Its signature was verified.
        extension: The proof that came with it; only one from the remembered size counts.
        past: All roots we ever cosigned of this log.
    """
    known = past(head.size)
    if known is not None and known != head.root:
        return Relation.CONTRADICTS
    if head.size == 0 and head.root != EMPTY_ROOT:
        return Relation.CONTRADICTS
    if memory is None:
        return Relation.EXTENDS
    if head.size == memory.size:
        return Relation.SAME if head.root == memory.root else Relation.CONTRADICTS
    if head.size < memory.size:
        return Relation.BEHIND if known is None else Relation.OLDER
    former = Checkpoint(memory.origin, memory.size, memory.root)
    return Relation.EXTENDS if goes_on(former, head, extension) else Relation.UNSHOWN


def goes_on(former: Checkpoint, head: Checkpoint, extension: Extension | None) -> bool:
    """Whether a proof shows that ``head`` continues ``former``.

    Nothing has to be shown where ``former`` is empty: every log begins so.
    """
    if former.size == 0:
        return former.root == EMPTY_ROOT
    if former == head:
        return True
    if extension is None or extension.size != former.size:
        return False
    try:
        verify_consistency(
            former.size, head.size, former.root, head.root, extension.path
        )
    except MalformedMessageError:
        return False
    return True
