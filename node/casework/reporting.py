"""Reports: counted, followed back to cases, frozen; their settings and the template.

Enters: who asks, which report of which days. Leaves: tables, things that were counted, a
snapshot. Must never happen: a row by caseworker for somebody who may see totals alone; a
number followed to a case of somebody else; a snapshot of a suppressed table. Implements
the field document, chapter 5, and chapter 6 (report.run, report.define); DO-38, DO-40.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Protocol

from node import strictjson
from node.accounts.model import Role
from node.accounts.policy import Action, Actor, Relation, require
from node.cases.days import day_end, local_day
from node.casework.eraser import Runs
from node.errors import ForbiddenError, InputError, NotFoundError
from node.ids import AccountId, CaseId, Hex128
from node.report.definition import Audience, Definition, definition
from node.report.facts import Facts
from node.report.figures import Counted, Frame
from node.report.ledger import Counting, Question
from node.report.periods import Days, is_offered, offered
from node.report.seen import Seen, seen_by
from node.report.snapshot import Reports, ReportSettings, Snapshot, Template
from node.report.tables import (
    TOTAL,
    Sums,
    Table,
    ask_of,
    asks_of,
    build,
    counted_in,
    kinds_of,
    sums_of,
)
from node.report.workfigures import OF_HANDOVERS, days_to_grant
from node.sync.office import Office
from node.sync.ports import UnitOfWork
from node.version import SOFTWARE

_SEES_ROWS = frozenset({Role.CASEWORKER, Role.APPROVER})
_DATED = frozenset({"contact", "plan", "care_status", "review"})


class ReportUnit(UnitOfWork, Protocol):
    """A unit of work with what reports need."""

    counting: Counting
    reports: Reports


@dataclass(frozen=True, slots=True)
class Wish:
    """Which report of which days; ``known_at`` None is as known now."""

    definition: str
    first: date
    last: date
    window_months: int = 12
    caseworker: AccountId | None = None
    known_at: datetime | None = None

    @property
    def frame(self) -> Frame:
        """The days as figures want them."""
        return Frame(self.first, self.last, self.window_months)


@dataclass(frozen=True, slots=True)
class Drilled:
    """What one number counts: own persons, and how many things are not for the reader."""

    own: Mapping[CaseId, int]
    total: int
    of_own: int
    erased: int

    @property
    def of_others(self) -> int:
        """Things of colleagues' cases, or of no case at all."""
        return self.total - self.of_own - self.erased


@dataclass(frozen=True, slots=True)
class Rerun:
    """A snapshot counted again as known at its instant, and what came later."""

    table: Table
    is_same: bool
    later: int


def sees_rows(by: Actor) -> bool:
    """Whether the actor may see more than suppressed totals."""
    return bool(by.roles & _SEES_ROWS)


def audience_for(by: Actor, wanted: Audience, report: Definition) -> Audience:
    """For whom the numbers are prepared: never the inside for who sees totals alone."""
    if wanted is not Audience.INTERNAL or sees_rows(by):
        return wanted
    is_inside = report.audience is Audience.INTERNAL
    return Audience.COUNCIL if is_inside else report.audience


def run(uow: ReportUnit, wish: Wish, now: datetime, *, by: Actor) -> Table:
    """Count a report.

    Raises:
        ForbiddenError: No right to.
        InputError: The days run backwards.
        NotFoundError: There is no such report.
    """
    require(by, Action.REPORT_TOTALS)
    if wish.last < wish.first:
        raise InputError("to", "before_start")
    if not sees_rows(by):
        wish = replace(wish, caseworker=None)
    return _count(uow, wish, now, only_total=not sees_rows(by))


def run_all(
    uow: ReportUnit, wishes: Sequence[Wish], now: datetime, *, by: Actor
) -> Sequence[Table]:
    """Count several reports from one state.

    Raises:
        As ``run``.
    """
    return [run(uow, wish, now, by=by) for wish in wishes]


def totals(uow: ReportUnit, name: str, days: Days, now: datetime, *, by: Actor) -> Seen:
    """Count a report for who sees totals alone.

    Raises:
        ForbiddenError: No right to.
        InputError: Days that ``is_offered`` does not take.
        NotFoundError: There is no such report.
    """
    require(by, Action.REPORT_TOTALS)
    report, settings = definition(name), settings_now(uow, now)
    if not is_offered(days, settings, local_day(now)):
        raise InputError("period", "unknown")
    wish = Wish(name, *days, settings.window_months)
    audience = audience_for(by, report.audience, report)
    return seen_by(run(uow, wish, now, by=by), audience)


def _count(
    uow: ReportUnit, wish: Wish, now: datetime, *, only_total: bool = False
) -> Table:
    report, frame = definition(wish.definition), wish.frame
    with uow.counting.book() as book:
        sums: Sums = Counter(book.sums(_question(wish, now)))
    asks = [a for a in asks_of(report, frame) if a.indicator in OF_HANDOVERS]
    days: Sequence[int] = ()
    if OF_HANDOVERS.intersection(rule.indicator for rule in report.columns):
        facts = Facts((), handed=tuple(uow.counting.handed(wish.known_at)))
        sums_of(asks, facts, into=sums)
        days = days_to_grant(facts, frame)
    return build(report, sums, days, frame, wish.caseworker, only_total=only_total)


def _question(wish: Wish, now: datetime) -> Question:
    # A goal has no days of its own: it stands as it was known when the day ended.
    then = min(wish.known_at or now, day_end(wish.last))
    return Question(
        definition(wish.definition),
        wish.frame,
        wish.known_at,
        None if then == now else then,
    )


def count_ahead(uow: ReportUnit, office: Office, name: str) -> None:
    """Count what is looked at first: the funding period, this year and the last."""
    now = office.clock.now()
    settings = settings_now(uow, now)
    for days in offered(settings, local_day(now))[:3]:
        _count(uow, Wish(name, *days, settings.window_months), now)


class Ahead:
    """Counts what is looked at first, a report at a time; slow, so it is for a thread."""

    def __init__(self, store: Runs, office: Office) -> None:
        """Prepare; nothing is read yet."""
        self._store = store
        self._office = office

    def __call__(self, name: str) -> None:
        """One report of the usual days, unless it is counted already."""
        self._store.read_sync(count_ahead, self._office, name)


def drill(
    uow: ReportUnit,
    wish: Wish,
    cell: tuple[str, str],
    own: AbstractSet[CaseId],
    now: datetime,
    *,
    by: Actor,
) -> Drilled:
    """Follow one number back to the reader's own cases.

    Args:
        uow: The transaction.
        wish: Which report.
        cell: Row and column.
        own: The reader's caseload.
        now: The present.
        by: Who asks.

    Raises:
        ForbiddenError: No right to see cases.
        NotFoundError: There is no such number of things.
    """
    require(by, Action.REPORT_DRILL_DOWN, relation=Relation.OWN)
    report = definition(wish.definition)
    row, (name, _, code) = cell[0], cell[1].partition(".")
    rule = report.column(name)
    if rule.ratio is not None or rule.measure:
        raise NotFoundError("column")
    ask = ask_of(rule, wish.frame)
    if rule.indicator in OF_HANDOVERS:
        handed = tuple(uow.counting.handed(wish.known_at))
        things = list(ask.things(Facts((), handed=handed)))
    else:
        with uow.counting.book() as book:
            things = list(book.things(_question(wish, now), ask))
    worker = wish.caseworker if row == TOTAL else row
    found = counted_in(rule, code, worker, things)
    return _drilled({thing.key: thing for thing in found}.values(), own)


def _drilled(things: Iterable[Counted], own: AbstractSet[CaseId]) -> Drilled:
    found: Counter[CaseId] = Counter()
    total = of_own = erased = 0
    for thing in things:
        total += 1
        mine = [CaseId(p) for p in thing.persons if not p.startswith("~") and p in own]
        if mine:
            of_own += 1
            found.update(mine)
        elif thing.persons and all(p.startswith("~") for p in thing.persons):
            erased += 1
    return Drilled(found, total, of_own, erased)


# -- Frozen ------------------------------------------------------------------------------


def freeze(
    uow: ReportUnit, office: Office, wish: Wish, number: Hex128, *, by: Actor
) -> Snapshot:
    """Keep a report as it is known now.

    Raises:
        ForbiddenError: No right to, or to totals alone.
        ConflictError: This form was taken before.
    """
    require(by, Action.REPORT_TOTALS)
    if not sees_rows(by) or by.account is None:
        raise ForbiddenError(Action.REPORT_TOTALS)
    with uow:
        now = office.clock.now()
        table = _count(uow, replace(wish, known_at=now), now)
        made = Snapshot(
            id=number,
            definition=wish.definition,
            definition_digest=table.definition.digest,
            first=wish.first,
            last=wish.last,
            caseworker=wish.caseworker,
            known_at=now,
            software=SOFTWARE,
            content=table.encode(),
            digest=table.digest,
            made_by=by.account,
        )
        uow.reports.add(made)
        uow.commit()
    return made


def rerun(uow: ReportUnit, number: Hex128, now: datetime, *, by: Actor) -> Rerun:
    """Count a snapshot again, as known at its instant.

    Raises:
        ForbiddenError: No right to.
        NotFoundError: There is no such snapshot.
    """
    require(by, Action.REPORT_TOTALS)
    kept = uow.reports.get(number)
    wish = wish_of(kept)
    table = _count(uow, wish, now)
    return Rerun(
        table=table,
        is_same=table.digest == kept.digest,
        later=_later(uow, wish, table.definition),
    )


def wish_of(kept: Snapshot) -> Wish:
    """What a snapshot was made of."""
    window = strictjson.parse_object(kept.content, members=100_000)["window_months"]
    return Wish(
        kept.definition, kept.first, kept.last, window, kept.caseworker, kept.known_at
    )


def _later(uow: ReportUnit, wish: Wish, report: Definition) -> int:
    """How many entries about these days were recorded since."""
    dated = _DATED & kinds_of(report)
    if not dated or wish.known_at is None:
        return 0
    with uow.counting.book() as book:
        return book.later(dated, wish.frame, wish.known_at)


def differences(
    table: Table, kept: Snapshot
) -> Sequence[tuple[str, int | str | None, int | str | None]]:
    """Which totals differ from a snapshot: column, then, now."""
    then = strictjson.parse_object(kept.content, members=100_000)
    last = then["cells"][-1] if then["rows"][-1] == TOTAL else []
    before = dict(zip(then["columns"], last, strict=False))
    return [
        (column.id, before[column.id], table.at(TOTAL, column.id))
        for column in table.columns
        if not column.code
        and column.id in before
        and before[column.id] != table.at(TOTAL, column.id)
    ]


def periods(uow: ReportUnit, now: datetime, *, by: Actor) -> Sequence[Days]:
    """What who sees totals alone is offered: the funding period, then each year.

    Raises:
        ForbiddenError: No right to.
    """
    require(by, Action.REPORT_TOTALS)
    return offered(settings_now(uow, now), local_day(now))


# -- Settings and the template -----------------------------------------------------------


def settings_now(uow: ReportUnit, now: datetime) -> ReportSettings:
    """The settings; as long as there are none, the calendar year."""
    today = local_day(now)
    year = ReportSettings(date(today.year, 1, 1), date(today.year, 12, 31))
    return uow.reports.settings() or year


def change_settings(
    uow: ReportUnit, office: Office, settings: ReportSettings, *, by: Actor
) -> None:
    """Set the funding period and the window.

    Raises:
        ForbiddenError: No right to.
        InputError: The days run backwards, or no window of 1 to 60 months.
    """
    require(by, Action.REPORT_DEFINE)
    if settings.last < settings.first:
        raise InputError("last", "before_start")
    if not 1 <= settings.window_months <= 60:
        raise InputError("window", "range")
    assert by.account is not None
    with uow:
        uow.reports.set_settings(settings, by=by.account, at=office.clock.now())
        uow.commit()


def put_template(
    uow: ReportUnit, office: Office, template: Template, *, by: Actor
) -> None:
    """Take the funder's template, or say which number goes into which cell.

    Raises:
        ForbiddenError: No right to.
        ConflictError: This template is here already, or somebody moved first.
    """
    require(by, Action.REPORT_DEFINE)
    assert by.account is not None
    with uow:
        now = office.clock.now()
        uow.reports.put_template(
            replace(template, uploaded_by=by.account, uploaded_at=now)
        )
        uow.commit()
