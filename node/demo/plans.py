"""Integration plans of the demo: goals with their states, measures, marks in time.

Enters: residents, whose table says who has a plan and whether it still runs; how many
plans stood at which day; how the goals stand. Leaves: records. Must never happen: a plan
outside its person's time at the office, a number that a throw decides. Implements FR-9,
FR-10 and the field document, chapter 9.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from node.cases.model import Record
from node.demo.chance import Chance
from node.demo.records import Clerk
from node.demo.residents import Resident
from node.demo.words import phrases

_RUNNING: Final = frozenset({"open", "in_progress", "postponed"})
_NEEDS_REASON: Final = frozenset({"postponed", "adapted"})
_MEASURES: Final = {"open": "planned", "in_progress": "running"}
_REASONS: Final = ("course_longer", "waiting_list", "residence", "family", "employer")
_AREAS: Final = (
    *("01",) * 6,
    *("04",) * 6,
    *("05",) * 4,
    *("07",) * 3,
    *("11",) * 2,
    *("02", "03", "06", "08", "09", "10", "12"),
)
_CHILD_AREAS: Final = ("01", "01", "02", "07", "08")


@dataclass(frozen=True, slots=True)
class PlanQuota:
    """How many plans stood by the end of which day, and how many goals stand how."""

    marks: tuple[tuple[int, date], ...]
    goals: Mapping[str, int]


def plan_records(
    residents: Sequence[Resident], quota: PlanQuota, clerk: Clerk
) -> Iterator[Record]:
    """The plans of all residents who have one, with goals and measures."""
    chance = clerk.chance.of("plans")
    started = _start_days(residents, quota.marks, chance)
    holders = [resident for resident in residents if resident.case in started]
    ended = [r for r in holders if r.plan == "x"]
    sizes = _sizes(len(holders), sum(quota.goals.values()), chance)
    goals_of = dict(zip([r.case for r in holders], sizes, strict=True))
    done = chance.deck({s: n for s, n in quota.goals.items() if s not in _RUNNING})
    of_ended = sum(goals_of[r.case] for r in ended)
    running = chance.deck({s: n for s, n in quota.goals.items() if s in _RUNNING})
    mixed = chance.shuffled(done[of_ended:] + running)
    for resident in holders:
        pile = done if resident.plan == "x" else mixed
        statuses = [pile.pop(0) for _ in range(goals_of[resident.case])]
        yield from _plan(
            resident, started[resident.case], statuses, clerk=clerk, chance=chance
        )


def _sizes(plans: int, goals: int, chance: Chance) -> list[int]:
    """How many goals each plan has: as equal as can be, then moved about by twos."""
    each, more = divmod(goals, plans)
    sizes = [each + 1] * more + [each] * (plans - more)
    for place in range(0, plans - 1, 3):
        sizes[place] += 1
        sizes[place + 1] -= 1
    return chance.shuffled(sizes)


def _start_days(
    residents: Sequence[Resident], marks: Sequence[tuple[int, date]], chance: Chance
) -> Mapping[object, date]:
    """A first day for each plan, so that exactly so many stand at each mark.

    Who goes first gets a plan first; else it is open.
    """
    waiting = chance.shuffled([r for r in residents if r.plan != "."])
    started: dict[object, date] = {}
    before = min(r.start for r in waiting)
    for count, mark in marks:
        able = [r for r in waiting if r.start + timedelta(days=5) <= mark]
        able.sort(key=lambda r: min(r.talks_until, mark))
        for resident in able[: count - len(started)]:
            first = max(resident.start + timedelta(days=3), before + timedelta(days=1))
            last = min(mark, resident.talks_until)
            day = first + timedelta(days=chance.below((last - first).days + 1))
            started[resident.case] = min(_workday(day), last)
        waiting = [r for r in waiting if r.case not in started]
        before = mark
    return started


def _workday(day: date) -> date:
    return day + timedelta(days=max(0, 7 - day.weekday()) if day.weekday() > 4 else 0)


def _plan(
    resident: Resident,
    start: date,
    statuses: Sequence[str],
    *,
    clerk: Clerk,
    chance: Chance,
) -> Iterator[Record]:
    plan = clerk.new_id()
    has_ended = resident.plan == "x"
    ended = _between(start, resident.talks_until, chance) if has_ended else None
    last = ended or resident.last_day
    yield clerk.write(
        resident,
        "plan",
        start,
        {
            "plan": str(plan),
            "plan_version": 1,
            "status": "ended" if has_ended else "in_force",
            "start": start.isoformat(),
            "review_due": None
            if has_ended
            else (last + timedelta(days=chance.between(10, 200))).isoformat(),
            "ended_on": ended.isoformat() if ended else None,
            "end_reason": (resident.closure or "goals_reached") if has_ended else None,
            "agreed_on": start.isoformat(),
            "agreed_form": "oral",
            "agreed_language": resident.language,
            "agreed_interpreter": "none" if not resident.needs_interpreter else "app",
            "situation": chance.pick(phrases("situation"))[0],
            "strengths": chance.pick(phrases("strengths"))[0],
            "wishes": chance.pick(phrases("wishes"))[0],
        },
        record=plan,
    )
    areas = chance.shuffled(_AREAS if resident.is_adult else _CHILD_AREAS)
    for status, area in zip(statuses, areas, strict=False):
        goal = clerk.new_id()
        yield clerk.write(
            resident,
            "goal",
            start,
            _goal(str(plan), area, status, start=start, last=last, chance=chance),
            record=goal,
        )
        if chance.one_in(2):
            yield clerk.write(
                resident,
                "measure",
                start,
                {
                    "goal": str(goal),
                    "measure_kind": "accompaniment",
                    "bearer": chance.pick(("person", "caseworker", "volunteer")),
                    "due": (start + timedelta(days=chance.between(14, 90))).isoformat(),
                    "status": _MEASURES.get(status, "done"),
                    "text": chance.pick(phrases("measure"))[0],
                },
            )


def _goal(
    plan: str, area: str, status: str, *, start: date, last: date, chance: Chance
) -> Mapping[str, object]:
    text, sign = chance.pick(phrases("goal", area))
    target = start + timedelta(days=chance.between(60, 500))
    reached = _between(start, last, chance).isoformat()
    return {
        "plan": plan,
        "area": area,
        "horizon": chance.pick(("short", "middle", "long")),
        "importance": chance.between(1, 3),
        "target_date": None if chance.one_in(3) else target.isoformat(),
        "status": status,
        "reason": chance.pick(_REASONS) if status in _NEEDS_REASON else None,
        "reached_on": reached if status == "reached" else None,
        "text": text,
        "sign": sign,
    }


def _between(first: date, last: date, chance: Chance) -> date:
    return first + timedelta(days=chance.below(max(1, (last - first).days + 1)))
