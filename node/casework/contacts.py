"""Contacts after they were recorded, and before: changes, voiding, drafts.

Enters: who acts, the entry, the copies and versions the page was made for. Leaves: one
transaction each. Must never happen: an entry that says one thing at one person and another
at the next (FR-7); an imported entry changed here (FR-8); an entry that goes without a
reason. Implements DO-3 (the second half), SC-27.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from node.accounts.policy import Actor
from node.cases.days import local_day
from node.cases.model import Origin, Record
from node.casework.cases import editable_case, own_case
from node.errors import ConflictError, InputError, NotFoundError
from node.ids import CaseId, RecordId
from node.report.diary import DiaryUnit, DraftRow, Fields
from node.strictjson import Json
from node.sync.office import Office

_FIXED = ("persons", "touched")
"""What a correction leaves alone: with whom it was, and what it moved in the plan."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One entry as a page showed it: epoch and version of each copy that may change."""

    contact: RecordId
    copies: Mapping[CaseId, tuple[int, int]]


def own_copies(uow: DiaryUnit, contact: RecordId, by: Actor) -> tuple[Record, ...]:
    """The copies of an entry of our own in the hands of this person.

    Raises:
        NotFoundError: There is none, or it came from another office.
    """
    found = []
    for copy in uow.diary.copies(contact):
        try:
            own_case(uow, by, copy.case, "case.read")
        except NotFoundError:
            continue
        found.append(copy)
    if not found or found[0].origin is Origin.TRANSFER:
        raise NotFoundError("contact")
    return tuple(found)


def change_contact(
    uow: DiaryUnit, office: Office, seen: Seen, values: Mapping[str, Json], *, by: Actor
) -> None:
    """Correct an entry at every person it was with; goals it moved stay as they are.

    Raises:
        StaleEpochError: One of the cases is not editable here any more.
        ConflictError: Somebody changed the entry meanwhile.
    """

    def corrected(copy: Record) -> Mapping[str, Json]:
        kept = {name: copy.values[name] for name in _FIXED if name in copy.values}
        return {**values, **kept}

    _rewrite(uow, office, seen, corrected, by=by)


def void_contact(
    uow: DiaryUnit, office: Office, seen: Seen, reason: str, *, by: Actor
) -> None:
    """Take an entry out of every list and number; it stays in the case with its reason.

    Raises:
        InputError: No reason.
        StaleEpochError: One of the cases is not editable here any more.
        ConflictError: Somebody changed the entry meanwhile.
    """
    if not reason.strip():
        raise InputError("void_reason", "missing")
    day = local_day(office.clock.now()).isoformat()

    def voided(copy: Record) -> Mapping[str, Json]:
        return {**copy.values, "voided_on": day, "void_reason": reason.strip()}

    _rewrite(uow, office, seen, voided, by=by)


def _rewrite(
    uow: DiaryUnit,
    office: Office,
    seen: Seen,
    change: Callable[[Record], Mapping[str, Json]],
    *,
    by: Actor,
) -> None:
    with uow:
        now, changed = office.clock.now(), []
        for copy in own_copies(uow, seen.contact, by):
            if copy.case not in seen.copies:
                continue
            epoch, version = seen.copies[copy.case]
            editable_case(uow, by, copy.case, epoch=epoch, action="contact.record")
            if copy.version != version or copy.values.get("voided_on"):
                raise ConflictError("contact")
            values = change(copy)
            changed.append(
                replace(copy, values=values, recorded_at=now, recorded_by=by.account)
            )
        uow.cases.put(changed)
        uow.commit()


def keep_draft(
    uow: DiaryUnit, case: CaseId, contact: RecordId, fields: Fields, *, by: Actor
) -> None:
    """Keep what was typed about a person, for whoever typed it.

    Race: the words of a form may arrive after the form itself was saved; then there is
    nothing to keep.
    """
    with uow:
        own_case(uow, by, case, "contact.record")
        if by.account is not None and not uow.diary.copies(contact):
            uow.diary.keep_draft(by.account, case, fields)
        uow.commit()


def drop_draft(uow: DiaryUnit, case: CaseId, *, by: Actor) -> None:
    """The draft was saved, or is not wanted."""
    with uow:
        if by.account is not None:
            uow.diary.drop_draft(by.account, case)
        uow.commit()


def draft_of(
    uow: DiaryUnit, case: CaseId, *, by: Actor
) -> tuple[DraftRow, Fields] | None:
    """The draft of whoever asks about one of their cases."""
    own_case(uow, by, case, "contact.record")
    return None if by.account is None else uow.diary.draft(by.account, case)
