"""Cases with records, and permits for them, with valid defaults."""

from collections.abc import Iterable
from datetime import UTC, date, datetime
from typing import Any

from node.cases.consent import Permit, Wish, gate
from node.cases.model import Baton, CaseContent, CaseFile, Record
from node.ids import CaseId, RecordId
from tests.support.people import (
    ADA,
    NOON,
    RECIPIENT,
    SECOND,
    adult,
    consent,
    record_id,
)

EVERYTHING = frozenset(f"K{n:02d}" for n in range(1, 17))
INSTANT = datetime(2026, 2, 3, 4, 5, 6, 789, tzinfo=UTC)


def record(
    of_kind: str, number: int = 1, /, *, case: CaseId = ADA, **values: Any
) -> Record:
    """One record of our own."""
    return Record(case, RecordId(record_id(number)), of_kind, values, INSTANT)


def person(case: CaseId = ADA, **values: Any) -> Record:
    """The record of a person; its id follows from the case."""
    number = int(case, 16)
    return record(
        "person",
        900 + number,
        case=case,
        **{"family_name": f"Demo-{number}", "birth_date": "1990-05-17"} | values,
    )


def content(*records: Record, case: CaseId = ADA, epoch: int = 1) -> CaseContent:
    """A case with these records, and with a person if there is none among them."""
    file = CaseFile(case, epoch, Baton.ACTIVE, 1, date(2025, 1, 1))
    found = records
    if not any(r.kind == "person" for r in records):
        found = (person(case), *records)
    return CaseContent(file, tuple(found))


def permit_for(
    *cases: CaseId,
    categories: Iterable[str] = EVERYTHING,
    documents: Iterable[RecordId] = (),
    **changes: Any,
) -> Permit:
    """A permit for these categories and documents of each case, through the gate."""
    wanted, papers = frozenset(categories) | {"K01"}, frozenset(documents)
    members = [
        adult(case, consent(case, categories=EVERYTHING, documents=papers))
        for case in cases or (ADA,)
    ]
    wishes = {m.case: Wish(wanted, papers) for m in members}
    return permitted(
        gate(
            members,
            wishes | changes.pop("wishes", {}),
            RECIPIENT,
            purpose="relocation",
            at=NOON,
            second=SECOND,
        )
    )


def permitted(answer: object) -> Permit:
    """The gate's yes, or a failure that shows the no."""
    assert isinstance(answer, Permit), answer
    return answer
