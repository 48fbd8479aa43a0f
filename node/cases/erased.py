"""What remains of a case that two people erased before its time: when, and on what ground.

Enters and leaves: frozen values of codes and account ids. Must never happen: a name or a
text of the person in them; an erasure without two different people. Implements Art. 17 GDPR,
I8 (a logged decision of two persons).
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from node.ids import AccountId, CaseId

GROUNDS: Final = "erasure_ground"
"""The list of grounds, after Art. 17(1) GDPR."""


@dataclass(frozen=True, slots=True)
class ErasedCase:
    """One decision of two people; ``ground`` is a code of the list."""

    case: CaseId
    ground: str
    asked_by: AccountId
    asked_at: datetime
    agreed_by: AccountId
    agreed_at: datetime


class ErasedCases(Protocol):
    """Decisions inside one unit of work."""

    def add(self, erased: ErasedCase) -> None:
        """Keep one, in the transaction that destroys the key."""
        ...

    def newest(self, case: CaseId) -> ErasedCase | None:
        """The newest one about a case; a case that came back may be erased again."""
        ...

    def last_at(self) -> datetime | None:
        """When the newest of all was decided: what went since may lie in the files."""
        ...
