"""The records of cases: clear columns to list by, the rest sealed.

Enters: records as values. Leaves: the same, opened. Must never happen: a name or a free
text in a clear column; a value that opens at another row, case or epoch than it was sealed
for; a former version lost. Implements SR-K1, SR-K2 and the table of the field document 3.1
("clear columns always keep versions", sealed ones here as well).

What is sealed of a record is one JSON text under the key of its case, bound to record,
case and the epoch it was written at, which stands in the row.
"""

import json
from collections.abc import Iterable, Sequence
from typing import Any, Final

from sqlalchemy import Row, bindparam, delete, insert, or_, select, update

from node import strictjson
from node.cases.dictionary import split_protection
from node.cases.model import Former, Origin, Record
from node.crypto.casekey import CaseKey, FieldContext, open_field, seal_field
from node.errors import NotFoundError
from node.ids import AccountId, CaseId, MemberId, RecordId
from node.store.casekeys import CaseKeys
from node.store.casetables import record, record_past
from node.store.work import Work
from node.strictjson import JsonObject

_IDS_AT_ONCE: Final = 500

# Which clear field fills ``on_date``; ``valid_from`` for every other kind.
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

_OF_CASE: Final = record.c.case_id == bindparam("case")
_ONE: Final = record.c.id == bindparam("record")

_ALL: Final = select(record).where(_OF_CASE).order_by(record.c.recorded_at, record.c.id)
_OF_PERSON: Final = _ALL.where(
    or_(record.c.kind == "person", record.c.kind == "protection")
)
_KINDS: Final = select(record.c.kind).where(_OF_CASE).distinct()
_SOME: Final = record.c.id.in_(bindparam("records", expanding=True))
_DROP_SOME: Final = delete(record).where(_OF_CASE, _SOME)
_DROP_SOME_PAST: Final = delete(record_past).where(
    record_past.c.case_id == bindparam("case"),
    record_past.c.id.in_(bindparam("records", expanding=True)),
)
_GET: Final = select(record).where(_OF_CASE, _ONE)
_VERSIONS: Final = select(record.c.id, record.c.version).where(
    _OF_CASE, record.c.id.in_(bindparam("records", expanding=True))
)
_FORMER: Final = (
    select(record_past)
    .where(
        record_past.c.case_id == bindparam("case"),
        record_past.c.id.in_(bindparam("records", expanding=True)),
    )
    .order_by(record_past.c.superseded_at, record_past.c.version)
)
_ADD: Final = insert(record)
_CHANGE: Final = update(record).where(_OF_CASE, _ONE)
_KEEP_PAST: Final = insert(record_past).from_select(
    [*record.c.keys(), "superseded_at"],
    select(*record.c, bindparam("now", type_=record_past.c.superseded_at.type)).where(
        _OF_CASE, _ONE
    ),
)
_DROP: Final = delete(record).where(_OF_CASE)
_DROP_PAST: Final = delete(record_past).where(
    record_past.c.case_id == bindparam("case")
)


class SqlRecords:
    """Records inside one unit of work; the case file is its caller's."""

    def __init__(self, work: Work, keys: CaseKeys) -> None:
        """Serve one unit."""
        self._work = work
        self._keys = keys

    def kinds(self, case: CaseId) -> frozenset[str]:
        """Which kinds of records a case has, without opening any."""
        return frozenset(row[0] for row in self._work.rows(_KINDS, {"case": case}))

    def drop_some(self, case: CaseId, records: Sequence[RecordId]) -> None:
        """Some records go, with every former version."""
        for start in range(0, len(records), _IDS_AT_ONCE):
            some = {"case": case, "records": [*records[start : start + _IDS_AT_ONCE]]}
            self._work.change(_DROP_SOME, some)
            self._work.change(_DROP_SOME_PAST, some)

    def all_of(self, case: CaseId, key: CaseKey) -> tuple[Record, ...]:
        """All records of a case, opened, in the order they were recorded."""
        rows = self._work.rows(_ALL, {"case": case})
        return tuple(opened(row, key) for row in rows)

    def of_person(self, case: CaseId, key: CaseKey) -> tuple[Record, ...]:
        """The records of the kinds that the gate asks for, in the same order."""
        rows = self._work.rows(_OF_PERSON, {"case": case})
        return tuple(opened(row, key) for row in rows)

    def get(self, case: CaseId, record_id: RecordId) -> Record:
        """One record, opened.

        Raises:
            NotFoundError: No such case or record.
            ErasedError: The key of the case is gone.
        """
        key = self._keys.of(self._keys.row(case))
        row = self._work.row(_GET, {"case": case, "record": record_id})
        if row is None:
            raise NotFoundError("record")
        return opened(row, key)

    def former(self, case: CaseId, records: Sequence[RecordId]) -> tuple[Former, ...]:
        """Every earlier version of these records, opened, oldest first."""
        key = self._keys.of(self._keys.row(case))
        found: list[Former] = []
        for start in range(0, len(records), _IDS_AT_ONCE):
            some = {"case": case, "records": [*records[start : start + _IDS_AT_ONCE]]}
            found += [
                Former(opened(row, key), row.superseded_at)
                for row in self._work.rows(_FORMER, some)
            ]
        return tuple(found)

    def put(self, records: Iterable[Record]) -> Sequence[CaseId]:
        """Insert, or replace those with the same case and id; versions are counted here.

        Returns:
            The cases that changed.
        """
        cases: dict[CaseId, dict[RecordId, Record]] = {}
        for item in records:
            cases.setdefault(item.case, {})[item.id] = item
        for case, items in cases.items():
            self._put(case, tuple(items.values()))
        return tuple(cases)

    def drop(self, case: CaseId) -> None:
        """The case was shredded: its rows tell nothing any more."""
        self._work.change(_DROP, {"case": case})
        self._work.change(_DROP_PAST, {"case": case})

    def _put(self, case: CaseId, items: Sequence[Record]) -> None:
        row = self._keys.row(case, locked=True)
        key = self._keys.of(row)
        versions = self._versions(case, [item.id for item in items])
        added, changed = [], []
        for item in items:
            columns = self._to_row(item, key, row.epoch)
            if item.id in versions:
                place = {"case": case, "record": item.id}
                changed.append(columns | place | {"version": versions[item.id] + 1})
            else:
                added.append(columns | {"case_id": case, "id": item.id, "version": 1})
        if changed:
            now = self._work.now()
            places = [{"case": case, "record": known, "now": now} for known in versions]
            self._work.change(_KEEP_PAST, places)
            self._work.change(_CHANGE, changed)
        if added:
            self._work.change(_ADD, added)

    def _versions(self, case: CaseId, ids: Sequence[RecordId]) -> dict[str, int]:
        """The versions of those records that are here."""
        found: dict[str, int] = {}
        for start in range(0, len(ids), _IDS_AT_ONCE):
            some = ids[start : start + _IDS_AT_ONCE]
            for row in self._work.rows(_VERSIONS, {"case": case, "records": some}):
                found[row.id] = row.version
        return found

    def _to_row(self, item: Record, key: CaseKey, epoch: int) -> dict[str, Any]:
        clear, hidden = split_protection(item)
        place = _place(item.id, item.case, epoch)
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


def opened(row: Row[*tuple[Any, ...]], key: CaseKey) -> Record:
    """The record of a row of ``record``, under the key of its case.

    Raises:
        SealError: The row was moved or damaged.
    """
    place = _place(row.id, row.case_id, row.epoch)
    hidden: JsonObject = json.loads(open_field(key, place, row.sealed))
    return Record(
        case=CaseId(row.case_id),
        id=RecordId(row.id),
        kind=row.kind,
        values=row.clear | hidden,
        recorded_at=row.recorded_at,
        origin=Origin(row.origin),
        origin_node=MemberId(row.origin_node) if row.origin_node else None,
        recorded_by=AccountId(row.recorded_by) if row.recorded_by else None,
        version=row.version,
    )


def _place(record_id: str, case: str, epoch: int) -> FieldContext:
    return FieldContext("record", "sealed", record_id, case, epoch)


def _date_of(kind: str, clear: JsonObject) -> str | None:
    value = clear.get(_DATED.get(kind, "valid_from"))
    return value if isinstance(value, str) else None
