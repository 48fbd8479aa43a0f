"""A report as its audience sees it: the rows it gets, the numbers that are kept from it.

Enters: a table, for whom it is. Leaves: cells, or the mark that stands in their place. Must
never happen: a way round a mark, on a page, in a file or towards a program (DO-37, SC-61).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from node.report.definition import Audience
from node.report.suppress import Mark, hidden_cells, rows_for
from node.report.tables import Column, Table


@dataclass(frozen=True, slots=True)
class Seen:
    """The rows that an audience gets, and which of their cells it does not see."""

    table: Table
    audience: Audience
    hidden: Mapping[tuple[str, str], Mark]

    def at(self, row: str, column: Column) -> int | str | Mark | None:
        """One cell, or why it is not shown."""
        mark = self.hidden.get((row, column.id))
        return self.table.at(row, column.id) if mark is None else mark


class Explained(Protocol):
    """The texts of a report; a number in them is one that the audience sees."""

    def label(self, column: Column) -> str:
        """What a column is called."""
        ...

    def so(self, column: Column) -> str:
        """How a column was counted."""
        ...


Explain = Callable[[Seen], Explained]


def seen_by(table: Table, audience: Audience) -> Seen:
    """Judge what an audience may see of a table."""
    rows = rows_for(table, audience)
    return Seen(rows, audience, hidden_cells(rows, audience))
