"""Deputies and leavers: whose caseload is in whose hands, and from when on.

Enters: who acts, two colleagues, days; numbers of cases. Leaves: a deputyship with dates,
or cases on another desk. Must never happen: a caseworker who gives away a colleague's
cases; a name of a person shown to who assigns. Implements deputy.set, case.assign.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Protocol

from node.accounts.model import Account, Deputyship, Role
from node.accounts.policy import Actor, Relation, require
from node.accounts.ports import AccountRepository, StaffUnit
from node.cases.ports import CaseRepository
from node.casework.arrivals import may_have_cases
from node.errors import InputError, NotFoundError
from node.ids import AccountId, CaseId


class CaseloadUnit(StaffUnit, Protocol):
    """A unit of work that knows accounts and cases."""

    @property
    def cases(self) -> CaseRepository:
        """Cases."""
        ...


def set_deputy(
    uow: StaffUnit, deputyship: Deputyship, today: date, *, by: Actor
) -> None:
    """A colleague takes over from one day to another; both see the cases then.

    Raises:
        ForbiddenError: Somebody else's absence, by a caseworker.
        InputError: One of the two has no caseload, or the days are over.
    """
    require(by, "deputy.set", relation=_relation(by, deputyship))
    if deputyship.last_day < today:
        raise InputError("last_day", "over")
    with uow:
        for field, person in (
            ("owner", deputyship.owner),
            ("deputy", deputyship.deputy),
        ):
            if not may_have_cases(_account(uow, person, field), today):
                raise InputError(field, "not_allowed")
        uow.accounts.add_deputyship(deputyship)
        uow.commit()


def end_deputy(uow: StaffUnit, deputyship: Deputyship, *, by: Actor) -> None:
    """It ends now, or never begins."""
    require(by, "deputy.set", relation=_relation(by, deputyship))
    with uow:
        uow.accounts.end_deputyship(deputyship)
        uow.commit()


def deputies(uow: StaffUnit, today: date, *, by: Actor) -> Sequence[Deputyship]:
    """Deputyships that run or are to come: one's own, or everybody's."""
    require(by, "deputy.set", relation=Relation.OWN)
    may_all = bool(by.roles & {Role.APPROVER, Role.ADMINISTRATOR})
    return [
        d
        for d in uow.accounts.deputyships()
        if d.last_day >= today and (may_all or by.account in {d.owner, d.deputy})
    ]


def colleagues(uow: StaffUnit, today: date) -> Sequence[Account]:
    """Who has a caseload today, by name."""
    found = [a for a in uow.accounts.all() if may_have_cases(a, today)]
    return sorted(found, key=lambda account: account.name.casefold())


def in_hands(accounts: AccountRepository, today: date) -> frozenset[AccountId]:
    """Whose cases somebody has in hand today: whoever they are, or a deputy."""
    here = frozenset(a.id for a in accounts.all() if may_have_cases(a, today))
    return here.union(
        d.owner
        for d in accounts.deputyships()
        if d.deputy in here and d.first_day <= today <= d.last_day
    )


def caseload(uow: CaseloadUnit, owner: AccountId, *, by: Actor) -> Sequence[CaseId]:
    """The cases on somebody's desk, by number; never by name."""
    require(by, "case.assign")
    uow.accounts.get(owner)
    return [file.id for file in uow.cases.all_files() if file.caseworker == owner]


@dataclass(frozen=True, slots=True)
class HandOver:
    """Cases that go from one desk to another."""

    owner: AccountId
    to: AccountId
    cases: frozenset[CaseId]


def hand_over(uow: CaseloadUnit, wish: HandOver, today: date, *, by: Actor) -> int:
    """Put cases on another desk; gives how many.

    Raises:
        InputError: Nobody with a caseload, the same person, or no case chosen.
    """
    require(by, "case.assign")
    with uow:
        if wish.owner == wish.to:
            raise InputError("to", "same_person")
        if not may_have_cases(_account(uow, wish.to, "to"), today):
            raise InputError("to", "not_allowed")
        count = 0
        for case in sorted(wish.cases):
            file = uow.cases.file(case)
            # Somebody was faster: what is no longer theirs stays where it is.
            if file.caseworker == wish.owner:
                uow.cases.replace(file, replace(file, caseworker=wish.to))
                count += 1
        if not wish.cases:
            raise InputError("cases", "missing")
        uow.commit()
    return count


def _relation(by: Actor, deputyship: Deputyship) -> Relation:
    return Relation.OWN if by.account == deputyship.owner else Relation.ANY


def _account(uow: StaffUnit, account: AccountId, field: str) -> Account:
    try:
        return uow.accounts.get(account)
    except NotFoundError:
        raise InputError(field, "not_allowed") from None
