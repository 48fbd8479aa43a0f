"""Every strict reader of the log, in one table: a reader is one line (EL-17).

A reader takes bytes from outside and gives a value, or one of our own errors. ``write`` is
its inverse. ``sealed`` readers verify a signature or a checksum: whatever is changed, they
give the same value or refuse. A reader with ``one_spelling`` accepts nothing but what
``write`` gives.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from node import strictjson
from node.crypto.checkpoint import (
    Checkpoint,
    NoteKey,
    cosign,
    open_checkpoint,
    signature_lines,
    verify_cosignature,
)
from node.crypto.commit import check_opening
from node.crypto.merkle import Frontier, consistency_proof, inclusion_proof, leaf_hash
from node.errors import LogError, MalformedMessageError, PeerError
from node.exchangelog.attachment import attachment_from_json, attachment_json
from node.exchangelog.bundle import pack_files, read_files
from node.exchangelog.entry import encode_entry, parse_entry
from node.exchangelog.policy import parse_policy
from node.exchangelog.tlogproof import TlogProof
from node.exchangelog.witness import (
    AddCheckpoint,
    encode_add_checkpoint,
    parse_add_checkpoint,
    read_cosignatures,
    read_size,
)
from node.store.mark import Mark, encode_mark, parse_mark
from tests.support.exchangelog import MemoryLog, opened, received, recorded, sent

OUR_ERRORS: Final = (PeerError, LogError)


@dataclass(frozen=True, slots=True)
class Reader:
    """One reader, its inverse, and inputs that it accepts."""

    read: Callable[[bytes], Any]
    write: Callable[[Any], bytes] | None
    samples: tuple[bytes, ...]
    one_spelling: bool = True
    sealed: bool = False


def text_of(raw: bytes) -> str:
    """Text as the callers of text readers make it."""
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        raise MalformedMessageError("encoding") from None


A: Final = MemoryLog()
B: Final = MemoryLog("bad-saeckingen.example", 2)
opened(A)
_CONSENT: Final = recorded(A)
A.sign()
_SENT: Final = sent(A, B, _CONSENT)
_RECEIVED: Final = received(A, B)
A.sign()
_SIGNED: Final = A.newest()
_NOTE: Final = _SIGNED.note
_COSIGNED: Final = A.cosigned_by(B).note
_LINE: Final = cosign(_NOTE, B.witness_key.name, B.witnessing, 1_770_112_805)
_FRONTIER: Final = Frontier().extend(leaf_hash(bytes([n])) for n in range(21))
_OLD: Final = min(A.heads)
_REQUESTS: Final = (
    AddCheckpoint(0, (), _NOTE),
    AddCheckpoint(_OLD, consistency_proof(_OLD, _SIGNED.head.size, A.tree), _COSIGNED),
)
_ATTACHMENTS: Final = (
    A.attach(None, since=0),
    A.attach(_SENT, _CONSENT, since=_OLD),
)


_POLICIES: Final = (
    f"witness W1 {B.witness_key}\nquorum W1\n".encode(),
    f"# a district\nlog {A.log_key}\nwitness W1 {B.witness_key} https://b.example\n"
    f"witness W2 {A.witness_key}\ngroup g 1 W1 W2\nquorum g\n".encode(),
)
_PROOFS: Final = tuple(
    TlogProof(index, inclusion_proof(index, 4, A.tree), note).encode().encode()
    for index, note in ((0, _NOTE), (3, _COSIGNED))
)
_BUNDLE: Final = pack_files({"README.txt": b"read me", "a/checkpoint": _NOTE.encode()})


def _note(raw: bytes) -> tuple[str, tuple[str, ...]]:
    text = text_of(raw)
    lines = signature_lines(text)
    return text[: len(text) - sum(map(len, lines))], lines


def _cosignature(raw: bytes) -> int | None:
    return verify_cosignature(_NOTE + text_of(raw), B.witness_key)


def _answer(raw: bytes) -> str | None:
    """The note with what an answer adds to it; None where it adds nothing."""
    note = read_cosignatures(raw, _NOTE, [B.witness_key])
    return None if note == _NOTE else note


READERS: Final[Mapping[str, Reader]] = {
    "note": Reader(
        _note,
        lambda v: (v[0] + "".join(v[1])).encode(),
        (_NOTE.encode(), _COSIGNED.encode()),
    ),
    "signed-checkpoint": Reader(
        lambda raw: open_checkpoint(text_of(raw), A.log_key),
        None,
        (_NOTE.encode(), _COSIGNED.encode()),
        sealed=True,
    ),
    "checkpoint": Reader(
        lambda raw: Checkpoint.parse_body(text_of(raw)),
        lambda v: v.body().encode(),
        tuple(A.head(size).body().encode() for size in (0, 1, 4)),
    ),
    "vkey": Reader(
        lambda raw: NoteKey.parse(text_of(raw)),
        lambda v: str(v).encode(),
        (str(A.log_key).encode(), str(B.witness_key).encode()),
    ),
    "cosignature": Reader(
        _cosignature,
        None,
        (_LINE.encode(),),
        sealed=True,
    ),
    "cosignature-answer": Reader(
        _answer,
        None,
        (_LINE.encode(), (_LINE * 2).encode()),
        sealed=True,
    ),
    "size-answer": Reader(
        lambda raw: read_size(raw, 2**40), None, (b"0\n", b"20852014\n")
    ),
    "add-checkpoint": Reader(
        parse_add_checkpoint,
        encode_add_checkpoint,
        tuple(map(encode_add_checkpoint, _REQUESTS)),
    ),
    "attachment": Reader(
        lambda raw: attachment_from_json(strictjson.parse(raw)),
        lambda v: strictjson.encode(attachment_json(v)),
        tuple(strictjson.encode(attachment_json(v)) for v in _ATTACHMENTS),
        one_spelling=False,
    ),
    "entry": Reader(
        parse_entry, encode_entry, tuple(item.spelled for item in A.written)
    ),
    "opening": Reader(
        lambda raw: check_opening(_SENT.c, raw), None, (_SENT.shown,), sealed=True
    ),
    "frontier": Reader(
        Frontier.decode, lambda v: v.encode(), (Frontier().encode(), _FRONTIER.encode())
    ),
    "policy": Reader(parse_policy, lambda v: v.text.encode(), _POLICIES),
    "tlog-proof": Reader(
        lambda raw: TlogProof.parse(text_of(raw)),
        lambda v: v.encode().encode(),
        _PROOFS,
    ),
    "bundle": Reader(read_files, pack_files, (_BUNDLE,), one_spelling=False),
    "mark": Reader(
        parse_mark,
        encode_mark,
        tuple(encode_mark(Mark(A.origin, 1, f)) for f in (Frontier(), _FRONTIER)),
        sealed=True,
    ),
}


def trouble(reader: Reader, raw: bytes) -> str | None:
    """What is wrong with how a reader treats an input, None if nothing.

    Any other exception than our own passes through.
    """
    try:
        value = reader.read(raw)
    except OUR_ERRORS:
        return "a sample is refused" if raw in reader.samples else None
    if reader.sealed and value is not None:
        meant = [reader.read(sample) for sample in reader.samples]
        if value not in meant:
            return "another meaning is accepted"
    if reader.write is not None:
        written = reader.write(value)
        if reader.one_spelling and written != raw:
            return "two spellings of one value"
        if reader.read(written) != value:
            return "it does not survive its own writer"
    return None
