"""Accounts in SQL, and what opens them: passwords, set-up links, API tokens.

Enters: accounts as values, digests of secrets. Leaves: the same. Must never happen: a
secret in clear; a set-up link that works twice (SR-B6); a login that two people have.
Implements ``node.accounts.ports.AccountRepository``.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Row, bindparam, delete, insert, select, update

from node.accounts.model import (
    Account,
    ApiToken,
    Deputyship,
    Role,
    Scope,
    fold_name,
)
from node.accounts.password import WINDOW
from node.errors import NotFoundError
from node.ids import AccountId
from node.store.stafftables import (
    account,
    api_token,
    auditor_code,
    deputyship,
    invitation,
    login_failure,
)
from node.store.work import Work

_ONE: Final = account.c.id == bindparam("of")
_TOKEN: Final = api_token.c.digest == bindparam("by")
_LINK: Final = invitation.c.digest == bindparam("by")
_SUBJECT: Final = login_failure.c.subject == bindparam("of")

_ADD: Final = insert(account)
_GET: Final = select(account).where(_ONE).with_for_update()
_BY_LOGIN: Final = select(account).where(account.c.folded == bindparam("as_folded"))
_ALL: Final = select(account).order_by(account.c.folded)
_CHANGE: Final = update(account).where(_ONE)
_PASSWORD: Final = select(account.c.password).where(_ONE)
_SECRECY: Final = select(account.c.secrecy_bound).where(_ONE)

_DEPUTYSHIPS: Final = select(deputyship).order_by(
    deputyship.c.first_day, deputyship.c.owner, deputyship.c.deputy
)
_ADD_DEPUTYSHIP: Final = insert(deputyship)
_CHANGE_DEPUTYSHIP: Final = update(deputyship).where(
    deputyship.c.owner == bindparam("by"),
    deputyship.c.deputy == bindparam("to"),
    deputyship.c.first_day == bindparam("since"),
)
_DROP_DEPUTYSHIP: Final = delete(deputyship).where(
    deputyship.c.owner == bindparam("by"),
    deputyship.c.deputy == bindparam("to"),
    deputyship.c.first_day == bindparam("since"),
)

_ADD_LINK: Final = insert(invitation)
_GET_LINK: Final = select(invitation).where(_LINK).with_for_update()
_DROP_LINKS: Final = delete(invitation).where(invitation.c.account == bindparam("of"))

_ADD_CODE: Final = insert(auditor_code)
_GET_CODE: Final = (
    select(auditor_code)
    .where(auditor_code.c.digest == bindparam("by"))
    .with_for_update()
)
_DROP_CODE: Final = delete(auditor_code).where(
    auditor_code.c.account == bindparam("of")
)

_ADD_TOKEN: Final = insert(api_token)
_GET_TOKEN: Final = select(api_token).where(_TOKEN)
_ALL_TOKENS: Final = select(api_token).order_by(api_token.c.label, api_token.c.digest)
_DROP_TOKEN: Final = delete(api_token).where(_TOKEN)

_ADD_FAILURE: Final = insert(login_failure)
_FAILURES: Final = (
    select(login_failure.c.at).where(_SUBJECT).order_by(login_failure.c.at)
)
_DROP_FAILURES: Final = delete(login_failure).where(_SUBJECT)
_DROP_OLD_FAILURES: Final = delete(login_failure).where(
    login_failure.c.at <= bindparam("before")
)


class SqlAccounts:
    """Accounts inside one unit of work."""

    def __init__(self, work: Work) -> None:
        """Serve one unit."""
        self._work = work

    def add(self, account: Account) -> None:
        """Insert one.

        Raises:
            ConflictError: The login is taken.
        """
        self._work.change(_ADD, _to_row(account) | {"id": account.id})

    def get(self, account: AccountId) -> Account:
        """One account, locked.

        Raises:
            NotFoundError: No such account.
        """
        row = self._work.row(_GET, {"of": account})
        if row is None:
            raise NotFoundError("account")
        return _from_row(row)

    def is_secrecy_bound(self, account: AccountId) -> bool:
        """Whether this caseworker is bound by § 203 StGB; False if absent (FR-22)."""
        row = self._work.row(_SECRECY, {"of": account})
        return row is not None and bool(row.secrecy_bound)

    def by_login(self, login: str) -> Account | None:
        """The account with this login, letters folded."""
        row = self._work.row(_BY_LOGIN, {"as_folded": fold_name(login)})
        return None if row is None else _from_row(row)

    def all(self) -> Sequence[Account]:
        """Every account, ordered by login."""
        return [_from_row(row) for row in self._work.rows(_ALL)]

    def replace(self, account: Account) -> None:
        """Write the account with the same id anew.

        Raises:
            NotFoundError: No such account.
            ConflictError: The login is taken.
        """
        self._change(account.id, _to_row(account))

    def password(self, account: AccountId) -> str | None:
        """The PHC text, None before one was set."""
        row = self._work.row(_PASSWORD, {"of": account})
        return None if row is None else row.password

    def set_password(self, account: AccountId, phc: str, at: datetime) -> None:
        """Keep a new PHC text.

        Raises:
            NotFoundError: No such account.
        """
        self._change(account, {"password": phc, "password_at": at})

    def deputyships(self) -> Sequence[Deputyship]:
        """Every deputyship, past ones too, ordered by first day."""
        return [
            Deputyship(
                AccountId(row.owner), AccountId(row.deputy), row.first_day, row.last_day
            )
            for row in self._work.rows(_DEPUTYSHIPS)
        ]

    def add_deputyship(self, deputyship: Deputyship) -> None:
        """Insert, or replace the one of the same two people and first day."""
        place = {
            "by": deputyship.owner,
            "to": deputyship.deputy,
            "since": deputyship.first_day,
        }
        days = {"last_day": deputyship.last_day}
        if self._work.change(_CHANGE_DEPUTYSHIP, place | days) == 0:
            self._work.change(
                _ADD_DEPUTYSHIP,
                {
                    "owner": deputyship.owner,
                    "deputy": deputyship.deputy,
                    "first_day": deputyship.first_day,
                    "last_day": deputyship.last_day,
                },
            )

    def end_deputyship(self, deputyship: Deputyship) -> None:
        """Remove one; absent is fine."""
        self._work.change(
            _DROP_DEPUTYSHIP,
            {
                "by": deputyship.owner,
                "to": deputyship.deputy,
                "since": deputyship.first_day,
            },
        )

    def invite(self, digest: bytes, account: AccountId, until: datetime) -> None:
        """Keep a set-up link; older ones of the account end."""
        self._work.change(_DROP_LINKS, {"of": account})
        row = {"digest": digest, "account": account, "until": until}
        self._work.change(_ADD_LINK, row)

    def take_invitation(self, digest: bytes, at: datetime) -> AccountId | None:
        """Whose set-up link this is, once; None if used, over or never made."""
        row = self._work.row(_GET_LINK, {"by": digest})
        if row is None:
            return None
        self._work.change(_DROP_LINKS, {"of": row.account})
        return AccountId(row.account) if at < row.until else None

    def keep_code(self, digest: bytes, account: AccountId, until: datetime) -> None:
        """Keep a one-time code for the command line; older ones of the account end."""
        self._work.change(_DROP_CODE, {"of": account})
        row = {"digest": digest, "account": account, "until": until}
        self._work.change(_ADD_CODE, row)

    def take_code(self, digest: bytes, at: datetime) -> AccountId | None:
        """Whose one-time code this is, once; None if used, over or never made."""
        row = self._work.row(_GET_CODE, {"by": digest})
        if row is None:
            return None
        self._work.change(_DROP_CODE, {"of": row.account})
        return AccountId(row.account) if at < row.until else None

    def add_token(self, token: ApiToken) -> None:
        """Keep an API token."""
        self._work.change(
            _ADD_TOKEN,
            {
                "digest": token.digest,
                "label": token.label,
                "scopes": sorted(token.scopes),
                "created_by": token.created_by,
                "valid_until": token.valid_until,
                "owner": token.owner,
            },
        )

    def token(self, digest: bytes) -> ApiToken | None:
        """The API token with this digest, over or not."""
        row = self._work.row(_GET_TOKEN, {"by": digest})
        return None if row is None else _to_token(row)

    def tokens(self) -> Sequence[ApiToken]:
        """All API tokens, ordered by label."""
        return [_to_token(row) for row in self._work.rows(_ALL_TOKENS)]

    def end_token(self, digest: bytes) -> None:
        """Remove an API token; absent is fine."""
        self._work.change(_DROP_TOKEN, {"by": digest})

    def failures(self, subject: bytes) -> Sequence[datetime]:
        """Failed tries of an account or address (its digest, 32 bytes), oldest first."""
        return [row.at for row in self._work.rows(_FAILURES, {"of": subject})]

    def add_failure(self, subject: bytes, at: datetime) -> None:
        """One more failed try; those that left the window of 15 minutes go.

        Raises:
            ConflictError: Another one at the very same instant.
        """
        self._work.change(_DROP_OLD_FAILURES, {"before": at - WINDOW})
        self._work.change(_ADD_FAILURE, {"subject": subject, "at": at})

    def clear_failures(self, subject: bytes) -> None:
        """A good log-in."""
        self._work.change(_DROP_FAILURES, {"of": subject})

    def _change(self, account: AccountId, row: dict[str, Any]) -> None:
        if self._work.change(_CHANGE, row | {"of": account}) != 1:
            raise NotFoundError("account")


def _to_row(item: Account) -> dict[str, Any]:
    return {
        "login": item.login,
        "folded": fold_name(item.login),
        "name": item.name,
        "email": item.email,
        "roles": sorted(item.roles),
        "secrecy_bound": item.secrecy_bound,
        "language": item.language,
        "theme": item.theme,
        "single_keys": item.single_keys,
        "active_from": item.active_from,
        "active_until": item.active_until,
    }


def _from_row(row: Row[*tuple[Any, ...]]) -> Account:
    return Account(
        id=AccountId(row.id),
        login=row.login,
        name=row.name,
        roles=frozenset(Role(role) for role in row.roles),
        active_from=row.active_from,
        active_until=row.active_until,
        email=row.email,
        secrecy_bound=row.secrecy_bound,
        language=row.language,
        theme=row.theme,
        single_keys=row.single_keys,
    )


def _to_token(row: Row[*tuple[Any, ...]]) -> ApiToken:
    return ApiToken(
        digest=row.digest,
        label=row.label,
        scopes=frozenset(Scope(scope) for scope in row.scopes),
        created_by=AccountId(row.created_by) if row.created_by else None,
        valid_until=row.valid_until,
        owner=AccountId(row.owner) if row.owner else None,
    )
