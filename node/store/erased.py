"""Decisions of people to erase a case, as rows.

Enters: a decision. Leaves: the same. Must never happen: a row whose two people are one, or
with one person and no answer of the archive; the table refuses both. Implements
``node.cases.erased.ErasedCases``.
"""

from datetime import datetime
from typing import Final

from sqlalchemy import bindparam, func, insert, select

from node.cases.erased import Archive, ErasedCase
from node.ids import AccountId, CaseId
from node.store.erasuretables import erased_case
from node.store.work import Work

_ADD: Final = insert(erased_case)
_NEWEST: Final = (
    select(erased_case)
    .where(erased_case.c.case_id == bindparam("case"))
    .order_by(erased_case.c.agreed_at.desc())
    .limit(1)
)
_LAST: Final = select(func.max(erased_case.c.agreed_at))


class SqlErasedCases:
    """Decisions inside one unit of work."""

    def __init__(self, work: Work) -> None:
        """Serve one unit."""
        self._work = work

    def add(self, erased: ErasedCase) -> None:
        """Keep one, in the transaction that destroys the key."""
        self._work.change(
            _ADD,
            {
                "case_id": erased.case,
                "agreed_at": erased.agreed_at,
                "ground": erased.ground,
                "asked_by": erased.asked_by,
                "asked_at": erased.asked_at,
                "agreed_by": erased.agreed_by,
                "archive": erased.archive,
                "reference": erased.reference,
            },
        )

    def newest(self, case: CaseId) -> ErasedCase | None:
        """The newest one about a case; a case that came back may be erased again."""
        row = self._work.row(_NEWEST, {"case": case})
        if row is None:
            return None
        return ErasedCase(
            case=CaseId(row.case_id),
            ground=row.ground,
            asked_by=AccountId(row.asked_by),
            asked_at=row.asked_at,
            agreed_by=AccountId(row.agreed_by) if row.agreed_by else None,
            agreed_at=row.agreed_at,
            archive=Archive(row.archive) if row.archive else None,
            reference=row.reference,
        )

    def last_at(self) -> datetime | None:
        """When the newest of all was decided: what went since may lie in the files."""
        row = self._work.row(_LAST)
        found: datetime | None = None if row is None else row[0]
        return found
