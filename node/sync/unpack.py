"""Reading a packet: from verified plaintext to the cases it holds.

Enters: plaintext that the opener found authentic from its first byte to its last, and what
the offer said. Leaves: an ``OpenedPacket``; in a second pass the documents that were taken,
one after the other. Must never happen: a part believed before its digest was compared;
two reasons of failure that the sender could tell apart; a document in memory. Implements
steps 3 to 5 of handover 8.6; HO-36, HO-62 to HO-65, SR-P4.
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from node.cases.consent import DOCUMENTS
from node.cases.extract import Evidence, offered_kind
from node.cases.intake import Arrival, Incoming, read_record
from node.cases.model import CATEGORIES
from node.crypto.jws import open_jws, peek_kid
from node.crypto.keys import VerifyKey
from node.errors import (
    MalformedMessageError,
    PacketUnreadableError,
    SignatureError,
    TrustError,
)
from node.ids import KeyId, RecordId
from node.strictjson import parse_object
from node.sync.limits import CONTENT_DEPTH, CONTENT_MEMBERS, KIB, MANIFEST_BYTES
from node.sync.manifest import (
    EVIDENCE,
    MANIFEST_LENGTH_BYTES,
    MANIFEST_TYPE,
    RECORDS,
    Announced,
    Manifest,
    PacketCase,
    Part,
    check_counts,
    check_evidence,
    check_manifest,
    fits_limits,
    is_document,
)
from node.sync.offer import OfferBody

KeyAt = Callable[[KeyId, datetime], VerifyKey]
"""Gives the signing key that was valid at an instant; raises ``TrustError``."""

_PORTION_BYTES: Final = 64 * KIB


@dataclass(frozen=True, slots=True)
class OpenedPacket:
    """A packet that was read to its end and is what its offer said."""

    manifest: Manifest
    arrivals: tuple[Arrival, ...]


def read_packet(
    plaintext: Iterable[bytes], announced: Announced, key_at: KeyAt
) -> OpenedPacket:
    """Steps 3 and 4 of 8.6, in one pass: documents are hashed and not kept.

    Args:
        plaintext: All of it, in portions of any size.
        announced: The offer, and what else is known from outside.
        key_at: The directory's answer about keys of the past: the grant vouches for the
            container, even if the key was retired since.

    Raises:
        PacketUnreadableError: Any failure; ``reason`` is for the local log (HO-65).
    """
    reader = _Reader(plaintext)
    try:
        manifest = _manifest(reader, announced, key_at)
        content = {part.n: _content(part, reader) for part in manifest.parts}
        reader.expect_zeros()
        arrivals = tuple(
            arrival_of(case, manifest.parts, content) for case in manifest.cases
        )
    except MalformedMessageError as error:
        raise PacketUnreadableError(str(error)) from error
    evidence = {n: content[n] for n in manifest.evidence_parts()}
    check_evidence(manifest, evidence, announced.offer)
    _count(arrivals, announced.offer)
    return OpenedPacket(manifest, arrivals)


def read_documents(
    plaintext: Iterable[bytes], manifest: Manifest, wanted: Collection[int]
) -> Iterator[tuple[int, Iterator[bytes]]]:
    """Step 5 of 8.6: the files of the wanted parts, in the order in which they come.

    Args:
        plaintext: The same plaintext once more.
        manifest: What ``read_packet`` found.
        wanted: Numbers of document parts.

    Yields:
        The number of a part and its bytes in portions. They must be read before the next
        item is asked for; what is left of them is skipped.

    Raises:
        PacketUnreadableError: The plaintext is not the one that was read before.
    """
    reader = _Reader(plaintext)
    reader.skip(int.from_bytes(reader.exactly(MANIFEST_LENGTH_BYTES), "big"))
    for part in manifest.parts:
        portions = _checked(part, reader)
        if part.n in wanted:
            yield part.n, portions
        for _ in portions:
            pass


class _Reader:
    """Cuts a stream of portions into pieces of exact length."""

    def __init__(self, portions: Iterable[bytes]) -> None:
        self._portions = iter(portions)
        self._held = b""

    def stream(self, length: int) -> Iterator[bytes]:
        """Exactly ``length`` bytes, in portions."""
        while length:
            portion = self._next()
            if portion is None:
                raise PacketUnreadableError("truncated")
            piece, self._held = portion[:length], portion[length:]
            length -= len(piece)
            yield piece

    def exactly(self, length: int) -> bytes:
        """Exactly ``length`` bytes at once; the caller has bounded them."""
        return b"".join(self.stream(length))

    def skip(self, length: int) -> None:
        """Pass over ``length`` bytes."""
        for _ in self.stream(length):
            pass

    def expect_zeros(self) -> None:
        """The rest is padding; a byte in it that is not zero would hide something."""
        while (portion := self._next()) is not None:
            self._held = b""
            if portion.strip(b"\0"):
                raise PacketUnreadableError("padding")

    def _next(self) -> bytes | None:
        if self._held:
            return self._held
        return next((portion for portion in self._portions if portion), None)


def _manifest(reader: _Reader, announced: Announced, key_at: KeyAt) -> Manifest:
    """The signed manifest, whose key was the issuer's when it signed."""
    length = int.from_bytes(reader.exactly(MANIFEST_LENGTH_BYTES), "big")
    if length > MANIFEST_BYTES:
        raise PacketUnreadableError("manifest-length")
    try:
        text = reader.exactly(length).decode("ascii")
        kid = peek_kid(text)
        if kid.member != announced.issuer:
            raise PacketUnreadableError("issuer")
        # Nothing is read before it is verified, so the instant of the offer, which this
        # manifest went with, finds the key; the manifest's own must find the same.
        key = key_at(kid, announced.offered_at)
        manifest = Manifest.parse(open_jws(text, MANIFEST_TYPE, key))
        if key_at(kid, manifest.iat) != key:
            raise PacketUnreadableError("manifest-key")
    except UnicodeDecodeError:
        raise PacketUnreadableError("manifest-text") from None
    except SignatureError as error:
        raise PacketUnreadableError("manifest-signature") from error
    except TrustError as error:
        raise PacketUnreadableError("manifest-key") from error
    check_manifest(manifest, announced)
    if not fits_limits(manifest, announced.room):
        raise PacketUnreadableError("too-large")
    return manifest


def _content(part: Part, reader: _Reader) -> bytes:
    """The bytes of records and evidence; of anything else only the digest is checked."""
    portions = _checked(part, reader)
    if part.type in (RECORDS, EVIDENCE) and part.cat in CATEGORIES:
        return b"".join(portions)
    for _ in portions:
        pass
    return b""


def _checked(part: Part, reader: _Reader) -> Iterator[bytes]:
    digest = hashlib.sha256()
    for portion in reader.stream(part.len):
        digest.update(portion)
        yield portion
    if digest.digest() != part.sha256:
        raise PacketUnreadableError("part-digest")


def arrival_of(
    case: PacketCase, listed: Iterable[Part], content: Mapping[int, bytes]
) -> Arrival:
    """One case as it arrived, from the checked bytes of its parts.

    Raises:
        PacketUnreadableError, MalformedMessageError: Its records are not what they say.
    """
    own = [part for part in listed if part.case == case.case]
    parts = {
        part.cat: _records(content[part.n])
        for part in own
        if part.type == RECORDS and part.cat in CATEGORIES
    }
    documents = {RecordId(part.label): part.n for part in own if is_document(part)}
    if not documents.keys() <= {record.id for record in parts.get(DOCUMENTS, ())}:
        raise PacketUnreadableError("document-record")
    return Arrival(
        case=case.case,
        epoch=case.e,
        parts=parts,
        documents=documents,
        evidence=tuple(Evidence(g.id, content[g.part], g.salt) for g in case.bases),
        unread=frozenset(case.cats) - frozenset(CATEGORIES),
    )


def _records(content: bytes) -> tuple[Incoming, ...]:
    found = parse_object(content, depth=CONTENT_DEPTH, members=CONTENT_MEMBERS)
    records = found.get("records")
    if not isinstance(records, list):
        raise MalformedMessageError("records")
    return tuple(read_record(item) for item in records)


def _count(arrivals: Iterable[Arrival], offer: OfferBody) -> None:
    records: Counter[str] = Counter()
    kinds: list[str] = []
    for arrival in arrivals:
        for category, part in arrival.parts.items():
            if category == DOCUMENTS:
                kinds += [offered_kind(record.values) for record in part]
            else:
                records[category] += len(part)
    check_counts(dict(records), kinds, offer)
