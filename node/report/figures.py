"""Figures about people: who was ours, who was cared for, who came and went.

Enters: facts and a frame: the period, its key date, the window. Leaves: what is counted,
one ``Counted`` per thing, with whose it is and by what it can be divided. Must never
happen: a figure that cannot be followed back to what it counts; a rate made of plans.
Implements the field document, chapter 5 (responsible to level_changes, over_limit); FR-1,
FR-3, FR-4, FR-5. Figures about work stand in ``workfigures``.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import lru_cache
from typing import Final

from node.cases.codes import find_code
from node.cases.model import counselling_last_day
from node.report.facts import RESPONSIBILITY, Fact, Facts

UNKNOWN: Final = "unknown"
"""The category of a code that is missing or that this release does not know (FR-26)."""

NO_CONTACT: Final = "no_contact"
"""Status cared for, but no contact in the window."""

SOON: Final = timedelta(days=90)
_LEVELS: Final = ("A0", "A1", "A2", "B1", "B2", "C1", "C2")
CONTACTS: Final = frozenset({"talk", "contact"})
"""Kinds of entries that count as contact; an attempt or coordination does not (FR-5)."""


@dataclass(frozen=True, slots=True)
class Frame:
    """Of which days a figure is; the key date is the last one."""

    first: date
    last: date
    window_months: int = 12

    @property
    def key_date(self) -> date:
        """The day on which states are looked at."""
        return self.last

    @property
    def window_first(self) -> date:
        """The first day of the window (K - n months, K]."""
        return months_before(self.last, self.window_months) + timedelta(days=1)

    def holds(self, day: date | None) -> bool:
        """Whether a day lies in the period."""
        return day is not None and self.first <= day <= self.last


@dataclass(frozen=True, slots=True)
class Counted:
    """One thing that a figure counts. ``splits``: by what it can be divided -> code."""

    key: str
    worker: str
    persons: tuple[str, ...]
    splits: Mapping[str, str] = field(default_factory=dict)


def months_before(day: date, months: int) -> date:
    """The same day so many months earlier, or the last one that month has."""
    number = day.year * 12 + day.month - 1 - months
    year, month = divmod(number, 12)
    for length in range(day.day, 27, -1):
        try:
            return date(year, month + 1, length)
        except ValueError:
            continue
    return date(year, month + 1, day.day)


@lru_cache(maxsize=4096)
def known_code(codes: str, code: str) -> str:
    """The code if the list knows it, else ``unknown``."""
    return code if find_code(codes, code) is not None else UNKNOWN


def by_worker(fact: Fact) -> str:
    """Whose it is; empty where nobody is named."""
    return str(fact.worker) if fact.worker else ""


# -- Who was ours ------------------------------------------------------------------------


def responsible_facts(facts: Facts, on: date) -> Sequence[Fact]:
    """The period that holds this day, once per person (FR-3)."""
    found: dict[str, Fact] = {}
    for fact in facts.of(RESPONSIBILITY):
        until = fact.day("until")
        if fact.on is not None and fact.on <= on and (until is None or on <= until):
            found[fact.person] = fact
    return [found[person] for person in sorted(found)]


def responsible(facts: Facts, frame: Frame) -> Iterator[Counted]:
    """Persons for whom the office is responsible on the key date."""
    for fact in responsible_facts(facts, frame.key_date):
        language = first_language(facts, fact.person, frame.key_date)
        yield _person(fact, {"language": language})


def first_language(facts: Facts, person: str, on: date) -> str:
    """The mother tongue as it stands first among the records."""
    spoken = sorted(
        (fact.known_at, fact.entry, fact.text("language"))
        for fact in facts.of_person("language", person)
        if fact.text("lang_kind") == "mother_tongue"
        and (fact.on is None or fact.on <= on)
    )
    return known_code("language", spoken[0][2]) if spoken else UNKNOWN


def care_state(facts: Facts, person: str, on: date) -> str:
    """The state of care in force on a day (FR-4)."""
    states = sorted(
        (fact.on, fact.known_at, fact.entry, fact.text("care_status"))
        for fact in facts.of_person("care_status", person)
        if fact.on is not None and fact.on <= on
    )
    return states[-1][3] if states else ""


def had_contact(facts: Facts, person: str, frame: Frame) -> bool:
    """Whether there was an own talk or contact in the window."""
    first, last = frame.window_first, frame.key_date
    return any(
        fact.on is not None
        and first <= fact.on <= last
        and fact.is_own
        and fact.text("kind") in CONTACTS
        for fact in facts.of_person("contact", person)
    )


def cared_for(facts: Facts, frame: Frame) -> Iterator[Counted]:
    """FR-5: responsible, status cared for, and an own talk or contact in the window."""
    for fact in responsible_facts(facts, frame.key_date):
        if not _why_not(facts, fact.person, frame):
            yield _person(fact)


def not_cared_for(facts: Facts, frame: Frame) -> Iterator[Counted]:
    """Responsible, and not cared for: by the state of care."""
    for fact in responsible_facts(facts, frame.key_date):
        reason = _why_not(facts, fact.person, frame)
        if reason:
            yield _person(fact, {"reason": reason})


def _why_not(facts: Facts, person: str, frame: Frame) -> str:
    state = care_state(facts, person, frame.key_date)
    return why_not(state, has_contact=had_contact(facts, person, frame))


def why_not(state: str, *, has_contact: bool) -> str:
    """Why a person we are responsible for is not cared for; empty if they are (FR-5).

    Args:
        state: The state of care in force.
        has_contact: There was an own talk or contact in the window.
    """
    if state != "cared_for":
        return known_code("care_status", state)
    return "" if has_contact else NO_CONTACT


# -- Who came and went -------------------------------------------------------------------


def arrivals(facts: Facts, frame: Frame) -> Iterator[Counted]:
    """Periods of responsibility that begin in the period."""
    for fact in facts.of(RESPONSIBILITY):
        if frame.holds(fact.on):
            yield Counted(fact.entry, by_worker(fact), (fact.person,))


def departures(facts: Facts, frame: Frame) -> Iterator[Counted]:
    """Periods of responsibility whose last day lies in the period."""
    for fact in facts.of(RESPONSIBILITY):
        if frame.holds(fact.day("until")):
            yield Counted(fact.entry, by_worker(fact), (fact.person,))


def closures(facts: Facts, frame: Frame) -> Iterator[Counted]:
    """Closed cases, by reason."""
    for fact in facts.of("care_status"):
        reason = fact.text("closure_reason")
        if fact.is_own and reason and frame.holds(fact.day("closed_on") or fact.on):
            code = known_code("closure", reason)
            yield Counted(
                fact.entry, by_worker(fact), (fact.person,), {"closure": code}
            )


def level_changes(facts: Facts, frame: Frame) -> Iterator[Counted]:
    """Persons whose overall German is better on the last day than on the first."""
    for fact in responsible_facts(facts, frame.key_date):
        before = _level(facts, fact.person, frame.first)
        if (
            before is not None
            and (_level(facts, fact.person, frame.last) or 0) > before
        ):
            yield _person(fact)


def _level(facts: Facts, person: str, on: date) -> int | None:
    known = sorted(
        (fact.on, fact.known_at, _LEVELS.index(fact.text("level")))
        for fact in facts.of_person("language", person)
        if fact.text("language") == "de"
        and fact.text("level") in _LEVELS
        and fact.text("skill") in {"", "overall"}
        and fact.on is not None
        and fact.on <= on
    )
    return known[-1][2] if known else None


# -- The counselling clock ---------------------------------------------------------------


def clock_end(facts: Facts, person: str) -> date | None:
    """The last day of counselling (FR-1)."""
    for fact in facts.of_person("person", person):
        start = fact.day("counselling_start")
        if start is not None:
            years = 4 if fact.text("clock_extension") else 3
            return counselling_last_day(start, years)
    return None


def limit_soon(facts: Facts, frame: Frame) -> Iterator[Counted]:
    """Responsible, and counselling ends within 90 days."""
    yield from _by_clock(facts, frame, frame.key_date, frame.key_date + SOON)


def over_limit(facts: Facts, frame: Frame) -> Iterator[Counted]:
    """Responsible, and the last day of counselling is past."""
    yield from _by_clock(facts, frame, date.min, frame.key_date - timedelta(days=1))


def _by_clock(facts: Facts, frame: Frame, first: date, last: date) -> Iterable[Counted]:
    for fact in responsible_facts(facts, frame.key_date):
        end = clock_end(facts, fact.person)
        if end is not None and first <= end <= last:
            yield _person(fact)


def _person(fact: Fact, splits: Mapping[str, str] | None = None) -> Counted:
    return Counted(fact.person, by_worker(fact), (fact.person,), splits or {})
