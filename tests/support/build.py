"""Valid values to begin a test with; a test states only what it is about."""

import hashlib
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

from node.cases.model import Baton, CaseFile, Record
from node.cases.standing import Basis, Consent, GivenBy
from node.ids import AccountId, CaseId, ConsentId, RecordId

AT = datetime(2026, 2, 9, 8, tzinfo=UTC)
ANNA = AccountId("0a" * 16)
BERND = AccountId("0b" * 16)


def case_id(number: int) -> CaseId:
    """The id of a case."""
    return CaseId(f"{number:032x}")


def record_id(number: int) -> RecordId:
    """The id of a record."""
    return RecordId(f"{number:032x}")


def case_file(number: int = 1, **changes: Any) -> CaseFile:
    """An active case at its first epoch."""
    file = CaseFile(
        id=case_id(number),
        epoch=1,
        baton=Baton.ACTIVE,
        version=1,
        opened_on=date(2024, 5, 14),
        caseworker=ANNA,
    )
    return replace(file, **changes)


def record(number: int = 1, case: int = 1, **changes: Any) -> Record:
    """A talk with a note."""
    values = {
        "date": "2026-02-03",
        "minutes": 30,
        "form": "office",
        "kind": "talk",
        "topics": ["04.1"],
        "note": f"canary note {number}",
    }
    item = Record(
        case=case_id(case),
        id=record_id(number),
        kind="contact",
        values=values,
        recorded_at=AT,
        recorded_by=ANNA,
    )
    return replace(item, **changes)


def consent(number: int = 1, case: int = 1, **changes: Any) -> Consent:
    """A person's own yes to K01 and K10 for a year."""
    evidence = changes.pop("evidence", b"canary evidence")
    item = Consent(
        id=ConsentId(f"{number:032x}"),
        case=case_id(case),
        given_by=GivenBy.SELF,
        guardians=(),
        basis=Basis.CONSENT,
        purpose="relocation",
        recipients=("class:responsible_at_new_place",),
        categories=frozenset({"K01", "K10"}),
        documents=frozenset(),
        valid_from=date(2026, 1, 1),
        valid_until=date(2026, 12, 31),
        recorded_at=AT,
        recorded_by=ANNA,
        language="de",
        form="signed",
        text_version="v1",
        evidence=evidence,
        digest=hashlib.sha256(evidence).digest(),
        salt=b"\x51" * 32,
    )
    return replace(item, **changes)
