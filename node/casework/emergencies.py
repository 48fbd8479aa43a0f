"""Notfallzugriff: a colleague's case for three hours, seen by everybody who should know.

Enters: who acts, the case, a reason, whether protection is needed. Leaves: an access, a
line with the reason in the read log, a task for the case's owner. Must never happen: an
access without a reason; a case of nobody's, an offer or a packet opened by it; protection
(K14) opened by one person. Implements break_glass of the table of rights, DO-41, SR-D5.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from node.accounts.emergency import EMERGENCY_LIFE, MOST_REASON, Emergency
from node.accounts.model import Reading, Role
from node.accounts.policy import Actor, require
from node.accounts.wayports import Emergencies
from node.cases.model import Baton, CaseFile
from node.errors import ForbiddenError, InputError, NotFoundError
from node.ids import AccountId, CaseId, Hex128
from node.report.readings import PersonRow, ReadingUnit
from node.sync.office import Office

TASK = "emergency.opened"


class EmergencyUnit(ReadingUnit, Protocol):
    """A unit of work that knows of emergency accesses."""

    emergencies: Emergencies


@dataclass(frozen=True, slots=True)
class Wish:
    """What is asked for; the number is drawn by the caller."""

    id: Hex128
    case: CaseId
    reason: str
    asks_second: bool = False


@dataclass(frozen=True, slots=True)
class Waiting:
    """An access whose protection waits for a second person, as that person sees it."""

    emergency: Emergency
    reason: str
    asked_by: str


def reachable(uow: EmergencyUnit, case: CaseId, *, by: Actor) -> PersonRow:
    """The colleague's case that an emergency could open: what the people list shows of it.

    Raises:
        NotFoundError: Absent, not here, own already, or of somebody who is threatened.
    """
    require(by, "break_glass")
    person = next(iter(uow.readings.people([case])), None)
    file = uow.cases.find_file(case)
    if person is None or file is None or person.threatened or not _is_open(file, by):
        raise NotFoundError("case")
    return person


def open_case(
    uow: EmergencyUnit, office: Office, wish: Wish, *, by: Actor
) -> Emergency:
    """Open it for three hours, on record.

    Raises:
        InputError: No reason, or one that is too long.
        NotFoundError: As ``reachable``.
    """
    reason = wish.reason.strip()
    if not reason or len(reason) > MOST_REASON:
        raise InputError("reason", "missing" if not reason else "too_long")
    with uow:
        reachable(uow, wish.case, by=by)
        assert by.account is not None
        now = office.clock.now()
        emergency = Emergency(
            id=wish.id,
            account=by.account,
            case=wish.case,
            opened_at=now,
            asks_second=wish.asks_second,
        )
        uow.emergencies.add(emergency)
        uow.read_log.add(Reading(by.account, wish.case, now, "break_glass", reason))
        uow.tasks.add(
            TASK,
            at=now,
            case=wish.case,
            account=uow.cases.file(wish.case).caseworker,
        )
        uow.commit()
    return emergency


def waiting(uow: EmergencyUnit, at: datetime, *, by: Actor) -> Sequence[Waiting]:
    """Accesses of others whose protection waits for a second person."""
    require(by, "break_glass")
    names = {account.id: account.name for account in uow.accounts.all()}
    return [
        Waiting(each, _reason(uow, each), names.get(each.account, ""))
        for each in uow.emergencies.since(at - EMERGENCY_LIFE)
        if each.asks_second and each.second is None and each.account != by.account
    ]


def agree(uow: EmergencyUnit, office: Office, emergency: Hex128, *, by: Actor) -> None:
    """The second person opens what protects, for the rest of the three hours.

    Raises:
        ForbiddenError: The one who opened the case, or no caseworker.
        NotFoundError: Absent or over.
    """
    require(by, "break_glass")
    with uow:
        found = uow.emergencies.get(emergency)
        now = office.clock.now()
        if not found.is_open(now) or not found.asks_second:
            raise NotFoundError("emergency")
        if by.account is None or by.account == found.account:
            raise ForbiddenError("break_glass")
        uow.emergencies.agree(found.id, by.account)
        uow.read_log.add(
            Reading(
                by.account, found.case, now, "break_glass.second", _reason(uow, found)
            )
        )
        uow.commit()


def running(
    uow: EmergencyUnit, account: AccountId, at: datetime
) -> Sequence[Emergency]:
    """The own accesses that are open now."""
    found = uow.emergencies.since(at - EMERGENCY_LIFE)
    return [each for each in found if each.account == account and each.is_open(at)]


def _is_open(file: CaseFile, by: Actor) -> bool:
    """Whether it is here, a colleague's, and not locked after a withdrawal."""
    return (
        Role.CASEWORKER in by.roles
        and file.baton is not Baton.SHREDDED
        and file.restricted_on is None
        and not by.owns(file.caseworker)
    )


def _reason(uow: EmergencyUnit, emergency: Emergency) -> str:
    return next(
        (
            line.reason or ""
            for line in uow.read_log.of_case(emergency.case)
            if line.action == "break_glass"
            and line.account == emergency.account
            and line.at == emergency.opened_at
        ),
        "",
    )
