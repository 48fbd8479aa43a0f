"""``/api/v1/reports``: the totals of reports, for a program of the town or of the Land.

Enters: which report, one of the periods that are offered. Leaves: a table of totals, each
column with how it was counted. Must never happen here: a number that the pages would keep
from the same reader; days of the caller's own choice, because two periods that differ by a
day show what each of them hides (DO-37). Implements DO-40 for tokens.
"""

import hashlib
from collections.abc import Sequence
from datetime import date, datetime
from typing import Final, Literal

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field

from node.accounts.policy import Actor
from node.api.asked import days_asked, nothing_but
from node.api.gate import DESK, token_of
from node.api.problem import ProblemError
from node.casework import reporting
from node.casework.reporting import ReportUnit
from node.errors import InputError
from node.report.definition import LAND, Audience, ColumnRule, Definition, definitions
from node.report.periods import Days
from node.report.seen import Explained, Seen
from node.report.suppress import Mark
from node.report.tables import Column
from node.strictjson import JsonObject

PATH: Final = "/v1/reports"
PART: Final[JsonObject] = {
    "description": "A report of the list.",
    "schema": {"type": "string", "pattern": "^[a-z0-9]+(-[a-z0-9]+)*$"},
    "example": LAND,
}
_GERMAN: Final = "de"
_Why = Literal["small", "with_it"]
_ANSWER: Final = ConfigDict(extra="forbid", frozen=True)


class ReportRatio(BaseModel):
    """A column that is a rate in per cent: the ids of what is divided by what."""

    model_config = _ANSWER

    numerator: str
    denominator: str


class ReportColumn(BaseModel):
    """One column of a definition."""

    model_config = _ANSWER

    id: str
    label: str = Field(description="In German.")
    ratio: ReportRatio | None


class ReportLine(BaseModel):
    """One report that there is."""

    model_config = _ANSWER

    id: str
    version: int
    title: str = Field(description="In German.")
    audience: Audience = Field(description="For whom it is made.")
    columns: list[ReportColumn]


class ReportPeriod(BaseModel):
    """The first and the last day."""

    model_config = _ANSWER

    first: date = Field(alias="from")
    last: date = Field(alias="to")


class ReportPage(BaseModel):
    """Every report, and the periods for which totals are told."""

    model_config = _ANSWER

    reports: list[ReportLine]
    periods: list[ReportPeriod] = Field(
        description="The funding period and calendar years, as far as they have come."
        " Earlier calendar years may be asked for too; no other days."
    )


class CountedColumn(ReportColumn):
    """One column of a table; a divided number also has one for each of its parts."""

    so_counted: str = Field(description="How it was counted, in German.")


class ReportCell(BaseModel):
    """One number."""

    model_config = _ANSWER

    column: str
    value: int | str | None = Field(
        description="A number of things or days; a rate in per cent is text like 75.2."
        " Null if it is hidden or if there is nothing to tell."
    )
    hidden: _Why | None = Field(
        description="``small``: from 1 to one less than ``below``. ``with_it``: others"
        " could be computed from it."
    )


class ReportRow(BaseModel):
    """One row."""

    model_config = _ANSWER

    id: str
    cells: list[ReportCell]


class ReportAnswer(BaseModel):
    """The totals of a report."""

    model_config = _ANSWER

    id: str
    version: int
    title: str
    audience: Audience = Field(description="For whom small numbers were hidden.")
    period: ReportPeriod
    below: int = Field(description="Numbers from 1 up to this one are small.")
    as_known_at: datetime = Field(
        description="What was recorded later is not in it. ``ETag`` is about the rest."
    )
    columns: list[CountedColumn]
    rows: list[ReportRow]


async def listed(request: web.Request) -> web.Response:
    """The reports there are."""
    nothing_but(request, ())
    desk, by = request.config_dict[DESK], Actor(scopes=token_of(request).scopes)
    offered = await desk.run.read(_periods, desk.office.clock.now(), by)
    answer = ReportPage(
        reports=[_line(report) for report in definitions()],
        periods=[_period(*days) for days in offered],
    )
    return web.Response(
        text=answer.model_dump_json(by_alias=True), content_type="application/json"
    )


async def show(request: web.Request) -> web.Response:
    """The totals of one report."""
    days = days_asked(request)
    desk, by = request.config_dict[DESK], Actor(scopes=token_of(request).scopes)
    name, now = request.match_info["report"], desk.office.clock.now()
    try:
        seen = await desk.run.read(_totals, name, days, now, by)
    except InputError:
        raise ProblemError("query") from None
    answer = _answer(seen, desk.explain(seen), now)
    tag = _tag(answer)
    if request.headers.get("If-None-Match") == tag:
        return web.Response(status=304, headers={"ETag": tag})
    return web.Response(
        text=answer.model_dump_json(by_alias=True),
        content_type="application/json",
        headers={"ETag": tag},
    )


def _periods(uow: ReportUnit, now: datetime, by: Actor) -> Sequence[Days]:
    return reporting.periods(uow, now, by=by)


def _totals(uow: ReportUnit, name: str, days: Days, now: datetime, by: Actor) -> Seen:
    return reporting.totals(uow, name, days, now, by=by)


def _tag(answer: ReportAnswer) -> str:
    """Made of what is told and of nothing else, or it would tell of hidden numbers."""
    told = answer.model_dump_json(by_alias=True, exclude={"as_known_at"})
    # Weak, because the instant differs where the numbers are the same.
    return f'W/"{hashlib.sha256(told.encode()).hexdigest()[:32]}"'


def _line(report: Definition) -> ReportLine:
    return ReportLine(
        id=report.id,
        version=report.version,
        title=report.title.of(_GERMAN),
        audience=report.audience,
        columns=[
            ReportColumn(id=rule.id, label=rule.label.of(_GERMAN), ratio=_ratio(rule))
            for rule in report.columns
        ],
    )


def _answer(seen: Seen, words: Explained, now: datetime) -> ReportAnswer:
    table = seen.table
    return ReportAnswer(
        id=table.definition.id,
        version=table.definition.version,
        title=table.definition.title.of(_GERMAN),
        audience=seen.audience,
        period=_period(table.frame.first, table.frame.last),
        below=table.definition.below,
        as_known_at=now,
        columns=[
            CountedColumn(
                id=column.id,
                label=words.label(column),
                ratio=_ratio(column.rule),
                so_counted=words.so(column),
            )
            for column in table.columns
        ],
        rows=[
            ReportRow(
                id=row, cells=[_cell(seen, row, column) for column in table.columns]
            )
            for row in table.rows
        ],
    )


def _cell(seen: Seen, row: str, column: Column) -> ReportCell:
    value = seen.at(row, column)
    if isinstance(value, Mark):
        why: _Why = "small" if value is Mark.SMALL else "with_it"
        return ReportCell(column=column.id, value=None, hidden=why)
    return ReportCell(column=column.id, value=value, hidden=None)


def _ratio(rule: ColumnRule) -> ReportRatio | None:
    if rule.ratio is None:
        return None
    return ReportRatio(numerator=rule.ratio[0], denominator=rule.ratio[1])


def _period(first: date, last: date) -> ReportPeriod:
    return ReportPeriod.model_validate({"from": first, "to": last})
