"""When what is left of a person goes: consents, records of handovers, counted lines.

Enters: what was last done with a person's records, and what holds them; the periods of
funding. Leaves: yes or no; the last day up to which nothing is counted any more. Must never
happen: a record of somebody who is worked with, or whom a hold protects, called over; a
funding period that somebody typed by mistake, believed at once. Person-scoped: the latest
activity keeps or releases everything of a person. Implements the retention table of the
field document, chapter 4; HO-47, DO-33. The content itself: ``cases.retention``.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final, Protocol

from node.cases.consent import Consent
from node.cases.days import local_day
from node.cases.retention import closed_case_due
from node.ids import CaseId, TransferId

STOOD: Final = timedelta(days=30)
"""How long a funding period must have been set before anything goes by it."""


@dataclass(frozen=True, slots=True)
class Trace:
    """What speaks for keeping: the day of the last use, and whether something holds it."""

    last_use: date
    is_held: bool = False


@dataclass(frozen=True, slots=True)
class Funding:
    """A period of funding, since when it has been the town's setting."""

    first: date
    last: date
    set_at: datetime


@dataclass(frozen=True, slots=True)
class Counted:
    """A nameless remainder that reports count, and the last day it counts on."""

    key: str
    last: date


def is_over(traces: Iterable[Trace], *, years: int, on: date) -> bool:
    """Whether everything about these persons may go.

    Args:
        traces: At least one; the latest use of all of them counts.
        years: Whole years after the end of the year of the last use.
        on: The day, by a confirmed clock.
    """
    found = [*traces]
    if not found or any(trace.is_held for trace in found):
        return False
    return closed_case_due(max(trace.last_use for trace in found), years) <= on


def last_use(consent: Consent, on: date) -> date | None:
    """The last day on which a consent could be used; None while it is in force."""
    recorded = local_day(consent.recorded_at)
    if consent.withdrawn_at is not None:
        return max(recorded, local_day(consent.withdrawn_at))
    # What replaced it is a statement of its own, with a day of its own.
    if consent.replaced_by is not None:
        return recorded
    if consent.declined_on is not None:
        return max(recorded, consent.declined_on)
    return None if consent.valid_until >= on else max(recorded, consent.valid_until)


def counted_until(
    periods: Iterable[Funding], *, years: int, now: datetime
) -> date | None:
    """The last day whose counted lines may go; None if there is none yet.

    Args:
        periods: The town's period of funding, and those that it has succeeded.
        years: Whole years after the end of a period.
        now: By a confirmed clock.
    """
    today = local_day(now)
    return max(
        (
            period.last
            for period in periods
            if now - period.set_at >= STOOD and _years_after(period.last, years) < today
        ),
        default=None,
    )


def succeeds(former: Funding, first: date, at: datetime) -> bool:
    """Whether a new period follows one that has run out; else it only corrects it."""
    return former.last < first and former.last < local_day(at)


def _years_after(day: date, years: int) -> date:
    """The same day so many years later; 28 February where there is no 29th."""
    if day.year + years > date.max.year:
        return date.max
    try:
        return day.replace(year=day.year + years)
    except ValueError:
        return day.replace(year=day.year + years, day=28)


class Remainders(Protocol):
    """What is left of persons and transfers; every call inside one unit of work."""

    def sent_before(self, at: datetime) -> Sequence[TransferId]:
        """Transfers we sent, begun before an instant, whose persons were quiet since."""
        ...

    def received_before(self, at: datetime) -> Sequence[TransferId]:
        """The same of transfers that we received."""
        ...

    def quiet_before(self, at: datetime) -> Sequence[CaseId]:
        """Persons with traces of consents or moves, about whom nothing was written since."""
        ...

    def last_said(self, transfer: TransferId) -> datetime | None:
        """When a statement about it was last taken, by us or by the other side."""
        ...

    def is_waiting(self, transfer: TransferId) -> bool:
        """Whether something about it still wants to go out."""
        ...

    def moves(self, case: CaseId) -> Sequence[datetime]:
        """When relocations of this person were recorded."""
        ...

    def drop_sent(self, transfer: TransferId) -> None:
        """A transfer we sent goes, with all that was said about it."""
        ...

    def drop_received(self, transfer: TransferId) -> None:
        """A transfer we received goes; its number stays, so that it never comes again."""
        ...

    def drop_person(self, case: CaseId) -> None:
        """The consents of a person go, with evidence, relocations and settled tasks.

        Of a case that is erased it is forgotten where it came from and went.
        """
        ...

    def fundings(self) -> Sequence[Funding]:
        """The period of funding that is set, and those that it has succeeded."""
        ...

    def counted(self, until: date) -> Sequence[Counted]:
        """Nameless remainders with nothing counted after a day."""
        ...

    def drop_counted(self, remainder: Counted) -> None:
        """What reports counted of it goes."""
        ...

    def drop_looks(self, before: datetime) -> int:
        """Who looked, emergency access and reasons from before an instant go."""
        ...
