"""Packets on their way: an envelope, the offer that goes with it, and the bytes."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Any

from node.cases.extract import Extract, count_documents, count_records, select
from node.cases.model import CaseContent
from node.crypto.keys import SigningKey, VerifyKey
from node.errors import UnknownKeyError
from node.ids import Ags, CaseId, KeyId, MemberId, TransferId
from node.sync.manifest import SCHEMA, Announced
from node.sync.offer import (
    BasisLine,
    Counts,
    NotIncluded,
    OfferBody,
    PacketName,
    TaggedCase,
)
from node.sync.packet import Envelope, PacketPlan, plan_packet
from node.sync.words import Band, Basis, DocumentKind, Kind, Purpose, Reason
from tests.support.casefiles import permit_for
from tests.support.people import SAECKINGEN, WEHR

TRANSFER = TransferId("7f" * 16)
SIGNED_AT = datetime(2026, 4, 1, 10, 0, 0, tzinfo=UTC)
EXPIRES_AT = datetime(2026, 4, 15, 10, 0, 0, tzinfo=UTC)
KEM = bytes(range(32))
PH = bytes([9]) * 32
KEY = SigningKey.from_seed(bytes([7]) * 32)
KID = KeyId(f"{WEHR}#s1")


def extracts_of(
    *contents: CaseContent, home: MemberId = WEHR, **permitted: Any
) -> list[Extract]:
    """The extracts of these cases, with everything permitted unless said otherwise."""
    permit = permit_for(*(c.file.id for c in contents), **permitted)
    return [select(c, permit, home=home) for c in contents]


def envelope(**changes: Any) -> Envelope:
    """From Wehr to Bad Säckingen."""
    made = Envelope(
        issuer=WEHR,
        audience=SAECKINGEN,
        transfer=TRANSFER,
        issued_at=SIGNED_AT,
        expires_at=EXPIRES_AT,
        kem=KEM,
        kind=Kind.MOVE,
        purpose=Purpose.RELOCATION,
        preview=None,
    )
    return replace(made, **changes)


def offer_for(extracts: Sequence[Extract], **changes: Any) -> OfferBody:
    """The offer that announces exactly these extracts."""
    documents = {DocumentKind(k): n for k, n in count_documents(extracts).items()}
    made = OfferBody(
        kind=Kind.MOVE,
        reason=Reason.MOVE,
        purpose=Purpose.RELOCATION,
        exp=EXPIRES_AT,
        cases=tuple(
            TaggedCase(bytes([n]) * 16, x.epoch) for n, x in enumerate(extracts)
        ),
        persons=len(extracts),
        bands=(Band.TO_49,) * len(extracts),
        not_included=NotIncluded(0, 0),
        move_on=date(2026, 5, 1),
        ags=Ags("08337096"),
        categories=Counts(count_records(extracts), documents),
        bases=tuple(
            BasisLine(e.commitment, Basis.CONSENT, EXPIRES_AT)
            for x in extracts
            for e in x.evidence
        ),
        named=False,
        interpreters=(),
        pkt=PacketName(bytes(32), 1),
        kid="k7",
        kem=KEM,
        suite=1,
        schema=SCHEMA,
    )
    return replace(made, **changes)


def announced(offer: OfferBody, **changes: Any) -> Announced:
    """What the recipient knows of it."""
    made = Announced(
        offer=offer,
        issuer=WEHR,
        offered_at=SIGNED_AT,
        audience=SAECKINGEN,
        transfer=TRANSFER,
        ph=PH,
        preview=None,
    )
    return replace(made, **changes)


def key_at(kid: KeyId, at: datetime) -> VerifyKey:
    """A directory that knows one key, valid in 2026."""
    if kid != KID or at.year != 2026:
        raise UnknownKeyError("key not listed for that instant")
    return KEY.public


def no_documents(case: CaseId, digest: bytes) -> Iterator[bytes]:
    """For packets without documents."""
    raise AssertionError((case, digest))


@dataclass(frozen=True)
class Papers:
    """Documents that a function gives."""

    open_document: Callable[[CaseId, bytes], Iterator[bytes]] = no_documents

    def measure_document(self, case: CaseId, digest: bytes) -> tuple[int, bytes]:
        """Read once to be measured."""
        length, found = 0, hashlib.sha256()
        for portion in self.open_document(case, digest):
            length += len(portion)
            found.update(portion)
        return length, found.digest()


def plan(
    extracts: Sequence[Extract],
    open_document: Callable[[CaseId, bytes], Iterator[bytes]] = no_documents,
    **changes: Any,
) -> PacketPlan:
    """The plan of these extracts."""
    return plan_packet(extracts, envelope(**changes), Papers(open_document))


def plaintext(planned: PacketPlan, *, padding: int = 100, ph: bytes = PH) -> bytes:
    """The whole plaintext at once."""
    pad = planned.measure(KID) + padding
    return b"".join(planned.encode(ph, pad, key=KEY, kid=KID))
