"""What reports count, in SQL: clear columns and the tally, as known at an instant.

Enters: kinds of records, an instant. Leaves: the facts of ``node.report.facts``, and the
history that an erased case leaves behind. Must never happen: a sealed column that is
opened, so that a report over 20,000 persons decrypts nobody; a case counted twice, as
itself and as tally. Implements ``Counting`` and ``TallyRepository.history``.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import date, datetime
from functools import lru_cache
from typing import Any, Final

from sqlalchemy import BindParameter, Row, bindparam, func, select

from node.cases.days import local_day
from node.cases.model import Baton, Origin, Record
from node.cases.tally import History, Period, Version
from node.ids import AccountId, CaseId, RecordId
from node.report.facts import RESPONSIBILITY, Fact, Handed
from node.store.backuptables import tally
from node.store.casetables import case_file, record, record_past
from node.store.columns import parse_instants
from node.store.counttables import case_past
from node.store.tables import (
    inbound_case,
    inbound_transfer,
    outbound_member,
    outbound_transfer,
)
from node.store.work import Work
from node.sync.transfer import Inbound, Outbound
from node.sync.words import Kind

_KINDS: Final[BindParameter[Any]] = bindparam("kinds", expanding=True)
_AT: Final = bindparam("at", type_=record.c.recorded_at.type)
_CLEAR: Final = ("case_id", "id", "kind", "clear", "origin", "recorded_at")
_WHO: Final = ("recorded_by", "on_date", "version")
_NOW: Final = select(*(record.c[name] for name in (*_CLEAR, *_WHO))).where(
    record.c.kind.in_(_KINDS)
)
# The version in force at an instant: the first that was replaced after it, else today's.
_BEFORE: Final = (
    select(*(record_past.c[name] for name in (*_CLEAR, *_WHO)))
    .where(record_past.c.kind.in_(_KINDS), record_past.c.superseded_at > _AT)
    .order_by(record_past.c.case_id, record_past.c.id, record_past.c.version)
)
_FILES: Final = select(
    case_file.c.id,
    case_file.c.caseworker,
    case_file.c.responsible_from,
    case_file.c.responsible_until,
    case_file.c.counted_at,
).where(case_file.c.baton != Baton.SHREDDED)
_PAST: Final = select(case_past).order_by(case_past.c.case_id, case_past.c.version)
_TALLY: Final = select(tally).where(tally.c.kind.in_(_KINDS))

_OF_CASE: Final[BindParameter[Any]] = bindparam("case")
_VERSIONS: Final = select(*(record.c[name] for name in (*_CLEAR, *_WHO))).where(
    record.c.case_id == _OF_CASE
)
_PAST_VERSIONS: Final = (
    select(
        *(record_past.c[name] for name in (*_CLEAR, *_WHO)), record_past.c.superseded_at
    )
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
_OUT: Final = (
    select(
        outbound_transfer.c.id,
        outbound_transfer.c.facts,
        outbound_transfer.c.created_by,
        outbound_transfer.c.refused_code,
        func.count(outbound_member.c.case_id).label("persons"),
    )
    .join(outbound_member, outbound_member.c.transfer == outbound_transfer.c.id)
    .where(outbound_transfer.c.kind != Kind.ADDENDUM)
    .group_by(outbound_transfer.c.id)
    .order_by(outbound_transfer.c.id)
)
_IN: Final = (
    select(
        inbound_transfer.c.id,
        inbound_transfer.c.facts,
        inbound_transfer.c.offered_at,
        inbound_transfer.c.decided_by,
        inbound_transfer.c.refused_code,
        func.count(inbound_case.c.case_id).label("persons"),
    )
    .outerjoin(inbound_case, inbound_case.c.transfer == inbound_transfer.c.id)
    .group_by(inbound_transfer.c.id)
    .order_by(inbound_transfer.c.id)
)
_IDS_AT_ONCE: Final = 500

_Row = Row[*tuple[Any, ...]]


class SqlCounting:
    """Facts inside one unit of work."""

    def __init__(self, work: Work) -> None:
        """Serve one unit."""
        self._work = work

    def facts(self, kinds: Iterable[str], known_at: datetime | None) -> Sequence[Fact]:
        """Facts of these kinds as known at an instant, or now; voided ones are left out."""
        wanted = sorted(set(kinds))
        records = [kind for kind in wanted if kind != RESPONSIBILITY]
        found = list(self._records(records, known_at)) if records else []
        if RESPONSIBILITY in wanted:
            found += self._responsible(known_at)
        found += self._tallied(wanted, known_at)
        return found

    def _records(self, kinds: list[str], at: datetime | None) -> Iterator[Fact]:
        seen: set[tuple[str, str]] = set()
        if at is not None:
            for row in self._work.stream(_BEFORE, {"kinds": kinds, "at": at}):
                # Versions come in their order: the first one was in force.
                if (row.case_id, row.id) not in seen:
                    seen.add((row.case_id, row.id))
                    yield from _fact(row, at)
        for row in self._work.stream(_NOW, {"kinds": kinds}):
            if (row.case_id, row.id) not in seen:
                yield from _fact(row, at)

    def _responsible(self, at: datetime | None) -> Iterator[Fact]:
        periods: dict[str, list[Period]] = {}
        for row in self._work.stream(_PAST):
            periods.setdefault(row.case_id, []).extend(_period(row, row.known_until))
        for row in self._work.stream(_FILES):
            periods.setdefault(row.id, []).extend(_period(row, None))
        for person, known in periods.items():
            # One period per first day, the last that was known of it.
            standing = {
                period.first: period
                for period in known
                if at is None or period.known_at <= at
            }
            for period in standing.values():
                yield Fact(
                    RESPONSIBILITY,
                    person,
                    f"{person}/{period.first}",
                    period.first,
                    {"until": period.last.isoformat()} if period.last else {},
                    period.caseworker,
                    period.known_at,
                )

    def _tallied(self, kinds: list[str], at: datetime | None) -> Iterator[Fact]:
        found: dict[tuple[str, int, str], Fact] = {}
        for row in self._work.stream(_TALLY, {"kinds": kinds}):
            if not _is_known(row, at):
                continue
            person, codes = f"~{row.person}", row.codes
            if codes.get("voided_on") or _is_uncounted(codes):
                continue
            entry = f"{person}/{row.entry}"
            key = (person, row.entry, "")
            if row.kind == RESPONSIBILITY:
                # Versions of one period share its first day, the newest one stands.
                entry, key = f"{person}/{row.on_date}", (person, -1, str(row.on_date))
            before = found.get(key)
            if before is not None and before.known_at > row.known_at:
                continue
            found[key] = Fact(
                row.kind,
                person,
                entry,
                row.on_date,
                codes,
                AccountId(row.worker) if row.worker else None,
                row.known_at,
            )
        yield from found.values()

    def handed(self, known_at: datetime | None) -> Sequence[Handed]:
        """Handovers as they stood at an instant, or now."""
        return [
            *(_outward(row, known_at) for row in self._work.rows(_OUT)),
            *(_inward(row, known_at) for row in self._work.rows(_IN)),
        ]

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
        past = self._work.rows(
            _PAST.where(case_past.c.case_id == _OF_CASE), {"case": case}
        )
        files = self._work.rows(
            _FILES.where(case_file.c.id == _OF_CASE), {"case": case}
        )
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


def _fact(row: _Row, at: datetime | None) -> Iterator[Fact]:
    """The fact of a version, unless it was unknown at that instant, or void."""
    codes = row.clear
    if (at is not None and row.recorded_at > at) or codes.get("voided_on"):
        return
    worker = codes.get("caseworker") if row.kind == "contact" else None
    worker = worker or row.recorded_by
    if row.origin == Origin.LIST and _is_uncounted({**codes, "listed": True}):
        return
    yield Fact(
        row.kind,
        row.case_id,
        row.id,
        _date(_agreed(codes) if row.kind == "plan" else row.on_date),
        codes,
        _account(worker) if worker else None,
        row.recorded_at,
        is_own=row.origin != Origin.TRANSFER,
    )


def _agreed(codes: Any) -> Any:
    return codes.get("agreed_on") or codes.get("start")


@lru_cache(maxsize=1024)
def _account(number: str) -> AccountId:
    return AccountId(number)


def _is_uncounted(codes: Any) -> bool:
    """FR-8: an entry of a list counts only if this office held the talk."""
    return bool(codes.get("listed")) and codes.get("kind") and not codes.get("counted")


def _is_known(row: _Row, at: datetime | None) -> bool:
    """Whether a line stood then; of days of responsibility the newest known one does."""
    if at is not None and row.known_at > at:
        return False
    if row.kind == RESPONSIBILITY or row.known_until is None:
        return True
    return at is not None and bool(at < row.known_until)


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


def _outward(row: _Row, at: datetime | None) -> Handed:
    days = _days(row.facts, at)
    return Handed(
        number=row.id,
        is_outward=True,
        persons=row.persons,
        worker=AccountId(row.created_by) if row.created_by else None,
        offered_on=days.get(Outbound.QUEUED),
        granted_on=days.get(Outbound.GRANTED),
        imported_on=days.get(Outbound.CLOSED),
        refused_on=days.get(Outbound.REJECTED),
        refusal=row.refused_code or "",
    )


def _inward(row: _Row, at: datetime | None) -> Handed:
    days = _days(row.facts, at)
    return Handed(
        number=row.id,
        is_outward=False,
        persons=row.persons,
        worker=AccountId(row.decided_by) if row.decided_by else None,
        offered_on=local_day(row.offered_at),
        granted_on=days.get(Inbound.IMPORTED),
        imported_on=days.get(Inbound.IMPORTED),
        refused_on=days.get(Inbound.REJECTED),
        refusal=row.refused_code or "",
    )


def _days(facts: str, at: datetime | None) -> dict[str, date]:
    return {
        name: local_day(moment)
        for name, moment in parse_instants(facts).items()
        if at is None or moment <= at
    }


def _date(text: Any) -> date | None:
    try:
        return date.fromisoformat(str(text))
    except ValueError:
        return None
