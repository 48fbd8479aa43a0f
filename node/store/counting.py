"""What reports count, in SQL: clear columns and the tally, as known when.

Enters: whom to look at. Leaves: the facts of ``node.report.facts``, handovers, and marks
that tell who has changed. Must never happen: a sealed column that is opened, so that a
report over 20,000 persons decrypts nobody; a case counted twice, as itself and as tally; a
change that leaves a mark as it was. Implements ``Counting``.
"""

import gc
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import date, datetime
from functools import lru_cache
from itertools import islice
from sys import intern
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    BindParameter,
    ColumnElement,
    Row,
    Select,
    Table,
    Text,
    bindparam,
    cast,
    func,
    null,
    select,
    type_coerce,
)

from node.cases.days import local_day
from node.cases.model import Baton, Origin
from node.ids import AccountId
from node.report.facts import COUNTED, RESPONSIBILITY, Fact, Handed
from node.report.ledger import Book, Ledger
from node.store.backuptables import tally
from node.store.casetables import case_file, record, record_past
from node.store.columns import from_micros, parse_instants
from node.store.counttables import case_past
from node.store.erasuretables import transfer_past
from node.store.tables import (
    inbound_case,
    inbound_transfer,
    outbound_member,
    outbound_transfer,
)
from node.store.work import Work
from node.strictjson import Json
from node.sync.transfer import Inbound, Outbound
from node.sync.words import Kind

_AT_ONCE: Final = 500
_PAGE: Final = 256
_SOME: Final[BindParameter[Any]] = bindparam("persons", expanding=True)


def _versions_of(table: Table, until: ColumnElement[Any]) -> Select[Any]:
    """Versions of what figures count; codes and instants are read many at once."""
    names = ("case_id", "id", "kind", "origin", "recorded_by", "on_date")
    return select(
        *(table.c[name] for name in names),
        type_coerce(table.c.recorded_at, BigInteger),
        type_coerce(until, BigInteger),
        cast(table.c.clear, Text),
    ).where(table.c.kind.in_([*COUNTED]))


_NOW: Final = _versions_of(record, null())
_BEFORE: Final = _versions_of(record_past, record_past.c.superseded_at).order_by(
    record_past.c.case_id, record_past.c.id, record_past.c.version
)
_DAYS: Final = ("caseworker", "responsible_from", "responsible_until", "counted_at")
_PAST: Final = select(
    case_past.c.case_id, *(case_past.c[name] for name in _DAYS)
).order_by(case_past.c.case_id, case_past.c.version)
_FILES: Final = select(
    case_file.c.id.label("case_id"), *(case_file.c[name] for name in _DAYS)
).where(case_file.c.baton != Baton.SHREDDED)
_TALLY: Final = select(tally).order_by(tally.c.person, tally.c.n)
# Of everybody, and of some.
_QUERIES: Final = {
    query: query.where(key.in_(_SOME))
    for query, key in (
        (_NOW, record.c.case_id),
        (_BEFORE, record_past.c.case_id),
        (_PAST, case_past.c.case_id),
        (_FILES, case_file.c.id),
        (_TALLY, tally.c.person),
    )
}

# Each change of a case raises its version; a new one, even in the place of one that went,
# is counted from now on. The lines of the tally are written once.
_STAMPS: Final = select(
    case_file.c.id, case_file.c.version, type_coerce(case_file.c.counted_at, BigInteger)
).where(case_file.c.baton != Baton.SHREDDED)
_TALLIED: Final = select(tally.c.person, func.count()).group_by(tally.c.person)

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
# What is left of both, once their record has gone.
_PAST_OUT, _PAST_IN = (
    select(
        transfer_past.c.id,
        transfer_past.c.facts,
        transfer_past.c.offered_at,
        transfer_past.c.worker.label(worker),
        transfer_past.c.refused_code,
        transfer_past.c.persons,
    )
    .where(
        transfer_past.c.outward.is_(is_outward), transfer_past.c.last_on.is_not(None)
    )
    .order_by(transfer_past.c.id)
    for worker, is_outward in (("created_by", True), ("decided_by", False))
)

_Row = Row[*tuple[Any, ...]]


class SqlCounting:
    """Facts inside one unit of work."""

    def __init__(self, work: Work) -> None:
        """Serve one unit."""
        self._work = work

    def book(self) -> AbstractContextManager[Book]:
        """Facts and sums as this unit sees them; nobody else counts meanwhile."""
        if self._work.is_reading:
            return self._work.ledger.opened(self, self._work.erasures)
        # What a unit that writes sees may never be committed.
        return Ledger().opened(self, 0)

    def stamps(self) -> Mapping[str, object]:
        """Everybody who may be counted, each with what is another after every change."""
        cases = {row[0]: tuple(row[1:]) for row in self._work.rows(_STAMPS)}
        return cases | {f"~{row[0]}": row[1] for row in self._work.rows(_TALLIED)}

    def known(self, persons: Collection[str]) -> Mapping[str, Sequence[Fact]]:
        """All that was ever known of these persons, versions of an entry in their order."""
        with _without_collection():
            return self._known(persons)

    def _known(self, persons: Collection[str]) -> Mapping[str, Sequence[Fact]]:
        cases = {person: person for person in persons if not person.startswith("~")}
        found: dict[str, list[Fact]] = {person: [] for person in persons}
        for query in (_BEFORE, _NOW):
            rows = self._of(query, cases)
            while page := [*islice(rows, _PAGE)]:
                # One text for all of them: a call for each would cost twice as much.
                codes = json.loads(f"[{','.join(row[-1] for row in page)}]")
                for row, clear in zip(page, codes, strict=True):
                    # The same text for all facts of a person.
                    person = cases[row[0]]
                    found[person].append(_fact(row, person, clear))
        for query in (_PAST, _FILES):
            for row in self._of(query, cases):
                if row.responsible_from is not None:
                    found[row.case_id].append(_ours(row, cases[row.case_id]))
        erased = [person[1:] for person in persons if person.startswith("~")]
        for row in self._of(_TALLY, erased):
            found[f"~{row.person}"].append(_left(row))
        return {person: _chained(facts) for person, facts in found.items()}

    def _of(self, query: Select[Any], keys: Collection[str]) -> Iterator[_Row]:
        """Rows about these cases or erased persons."""
        if len(keys) > _AT_ONCE:
            return (row for row in self._work.stream(query) if row[0] in keys)
        return iter(self._work.rows(_QUERIES[query], {"persons": [*keys]}))

    def handed(self, known_at: datetime | None) -> Sequence[Handed]:
        """Handovers as they stood at an instant, or now."""
        return [
            *(
                _outward(row, known_at)
                for query in (_OUT, _PAST_OUT)
                for row in self._work.rows(query)
            ),
            *(
                _inward(row, known_at)
                for query in (_IN, _PAST_IN)
                for row in self._work.rows(query)
            ),
        ]


@contextmanager
def _without_collection() -> Iterator[None]:
    """Nothing that is made meanwhile is garbage; to look for some takes a third more."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _fact(row: _Row, person: str, codes: Mapping[str, Json]) -> Fact:
    """A version of a record."""
    _, entry, kind, origin, by, on, at, until, _ = row
    counts = not codes.get("voided_on")
    if kind == "contact":
        by = codes.get("caseworker") or by
        if origin == Origin.LIST and _is_uncounted(codes):
            counts = False
    elif kind == "plan":
        on = codes.get("agreed_on") or codes.get("start")
    return Fact(
        kind,
        person,
        entry,
        _date(on) if on else None,
        _codes(kind, codes),
        _account(by),
        from_micros(at),
        origin != Origin.TRANSFER,
        from_micros(until) if until is not None else None,
        counts,
    )


def _ours(row: _Row, person: str) -> Fact:
    """Days on which a case was ours, and in whose hands."""
    first, last = row.responsible_from, row.responsible_until
    return Fact(
        RESPONSIBILITY,
        person,
        f"{person}/{first}",
        first,
        {"until": last.isoformat()} if last else {},
        _account(row.caseworker),
        row.counted_at,
    )


def _left(row: _Row) -> Fact:
    """A line of the tally."""
    person, codes, is_days = f"~{row.person}", row.codes, row.kind == RESPONSIBILITY
    is_listed = bool(codes.get("listed"))
    return Fact(
        row.kind,
        person,
        f"{person}/{row.on_date if is_days else row.entry}",
        row.on_date,
        codes if is_days else _codes(row.kind, codes),
        _account(row.worker),
        row.known_at,
        known_until=None if is_days else row.known_until,
        counts=not codes.get("voided_on") and not (is_listed and _is_uncounted(codes)),
    )


def _chained(facts: list[Fact]) -> list[Fact]:
    """Times of responsibility with the same first day: each holds until the next is known.

    One with another first day stands beside them, because somebody who comes back was
    ours twice.
    """
    newest: dict[str, Fact] = {}
    for place in reversed(range(len(facts))):
        fact = facts[place]
        if fact.kind == RESPONSIBILITY:
            if fact.entry in newest:
                facts[place] = fact._replace(known_until=newest[fact.entry].known_at)
            newest[fact.entry] = fact
    return facts


@lru_cache(maxsize=1024)
def _account(number: str | None) -> AccountId | None:
    return AccountId(number) if number else None


def _codes(kind: str, codes: Mapping[str, Json]) -> Mapping[str, Json]:
    """What figures ask for; each text is there once, and no list, which would cost more."""
    found: dict[str, Json] = {}
    for name in COUNTED[kind]:
        code = codes.get(name)
        if type(code) is str:
            found[name] = intern(code)
        elif type(code) is list:
            found[name] = intern(str(code[0])) if code else ""
        elif code is not None:
            found[name] = code
    return found


def _is_uncounted(codes: Mapping[str, Json]) -> bool:
    """FR-8: an entry of a list counts only if this office held the talk."""
    return bool(codes.get("kind")) and not codes.get("counted")


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


@lru_cache(maxsize=8192)
def _date(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
