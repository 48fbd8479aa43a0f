"""What a person must see or do, as rows without personal data.

Enters: codes and ids. Leaves: open tasks become done ones. Must never happen: two open
tasks of one kind about one case and transfer. Implements
``node.cases.ports.TaskRepository``.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Final

from sqlalchemy import bindparam, func, insert, select, update

from node.ids import AccountId, CaseId, TransferId
from node.store.casetables import case_file, task
from node.store.work import Work

_NONE: Final = ""

_OPEN: Final = (task.c.kind == bindparam("of"), task.c.settled_at.is_(None))
_THIS_CASE: Final = task.c.case_id == bindparam("about")
_THIS_TRANSFER: Final = task.c.transfer == bindparam("within")

_FIND: Final = select(task.c.id).where(*_OPEN, _THIS_CASE, _THIS_TRANSFER)
_FIND_ANY: Final = select(task.c.id).where(*_OPEN, _THIS_CASE).limit(1)
_ON_DESKS: Final = (
    select(case_file.c.caseworker, func.count())
    .join_from(task, case_file, case_file.c.id == task.c.case_id)
    .where(*_OPEN, case_file.c.caseworker.is_not(None))
    .group_by(case_file.c.caseworker)
    .order_by(case_file.c.caseworker)
)
_ADD: Final = insert(task)
_SETTLE: Final = update(task).where(*_OPEN)
_SETTLE_CASE: Final = _SETTLE.where(_THIS_CASE)
_SETTLE_TRANSFER: Final = _SETTLE.where(_THIS_TRANSFER)
_SETTLE_BOTH: Final = _SETTLE_CASE.where(_THIS_TRANSFER)


class SqlTasks:
    """Tasks inside one unit of work."""

    def __init__(self, work: Work) -> None:
        """Serve one unit."""
        self._work = work

    def add(
        self,
        kind: str,
        *,
        at: datetime,
        case: CaseId | None = None,
        transfer: TransferId | None = None,
        for_role: str = "caseworker",
        account: AccountId | None = None,
        due: date | None = None,
        codes: Sequence[str] = (),
    ) -> None:
        """Add a task unless an open one of the same kind, case and transfer stands."""
        about, within = case or _NONE, transfer or _NONE
        found = self._work.row(_FIND, {"of": kind, "about": about, "within": within})
        if found is not None:
            return
        # Race: on PostgreSQL another unit may add the same now; one of the two is refused
        # by the unique index, which is a conflict to be tried again.
        self._work.change(
            _ADD,
            {
                "id": self._work.randomness(16).hex(),
                "kind": kind,
                "case_id": about,
                "transfer": within,
                "for_role": for_role,
                "account": account,
                "due": due,
                "codes": list(codes),
                "created_at": at,
                "settled_at": None,
            },
        )

    def on_desks(self, kind: str) -> Mapping[AccountId, int]:
        """How many open tasks of this kind are about cases of which caseworker."""
        found = self._work.rows(_ON_DESKS, {"of": kind})
        return {AccountId(owner): count for owner, count in found}

    def is_open(self, kind: str, *, case: CaseId) -> bool:
        """Whether a task of this kind about a case waits for somebody."""
        return self._work.row(_FIND_ANY, {"of": kind, "about": case}) is not None

    def settle(
        self,
        kind: str,
        *,
        case: CaseId | None = None,
        transfer: TransferId | None = None,
    ) -> None:
        """Mark matching open tasks as done; without case and transfer all of the kind."""
        row = {"of": kind, "settled_at": self._work.now()}
        match case, transfer:
            case None, None:
                self._work.change(_SETTLE, row)
            case _, None:
                self._work.change(_SETTLE_CASE, row | {"about": case})
            case None, _:
                self._work.change(_SETTLE_TRANSFER, row | {"within": transfer})
            case _:
                both = {"about": case, "within": transfer}
                self._work.change(_SETTLE_BOTH, row | both)
