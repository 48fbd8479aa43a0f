"""What taking a list in needs of the world: where a list waits, and what it has changed."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum, unique
from typing import Protocol

from node.ids import AccountId, CaseId, RecordId


@unique
class BatchState(StrEnum):
    """How far a list is."""

    OPEN = "open"
    APPLIED = "applied"
    UNDONE = "undone"


@dataclass(frozen=True, slots=True)
class Batch:
    """One list of one caseworker. ``answers`` is what they decided so far, as one text.

    ``digest`` is the SHA-256 of the file; ``erase_at`` is when the list goes by itself.
    """

    id: RecordId
    account: AccountId
    state: BatchState
    created_at: datetime
    erase_at: datetime
    digest: bytes
    answers: bytes = field(repr=False)
    applied_at: datetime | None = None
    undone_at: datetime | None = None
    version: int = 1


@dataclass(frozen=True, slots=True)
class Taken:
    """What a list did to one case: opened it (``before`` is 0), or wrote records into it.

    ``before`` and ``after`` are versions of the case, ``records`` ids with the version
    that the list wrote.
    """

    case: CaseId
    before: int
    after: int
    records: tuple[tuple[RecordId, int], ...] = ()


@unique
class Standing(StrEnum):
    """Whether what a list did can be taken back."""

    SAME = "same"
    EDITED = "edited"
    MOVED = "moved"


class Imports(Protocol):
    """Lists that wait or were taken in; every call happens inside one unit of work."""

    def add(self, batch: Batch, rows: bytes) -> None:
        """Keep a list, its rows and answers sealed under a key of its own."""
        ...

    def get(self, batch: RecordId) -> Batch:
        """One list, locked. NotFoundError if absent."""
        ...

    def rows(self, batch: RecordId) -> bytes:
        """The rows that were kept with a list."""
        ...

    def of(self, account: AccountId) -> Sequence[Batch]:
        """All lists of one caseworker, newest first."""
        ...

    def replace(self, before: Batch, after: Batch) -> None:
        """Compare-and-set on ``before.version``. ConflictError if it moved."""
        ...

    def drop(self, batch: RecordId) -> None:
        """The list goes, with its rows, its answers and its key."""
        ...

    def drop_over(self, at: datetime) -> int:
        """Lists whose time is over go; gives how many."""
        ...

    def note(self, batch: RecordId, taken: Iterable[Taken]) -> None:
        """Remember what a list did, so that it can be taken back."""
        ...

    def taken(self, batch: RecordId) -> Sequence[tuple[Taken, Standing]]:
        """What a list did and is still there, by case, and whether it is as it left it."""
        ...

    def take_back(self, batch: RecordId) -> None:
        """Every case is as it was before the list, as far as nobody has touched it.

        Of a case that was here before, the records that nobody edited go.
        """
        ...

    def memory(self, fingerprint: bytes) -> bytes | None:
        """What was decided about an earlier list with the same titles."""
        ...

    def remember(self, fingerprint: bytes, decided: bytes) -> None:
        """Keep what was decided for the next list with the same titles."""
        ...
