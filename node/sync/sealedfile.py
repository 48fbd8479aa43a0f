"""What lies in a sealed export: letter, receipt, manifest, parts, in one ZIP.

Enters: a layout of permitted extracts and the letter; or the bytes of such a file from
anybody. Leaves: the bytes; or manifest and cases, checked to the last part. Must never
happen: a manifest of a packet taken for one of an export, or the other way round; an entry
that becomes a path; a part believed before its digest. Implements chapter 13, HO-62, HO-64,
HO-117, SR-P5.
"""

import io
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from hashlib import sha256
from typing import Final

from node.cases.intake import Arrival
from node.cases.model import CATEGORIES
from node.crypto.jws import open_jws, peek_kid, sign_jws
from node.crypto.keys import SigningKey, VerifyKey
from node.errors import (
    MalformedMessageError,
    PacketUnreadableError,
    SignatureError,
    TrustError,
)
from node.ids import Ags, KeyId, MemberId, TransferId
from node.strictjson import JsonObject, encode, parse_object
from node.sync import schema as s
from node.sync.limits import CASES_PER_TRANSFER, MIB, PARTS
from node.sync.manifest import (
    CASE,
    EVIDENCE,
    PART,
    RECORDS,
    SCHEMA,
    PacketCase,
    Part,
    check_parts,
    is_document,
    parts_fit,
)
from node.sync.packet import Layout
from node.sync.unpack import arrival_of
from node.sync.words import Kind, Purpose

SEALED_TYPE: Final = "staffelstab-export+jwt"
AUDIENCE: Final = "export:"
CASE_FILE: Final = "case.json"
LETTER: Final = "brief.pdf"
LETTER_PAGE: Final = "brief.html"
RECEIPT: Final = "quittung.txt"

_EXTRA_ENTRIES: Final = 4
_PLAIN_BYTES: Final = 100 * MIB
_LONG_AGO: Final = (1980, 1, 1, 0, 0, 0)
_SUFFIXES: Final = {
    "application/pdf": "pdf",
    "image/jpeg": "jpg",
    "image/png": "png",
    "image/tiff": "tif",
    "text/plain": "txt",
    "application/vnd.oasis.opendocument.text": "odt",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
}


@dataclass(frozen=True, slots=True)
class SealedManifest:
    """What a sealed export says about itself.

    As the manifest of a packet (handover 8.5), but for what only a container has: ``ph``,
    ``kem``, ``exp`` and ``preview`` are absent. ``aud`` is ``export:`` and the body's AGS;
    ``ags`` the new place.
    """

    v: int
    iss: MemberId
    aud: str
    tr: TransferId
    iat: datetime
    kind: Kind
    purpose: Purpose
    schema: str
    move_on: date
    ags: Ags
    cases: tuple[PacketCase, ...]
    parts: tuple[Part, ...]

    @property
    def body(self) -> Ags:
        """The AGS of the body it is for."""
        return Ags(self.aud.removeprefix(AUDIENCE))


_MANIFEST: Final = s.record(
    SealedManifest,
    v=s.number(1, 1),
    iss=s.identifier(MemberId),
    aud=s.text(r"export:[0-9]{8}"),
    tr=s.identifier(TransferId),
    iat=s.INSTANT,
    kind=s.code(*Kind),
    purpose=s.code(*Purpose),
    schema=s.text(r"case/[1-9][0-9]{0,3}"),
    move_on=s.DAY,
    ags=s.identifier(Ags),
    cases=s.ascending(
        CASE, least=1, most=CASES_PER_TRANSFER, order=lambda case: case["case"]
    ),
    parts=s.ascending(PART, least=1, most=PARTS, order=lambda part: part["n"]),
)


@dataclass(frozen=True, slots=True)
class Heading:
    """Who sends what to whom, as the manifest names it."""

    issuer: MemberId
    body: Ags
    transfer: TransferId
    at: datetime
    purpose: Purpose
    move_on: date
    ags: Ags


def sign_manifest(heading: Heading, layout: Layout, key: SigningKey, kid: KeyId) -> str:
    """The manifest of a layout, signed: its digest names the export from here on."""
    manifest = SealedManifest(
        v=1,
        iss=heading.issuer,
        aud=f"{AUDIENCE}{heading.body}",
        tr=heading.transfer,
        iat=heading.at.replace(microsecond=0),
        kind=Kind.MOVE,
        purpose=heading.purpose,
        schema=SCHEMA,
        move_on=heading.move_on,
        ags=heading.ags,
        cases=layout.cases,
        parts=layout.parts,
    )
    return sign_jws(encode(_MANIFEST.write(manifest)), key, kid, SEALED_TYPE)


def part_name(part: Part) -> str:
    """Where a part lies in the archive; numbers only, never a name from outside."""
    if not is_document(part):
        return f"teile/{part.n:03}.json"
    return f"dokumente/{part.n:03}.{_SUFFIXES.get(part.type, 'bin')}"


def pack(
    manifest: str, at: datetime, layout: Layout, papers: Mapping[str, bytes]
) -> bytes:
    """The archive, not compressed: what is inside is sealed as a whole.

    Args:
        manifest: As signed.
        at: Its ``iat``, beside it: nothing of it is parsed before its key has verified it.
        layout: What the manifest lists.
        papers: The receipt, by name; the letter is printed later.
    """
    case_file = encode({"v": 1, "at": int(at.timestamp()), "manifest": manifest})
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for name, content in {**papers, CASE_FILE: case_file}.items():
            archive.writestr(zipfile.ZipInfo(name, _LONG_AGO), content)
        for part, source in zip(layout.parts, layout.sources, strict=True):
            content = b"".join(source())
            archive.writestr(zipfile.ZipInfo(part_name(part), _LONG_AGO), content)
    return target.getvalue()


def with_paper(archive: bytes, name: str, content: bytes) -> bytes:
    """The archive with one more paper in it."""
    target = io.BytesIO(archive)
    with zipfile.ZipFile(target, "a", zipfile.ZIP_STORED) as opened:
        opened.writestr(zipfile.ZipInfo(name, _LONG_AGO), content)
    return target.getvalue()


@dataclass(frozen=True, slots=True)
class SealedCases:
    """A sealed export that was read to its end and is what its manifest says."""

    manifest: SealedManifest
    digest: bytes
    arrivals: tuple[Arrival, ...]
    documents: Mapping[int, bytes]


def read_sealed(
    archive: bytes, key_at: Callable[[KeyId, datetime], VerifyKey]
) -> SealedCases:
    """Read the opened file: entries, signature, every part, every record.

    Args:
        archive: What the passphrase gave.
        key_at: The directory's answer about signing keys: valid at that instant, and
            neither key nor owner retired now (HO-41).

    Raises:
        PacketUnreadableError: Any failure; ``reason`` is for the local log.
    """
    try:
        entries = _entries(archive)
        case_file = parse_object(entries[CASE_FILE])
        text, at = case_file.get("manifest"), case_file.get("at")
        if not isinstance(text, str) or not isinstance(at, int):
            raise PacketUnreadableError("manifest-text")
        manifest = _manifest(text, datetime.fromtimestamp(at, UTC), key_at)
        content = {part.n: _content(part, entries) for part in manifest.parts}
        arrivals = tuple(
            arrival_of(case, manifest.parts, content) for case in manifest.cases
        )
    except (KeyError, ValueError, OverflowError, zipfile.BadZipFile) as error:
        raise PacketUnreadableError("archive") from error
    except MalformedMessageError as error:
        raise PacketUnreadableError(str(error)) from error
    papers = {p.n: content[p.n] for p in manifest.parts if is_document(p)}
    return SealedCases(manifest, sha256(text.encode()).digest(), arrivals, papers)


def _entries(archive: bytes) -> dict[str, bytes]:
    """Entries by name, read and never extracted (SR-P5)."""
    found: dict[str, bytes] = {}
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        listed = opened.infolist()
        total = sum(entry.file_size for entry in listed)
        if len(listed) > PARTS + _EXTRA_ENTRIES or total > _PLAIN_BYTES:
            raise PacketUnreadableError("too-large")
        for entry in listed:
            stored = entry.compress_type == zipfile.ZIP_STORED
            if entry.filename in found or not stored or entry.flag_bits & 1:
                raise PacketUnreadableError("archive-entry")
            found[entry.filename] = opened.read(entry)
    return found


def _manifest(
    text: str, at: datetime, key_at: Callable[[KeyId, datetime], VerifyKey]
) -> SealedManifest:
    kid = peek_kid(text)
    try:
        payload = open_jws(text, SEALED_TYPE, key_at(kid, at))
    except SignatureError as error:
        raise PacketUnreadableError("manifest-signature") from error
    except TrustError as error:
        raise PacketUnreadableError("manifest-key") from error
    manifest = _parse(payload)
    if manifest.iat != at:
        raise PacketUnreadableError("manifest-time")
    if kid.member != manifest.iss:
        raise PacketUnreadableError("issuer")
    if not parts_fit(manifest.parts):
        raise PacketUnreadableError("too-large")
    return manifest


def _content(part: Part, entries: Mapping[str, bytes]) -> bytes:
    content = entries[part_name(part)]
    if len(content) != part.len or sha256(content).digest() != part.sha256:
        raise PacketUnreadableError("part-digest")
    wanted = part.type in (RECORDS, EVIDENCE) and part.cat in CATEGORIES
    return content if wanted or is_document(part) else b""


def _parse(payload: bytes) -> SealedManifest:
    found: JsonObject = parse_object(payload, depth=6, members=20_000)
    manifest = _MANIFEST.read(found, "manifest")
    check_parts(manifest.cases, manifest.parts)
    return manifest
