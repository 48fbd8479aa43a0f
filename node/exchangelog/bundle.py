"""The layout of an evidence bundle, ``<name>.nachweis.zip``, and its strict reading.

Enters: entries with proofs, signed heads, statements and keys of one or both nodes; or the
bytes of a bundle. Leaves: the same bytes for the same evidence, every time; or its files by
name. Must never happen: a file unpacked to disk; two files of one name; an archive that
unpacks to more than SR-P5 allows; content of a case. Implements exchange-log 7.1, EL-6.
"""

import hashlib
import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from node import strictjson
from node.crypto.checkpoint import Checkpoint, NoteKey, open_checkpoint
from node.crypto.commit import check_opening, leaf_input
from node.crypto.jws import sign_jws
from node.crypto.keys import Keyring, VerifyKey
from node.errors import MalformedMessageError, UsageError
from node.exchangelog.standalone import verify
from node.exchangelog.tlogproof import TlogProof, encode_path
from node.ids import KeyId, MemberId, TransferId
from node.strictjson import JsonObject

EVIDENCE_TYP: Final = "staffelstab-evidence+jwt"
MOST_LEAVES: Final = 200  # four files each, and an archive has at most 1,000
_SALT_END: Final = 33


@dataclass(frozen=True, slots=True)
class Shown:
    """One leaf with its proof; ``opening`` is None where it was never shown or erased."""

    c: bytes
    opening: bytes | None
    proof: TlogProof


@dataclass(frozen=True, slots=True)
class Step:
    """A proof that ``latter`` begins with ``former``: sizes with their roots."""

    former: tuple[int, bytes]
    latter: tuple[int, bytes]
    path: tuple[bytes, ...]

    def encode(self) -> str:
        """The file: both heads, then the proof."""
        heads = "".join(
            f"{size} {encode_path([root])}" for size, root in (self.former, self.latter)
        )
        return f"staffelstab-consistency/1\n{heads}{encode_path(self.path)}"


@dataclass(frozen=True, slots=True)
class SideKeys:
    """The public keys of one node as the exporter's directory lists them.

    ``card`` is the node's own key card, a JWS that binds log and witness to a statement
    key; only the exporter has its own.
    """

    member: MemberId
    origin: str
    log: tuple[NoteKey, ...]
    witness: tuple[NoteKey, ...]
    sign: Mapping[KeyId, VerifyKey]
    card: str | None = None

    def encode(self) -> bytes:
        """``keys/<side>.json``."""
        return strictjson.encode(
            {
                "v": 1,
                "member": self.member,
                "log": [str(key) for key in self.log],
                "witness": [str(key) for key in self.witness],
                "sign": {str(kid): str(key) for kid, key in self.sign.items()},
            }
        )


@dataclass(frozen=True, slots=True)
class SideEvidence:
    """One node's log, as far as it is shown.

    ``whole``: it is the exporter's own, so that a gap in a chain is one. ``notes`` are
    signed heads beyond those inside the proofs.
    """

    keys: SideKeys
    whole: bool
    notes: tuple[str, ...] = ()
    shown: tuple[Shown, ...] = ()
    steps: tuple[Step, ...] = ()


@dataclass(frozen=True, slots=True)
class Evidence:
    """Everything a bundle says. ``a`` is the sender of a transfer, or whose range it is."""

    query: TransferId | range
    made_at: datetime
    by: MemberId
    a: SideEvidence
    b: SideEvidence | None
    policy: str
    tool: str
    statements: tuple[str, ...] = ()
    erasures: tuple[int, ...] = ()
    more: Mapping[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Bundle:
    """The bytes of a bundle, and its identity: SHA-256 of the list of contents."""

    raw: bytes
    digest: bytes


def layout(evidence: Evidence) -> dict[str, bytes]:
    """The files by name, without the list of contents.

    Raises:
        UsageError: More leaves than an archive may hold.
    """
    files = {"policy.txt": evidence.policy.encode(), **evidence.more}
    for letter, side in (("a", evidence.a), ("b", evidence.b)):
        if side is not None:
            files |= _side(letter, side)
    for number, jws in enumerate(evidence.statements, 1):
        files[f"statements/{number}.jws"] = jws.encode("ascii")
    for index in evidence.erasures:
        files[f"erasures/{index}.json"] = files[f"a/entries/{index}.json"]
    if len(files) > verify.MAX_FILES - 2:
        raise UsageError("too much for one bundle: ask for a shorter range")
    return files


def pack(evidence: Evidence, keyring: Keyring) -> Bundle:
    """Put the files into an archive and sign the list of contents.

    Raises:
        UsageError: As ``layout``.
    """
    files = layout(evidence)
    manifest = strictjson.encode(_manifest(evidence, files))
    digest = hashlib.sha256(manifest)
    payload = strictjson.encode({"v": 1, "manifest": digest.hexdigest()})
    jws = sign_jws(payload, keyring.sign, keyring.key_id, EVIDENCE_TYP)
    first = {"manifest.json": manifest, "manifest.jws": jws.encode("ascii")}
    return Bundle(pack_files(first | dict(sorted(files.items()))), digest.digest())


def pack_files(files: Mapping[str, bytes]) -> bytes:
    """An archive of these files in this order, with fixed times and permissions."""
    body, listing = bytearray(), bytearray()
    for name, content in files.items():
        machine = zlib.compressobj(9, zlib.DEFLATED, -15)
        packed = machine.compress(content) + machine.flush()
        spelled, crc = name.encode("ascii"), zlib.crc32(content)
        sizes = (len(packed), len(content))
        listing += verify.central_header(spelled, crc, *sizes, len(body))
        body += verify.local_header(spelled, crc, *sizes) + packed
    count = len(files)
    end = (b"PK\x05\x06", 0, 0, count, count, len(listing), len(body), 0)
    return bytes(body + listing + struct.pack("<4s4H2LH", *end))


def read_files(raw: bytes) -> dict[str, bytes]:
    """The files of a bundle by name; nothing is verified yet.

    Raises:
        MalformedMessageError: Another layout than ours, damaged, or too large (SR-P5).
    """
    try:
        found: dict[str, bytes] = verify.read_archive(raw)
    except verify.WrongError as error:
        raise MalformedMessageError("bundle") from error
    return found


def checkpoints_of(raw: bytes, log_key: NoteKey) -> list[Checkpoint]:
    """The signed heads of one log that a bundle holds; what else it holds is not judged.

    Raises:
        MalformedMessageError: Not the archive of a bundle, or without a head of this log.
        SignatureError: A note of this log whose signature does not fit.
    """
    notes = [
        content.decode("utf-8", "replace")
        for name, content in read_files(raw).items()
        if "/checkpoints/" in name
    ]
    ours = [note for note in notes if note.startswith(f"{log_key.name}\n")]
    if not ours:
        raise MalformedMessageError("bundle: no head of this log")
    return [open_checkpoint(note, log_key) for note in ours]


def _side(letter: str, side: SideEvidence) -> dict[str, bytes]:
    files = {f"keys/{letter}.json": side.keys.encode()}
    if side.keys.card is not None:
        files[f"keys/{letter}-card.jws"] = side.keys.card.encode("ascii")
    for note in side.notes:
        size = Checkpoint.parse_body(note.partition("\n\n")[0] + "\n").size
        files[f"{letter}/checkpoints/{size}.txt"] = note.encode()
    for step in side.steps:
        name = f"{letter}/consistency/{step.former[0]}-{step.latter[0]}.txt"
        files[name] = step.encode().encode()
    for item in side.shown:
        index = item.proof.index
        stem = f"{letter}/entries/{index}"
        files[stem + ".leaf"] = leaf_input(item.c)
        files[f"{letter}/proofs/{index}.tlog-proof"] = item.proof.encode().encode()
        if item.opening is not None:
            files[stem + ".json"] = check_opening(item.c, item.opening)
            files[stem + ".salt"] = item.opening[1:_SALT_END]
    return files


def _manifest(evidence: Evidence, files: Mapping[str, bytes]) -> JsonObject:
    sides = {"a": evidence.a} | ({"b": evidence.b} if evidence.b else {})
    query = evidence.query
    return {
        "v": 1,
        "kind": "range" if isinstance(query, range) else "transfer",
        "query": {"from": query.start, "to": query.stop}
        if isinstance(query, range)
        else {"transfer": str(query)},
        "made_at": f"{evidence.made_at.astimezone(UTC):%Y-%m-%dT%H:%M:%S.000Z}",
        "period": _period(files),
        "by": evidence.by,
        "tool": evidence.tool,
        "sides": {
            letter: {
                "member": side.keys.member,
                "origin": side.keys.origin,
                "whole": side.whole,
            }
            for letter, side in sides.items()
        },
        "files": [
            {
                "path": name,
                "bytes": len(content),
                "sha256": hashlib.sha256(content).hexdigest(),
            }
            for name, content in sorted(files.items())
        ],
    }


def _period(files: Mapping[str, bytes]) -> list[str]:
    """The first and last instant that an opened entry names."""
    found = sorted(
        strictjson.parse_object(content, members=2000)["at"]
        for name, content in files.items()
        if "/entries/" in name and name.endswith(".json")
    )
    return [found[0], found[-1]] if found else []
