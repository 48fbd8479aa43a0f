"""What the pages of contacts read beside cases: drafts, who shares an entry, the months.

Enters: whose work it is. Leaves: frozen rows. Must never happen: a draft that is read by
another account than the one that typed it, or after its 30 days. The store implements
``Diary``; pages reach it as ``uow.diary`` inside a reading unit. Implements SC-27, FR-7.
"""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final, Protocol

from node.cases.model import Record
from node.ids import AccountId, CaseId, RecordId
from node.sync.ports import UnitOfWork

DRAFT_LIFE: Final = timedelta(days=30)
"""How long a draft is offered again."""

Fields = Mapping[str, Sequence[str]]
"""What a form held: values by field name."""


@dataclass(frozen=True, slots=True)
class DraftRow:
    """A draft that waits: for which case, since when; what it says stays sealed."""

    case: CaseId
    kept_at: datetime


@dataclass(frozen=True, slots=True)
class TalksRow:
    """How many own talks fall on days of one month (FR-8)."""

    first: date
    talks: int


class Diary(Protocol):
    """Queries and drafts of one unit of work."""

    def drafts(self, account: AccountId) -> Sequence[DraftRow]:
        """The drafts of this account that are not over, newest first."""
        ...

    def draft(self, account: AccountId, case: CaseId) -> tuple[DraftRow, Fields] | None:
        """One draft, opened; None if there is none or its 30 days are over."""
        ...

    def keep_draft(self, account: AccountId, case: CaseId, fields: Fields) -> None:
        """Seal what was typed; the draft before is replaced."""
        ...

    def drop_draft(self, account: AccountId, case: CaseId) -> None:
        """It was saved or thrown away; absent is fine."""
        ...

    def copies(self, contact: RecordId) -> Sequence[Record]:
        """The copies of one entry in every case that can be opened, by case (FR-7)."""
        ...

    def last_forms(self, account: AccountId) -> Sequence[str]:
        """Forms of the contacts this account recorded last, newest first."""
        ...

    def recent(self, account: AccountId, limit: int) -> Sequence[CaseId]:
        """The cases this account recorded contacts for last, newest first, each once."""
        ...

    def counted(
        self, caseworker: AccountId, after: date, until: date
    ) -> AbstractSet[CaseId]:
        """Cases of this caseload with an own talk or contact in (after, until] (FR-5)."""
        ...

    def talks(
        self, caseworker: AccountId, first: date, last: date
    ) -> Sequence[TalksRow]:
        """Own talks of this caseload by month, oldest first, months without any too."""
        ...


class DiaryUnit(UnitOfWork, Protocol):
    """A unit of work of the contact pages."""

    diary: Diary
