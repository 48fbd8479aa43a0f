"""The details of a case: entered, changed, marked as a mistake; nothing is forgotten.

Enters: who acts, the version of the record that the page showed, checked values. Leaves: one
transaction each. Must never happen: a version overwritten that its writer has not seen
(SC-11); a protection flag that one person takes away alone (FR-16). Implements FR-1 (the end
of the clock is computed), FR-26 (what we do not know stays), DO-10, DO-29.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Final

from node.accounts.policy import Actor
from node.cases.days import local_day
from node.cases.model import (
    Former,
    PartialDate,
    Record,
    counselling_last_day,
)
from node.casework.cases import (
    editable_case,
    goal_with_status,
    new_record,
    own_case,
)
from node.errors import ConflictError, ForbiddenError, InputError, NotFoundError
from node.ids import CaseId, RecordId
from node.strictjson import Json
from node.sync.office import Office
from node.sync.ports import UnitOfWork

CLOCK_YEARS: Final = 3
EXTENDED_YEARS: Final = 4
_GUARDED: Final = "protection"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a record stands, and what its page showed of it.

    ``version`` is the record's, 0 for one that is new.
    """

    case: CaseId
    record: RecordId
    epoch: int
    version: int = 0


def add_record(
    uow: UnitOfWork,
    office: Office,
    place: Place,
    kind: str,
    values: Mapping[str, Json],
    *,
    by: Actor,
    along: Sequence[Place] = (),
) -> None:
    """Enter a new record; the same form sent twice enters it once.

    Args:
        uow: The transaction.
        office: Clock and chance.
        place: The case, and the number that the page drew for the record.
        kind: What it is.
        values: Its fields.
        by: Who enters it.
        along: Cases for which the same holds, each with a number of its own.

    Raises:
        StaleEpochError: A case moved; nothing is saved, the text is the page's to keep.
        ForbiddenError: A protection flag for whoever may not set one.
    """
    action = "protection.set" if kind == _GUARDED else "case.edit"
    with uow:
        for one in (place, *along):
            editable_case(uow, by, one.case, epoch=one.epoch, action=action)
            if find_record(uow, one.case, one.record) is None:
                made = new_record(office, one.case, kind, values, by=by.account)
                uow.cases.put([replace(made, id=one.record)])
        uow.commit()


def change_record(
    uow: UnitOfWork,
    office: Office,
    place: Place,
    values: Mapping[str, Json],
    *,
    by: Actor,
) -> None:
    """Replace the values of a record; how it stood stays readable.

    Raises:
        StaleEpochError: The case moved.
        ConflictError: Somebody changed the record since the page was made.
        ForbiddenError: A protection flag: it is set anew or lifted, never rewritten.
        InputError: A person without a name, or born or counselled since no day at all; a
            goal postponed or adapted without a reason.
    """
    with uow:
        editable_case(uow, by, place.case, epoch=place.epoch, action="case.edit")
        before = seen_record(uow, place)
        if before.kind == "person":
            values = _person(uow, before, values)
        if before.kind == "goal" and values.get("status") != before.values.get(
            "status"
        ):
            values = _goal(office, before, values, by=by)
        put_changed(uow, office, before, values, by=by)
        uow.commit()


def void_record(
    uow: UnitOfWork, office: Office, place: Place, *, reason: str, by: Actor
) -> None:
    """Mark an entry as made by mistake; it keeps its place and never travels (FR-8).

    Raises:
        StaleEpochError, ConflictError, ForbiddenError: As ``change_record``.
        InputError: No reason, or the record of the person, without which no case is.
    """
    if not reason.strip():
        raise InputError("void_reason", "missing")
    with uow:
        editable_case(uow, by, place.case, epoch=place.epoch, action="case.edit")
        before = seen_record(uow, place)
        if before.kind == "person":
            raise InputError("person", "needed")
        day = local_day(office.clock.now()).isoformat()
        marks = {"voided_on": day, "void_reason": reason.strip()}
        put_changed(uow, office, before, {**before.values, **marks}, by=by)
        uow.commit()


def former_versions(
    uow: UnitOfWork, case: CaseId, record: RecordId, *, by: Actor
) -> tuple[Record, tuple[Former, ...]]:
    """A record and every earlier version of it, oldest first."""
    with uow:
        own_case(uow, by, case, "case.read")
        return uow.cases.record(case, record), tuple(uow.cases.former(case, [record]))


def find_record(uow: UnitOfWork, case: CaseId, record: RecordId) -> Record | None:
    """The record, or None if the case has none of this id."""
    try:
        return uow.cases.record(case, record)
    except NotFoundError:
        return None


def seen_record(uow: UnitOfWork, place: Place) -> Record:
    """The record, if it still is what the page showed.

    Raises:
        ConflictError: Somebody was faster.
        ForbiddenError: It is a protection flag.
        NotFoundError: No such record.
    """
    found = uow.cases.record(place.case, place.record)
    if found.kind == _GUARDED:
        raise ForbiddenError("protection.lift")
    if found.version != place.version:
        raise ConflictError("the record was changed meanwhile")
    return found


def put_changed(
    uow: UnitOfWork,
    office: Office,
    before: Record,
    values: Mapping[str, Json],
    *,
    by: Actor,
) -> None:
    """Write new values over a record, in the caller's transaction."""
    now = office.clock.now()
    uow.cases.put(
        [replace(before, values=values, recorded_at=now, recorded_by=by.account)]
    )


def _goal(
    office: Office, before: Record, values: Mapping[str, Json], *, by: Actor
) -> Mapping[str, Json]:
    """A goal's values with what follows from its new status (FR-9)."""
    return goal_with_status(
        replace(before, values=values),
        str(values.get("status") or ""),
        str(values.get("reason") or "") or None,
        at=office.clock.now(),
        by=by.account,
    ).values


def _person(
    uow: UnitOfWork, before: Record, values: Mapping[str, Json]
) -> Mapping[str, Json]:
    """The person's values with what follows from them; the clock's end is never typed."""
    if not (values.get("family_name") or values.get("given_names")):
        raise InputError("family_name", "missing")
    birth = values.get("birth_date")
    if birth != before.values.get("birth_date"):
        born = PartialDate(str(birth)) if birth else None
        uow.cases.set_birth_year(before.case, born.first.year if born else None)
    clock = ("counselling_start", "clock_extension")
    if all(values.get(name) == before.values.get(name) for name in clock):
        return values
    try:
        start = date.fromisoformat(str(values.get("counselling_start")))
    except ValueError:
        raise InputError("counselling_start", "not_a_date") from None
    years = EXTENDED_YEARS if values.get("clock_extension") else CLOCK_YEARS
    end = counselling_last_day(start, years)
    return {**values, "counselling_max_end": end.isoformat()}
