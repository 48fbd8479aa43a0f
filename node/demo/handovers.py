"""Handovers of the past: what they left at the sender and made at the recipient.

Enters: cases as they stood, the day of the import. Leaves: the sender's cases, handed over,
and the recipient's, at the next epoch. Must never happen: a shortcut around the gate; what
arrived in the demo arrived through the product's own gate, selection and intake. Story 5's
case keeps its content at the sender: erasing is the work of a running node. Implements the
field document, chapter 9 ("the 8 who moved with transfer"), FR-3.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

from node.cases.consent import Permit, Recipient, Wish, gate
from node.cases.extract import Extract, member_of, select
from node.cases.intake import Arrival, NewCase, NewCases, plan_intake, read_record
from node.cases.model import Baton, CaseContent, Record
from node.demo.records import Place
from node.demo.register import DemoCase, Handover
from node.errors import UsageError
from node.ids import AccountId, RecordId
from node.strictjson import Json


def hand_over(
    cases: Sequence[DemoCase],
    day: date,
    *,
    sender: Place,
    recipient: Place,
    worker: AccountId,
) -> Handover:
    """Hand these cases over.

    Args:
        cases: The sender's cases as they stand after their people left.
        day: The day of the import; the sender's responsibility ended the day before.
        sender: Who hands over.
        recipient: Who receives.
        worker: The recipient's caseworker who takes over.

    Raises:
        UsageError: The gate withholds one of them.
    """
    at = datetime.combine(day, time(9), UTC)
    before = tuple(_reopened(case) for case in cases)
    contents = [CaseContent(case.file, case.records) for case in before]
    members = [
        member_of(content, case.consents, on=day)
        for content, case in zip(contents, before, strict=True)
    ]
    wishes = {
        case.file.id: Wish(categories=case.consents[-1].categories) for case in before
    }
    permit = gate(
        members,
        wishes,
        Recipient(recipient.member, recipient.ags, responsible=True),
        purpose="relocation",
        at=at,
    )
    if not isinstance(permit, Permit):
        raise UsageError("the demo's own people are withheld")
    extracts = [select(content, permit, home=sender.member) for content in contents]
    taken = frozenset(category for e in extracts for category in e.parts)
    planned = plan_intake(
        [_arrival(extract) for extract in extracts],
        {},
        taken=taken,
        at=at,
        sender=sender.member,
    )
    if not isinstance(planned, NewCases):
        raise UsageError("the demo's own people are here twice")
    files = {record: f for case in before for record, f in case.files.items()}
    return Handover(
        day=day,
        before=before,
        after=tuple(_left(case, recipient) for case in cases),
        arrived=tuple(_arrived(case, worker, files) for case in planned.cases),
    )


def _arrival(extract: Extract) -> Arrival:
    return Arrival(
        case=extract.case,
        epoch=extract.epoch,
        parts={
            category: tuple(read_record(item) for item in part)
            for category, part in extract.parts.items()
        },
        evidence=extract.evidence,
    )


def _arrived(
    case: NewCase, worker: AccountId, files: dict[RecordId, bytes]
) -> DemoCase:
    return DemoCase(
        file=replace(case.file, caseworker=worker),
        records=case.records,
        files={r.id: files[r.id] for r in case.records if r.kind == "document"},
        birth_year=case.birth_year,
    )


def _left(case: DemoCase, recipient: Place) -> DemoCase:
    return replace(
        case,
        file=replace(case.file, baton=Baton.HANDED_OVER, handed_to=recipient.member),
    )


def _reopened(case: DemoCase) -> DemoCase:
    """The case as it stood while its people were still here."""
    return replace(
        case,
        file=replace(case.file, responsible_until=None),
        records=tuple(
            _open_ended(record)
            for record in case.records
            if "closure_reason" not in record.values
        ),
    )


def _open_ended(record: Record) -> Record:
    values: dict[str, Json] = dict(record.values)
    match record.kind:
        case "household_member" | "responsibility":
            values.pop("valid_until", None)
        case "accommodation":
            values.pop("move_out", None)
        case "plan" if values.pop("ended_on", None):
            values.pop("end_reason", None)
            values["status"] = "in_force"
            agreed = date.fromisoformat(values["start"])
            values["review_due"] = (agreed + timedelta(days=365)).isoformat()
    return replace(record, values=values)
