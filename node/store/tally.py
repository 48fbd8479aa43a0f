"""The rows of the tally: nameless, under a number drawn for each erased case.

Enters: lines. Leaves: rows; the history that a case leaves behind. Must never happen: a
number that leads back to a case, so it is random and kept nowhere else. Implements
``node.cases.ports.TallyRepository``.
"""

from collections.abc import Collection, Iterable, Iterator
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import BindParameter, Row, bindparam, insert, select

from node.cases.model import Baton, Origin, Record
from node.cases.tally import History, Period, TallyLine, Version
from node.ids import AccountId, CaseId, RecordId
from node.store.backuptables import tally
from node.store.casetables import case_file, record, record_past
from node.store.counttables import case_past
from node.store.work import Work

_ADD: Final = insert(tally)

_COLUMNS: Final = (
    *("case_id", "id", "kind", "clear", "origin", "recorded_at"),
    *("recorded_by", "version"),
)
_OF_CASE: Final[BindParameter[Any]] = bindparam("case")
_VERSIONS: Final = select(*(record.c[name] for name in _COLUMNS)).where(
    record.c.case_id == _OF_CASE
)
_PAST_VERSIONS: Final = (
    select(*(record_past.c[name] for name in _COLUMNS), record_past.c.superseded_at)
    .where(record_past.c.case_id == _OF_CASE)
    .order_by(record_past.c.id, record_past.c.version)
)
_ELSEWHERE: Final = (
    select(record.c.id)
    .where(
        record.c.kind == "contact",
        record.c.case_id != _OF_CASE,
        record.c.origin != Origin.TRANSFER,
        record.c.id.in_(bindparam("entries", expanding=True)),
    )
    .distinct()
)
_PERIODS: Final = (
    select(case_past)
    .where(case_past.c.case_id == _OF_CASE)
    .order_by(case_past.c.version)
)
_FILE: Final = select(case_file).where(
    case_file.c.id == _OF_CASE, case_file.c.baton != Baton.SHREDDED
)
_IDS_AT_ONCE: Final = 500

_Row = Row[*tuple[Any, ...]]


class SqlTally:
    """Lines inside one unit of work."""

    def __init__(self, work: Work) -> None:
        """Serve one unit."""
        self._work = work

    def history(self, case: CaseId) -> History:
        """What a case that is about to go leaves to count."""
        versions = [
            *(
                Version(_record(row), row.superseded_at)
                for row in self._work.rows(_PAST_VERSIONS, {"case": case})
            ),
            *(
                Version(_record(row))
                for row in self._work.rows(_VERSIONS, {"case": case})
            ),
        ]
        past = self._work.rows(_PERIODS, {"case": case})
        files = self._work.rows(_FILE, {"case": case})
        return History(
            versions=tuple(versions),
            periods=tuple(
                [p for row in past for p in _period(row, row.known_until)]
                + [p for row in files for p in _period(row, None)]
            ),
            elsewhere=self._elsewhere(
                case, {v.record.id for v in versions if v.record.kind == "contact"}
            ),
        )

    def _elsewhere(
        self, case: CaseId, entries: Collection[RecordId]
    ) -> frozenset[RecordId]:
        """Which of these entries another case has a copy of."""
        found: set[RecordId] = set()
        listed = sorted(entries)
        for start in range(0, len(listed), _IDS_AT_ONCE):
            some = {"case": case, "entries": listed[start : start + _IDS_AT_ONCE]}
            found |= {RecordId(row.id) for row in self._work.rows(_ELSEWHERE, some)}
        return frozenset(found)

    def add(self, lines: Iterable[TallyLine], made_on: date) -> None:
        """Keep the lines of one person under a number of their own."""
        person = self._work.randomness(16).hex()
        rows = [
            {
                "person": person,
                "n": number,
                "worker": line.worker,
                "made_on": made_on,
                "kind": line.kind,
                "on_date": line.on,
                "codes": dict(line.codes),
                "entry": line.entry,
                "known_at": line.known_at,
                "known_until": line.known_until,
            }
            for number, line in enumerate(lines)
        ]
        if rows:
            self._work.change(_ADD, rows)


def _period(row: _Row, known_until: datetime | None) -> Iterator[Period]:
    if row.responsible_from is None:
        return
    yield Period(
        row.responsible_from,
        row.responsible_until,
        AccountId(row.caseworker) if row.caseworker else None,
        row.counted_at,
        known_until,
    )


def _record(row: _Row) -> Record:
    return Record(
        case=CaseId(row.case_id),
        id=RecordId(row.id),
        kind=row.kind,
        values=row.clear,
        recorded_at=row.recorded_at,
        origin=Origin(row.origin),
        recorded_by=AccountId(row.recorded_by) if row.recorded_by else None,
        version=row.version,
    )
