"""Small numbers: what must not be shown outside the office, and what must go with it.

Enters: a table and for whom it is. Leaves: a mark for every cell that is not shown. Must
never happen: a cell that is not shown and can be computed from those that are (DO-37,
SC-61). Implements the field document, chapter 5 (suppression).

Numbers that add up are laid out as a circulation: each cell is an edge, each row, column
and sum a node, and what flows into a node flows out of it. Somebody who sees the shown
cells knows of a hidden one its bounds: 1 to 4 if it is marked as small, from 5 on if it was
hidden with it. They can compute it exactly if no cycle of hidden cells lets it be
one more or one less. Such a cell gets company until there is a cycle.
"""

from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum, unique
from itertools import chain
from typing import Final

from node.report.definition import Audience
from node.report.tables import TOTAL, Column, Table

_FREE: Final = 10**9


@unique
class Mark(StrEnum):
    """Why a cell is not shown; ``VEILED`` is used while it is found out, never after."""

    SMALL = "small"
    WITH_IT = "with_it"
    VEILED = "veiled"


_Tree = Mapping[Column, Sequence[Column]]

Cell = tuple[str, object]
"""A row and what is counted there."""


@dataclass(frozen=True, slots=True)
class Edge:
    """A cell that flows from a node to a node. ``is_exact`` cells are always shown."""

    cell: Cell
    tail: object
    head: object
    value: int
    is_exact: bool = False


def rows_for(table: Table, audience: Audience) -> Table:
    """The table with the rows that this audience sees.

    Numbers of single caseworkers are for the office itself, and for the Land where it
    asks for them; a small row would else hide most of the table.
    """
    asks = audience is Audience.LAND and bool(table.definition.exact_totals)
    if audience is Audience.INTERNAL or asks:
        return table
    return replace(table, rows=(TOTAL,))


def hidden_cells(table: Table, audience: Audience) -> Mapping[tuple[str, str], Mark]:
    """The cells that this audience does not see, by row and column."""
    if audience is Audience.INTERNAL:
        return {}
    families = [list(family) for family in _families(table, audience)]
    marks = protect(families, table.definition.below)
    found: dict[tuple[str, str], Mark] = {}
    for column in table.columns:
        for row in table.rows:
            if column.is_count and (row, column.same) in marks:
                found[row, column.id] = marks[row, column.same]
    return found | dict(_derived(table, found))


def _derived(
    table: Table, found: Mapping[tuple[str, str], Mark]
) -> Iterator[tuple[tuple[str, str], Mark]]:
    """Ratios of what is not shown, and days of few handovers, are not shown either."""
    for column in table.columns:
        for row in table.rows:
            parts = column.rule.ratio
            if parts is not None and any((row, part) in found for part in parts):
                yield (row, column.id), Mark.WITH_IT
            if column.rule.measure and table.at(row, column.id) is not None:
                yield (row, column.id), Mark.WITH_IT


# -- How the cells of a table hang together ----------------------------------------------


def _families(table: Table, audience: Audience) -> Iterator[Iterable[Edge]]:
    """Groups of cells that add up; a cell may stand in several of them."""
    exact = table.definition.exact_totals if audience is Audience.LAND else frozenset()
    trees = list(_trees(table))
    covered = {
        column.same
        for root, tree in trees
        for column in (root, *chain.from_iterable(tree.values()))
    }
    for root, tree in trees:
        yield _edges(table, root, tree, exact)
    for column in table.columns:
        if column.is_count and column.same not in covered:
            covered.add(column.same)
            yield _edges(table, column, {}, exact)


def _trees(table: Table) -> Iterator[tuple[Column, _Tree]]:
    """Columns that are the sum of others."""
    plain = [column for column in table.columns if column.is_count and not column.code]
    by_indicator = {column.rule.indicator: column for column in plain}
    whole, cared = by_indicator.get("responsible"), by_indicator.get("cared_for")
    for column in plain:
        parts = table.parts(column.rule)
        if column.rule.indicator == "not_cared_for" and whole and cared:
            # Responsible is cared for and not cared for, the latter by reason.
            yield whole, {whole: [cared, column], column: parts}
        elif parts:
            yield column, {column: parts}


def _edges(
    table: Table,
    root: Column,
    tree: _Tree,
    exact: Iterable[str],
) -> Iterator[Edge]:
    """The circulation of one tree of columns over all rows."""
    shown_as_they_are = frozenset(exact)
    workers = [row for row in table.rows if row != TOTAL]
    additive = _adds_up(table, root, tree)
    for row in table.rows:
        is_sum = row == TOTAL and bool(workers) and additive
        for column, above in _walk(root, None, tree):
            number = table.number(row, column.id)
            upper: object = ("sum",) if above is None else (row, above.same)
            lower: object = (row, column.same)
            if column not in tree:
                # Leaves of all rows meet in one node, from which the sums are drawn.
                lower = ("leaf", column.same) if workers and additive else ("sum",)
            if is_sum:
                upper, lower = lower, upper
            yield Edge(
                (row, column.same),
                upper if additive else (row, column.same, "alone"),
                lower if additive else (row, column.same, "apart"),
                number,
                is_exact=column.rule.id in shown_as_they_are and not column.code,
            )


def _walk(
    column: Column, above: Column | None, tree: _Tree
) -> Iterator[tuple[Column, Column | None]]:
    yield column, above
    for part in tree.get(column, ()):
        yield from _walk(part, column, tree)


def _adds_up(table: Table, root: Column, tree: _Tree) -> bool:
    """Whether the rows add up to the last one; persons reached by two do not."""
    workers = [row for row in table.rows if row != TOTAL]
    return not workers or all(
        sum(table.number(row, column.id) for row in workers)
        == table.number(TOTAL, column.id)
        for column, _ in _walk(root, None, tree)
    )


# -- Protection --------------------------------------------------------------------------


def protect(families: Sequence[Sequence[Edge]], below: int = 5) -> Mapping[Cell, Mark]:
    """Hide small numbers, and what they could be computed from.

    Where no company is left, the table is so small that the marks themselves would tell:
    then nothing is marked as small in it, and what is hidden may be any number.

    Args:
        families: Circulations; the same cell may be an edge of several.
        below: Numbers from 1 up to this one are small.
    """
    marks: dict[Cell, Mark] = {
        edge.cell: Mark.SMALL
        for family in families
        for edge in family
        if 0 < edge.value < below and not edge.is_exact
    }
    shared = _shared(families)
    veiled: set[int] = set()
    is_settled = False
    while not is_settled:
        is_settled = True
        for number, family in enumerate(families):
            told = [
                edge
                for edge in family
                if edge.cell in marks
                and _is_told(edge, families, marks, shared=shared, below=below)
            ]
            for edge in told:
                added = _company(
                    edge,
                    family,
                    marks,
                    lambda tried, edge=edge: (  # type: ignore[misc]
                        not _is_told(edge, families, tried, shared=shared, below=below)
                    ),
                    is_veiled=number in veiled,
                )
                if not added and number not in veiled:
                    veiled.add(number)
                    added = {e.cell: Mark.VEILED for e in family if e.cell in marks}
                if added:
                    marks |= added
                    is_settled = False
                    break
    return {
        cell: Mark.WITH_IT if mark is Mark.VEILED else mark
        for cell, mark in marks.items()
    }


def _shared(families: Sequence[Sequence[Edge]]) -> frozenset[Cell]:
    """Cells that stand in more than one family."""
    seen: set[Cell] = set()
    twice: set[Cell] = set()
    for family in families:
        cells = {edge.cell for edge in family}
        twice |= seen & cells
        seen |= cells
    return frozenset(twice)


def _is_told(
    edge: Edge,
    families: Sequence[Sequence[Edge]],
    marks: Mapping[Cell, Mark],
    *,
    shared: frozenset[Cell],
    below: int,
) -> bool:
    """Whether a hidden cell can be computed: in all its families it can move nowhere."""
    ways = {1, -1}
    for family in families:
        own = next((item for item in family if item.cell == edge.cell), None)
        if own is not None:
            ways &= _ways(own, family, marks, shared=shared, below=below)
    return not ways


def _ways(
    edge: Edge,
    family: Sequence[Edge],
    marks: Mapping[Cell, Mark],
    *,
    shared: frozenset[Cell],
    below: int,
) -> set[int]:
    """Whether the cell could be one more (1) or one less (-1), as far as anyone sees."""
    onward: dict[object, list[object]] = defaultdict(list)
    for other in family:
        # What stands in several families is taken as fixed, which only hides more.
        if other.cell not in marks or other is edge or other.cell in shared:
            continue
        low, high = _bounds(marks[other.cell], below)
        if other.value < high:
            onward[other.tail].append(other.head)
        if other.value > low:
            onward[other.head].append(other.tail)
    low, high = _bounds(marks[edge.cell], below)
    found: set[int] = set()
    if edge.value < high and _leads(onward, edge.head, edge.tail):
        found.add(1)
    if edge.value > low and _leads(onward, edge.tail, edge.head):
        found.add(-1)
    return found


def _bounds(mark: Mark, below: int) -> tuple[int, int]:
    match mark:
        case Mark.SMALL:
            return 1, below - 1
        case Mark.WITH_IT:
            return below, _FREE
        case Mark.VEILED:
            return 0, _FREE


def _leads(
    onward: Mapping[object, Sequence[object]], start: object, goal: object
) -> bool:
    """Whether a way leads from a node to a node."""
    seen, waiting = {start}, deque([start])
    while waiting:
        node = waiting.popleft()
        if node == goal:
            return True
        for following in onward.get(node, ()):
            if following not in seen:
                seen.add(following)
                waiting.append(following)
    return False


def _company(
    edge: Edge,
    family: Sequence[Edge],
    marks: Mapping[Cell, Mark],
    helps: Callable[[Mapping[Cell, Mark]], bool],
    *,
    is_veiled: bool,
) -> dict[Cell, Mark]:
    """What is hidden beside a cell: the smallest that helps, else the smallest near it."""
    mark = Mark.VEILED if is_veiled else Mark.WITH_IT
    choice = sorted(
        (
            other
            for other in family
            if other.cell not in marks
            and not other.is_exact
            and (other.value or is_veiled)
        ),
        key=lambda other: (
            other.value == 0,
            other.cell[0] == TOTAL,
            other.value,
            str(other.cell),
        ),
    )
    for other in choice:
        if helps({**marks, other.cell: mark}):
            return {other.cell: mark}
    ends = {edge.tail, edge.head}
    near = [other for other in choice if ends & {other.tail, other.head}]
    return {other.cell: mark for other in (near or choice)[:1]}
