"""Everybody's identity in memory, to be compared; nothing of it is written.

Enters: a unit that sees the cases. Leaves: who is somebody else than before, who went,
everybody. Must never happen: an identity that stays here after its case was erased.
Implements the field document, chapter 8 ("in memory").
"""

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from node.cases.matching import Identity
from node.cases.matchports import Matches
from node.ids import CaseId


@dataclass(frozen=True, slots=True)
class Changed:
    """Who is somebody else than before, or new, and who went."""

    others: frozenset[CaseId]
    gone: frozenset[CaseId]


_UNCHANGED: Final = Changed(frozenset(), frozenset())


class Identities:
    """The identities of one node; made empty, kept up to date by whoever reads."""

    def __init__(self) -> None:
        """Nobody is known yet."""
        self._mark: tuple[object, ...] = ()
        self._known: Mapping[CaseId, tuple[int, Identity]] = {}
        self._turn = threading.Lock()

    def refresh(self, matches: Matches) -> Changed:
        """Everybody as this unit sees them; who went is forgotten.

        Nothing is read if no case was written since. Whoever compares meanwhile keeps what
        they began with; after a unit that saw less than is known, the next one sees it all.
        """
        mark = matches.mark()
        with self._turn:
            if mark == self._mark:
                return _UNCHANGED
            versions = matches.versions()
            before = self._known
            known = {
                case: kept
                for case, kept in before.items()
                if versions.get(case) == kept[0]
            }
            others = set()
            for identity in matches.identities(versions.keys() - known.keys()):
                case = identity.case
                if case not in before or before[case][1] != identity:
                    others.add(case)
                known[case] = (versions[case], identity)
            gone = frozenset(before.keys() - versions.keys())
            self._mark, self._known = mark, known
        return Changed(frozenset(others), gone)

    def of(self, case: CaseId) -> Identity | None:
        """One of them."""
        found = self._known.get(case)
        return None if found is None else found[1]

    def all(self) -> list[Identity]:
        """Everybody, in no order."""
        return [identity for _, identity in self._known.values()]
