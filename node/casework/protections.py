"""Protection flags: set by one, taken away by two.

Enters: a flag and why it shall end. Leaves: the request within the flag's own record, and a
task; the flag ends when another caseworker has seen the same and agreed. Must never happen:
one account that does both; a request that still counts after seven days. Implements FR-16,
chapter 6 of the field document (``protection.lift``, four eyes).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from node.accounts.model import Role
from node.accounts.policy import Actor, Relation, require
from node.cases.days import local_day
from node.cases.extract import is_in_force
from node.cases.model import Record
from node.casework.cases import editable_case
from node.casework.records import Place
from node.errors import (
    ConflictError,
    ForbiddenError,
    InputError,
    NotFoundError,
)
from node.ids import AccountId, CaseId, RecordId
from node.strictjson import Json
from node.sync.office import Office
from node.sync.ports import UnitOfWork

LAPSES_AFTER: Final = timedelta(days=7)
TASK: Final = "protection.lift"
_ASKED: Final = ("lift_asked_by", "lift_asked_at", "lift_reason")


@dataclass(frozen=True, slots=True)
class Lift:
    """A request to end a flag that still counts."""

    record: Record
    asked_by: AccountId
    asked_at: datetime
    reason: str
    epoch: int = 0


def lift_of(record: Record, now: datetime) -> Lift | None:
    """The request within a flag's record; None if there is none or it lapsed."""
    by, at = record.text("lift_asked_by"), record.text("lift_asked_at")
    if not by or not at or record.values.get("lift_second"):
        return None
    asked_at = datetime.fromisoformat(at)
    if now - asked_at > LAPSES_AFTER:
        return None
    return Lift(record, AccountId(by), asked_at, record.text("lift_reason"))


def ask_lift(
    uow: UnitOfWork, office: Office, place: Place, *, reason: str, by: Actor
) -> None:
    """Ask that a flag ends; it stands until a second caseworker agrees.

    Raises:
        InputError: No reason.
        NotFoundError: No such flag, or it ended.
        StaleEpochError: The case moved.
    """
    if not reason.strip():
        raise InputError("reason", "missing")
    now = office.clock.now()
    with uow:
        # The table wants two hands for ``protection.lift``; the first one is who may set it.
        editable_case(uow, by, place.case, epoch=place.epoch, action="protection.set")
        flag = _flag(uow, place.case, place.record, now)
        asked: Mapping[str, Json] = {
            "lift_asked_by": str(by.account),
            "lift_asked_at": now.isoformat(),
            "lift_reason": reason.strip(),
        }
        uow.cases.put([replace(flag, values={**flag.values, **asked})])
        due = local_day(now + LAPSES_AFTER)
        uow.tasks.settle(TASK, case=place.case)
        uow.tasks.add(TASK, at=now, case=place.case, due=due, codes=[place.record])
        uow.commit()


def open_lift(
    uow: UnitOfWork, office: Office, case: CaseId, record: RecordId, *, by: Actor
) -> Lift:
    """What the second person sees: the flag and the request, and nothing else of the case.

    Raises:
        NotFoundError: Nobody asked, or it lapsed.
        ForbiddenError: Not a caseworker.
    """
    if Role.CASEWORKER not in by.roles:
        raise ForbiddenError(TASK)
    now = office.clock.now()
    with uow:
        file = uow.cases.file(case)
        found = lift_of(_flag(uow, case, record, now), now)
        if found is None:
            raise NotFoundError("lift")
        return replace(found, epoch=file.epoch)


def decide_lift(
    uow: UnitOfWork, office: Office, place: Place, *, agrees: bool, by: Actor
) -> None:
    """The second person's word: the flag ends with yesterday, or stands.

    Raises:
        ForbiddenError: Who asked cannot be the second; nor who is no caseworker.
        ConflictError: It is not what the second person saw.
        NotFoundError: Nobody asks any more.
    """
    now = office.clock.now()
    with uow:
        uow.cases.file(place.case).require_editable(place.epoch)
        flag = _flag(uow, place.case, place.record, now)
        lift = lift_of(flag, now)
        if lift is None:
            raise NotFoundError("lift")
        first = Actor(lift.asked_by, frozenset({Role.CASEWORKER}))
        require(first, TASK, relation=Relation.OWN, second=by)
        if flag.version != place.version:
            raise ConflictError("not what the second person saw")
        kept = {n: v for n, v in flag.values.items() if agrees or n not in _ASKED}
        if agrees:
            ended = local_day(now) - timedelta(days=1)
            kept |= {
                "valid_until": ended.isoformat(),
                "lift_second": str(by.account),
            }
        uow.cases.put(
            [replace(flag, values=kept, recorded_at=now, recorded_by=by.account)]
        )
        uow.tasks.settle(TASK, case=place.case)
        uow.commit()


def _flag(uow: UnitOfWork, case: CaseId, record_id: RecordId, now: datetime) -> Record:
    """A flag that stands.

    Raises:
        NotFoundError: There is none.
    """
    record = uow.cases.record(case, record_id)
    if record.kind != "protection" or not is_in_force(record, local_day(now)):
        raise NotFoundError("protection")
    return record
