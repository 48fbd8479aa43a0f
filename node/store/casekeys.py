"""The rows of case files and the keys in them, inside one unit of work.

Enters: case ids. Leaves: rows, case keys. Must never happen: a case key that outlives its
unit of work, or that opens in the row of another case. Implements SR-K5 (wrapping).
"""

from typing import Any, Final

from sqlalchemy import Row, bindparam, func, select

from node.cases.staged import StagedKey
from node.crypto.casekey import CaseKey
from node.errors import NotFoundError
from node.ids import CaseId
from node.store.casetables import case_file
from node.store.weekkeys import unwrap, wrap
from node.store.work import Work

CaseRow = Row[*tuple[Any, ...]]

_ONE: Final = select(case_file).where(case_file.c.id == bindparam("case"))
_LOCKED: Final = _ONE.with_for_update()
# Each change of a case raises its version; a new one, even in the place of one that went,
# is counted from now on.
_MARK: Final = select(
    func.sum(case_file.c.version).label("versions"),
    func.count().label("cases"),
    func.max(case_file.c.counted_at).label("newest"),
)


class CaseKeys:
    """The keys of the cases that one unit of work touches."""

    def __init__(self, work: Work) -> None:
        """Serve one unit."""
        self._work = work
        self._keys: dict[str, CaseKey] = {}

    def mark(self) -> tuple[object, ...]:
        """Another one after everything written to any case, by any process."""
        return tuple(self._work.rows(_MARK)[0])

    def find_row(self, case: CaseId, *, locked: bool = False) -> CaseRow | None:
        """The row of a case file, None if there never was such a case."""
        return self._work.row(_LOCKED if locked else _ONE, {"case": case})

    def row(self, case: CaseId, *, locked: bool = False) -> CaseRow:
        """As ``find_row``.

        Raises:
            NotFoundError: No such case was ever here.
        """
        row = self.find_row(case, locked=locked)
        if row is None:
            raise NotFoundError("case")
        return row

    def of(self, row: CaseRow) -> CaseKey:
        """The key of a case, unwrapped once per unit.

        Raises:
            ErasedError: It was destroyed.
            SealError: The row holds another case's key.
        """
        if row.id not in self._keys:
            raw = unwrap(self._work, row.wrapped, case_key_place(row.id))
            self._keys[row.id] = CaseKey(raw)
        return self._keys[row.id]

    def new(self, case: CaseId, staged: StagedKey | None = None) -> dict[str, Any]:
        """The column of a fresh key, or of the one that files were staged under."""
        key = CaseKey.generate(self._work.randomness)
        if staged is not None:
            key = CaseKey(staged.raw)
        self._keys[case] = key
        return {"wrapped": wrap(self._work, key.raw, case_key_place(case))}

    def forget(self, case: CaseId) -> None:
        """The key went from its row in this unit."""
        self._keys.pop(case, None)


def case_key_place(case: str) -> bytes:
    """Where a case key opens: in the row of its case."""
    return b"case_file\0wrapped\0" + case.encode("ascii")
