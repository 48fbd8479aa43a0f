"""The rows of the tally: nameless, under a number drawn for each erased case.

Enters: lines. Leaves: rows. Must never happen: a number that leads back to a case, so it is
random and kept nowhere else. Implements ``node.cases.ports.TallyRepository``.
"""

from collections.abc import Iterable
from datetime import date
from typing import Final

from sqlalchemy import insert

from node.cases.tally import History, TallyLine
from node.ids import CaseId
from node.store.backuptables import tally
from node.store.counting import SqlCounting
from node.store.work import Work

_ADD: Final = insert(tally)


class SqlTally:
    """Lines inside one unit of work."""

    def __init__(self, work: Work) -> None:
        """Serve one unit."""
        self._work = work

    def history(self, case: CaseId) -> History:
        """What a case that is about to go leaves to count."""
        return SqlCounting(self._work).history(case)

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
