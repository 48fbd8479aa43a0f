"""Cases and records with valid defaults; a test states only what it is about."""

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

from node.cases.model import Baton, CaseFile, Record
from node.ids import AccountId
from tests.support.people import case_id, record_id

AT = datetime(2026, 2, 9, 8, tzinfo=UTC)
ANNA = AccountId("0a" * 16)
BERND = AccountId("0b" * 16)


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
