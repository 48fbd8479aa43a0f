"""A report as a table: rows, columns, numbers, and its one spelling as bytes.

Enters: a definition, facts, a frame, perhaps one caseworker. Leaves: a ``Table``; for one
of its numbers the things that were counted. Must never happen: two spellings of one table,
so that the digest of a snapshot says something; a name in a table. Implements the field
document, chapter 5 (definitions, drill-down, snapshot).
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Final

from node.ids import AccountId
from node.report.definition import SPLITS, ColumnRule, Definition
from node.report.facts import RESPONSIBILITY, Facts
from node.report.figures import Counted, Frame
from node.report.workfigures import FIGURES, days_to_grant, measured
from node.strictjson import encode, parse_object

TOTAL: Final = "total"
"""The key of the row over everybody."""

_MOST_CELLS: Final = 200_000
_ALWAYS: Final = frozenset({RESPONSIBILITY})


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table: a rule, and the code if it is a part of a divided one."""

    rule: ColumnRule
    code: str = ""

    @property
    def id(self) -> str:
        """The column's name, like ``talks.phone``."""
        return f"{self.rule.id}.{self.code}" if self.code else self.rule.id

    @property
    def same(self) -> tuple[str, int | None, str, str]:
        """What is counted: columns that say the same have the same numbers."""
        split = self.rule.by if self.code else ""
        return (self.rule.indicator, self.rule.window_months, split, self.code)

    @property
    def is_count(self) -> bool:
        """Whether it holds numbers of things."""
        return self.rule.ratio is None and not self.rule.measure


@dataclass(frozen=True, slots=True)
class Table:
    """The numbers of a report. A cell is a number, a ratio as text, or nothing."""

    definition: Definition
    frame: Frame
    caseworker: AccountId | None
    rows: tuple[str, ...]
    columns: tuple[Column, ...]
    cells: Mapping[tuple[str, str], int | str | None]

    def at(self, row: str, column: str) -> int | str | None:
        """One cell."""
        return self.cells[row, column]

    def number(self, row: str, column: str) -> int:
        """One cell that holds a number of things."""
        value = self.cells[row, column]
        return value if isinstance(value, int) else 0

    def parts(self, rule: ColumnRule) -> Sequence[Column]:
        """The columns into which a rule divides its number."""
        return [
            column for column in self.columns if column.rule == rule and column.code
        ]

    def encode(self) -> bytes:
        """The one spelling of the table; names of people are not in it."""
        return encode(
            {
                "definition": self.definition.id,
                "version": self.definition.version,
                "from": self.frame.first.isoformat(),
                "to": self.frame.last.isoformat(),
                "window_months": self.frame.window_months,
                "caseworker": self.caseworker,
                "rows": list(self.rows),
                "columns": [column.id for column in self.columns],
                "cells": [
                    [self.cells[row, column.id] for column in self.columns]
                    for row in self.rows
                ],
            }
        )

    @property
    def digest(self) -> bytes:
        """SHA-256 of that spelling."""
        return hashlib.sha256(self.encode()).digest()


def kinds_of(definition: Definition) -> frozenset[str]:
    """The kinds of facts that a definition needs."""
    needed = set(_ALWAYS)
    for rule in definition.columns:
        if rule.indicator in FIGURES:
            needed |= FIGURES[rule.indicator][1]
    return frozenset(needed)


def counted(rule: ColumnRule, facts: Facts, frame: Frame) -> Sequence[Counted]:
    """What one column counts."""
    figure, _ = FIGURES[rule.indicator]
    return list(figure(facts, _frame_of(rule, frame)))


def counted_in(
    rule: ColumnRule, code: str, worker: str | None, things: Iterable[Counted]
) -> Sequence[Counted]:
    """What one cell counts: of a part, of one caseworker."""
    return [
        thing
        for thing in things
        if (not code or thing.splits.get(rule.by) == code)
        and (worker is None or thing.worker == worker)
    ]


def build(
    definition: Definition,
    facts: Facts,
    frame: Frame,
    caseworker: AccountId | None = None,
    *,
    only_total: bool = False,
) -> Table:
    """Count a whole report.

    Args:
        definition: Which columns.
        facts: As they are known.
        frame: Of which days.
        caseworker: Count the work of one person alone.
        only_total: No rows by caseworker.
    """
    things = _things(definition, facts, frame, caseworker)
    columns = [
        column
        for rule in definition.columns
        for column in _columns(rule, things.get(rule.id, ()))
    ]
    workers = sorted({thing.worker for listed in things.values() for thing in listed})
    by_rows = definition.rows == "caseworker" and not only_total
    rows = (*workers, TOTAL) if by_rows else (TOTAL,)
    cells: dict[tuple[str, str], int | str | None] = {}
    for row in rows:
        worker = None if row == TOTAL else row
        for column in columns:
            if column.is_count:
                found = counted_in(
                    column.rule, column.code, worker, things[column.rule.id]
                )
                # A person reached by two caseworkers is one person.
                cells[row, column.id] = len({thing.key for thing in found})
            elif column.rule.measure:
                days = days_to_grant(facts, frame)
                cells[row, column.id] = measured(days, column.rule.measure)
        for column in columns:
            if column.rule.ratio is not None:
                part, whole = (cells[row, name] for name in column.rule.ratio)
                cells[row, column.id] = _per_cent(part, whole, column.rule)
    return Table(definition, frame, caseworker, rows, tuple(columns), cells)


def _things(
    definition: Definition, facts: Facts, frame: Frame, caseworker: AccountId | None
) -> Mapping[str, Sequence[Counted]]:
    """What each column counts; one number divided in several ways is counted once."""
    once: dict[tuple[str, int | None], Sequence[Counted]] = {}
    found: dict[str, Sequence[Counted]] = {}
    for rule in definition.columns:
        if rule.indicator not in FIGURES:
            continue
        key = (rule.indicator, rule.window_months)
        if key not in once:
            once[key] = [
                thing
                for thing in counted(rule, facts, frame)
                if caseworker is None or thing.worker == caseworker
            ]
        found[rule.id] = once[key]
    return found


def _frame_of(rule: ColumnRule, frame: Frame) -> Frame:
    if rule.window_months is None:
        return frame
    return Frame(frame.first, frame.last, rule.window_months)


def _columns(rule: ColumnRule, things: Iterable[Counted]) -> Iterable[Column]:
    yield Column(rule)
    if rule.by:
        assert rule.by in SPLITS[rule.indicator]
        for code in sorted({thing.splits[rule.by] for thing in things}):
            yield Column(rule, code)


def _per_cent(part: object, whole: object, rule: ColumnRule) -> str | None:
    """A rate as text, rounded half up; nothing of nothing."""
    if not isinstance(part, int) or not isinstance(whole, int) or not whole:
        return None
    step = Decimal(1).scaleb(-rule.percent_digits)
    value = (Decimal(100 * part) / whole).quantize(step, rounding=ROUND_HALF_UP)
    return str(value)


def thaw(definition: Definition, content: bytes) -> Table:
    """A table from its spelling; columns that the definition no longer has are left out."""
    read = parse_object(content, members=_MOST_CELLS)
    rules = {rule.id: rule for rule in definition.columns}
    columns = {
        name: Column(rules[rule], code)
        for name in read["columns"]
        for rule, _, code in [name.partition(".")]
        if rule in rules
    }
    return Table(
        definition,
        Frame(
            date.fromisoformat(read["from"]),
            date.fromisoformat(read["to"]),
            read["window_months"],
        ),
        AccountId(read["caseworker"]) if read["caseworker"] else None,
        tuple(read["rows"]),
        tuple(columns.values()),
        {
            (row, name): value
            for row, line in zip(read["rows"], read["cells"], strict=True)
            for name, value in zip(read["columns"], line, strict=True)
            if name in columns
        },
    )
