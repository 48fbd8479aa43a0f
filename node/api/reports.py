"""``/api/v1/reports``: totals of one calendar year, as somebody outside may see them.

Enters: a report, a year. Leaves: one number per column, small ones left out. Must never
happen here: a row of one caseworker; days that can be moved one by one, so that two answers
show what each hides (DO-37). Implements ``reports:read`` of chapter 6 of the field document.
"""

import re
from datetime import date
from typing import Final

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field

from node.accounts.policy import Actor
from node.api.gate import DESK, token_of
from node.api.problem import ProblemError
from node.cases.days import local_day
from node.casework import reporting
from node.casework.reporting import ReportUnit, Wish, audience_for
from node.report.definition import Audience, definition
from node.report.suppress import hidden_cells, rows_for
from node.report.tables import TOTAL, Table
from node.sync.office import Office

PATH: Final = "/v1/reports"
FIRST_YEAR: Final = 2000
_YEAR: Final = re.compile(r"2[0-9]{3}", re.ASCII)


class NumberLine(BaseModel):
    """One number of a report."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    column: str = Field(description="What is counted, like ``talks.phone``.")
    value: int | str | None = Field(
        description="A number, or a rate as text; null where there is none or it is hidden."
    )
    hidden: bool = Field(description="Whether it is too small to be told.")


class ReportAnswer(BaseModel):
    """The totals of a report for one year, up to today."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    report: str
    version: int
    first: date
    last: date
    window_months: int
    numbers: list[NumberLine]


async def show(request: web.Request) -> web.Response:
    """The totals of one report for one year."""
    desk = request.config_dict[DESK]
    report = definition(request.match_info["report"])
    today = local_day(desk.office.clock.now())
    year = _year(request, today)
    by = Actor(scopes=token_of(request).scopes)
    days = date(year, 1, 1), min(date(year, 12, 31), today)
    table: Table = await desk.run.read(_counted, desk.office, report.id, days, by)
    audience = audience_for(by, Audience.INTERNAL, report)
    seen = rows_for(table, audience)
    hidden = hidden_cells(seen, audience)
    answer = ReportAnswer(
        report=report.id,
        version=report.version,
        first=days[0],
        last=days[1],
        window_months=table.frame.window_months,
        numbers=[
            NumberLine(
                column=column.id,
                value=None
                if (TOTAL, column.id) in hidden
                else seen.at(TOTAL, column.id),
                hidden=(TOTAL, column.id) in hidden,
            )
            for column in seen.columns
        ],
    )
    return web.Response(text=answer.model_dump_json(), content_type="application/json")


def _year(request: web.Request, today: date) -> int:
    sent = [(name, text) for name, text in request.query.items()]
    if not sent:
        return today.year
    if len(sent) > 1 or sent[0][0] != "year" or _YEAR.fullmatch(sent[0][1]) is None:
        raise ProblemError("query")
    year = int(sent[0][1])
    if year > today.year:
        raise ProblemError("query")
    return year


def _counted(
    uow: ReportUnit, office: Office, name: str, days: tuple[date, date], by: Actor
) -> Table:
    now = office.clock.now()
    window = reporting.settings_now(uow, now).window_months
    return reporting.run(uow, Wish(name, *days, window), now, by=by)
