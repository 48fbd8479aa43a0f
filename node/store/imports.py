"""Lists in SQL: sealed until they go, and taken back to the last byte.

Enters: lists, what they did. Leaves: the same. Must never happen: a name of a list readable
in the file (SR-K1); a case removed that somebody has touched since; a case key that goes
without its line in the register (P16). Implements ``Imports``, DO-42.
"""

import hashlib
from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import cache
from typing import Any, Final

from sqlalchemy import Column, Row, bindparam, delete, exists, insert, select, update

from node.cases.importports import Batch, BatchState, Standing, Taken
from node.cases.model import Baton
from node.crypto.casekey import CaseKey, FieldContext, open_field, seal_field
from node.errors import ConflictError, NotFoundError
from node.ids import AccountId, CaseId, RecordId
from node.store.casekeys import CaseKeys
from node.store.casetables import case_file, record, record_past, task
from node.store.importtables import import_batch, import_case, import_memory
from node.store.register import Destroyed, RegisterLine
from node.store.tables import metadata
from node.store.weekkeys import unwrap, wrap
from node.store.work import Work

_ONE: Final = import_batch.c.id == bindparam("of")
_ADD: Final = insert(import_batch)
_GET: Final = select(import_batch).where(_ONE).with_for_update()
_OF: Final = (
    select(import_batch)
    .where(import_batch.c.account == bindparam("mine"))
    .order_by(import_batch.c.created_at.desc(), import_batch.c.id)
)
_REPLACE: Final = update(import_batch).where(
    _ONE, import_batch.c.version == bindparam("seen")
)
_DROP: Final = delete(import_batch).where(_ONE)
_OVER: Final = select(import_batch.c.id).where(
    import_batch.c.erase_at <= bindparam("at")
)
_NOTE: Final = insert(import_case)
_TAKEN: Final = (
    select(import_case)
    .where(import_case.c.batch == bindparam("of"))
    .order_by(import_case.c.case_id)
)
_FORGET: Final = delete(import_case).where(import_case.c.batch == bindparam("of"))
_MEMORY: Final = select(import_memory.c.sealed).where(
    import_memory.c.fingerprint == bindparam("of")
)
_LEARN: Final = insert(import_memory)
_RELEARN: Final = update(import_memory).where(
    import_memory.c.fingerprint == bindparam("of")
)

_RECORD: Final = (
    record.c.case_id == bindparam("case"),
    record.c.id == bindparam("id_"),
)
_VERSION: Final = select(record.c.version).where(*_RECORD)
_GONE: Final = delete(record).where(*_RECORD)
_PAST: Final = (
    record_past.c.case_id == bindparam("case"),
    record_past.c.id == bindparam("id_"),
    record_past.c.version == bindparam("former"),
)
_BACK: Final = insert(record).from_select(
    [column.name for column in record.c],
    select(*(record_past.c[column.name] for column in record.c)).where(*_PAST),
)
_PAST_GONE: Final = delete(record_past).where(*_PAST)
_RECORDS_GONE: Final = delete(record).where(record.c.case_id == bindparam("case"))
_TASKS_GONE: Final = delete(task).where(task.c.case_id == bindparam("case"))
_FILE_GONE: Final = delete(case_file).where(case_file.c.id == bindparam("case"))
_FILE_BACK: Final = (
    update(case_file)
    .where(case_file.c.id == bindparam("case"))
    .values(version=bindparam("to"))
)


class SqlImports:
    """Lists inside one unit of work."""

    def __init__(self, work: Work) -> None:
        """Serve one unit."""
        self._work = work
        self._keys = CaseKeys(work)

    def add(self, batch: Batch, rows: bytes) -> None:
        """Keep a list, its rows and answers sealed under a key of its own."""
        key = CaseKey.generate(self._work.randomness)
        self._work.change(
            _ADD,
            {
                "id": batch.id,
                "account": batch.account,
                "created_at": batch.created_at,
                "digest": batch.digest,
                "version": batch.version,
                "wrapped": wrap(self._work, key.raw, batch_key_place(batch.id)),
                "sealed": self._seal(key, batch.id, "sealed", rows),
                **self._moving(batch, key),
            },
        )

    def get(self, batch: RecordId) -> Batch:
        """One list, locked.

        Raises:
            NotFoundError: There is none, or it went.
        """
        return self._opened(self._row(batch))

    def rows(self, batch: RecordId) -> bytes:
        """The rows that were kept with a list."""
        row = self._row(batch)
        return open_field(self._key(row), _place(row.id, "sealed"), row.sealed)

    def of(self, account: AccountId) -> Sequence[Batch]:
        """All lists of one caseworker, newest first."""
        return [self._opened(row) for row in self._work.rows(_OF, {"mine": account})]

    def replace(self, before: Batch, after: Batch) -> None:
        """Compare-and-set on ``before.version``. ConflictError if it moved."""
        key = self._key(self._row(before.id))
        place = {"of": before.id, "seen": before.version}
        columns = self._moving(after, key) | {"version": before.version + 1}
        self._work.move(_REPLACE, columns | place)

    def drop(self, batch: RecordId) -> None:
        """The list goes, with its rows, its answers and its key."""
        self._work.change(_FORGET, {"of": batch})
        self._work.change(_DROP, {"of": batch})

    def drop_over(self, at: datetime) -> int:
        """Lists whose time is over go; gives how many."""
        over = [RecordId(row[0]) for row in self._work.rows(_OVER, {"at": at})]
        for batch in over:
            self.drop(batch)
        return len(over)

    def note(self, batch: RecordId, taken: Iterable[Taken]) -> None:
        """Remember what a list did, so that it can be taken back."""
        rows = [
            {
                "batch": batch,
                "case_id": one.case,
                "before": one.before,
                "after": one.after,
                "records": [[number, version] for number, version in one.records],
            }
            for one in taken
        ]
        if rows:
            self._work.change(_NOTE, rows)

    def taken(self, batch: RecordId) -> Sequence[Taken]:
        """What a list did and is still there, by case."""
        return [
            Taken(
                case=CaseId(row.case_id),
                before=row.before,
                after=row.after,
                records=tuple((RecordId(n), version) for n, version in row.records),
            )
            for row in self._work.rows(_TAKEN, {"of": batch})
            if self._keys.find_row(CaseId(row.case_id)) is not None
        ]

    def standing(self, taken: Taken) -> Standing:
        """Whether it is as the list left it."""
        row = self._keys.find_row(taken.case, locked=True)
        if (
            row is None
            or row.baton != Baton.ACTIVE
            or row.epoch != _epoch_of(taken, row)
        ):
            return Standing.MOVED
        if taken.before == 0:
            is_same = row.version == taken.after and not self._is_named(taken.case)
            return Standing.SAME if is_same else Standing.EDITED
        kept = len(taken.records) == len(self._unedited(taken))
        return Standing.SAME if kept else Standing.EDITED

    def take_back(self, taken: Taken) -> Sequence[RecordId]:
        """The case is as it was before the list; gives records that were edited and stay.

        Raises:
            ConflictError: The case has moved, or was opened by the list and edited since.
        """
        standing = self.standing(taken)
        if taken.before == 0:
            if standing is not Standing.SAME:
                raise ConflictError("case")
            self._close(taken.case)
            return ()
        if standing is Standing.MOVED:
            raise ConflictError("case")
        unedited = self._unedited(taken)
        for number, version in unedited:
            place = {"case": taken.case, "id_": number}
            self._work.change(_GONE, place)
            if version > 1:
                former = place | {"former": version - 1}
                self._work.change(_BACK, former)
                self._work.change(_PAST_GONE, former)
        row = self._keys.row(taken.case)
        # Nobody else has written since: even the count of versions is as before.
        version = taken.before if row.version == taken.after else row.version + 1
        self._work.change(_FILE_BACK, {"case": taken.case, "to": version})
        return [number for number, v in taken.records if (number, v) not in unedited]

    def memory(self, fingerprint: bytes) -> bytes | None:
        """What was decided about an earlier list with the same titles."""
        row = self._work.row(_MEMORY, {"of": fingerprint})
        place = memory_place(fingerprint)
        return None if row is None else self._work.unseal(place, row[0])

    def remember(self, fingerprint: bytes, decided: bytes) -> None:
        """Keep what was decided for the next list with the same titles."""
        sealed = self._work.seal(memory_place(fingerprint), decided)
        if self._work.change(_RELEARN, {"of": fingerprint, "sealed": sealed}) == 0:
            self._work.change(_LEARN, {"fingerprint": fingerprint, "sealed": sealed})

    def _close(self, case: CaseId) -> None:
        """A case that a list opened goes as if it had never been."""
        key = self._keys.of(self._keys.row(case, locked=True))
        digest = hashlib.sha256(key.raw).digest()
        # P16: a backup from between must not bring the case back.
        self._work.register.append(RegisterLine(Destroyed.CASE_KEY, case, digest))
        for statement in (_RECORDS_GONE, _TASKS_GONE, _FILE_GONE):
            self._work.change(statement, {"case": case})
        self._keys.forget(case)

    def _is_named(self, case: CaseId) -> bool:
        """Whether anything but the records of a case names it: a relocation, a consent."""
        named = (
            select(exists().where(column == bindparam("case"))) for column in _naming()
        )
        found = (self._work.row(query, {"case": case}) for query in named)
        return any(row is not None and row[0] for row in found)

    def _unedited(self, taken: Taken) -> Sequence[tuple[RecordId, int]]:
        found = []
        for number, version in taken.records:
            row = self._work.row(_VERSION, {"case": taken.case, "id_": number})
            if row is not None and row[0] == version:
                found.append((number, version))
        return found

    def _row(self, batch: RecordId) -> Row[*tuple[Any, ...]]:
        row = self._work.row(_GET, {"of": batch})
        if row is None:
            raise NotFoundError("import")
        return row

    def _key(self, row: Row[*tuple[Any, ...]]) -> CaseKey:
        return CaseKey(unwrap(self._work, row.wrapped, batch_key_place(row.id)))

    def _seal(self, key: CaseKey, batch: str, column: str, plain: bytes) -> bytes:
        return seal_field(key, _place(batch, column), plain, self._work.randomness)

    def _moving(self, batch: Batch, key: CaseKey) -> dict[str, Any]:
        return {
            "state": batch.state,
            "erase_at": batch.erase_at,
            "applied_at": batch.applied_at,
            "undone_at": batch.undone_at,
            "answers": self._seal(key, batch.id, "answers", batch.answers),
        }

    def _opened(self, row: Row[*tuple[Any, ...]]) -> Batch:
        place = _place(row.id, "answers")
        return Batch(
            id=RecordId(row.id),
            account=AccountId(row.account),
            state=BatchState(row.state),
            created_at=row.created_at,
            erase_at=row.erase_at,
            digest=row.digest,
            answers=open_field(self._key(row), place, row.answers),
            applied_at=row.applied_at,
            undone_at=row.undone_at,
            version=row.version,
        )


def _place(batch: str, column: str) -> FieldContext:
    return FieldContext("import_batch", column, batch, "", 0)


def batch_key_place(batch: str) -> bytes:
    """Where the key of a list opens: in the row of that list."""
    return b"import_batch\0wrapped\0" + batch.encode("ascii")


def memory_place(fingerprint: bytes) -> bytes:
    """Where the memory of some titles belongs."""
    return b"import_memory\0sealed\0" + fingerprint


def _epoch_of(taken: Taken, row: Row[*tuple[Any, ...]]) -> int:
    """A case that a list opened is at its first epoch; others may be at any."""
    return 1 if taken.before == 0 else int(row.epoch)


@cache
def _naming() -> tuple[Column[Any], ...]:
    """Every column that points at a case, but those that ``_close`` clears."""
    return tuple(
        key.parent
        for table in metadata.sorted_tables
        if table.name != record.name
        for key in table.foreign_keys
        if key.column is case_file.c.id
    )
