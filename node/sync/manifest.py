"""The manifest: what a packet says about itself, signed inside the encryption.

Enters: values of our own, or the payload of a manifest whose signature was verified.
Leaves: a frozen ``Manifest``, or JSON. Must never happen: a manifest that was sealed for
another container, recipient or key passes here; content beyond the offer passes.
Implements handover 8.5 and step 3 of 8.6; HO-62, HO-63, SR-P4.
"""

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from node.cases.model import CATEGORIES
from node.errors import MalformedMessageError, PacketUnreadableError
from node.ids import CaseId, ConsentId, MemberId, TransferId
from node.strictjson import JsonObject, encode, parse_object
from node.sync import schema as s
from node.sync.limits import (
    CASES_PER_TRANSFER,
    CONTENT_BYTES,
    KIB,
    LABEL_CHARACTERS,
    MANIFEST_BYTES,
    PARTS,
)
from node.sync.offer import DOCUMENTS, TAG, OfferBody
from node.sync.room import USUAL_ROOM, Room
from node.sync.words import Kind, Purpose

MANIFEST_TYPE: Final = "staffelstab-manifest+jwt"
MANIFEST_LENGTH_BYTES: Final = 4
"""Before the manifest stands its length, big endian."""

SCHEMA: Final = "case/1"
RECORDS: Final = "application/vnd.staffelstab.records+json"
EVIDENCE: Final = "application/vnd.staffelstab.evidence"

_NAME: Final = r"[a-z0-9][a-z0-9!#$&^_.+-]{0,99}"
MEDIA_TYPE: Final = s.text(f"{_NAME}/{_NAME}")
ROLE: Final = s.text(r".{1,64}")
# Base64url makes four characters of three bytes; header and signature need under 1 KiB.
_PAYLOAD_BYTES: Final = (MANIFEST_BYTES - KIB) * 3 // 4
_DEPTH: Final = 6
_MEMBERS: Final = 20_000


@dataclass(frozen=True, slots=True)
class Ground:
    """One basis of a case: the consent, its revision, its salt, the part of its evidence."""

    id: ConsentId
    rev: int
    salt: bytes
    part: int


@dataclass(frozen=True, slots=True)
class PacketCase:
    """One case: its epoch at the sender, role in the household, categories, grounds.

    ``tag`` is the offer's tag of this case: by it the sender speaks of the case later.
    """

    case: CaseId
    e: int
    role: str | None
    cats: tuple[str, ...]
    bases: tuple[Ground, ...]
    tag: bytes | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """One part of the plaintext, in the order of ``n``.

    ``type`` tells records (one part per case and category) and evidence from documents;
    ``label`` is empty, but for a document the id of its record (HO-62: never a path).
    """

    n: int
    cat: str
    case: CaseId
    type: str
    len: int
    sha256: bytes
    label: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """All that a packet says about itself (handover 8.5); instants in whole seconds.

    ``ph`` is the SHA-256 of the container's prelude, ``kem`` of the recipient's KEM key,
    ``preview`` of the preview's text or None.
    """

    v: int
    iss: MemberId
    aud: MemberId
    tr: TransferId
    iat: datetime
    exp: datetime
    ph: bytes
    kem: bytes
    kind: Kind
    purpose: Purpose
    schema: str
    preview: bytes | None
    cases: tuple[PacketCase, ...]
    parts: tuple[Part, ...]

    def encode(self) -> bytes:
        """The payload as it is signed. Its length does not depend on ``ph``."""
        return encode(_MANIFEST.write(self))

    @classmethod
    def parse(cls, payload: bytes) -> "Manifest":
        """Read a verified payload strictly.

        Raises:
            MalformedMessageError: Another member, form or order; parts that contradict
                the cases they belong to.
        """
        found: JsonObject = parse_object(payload, depth=_DEPTH, members=_MEMBERS)
        manifest = _MANIFEST.read(found, "manifest")
        check_parts(manifest.cases, manifest.parts)
        return manifest

    def evidence_parts(self) -> Mapping[int, tuple[PacketCase, Ground]]:
        """Which part is the evidence of which ground."""
        return evidence_of(self.cases)


def evidence_of(cases: Sequence[PacketCase]) -> Mapping[int, tuple[PacketCase, Ground]]:
    """Which part is the evidence of which ground of these cases."""
    return {g.part: (case, g) for case in cases for g in case.bases}


_CATEGORY: Final = s.text(r"K[0-9]{2}")
_DIGEST: Final = s.binary(32)
_COUNT: Final = s.number(0, 2**31)

_GROUND: Final = s.record(
    Ground,
    id=s.identifier(ConsentId),
    rev=s.number(1),
    salt=s.binary(16, 64),
    part=s.number(0, PARTS - 1),
)
CASE: Final = s.record(
    PacketCase,
    case=s.identifier(CaseId),
    e=s.number(1),
    role=s.nullable(ROLE),
    cats=s.ascending(_CATEGORY, least=1, most=99),
    bases=s.ascending(_GROUND, least=1, most=2, order=lambda ground: ground["id"]),
    tag=s.optional(TAG),
)
PART: Final = s.record(
    Part,
    n=s.number(0, PARTS - 1),
    cat=_CATEGORY,
    case=s.identifier(CaseId),
    type=MEDIA_TYPE,
    len=_COUNT,
    sha256=_DIGEST,
    label=s.text(r".*", most=LABEL_CHARACTERS),
)
_MANIFEST: Final = s.record(
    Manifest,
    v=s.number(1, 1),
    iss=s.identifier(MemberId),
    aud=s.identifier(MemberId),
    tr=s.identifier(TransferId),
    iat=s.INSTANT,
    exp=s.INSTANT,
    ph=_DIGEST,
    kem=_DIGEST,
    kind=s.code(*Kind),
    purpose=s.code(*Purpose),
    schema=s.text(r"case/[1-9][0-9]{0,3}"),
    preview=s.nullable(_DIGEST),
    cases=s.ascending(
        CASE, least=1, most=CASES_PER_TRANSFER, order=lambda case: case["case"]
    ),
    parts=s.ascending(PART, least=1, most=PARTS, order=lambda part: part["n"]),
)


def check_parts(listed: Sequence[PacketCase], parts: Sequence[Part]) -> None:
    """Every part belongs to a case and has one meaning; nothing is there twice.

    Raises:
        MalformedMessageError: That is not so.
    """
    cases = {case.case: case for case in listed}
    evidence = evidence_of(listed)
    promised = {(case.case, cat) for case in listed for cat in case.cats}
    grounds = sum(len(case.bases) for case in listed)
    records = [(p.case, p.cat) for p in parts if p.type == RECORDS]
    papers = [(p.case, p.label) for p in parts if is_document(p)]
    rules = (
        [part.n for part in parts] == list(range(len(parts))),
        all(part.case in cases for part in parts),
        all((part.case, part.cat) in promised for part in parts),
        len(records) == len(set(records)) and set(records) == promised,
        len(papers) == len(set(papers)),
        len(evidence) == grounds,
        {part.n for part in parts if part.type == EVIDENCE} == set(evidence),
        all(
            parts[n].case == case.case and parts[n].cat == "K01"
            for n, (case, _) in evidence.items()
            if n < len(parts)
        ),
        all(
            part.type in (RECORDS, EVIDENCE) or is_document(part)
            for part in parts
            if part.cat in CATEGORIES
        ),
    )
    if not all(rules):
        raise MalformedMessageError("manifest.parts")


def is_document(part: Part) -> bool:
    """Whether the part is the file of a document."""
    return part.cat == DOCUMENTS and part.type not in (RECORDS, EVIDENCE)


def preview_digest(text: bytes) -> bytes:
    """How a manifest names the preview: SHA-256 of its text without padding."""
    return hashlib.sha256(text).digest()


def fits_limits(manifest: Manifest, room: Room = USUAL_ROOM) -> bool:
    """Whether records and evidence fit into memory, and documents into their limits."""
    return parts_fit(manifest.parts, room) and len(manifest.encode()) <= _PAYLOAD_BYTES


def parts_fit(parts: Sequence[Part], room: Room = USUAL_ROOM) -> bool:
    """Whether parts keep the limits of content and documents."""
    papers = [part.len for part in parts if is_document(part)]
    content = sum(part.len for part in parts) - sum(papers)
    return (
        content <= CONTENT_BYTES
        and sum(papers) <= room.documents
        and max(papers, default=0) <= room.document
    )


@dataclass(frozen=True, slots=True)
class Announced:
    """What the recipient knows before it opens: the offer, and the container it fits.

    ``preview`` is the SHA-256 of the preview's text as found in the container, ``ph`` of
    the prelude as received. That header and offer agree was checked on arrival.
    """

    offer: OfferBody
    issuer: MemberId
    offered_at: datetime
    audience: MemberId
    transfer: TransferId
    ph: bytes
    preview: bytes | None
    room: Room = USUAL_ROOM


def check_manifest(manifest: Manifest, announced: Announced) -> None:
    """Step 3 of 8.6: the manifest is of this container and says what the offer said.

    ``exp`` is not compared with the clock; the grant decided that.

    Raises:
        PacketUnreadableError: Its reason names the first contradiction.
    """
    offer = announced.offer
    cats = {cat for case in manifest.cases for cat in case.cats}
    offered = {cat for cat, count in offer.categories.records.items() if count}
    if offer.categories.documents:
        offered.add(DOCUMENTS)
    rules = (
        (manifest.iss == announced.issuer, "issuer"),
        (manifest.aud == announced.audience, "audience"),
        (manifest.tr == announced.transfer, "transfer"),
        (manifest.exp == offer.exp, "expiry"),
        (manifest.ph == announced.ph, "prelude"),
        (manifest.kem == offer.kem, "kem"),
        (manifest.kind == offer.kind, "kind"),
        (manifest.purpose == offer.purpose, "purpose"),
        (manifest.schema == offer.schema, "schema"),
        (manifest.preview == announced.preview, "preview"),
        (len(manifest.cases) == offer.persons, "cases"),
        (
            sorted(case.e for case in manifest.cases)
            == sorted(case.e for case in offer.cases),
            "epochs",
        ),
        (cats == offered, "categories"),
        (_tags(manifest) in ([], sorted(case.tag for case in offer.cases)), "tags"),
    )
    for holds, reason in rules:
        if not holds:
            raise PacketUnreadableError(reason)


def _tags(manifest: Manifest) -> list[bytes]:
    """The tags it names; all of its cases have one, or none has."""
    return sorted(case.tag for case in manifest.cases if case.tag is not None)


def check_evidence(
    manifest: Manifest, evidence: Mapping[int, bytes], offer: OfferBody
) -> None:
    """Each evidence part gives one of the offer's ``bases``, one to one (HO-36).

    Args:
        manifest: The manifest.
        evidence: The bytes of the evidence parts, by number.
        offer: The offer.

    Raises:
        PacketUnreadableError: A commitment has no evidence, or evidence no commitment.
    """
    given = sorted(
        hashlib.sha256(ground.salt + evidence[n]).digest()
        for n, (_, ground) in manifest.evidence_parts().items()
    )
    if given != sorted(line.c for line in offer.bases):
        raise PacketUnreadableError("evidence")


def check_counts(
    records: Mapping[str, int], documents: Sequence[str], offer: OfferBody
) -> None:
    """Records per category, and documents by kind, are as many as the offer said.

    Args:
        records: Records by category, of the categories this release reads.
        documents: The kind of each document, as offers name it.
        offer: The offer.

    Raises:
        PacketUnreadableError: More or fewer.
    """
    offered = offer.categories
    expected = {c: n for c, n in offered.records.items() if n and c in CATEGORIES}
    by_kind = {str(kind): n for kind, n in offered.documents.items()}
    if dict(records) != expected or dict(Counter(documents)) != by_kind:
        raise PacketUnreadableError("counts")
