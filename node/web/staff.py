"""Signing in and staying in: accounts and sessions of the pages, over the store.

Enters: names, passwords, codes, answers of passkeys, session tokens. Leaves: who somebody
is, or nothing. Must never happen: another answer or another amount of work for a name that
nobody has (SR-B4, SR-B5); more than two password hashes at once, since each takes 64 MiB,
or more than sixteen that wait.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import structlog
from aiohttp import web

from node.accounts.model import Account
from node.accounts.passkey import Site
from node.accounts.password import hash_password, verify_password
from node.accounts.ports import StaffUnit
from node.accounts.session import KeptForm, StoredSession
from node.casework import signin
from node.casework.signin import Candidate, PasskeyAnswer, Standing
from node.clock import Clock
from node.crypto.keys import Randomness
from node.errors import InputError
from node.ids import AccountId
from node.sync.courier import Runner
from node.web.frame import AccountView, Attempt
from node.web.language import Language

HASHES_AT_ONCE = 2
HASHES_WAITING = 16
log = structlog.get_logger(__name__)


class StoreAccounts:
    """``frame.Accounts`` over the store."""

    def __init__(
        self,
        run: Runner,
        clock: Clock,
        randomness: Randomness,
        site: Site,
        *,
        demo: bool,
    ) -> None:
        """Prepare the answer for names nobody has: the same work as for a real one."""
        self._run = run
        self._clock = clock
        self._site = site
        self._demo = demo
        self._slots = asyncio.Semaphore(HASHES_AT_ONCE)
        self._waiting = 0
        self._nobody = hash_password(randomness(32).hex(), randomness=randomness)

    async def check_password(self, name: str, password: str, address: str) -> Attempt:
        """Whether this is the password of this name; a code is still missing then."""
        now = self._clock.now()
        found: Candidate = await self._run.read(signin.look_up, name, address, now)
        if found.locked_until is not None:
            return Attempt(locked_until=found.locked_until)
        good = await self._verify(found.phc or self._nobody, password)
        if found.account is None or found.phc is None or not good:
            await self._run.write(signin.note_failure, name, address, now)
            return Attempt()
        return Attempt(_plain(found.account), needs_code=True)

    async def check_code(self, account: AccountId, code: str, address: str) -> Attempt:
        """The second step: six digits or a recovery code, each once."""
        found: Candidate = await self._run.write(
            signin.enter_by_code, account, code, address, self._clock.now()
        )
        if found.account is None:
            return Attempt(locked_until=found.locked_until)
        return Attempt(await self.find(account), last_at=found.last_at)

    async def check_passkey(
        self, answer: str, challenge: bytes, only: AccountId | None = None
    ) -> Attempt:
        """The account whose passkey answered; a counter that goes back is an alarm."""
        said = PasskeyAnswer(self._site, answer, challenge)
        try:
            found: Candidate = await self._run.write(
                signin.enter_by_passkey, said, self._clock.now(), only
            )
        except InputError as error:
            log.error("passkey counter went back", code=error.reason)  # noqa: TRY400
            return Attempt()
        if found.account is None:
            return Attempt()
        return Attempt(await self.find(found.account.id), last_at=found.last_at)

    async def find(self, account: AccountId) -> AccountView | None:
        """The account while it may work here."""
        found: Standing | None = await self._run.read(
            signin.standing_of, account, self._clock.now()
        )
        return None if found is None else _view(found)

    async def demo_accounts(self) -> Sequence[AccountView]:
        """Everybody, in the demo; nobody elsewhere."""
        if not self._demo:
            return ()
        found: Sequence[Account] = await self._run.read(signin.everybody)
        return [_plain(account) for account in found]

    async def _verify(self, stored: str, password: str) -> bool:
        """One computation of 64 MiB, when it is its turn.

        Raises:
            HTTPServiceUnavailable: Sixteen wait already.
        """
        if self._waiting >= HASHES_WAITING:
            raise web.HTTPServiceUnavailable
        self._waiting += 1
        try:
            async with self._slots:
                good: bool = await self._run.file(verify_password, stored, password)
                return good
        finally:
            self._waiting -= 1


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
        await self._run.write(signin.begin_session, session)

    async def update(self, session: StoredSession) -> None:
        """Replace what changed, if the session still exists."""
        await self._run.write(_update, session)

    async def delete(self, token_hash: bytes) -> None:
        """Forget the session."""
        await self._run.write(_delete, token_hash)

    async def of(self, account: AccountId) -> list[StoredSession]:
        """All sessions of an account, newest first."""
        return await self._run.read(_sessions_of, account)

    async def keep(self, kept: KeptForm) -> None:
        """Keep a form that came too late."""
        await self._run.write(_keep, kept)

    async def kept(self, token_hash: bytes) -> KeptForm | None:
        """The form of this token, over or not."""
        return await self._run.read(_kept, token_hash)

    async def drop(self, token_hash: bytes) -> None:
        """Forget the form of this token."""
        await self._run.write(_drop, token_hash)


def _plain(account: Account) -> AccountView:
    """The account itself, without what is in its hands."""
    return AccountView(
        account.id,
        account.name,
        account.roles,
        Language(account.language),
        theme=account.theme,
        single_keys=account.single_keys,
        login=account.login,
    )


def _view(found: Standing) -> AccountView:
    return replace(
        _plain(found.account),
        stands_in_for=found.stands_in_for,
        emergencies=found.emergencies,
        changes_waiting=found.changes_waiting,
    )


def _load(uow: StaffUnit, token_hash: bytes) -> StoredSession | None:
    with uow:
        return uow.sessions.load(token_hash)


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


def _keep(uow: StaffUnit, kept: KeptForm) -> None:
    with uow:
        uow.kept_forms.keep(kept)
        uow.commit()


def _kept(uow: StaffUnit, token_hash: bytes) -> KeptForm | None:
    with uow:
        return uow.kept_forms.get(token_hash)


def _drop(uow: StaffUnit, token_hash: bytes) -> None:
    with uow:
        uow.kept_forms.drop(token_hash)
        uow.commit()
