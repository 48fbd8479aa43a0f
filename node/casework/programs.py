"""The town's other software: who lets it in, who holds its token, what it may record.

Enters: who acts, digests of tokens, what a program sends. Leaves: one transaction each.
Must never happen: a token that opens cases shown to somebody who sees none; a program that
sees more than its caseworker; one request that takes effect twice. Implements SR-B11,
DO-39, DO-40. ADR 0055.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from node.accounts.model import Account, ApiToken, Role, Scope
from node.accounts.policy import Action, Actor, Relation, require
from node.accounts.ports import StaffUnit
from node.accounts.programs import LONGEST, OF_A_CASELOAD, Grant, Programs, Repeated
from node.cases.days import local_day
from node.cases.model import Baton, CaseFile
from node.casework.cases import Contact, own_case, place_contact
from node.errors import InputError, NotFoundError, RestrictedError, StaleEpochError
from node.ids import AccountId, CaseId, Hex128, RecordId
from node.report.readings import PersonRow, ReadingUnit
from node.sync.office import Office


class ProgramsUnit(StaffUnit, Protocol):
    """Accounts, tokens and grants."""

    @property
    def programs(self) -> Programs:
        """Grants and answered requests."""
        ...


class RecordingUnit(ReadingUnit, Protocol):
    """A transaction that records, and remembers what was answered."""

    @property
    def programs(self) -> Programs:
        """Grants and answered requests."""
        ...


@dataclass(frozen=True, slots=True)
class Access:
    """One token, or a grant that waits, as lists show it; names instead of ids."""

    key: str
    label: str
    scopes: frozenset[Scope]
    owner: str
    valid_until: datetime
    is_waiting: bool


# ---- Letting in ------------------------------------------------------------------------


def allow_program(uow: ProgramsUnit, grant: Grant, *, by: Actor) -> None:
    """Let a program into one caseload; its caseworker fetches the token.

    Raises:
        ForbiddenError: No right to change settings.
        InputError: No label, other scopes, too long, or nobody who advises persons.
    """
    require(by, Action.SETTINGS_CHANGE)
    check_wish(grant.label, grant.valid_until, grant.created_at)
    if not grant.scopes or not grant.scopes <= OF_A_CASELOAD:
        raise InputError("scopes", "missing")
    with uow:
        if not _advises(uow.accounts.get(grant.owner), grant.created_at):
            raise InputError("owner", "missing")
        uow.programs.add(grant)
        uow.commit()


def check_wish(label: str, valid_until: datetime, now: datetime) -> None:
    """Whether a program has a name and an end that is near enough.

    Raises:
        InputError: It has not.
    """
    if not label.strip() or len(label) > 100:
        raise InputError("label", "too_long" if label.strip() else "missing")
    if not now < valid_until <= now + LONGEST:
        raise InputError("valid_until", "bounds")


def accesses(uow: ProgramsUnit, *, by: Actor) -> Sequence[Access]:
    """Every token that is not over, and every grant, for an administrator."""
    require(by, Action.SETTINGS_CHANGE)
    return _accesses(uow, None)


def own_accesses(uow: ProgramsUnit, *, by: Actor) -> Sequence[Access]:
    """Those of the own caseload."""
    require(by, Action.CASE_READ, relation=Relation.OWN)
    return _accesses(uow, by.account)


def fetch_token(
    uow: ProgramsUnit, grant: Hex128, digest: bytes, *, at: datetime, by: Actor
) -> Grant:
    """Make the token of a grant; its text is shown once to the caseworker alone.

    Raises:
        NotFoundError: No such grant, another's, or over.
    """
    require(by, Action.CASE_READ, relation=Relation.OWN)
    with uow:
        found = uow.programs.take(grant)
        if found.owner != by.account or found.valid_until <= at:
            raise NotFoundError("grant")
        uow.accounts.add_token(
            ApiToken(
                digest,
                found.label,
                found.scopes,
                found.created_by,
                found.valid_until,
                found.owner,
            )
        )
        uow.commit()
    return found


def end_access(uow: ProgramsUnit, key: str, *, by: Actor) -> None:
    """End a token or take a grant back: an administrator any, a caseworker the own ones.

    Raises:
        NotFoundError: None such, or somebody else's.
    """
    with uow:
        leads = Role.ADMINISTRATOR in by.roles
        found = accesses(uow, by=by) if leads else own_accesses(uow, by=by)
        one = next((access for access in found if access.key == key), None)
        if one is None:
            raise NotFoundError("token")
        if one.is_waiting:
            uow.programs.take(Hex128(key))
        else:
            uow.accounts.end_token(bytes.fromhex(key))
        uow.commit()


def waiting_for(uow: ProgramsUnit, account: AccountId) -> int:
    """How many grants this caseworker has not fetched yet."""
    return sum(grant.owner == account for grant in uow.programs.grants())


def _accesses(uow: ProgramsUnit, owner: AccountId | None) -> list[Access]:
    names = {account.id: account.name for account in uow.accounts.all()}
    tokens = [
        Access(
            token.digest.hex(),
            token.label,
            token.scopes,
            names.get(token.owner, "") if token.owner else "",
            token.valid_until,
            is_waiting=False,
        )
        for token in uow.accounts.tokens()
        if owner is None or token.owner == owner
    ]
    grants = [
        Access(
            str(grant.id),
            grant.label,
            grant.scopes,
            names.get(grant.owner, ""),
            grant.valid_until,
            is_waiting=True,
        )
        for grant in uow.programs.grants()
        if owner is None or grant.owner == owner
    ]
    return grants + tokens


def _advises(account: Account, at: datetime) -> bool:
    return Role.CASEWORKER in account.roles and account.is_active(local_day(at))


def token_in_force(uow: StaffUnit, digest: bytes, at: datetime) -> ApiToken | None:
    """The token that opens something now: not over, and its caseworker still advises."""
    token = uow.accounts.token(digest)
    if token is None or not token.is_valid(at):
        return None
    if token.owner is not None and not _advises(uow.accounts.get(token.owner), at):
        return None
    return token


# ---- What a program may ask and record -------------------------------------------------


def caseworker_of(token: ApiToken) -> Actor:
    """For whom a token of a caseload acts: the caseworker, with no other role.

    Raises:
        NotFoundError: A token of no caseload.
    """
    if token.owner is None:
        raise NotFoundError("case")
    return Actor(token.owner, frozenset({Role.CASEWORKER}))


def caseload(
    uow: ReadingUnit, by: Actor, *, after: str, limit: int
) -> tuple[Sequence[PersonRow], str]:
    """Some of the caseload's active cases by number, and after which one it goes on.

    Persons under protection and cases that are locked do not exist for programs.
    """
    require(by, Action.CASE_READ, relation=Relation.OWN)
    own = [
        file.id
        for file in uow.cases.all_files()
        if file.caseworker == by.account and _is_open(file) and file.id > after
    ]
    some = own[:limit]
    rows = [row for row in uow.readings.people(some) if not is_protected(row)]
    rows.sort(key=lambda row: row.case)
    return rows, some[-1] if len(own) > limit else ""


def one_case(uow: ReadingUnit, by: Actor, case: CaseId) -> tuple[CaseFile, PersonRow]:
    """One case of the caseload.

    Raises:
        NotFoundError: None such, another's, handed over, locked or under protection.
    """
    try:
        file = own_case(uow, by, case, Action.CASE_READ)
    except RestrictedError:
        raise NotFoundError("case") from None
    # For a program no deputyship counts.
    if file.caseworker != by.account or not _is_open(file):
        raise NotFoundError("case")
    person = uow.readings.people([case])
    if not person or is_protected(person[0]):
        raise NotFoundError("case")
    return file, person[0]


def is_protected(person: PersonRow) -> bool:
    """Whether a person must not be told of beyond the own caseworker (FR-16)."""
    return person.threatened or person.address_blocked


@dataclass(frozen=True, slots=True)
class Sent:
    """A contact as a program sends it, with its own key for sending it again.

    ``seen`` is epoch and version of the case that the program read.
    """

    contact: Contact
    seen: tuple[int, int]
    caller: bytes
    key: str
    request: bytes


def record_by_program(
    uow: RecordingUnit, office: Office, sent: Sent, *, by: Actor
) -> RecordId:
    """Record a contact of one case, and remember the answer, in one transaction.

    Raises:
        NotFoundError: Not a case of the caseload.
        StaleEpochError: The case is not what the program saw.
        ConflictError: The same key was answered meanwhile.
    """
    (case,) = sent.contact.cases
    with uow:
        file, _ = one_case(uow, by, case)
        if (file.epoch, file.version) != sent.seen:
            raise StaleEpochError("case")
        made = place_contact(uow, office, sent.contact, by=by)
        told = Repeated(sent.request, str(made))
        uow.programs.remember(sent.caller, sent.key, told, office.clock.now())
        uow.commit()
    return made


def _is_open(file: CaseFile) -> bool:
    return file.baton is Baton.ACTIVE and file.restricted_on is None
