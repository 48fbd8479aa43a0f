"""Signing in and staying in: accounts and sessions of the pages, over the store.

Enters: names, passwords, session tokens. Leaves: who somebody is, or nothing. Must never
happen: another answer or another amount of work for a name that nobody has (SR-B4, SR-B5);
more than two password hashes at once, since each takes 64 MiB.
"""

import asyncio
import hashlib
from collections.abc import Sequence
from datetime import datetime

from node.accounts.model import Account, fold_name
from node.accounts.password import (
    FAILURES_PER_ACCOUNT,
    hash_password,
    next_try_at,
    verify_password,
)
from node.accounts.ports import StaffUnit
from node.accounts.session import StoredSession
from node.cases.days import local_day
from node.clock import Clock
from node.crypto.keys import Randomness
from node.errors import NotFoundError
from node.ids import AccountId
from node.sync.courier import Runner
from node.web.frame import AccountView
from node.web.language import Language

HASHES_AT_ONCE = 2


class StoreAccounts:
    """``frame.Accounts`` over the store."""

    def __init__(
        self, run: Runner, clock: Clock, randomness: Randomness, *, demo: bool
    ) -> None:
        """Prepare the answer for names nobody has: the same work as for a real one."""
        self._run = run
        self._clock = clock
        self._demo = demo
        self._slots = asyncio.Semaphore(HASHES_AT_ONCE)
        self._nobody = hash_password(randomness(32).hex(), randomness=randomness)

    async def authenticate(self, name: str, password: str) -> AccountView | None:
        """The account with this name and password; None for everything that is wrong."""
        now = self._clock.now()
        subject = hashlib.sha256(fold_name(name).encode()).digest()
        found = await self._run.read(_by_login, name, subject, now)
        stored = found[1] if found else None
        async with self._slots:
            good = await self._run.file(
                verify_password, stored or self._nobody, password
            )
        if found is None or stored is None or not good:
            await self._run.write(_note_failure, subject, now)
            return None
        await self._run.write(_clear_failures, subject)
        return _view(found[0])

    async def find(self, account: AccountId) -> AccountView | None:
        """The account while it may work here."""
        found = await self._run.read(_by_id, account)
        if found is None or not found.is_active(local_day(self._clock.now())):
            return None
        return _view(found)

    async def confirm(self, account: AccountId, password: str) -> bool:
        """Whether this is the account's password; tries count as at the door."""
        found = await self._run.read(_by_id, account)
        if found is None:
            return False
        named = await self.authenticate(found.login, password)
        return named is not None and named.id == account

    async def demo_accounts(self) -> Sequence[AccountView]:
        """Everybody, in the demo; nobody elsewhere."""
        if not self._demo:
            return ()
        return [_view(account) for account in await self._run.read(_all)]


class StoreSessions:
    """``session.SessionStore`` over the store."""

    def __init__(self, run: Runner) -> None:
        """Wrap the runner."""
        self._run = run

    async def load(self, token_hash: bytes) -> StoredSession | None:
        """The session of this token hash, alive or not."""
        return await self._run.read(_load, token_hash)

    async def add(self, session: StoredSession) -> None:
        """Insert a session that has just begun."""
        await self._run.write(_add, session)

    async def update(self, session: StoredSession) -> None:
        """Replace what changed, if the session still exists."""
        await self._run.write(_update, session)

    async def delete(self, token_hash: bytes) -> None:
        """Forget the session."""
        await self._run.write(_delete, token_hash)

    async def of(self, account: AccountId) -> list[StoredSession]:
        """All sessions of an account, newest first."""
        return await self._run.read(_sessions_of, account)


def _view(account: Account) -> AccountView:
    return AccountView(
        account.id, account.name, account.roles, Language(account.language)
    )


def _by_login(
    uow: StaffUnit, name: str, subject: bytes, now: datetime
) -> tuple[Account, str | None] | None:
    """The account and its hash, unless it must wait before the next try."""
    with uow:
        wait = next_try_at(uow.accounts.failures(subject), FAILURES_PER_ACCOUNT)
        if wait is not None and now < wait:
            return None
        account = uow.accounts.by_login(name)
        if account is None or not account.is_active(local_day(now)):
            return None
        return account, uow.accounts.password(account.id)


def _by_id(uow: StaffUnit, account: AccountId) -> Account | None:
    with uow:
        try:
            return uow.accounts.get(account)
        except NotFoundError:
            return None


def _all(uow: StaffUnit) -> list[Account]:
    with uow:
        return list(uow.accounts.all())


def _note_failure(uow: StaffUnit, subject: bytes, now: datetime) -> None:
    with uow:
        uow.accounts.add_failure(subject, now)
        uow.commit()


def _clear_failures(uow: StaffUnit, subject: bytes) -> None:
    with uow:
        uow.accounts.clear_failures(subject)
        uow.commit()


def _load(uow: StaffUnit, token_hash: bytes) -> StoredSession | None:
    with uow:
        return uow.sessions.load(token_hash)


def _add(uow: StaffUnit, session: StoredSession) -> None:
    with uow:
        uow.sessions.add(session)
        uow.commit()


def _update(uow: StaffUnit, session: StoredSession) -> None:
    with uow:
        uow.sessions.update(session)
        uow.commit()


def _delete(uow: StaffUnit, token_hash: bytes) -> None:
    with uow:
        uow.sessions.delete(token_hash)
        uow.commit()


def _sessions_of(uow: StaffUnit, account: AccountId) -> list[StoredSession]:
    with uow:
        return list(uow.sessions.of(account))
