"""Calendar days as people in Germany count them.

Enters: dates and aware instants. Leaves: the instants at which a day begins and ends in
Europe/Berlin, the day an instant falls on, and birthdays. Must never happen: an instant
without time zone, which would be read in the machine's own. Implements HO-31 (a date ends
at 24:00 Europe/Berlin, an exclusive instant), FR-13, FR-14. Source: section 187(2) and
section 188(2) BGB for the day on which a year of life is completed.
"""

from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from node.errors import UsageError

BERLIN: Final = ZoneInfo("Europe/Berlin")
_FIRST_INSTANT: Final = datetime.min.replace(tzinfo=UTC)
_LAST_INSTANT: Final = datetime.max.replace(tzinfo=UTC)


def day_start(day: date) -> datetime:
    """The instant (UTC) at which this day begins: 00:00 Europe/Berlin.

    The calendar's first day begins with the first instant there is.
    """
    if day == date.min:
        return _FIRST_INSTANT
    return datetime.combine(day, time(), BERLIN).astimezone(UTC)


def day_end(day: date) -> datetime:
    """The first instant (UTC) after this day, so an end that is itself outside.

    The calendar's last day ends with the last instant there is.
    """
    if day == date.max:
        return _LAST_INSTANT
    return day_start(day + timedelta(days=1))


def local_day(at: datetime) -> date:
    """The day in Europe/Berlin on which the instant falls.

    Raises:
        UsageError: The instant has no time zone.
    """
    if at.tzinfo is None:
        raise UsageError("an instant needs a time zone")
    return at.astimezone(BERLIN).date()


def birthday(born: date, years: int) -> date:
    """The day on which somebody turns this many years old.

    Who was born on 29 February completes a year of life with 28 February, so the first
    day of the new age is 1 March where the year has no 29th. A birthday beyond the
    calendar is its last day: it never comes.
    """
    if born.year + years > date.max.year:
        return date.max
    try:
        return born.replace(year=born.year + years)
    except ValueError:
        return date(born.year + years, 3, 1)
