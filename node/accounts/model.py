"""Who works at this node: accounts, roles, deputies, tokens.

Enters: what an administrator typed, random bytes. Leaves: frozen values. Must never happen
here: a pair of roles in one hand that must watch each other, or a token that can be read
back from what is stored. Implements chapter 6 of the field document, SR-B6, SR-B8, SR-B11.
"""

import hashlib
import re
from base64 import urlsafe_b64encode
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum, unique
from typing import Final, Self

from node.errors import InputError
from node.ids import AccountId, Identifier

SETUP_LIFE: Final = timedelta(minutes=15)
"""How long a set-up link works; it works once (SR-B6)."""

_BEARER_BYTES: Final = 32


@unique
class Role(StrEnum):
    """What an account may be. The operator has no account but the command line."""

    CASEWORKER = "caseworker"
    APPROVER = "approver"
    ADMINISTRATOR = "administrator"
    AUDITOR = "auditor"


EXCLUDED: Final = frozenset(
    {
        frozenset({Role.AUDITOR, Role.CASEWORKER}),
        frozenset({Role.AUDITOR, Role.APPROVER}),
        frozenset({Role.AUDITOR, Role.ADMINISTRATOR}),
        frozenset({Role.ADMINISTRATOR, Role.CASEWORKER}),
        frozenset({Role.ADMINISTRATOR, Role.APPROVER}),
    }
)
"""Pairs that no account may unite (DO-39)."""


@unique
class Scope(StrEnum):
    """What an API token may be made for."""

    RELOCATIONS_WRITE = "relocations:write"
    REPORTS_READ = "reports:read"
    METRICS_READ = "metrics:read"
    CASES_READ = "cases:read"
    CONTACTS_WRITE = "contacts:write"


def check_roles(roles: Iterable[Role]) -> frozenset[Role]:
    """The roles as a set.

    Raises:
        InputError: None at all, or a pair that excludes each other.
    """
    held = frozenset(roles)
    if not held:
        raise InputError("roles", "missing")
    if any(pair <= held for pair in EXCLUDED):
        raise InputError("roles", "excluded")
    return held


def fold_name(name: str) -> str:
    """A login name as it is compared: without outer blanks, letters folded."""
    return name.strip().casefold()


@dataclass(frozen=True, slots=True)
class Account:
    """One natural person who works here.

    ``name`` is shown to colleagues, ``login`` is typed at the door. ``active_until`` is
    the last day. ``secrecy_bound`` persons need a release before a case of theirs travels
    (FR-22). ``single_keys`` says whether a single key is a short cut (SC-18).

    Raises:
        InputError: A text is empty or too long, roles exclude each other, or the days run
            backwards.
    """

    id: AccountId
    login: str
    name: str
    roles: frozenset[Role]
    active_from: date
    active_until: date | None = None
    email: str = ""
    secrecy_bound: bool = False
    language: str = "de"
    theme: str = "system"
    single_keys: bool = True

    def __post_init__(self) -> None:
        """Refuse an account that must not be."""
        for text, label in ((self.login, "login"), (self.name, "name")):
            if not text.strip():
                raise InputError(label, "missing")
        for text, label in (
            (self.login, "login"),
            (self.name, "name"),
            (self.email, "email"),
        ):
            if len(text) > 200:
                raise InputError(label, "too_long")
        check_roles(self.roles)
        if self.active_until is not None and self.active_until < self.active_from:
            raise InputError("active_until", "before_start")

    def is_active(self, on: date) -> bool:
        """Whether the account may act on this day."""
        return self.active_from <= on and (
            self.active_until is None or on <= self.active_until
        )


@dataclass(frozen=True, slots=True)
class Deputyship:
    """A colleague's caseload in other hands, first and last day included."""

    owner: AccountId
    deputy: AccountId
    first_day: date
    last_day: date

    def __post_init__(self) -> None:
        """Refuse what is no deputyship.

        Raises:
            InputError: A person stands in for themselves, or the days run backwards.
        """
        if self.owner == self.deputy:
            raise InputError("deputy", "same_person")
        if self.last_day < self.first_day:
            raise InputError("last_day", "before_start")


def is_own(
    account: AccountId,
    owner: AccountId | None,
    deputyships: Iterable[Deputyship],
    *,
    on: date,
) -> bool:
    """Whether a case of this owner is in the account's hands on this day."""
    return account == owner or any(
        d.owner == owner and d.deputy == account and d.first_day <= on <= d.last_day
        for d in deputyships
    )


class Bearer(Identifier):
    """256 random bits in base64url, 43 characters: opens what it was made for, once shown.

    Set-up links and API tokens are such texts; the store keeps ``digest`` alone.
    """

    __slots__ = ()
    pattern = re.compile(r"[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]", re.ASCII)

    @classmethod
    def of(cls, raw: bytes) -> Self:
        """Make one from 32 random bytes."""
        return cls(urlsafe_b64encode(raw[:_BEARER_BYTES]).decode().rstrip("="))

    @property
    def digest(self) -> bytes:
        """SHA-256, 32 bytes. The text has 256 random bits, so a plain digest is enough."""
        return hashlib.sha256(self.encode("ascii")).digest()


@dataclass(frozen=True, slots=True)
class ApiToken:
    """What the store knows of an API token (SR-B11).

    ``owner`` is the caseworker whose caseload it opens, None for the town's own matters.
    """

    digest: bytes = field(repr=False)
    label: str
    scopes: frozenset[Scope]
    created_by: AccountId | None
    valid_until: datetime
    owner: AccountId | None = None

    def is_valid(self, at: datetime) -> bool:
        """Whether it still opens anything; the end is exclusive."""
        return at < self.valid_until


@dataclass(frozen=True, slots=True)
class Reading:
    """One line of the read log: who opened which case, when, and why if it was forced.

    ``case`` is a transfer where that was opened. ``reason`` is set for break-glass alone
    (SR-D5). ``id`` is given by the store.
    """

    account: AccountId
    case: str
    at: datetime
    action: str
    reason: str | None = None
    id: str = field(default="", compare=False)
