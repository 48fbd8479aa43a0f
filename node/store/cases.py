"""Cases and their records in SQL: clear columns to list by, the rest sealed.

Enters: case files and records, the streams of documents. Leaves: the same, opened. Must
never happen: a name or a free text in a clear column; a value that opens at another row,
case or epoch than it was sealed for; a case key that outlives its unit of work; a shredded
case with a key in its row. Implements ``node.cases.ports.CaseRepository``, SR-K1, SR-K2,
P16 (the register line is synced before the key goes).

What is sealed of a record is one JSON text under the key of its case, bound to record,
case and the epoch it was written at, which stands in the row. A replaced record leaves its
former version in ``record_past``.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Final

from sqlalchemy import Row, bindparam, delete, insert, select, update

from node import strictjson
from node.cases.dictionary import split_protection
from node.cases.model import Baton, CaseContent, CaseFile, Origin, Record
from node.crypto.casekey import (
    CaseKey,
    FieldContext,
    open_field,
    open_file,
    seal_field,
    seal_file,
)
from node.errors import ConflictError, NotFoundError, SealError
from node.ids import AccountId, CaseId, MemberId, RecordId, TransferId
from node.store.casetables import case_file, document_file, record, record_past
from node.store.register import Destroyed, RegisterLine
from node.store.weekkeys import rewrap, unwrap, wrap
from node.store.work import Work
from node.strictjson import JsonObject

_Row = Row[*tuple[Any, ...]]

_IDS_AT_ONCE: Final = 500

_DATED: Final = {
    "accommodation": "move_in",
    "assessment": "assessed_on",
    "contact": "date",
    "document": "issued_on",
    "education": "completed_on",
    "follow_up": "due",
    "goal": "target_date",
    "language": "assessed_on",
    "measure": "due",
    "plan": "start",
    "review": "reviewed_on",
}
"""Which clear field fills ``on_date``; ``valid_from`` for every other kind."""

_ONE: Final = case_file.c.id == bindparam("case")
_OF_CASE: Final = record.c.case_id == bindparam("case")

_FILE: Final = select(case_file).where(_ONE)
_LOCKED: Final = _FILE.with_for_update()
_HOUSEHOLD: Final = (
    select(case_file)
    .where(case_file.c.household == bindparam("household"))
    .order_by(case_file.c.id)
)
_OPEN: Final = insert(case_file)
_REPLACE: Final = update(case_file).where(
    _ONE, case_file.c.version == bindparam("seen")
)
_REOPEN: Final = update(case_file).where(
    _ONE, case_file.c.baton.in_([Baton.HANDED_OVER, Baton.SHREDDED])
)
_TOUCH: Final = (
    update(case_file).where(_ONE).values(version=case_file.c.version + 1)
)
_BIRTH_YEAR: Final = (
    update(case_file).where(_ONE).values(birth_year=bindparam("year"))
)
_OLD_KEYS: Final = (
    select(case_file.c.id, case_file.c.wrapped)
    .where(case_file.c.week != bindparam("newest"))
    .with_for_update()
)
_REWRAP: Final = update(case_file).where(_ONE)

_RECORDS: Final = (
    select(record).where(_OF_CASE).order_by(record.c.recorded_at, record.c.id)
)
_RECORD: Final = select(record).where(_OF_CASE, record.c.id == bindparam("record"))
_VERSIONS: Final = select(record.c.id, record.c.version).where(
    _OF_CASE, record.c.id.in_(bindparam("records", expanding=True))
)
_ADD: Final = insert(record)
_KEEP_PAST: Final = insert(record_past).from_select(
    [*record.c.keys(), "superseded_at"],
    select(
        *record.c,
        bindparam("now", type_=record_past.c.superseded_at.type),
    ).where(_OF_CASE, record.c.id == bindparam("record")),
)
_CHANGE: Final = update(record).where(_OF_CASE, record.c.id == bindparam("record"))
_FORGET: Final = (
    delete(record).where(_OF_CASE),
    delete(record_past).where(record_past.c.case_id == bindparam("case")),
    delete(document_file).where(document_file.c.case_id == bindparam("case")),
)

_ADD_FILE: Final = insert(document_file)
_ONE_FILE: Final = select(document_file).where(
    document_file.c.case_id == bindparam("case"),
    document_file.c.digest == bindparam("digest"),
)
_FILES: Final = select(document_file.c.digest).where(
    document_file.c.case_id == bindparam("case")
)


class SqlCases:
    """Cases inside one unit of work."""

    def __init__(self, work: Work) -> None:
        """Serve one unit."""
        self._work = work
        self._keys: dict[str, CaseKey] = {}

    def file(self, case: CaseId) -> CaseFile:
        """The case file, locked for this unit of work.

        Raises:
            NotFoundError: No such case was ever here.
        """
        found = self.find_file(case)
        if found is None:
            raise NotFoundError("case")
        return found

    def find_file(self, case: CaseId) -> CaseFile | None:
        """The case file, locked, or None if no such case was ever here."""
        row = self._work.row(_LOCKED, {"case": case})
        return None if row is None else _file_of(row)

    def household(self, household: RecordId) -> Sequence[CaseFile]:
        """All cases of one household, ordered by id."""
        return [
            _file_of(row)
            for row in self._work.rows(_HOUSEHOLD, {"household": household})
        ]

    def content(self, case: CaseId) -> CaseContent:
        """The whole case, opened; records in the order they were recorded.

        Raises:
            NotFoundError: No such case.
            ErasedError: Its key is gone.
            SealError: A row was moved or damaged.
        """
        row = self._case_row(case)
        key = self._key(row)
        records = self._work.rows(_RECORDS, {"case": case})
        return CaseContent(_file_of(row), tuple(_record_of(r, key) for r in records))

    def open_new(self, file: CaseFile) -> None:
        """Insert a case under a new case key.

        Raises:
            ConflictError: It is here already.
        """
        columns = _columns(file) | self._new_key(file.id)
        self._work.change(_OPEN, {"id": file.id, "version": file.version, **columns})

    def reopen(self, file: CaseFile) -> None:
        """A case comes back: active again, under a new key if it was shredded.

        Raises:
            NotFoundError: No such case was ever here.
            ConflictError: It is neither handed over nor shredded.
        """
        row = self._case_row(file.id, locked=True)
        columns = _columns(file) | {"version": row.version + 1}
        if row.wrapped is None:
            columns |= self._new_key(file.id)
        self._work.move(_REOPEN.values(**columns), {"case": file.id})

    def replace(self, before: CaseFile, after: CaseFile) -> None:
        """Compare-and-set on ``before.version``; writes ``before.version + 1``.

        ``after`` shredded destroys the case: key, records, former versions, documents.

        Raises:
            ConflictError: It moved.
            ErasedError: It was shredded before.
        """
        columns = _columns(after) | {"version": before.version + 1}
        move = {"case": before.id, "seen": before.version}
        if after.baton is not Baton.SHREDDED:
            self._work.move(_REPLACE.values(**columns), move)
            return
        key = self._key(self._case_row(before.id, locked=True))
        columns |= {"wrapped": None, "week": None}
        self._work.move(_REPLACE.values(**columns), move)
        self._shred(before.id, key)

    def put(self, records: Iterable[Record]) -> None:
        """Insert records, or replace those with the same case and id.

        The store counts versions itself; the case file's version rises once per case.

        Raises:
            NotFoundError: No such case.
            ErasedError: Its key is gone.
        """
        cases: dict[CaseId, dict[RecordId, Record]] = {}
        for item in records:
            cases.setdefault(item.case, {})[item.id] = item
        for case, items in cases.items():
            self._put(case, items)
            self.touch(case)

    def record(self, case: CaseId, record: RecordId) -> Record:
        """One record, opened.

        Raises:
            NotFoundError: No such case or record.
            ErasedError: The key of the case is gone.
        """
        key = self._key(self._case_row(case))
        row = self._work.row(_RECORD, {"case": case, "record": record})
        if row is None:
            raise NotFoundError("record")
        return _record_of(row, key)

    def touch(self, case: CaseId) -> None:
        """Raise the version of the case file: something in the case changed."""
        if self._work.change(_TOUCH, {"case": case}) != 1:
            raise NotFoundError("case")

    def set_birth_year(self, case: CaseId, year: int | None) -> None:
        """Keep the one clear number that reports need for age bands."""
        if self._work.change(_BIRTH_YEAR, {"case": case, "year": year}) != 1:
            raise NotFoundError("case")

    def seal_document(
        self, case: CaseId, epoch: int, chunks: Iterator[bytes]
    ) -> tuple[bytes, int]:
        """Seal a file under the case key, synced to disk.

        Returns:
            SHA-256 of the sealed bytes, which names the file; the plaintext's length.

        Raises:
            NotFoundError: No such case.
            ErasedError: Its key is gone.
            StoreError: The disk did not take it.
        """
        key = self._key(self._case_row(case))
        place = self._work.randomness(16).hex()
        counted = _Counted(chunks)
        stored = self._work.documents.keep(
            seal_file(key, _file_place(place, case, epoch), counted)
        )
        self._work.change(
            _ADD_FILE,
            {
                "case_id": case,
                "digest": stored.name,
                "place": place,
                "epoch": epoch,
                "length": counted.length,
            },
        )
        return stored.name, counted.length

    def open_document(self, case: CaseId, digest: bytes) -> Iterator[bytes]:
        """The plaintext of a document, verified chunk by chunk.

        The key is taken now; the file may be read after the unit is over.

        Raises:
            NotFoundError: No such case, document or file.
            ErasedError: The key of the case is gone.
            SealError: While reading: damaged, cut, or another file under this name.
        """
        key = self._key(self._case_row(case))
        row = self._work.row(_ONE_FILE, {"case": case, "digest": digest})
        if row is None:
            raise NotFoundError("document")
        sealed = _checked(self._work.documents.read(digest), digest)
        return open_file(key, _file_place(row.place, case, row.epoch), sealed)

    def rewrap(self) -> int:
        """Wrap every case key anew under the newest week key; gives their number."""
        newest = self._work.week_keys.newest.week
        rows = self._work.rows(_OLD_KEYS, {"newest": newest})
        for row in rows:
            columns = rewrap(self._work, row, _context(row.id))
            self._work.change(_REWRAP.values(**columns), {"case": row.id})
        return len(rows)

    def _put(self, case: CaseId, items: Mapping[RecordId, Record]) -> None:
        row = self._case_row(case, locked=True)
        key, epoch = self._key(row), row.epoch
        versions = self._versions(case, list(items))
        added, changed = [], []
        for item in items.values():
            columns = self._record_columns(item, key, epoch)
            version = versions.get(item.id)
            if version is None:
                added.append(
                    {"case_id": case, "id": item.id, "version": 1, **columns}
                )
            else:
                changed.append(
                    {
                        "case": case,
                        "record": item.id,
                        "version": version + 1,
                        **columns,
                    }
                )
        if changed:
            now = self._work.now()
            place = [{"case": case, "record": id_, "now": now} for id_ in versions]
            self._work.change(_KEEP_PAST, place)
            self._work.change(_CHANGE, changed)
        if added:
            self._work.change(_ADD, added)

    def _versions(self, case: CaseId, ids: Sequence[RecordId]) -> dict[str, int]:
        """The versions of those records that are here."""
        found: dict[str, int] = {}
        for start in range(0, len(ids), _IDS_AT_ONCE):
            some = list(ids[start : start + _IDS_AT_ONCE])
            for row in self._work.rows(_VERSIONS, {"case": case, "records": some}):
                found[row.id] = row.version
        return found

    def _record_columns(
        self, item: Record, key: CaseKey, epoch: int
    ) -> dict[str, Any]:
        clear, hidden = split_protection(item)
        place = _record_place(item.id, item.case, epoch)
        plain = strictjson.encode(hidden)
        return {
            "kind": item.kind,
            "epoch": epoch,
            "on_date": _date_of(item.kind, clear),
            "clear": clear,
            "sealed": seal_field(key, place, plain, self._work.randomness),
            "origin": item.origin,
            "origin_node": item.origin_node,
            "recorded_at": item.recorded_at,
            "recorded_by": item.recorded_by,
        }

    def _shred(self, case: CaseId, key: CaseKey) -> None:
        """What is left of a case whose key has gone from its row in this unit."""
        digest = hashlib.sha256(key.raw).digest()
        # P16: the line is durable before the key's absence is.
        self._work.register.append(RegisterLine(Destroyed.CASE_KEY, case, digest))
        for row in self._work.rows(_FILES, {"case": case}):
            self._work.after_commit(partial(self._work.documents.remove, row.digest))
        for statement in _FORGET:
            self._work.change(statement, {"case": case})
        self._keys.pop(case, None)

    def _case_row(self, case: CaseId, *, locked: bool = False) -> _Row:
        row = self._work.row(_LOCKED if locked else _FILE, {"case": case})
        if row is None:
            raise NotFoundError("case")
        return row

    def _new_key(self, case: CaseId) -> dict[str, Any]:
        key = self._keys[case] = CaseKey.generate(self._work.randomness)
        wrapped, week = wrap(self._work, key.raw, _context(case))
        return {"wrapped": wrapped, "week": week}

    def _key(self, row: _Row) -> CaseKey:
        """The key of a case; unwrapped once per unit."""
        if row.id not in self._keys:
            raw = unwrap(self._work, row.wrapped, _context(row.id))
            self._keys[row.id] = CaseKey(raw)
        return self._keys[row.id]


class _Counted:
    """Chunks that pass by, and how many bytes they were."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = chunks
        self.length = 0

    def __iter__(self) -> Iterator[bytes]:
        for chunk in self._chunks:
            self.length += len(chunk)
            yield chunk


def _checked(chunks: Iterable[bytes], digest: bytes) -> Iterator[bytes]:
    """The bytes of a file, if they are those that its name says."""
    found = hashlib.sha256()
    for chunk in chunks:
        found.update(chunk)
        yield chunk
    if found.digest() != digest:
        raise SealError("another file under this name")


def _context(case: str) -> bytes:
    return b"case\0" + case.encode("ascii")


def _record_place(record_id: str, case: str, epoch: int) -> FieldContext:
    return FieldContext("record", "sealed", record_id, case, epoch)


def _file_place(place: str, case: str, epoch: int) -> FieldContext:
    return FieldContext("document_file", "file", place, case, epoch)


def _date_of(kind: str, clear: JsonObject) -> str | None:
    value = clear.get(_DATED.get(kind, "valid_from"))
    return value if isinstance(value, str) else None


def _columns(file: CaseFile) -> dict[str, Any]:
    """What a state change writes; id, version and key are not among it."""
    return {
        "epoch": file.epoch,
        "baton": file.baton,
        "opened_on": file.opened_on,
        "household": file.household,
        "caseworker": file.caseworker,
        "transfer": file.transfer,
        "responsible_from": file.responsible_from,
        "responsible_until": file.responsible_until,
        "handed_to": file.handed_to,
        "came_from": file.came_from,
    }


def _file_of(row: _Row) -> CaseFile:
    return CaseFile(
        id=CaseId(row.id),
        epoch=row.epoch,
        baton=Baton(row.baton),
        version=row.version,
        opened_on=row.opened_on,
        household=_or_none(RecordId, row.household),
        caseworker=_or_none(AccountId, row.caseworker),
        transfer=_or_none(TransferId, row.transfer),
        responsible_from=row.responsible_from,
        responsible_until=row.responsible_until,
        handed_to=_or_none(MemberId, row.handed_to),
        came_from=_or_none(MemberId, row.came_from),
    )


def _record_of(row: _Row, key: CaseKey) -> Record:
    place = _record_place(row.id, row.case_id, row.epoch)
    hidden: JsonObject = json.loads(open_field(key, place, row.sealed))
    return Record(
        case=CaseId(row.case_id),
        id=RecordId(row.id),
        kind=row.kind,
        values=row.clear | hidden,
        recorded_at=row.recorded_at,
        origin=Origin(row.origin),
        origin_node=_or_none(MemberId, row.origin_node),
        recorded_by=_or_none(AccountId, row.recorded_by),
        version=row.version,
    )
