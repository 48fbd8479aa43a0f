"""The rows of backups: which were made, verified, destroyed.

Enters: rows as values. Leaves: the same. Must never happen: a second verification that
makes a backup younger. Implements ``node.report.backups.Backups``.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Row, bindparam, insert, select, update

from node.report.backups import BackupRow, Kind
from node.store.backuptables import backup
from node.store.work import Work

_PLACE: Final = (backup.c.set == bindparam("of"), backup.c.kind == bindparam("file"))
_ADD: Final = insert(backup)
_ALL: Final = select(backup).order_by(
    backup.c.taken_at.desc(), backup.c.set.desc(), backup.c.kind
)
_VERIFIED: Final = update(backup).where(*_PLACE, backup.c.verified_at.is_(None))
_DESTROYED: Final = update(backup).where(*_PLACE, backup.c.destroyed_at.is_(None))


class SqlBackups:
    """Backups inside one unit of work."""

    def __init__(self, work: Work) -> None:
        """Serve one unit."""
        self._work = work

    def add(self, row: BackupRow) -> None:
        """Insert one. ConflictError if its set has a file of this kind."""
        self._work.change(
            _ADD,
            {
                "set": row.set,
                "kind": row.kind,
                "path": row.path,
                "digest": row.digest,
                "weeks": list(row.weeks),
                "taken_at": row.taken_at,
                "verified_at": row.verified_at,
                "destroyed_at": row.destroyed_at,
            },
        )

    def verified(self, set_: str, kind: Kind, at: datetime) -> None:
        """It passed; the first time counts."""
        place = {"of": set_, "file": kind}
        self._work.change(_VERIFIED, place | {"verified_at": at})

    def destroyed(self, set_: str, kind: Kind, at: datetime) -> None:
        """Its file is gone."""
        place = {"of": set_, "file": kind}
        self._work.change(_DESTROYED, place | {"destroyed_at": at})

    def rows(self) -> Sequence[BackupRow]:
        """All rows, newest first."""
        return [_from_row(row) for row in self._work.rows(_ALL)]


def _from_row(row: Row[*tuple[Any, ...]]) -> BackupRow:
    return BackupRow(
        set=row.set,
        kind=Kind(row.kind),
        path=row.path,
        digest=row.digest,
        weeks=tuple(row.weeks),
        taken_at=row.taken_at,
        verified_at=row.verified_at,
        destroyed_at=row.destroyed_at,
    )
