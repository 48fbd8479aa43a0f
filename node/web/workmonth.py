"""The part of the work list that counts: this month, and the months before it.

Enters: the caseload, the day. Leaves: numbers with the sentence that says how they were
counted. Must never happen: a number that is not the reader's own work. Implements screens
S2 ("Diesen Monat"), FR-5, FR-8.
"""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final, Protocol

from aiohttp import web

from node.casework.reporting import ReportUnit, settings_now
from node.ids import AccountId, CaseId
from node.report.caseload import CareRate, care_rate
from node.report.diary import Diary, TalksRow
from node.report.figures import months_before
from node.report.readings import MonthRow, PersonRow, Readings
from node.web.charts import Chart, Point, bars
from node.web.frame import account_of, parts_of, words_of

_MONTHS: Final = 6
_DAY: Final = timedelta(days=1)


class _Unit(ReportUnit, Protocol):
    readings: Readings
    diary: Diary


@dataclass(frozen=True, slots=True)
class Month:
    """This month, and how it was counted."""

    first: date
    window: date
    counts: MonthRow
    rate: CareRate
    chart: Chart


async def month_of(request: web.Request, mine: Sequence[PersonRow], on: date) -> Month:
    """What the reader did this month, and how many of their people are cared for."""
    words, parts = words_of(request), parts_of(request)
    window, counts, counted, talks = await parts.run.read(
        _read, account_of(request).id, on, parts.clock.now()
    )
    most = max(talks, key=lambda row: row.talks)
    description = words.gettext(
        "Talks by month from %(first)s to %(last)s; most in %(most)s."
    ) % {
        "first": words.month(talks[0].first),
        "last": words.month(talks[-1].first),
        "most": words.month(most.first),
    }
    return Month(
        first=on.replace(day=1),
        window=window + _DAY,
        counts=counts,
        rate=care_rate(mine, counted, on),
        chart=bars(
            words.gettext("Your talks by month"),
            description,
            [
                Point(words.month(row.first), words.number(row.talks), row.talks)
                for row in talks
            ],
        ),
    )


def _read(
    uow: _Unit, me: AccountId, on: date, now: datetime
) -> tuple[date, MonthRow, AbstractSet[CaseId], Sequence[TalksRow]]:
    window = months_before(on, settings_now(uow, now).window_months)
    first = start = on.replace(day=1)
    for _ in range(_MONTHS - 1):
        start = (start - _DAY).replace(day=1)
    return (
        window,
        uow.readings.month(me, first, on),
        uow.diary.counted(me, window, on),
        uow.diary.talks(me, start, on),
    )
