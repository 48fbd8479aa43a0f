"""A report as a table: rows, columns, numbers, and its one spelling as bytes.

Enters: a definition, facts, a frame, perhaps one caseworker. Leaves: a ``Table``; for one
of its numbers the things that were counted. Must never happen: two spellings of one table,
so that the digest of a snapshot says something; a name in a table. Implements the field
document, chapter 5 (definitions, drill-down, snapshot).
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Final

from node.ids import AccountId
from node.report.definition import SPLITS, ColumnRule, Definition
from node.report.facts import Facts
from node.report.figures import Counted, Frame
from node.report.workfigures import FIGURES, Figure, measured
from node.strictjson import encode, parse_object

TOTAL: Final = "total"
"""The key of the row over everybody."""

_MOST_CELLS: Final = 200_000


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


Place = tuple[str, int | None, str, str, str]
"""Indicator, window, by what it is divided, code, row; the whole has neither by nor code."""

Sums = Counter[Place]
"""How many things there are in each place; a place that is missing has none."""


@dataclass(frozen=True, slots=True)
class Ask:
    """An indicator over some days, and by what its number is divided."""

    indicator: str
    window_months: int | None
    figure: Figure
    frame: Frame
    splits: tuple[str, ...]

    def things(self, facts: Facts) -> Iterator[Counted]:
        """What it counts."""
        return self.figure(facts, self.frame)


def kinds_of(definition: Definition) -> frozenset[str]:
    """The kinds of facts that a definition counts."""
    asked = {rule.indicator for rule in definition.columns} & FIGURES.keys()
    return frozenset().union(*(FIGURES[indicator][1] for indicator in asked))


def asks_of(definition: Definition, frame: Frame) -> Sequence[Ask]:
    """What a definition counts; one number divided in several ways is counted once."""
    found: dict[tuple[str, int | None], dict[str, None]] = {}
    for rule in definition.columns:
        if rule.indicator in FIGURES:
            splits = found.setdefault((rule.indicator, rule.window_months), {"": None})
            splits[rule.by] = None
    return [
        Ask(name, months, FIGURES[name][0], _frame_of(months, frame), (*splits,))
        for (name, months), splits in found.items()
    ]


def ask_of(rule: ColumnRule, frame: Frame) -> Ask:
    """What one column counts."""
    months, (figure, _) = rule.window_months, FIGURES[rule.indicator]
    return Ask(rule.indicator, months, figure, _frame_of(months, frame), (rule.by,))


def sums_of(asks: Iterable[Ask], facts: Facts, *, into: Sums) -> None:
    """Count things; one with two caseworkers counts once in all, and once with each."""
    for ask in asks:
        seen: set[tuple[str, str, str, str]] = set()
        for thing in ask.things(facts):
            for by in ask.splits:
                code = thing.splits[by] if by else ""
                for row in (TOTAL, thing.worker):
                    if (by, code, row, thing.key) not in seen:
                        seen.add((by, code, row, thing.key))
                        into[ask.indicator, ask.window_months, by, code, row] += 1


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
    sums: Sums,
    days: Sequence[int],
    frame: Frame,
    caseworker: AccountId | None = None,
    *,
    only_total: bool = False,
) -> Table:
    """Lay out a whole report.

    Args:
        definition: Which columns.
        sums: What ``asks_of`` the definition counted, over everybody.
        days: From offer to opening, of each handover that counts.
        frame: Of which days.
        caseworker: The work of one person alone.
        only_total: No rows by caseworker.
    """
    if caseworker is not None:
        sums = _only_of(caseworker, sums)
    columns = [c for rule in definition.columns for c in _columns(rule, sums)]
    workers = sorted({row for *_, row in sums if row != TOTAL})
    by_rows = definition.rows == "caseworker" and not only_total
    rows = (*workers, TOTAL) if by_rows else (TOTAL,)
    cells: dict[tuple[str, str], int | str | None] = {}
    for row in rows:
        for column in columns:
            if column.is_count:
                cells[row, column.id] = sums[*column.same, row]
            elif column.rule.measure:
                cells[row, column.id] = measured(days, column.rule.measure)
        for column in columns:
            if column.rule.ratio is not None:
                part, whole = (cells[row, name] for name in column.rule.ratio)
                cells[row, column.id] = _per_cent(part, whole, column.rule)
    return Table(definition, frame, caseworker, rows, tuple(columns), cells)


def _only_of(worker: str, sums: Sums) -> Sums:
    """The places of one caseworker, who is all there is."""
    own = {place: number for place, number in sums.items() if place[-1] == worker}
    all_of_it = {(*place[:-1], TOTAL): number for place, number in own.items()}
    return Counter(own | all_of_it)


def _frame_of(window_months: int | None, frame: Frame) -> Frame:
    if window_months is None:
        return frame
    return Frame(frame.first, frame.last, window_months)


def _columns(rule: ColumnRule, sums: Sums) -> Iterable[Column]:
    yield Column(rule)
    if rule.by:
        assert rule.by in SPLITS[rule.indicator]
        same = (rule.indicator, rule.window_months, rule.by)
        for code in sorted({place[3] for place in sums if place[:3] == same}):
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
