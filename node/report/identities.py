"""Everybody's identity in memory, to be compared; nothing of it is written.

Enters: a unit that sees the cases. Leaves: everybody; who is somebody else than before, and
who went. Must never happen: an identity that stays here after its case was erased.
Implements the field document, chapter 8 ("in memory").
"""

import threading
from collections.abc import Mapping
from dataclasses import dataclass

from node.cases.matching import Identity
from node.cases.matchports import Matches
from node.ids import CaseId

Everybody = Mapping[CaseId, Identity]


@dataclass(frozen=True, slots=True)
class Changed:
    """Who is somebody else than before, or new, and who went."""

    others: frozenset[CaseId]
    gone: frozenset[CaseId]


class Identities:
    """The identities of one node; made empty, kept up to date by whoever reads."""

    def __init__(self) -> None:
        """Nobody is known yet."""
        self._mark: tuple[object, ...] = ()
        self._versions: Mapping[CaseId, int] = {}
        self._known: Everybody = {}
        self._turn = threading.Lock()

    def refresh(self, matches: Matches) -> Everybody:
        """Everybody as this unit sees them; who went is forgotten.

        Nothing is read if no case was written since. Whoever compares meanwhile keeps what
        they began with; after a unit that saw less than is known, the next one sees it all.
        """
        mark = matches.mark()
        with self._turn:
            if mark != self._mark:
                versions, before = matches.versions(), self._versions
                known = {
                    case: identity
                    for case, identity in self._known.items()
                    if versions.get(case) == before[case]
                }
                for identity in matches.identities(versions.keys() - known.keys()):
                    known[identity.case] = identity
                self._mark, self._versions, self._known = mark, versions, known
            return self._known


def changed(before: Everybody, after: Everybody) -> Changed:
    """What became of everybody between two looks."""
    return Changed(
        frozenset(
            case for case, identity in after.items() if before.get(case) != identity
        ),
        frozenset(before.keys() - after.keys()),
    )
