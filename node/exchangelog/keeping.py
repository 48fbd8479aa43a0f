"""How long an entry may be opened, what stops its erasure, and in which order it goes.

Enters: classes, days, times that others signed, places in the log. Leaves: the last day, a
yes or no, the next step, ranges. Must never happen: an entry of the class ``permanent``
erased; an erasure by date on the word of our own clock alone (SR-K7); a step before the
one it rests on. The audit judges an erasure by the same functions (LR-41).
Implements exchange log 9.2 and 9.3, LR-37 to LR-41.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum, unique
from itertools import groupby
from typing import Final

from node.exchangelog.kinds import EntryClass

LOWER_BOUND_YEARS: Final = 1
"""No class may be erased by its date before this; a body's settings only go beyond."""
WITNESS_WAIT: Final = timedelta(hours=24)
"""How long an erasure waits for a witness: the duty to erase does not wait for ever."""
CLOCK_AGE: Final = timedelta(hours=24)
CLOCK_DRIFT: Final = timedelta(minutes=5)
ORDER_LIFE: Final = timedelta(days=7)
"""How long an order waits for its second person."""
OVERDUE: Final = timedelta(days=7)
RANGES_PER_ENTRY: Final = 250
"""So that an entry stays below its 8 KiB, whatever the indexes."""
_RULE: Final = "class/"

Ranges = tuple[tuple[int, int], ...]
"""Half-open ranges of indexes, ascending and apart."""


@unique
class Basis(StrEnum):
    """Why entries were erased. ``restored`` repeats what the deletion register says."""

    RETENTION = "retention"
    ORDER = "order"
    REQUEST = "request"
    RESTORED = "restored"

    @property
    def needs_two(self) -> bool:
        """Whether two people and a reference must stand behind it."""
        return self in {Basis.ORDER, Basis.REQUEST}


@unique
class HoldBasis(StrEnum):
    """Why entries must stay although their time is over."""

    COURT = "court"
    COMPLAINT = "complaint"
    AUDIT = "audit"
    CLAIM = "claim"


@unique
class State(StrEnum):
    """How far an erasure came; each state is durable before the next step begins.

    ``replayed``: a restore brought back what the register calls destroyed; it is destroyed
    again, and its entry in the log still has to be written.
    """

    INTENT = "intent"
    REGISTERED = "registered"
    REPLAYED = "replayed"
    DESTROYED = "destroyed"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class Terms:
    """Years after which each class is closed (9.3); settings of the body.

    ``transfer`` counts from the end of the year of the group's last entry.
    """

    transfer: int = 3
    audit: int = 2
    operation: int = 10


FLOOR: Final = Terms(LOWER_BOUND_YEARS, LOWER_BOUND_YEARS, LOWER_BOUND_YEARS)


def kept_until(kind: EntryClass, last: date, terms: Terms) -> date | None:
    """The last day on which a group may be opened, None for ever.

    Args:
        kind: Its class.
        last: The day of its last entry (UTC).
        terms: The body's settings.
    """
    match kind:
        case EntryClass.TRANSFER:
            return date(last.year + terms.transfer, 12, 31)
        case EntryClass.AUDIT:
            return _years_later(last, terms.audit)
        case EntryClass.OPERATION:
            return _years_later(last, terms.operation)
        case EntryClass.PERMANENT:
            return None


def is_over(
    kind: EntryClass, *, latest: datetime, proven: datetime, terms: Terms
) -> bool:
    """Whether the time of a group is over.

    Args:
        kind: Its class.
        latest: No entry of the group is younger than this.
        proven: It is at least this late, by a time that somebody else signed.
        terms: The body's settings; ``FLOOR`` for who judges another body.
    """
    last_day = kept_until(kind, latest.astimezone(UTC).date(), terms)
    return last_day is not None and proven.astimezone(UTC).date() > last_day


def rule_of(kind: EntryClass) -> str:
    """What an erasure by date names in place of an order: the class whose time is over."""
    return f"{_RULE}{kind}"


def class_of_rule(reference: str | None) -> EntryClass | None:
    """The inverse of ``rule_of``; None for anything else, or what is never erased."""
    for kind in (EntryClass.TRANSFER, EntryClass.AUDIT, EntryClass.OPERATION):
        if reference == rule_of(kind):
            return kind
    return None


@dataclass(frozen=True, slots=True)
class SignedTime:
    """A time that a foreign witness signed, and what our clock said when it came."""

    signed_at: datetime
    arrived_at: datetime


def confirmed_clock(now: datetime, times: Iterable[SignedTime]) -> datetime | None:
    """The newest foreign time that our clock agrees with, None if there is none (SR-K7).

    It agrees when both differed by at most five minutes, and it is at most a day old.
    """
    good = [
        time.signed_at
        for time in times
        if abs(time.signed_at - time.arrived_at) <= CLOCK_DRIFT
        and now - CLOCK_AGE <= time.signed_at <= now + CLOCK_DRIFT
        and time.arrived_at <= now
    ]
    return max(good, default=None)


def may_register(*, begun_at: datetime, now: datetime, is_witnessed: bool) -> bool:
    """Step 3: a foreign cosignature lies over the intent, or a day has passed."""
    return is_witnessed or now - begun_at >= WITNESS_WAIT


def ranges_of(indexes: Iterable[int]) -> Ranges:
    """Indexes in any order, each at most once, as ranges."""
    numbered = enumerate(sorted(indexes))
    runs = [
        [index for _, index in run]
        for _, run in groupby(numbered, lambda pair: pair[1] - pair[0])
    ]
    return tuple((run[0], run[-1] + 1) for run in runs)


def portions(ranges: Ranges) -> Sequence[Ranges]:
    """Ranges cut so that each portion fits into one entry."""
    starts = range(0, len(ranges), RANGES_PER_ENTRY)
    return [ranges[start : start + RANGES_PER_ENTRY] for start in starts]


@dataclass(frozen=True, slots=True)
class Ground:
    """A ``log.erasure`` as it stands in the tree.

    ``index`` is its place, ``proven`` the newest foreign time below it, None if nobody had
    signed anything yet.
    """

    index: int
    low: int
    high: int
    basis: str
    reference: str | None
    proven: datetime | None

    def explains(self, index: int, latest: datetime | None) -> bool:
        """Whether the missing body of an entry is lawfully gone by it (LR-41).

        Args:
            index: The entry's place.
            latest: The first foreign time over it, None if nobody ever cosigned it.
        """
        if not self.low <= index < self.high or index >= self.index:
            return False
        if self.basis != Basis.RETENTION:
            return True
        kind = class_of_rule(self.reference)
        return (
            kind is not None
            and latest is not None
            and self.proven is not None
            and is_over(kind, latest=latest, proven=self.proven, terms=FLOOR)
        )


def _years_later(day: date, years: int) -> date:
    try:
        return day.replace(year=day.year + years)
    except ValueError:  # the 29th of February
        return date(day.year + years, 3, 1)
