"""Who works here: invited by a link that works once, with roles that fit, until they leave.

Enters: who acts, what an administrator or the operator said, digests of secrets. Leaves:
one transaction each. Must never happen: a default password, a link that works twice
(SR-B6), an office whose last administrator is gone, a token that can be read back (SR-B11).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from node.accounts.model import (
    SETUP_LIFE,
    Account,
    ApiToken,
    Bearer,
    Role,
    Scope,
)
from node.accounts.passkey import Passkey
from node.accounts.policy import Actor, require
from node.accounts.ports import StaffUnit
from node.accounts.programs import OF_A_CASELOAD
from node.cases.days import local_day
from node.casework.ownaccount import NewPassword, keep_password
from node.errors import InputError, NotFoundError
from node.ids import AccountId


@dataclass(frozen=True, slots=True)
class Newcomer:
    """Somebody who is to work here, as an administrator or the operator names them."""

    login: str
    name: str
    roles: frozenset[Role]
    email: str = ""


@dataclass(frozen=True, slots=True)
class Invitation:
    """Fresh random things for one set-up link: drawn by the caller, stored as digests."""

    account: AccountId
    link: Bearer
    at: datetime


def invite(
    uow: StaffUnit, newcomer: Newcomer, invitation: Invitation, *, by: Actor
) -> Account:
    """Make an account without any way in, and a link that opens one within 15 minutes.

    Raises:
        ForbiddenError: No right to invite.
        InputError: A name is missing or too long, or roles exclude each other (DO-39).
        ConflictError: The login is taken.
    """
    require(by, "account.invite")
    account = Account(
        id=invitation.account,
        login=newcomer.login.strip(),
        name=newcomer.name.strip(),
        roles=newcomer.roles,
        active_from=local_day(invitation.at),
        email=newcomer.email.strip(),
    )
    with uow:
        uow.accounts.add(account)
        _link(uow, account.id, invitation)
        uow.commit()
    return account


def invite_first(
    uow: StaffUnit, newcomer: Newcomer, invitation: Invitation, *, by: Actor
) -> Account:
    """The operator's way in: the first administrator, or a new link for one who never came.

    Raises:
        InputError: An administrator works here already, or the login is somebody else's.
    """
    require(by, "account.invite")
    today = local_day(invitation.at)
    with uow:
        working = [
            account
            for account in uow.accounts.all()
            if Role.ADMINISTRATOR in account.roles and account.is_active(today)
        ]
        if any(uow.ways.ways(account.id).is_set_up for account in working):
            raise InputError("roles", "administrator_exists")
        known = uow.accounts.by_login(newcomer.login)
        if known is not None and known not in working:
            raise InputError("login", "taken")
        account = known or Account(
            id=invitation.account,
            login=newcomer.login.strip(),
            name=newcomer.name.strip(),
            roles=frozenset({Role.ADMINISTRATOR}),
            active_from=today,
        )
        if known is None:
            uow.accounts.add(account)
        _link(uow, account.id, invitation)
        uow.commit()
    return account


def invite_again(uow: StaffUnit, invitation: Invitation, *, by: Actor) -> Account:
    """A new link for somebody who has no way in yet; older links end.

    Raises:
        InputError: The account is over, or has a way in already.
        NotFoundError: No such account.
    """
    require(by, "account.invite")
    with uow:
        account = uow.accounts.get(invitation.account)
        if not account.is_active(local_day(invitation.at)):
            raise InputError("account", "over")
        if uow.ways.ways(account.id).is_set_up:
            raise InputError("account", "set_up_before")
        _link(uow, account.id, invitation)
        uow.commit()
    return account


def look_at_link(uow: StaffUnit, digest: bytes, at: datetime) -> Account | None:
    """Whose link this is, None if it is used, over or never made; it stays good."""
    with uow:
        account = uow.accounts.take_invitation(digest, at)
        # Not committed: taking it was only a look.
        return None if account is None else uow.accounts.get(account)


def set_up(
    uow: StaffUnit, digest: bytes, way: Passkey | NewPassword, at: datetime
) -> Account:
    """The first way in, by a link; the link is used up (SR-B6).

    Raises:
        NotFoundError: The link is used, over or never made.
        InputError: The password is too short or too common; the link stays good.
    """
    with uow:
        account_id = uow.accounts.take_invitation(digest, at)
        if account_id is None:
            raise NotFoundError("link")
        account = uow.accounts.get(account_id)
        match way:
            case Passkey():
                if way.account != account_id:
                    raise NotFoundError("link")
                uow.ways.add_passkey(way)
            case NewPassword():
                keep_password(uow, account, way, at)
        uow.commit()
    return account


def end_account(
    uow: StaffUnit, account_id: AccountId, at: datetime, *, by: Actor
) -> None:
    """Somebody leaves: from now on nothing opens, and open sessions end.

    Raises:
        InputError: The last administrator who can sign in, or a person ends themselves.
    """
    require(by, "account.disable")
    today = local_day(at)
    with uow:
        account = uow.accounts.get(account_id)
        if account.id == by.account:
            raise InputError("account", "same_person")
        last_administrator(uow, account, at)
        # Out at once, also on the first day: both days inclusive, so yesterday is the last.
        yesterday = today - timedelta(days=1)
        uow.accounts.replace(
            replace(
                account,
                active_from=min(account.active_from, yesterday),
                active_until=yesterday,
            )
        )
        uow.sessions.delete_others(account.id)
        uow.commit()


def last_administrator(uow: StaffUnit, account: Account, at: datetime) -> None:
    """Refuse to lose the last administrator who can sign in.

    Raises:
        InputError: Nobody else could manage this node.
    """
    if Role.ADMINISTRATOR not in account.roles:
        return
    today = local_day(at)
    if not any(
        other.id != account.id
        and Role.ADMINISTRATOR in other.roles
        and other.is_active(today)
        and uow.ways.ways(other.id).is_set_up
        for other in uow.accounts.all()
    ):
        raise InputError("account", "last_administrator")


@dataclass(frozen=True, slots=True)
class TokenWish:
    """What a program is to be let in for, and until when."""

    label: str
    scopes: frozenset[Scope]
    valid_until: datetime


def issue_token(uow: StaffUnit, wish: TokenWish, digest: bytes, *, by: Actor) -> None:
    """Keep a token's digest; its text is shown once by whoever drew it (SR-B11).

    Raises:
        ForbiddenError: No right to change settings.
        InputError: No label or no scope, or one that opens a caseload.
    """
    require(by, "settings.change")
    if not wish.label.strip() or len(wish.label) > 100:
        raise InputError("label", "missing" if not wish.label.strip() else "too_long")
    if not wish.scopes or wish.scopes & OF_A_CASELOAD:
        raise InputError("scope", "missing")
    with uow:
        uow.accounts.add_token(
            ApiToken(
                digest, wish.label.strip(), wish.scopes, by.account, wish.valid_until
            )
        )
        uow.commit()


def staff(uow: StaffUnit) -> Sequence[tuple[Account, bool]]:
    """Everybody who works or worked here, and whether they have a way in."""
    return [
        (account, uow.ways.ways(account.id).is_set_up) for account in uow.accounts.all()
    ]


def _link(uow: StaffUnit, account: AccountId, invitation: Invitation) -> None:
    uow.accounts.invite(invitation.link.digest, account, invitation.at + SETUP_LIFE)
