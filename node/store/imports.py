"""Lists in SQL: sealed until they go, and taken back to the last byte.

Enters: lists, what they did. Leaves: the same. Must never happen: a name of a list readable
in the file (SR-K1); a case removed that somebody has touched since; a case key that goes
without its line in the register (P16). Implements ``Imports``, DO-42.
"""

import hashlib
from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import cache, partial
from typing import Any, Final

from sqlalchemy import Row, Select, bindparam, delete, insert, or_, select, update

from node.cases.importports import Batch, BatchState, Standing, Taken
from node.cases.model import Baton
from node.crypto.casekey import CaseKey, FieldContext, open_field, seal_field
from node.errors import NotFoundError
from node.ids import AccountId, CaseId, RecordId
from node.store.casekeys import case_key_place
from node.store.casetables import case_file, record, record_past, task
from node.store.importtables import import_batch, import_case, import_memory
from node.store.matchingtables import match_pair
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
_CASES: Final = select(import_case.c.case_id).where(
    import_case.c.batch == bindparam("of")
)
# Locked: nobody writes into a case between the look and the act.
_TAKEN: Final = (
    select(
        import_case,
        case_file.c.version,
        case_file.c.epoch,
        case_file.c.baton,
        case_file.c.wrapped,
    )
    .join_from(import_case, case_file, case_file.c.id == import_case.c.case_id)
    .where(import_case.c.batch == bindparam("of"))
    .order_by(import_case.c.case_id)
    .with_for_update(of=case_file)
)
_WRITTEN: Final = select(record.c.case_id, record.c.id, record.c.version).where(
    record.c.case_id.in_(_CASES.where(import_case.c.before > 0))
)
_WITH: Final = select(import_case.c.batch).where(
    import_case.c.case_id == bindparam("case")
)
_FORGET: Final = delete(import_case).where(import_case.c.batch == bindparam("of"))
_MEMORY: Final = select(import_memory.c.sealed).where(
    import_memory.c.fingerprint == bindparam("of")
)
_LEARN: Final = insert(import_memory)
_RELEARN: Final = update(import_memory).where(
    import_memory.c.fingerprint == bindparam("of")
)

_GONE: Final = delete(record).where(
    record.c.case_id == bindparam("case"), record.c.id == bindparam("id_")
)
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
_PAIRS_GONE: Final = delete(match_pair).where(
    or_(match_pair.c.one == bindparam("case"), match_pair.c.other == bindparam("case"))
)
_RECORDS_GONE: Final = delete(record).where(record.c.case_id == bindparam("case"))
_TASKS_GONE: Final = delete(task).where(task.c.case_id == bindparam("case"))
_FILE_GONE: Final = delete(case_file).where(case_file.c.id == bindparam("case"))
_RISE: Final = (
    update(case_file)
    .where(case_file.c.id == bindparam("case"))
    .values(version=bindparam("to"))
)


class SqlImports:
    """Lists inside one unit of work."""

    def __init__(self, work: Work) -> None:
        """Serve one unit."""
        self._work = work
        self._versions: dict[CaseId, int] = {}
        self._wrapped: dict[CaseId, bytes | None] = {}
        self._unedited: dict[CaseId, list[tuple[RecordId, int]]] = {}

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

    def taken(self, batch: RecordId) -> Sequence[tuple[Taken, Standing]]:
        """What a list did and is still there, by case, and whether it is as it left it."""
        rows = self._work.rows(_TAKEN, {"of": batch})
        written = {
            (CaseId(row.case_id), RecordId(row.id)): row.version
            for row in self._work.rows(_WRITTEN, {"of": batch})
        }
        named = {
            row[0]
            for query in _naming()
            for row in self._work.rows(query, {"of": batch})
        }
        found = []
        for row in rows:
            taken = Taken(
                case=CaseId(row.case_id),
                before=row.before,
                after=row.after,
                records=tuple((RecordId(n), version) for n, version in row.records),
            )
            self._versions[taken.case] = row.version
            self._wrapped[taken.case] = row.wrapped
            same = [
                (number, version)
                for number, version in taken.records
                if written.get((taken.case, number)) == version
            ]
            self._unedited[taken.case] = same
            if row.baton != Baton.ACTIVE or (not taken.before and row.epoch != 1):
                standing = Standing.MOVED
            elif taken.before:
                is_same = len(same) == len(taken.records)
                standing = Standing.SAME if is_same else Standing.EDITED
            else:
                is_same = row.version == taken.after and taken.case not in named
                standing = Standing.SAME if is_same else Standing.EDITED
            found.append((taken, standing))
        return found

    def take_back(self, batch: RecordId) -> None:
        """Every case is as it was before the list, as far as nobody has touched it."""
        found = self.taken(batch)
        opened = [
            taken.case
            for taken, standing in found
            if not taken.before and standing is Standing.SAME
        ]
        self._close(opened)
        for taken, standing in found:
            if taken.before and standing is not Standing.MOVED:
                self._step_back(taken)

    def _step_back(self, taken: Taken) -> None:
        """Records that a list wrote go, or are again what they were before."""
        unedited = self._unedited[taken.case]
        for number, version in unedited:
            place = {"case": taken.case, "id_": number}
            self._work.change(_GONE, place)
            if version > 1:
                former = place | {"former": version - 1}
                self._work.change(_BACK, former)
                self._work.change(_PAST_GONE, former)
        if unedited:
            # Versions only grow: who compares them must see that something was undone.
            version = self._versions[taken.case] + 1
            self._work.change(_RISE, {"case": taken.case, "to": version})

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

    def _close(self, cases: Sequence[CaseId]) -> None:
        """Cases that a list opened go as if they had never been."""
        if not cases:
            return
        keys = {
            case: unwrap(self._work, self._wrapped[case], case_key_place(case))
            for case in cases
        }
        # P16: a backup from between must not bring a case back.
        self._work.register.append(
            *(
                RegisterLine(Destroyed.CASE_KEY, case, hashlib.sha256(key).digest())
                for case, key in keys.items()
            )
        )
        places = [{"case": case} for case in cases]
        for statement in (_PAIRS_GONE, _RECORDS_GONE, _TASKS_GONE, _FILE_GONE):
            self._work.change(statement, places)
        for case in cases:
            self._work.after_commit(partial(self._work.ledger.forget, case))

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


def drop_lists_with(work: Work, case: CaseId) -> None:
    """The case was shredded: the lists that brought something of it go before their time.

    Their rows still tell of the person; without them the list cannot be taken back.
    """
    for batch in [row[0] for row in work.rows(_WITH, {"case": case})]:
        work.change(_FORGET, {"of": batch})
        work.change(_DROP, {"of": batch})


def _place(batch: str, column: str) -> FieldContext:
    return FieldContext("import_batch", column, batch, "", 0)


def batch_key_place(batch: str) -> bytes:
    """Where the key of a list opens: in the row of that list."""
    return b"import_batch\0wrapped\0" + batch.encode("ascii")


def memory_place(fingerprint: bytes) -> bytes:
    """Where the memory of some titles belongs."""
    return b"import_memory\0sealed\0" + fingerprint


@cache
def _naming() -> tuple[Select[Any], ...]:
    """Queries for cases of a list that anything but their records names.

    That somebody may be here twice is found by the program itself; only what a person
    decided about a pair counts.
    """
    decided = (
        select(column).where(column.in_(_CASES), match_pair.c.decided_at.is_not(None))
        for column in (match_pair.c.one, match_pair.c.other)
    )
    return tuple(decided) + tuple(
        select(key.parent).where(key.parent.in_(_CASES)).distinct()
        for table in metadata.sorted_tables
        if table.name not in {record.name, match_pair.name}
        for key in table.foreign_keys
        if key.column is case_file.c.id
    )
