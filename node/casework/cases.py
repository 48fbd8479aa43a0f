"""Cases, contacts, documents: what a caseworker records every day.

Enters: who acts, the case and the epoch the page was made for, checked values. Leaves: one
transaction each. Must never happen: a write for another epoch or on a case that is not
active here (HO-4); an edit that forgets what stood before. Implements FR-6 to FR-9.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Final

from node.accounts.policy import Actor, Relation, allowed, require
from node.cases.days import local_day
from node.cases.dictionary import PROTECTION, needed_for_document
from node.cases.model import (
    Baton,
    CaseFile,
    Origin,
    PartialDate,
    Record,
)
from node.cases.ports import IncomingDocument
from node.cases.staged import StagedDocument
from node.errors import InputError, NotFoundError, RestrictedError
from node.ids import AccountId, CaseId, RecordId, uuid7
from node.strictjson import Json
from node.sync import onward
from node.sync.office import Office
from node.sync.ports import UnitOfWork

_ALSO_RESTRICTED: Final = frozenset(
    {"rights.export", "consent.withdraw", "case.assign", "case.restrict"}
)
"""What may still be done with a case that is restricted."""


def own_case(uow: UnitOfWork, by: Actor, case: CaseId, action: str) -> CaseFile:
    """The case file, if this person may do this to it.

    Raises:
        NotFoundError: No such case, or a colleague's: both look the same (SR-B9).
        ForbiddenError: Nobody with these roles may.
        RestrictedError: It may be read only to answer the person.
    """
    require(by, action, relation=Relation.OWN)
    file = uow.cases.file(case)
    own = by.reaches(file, action)
    if not allowed(by, action, relation=Relation.OWN if own else Relation.ANY):
        raise NotFoundError("case")
    if file.restricted_on is not None and action not in _ALSO_RESTRICTED:
        raise RestrictedError("case")
    return file


def is_protected(record: Record) -> bool:
    """Whether a record says what protects a person (K14)."""
    return record.kind == "protection" or (
        record.kind == "document" and PROTECTION in needed_for_document(record.values)
    )


def editable_case(
    uow: UnitOfWork, by: Actor, case: CaseId, *, epoch: int, action: str
) -> CaseFile:
    """As ``own_case``, and the case is editable at the page's epoch (HO-4).

    Raises:
        StaleEpochError: It moved meanwhile; the typed text is the page's to keep.
    """
    file = own_case(uow, by, case, action)
    file.require_editable(epoch)
    return file


def new_record(
    office: Office,
    case: CaseId,
    kind: str,
    values: Mapping[str, Json],
    *,
    by: AccountId | None,
) -> Record:
    """A record of our own, made now."""
    now = office.clock.now()
    return Record(
        case=case,
        id=RecordId(new_id(office, now)),
        kind=kind,
        values=values,
        recorded_at=now,
        origin=Origin.OWN,
        recorded_by=by,
    )


def new_id(office: Office, now: datetime) -> str:
    """A UUIDv7 as 32 hex digits."""
    return uuid7(int(now.timestamp() * 1000), office.randomness(10))


def open_case(
    uow: UnitOfWork,
    office: Office,
    person: Mapping[str, Json],
    *,
    by: Actor,
    household: RecordId | None = None,
    more: Sequence[tuple[str, Mapping[str, Json]]] = (),
    case: CaseId | None = None,
) -> CaseId:
    """Open a case for a person new to this office.

    Args:
        uow: The transaction.
        office: Keys, clock, chance, directory.
        person: Fields of the record ``person``; at least one name.
        by: Who opens it, and will care for the person.
        household: Of whom the person is a member.
        more: What else is known: kinds of records with their fields.
        case: The number the page drew, so that a form sent twice opens one case.

    Raises:
        InputError: No name, or a birth date that is none.
        ConflictError: This form was taken before.
    """
    require(by, "case.create", relation=Relation.OWN)
    if not (person.get("family_name") or person.get("given_names")):
        raise InputError("family_name", "missing")
    birth = person.get("birth_date")
    born = PartialDate(str(birth)) if birth else None
    now = office.clock.now()
    today = local_day(now)
    case = case or CaseId(new_id(office, now))
    values = {"counselling_start": today.isoformat(), **person}
    with uow:
        uow.cases.open_new(
            CaseFile(
                id=case,
                epoch=1,
                baton=Baton.ACTIVE,
                version=1,
                opened_on=today,
                household=household,
                caseworker=by.account,
                responsible_from=today,
            )
        )
        uow.cases.put(
            [
                new_record(office, case, kind, fields, by=by.account)
                for kind, fields in (("person", values), *more)
            ]
        )
        uow.cases.set_birth_year(case, born.first.year if born else None)
        uow.commit()
    return case


@dataclass(frozen=True, slots=True)
class Contact:
    """A contact as the form gives it; the first case is the page's, the rest go along.

    ``touched`` maps goal ids of these persons to their new status, and a reason code
    where FR-9 asks for one. ``follow_up`` becomes a task of the first case. ``id`` is what
    the page drew, so that a form sent twice is one entry.
    """

    cases: tuple[CaseId, ...]
    epochs: Mapping[CaseId, int]
    values: Mapping[str, Json]
    note: str = ""
    touched: Mapping[RecordId, tuple[str, str | None]] = field(default_factory=dict)
    follow_up: Mapping[str, Json] | None = None
    id: RecordId | None = None


def record_contact(
    uow: UnitOfWork, office: Office, contact: Contact, *, by: Actor
) -> RecordId:
    """Record a talk or contact: one entry, on the timeline of each person (FR-7).

    Returns:
        The entry's id, the same for all persons.

    Raises:
        StaleEpochError: One of the cases is not editable here any more.
        InputError: ``postponed`` or ``adapted`` without a reason (FR-9).
    """
    with uow:
        contact_id = place_contact(uow, office, contact, by=by)
        uow.commit()
    return contact_id


def place_contact(
    uow: UnitOfWork, office: Office, contact: Contact, *, by: Actor
) -> RecordId:
    """As ``record_contact``, inside a transaction that somebody else commits."""
    contact_id = contact.id or RecordId(new_id(office, office.clock.now()))
    persons = [str(case) for case in contact.cases]
    values = {**contact.values, "persons": persons}
    if contact.note:
        values["note"] = contact.note
    records: list[Record] = []
    for case in contact.cases:
        editable_case(
            uow, by, case, epoch=contact.epochs[case], action="contact.record"
        )
        goals = _touch_goals(uow, office, case, contact, by=by.account)
        touched: list[Json] = [
            {"goal": str(goal.id), "status": goal.text("status")} for goal in goals
        ]
        own = {**values, "touched": touched} if touched else values
        made = new_record(office, case, "contact", own, by=by.account)
        records += [replace(made, id=contact_id), *goals]
    if contact.follow_up is not None:
        task = new_record(
            office, contact.cases[0], "follow_up", contact.follow_up, by=by.account
        )
        records.append(task)
    uow.cases.put(records)
    _tell_former(uow, office, contact)
    return contact_id


def _tell_former(uow: UnitOfWork, office: Office, contact: Contact) -> None:
    """The first talk or contact here may be told to where the case came from."""
    day, kind = contact.values.get("date"), contact.values.get("kind")
    if kind in {"talk", "contact"} and isinstance(day, str):
        for case in contact.cases:
            onward.note_first_contact(uow, office, case, date.fromisoformat(day))


def _touch_goals(
    uow: UnitOfWork,
    office: Office,
    case: CaseId,
    contact: Contact,
    *,
    by: AccountId | None,
) -> list[Record]:
    """The goals of this person that a contact ticked, in the same save (DO-8)."""
    changed = []
    if not contact.touched:
        return []
    for goal in uow.cases.content(case).of("goal"):
        if goal.id in contact.touched:
            status, reason = contact.touched[goal.id]
            changed.append(
                goal_with_status(goal, status, reason, at=office.clock.now(), by=by)
            )
    return changed


def goal_with_status(
    goal: Record,
    status: str,
    reason: str | None,
    *,
    at: datetime,
    by: AccountId | None,
) -> Record:
    """The goal at its new status; a new date or pause is never a failure (FR-9).

    Raises:
        InputError: ``postponed`` or ``adapted`` without a reason.
    """
    if status in {"postponed", "adapted"} and not reason:
        raise InputError("goal_reason", "missing")
    values = {**goal.values, "status": status}
    if reason:
        values["reason"] = reason
    if status == "reached":
        values["reached_on"] = local_day(at).isoformat()
    return replace(goal, values=values, recorded_at=at, recorded_by=by)


def save_record(
    uow: UnitOfWork,
    office: Office,
    record: Record,
    *,
    epoch: int,
    by: Actor,
) -> None:
    """Save a new or changed record of one case.

    Raises:
        StaleEpochError: The case moved; nothing is saved, the text is the page's to keep.
    """
    with uow:
        editable_case(uow, by, record.case, epoch=epoch, action="case.edit")
        made = replace(record, recorded_at=office.clock.now(), recorded_by=by.account)
        uow.cases.put([made])
        uow.commit()


@dataclass(frozen=True, slots=True)
class Upload:
    """A document that was sealed while it arrived, and what is said of it."""

    staged: StagedDocument
    values: Mapping[str, Json]


def receive_document(
    uow: UnitOfWork, by: Actor, case: CaseId, epoch: int
) -> IncomingDocument:
    """Begin to seal a document of a case while it arrives; ``keep_document`` names it."""
    with uow:
        own_case(uow, by, case, "case.edit")
        return uow.cases.receive_document(uow.cases.stage_key(case), epoch)


def forget_document(uow: UnitOfWork, staged: StagedDocument) -> None:
    """What was sealed is not kept."""
    uow.cases.drop_staged(staged)


def keep_document(
    uow: UnitOfWork, office: Office, upload: Upload, *, by: Actor
) -> RecordId:
    """Name in its case what was sealed and synced before this unit of work.

    Raises:
        StaleEpochError: The case is not editable here any more.
    """
    with uow:
        case, epoch = upload.staged.case, upload.staged.epoch
        editable_case(uow, by, case, epoch=epoch, action="case.edit")
        digest, length = uow.cases.adopt_document(upload.staged)
        values = {**upload.values, "digest": digest.hex(), "bytes": length}
        made = new_record(office, case, "document", values, by=by.account)
        uow.cases.put([made])
        uow.commit()
    return made.id


def open_document(
    uow: UnitOfWork, by: Actor, case: CaseId, document: RecordId
) -> tuple[Record, Iterator[bytes]]:
    """A document's record and its bytes, verified chunk by chunk."""
    with uow:
        file = own_case(uow, by, case, "case.read")
        record = uow.cases.record(case, document)
        if not by.sees_protection(file) and is_protected(record):
            raise NotFoundError("document")
        digest = bytes.fromhex(record.text("digest"))
        return record, uow.cases.open_document(case, digest)
