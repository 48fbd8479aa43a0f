"""A report as people read it: texts for every number, for one audience.

Enters: a request, a table. Leaves: what was asked for, and a view that the page, the
CSV, the XLSX and the PDF share, so that they cannot differ. Must never happen: a number that
the audience must not see in any of them; a person in an address. Implements screens S13.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from functools import cache
from typing import Final
from urllib.parse import urlencode

from aiohttp import web

from node.casework import reporting
from node.casework.reporting import (
    Wish,
    audience_for,
    sees_rows,
)
from node.ids import AccountId
from node.report.definition import LAND, Audience, ColumnRule, Definition, definition
from node.report.periods import Days, funding_days, year_days
from node.report.seen import Seen, seen_by
from node.report.snapshot import ReportSettings
from node.report.suppress import Mark
from node.report.tables import TOTAL, Column, Table
from node.web.casework import actor, colleagues, today
from node.web.charts import Chart, Point, bars, line
from node.web.forms import Form
from node.web.frame import parts_of, words_of
from node.web.language import Language, Words, msgid
from node.web.reportwords import counted_so, part_name, ratio_so, split_name
from node.web.spreadsheet_out import Sheet, Value
from node.web.typed import ids, shown_day, typed_day

ADDRESS_OF_LAND: Final = "land"


@dataclass(frozen=True, slots=True)
class Asked:
    """Which report was asked for, how the form stands, what is wrong with it."""

    report: Definition
    wish: Wish
    audience: Audience
    form: Form
    settings: ReportSettings

    @property
    def address(self) -> str:
        """The page of the report."""
        return f"/reports/{address_of(self.report)}"

    @property
    def query(self) -> str:
        """What the form says, as part of an address; no person is in it."""
        return urlencode(
            {name: self.form.text(name) for name in _FIELDS if self.form.text(name)}
        )


HIDES: Final = msgid(
    "Numbers from 1 to 4 are shown as <5, so that nobody can be recognised. Where such a"
    " number could be computed from others, one more is not shown."
)
EARLY: Final = msgid(
    "The last day lies in the future. What is looked at on that day is not complete yet."
)
_FIELDS: Final = ("from", "to", "period", "caseworker", "audience")


def address_of(report: Definition) -> str:
    """How a report is called in addresses."""
    return ADDRESS_OF_LAND if report.id == LAND else report.id


async def asked(
    request: web.Request, name: str, fields: Mapping[str, str] | None = None
) -> Asked:
    """Read what the address, or a form, asks for; without days it is the funding period.

    Raises:
        NotFoundError: There is no such report.
    """
    report = definition(LAND if name == ADDRESS_OF_LAND else name)
    parts, words, by = parts_of(request), words_of(request), actor(request)
    settings = await parts.run.read(reporting.settings_now, parts.clock.now())
    sent = request.query if fields is None else fields
    form = Form({k: (v,) for k, v in sent.items() if k in _FIELDS})
    latest = today(request)
    first, last = funding_days(settings, latest)
    errors: dict[str, str] = {}
    if sees_rows(by):
        first, last, errors = _days(form, (first, last), words)
    elif form.text("period").isascii() and form.text("period").isdigit():
        first, last = year_days(int(form.text("period")[:4]), latest)
    try:
        wanted = Audience(form.text("audience") or report.audience)
    except ValueError:
        wanted = report.audience
    audience = audience_for(by, wanted, report)
    worker = next(iter(ids([form.text("caseworker")], AccountId)), None)
    if audience in {Audience.COUNCIL, Audience.PUBLIC}:
        # Two reports, one of them without somebody, would show what each hides.
        worker = None
    wish = Wish(report.id, first, last, settings.window_months, worker)
    values = {"from": shown_day(first), "to": shown_day(last)}
    if errors:
        values = {name: form.text(name) for name in ("from", "to")}
    if not sees_rows(by):
        values = {"period": form.text("period")}
    values |= {"caseworker": worker or "", "audience": audience}
    shown = Form({k: (v,) for k, v in values.items()}).with_errors(errors)
    return Asked(report, wish, audience, shown, settings)


def _days(form: Form, usual: Days, words: Words) -> tuple[date, date, dict[str, str]]:
    days, errors = list(usual), {}
    for place, field in enumerate(("from", "to")):
        if form.text(field):
            day = typed_day(form.text(field))
            if day is None:
                errors[field] = words.gettext("Please write the day like 03.12.2026.")
            else:
                days[place] = day
    if days[1] < days[0]:
        errors["to"] = words.gettext("The last day lies before the first.")
    if errors:
        return *usual, errors
    return days[0], days[1], errors


# -- The view ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Number:
    """One number under its name, with how it was counted and where it leads."""

    column: str
    label: str
    text: str
    so: str
    leads: bool


@dataclass(frozen=True, slots=True)
class Question:
    """A divided number: its parts as a table and as a picture."""

    id: str
    title: str
    split: str
    so: str
    total: str
    chart: Chart


@dataclass(frozen=True, slots=True)
class View:
    """A report ready to be shown; ``hides`` says that some numbers are not shown."""

    title: str
    about: str
    numbers: Sequence[Number]
    questions: Sequence[Question]
    head: Sequence[str]
    lines: Sequence[tuple[str, str, Sequence[str]]]
    hides: bool

    @property
    def columns(self) -> list[str]:
        """The head, marked as columns of numbers."""
        return [f"#{label}" for label in self.head]


class Shown:
    """The texts of one table for one audience."""

    def __init__(
        self, seen: Seen, names: Mapping[AccountId, str], words: Words
    ) -> None:
        """Take what may be seen."""
        self.table, self.hidden = seen.table, seen.hidden
        self._seen, self._names, self._words = seen, names, words

    def value(self, row: str, column: Column) -> Value:
        """A cell as a spreadsheet takes it: a number, or why there is none."""
        value = self._seen.at(row, column)
        if value is Mark.SMALL:
            return f"<{self.table.definition.below}"
        if value is Mark.WITH_IT:
            return self._words.gettext("not shown")
        if isinstance(value, str):
            return float(value)
        return value

    def text(self, row: str, column: Column) -> str:
        """A cell as a page shows it."""
        value = self.value(row, column)
        if isinstance(value, float):
            digits = column.rule.percent_digits
            return self._words.number(Decimal(f"{value:.{digits}f}"))
        if value is None:
            return "\u2013"
        return value if isinstance(value, str) else self._words.number(value)

    def row_name(self, row: str) -> str:
        """Whose row it is."""
        if row == TOTAL:
            return self._words.gettext("Total")
        name = self._names.get(AccountId(row), "") if row else ""
        return name or self._words.gettext("without a caseworker")

    def label(self, column: Column) -> str:
        """What a column is called."""
        label = column.rule.label.of(self._words.language)
        if not column.code:
            return label
        return f"{label}: {part_name(column.rule.by, column.code, self._words)}"

    def so(self, column: Column) -> str:
        """How the column was counted."""
        rule = column.rule
        if rule.ratio is None:
            return counted_so(column, self.table.frame, self._words)
        part, whole = (self._plain(name) for name in rule.ratio)
        return ratio_so(
            (self.label(part), self.text(TOTAL, part)),
            (self.label(whole), self.text(TOTAL, whole)),
            self.table.frame,
            self._words,
            care=part.rule.indicator == "cared_for",
        )

    def _plain(self, name: str) -> Column:
        return next(c for c in self.table.columns if c.id == name)

    def view(self) -> View:
        """The whole report."""
        table, words = self.table, self._words
        plain = [column for column in table.columns if not column.code]
        # One number divided in several ways is shown once.
        first = {column.same: column for column in reversed(plain) if column.is_count}
        single = [c for c in plain if not c.is_count or first[c.same] == c]
        return View(
            title=table.definition.title.of(words.language),
            about=table.definition.about.of(words.language),
            numbers=[
                Number(
                    column.id,
                    self.label(column),
                    self.text(TOTAL, column),
                    self.so(column),
                    column.is_count,
                )
                for column in single
            ],
            questions=[
                self._question(column.rule)
                for column in plain
                if column.rule.by and table.parts(column.rule)
            ],
            head=[self.label(column) for column in single],
            lines=[
                (row, self.row_name(row), [self.text(row, column) for column in single])
                for row in table.rows
            ],
            hides=bool(self.hidden),
        )

    def _question(self, rule: ColumnRule) -> Question:
        words, whole = self._words, self._plain(rule.id)
        is_line = rule.by == "month"
        columns = list(self.table.parts(rule))
        if not is_line:
            columns.sort(key=self._size)
        points = [
            Point(
                part_name(rule.by, column.code, words),
                self.text(TOTAL, column),
                None
                if (TOTAL, column.id) in self.hidden
                else self.table.number(TOTAL, column.id),
                column.id,
            )
            for column in columns
        ]
        title, draw = self.label(whole), line if is_line else bars
        return Question(
            id=rule.id,
            title=title,
            split=split_name(rule.by, words),
            so=self.so(whole),
            total=self.text(TOTAL, whole),
            chart=draw(title, _description(points, words), points),
        )

    def _size(self, column: Column) -> tuple[int, str]:
        """The largest first; what is not shown last, so that the order tells nothing."""
        if (TOTAL, column.id) in self.hidden:
            return 1, column.code
        return -self.table.number(TOTAL, column.id), column.code

    def sheets(self, above: Sequence[str], below: Sequence[str]) -> list[Sheet]:
        """The report as a spreadsheet: the numbers, and how they were counted."""
        words, table = self._words, self.table
        note = [words.gettext(HIDES)] if self.hidden else []
        return [
            Sheet(
                words.gettext("Numbers"),
                self.columns(),
                self.rows(),
                above=above,
                below=[*note, *below],
            ),
            Sheet(
                words.gettext("How it was counted"),
                [words.gettext("Figure"), words.gettext("So counted")],
                [
                    (self.label(column), self.so(column))
                    for column in table.columns
                    if not column.code
                ],
            ),
        ]

    def columns(self) -> list[str]:
        """The head of the whole table."""
        by_rows = self._words.gettext("Caseworker")
        return [by_rows, *(self.label(column) for column in self.table.columns)]

    def rows(self) -> list[Sequence[Value]]:
        """The whole table, every part in it."""
        return [
            (
                self.row_name(row),
                *(self.value(row, column) for column in self.table.columns),
            )
            for row in self.table.rows
        ]


def _description(points: Sequence[Point], words: Words) -> str:
    """What is to be seen in a picture, in one sentence."""
    known = [point for point in points if point.value is not None]
    if not known:
        return words.gettext("None of these numbers may be shown.")
    most = max(known, key=lambda point: point.value or 0)
    return words.gettext("Most: %(name)s, %(number)s.") % {
        "name": most.name,
        "number": most.text,
    }


async def shown(request: web.Request, table: Table, audience: Audience) -> Shown:
    """A table as this reader sees it."""
    names = await colleagues(request)
    return Shown(seen_by(table, audience), names, words_of(request))


def told_in_german(seen: Seen) -> Shown:
    """A report for a program: nobody's name is in it."""
    return Shown(seen, {}, _german())


@cache
def _german() -> Words:
    return Words(Language.GERMAN)


def only_total(table: Table) -> Table:
    """The table without rows by caseworker."""
    return replace(table, rows=(TOTAL,))
