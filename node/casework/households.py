"""Who lives together: persons join a household and leave it, with the day.

Enters: cases of one's own caseload, roles, a day. Leaves: the case files and the dated
membership of each, in one transaction. Must never happen: half a household moved; a former
membership overwritten. A new household points back to the one it came from. Implements the
field document, 3.3 (household), FR-11.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta

from node.accounts.policy import Actor
from node.cases.model import CaseFile, Record
from node.casework.cases import editable_case, new_id, new_record
from node.errors import InputError
from node.ids import CaseId, RecordId
from node.strictjson import Json
from node.sync.office import Office
from node.sync.ports import UnitOfWork


@dataclass(frozen=True, slots=True)
class Together:
    """A person who joins the household of another one; epochs as the page showed them."""

    case: CaseId
    joins: CaseId
    role: str
    epochs: Mapping[CaseId, int]
    since: date


def household_for(
    uow: UnitOfWork, office: Office, case: CaseId, *, epoch: int, by: Actor
) -> RecordId:
    """The household of a case; one is founded if there is none."""
    with uow:
        file = editable_case(uow, by, case, epoch=epoch, action="case.edit")
        if file.household is None:
            file = _found(uow, office, file, by=by)
            uow.commit()
        assert file.household is not None
        return file.household


def join(uow: UnitOfWork, office: Office, together: Together, *, by: Actor) -> None:
    """A person of the own caseload moves in with another one.

    Raises:
        InputError: They live together already.
        StaleEpochError: One of the two cases moved.
    """
    with uow:
        host, guest = (
            editable_case(uow, by, c, epoch=together.epochs[c], action="case.edit")
            for c in (together.joins, together.case)
        )
        if host.id == guest.id or (
            host.household is not None and host.household == guest.household
        ):
            raise InputError("case", "together_already")
        if host.household is None:
            host = _found(uow, office, host, by=by)
        values = {"role": together.role} if together.role else {}
        _move(uow, office, guest, _To(host.household, together.since, values), by=by)
        uow.commit()


def split_off(
    uow: UnitOfWork,
    office: Office,
    leaving: Mapping[CaseId, int],
    *,
    since: date,
    by: Actor,
) -> RecordId:
    """Some of a household live apart from a day on; their new household points back.

    Args:
        uow: The transaction.
        office: Keys, clock, chance.
        leaving: Who leaves, with the epoch of the page.
        since: The first day of the new household.
        by: Whose caseload all of them belong to.

    Raises:
        InputError: Nobody leaves, everybody does, or they are of several households.
        StaleEpochError: One of the cases moved.
    """
    new = RecordId(new_id(office, office.clock.now()))
    with uow:
        files = [
            editable_case(uow, by, case, epoch=epoch, action="case.edit")
            for case, epoch in sorted(leaving.items())
        ]
        former = {file.household for file in files}
        old = next(iter(former), None)
        if old is None or len(former) > 1:
            raise InputError("members", "missing")
        if len(files) >= len(uow.cases.household(old)):
            raise InputError("members", "everybody")
        for file in files:
            _move(uow, office, file, _To(new, since, {"split_from": str(old)}), by=by)
        uow.commit()
    return new


@dataclass(frozen=True, slots=True)
class _To:
    """Where somebody goes; ``values`` is what the membership says beside."""

    household: RecordId | None
    since: date
    values: Mapping[str, Json]


def _found(uow: UnitOfWork, office: Office, file: CaseFile, *, by: Actor) -> CaseFile:
    """A household of one."""
    household = RecordId(new_id(office, office.clock.now()))
    _move(uow, office, file, _To(household, file.opened_on, {"role": "head"}), by=by)
    return uow.cases.file(file.id)


def _move(
    uow: UnitOfWork, office: Office, file: CaseFile, to: _To, *, by: Actor
) -> None:
    """End the present membership the day before, and begin the new one."""
    content = uow.cases.content(file.id)
    standing = [r for r in content.of("household_member") if is_present(r, file.id)]
    ended = (to.since - timedelta(days=1)).isoformat()
    now = office.clock.now()
    records = [
        replace(
            record,
            values={**record.values, "valid_until": ended},
            recorded_at=now,
            recorded_by=by.account,
        )
        for record in standing
    ]
    role = standing[-1].text("role") if standing else ""
    values: dict[str, Json] = {
        "household": str(to.household),
        "member": str(file.id),
        "valid_from": to.since.isoformat(),
        **({"role": role} if role else {}),
        **to.values,
    }
    records.append(
        new_record(office, file.id, "household_member", values, by=by.account)
    )
    uow.cases.replace(file, replace(file, household=to.household))
    uow.cases.put(records)


def is_present(record: Record, case: CaseId) -> bool:
    """Whether it is the membership of this person that stands now."""
    values = record.values
    return (
        values.get("member") in {None, case}
        and not values.get("valid_until")
        and not values.get("voided_on")
    )
