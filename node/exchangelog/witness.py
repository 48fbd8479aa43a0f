"""What we remember of another log's head, and the one rule by which that memory moves.

Enters: heads of other logs whose signature was verified, proofs that they go on, and the
bytes of C2SP add-checkpoint. Leaves: the memory as it will stand, or the status that the
standard demands. Must never happen: a memory that goes back or jumps to another history;
a cosignature that is not backed by the memory (LR-16). Nothing here writes an entry or
starts an exchange (LR-17). Implements LR-15 to LR-19 and EL-11; source: C2SP tlog-witness.
"""

import re
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum, unique
from typing import Final

from node.crypto.checkpoint import (
    Checkpoint,
    NoteKey,
    add_lines,
    open_checkpoint,
    peek_origin,
    verify_cosignature,
)
from node.crypto.merkle import (
    MAX_SIZE,
    HashReader,
    consistency_proof,
    verify_consistency,
)
from node.errors import MalformedMessageError, SignatureError, UsageError

MAX_PROOF_LINES: Final = 63
REQUEST_BYTES: Final = 64 * 1024
ANSWER_BYTES: Final = 16 * 1024
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
class SignedHead:
    """A checkpoint with the note that carries its signatures."""

    head: Checkpoint
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

    Raises:
        UsageError: The memory is of another log; the caller looked up the wrong row.
    """
    known = past(head.size)
    if known is not None and known != head.root:
        return Relation.CONTRADICTS
    if memory is not None and memory.origin != head.origin:
        raise UsageError("the memory is of another log")
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
    if former.size == 0 or former == head:
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


@dataclass(frozen=True, slots=True)
class AddCheckpoint:
    """A request to cosign: the size the caller believes we remember, a proof, a note."""

    old_size: int
    path: tuple[bytes, ...]
    note: str

    @property
    def origin(self) -> str:
        """Whose log it claims to be, to look up key and memory."""
        return peek_origin(self.note)


@dataclass(frozen=True, slots=True)
class Accepted:
    """Store ``memory``, commit, then cosign its note and answer 200."""

    memory: WitnessMemory


@dataclass(frozen=True, slots=True)
class Declined:
    """Do not cosign.

    ``status`` is the HTTP status. ``size`` is the body of a 409 of type
    ``text/x.tlog.size``, None for an empty body. ``contradicts``: the note is evidence of
    a second history and is kept (LR-18).
    """

    status: int
    size: int | None = None
    contradicts: bool = False


def parse_add_checkpoint(body: bytes) -> AddCheckpoint:
    """Read the body of add-checkpoint.

    Raises:
        MalformedMessageError: Not of this form, to be answered with 400.
    """
    if len(body) > REQUEST_BYTES:
        raise MalformedMessageError("add-checkpoint")
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        raise MalformedMessageError("add-checkpoint") from None
    first, blank, note = text.partition("\n\n")
    old_line, *lines = first.split("\n")
    word, _, digits = old_line.partition(" ")
    if not blank or word != "old" or len(lines) > MAX_PROOF_LINES:
        raise MalformedMessageError("add-checkpoint")
    peek_origin(note)
    return AddCheckpoint(_decimal(digits), tuple(map(_hash, lines)), note)


def encode_add_checkpoint(request: AddCheckpoint) -> bytes:
    """The body of add-checkpoint."""
    lines = [f"old {request.old_size}", *map(_b64, request.path), "", request.note]
    return "\n".join(lines).encode()


def ask(signed: SignedHead, old_size: int, tree: HashReader) -> AddCheckpoint:
    """Our request to cosign our own checkpoint.

    Args:
        signed: Our checkpoint.
        old_size: What the witness remembers of us; the checkpoint's own size for a
            heartbeat (LR-23).
        tree: Hashes of complete subtrees of our log.

    Raises:
        UsageError: The checkpoint is older than what the witness remembers.
    """
    size = signed.head.size
    if old_size > size:
        raise UsageError("the witness remembers a newer head")
    needed = 0 < old_size < size
    path = consistency_proof(old_size, size, tree) if needed else ()
    return AddCheckpoint(old_size, path, signed.note)


def decide(
    request: AddCheckpoint, log_key: NoteKey | None, memory: WitnessMemory | None
) -> Accepted | Declined:
    """Whether we cosign, in the order of checks of C2SP tlog-witness.

    Args:
        request: What came.
        log_key: The key of ``request.origin`` by the directory; None if it lists none.
        memory: What we remember of that origin, read in the transaction that will store
            the answer; None if we never cosigned it.
    """
    if log_key is None:
        return Declined(404)
    try:
        head = open_checkpoint(request.note, log_key)
    except SignatureError:
        return Declined(403)
    except MalformedMessageError:
        return Declined(400)
    if request.old_size > head.size:
        return Declined(400)
    remembered = 0 if memory is None else memory.size
    if request.old_size != remembered:
        return Declined(409, size=remembered)
    return _advance(request, head, memory)


def _advance(
    request: AddCheckpoint, head: Checkpoint, memory: WitnessMemory | None
) -> Accepted | Declined:
    """The last checks: same root at the same size, else a proof that it goes on."""
    extension = Extension(request.old_size, request.path)
    relation = relate(memory, head, extension, lambda _: None)
    if relation is Relation.CONTRADICTS:
        return Declined(409, contradicts=True)
    # Nothing needs a proof from the empty tree or to the same size, so none may come.
    needless = request.old_size in (0, head.size)
    if relation is Relation.UNSHOWN or (needless and request.path):
        return Declined(422)
    return Accepted(WitnessMemory(head.origin, head.size, head.root, request.note))


def read_cosignatures(answer: bytes, note: str, witnesses: Iterable[NoteKey]) -> str:
    """Move the valid cosignatures of a 200 answer to our note.

    Lines of unknown keys are ignored, as C2SP demands; a line of a known key that does
    not verify spoils the answer.

    Raises:
        MalformedMessageError: Too long, or not signature lines.
        SignatureError: A known key with a bad signature.
    """
    text = _answer_text(answer)
    lines = [line + "\n" for line in text.split("\n")[:-1]]
    if not lines or not text.endswith("\n"):
        raise MalformedMessageError("cosignatures")
    known = list(witnesses)
    body = note[: note.rindex("\n\n") + 2]
    result = note
    for line in lines:
        single = body + line
        if any(verify_cosignature(single, key) is not None for key in known):
            result = add_lines(result, [line])
    return result


def read_size(answer: bytes, own_size: int) -> int | None:
    """The size in a 409 answer, or None if it lies above our own log.

    A size above ours proves nothing without our signature, so no witness can confuse us
    with it (LR-19, LR-22).

    Raises:
        MalformedMessageError: Not a decimal and a newline.
    """
    text = _answer_text(answer)
    if not text.endswith("\n"):
        raise MalformedMessageError("size")
    size = _decimal(text[:-1])
    return size if size <= own_size else None


def _answer_text(answer: bytes) -> str:
    if len(answer) > ANSWER_BYTES:
        raise MalformedMessageError("witness-answer")
    try:
        return answer.decode("utf-8")
    except UnicodeDecodeError:
        raise MalformedMessageError("witness-answer") from None


def _decimal(text: str) -> int:
    if _DECIMAL.fullmatch(text) is None or int(text) > MAX_SIZE:
        raise MalformedMessageError("decimal")
    return int(text)


def _hash(line: str) -> bytes:
    """One base64 line of 32 bytes, in its canonical spelling."""
    if _HASH_LINE.fullmatch(line) is None or _b64(b64decode(line)) != line:
        raise MalformedMessageError("hash")
    return b64decode(line)


def _b64(raw: bytes) -> str:
    return b64encode(raw).decode("ascii")
