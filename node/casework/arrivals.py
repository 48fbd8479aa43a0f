"""Cases that arrived and have no caseworker yet: whose desk they go to.

Enters: an opened transfer, a caseworker. Leaves: its sender's unassigned cases on that
person's desk. Must never happen: a name shown to who assigns; a case taken from a desk.
Implements case.assign, "by pseudonym" (the field document, chapter 6).
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date

from node.accounts.model import Account, Role
from node.accounts.policy import Actor, require
from node.errors import InputError
from node.ids import AccountId, TransferId
from node.report.readings import ReadingUnit


def caseworkers(uow: ReadingUnit, on: date) -> Sequence[Account]:
    """Who may have a caseload on this day, by name."""
    found = [a for a in uow.accounts.all() if may_have_cases(a, on)]
    return sorted(found, key=lambda account: account.name.casefold())


def assign(
    uow: ReadingUnit, transfer_id: TransferId, to: AccountId, *, on: date, by: Actor
) -> int:
    """Give every unassigned case that came from this transfer's sender to one caseworker.

    Returns:
        How many cases that were; 0 if somebody was faster.

    Raises:
        ForbiddenError: Not with these roles.
        NotFoundError: No such transfer or account.
        InputError: That person has no caseload.
    """
    require(by, "case.assign")
    with uow:
        sender = uow.inbound.get(transfer_id).sender
        if not may_have_cases(uow.accounts.get(to), on):
            raise InputError("caseworker", "not_allowed")
        cases = uow.readings.unassigned(sender)
        for case in cases:
            file = uow.cases.file(case)
            uow.cases.replace(file, replace(file, caseworker=to))
        uow.commit()
        return len(cases)


def may_have_cases(account: Account, on: date) -> bool:
    """Whether this account may have a caseload on this day."""
    return Role.CASEWORKER in account.roles and account.is_active(on)
