"""Coming in: by a passkey, by a password and a code, and what a wrong try costs.

Enters: what was typed or what a browser answered, the address it came from, the instant.
Leaves: an account, or the time until which passwords wait. Must never happen: another
answer for a name nobody has (SR-B5); a code, a recovery code or a challenge that is taken
twice; a passkey locked by wrong passwords (SR-B4).
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from node.accounts.changes import CHANGE_LIFE
from node.accounts.emergency import EMERGENCY_LIFE, open_cases
from node.accounts.model import Account, Role, fold_name
from node.accounts.passkey import Site, check_answer, named_passkey
from node.accounts.password import (
    FAILURES_PER_ACCOUNT,
    FAILURES_PER_ADDRESS,
    next_try_at,
)
from node.accounts.ports import StaffUnit
from node.accounts.secondfactor import RecoveryCode
from node.accounts.session import StoredSession
from node.cases.days import local_day
from node.errors import InputError, MalformedMessageError, NotFoundError
from node.ids import AccountId, CaseId

PASSKEY: Final = "passkey"
PASSWORD: Final = "password"  # noqa: S105 - the name of a way in
RECOVERY: Final = "recovery"
_KEEP_DEAD: Final = timedelta(minutes=30)


@dataclass(frozen=True, slots=True)
class Candidate:
    """Who may be meant: the account and its hash, or when the next try is taken."""

    account: Account | None = None
    phc: str | None = field(default=None, repr=False)
    locked_until: datetime | None = None
    last_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """An account that may work today, and what is in its hands beside its own."""

    account: Account
    stands_in_for: frozenset[AccountId]
    emergencies: dict[CaseId, bool]
    changes_waiting: int


def subjects_of(name: str, address: str) -> tuple[bytes, bytes]:
    """Under which digests a wrong try is counted: the name, known or not, the address."""
    who = hashlib.sha256(fold_name(name).encode()).digest()
    return who, hashlib.sha256(b"address\0" + address.encode()).digest()


def look_up(uow: StaffUnit, name: str, address: str, at: datetime) -> Candidate:
    """Whom a name means, unless this name or this address must wait."""
    with uow:
        wait = _wait(uow, name, address, at)
        if wait is not None:
            return Candidate(locked_until=wait)
        account = uow.accounts.by_login(name)
        if account is None or not account.is_active(local_day(at)):
            return Candidate()
        if uow.ways.authenticator(account.id) is None:
            # A password alone opens nothing.
            return Candidate(account)
        return Candidate(account, uow.accounts.password(account.id))


def note_failure(uow: StaffUnit, name: str, address: str, at: datetime) -> None:
    """A try that was wrong."""
    with uow:
        for subject in subjects_of(name, address):
            uow.accounts.add_failure(subject, at)
        uow.commit()


def enter_by_code(
    uow: StaffUnit, account_id: AccountId, typed: str, address: str, at: datetime
) -> Candidate:
    """The second step after a right password: six digits, or a recovery code, each once."""
    with uow:
        account = uow.accounts.get(account_id)
        wait = _wait(uow, account.login, address, at)
        if wait is not None:
            return Candidate(locked_until=wait)
        way = _code_way(uow, account_id, typed, at)
        subjects = subjects_of(account.login, address)
        if way is None or not account.is_active(local_day(at)):
            for subject in subjects:
                uow.accounts.add_failure(subject, at)
            uow.commit()
            return Candidate()
        uow.accounts.clear_failures(subjects[0])
        return _came_in(uow, account, at, way)


@dataclass(frozen=True, slots=True)
class PasskeyAnswer:
    """What a browser answered, to which challenge, on which site."""

    site: Site
    text: str
    challenge: bytes


def enter_by_passkey(
    uow: StaffUnit, answer: PasskeyAnswer, at: datetime, only: AccountId | None = None
) -> Candidate:
    """Whose passkey answered; nobody's if it is not good or its account is over.

    Args:
        uow: The transaction.
        answer: What came.
        at: The instant.
        only: The one account that may answer, where somebody is signed in.

    Raises:
        ConflictError: This challenge was answered before.
        InputError: ``counter``: it went back, an alarm.
    """
    with uow:
        try:
            passkey = uow.ways.passkey(named_passkey(answer.text))
            if passkey is None or only not in {None, passkey.account}:
                return Candidate()
            used = check_answer(
                answer.site, passkey, answer.text, challenge=answer.challenge, at=at
            )
        except InputError as error:
            if error.reason == "counter":
                raise
            return Candidate()
        account = uow.accounts.get(passkey.account)
        if not account.is_active(local_day(at)):
            return Candidate()
        uow.ways.use_challenge(hashlib.sha256(answer.challenge).digest(), at)
        uow.ways.use_passkey(used)
        return _came_in(uow, account, at, PASSKEY)


def _came_in(uow: StaffUnit, account: Account, at: datetime, way: str) -> Candidate:
    seen = uow.ways.last_seen(account.id)
    uow.ways.note_sign_in(account.id, at, way)
    uow.commit()
    return Candidate(account, last_at=None if seen is None else seen[0])


def standing_of(uow: StaffUnit, account_id: AccountId, at: datetime) -> Standing | None:
    """The account while it may work here, and what is in its hands now."""
    with uow:
        try:
            account = uow.accounts.get(account_id)
        except NotFoundError:
            return None
        today = local_day(at)
        if not account.is_active(today):
            return None
        owners = frozenset(
            d.owner
            for d in uow.accounts.deputyships()
            if d.deputy == account_id and d.first_day <= today <= d.last_day
        )
        opened = uow.emergencies.since(at - EMERGENCY_LIFE)
        return Standing(
            account,
            owners,
            open_cases(opened, account_id, at),
            _waiting_for(uow, account, at),
        )


def begin_session(uow: StaffUnit, session: StoredSession) -> None:
    """Keep a session that has just begun; those long dead go."""
    with uow:
        # Half an hour longer than they live: what is sent too late can still come back.
        uow.sessions.delete_dead(session.began_at - _KEEP_DEAD)
        uow.sessions.add(session)
        uow.commit()


def everybody(uow: StaffUnit) -> Sequence[Account]:
    """All accounts, by login."""
    with uow:
        return list(uow.accounts.all())


def _code_way(
    uow: StaffUnit, account: AccountId, typed: str, at: datetime
) -> str | None:
    """Which second factor this is, used up; None if it is none of the account's."""
    app = uow.ways.authenticator(account)
    used = app.used(typed, at) if app is not None else None
    if used is not None:
        uow.ways.set_authenticator(used)
        return PASSWORD
    try:
        code = RecoveryCode.typed(typed)
    except MalformedMessageError:
        return None
    return RECOVERY if uow.ways.take_code(account, code) else None


def _waiting_for(uow: StaffUnit, account: Account, at: datetime) -> int:
    """How many changes of accounts this person may confirm as the second one."""
    if not account.roles & {Role.ADMINISTRATOR, Role.APPROVER}:
        return 0
    return sum(
        change.is_waiting(at) and account.id not in {change.asked_by, change.account}
        for change in uow.changes.since(at - CHANGE_LIFE)
    )


def _wait(uow: StaffUnit, name: str, address: str, at: datetime) -> datetime | None:
    """Until when no password of this name, or from this address, is taken."""
    limits = (FAILURES_PER_ACCOUNT, FAILURES_PER_ADDRESS)
    found = [
        wait
        for subject, limit in zip(subjects_of(name, address), limits, strict=True)
        if (wait := next_try_at(uow.accounts.failures(subject), limit)) is not None
        and at < wait
    ]
    return max(found, default=None)
