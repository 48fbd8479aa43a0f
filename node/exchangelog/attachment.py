"""What travels beside a statement: the proof that its act stands in the issuer's log.

Enters: our own tree, a signed checkpoint and the entries a statement needs; or the bytes a
peer sent beside a statement. Leaves: an ``Attachment``, or its JSON. It is unsigned,
because it proves itself, and made fresh for each sending, so that statements stay
byte-identical (HO-49). Must never happen: an attachment that is trusted for being well
formed; ``proof.py`` judges it. Implements exchange-log 6.1; strict as EL-17 demands.
"""

import binascii
from base64 import b64decode, b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from node.crypto.merkle import (
    HASH_BYTES,
    HashReader,
    consistency_proof,
    inclusion_proof,
)
from node.errors import MalformedMessageError, UsageError
from node.exchangelog.witness import MAX_PROOF_LINES, Extension, SignedHead
from node.strictjson import Json, JsonObject

MAX_ENTRIES: Final = 64
MAX_GOSSIP: Final = 4
_KEYS: Final = frozenset(
    ("checkpoint", "entries", "history", "since", "seen_note", "gossip")
)


@dataclass(frozen=True, slots=True)
class EntryProof:
    """One entry's place in the tree: its commitment ``c`` and audit path.

    ``opening`` shows the entry itself; only the entry of the statement has one, and an
    override, which stands last.
    """

    index: int
    path: tuple[bytes, ...]
    c: bytes
    opening: bytes | None = None


@dataclass(frozen=True, slots=True)
class Attachment:
    """The proofs beside one statement.

    ``checkpoint`` is the issuer's newest note with cosignatures. ``entries`` begins with
    the statement's own entry. ``history`` leads from the statement's ``cp`` to the
    checkpoint, ``since`` from what the reader last named as seen. ``seen_note`` is the
    reader's own checkpoint that the statement's ``seen`` names. ``gossip`` holds up to
    four checkpoints of third logs.
    """

    checkpoint: str
    entries: tuple[EntryProof, ...] = ()
    history: Extension | None = None
    since: Extension | None = None
    seen_note: str | None = None
    gossip: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Placed:
    """One of our own entries that an attachment shall prove."""

    index: int
    c: bytes
    opening: bytes | None = None


def make_attachment(
    signed: SignedHead,
    tree: HashReader,
    *,
    entries: Sequence[Placed],
    cp_size: int,
    since_size: int,
) -> Attachment:
    """Prove our entries under one of our own checkpoints.

    Args:
        signed: A checkpoint that covers all of them, with all cosignatures at hand.
        tree: Hashes of complete subtrees of our log.
        entries: First the statement's own entry with its opening, then, for an offer,
            ``at`` and ``head`` of each consent.
        cp_size: The size that the statement's ``cp`` names; 0 if it names none.
        since_size: The size of our log that the reader last named as seen; 0 if none.

    ``seen_note`` and ``gossip`` are added with ``dataclasses.replace``.

    Raises:
        UsageError: The checkpoint does not cover an entry or a size.
    """
    size = signed.head.size
    if any(item.index >= size for item in entries):
        raise UsageError("checkpoint does not cover the entry")
    return Attachment(
        checkpoint=signed.note,
        entries=tuple(
            EntryProof(
                item.index,
                inclusion_proof(item.index, size, tree),
                item.c,
                item.opening,
            )
            for item in entries
        ),
        history=_extension(cp_size, size, tree),
        since=_extension(since_size, size, tree),
    )


def attachment_json(attachment: Attachment) -> JsonObject:
    """An attachment as a JSON object, for a message that embeds it."""
    return {
        "checkpoint": attachment.checkpoint,
        "entries": [_entry_json(item) for item in attachment.entries],
        "history": _extension_json(attachment.history),
        "since": _extension_json(attachment.since),
        "seen_note": attachment.seen_note,
        "gossip": list(attachment.gossip),
    }


def attachment_from_json(value: Json) -> Attachment:
    """Read an embedded attachment; the caller has bounded its length.

    Raises:
        MalformedMessageError: Not exactly the form of exchange-log 6.1.
    """
    found = _object(value, _KEYS)
    entries = tuple(_entry(item) for item in _list(found["entries"], MAX_ENTRIES))
    # The statement's own entry, and last an override that goes with it (LR-24).
    if any(item.opening is not None for item in entries[1:-1]):
        raise MalformedMessageError("attachment: opening")
    seen = found["seen_note"]
    return Attachment(
        checkpoint=_text(found["checkpoint"]),
        entries=entries,
        history=_extension_from(found["history"]),
        since=_extension_from(found["since"]),
        seen_note=None if seen is None else _text(seen),
        gossip=tuple(_text(item) for item in _list(found["gossip"], MAX_GOSSIP)),
    )


def _extension(former: int, size: int, tree: HashReader) -> Extension:
    if former > size:
        raise UsageError("checkpoint is older than the head it shall continue")
    return Extension(former, consistency_proof(former, size, tree) if former else ())


def _entry_json(item: EntryProof) -> JsonObject:
    found: JsonObject = {
        "index": item.index,
        "path": [_b64(step) for step in item.path],
        "c": item.c.hex(),
    }
    if item.opening is not None:
        found["opening"] = _b64(item.opening)
    return found


def _extension_json(extension: Extension | None) -> JsonObject | None:
    if extension is None:
        return None
    return {"from": extension.size, "path": [_b64(step) for step in extension.path]}


def _entry(value: Json) -> EntryProof:
    keys = frozenset(("index", "path", "c"))
    shown = isinstance(value, dict) and "opening" in value
    found = _object(value, keys | {"opening"} if shown else keys)
    c = _text(found["c"])
    try:
        raw = bytes.fromhex(c)
    except ValueError:
        raise MalformedMessageError("attachment: c") from None
    if raw.hex() != c or len(raw) != HASH_BYTES:
        raise MalformedMessageError("attachment: c")
    return EntryProof(
        index=_size(found["index"]),
        path=_path(found["path"]),
        c=raw,
        opening=_unb64(found["opening"]) if shown else None,
    )


def _extension_from(value: Json) -> Extension | None:
    if value is None:
        return None
    found = _object(value, frozenset(("from", "path")))
    return Extension(_size(found["from"]), _path(found["path"]))


def _object(value: Json, keys: frozenset[str]) -> JsonObject:
    if not isinstance(value, dict) or set(value) != keys:
        raise MalformedMessageError("attachment: keys")
    return value


def _list(value: Json, most: int) -> list[Json]:
    if not isinstance(value, list) or len(value) > most:
        raise MalformedMessageError("attachment: list")
    return value


def _text(value: Json) -> str:
    if not isinstance(value, str):
        raise MalformedMessageError("attachment: text")
    return value


def _size(value: Json) -> int:
    if type(value) is not int or value < 0:
        raise MalformedMessageError("attachment: number")
    return value


def _path(value: Json) -> tuple[bytes, ...]:
    path = tuple(_unb64(item) for item in _list(value, MAX_PROOF_LINES))
    if any(len(step) != HASH_BYTES for step in path):
        raise MalformedMessageError("attachment: hash")
    return path


def _b64(raw: bytes) -> str:
    return b64encode(raw).decode("ascii")


def _unb64(value: Json) -> bytes:
    """Standard base64 with padding, in its one spelling, as in C2SP notes."""
    text = _text(value)
    try:
        raw = b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise MalformedMessageError("attachment: base64") from None
    if _b64(raw) != text:
        raise MalformedMessageError("attachment: base64")
    return raw
