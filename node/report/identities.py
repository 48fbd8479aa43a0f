"""Everybody's identity in memory, to be compared; nothing of it is written.

Enters: versions of cases, identities of those that changed. Leaves: which must be read
again, everybody. Must never happen: an identity that stays here after its case was erased.
Implements the field document, chapter 8 ("in memory").
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from node.cases.matching import Identity
from node.ids import CaseId


@dataclass(frozen=True, slots=True)
class Outdated:
    """What is not known as it is now: changed or new cases, and those that went."""

    changed: frozenset[CaseId]
    gone: frozenset[CaseId]


class Identities:
    """The identities of one node; made empty, kept up to date by whoever reads."""

    def __init__(self) -> None:
        """Nobody is known yet."""
        self._known: dict[CaseId, tuple[int, Identity]] = {}

    def outdated(self, versions: Mapping[CaseId, int]) -> Outdated:
        """Forget who went; gives what must be read again."""
        gone = frozenset(self._known.keys() - versions.keys())
        for case in gone:
            del self._known[case]
        changed = {
            case
            for case, version in versions.items()
            if case not in self._known or self._known[case][0] != version
        }
        return Outdated(frozenset(changed), gone)

    def update(
        self, versions: Mapping[CaseId, int], found: Iterable[Identity]
    ) -> frozenset[CaseId]:
        """Take these as they are now; gives those that are other people than before."""
        others = set()
        for identity in found:
            before = self._known.get(identity.case)
            if before is None or before[1] != identity:
                others.add(identity.case)
            self._known[identity.case] = (versions[identity.case], identity)
        return frozenset(others)

    def of(self, case: CaseId) -> Identity | None:
        """One of them."""
        found = self._known.get(case)
        return None if found is None else found[1]

    def all(self) -> list[Identity]:
        """Everybody, in no order."""
        return [identity for _, identity in self._known.values()]
