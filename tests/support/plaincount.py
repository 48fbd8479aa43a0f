"""Reports counted anew from every row, the plain way: no memory, no parts, no shortcuts.

Enters: a unit of work, which report of which days, the present. Leaves: the table. It reads
the tables with SQL of its own; the ledger must never show anything else.
"""

import json
from collections import Counter
from collections.abc import Iterator
from datetime import date, datetime
from typing import Any

from sqlalchemy import text

from node.cases.days import day_end
from node.casework.reporting import Wish
from node.ids import AccountId
from node.report.definition import Definition, definition
from node.report.facts import RESPONSIBILITY, Fact, Facts
from node.report.figures import Frame
from node.report.tables import Sums, Table, asks_of, build, sums_of
from node.report.workfigures import days_to_grant
from node.store.columns import from_micros, to_micros
from node.store.unit import SqlUnitOfWork

_COLUMNS = "case_id, id, kind, clear, origin, recorded_at, recorded_by, on_date"


def recount(uow: SqlUnitOfWork, wish: Wish, now: datetime) -> Table:
    """The table of a report, as known now or at an instant."""
    then = min(wish.known_at or now, day_end(wish.last))
    facts = Facts(
        facts_at(uow, wish.known_at),
        tuple(
            fact
            for fact in facts_at(uow, None if then == now else then)
            if fact.kind == "goal"
        ),
        tuple(uow.counting.handed(wish.known_at)),
    )
    return table_of(definition(wish.definition), facts, wish.frame, wish.caseworker)


def table_of(
    definition: Definition,
    facts: Facts,
    frame: Frame,
    caseworker: AccountId | None = None,
    *,
    only_total: bool = False,
) -> Table:
    """Count a whole report from facts that are all at hand."""
    sums: Sums = Counter()
    sums_of(asks_of(definition, frame), facts, into=sums)
    days = days_to_grant(facts, frame)
    return build(definition, sums, days, frame, caseworker, only_total=only_total)


def facts_at(uow: SqlUnitOfWork, at: datetime | None) -> tuple[Fact, ...]:
    """Everything that counts, by person."""
    instant = None if at is None else to_micros(at)
    found = [*_records(uow, instant), *_days(uow, instant), *_tally(uow, instant)]
    return tuple(sorted(found, key=lambda fact: fact.person))


def _rows(uow: SqlUnitOfWork, query: str, **values: Any) -> list[Any]:
    found: list[Any] = uow.counting._work._connection.execute(text(query), values).all()  # type: ignore[attr-defined]
    return found


def _read(value: Any) -> dict[str, Any]:
    codes = json.loads(value) if isinstance(value, str) else dict(value)
    if isinstance(codes.get("topics"), list):
        codes["topics"] = codes["topics"][0] if codes["topics"] else ""
    return codes


def _day(value: Any) -> date | None:
    try:
        return date.fromisoformat(str(value))
    except ValueError:
        return None


def _worker(value: str | None) -> AccountId | None:
    return AccountId(value) if value else None


def _records(uow: SqlUnitOfWork, at: int | None) -> Iterator[Fact]:
    rows = []
    if at is not None:
        rows += _rows(
            uow,
            f"SELECT {_COLUMNS} FROM record_past WHERE superseded_at > :at"
            " ORDER BY case_id, id, version",
            at=at,
        )
    rows += _rows(uow, f"SELECT {_COLUMNS} FROM record")
    seen = set()
    for row in rows:
        if (row.case_id, row.id) in seen:
            continue
        seen.add((row.case_id, row.id))
        codes = _read(row.clear)
        is_theirs = (
            row.origin == "list" and codes.get("kind") and not codes.get("counted")
        )
        is_later = at is not None and row.recorded_at > at
        # The store keeps such records too; days of responsibility stand in the case.
        if (
            codes.get("voided_on")
            or is_theirs
            or is_later
            or row.kind == RESPONSIBILITY
        ):
            continue
        held_by = codes.get("caseworker") if row.kind == "contact" else None
        agreed = codes.get("agreed_on") or codes.get("start")
        yield Fact(
            row.kind,
            row.case_id,
            row.id,
            _day(agreed if row.kind == "plan" else row.on_date),
            codes,
            _worker(held_by or row.recorded_by),
            from_micros(row.recorded_at),
            is_own=row.origin != "transfer",
        )


def _days(uow: SqlUnitOfWork, at: int | None) -> Iterator[Fact]:
    columns = "caseworker, responsible_from, responsible_until, counted_at"
    rows = _rows(uow, f"SELECT case_id, {columns} FROM case_past ORDER BY 1, version")
    rows += _rows(
        uow, f"SELECT id AS case_id, {columns} FROM case_file WHERE baton != 'shredded'"
    )
    standing = {}
    for row in rows:
        if row.responsible_from and (at is None or row.counted_at <= at):
            standing[row.case_id, row.responsible_from] = row
    for (case, first), row in standing.items():
        yield Fact(
            RESPONSIBILITY,
            case,
            f"{case}/{first}",
            date.fromisoformat(first),
            {"until": row.responsible_until} if row.responsible_until else {},
            _worker(row.caseworker),
            from_micros(row.counted_at),
        )


def _tally(uow: SqlUnitOfWork, at: int | None) -> Iterator[Fact]:
    found = {}
    for row in _rows(uow, "SELECT * FROM tally ORDER BY person, n"):
        codes, is_days = _read(row.codes), row.kind == RESPONSIBILITY
        is_over = row.known_until is not None and (at is None or row.known_until <= at)
        if (at is not None and row.known_at > at) or (is_over and not is_days):
            continue
        is_listed = (
            codes.get("listed") and codes.get("kind") and not codes.get("counted")
        )
        if codes.get("voided_on") or is_listed:
            continue
        entry = row.on_date if is_days else row.entry
        found[row.person, is_days, entry] = Fact(
            row.kind,
            f"~{row.person}",
            f"~{row.person}/{entry}",
            _day(row.on_date),
            codes,
            _worker(row.worker),
            from_micros(row.known_at),
        )
    yield from found.values()
