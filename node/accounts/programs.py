"""Programs that work inside one caseworker's caseload: allowed by one, fetched by another.

Enters: what an administrator allows, what a program sends. Leaves: grants, and which
request was answered before. Must never happen here: a token of a caseload in the hands of
somebody who sees no case (DO-40). Implements SR-B11, SR-F7. ADR 0055.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Protocol

from node.accounts.model import Scope
from node.ids import AccountId, Hex128

OF_A_CASELOAD: Final = frozenset({Scope.CASES_READ, Scope.CONTACTS_WRITE})
"""Scopes that open nothing but the caseload of the one caseworker the token is bound to."""

LONGEST: Final = timedelta(days=366)
"""How long a token may be good."""

REMEMBERED: Final = timedelta(days=30)
"""How long a program may send the same request again."""


@dataclass(frozen=True, slots=True)
class Grant:
    """A program that may work in a caseload, once its caseworker has fetched the token."""

    id: Hex128
    label: str
    scopes: frozenset[Scope]
    owner: AccountId
    created_by: AccountId
    created_at: datetime
    valid_until: datetime


@dataclass(frozen=True, slots=True)
class Repeated:
    """A request that was answered: the digest of what was asked, and the answer's id."""

    request: bytes
    answer: str


class Programs(Protocol):
    """Grants and answered requests, inside one unit of work."""

    def add(self, grant: Grant) -> None:
        """Keep a grant until it is fetched or refused."""
        ...

    def grants(self) -> Sequence[Grant]:
        """All of them, oldest first."""
        ...

    def take(self, grant: Hex128) -> Grant:
        """Remove one and give it. NotFoundError if absent."""
        ...

    def answered(self, caller: bytes, key: str) -> Repeated | None:
        """What this caller was answered under this key."""
        ...

    def remember(self, caller: bytes, key: str, told: Repeated, at: datetime) -> None:
        """Keep an answer; those older than 30 days go. ConflictError if there is one."""
        ...
