"""The offer: what the recipient may know before anything is opened.

Enters: counts, codes and digests of a permitted extract. Leaves: the body of the statement
``offer``, or one that a peer sent. Must never happen: a name, birth date, address, phone,
number, citizenship, status, flag or free text in it (HO-60); a tag that anybody but the
sender can resolve. Implements handover 8.3; HO-23, HO-60. Source: RFC 2104.
"""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from node.errors import MalformedMessageError
from node.ids import Ags, CaseId, TransferId
from node.strictjson import Json
from node.sync import schema as s
from node.sync.limits import CASES_PER_TRANSFER
from node.sync.words import Band, Basis, DocumentKind, Kind, Purpose, Reason

TAG_BYTES: Final = 16
DOCUMENTS: Final = "K13"
"""The category whose records are documents; the offer counts them by kind."""

DIGEST: Final = s.binary(32)
KID: Final = s.text(r"[a-z0-9]{1,20}")
CATEGORY: Final = s.text(r"K[0-9]{2}")
TAG: Final = s.binary(TAG_BYTES)
PARAGRAPH: Final = s.text(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}")
"""A code of list ``statute``; each body fills that list itself."""

LANGUAGE: Final = s.text(r"[a-z]{2,3}(-[A-Z][a-z]{3})?(-([A-Z]{2}|[0-9]{3}))?")
"""BCP 47: language, script, region; no variant, no private use."""


@dataclass(frozen=True, slots=True)
class PacketName:
    """A container: SHA-256 of its bytes, and how many there are."""

    dig: bytes
    len: int


PACKET: Final = s.record(PacketName, dig=DIGEST, len=s.number(1))


@dataclass(frozen=True, slots=True)
class TaggedCase:
    """One case as only its sender can resolve it, and its epoch there (HO-23)."""

    tag: bytes
    e: int


@dataclass(frozen=True, slots=True)
class NotIncluded:
    """How many people of the household stay behind."""

    adults: int
    minors: int


@dataclass(frozen=True, slots=True)
class BasisLine:
    """One ground: ``c`` commits to the evidence record inside the container.

    ``until`` is the exclusive end; only a statute may have none. A statute names its
    paragraph and whether a second person confirmed it.
    """

    c: bytes
    basis: Basis
    until: datetime | None
    paragraph: str | None = None
    second: bool | None = None

    def __post_init__(self) -> None:
        """Refuse a consent without end or with a paragraph, a statute without one."""
        by_statute = self.basis is Basis.STATUTE
        if (
            (self.paragraph is not None) != by_statute
            or (self.second is not None) != by_statute
            or (self.until is None and not by_statute)
        ):
            raise MalformedMessageError("b.bases")


@dataclass(frozen=True, slots=True)
class Counts:
    """How much travels: records per category over all members, documents by kind.

    On the wire both are one object, in which the documents are the value of ``K13``.
    """

    records: Mapping[str, int]
    documents: Mapping[DocumentKind, int]


_RECORDS: Final = s.table(CATEGORY, s.number(0), most=99)
_DOCUMENTS: Final = s.table(s.code(*DocumentKind), s.number(1), least=1, most=99)


def _read_counts(value: Json, where: str) -> Counts:
    if not isinstance(value, dict) or not value:
        raise MalformedMessageError(where)
    records = dict(value)
    documents = records.pop(DOCUMENTS, None)
    return Counts(
        _RECORDS.read(records, where),
        {} if documents is None else _DOCUMENTS.read(documents, where),
    )


def _write_counts(counts: Counts) -> Json:
    written: dict[str, Json] = dict(counts.records)
    if counts.documents:
        written[DOCUMENTS] = _DOCUMENTS.write(counts.documents)
    return written


_COUNTS: Final = s.Form(
    _read_counts,
    _write_counts,
    {
        "type": "object",
        "properties": {DOCUMENTS: _DOCUMENTS.schema},
        "patternProperties": {"^K[0-9]{2}$": s.number(0).schema},
        "additionalProperties": False,
        "minProperties": 1,
    },
)


@dataclass(frozen=True, slots=True)
class OfferBody:
    """The pseudonymous announcement of a transfer (handover 8.3).

    ``cases`` and ``bands`` have one item per person. ``kem`` is the SHA-256 of the
    recipient's KEM key ``kid``; ``schema`` is like ``case/1``.
    """

    kind: Kind
    reason: Reason
    purpose: Purpose
    exp: datetime
    cases: tuple[TaggedCase, ...]
    persons: int
    bands: tuple[Band, ...]
    not_included: NotIncluded
    move_on: date
    ags: Ags
    categories: Counts
    bases: tuple[BasisLine, ...]
    named: bool
    interpreters: tuple[str, ...]
    pkt: PacketName
    kid: str
    kem: bytes
    suite: int
    schema: str
    replaces: TransferId | None = None

    def __post_init__(self) -> None:
        """Refuse numbers of persons that contradict each other."""
        if not self.persons == len(self.cases) == len(self.bands):
            raise MalformedMessageError("b.persons")


OFFER: Final = s.record(
    OfferBody,
    kind=s.code(*Kind),
    reason=s.code(*Reason),
    purpose=s.code(*Purpose),
    exp=s.INSTANT,
    cases=s.ascending(
        s.record(TaggedCase, tag=TAG, e=s.number(1)),
        least=1,
        most=CASES_PER_TRANSFER,
        order=lambda case: case["tag"],
    ),
    persons=s.number(1, CASES_PER_TRANSFER),
    bands=s.ascending(
        s.code(*Band),
        least=1,
        most=CASES_PER_TRANSFER,
        order=list(Band).index,
        repeats=True,
    ),
    not_included=s.record(NotIncluded, adults=s.number(0, 99), minors=s.number(0, 99)),
    move_on=s.DAY,
    ags=s.identifier(Ags),
    categories=_COUNTS,
    bases=s.ascending(
        s.record(
            BasisLine,
            c=DIGEST,
            basis=s.code(*Basis),
            until=s.nullable(s.INSTANT),
            paragraph=s.optional(PARAGRAPH),
            second=s.optional(s.FLAG),
        ),
        most=2 * CASES_PER_TRANSFER,
        order=lambda line: line["c"],
    ),
    named=s.FLAG,
    interpreters=s.ascending(LANGUAGE, most=CASES_PER_TRANSFER),
    pkt=PACKET,
    kid=KID,
    kem=DIGEST,
    suite=s.number(1, 255),
    schema=s.text(r"case/[1-9][0-9]{0,3}"),
    replaces=s.optional(s.identifier(TransferId)),
)


def case_tag(
    tag_key: bytes, transfer: TransferId, case: CaseId, *, epoch: int
) -> bytes:
    """The 16 bytes by which an offer names a case (HO-23).

    Args:
        tag_key: 32 bytes that only the sender has.
        transfer: T.
        case: The case at the sender.
        epoch: Its epoch at the sender.

    The first 16 bytes of HMAC-SHA-256 over T (16 bytes), case id (16 bytes) and epoch
    (8 bytes, big endian).
    """
    named = transfer.raw() + case.raw() + epoch.to_bytes(8, "big")
    return hmac.digest(tag_key, named, "sha256")[:TAG_BYTES]
