"""A change of somebody's account that needs two administrators: roles, or the ways in.

Enters: who asks, for whom, what it looked like then. Leaves: a change that a second person
confirms within seven days. Must never happen here: a change its own author confirms; one
confirmed although the account is no longer what the first person saw. Implements the table
of rights ("role or passkey change" with two), SR-B7, SC-33.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum, unique
from typing import Final

from node.accounts.model import Account, Role
from node.ids import AccountId, Hex128
from node.strictjson import encode

CHANGE_LIFE: Final = timedelta(days=7)


@unique
class ChangeKind(StrEnum):
    """What shall become of the account."""

    ROLES = "roles"
    WAYS = "ways"


@dataclass(frozen=True, slots=True)
class Ways:
    """The ways into an account, counted; what a second person is shown."""

    passkeys: int = 0
    has_password: bool = False
    codes: int = 0

    @property
    def is_set_up(self) -> bool:
        """Whether the person can sign in at all."""
        return self.passkeys > 0 or self.has_password


@dataclass(frozen=True, slots=True)
class AccountChange:
    """What one administrator asked for; ``seen`` is the digest of what they were shown."""

    id: Hex128
    account: AccountId
    kind: ChangeKind
    roles: frozenset[Role]
    seen: bytes
    asked_by: AccountId
    asked_at: datetime
    confirmed_by: AccountId | None = None
    confirmed_at: datetime | None = None

    def is_waiting(self, at: datetime) -> bool:
        """Whether a second person may still confirm it."""
        return self.confirmed_at is None and at < self.asked_at + CHANGE_LIFE


def seen_digest(
    account: Account, ways: Ways, kind: ChangeKind, roles: frozenset[Role]
) -> bytes:
    """SHA-256 over everything the page of a change shows."""
    shown = {
        "account": str(account.id),
        "name": account.name,
        "login": account.login,
        "roles": sorted(account.roles),
        "passkeys": ways.passkeys,
        "password": ways.has_password,
        "kind": str(kind),
        "then": sorted(roles),
    }
    return hashlib.sha256(encode(shown)).digest()
