"""One case as its page shows it: the history by month, the plan, the facts.

Enters: a case opened in memory. Leaves: frozen values that a template can show without
asking anything more. Must never happen: received history that breaks the page; a field that
is no date is no date here (FR-26). Implements screens S4 and S5, the reading of them.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from typing import Final

from node.cases.addendum import ADDED, CORRECTION
from node.cases.days import local_day
from node.cases.model import CaseContent, Origin, Record
from node.cases.plan import goals_of, running_plan, version_of
from node.ids import AccountId, CaseId, MemberId, RecordId
from node.strictjson import Json

_LAST_CONTACTS: Final = 3


@dataclass(frozen=True, slots=True)
class Touch:
    """A goal that a contact moved, and where it stands since."""

    goal: str
    text: str
    status: str


@dataclass(frozen=True, slots=True)
class Entry:
    """One contact on the timeline; ``came_from`` is set for imported ones (FR-8)."""

    id: RecordId
    version: int
    on: date
    kind: str
    form: str
    minutes: int | None
    topics: tuple[str, ...]
    note: str
    others_present: str
    interpreter: str
    touched: tuple[Touch, ...]
    with_cases: tuple[CaseId, ...]
    recorded_by: AccountId | None
    came_from: MemberId | None


@dataclass(frozen=True, slots=True)
class Month:
    """The entries of one month, newest first."""

    first: date
    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class Measure:
    """What is done for a goal."""

    id: RecordId
    version: int
    text: str
    bearer: str
    status: str
    due: date | None


@dataclass(frozen=True, slots=True)
class Goal:
    """A goal with its measures and the last contacts that touched it."""

    id: RecordId
    version: int
    area: str
    text: str
    sign: str
    status: str
    reason: str
    target: date | None
    reached: date | None
    came_from: MemberId | None
    measures: tuple[Measure, ...]
    contacts: tuple[Entry, ...]

    @property
    def bearers(self) -> tuple[str, ...]:
        """Who does something for it, each once."""
        return tuple(dict.fromkeys(m.bearer for m in self.measures if m.bearer))


@dataclass(frozen=True, slots=True)
class Plan:
    """The plan that counts now; ``record`` is what an edit would replace."""

    record: Record
    version: int
    status: str
    agreed: date | None
    review_due: date | None
    goals: tuple[Goal, ...]


def standing(records: Iterable[Record]) -> list[Record]:
    """The records that were not voided."""
    return [record for record in records if not record.values.get("voided_on")]


def day_of(record: Record, name: str) -> date | None:
    """A field as a day, None if it is missing or known to the month only."""
    try:
        return date.fromisoformat(record.text(name))
    except ValueError:
        return None


def timeline(content: CaseContent) -> tuple[Month, ...]:
    """All contacts, newest first, by month."""
    goals = {str(goal.id): goal.text("text") for goal in content.of("goal")}
    entries = sorted(
        (_entry(record, goals) for record in standing(content.of("contact"))),
        key=lambda entry: (entry.on, entry.id),
        reverse=True,
    )
    return tuple(
        Month(first, tuple(group))
        for first, group in groupby(entries, key=lambda entry: entry.on.replace(day=1))
    )


@dataclass(frozen=True, slots=True)
class AddedNote:
    """A note kept beside the case, or a request to correct; ``came_from`` who sent it."""

    on: date
    text: str
    is_correction: bool
    came_from: MemberId | None


def added_notes(content: CaseContent) -> tuple[AddedNote, ...]:
    """What follows a case after it went, or came after it, newest first (HO-9)."""
    found = [r for kind in sorted(ADDED) for r in standing(content.of(kind))]
    return tuple(
        AddedNote(
            on=day_of(record, "date") or local_day(record.recorded_at),
            text=record.text("text"),
            is_correction=record.kind == CORRECTION,
            came_from=origin_of(record),
        )
        for record in sorted(found, key=lambda r: r.recorded_at, reverse=True)
    )


def current_plan(content: CaseContent) -> Plan | None:
    """The plan in force, else the newest one that has not ended; None is normal (FR-10)."""
    plan = running_plan(content)
    if plan is None:
        return None
    touching: dict[str, list[Entry]] = {}
    for month in timeline(content):
        for entry in month.entries:
            for touch in entry.touched:
                touching.setdefault(touch.goal, []).append(entry)
    measures = standing(content.of("measure"))
    return Plan(
        record=plan,
        version=version_of(plan),
        status=plan.text("status"),
        agreed=day_of(plan, "agreed_on"),
        review_due=day_of(plan, "review_due"),
        goals=tuple(
            _goal(goal, measures, touching.get(str(goal.id), ()))
            for goal in sorted(
                goals_of(content, plan), key=lambda g: (g.text("area"), g.id)
            )
        ),
    )


def open_goals(content: CaseContent) -> tuple[Goal, ...]:
    """The goals a talk may touch: those of the plan that are not settled yet."""
    plan = current_plan(content)
    settled = {"reached", "given_up", "not_reached"}
    return tuple(g for g in plan.goals if g.status not in settled) if plan else ()


def origin_of(record: Record) -> MemberId | None:
    """Which body made a record that came with a transfer."""
    return record.origin_node if record.origin is Origin.TRANSFER else None


def _entry(record: Record, goals: Mapping[str, str]) -> Entry:
    values = record.values
    minutes = values.get("minutes")
    return Entry(
        id=record.id,
        version=record.version,
        on=day_of(record, "date") or local_day(record.recorded_at),
        kind=record.text("kind"),
        form=record.text("form"),
        minutes=minutes if isinstance(minutes, int) else None,
        topics=tuple(_texts(values.get("topics"))),
        note=record.text("note"),
        others_present=record.text("others_present"),
        interpreter=record.text("interpreter"),
        touched=tuple(
            Touch(goal, goals[goal], status)
            for goal, status in _touched(values.get("touched")).items()
            if goal in goals
        ),
        with_cases=tuple(
            CaseId(text)
            for text in _texts(values.get("persons"))
            if CaseId.pattern.fullmatch(text) and text != record.case
        ),
        recorded_by=record.recorded_by,
        came_from=origin_of(record),
    )


def _goal(goal: Record, measures: Sequence[Record], contacts: Sequence[Entry]) -> Goal:
    return Goal(
        id=goal.id,
        version=goal.version,
        area=goal.text("area"),
        text=goal.text("text"),
        sign=goal.text("sign"),
        status=goal.text("status"),
        reason=goal.text("reason"),
        target=day_of(goal, "target_date"),
        reached=day_of(goal, "reached_on"),
        came_from=origin_of(goal),
        measures=tuple(
            Measure(
                id=m.id,
                version=m.version,
                text=m.text("text"),
                bearer=m.text("bearer"),
                status=m.text("status"),
                due=day_of(m, "due"),
            )
            for m in measures
            if m.text("goal") == goal.id
        ),
        contacts=tuple(contacts[:_LAST_CONTACTS]),
    )


def _touched(value: Json) -> dict[str, str]:
    """Goals by id with the status that a contact gave them."""
    if not isinstance(value, list):
        return {}
    return {
        str(item.get("goal", "")): str(item.get("status", ""))
        for item in value
        if isinstance(item, Mapping)
    }


def _texts(value: Json) -> list[str]:
    return (
        [item for item in value if isinstance(item, str)]
        if isinstance(value, list)
        else []
    )
