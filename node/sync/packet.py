"""A packet: the permitted extracts and their manifest, as the plaintext of a container.

Enters: extracts and a way to read documents. Leaves: the plaintext as a stream whose
length is known before it exists. Must never happen: a document of 25 MiB in memory; a
packet that nobody can read back. Implements handover 8.5; HO-62, HO-63, HO-65. Sealing is
another room's, and reading is ``sync.unpack``'s.

``u32 mlen | manifest | part 0 | part 1 | ... | zero bytes up to pad``.

The manifest holds ``ph``, the digest of the prelude, and the prelude holds ``pad``: so
``PacketPlan.measure`` tells the length first, which no value of ``ph`` changes, then the
prelude is made, and ``PacketPlan.encode`` gives the bytes.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import Final, Protocol

from node.cases.consent import DOCUMENTS
from node.cases.extract import Extract
from node.crypto.jws import sign_jws
from node.crypto.keys import SigningKey
from node.errors import InputError, MalformedMessageError, UsageError
from node.ids import CaseId, KeyId, MemberId, TransferId
from node.strictjson import Json, encode, parse_object
from node.sync.limits import (
    CONTENT_BYTES,
    CONTENT_DEPTH,
    CONTENT_MEMBERS,
    KIB,
    PARTS,
)
from node.sync.manifest import (
    EVIDENCE,
    MANIFEST_LENGTH_BYTES,
    MANIFEST_TYPE,
    MEDIA_TYPE,
    RECORDS,
    ROLE,
    SCHEMA,
    Ground,
    Manifest,
    PacketCase,
    Part,
    fits_limits,
)
from node.sync.room import USUAL_ROOM, Room
from node.sync.words import Kind, Purpose

_PORTION_BYTES: Final = 64 * KIB
# Any key signs to the same length, so measuring needs none of ours.
_MEASURING_KEY: Final = SigningKey.from_seed(bytes(32))


class Documents(Protocol):
    """The documents of cases, by their case and the digest that names their file."""

    def open_document(self, case: CaseId, digest: bytes) -> Iterator[bytes]:
        """The plaintext."""
        ...

    def measure_document(self, case: CaseId, digest: bytes) -> tuple[int, bytes]:
        """Length and SHA-256 of the plaintext, as they were when it was kept."""
        ...


@dataclass(frozen=True, slots=True)
class Envelope:
    """Who sends what to whom, as the manifest names it; see ``Manifest``."""

    issuer: MemberId
    audience: MemberId
    transfer: TransferId
    issued_at: datetime
    expires_at: datetime
    kem: bytes
    kind: Kind
    purpose: Purpose
    preview: bytes | None
    tags: Mapping[CaseId, bytes] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PacketPlan:
    """A packet that is complete but for ``ph`` and the signature."""

    manifest: Manifest
    sources: tuple[Callable[[], Iterator[bytes]], ...] = field(repr=False)

    def measure(self, kid: KeyId) -> int:
        """Bytes of the plaintext without padding, when ``kid`` signs."""
        text = sign_jws(self.manifest.encode(), _MEASURING_KEY, kid, MANIFEST_TYPE)
        return (
            MANIFEST_LENGTH_BYTES
            + len(text)
            + sum(part.len for part in self.manifest.parts)
        )

    def encode(
        self, ph: bytes, pad: int, *, key: SigningKey, kid: KeyId
    ) -> Iterator[bytes]:
        """The whole plaintext, in portions.

        Args:
            ph: SHA-256 of the prelude this goes behind.
            pad: Bytes of the whole plaintext, not less than ``measure``.
            key: The key that ``kid`` names.
            kid: This node's signing key.

        Raises:
            UsageError: ``pad`` is too small, or a document has changed since the plan.
        """
        payload = replace(self.manifest, ph=ph).encode()
        text = sign_jws(payload, key, kid, MANIFEST_TYPE).encode("ascii")
        zeros = pad - self.measure(kid)
        if zeros < 0:
            raise UsageError("the packet is longer than its padding")
        yield len(text).to_bytes(MANIFEST_LENGTH_BYTES, "big") + text
        for part, source in zip(self.manifest.parts, self.sources, strict=True):
            yield from _unchanged(part, source())
        while zeros:
            portion = min(zeros, _PORTION_BYTES)
            yield bytes(portion)
            zeros -= portion


@dataclass(frozen=True, slots=True)
class Layout:
    """Cases and parts as a manifest lists them, and where the parts come from."""

    cases: tuple[PacketCase, ...]
    parts: tuple[Part, ...]
    sources: tuple[Callable[[], Iterator[bytes]], ...] = field(repr=False)


def lay_out(
    extracts: Iterable[Extract],
    documents: Documents,
    tags: Mapping[CaseId, bytes],
    *,
    room: Room = USUAL_ROOM,
) -> Layout:
    """Divide extracts into parts; documents are measured here, and read when encoded.

    Args:
        extracts: What was permitted.
        documents: Those that the extracts name.
        tags: The tag of each case, where the manifest names it.
        room: What the recipient takes.

    Raises:
        InputError: More or larger content than a packet holds; the field says which.
    """
    cases: list[PacketCase] = []
    parts: list[Part] = []
    sources: list[Callable[[], Iterator[bytes]]] = []

    def add(extract: Extract, cat: str, kind: str, source: _Source) -> int:
        length, digest = source.measure()
        if length > source.most:
            raise InputError("packet", "too_large")
        number = len(parts)
        if number == PARTS:
            raise InputError("packet", "too_many_parts")
        made = Part(number, cat, extract.case, kind, length, digest, source.label)
        parts.append(made)
        sources.append(source.read)
        return number

    for extract in sorted(extracts, key=lambda extract: extract.case):
        for cat, records in sorted(extract.parts.items()):
            add(extract, cat, RECORDS, _records(records))
        bases = [
            Ground(
                e.consent, 1, e.salt, add(extract, "K01", EVIDENCE, _bytes(e.record))
            )
            for e in extract.evidence
        ]
        for paper in extract.papers:
            name = extract.case, paper.digest
            source = _Source(
                partial(documents.open_document, *name),
                partial(documents.measure_document, *name),
                paper.record,
                room.document,
            )
            add(extract, DOCUMENTS, _media_type(paper.media_type), source)
        role = extract.role if _fits(ROLE.read, extract.role) else None
        cats = tuple(sorted(extract.parts))
        tag = tags.get(extract.case)
        cases.append(
            PacketCase(extract.case, extract.epoch, role, cats, tuple(bases), tag)
        )
    return Layout(tuple(cases), tuple(parts), tuple(sources))


def plan_packet(
    extracts: Iterable[Extract],
    envelope: Envelope,
    documents: Documents,
    *,
    room: Room = USUAL_ROOM,
) -> PacketPlan:
    """Lay out a packet and say in its manifest what it is.

    ``room`` is what the recipient takes.

    Raises:
        InputError: More or larger content than a packet holds; the field says which.
    """
    layout = lay_out(extracts, documents, envelope.tags, room=room)
    manifest = Manifest(
        v=1,
        iss=envelope.issuer,
        aud=envelope.audience,
        tr=envelope.transfer,
        iat=envelope.issued_at,
        exp=envelope.expires_at,
        ph=bytes(32),
        kem=envelope.kem,
        kind=envelope.kind,
        purpose=envelope.purpose,
        schema=SCHEMA,
        preview=envelope.preview,
        cases=layout.cases,
        parts=layout.parts,
    )
    if not fits_limits(manifest, room):
        raise InputError("packet", "too_large")
    return PacketPlan(manifest, layout.sources)


@dataclass(frozen=True, slots=True)
class _Source:
    read: Callable[[], Iterator[bytes]]
    measure: Callable[[], tuple[int, bytes]]
    label: str = ""
    most: int = CONTENT_BYTES


def _bytes(content: bytes) -> _Source:
    measured = len(content), hashlib.sha256(content).digest()
    return _Source(lambda: iter((content,)), lambda: measured)


def _records(records: Iterable[object]) -> _Source:
    """Encoded records, read back at once: what we cannot read nobody else can."""
    content = encode({"records": list(records)})
    try:
        parse_object(content, depth=CONTENT_DEPTH, members=CONTENT_MEMBERS)
    except MalformedMessageError as error:
        raise InputError("packet", str(error)) from error
    return _bytes(content)


def _media_type(named: str) -> str:
    """As recorded, if it is a media type and not one of our own two."""
    text = named.lower()
    if text in (RECORDS, EVIDENCE) or not _fits(MEDIA_TYPE.read, text):
        return "application/octet-stream"
    return text


def _fits(read: Callable[[Json, str], object], value: Json) -> bool:
    try:
        read(value, "")
    except MalformedMessageError:
        return False
    return True


def _unchanged(part: Part, portions: Iterable[bytes]) -> Iterator[bytes]:
    length, digest = 0, hashlib.sha256()
    for portion in portions:
        length += len(portion)
        digest.update(portion)
        yield portion
    if (length, digest.digest()) != (part.len, part.sha256):
        raise UsageError("a part has changed since it was measured")
