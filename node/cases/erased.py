"""What remains of a case that people erased: when, on what ground, who decided.

Enters and leaves: frozen values of codes and account ids. Must never happen: a name or a
text of the person in them; an early erasure without two different people; one at the end of
its years without the archive's answer. Implements Art. 17 GDPR, I8 (a retention rule, or a
logged decision of two persons).
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum, unique
from typing import Final, Protocol

from node.ids import AccountId, CaseId

GROUNDS: Final = "erasure_ground"
"""The list of grounds, after Art. 17(1) GDPR."""

YEARS_OVER: Final = "years_over"
"""The ground of a closed case whose years of keeping are over; nobody may choose it."""


@unique
class Archive(StrEnum):
    """What the municipal archive answered to the offer of a closed case."""

    TAKEN = "taken"
    DECLINED = "declined"


@dataclass(frozen=True, slots=True)
class ErasedCase:
    """One decision; ``ground`` is a code of the list, or ``YEARS_OVER``.

    Early erasure has two people. At the end of its years one person records the archive's
    answer, with the reference of its letter; ``agreed_by`` is None then.
    """

    case: CaseId
    ground: str
    asked_by: AccountId
    asked_at: datetime
    agreed_by: AccountId | None
    agreed_at: datetime
    archive: Archive | None = None
    reference: str = ""


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
