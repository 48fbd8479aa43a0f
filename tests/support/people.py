"""People of a transfer with valid defaults; a test states only what it is about."""

import hashlib
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

from node.cases.consent import (
    RESPONSIBLE_AT_NEW_PLACE,
    Basis,
    Consent,
    GivenBy,
    Member,
    Recipient,
)
from node.cases.model import PartialDate
from node.ids import AccountId, Ags, CaseId, ConsentId, MemberId, RecordId

NOON = datetime(2026, 4, 1, 10, 0, tzinfo=UTC)
WEHR = MemberId("08337116-stadt-wehr")
SAECKINGEN = MemberId("08337096-stadt-bad-saeckingen")
RECIPIENT = Recipient(SAECKINGEN, Ags("08337096"), responsible=True)
WORKER = AccountId("a0" * 16)
SECOND = AccountId("a1" * 16)
EVERYDAY = frozenset({"K01", "K02", "K04", "K07", "K10", "K11", "K13"})


def case_id(number: int) -> CaseId:
    """A case id that is easy to read in a failure."""
    return CaseId(f"{number:032x}")


def record_id(number: int) -> RecordId:
    """A record id that is easy to read in a failure."""
    return RecordId(f"d{number:031x}")


ADA = case_id(1)
BEN = case_id(2)
CEM = case_id(3)


def consent(case: CaseId = ADA, number: int = 1, **changes: Any) -> Consent:
    """A yes of an adult to the responsible body, for the whole of 2026."""
    evidence = b"evidence %d of %s" % (number, case.encode())
    made = Consent(
        id=ConsentId(f"c{number:031x}"),
        case=case,
        given_by=GivenBy.SELF,
        guardians=(),
        basis=Basis.CONSENT,
        purpose="relocation",
        recipients=(RESPONSIBLE_AT_NEW_PLACE,),
        categories=EVERYDAY,
        documents=frozenset(),
        valid_from=date(2026, 1, 1),
        valid_until=date(2026, 12, 31),
        recorded_at=datetime(2026, 1, 1, 9, number % 60, tzinfo=UTC),
        recorded_by=WORKER,
        language="ti",
        form="screen",
        text_version="1",
        evidence=evidence,
        digest=hashlib.sha256(evidence).digest(),
        salt=bytes([number % 256]) * 32,
    )
    return replace(made, **changes)


def adult(case: CaseId = ADA, *consents: Consent, **changes: Any) -> Member:
    """Somebody of age with these consents, or with one plain yes."""
    made = Member(case, consents or (consent(case),), birth=PartialDate("1990-05-17"))
    return replace(made, **changes)
