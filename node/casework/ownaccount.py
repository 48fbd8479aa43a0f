"""What people change about their own account: ways in, language, look, keys.

Enters: who acts, what they chose, digests and answers. Leaves: one transaction each. Must
never happen: an account whose owner took away its last way in; a passkey of somebody else
that is touched; recovery codes that can be read again. Implements SR-B4, S14 (Mein Konto).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, Protocol

from node.accounts.changes import Ways
from node.accounts.model import Account, Reading
from node.accounts.passkey import MOST_PASSKEYS, Passkey
from node.accounts.password import check_new_password
from node.accounts.ports import ReadLog, StaffUnit
from node.accounts.secondfactor import Authenticator, RecoveryCode
from node.accounts.session import StoredSession
from node.errors import InputError, NotFoundError
from node.ids import AccountId

LANGUAGES: Final = ("de", "en")
THEMES: Final = ("system", "light", "dark")
_RECENT: Final = timedelta(days=30)
_MOST_READINGS: Final = 100


class OwnUnit(StaffUnit, Protocol):
    """A unit of work that knows who looked at which case."""

    read_log: ReadLog


@dataclass(frozen=True, slots=True)
class NewPassword:
    """A password with its hash, and the app that goes with it, already tried once."""

    text: str
    phc: str
    body: str
    authenticator: Authenticator
    codes: Sequence[RecoveryCode]


@dataclass(frozen=True, slots=True)
class Own:
    """What Mein Konto shows."""

    account: Account
    ways: Ways
    passkeys: Sequence[Passkey]
    sessions: Sequence[StoredSession]
    last: tuple[datetime, str] | None
    readings: Sequence[Reading]


def own_account(uow: OwnUnit, account: AccountId, at: datetime) -> Own:
    """Everything about one's own account."""
    mine = [r for r in uow.read_log.since(at - _RECENT) if r.account == account]
    return Own(
        account=uow.accounts.get(account),
        ways=uow.ways.ways(account),
        passkeys=uow.ways.passkeys(account),
        sessions=[s for s in uow.sessions.of(account) if s.is_alive(at)],
        last=uow.ways.last_seen(account),
        readings=list(reversed(mine))[:_MOST_READINGS],
    )


def add_passkey(uow: StaffUnit, passkey: Passkey) -> None:
    """One more passkey for its account.

    Raises:
        InputError: There are ten.
        ConflictError: It is known already.
    """
    with uow:
        if len(uow.ways.passkeys(passkey.account)) >= MOST_PASSKEYS:
            raise InputError("passkey", "too_many")
        uow.ways.add_passkey(passkey)
        uow.commit()


def end_passkey(uow: StaffUnit, account: AccountId, passkey: bytes) -> None:
    """Take one of the own passkeys away.

    Raises:
        NotFoundError: It is not theirs.
        InputError: It is the last way in.
    """
    with uow:
        own = uow.ways.passkeys(account)
        if all(key.id != passkey for key in own):
            raise NotFoundError("passkey")
        if len(own) == 1 and not uow.ways.ways(account).has_password:
            raise InputError("passkey", "last_way")
        uow.ways.end_passkey(account, passkey)
        uow.commit()


def set_password(
    uow: StaffUnit, account_id: AccountId, password: NewPassword, at: datetime
) -> None:
    """A new password with a new app; older codes end.

    Raises:
        InputError: The password is too short or too common.
    """
    with uow:
        account = uow.accounts.get(account_id)
        keep_password(uow, account, password, at)
        uow.commit()


def keep_password(
    uow: StaffUnit, account: Account, password: NewPassword, at: datetime
) -> None:
    """Check and write password, app and codes; the caller commits."""
    check_new_password(
        password.text, words=(account.login, account.name, password.body)
    )
    uow.accounts.set_password(account.id, password.phc, at)
    uow.ways.set_authenticator(password.authenticator)
    uow.ways.set_codes(account.id, password.codes)


def end_password(uow: StaffUnit, account: AccountId) -> None:
    """Passkeys only from now on.

    Raises:
        InputError: The password is the last way in.
    """
    with uow:
        if not uow.ways.passkeys(account):
            raise InputError("password", "last_way")
        uow.ways.end_password(account)
        uow.commit()


def new_codes(
    uow: StaffUnit, account: AccountId, codes: Sequence[RecoveryCode]
) -> None:
    """Ten fresh recovery codes; older ones end.

    Raises:
        InputError: There is no password they could stand in for.
    """
    with uow:
        if not uow.ways.ways(account).has_password:
            raise InputError("codes", "no_password")
        uow.ways.set_codes(account, codes)
        uow.commit()


@dataclass(frozen=True, slots=True)
class Wishes:
    """How somebody wants the pages."""

    language: str
    theme: str
    single_keys: bool


def change_wishes(uow: StaffUnit, account_id: AccountId, wishes: Wishes) -> None:
    """Keep language, look and keys.

    Raises:
        InputError: A value that is no choice.
    """
    if wishes.language not in LANGUAGES or wishes.theme not in THEMES:
        raise InputError("wishes", "unknown")
    with uow:
        uow.accounts.replace(
            replace(
                uow.accounts.get(account_id),
                language=wishes.language,
                theme=wishes.theme,
                single_keys=wishes.single_keys,
            )
        )
        uow.commit()


def end_session(uow: StaffUnit, account: AccountId, chosen: bytes) -> None:
    """End one of the own sessions; another's hash ends nothing and tells nothing."""
    with uow:
        if any(s.token_hash == chosen for s in uow.sessions.of(account)):
            uow.sessions.delete(chosen)
        uow.commit()
