"""Which backups there are, and whether they are as new as they must be.

Enters: rows of backups, the clock. Leaves: how the newest verified one stands. Must never
happen: a backup that was made but not verified counting as one (SR-R2). Implements the
alarm of SR-R1 and the port to where the rows are kept.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum, unique
from typing import Final, Protocol
from zoneinfo import ZoneInfo

BERLIN: Final = ZoneInfo("Europe/Berlin")
OVERDUE_AFTER: Final = timedelta(hours=26)
"""One a day, and two hours for making it."""


@unique
class Kind(StrEnum):
    """The two files of a set; they are kept apart."""

    CONTENT = "content"
    KEYS = "keys"


@dataclass(frozen=True, slots=True)
class BackupRow:
    """One file; ``weeks`` are the week keys it holds, ``digest`` its SHA-256."""

    set: str
    kind: Kind
    path: str
    digest: bytes
    weeks: tuple[str, ...]
    taken_at: datetime
    verified_at: datetime | None = None
    destroyed_at: datetime | None = None


class Backups(Protocol):
    """The rows of backups, inside one unit of work."""

    def add(self, row: BackupRow) -> None:
        """Insert one. ConflictError if its set has a file of this kind."""
        ...

    def verified(self, set_: str, kind: Kind, at: datetime) -> None:
        """It passed; the first time counts."""
        ...

    def destroyed(self, set_: str, kind: Kind, at: datetime) -> None:
        """Its file is gone."""
        ...

    def rows(self) -> Sequence[BackupRow]:
        """All rows, newest first."""
        ...


def last_verified(rows: Sequence[BackupRow]) -> datetime | None:
    """When the newest verified content was taken; None if there never was one."""
    taken = (
        row.taken_at
        for row in rows
        if row.kind is Kind.CONTENT and row.verified_at is not None
    )
    return max(taken, default=None)


def is_overdue(taken_at: datetime | None, at: datetime) -> bool:
    """Whether somebody must look: no verified backup for 26 hours."""
    return taken_at is None or at - taken_at > OVERDUE_AFTER


def is_due(taken_at: datetime | None, at: datetime, *, hour: int) -> bool:
    """Whether the backup of the day is still to be made.

    Args:
        taken_at: When the newest one was taken, None if there is none.
        at: Now.
        hour: The full hour of the day, local time, from which on it is made.
    """
    planned = at.astimezone(BERLIN).replace(
        hour=hour, minute=0, second=0, microsecond=0
    )
    if planned > at:
        planned -= timedelta(days=1)
    return taken_at is None or taken_at < planned
