"""Roles and ways in: an administrator asks, a second person confirms what they saw.

Enters: who acts, the account, what shall become of it. Leaves: a change that waits, or its
effect in the same transaction as the second yes. Must never happen: a change by one person;
an effect on an account that looks otherwise than when it was asked for; an office without
an administrator who can sign in. Implements SR-B7, SC-33, the table of rights.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from node.accounts.changes import (
    CHANGE_LIFE,
    AccountChange,
    ChangeKind,
    Ways,
    seen_digest,
)
from node.accounts.model import SETUP_LIFE, Account, Bearer, Role, check_roles
from node.accounts.policy import Actor, require
from node.accounts.ports import StaffUnit
from node.cases.days import local_day
from node.casework.staff import last_administrator
from node.errors import ConflictError, ForbiddenError, InputError, NotFoundError
from node.ids import AccountId, Hex128

_SECONDS: Final = (Role.ADMINISTRATOR, Role.APPROVER)


@dataclass(frozen=True, slots=True)
class Shown:
    """A change with everything its page shows."""

    change: AccountChange
    account: Account
    ways: Ways
    asked_by: str

    @property
    def is_unchanged(self) -> bool:
        """Whether the account still looks as it did when the change was asked for."""
        now = seen_digest(self.account, self.ways, self.change.kind, self.change.roles)
        return now == self.change.seen


@dataclass(frozen=True, slots=True)
class Wish:
    """What is asked for; the number is drawn by the caller."""

    id: Hex128
    account: AccountId
    kind: ChangeKind
    roles: frozenset[Role] = frozenset()


def ask(uow: StaffUnit, wish: Wish, at: datetime, *, by: Actor) -> AccountChange:
    """Ask for a change; nothing happens before a second person confirms it.

    Raises:
        ForbiddenError: Not an administrator.
        InputError: Roles that exclude each other, or that the account has already; an
            account that is over; the last administrator; oneself.
    """
    with uow:
        first = _hand(by, Role.ADMINISTRATOR)
        account = uow.accounts.get(wish.account)
        if account.id == first:
            raise InputError("account", "same_person")
        if not account.is_active(local_day(at)):
            raise InputError("account", "over")
        if wish.kind is ChangeKind.ROLES:
            check_roles(wish.roles)
            if wish.roles == account.roles:
                raise InputError("roles", "same")
            if Role.ADMINISTRATOR not in wish.roles:
                last_administrator(uow, account, at)
        change = AccountChange(
            id=wish.id,
            account=account.id,
            kind=wish.kind,
            roles=wish.roles,
            seen=seen_digest(account, uow.ways.ways(account.id), wish.kind, wish.roles),
            asked_by=first,
            asked_at=at,
        )
        uow.changes.add(change)
        uow.commit()
    return change


def waiting(uow: StaffUnit, at: datetime, *, by: Actor) -> Sequence[Shown]:
    """Every change that waits for its second person."""
    _hand(by, *_SECONDS)
    return [
        _shown(uow, change)
        for change in uow.changes.since(at - CHANGE_LIFE)
        if change.is_waiting(at)
    ]


def show(uow: StaffUnit, change: Hex128, at: datetime, *, by: Actor) -> Shown:
    """One change that waits.

    Raises:
        NotFoundError: Absent, confirmed or lapsed.
    """
    _hand(by, *_SECONDS)
    return _shown(uow, _of(uow, change, at))


def confirm(
    uow: StaffUnit, change_id: Hex128, link: Bearer, at: datetime, *, by: Actor
) -> Shown:
    """The second yes, and its effect; all sessions of the account end.

    Args:
        uow: The transaction.
        change_id: What is confirmed.
        link: A fresh set-up link, good from now on if the ways in are reset.
        at: The instant.
        by: The second person.

    Raises:
        ForbiddenError: The one who asked, or neither administrator nor approver.
        ConflictError: The account looks otherwise by now.
        InputError: The last administrator.
    """
    with uow:
        change = _of(uow, change_id, at)
        first = uow.accounts.get(change.asked_by)
        today = local_day(at)
        roles = first.roles if first.is_active(today) else frozenset[Role]()
        require(Actor(first.id, roles), "account.roles", second=by)
        shown = _shown(uow, change)
        if not shown.is_unchanged:
            raise ConflictError("the account looks otherwise by now")
        second = _hand(by, *_SECONDS)
        if change.account == second:
            raise ForbiddenError("account.roles")
        match change.kind:
            case ChangeKind.ROLES:
                if Role.ADMINISTRATOR not in change.roles:
                    last_administrator(uow, shown.account, at)
                uow.accounts.replace(replace(shown.account, roles=change.roles))
            case ChangeKind.WAYS:
                uow.ways.end_all(change.account)
                uow.accounts.invite(link.digest, change.account, at + SETUP_LIFE)
        uow.changes.confirm(change.id, second, at)
        # A new id at a change of roles (SR-B2): whoever is in comes in anew.
        uow.sessions.delete_others(change.account)
        uow.commit()
    return shown


def _of(uow: StaffUnit, change_id: Hex128, at: datetime) -> AccountChange:
    change = uow.changes.get(change_id)
    if not change.is_waiting(at):
        raise NotFoundError("change")
    return change


def _shown(uow: StaffUnit, change: AccountChange) -> Shown:
    return Shown(
        change,
        uow.accounts.get(change.account),
        uow.ways.ways(change.account),
        uow.accounts.get(change.asked_by).name,
    )


def _hand(by: Actor, *roles: Role) -> AccountId:
    """Who asks or confirms: the line needs two, so neither alone passes ``require``."""
    if by.account is None or not by.roles & set(roles):
        raise ForbiddenError("account.roles")
    return by.account
