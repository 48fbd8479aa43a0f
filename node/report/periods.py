"""The days for which totals are told to who sees nothing else.

Enters: the funding period, the present day. Leaves: that period and calendar years, as far
as they have come. Must never happen: days of free choice, because two reports that differ
by a day show what each of them hides (DO-37).
"""

from collections.abc import Sequence
from datetime import date
from typing import Final

from node.report.snapshot import ReportSettings

Days = tuple[date, date]
"""The first and the last day of a period."""

_FIRST_YEAR: Final = 2000


def funding_days(settings: ReportSettings, today: date) -> Days:
    """The funding period, as far as it has come."""
    return settings.first, max(settings.first, min(settings.last, today))


def year_days(year: int, today: date) -> Days:
    """A calendar year, as far as it has come; a year out of reach gets the nearest."""
    year = min(max(year, _FIRST_YEAR), today.year)
    return date(year, 1, 1), min(date(year, 12, 31), today)


def years_offered(settings: ReportSettings, today: date) -> Sequence[int]:
    """The years from the funding period on, the present one first."""
    return range(today.year, min(settings.first.year, today.year) - 1, -1)


def offered(settings: ReportSettings, today: date) -> Sequence[Days]:
    """The funding period, then each year, none twice."""
    years = (year_days(year, today) for year in years_offered(settings, today))
    return list(dict.fromkeys((funding_days(settings, today), *years)))


def is_offered(days: Days, settings: ReportSettings, today: date) -> bool:
    """Whether totals are told for these days; years before the funding period count."""
    return days in {funding_days(settings, today), year_days(days[0].year, today)}
