"""What matching needs of the world: pairs that were found or decided, and merges.

Enters and leaves: frozen values. Must never happen: a name or a birth date in a clear column;
what a decision rests on is kept as a digest under the key of a case.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum, unique
from typing import Final, Protocol

from node.cases.matching import Identity, Pair
from node.ids import AccountId, CaseId, RecordId

UNDO_DAYS: Final = timedelta(days=30)
LATER_DAYS: Final = timedelta(days=7)


@unique
class Decision(StrEnum):
    """What somebody said about a pair; ``open`` is nothing yet."""

    OPEN = "open"
    LATER = "later"
    NOT_SAME = "not_same"
    SAME = "same"


@dataclass(frozen=True, slots=True)
class KnownPair:
    """A pair that was found, and what was said of it.

    ``digest`` is of both persons' names and birth dates: a decision counts until they change.
    """

    pair: Pair
    digest: bytes
    found_at: datetime
    decision: Decision = Decision.OPEN
    decided_at: datetime | None = None
    decided_by: AccountId | None = None

    @property
    def is_open(self) -> bool:
        """Whether somebody has still to decide."""
        return self.decision in {Decision.OPEN, Decision.LATER}

    def is_due(self, at: datetime) -> bool:
        """Whether it stands on the worklist: "later" comes back after a week."""
        is_resting = self.decided_at is not None and at < self.decided_at + LATER_DAYS
        return self.is_open and not is_resting


@dataclass(frozen=True, slots=True)
class Merge:
    """Two cases that were united.

    ``moved`` are the records that came over, ``taken`` the fields of the person that hold
    values of the absorbed case. ``ended_at``: no undo any more, the absorbed key is gone.
    """

    id: RecordId
    survivor: CaseId
    absorbed: CaseId
    epoch: int
    merged_at: datetime
    merged_by: AccountId | None
    undo_until: date
    moved: tuple[RecordId, ...]
    taken: tuple[str, ...]
    undone_at: datetime | None = None
    ended_at: datetime | None = None

    @property
    def stands(self) -> bool:
        """Whether the cases are one now."""
        return self.undone_at is None

    def holds(self, case: CaseId) -> bool:
        """Whether the content of this case lies in the other one now."""
        return self.stands and self.absorbed == case

    @property
    def is_running(self) -> bool:
        """Whether the time of its undo goes on."""
        return self.undone_at is None and self.ended_at is None


class Matches(Protocol):
    """Pairs and merges inside one unit of work."""

    def mark(self) -> tuple[object, ...]:
        """Another one after everything written to any case, by any process."""
        ...

    def versions(self) -> Mapping[CaseId, int]:
        """The version of every case that may be compared: held here, not restricted."""
        ...

    def identities(self, cases: Collection[CaseId]) -> Sequence[Identity]:
        """What is compared of these persons, opened; those that are gone are left out."""
        ...

    def pairs(self, case: CaseId | None = None) -> Sequence[KnownPair]:
        """Pairs of one case, or all; strong ones first."""
        ...

    def pair(self, one: CaseId, other: CaseId) -> KnownPair | None:
        """One pair, in whichever order, or None."""
        ...

    def put_pair(self, known: KnownPair) -> None:
        """Insert, or replace the one of the same cases."""
        ...

    def drop_pairs(self, pairs: Iterable[Pair]) -> None:
        """Forget these."""
        ...

    def merges(self, case: CaseId | None = None) -> Sequence[Merge]:
        """Merges that this case is part of, or all, newest first."""
        ...

    def merge(self, merge: RecordId) -> Merge:
        """One merge. NotFoundError if absent."""
        ...

    def put_merge(self, merge: Merge, snapshot: bytes | None) -> None:
        """Insert or replace; the snapshot is sealed under the survivor's key, None drops it."""
        ...

    def snapshot(self, merge: Merge) -> bytes | None:
        """What an undo needs, or what waits to be assigned after one; None if it is gone."""
        ...
