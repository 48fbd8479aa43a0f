"""Talks and other contacts of the demo, spread over the working days of the office.

Enters: residents and a quota: how many entries of which form in which span of days, how
many of them about which topic, with which interpreter. Leaves: records, one copy per
person for an entry with several (FR-7). Must never happen: an entry outside the days in
which the office had to do with the person; a number that a throw decides. Implements
FR-5 to FR-8 and the field document, chapter 9.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Final

from node.cases.model import Record
from node.demo.chance import Chance
from node.demo.records import Clerk
from node.demo.residents import Resident, families
from node.demo.words import phrases

CHILD_WEIGHT: Final = 1
ADULT_WEIGHT: Final = 6

TOPICS: Final[Mapping[str, str]] = {
    "work": "04.1",
    "authorities": "11.1",
    "housing": "05.1",
    "participation": "07.1",
    "language": "01.1",
    "personal": "12.1",
    "residence": "09.1",
    "finances": "10.1",
    "children": "08.1",
    "health": "06.1",
    "training": "03.1",
}
"""Main topic in words -> code of list ``topic``."""


@dataclass(frozen=True, slots=True)
class Span:
    """So many entries of these forms between these days, both included."""

    first: date
    last: date
    forms: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class TalkQuota:
    """All entries of a town. ``topics`` and ``interpreters`` are those of the talks."""

    talks: tuple[Span, ...]
    topics: Mapping[str, int]
    interpreters: Mapping[str, int]
    others: Mapping[str, tuple[Span, ...]]


@dataclass(frozen=True, slots=True)
class Wanted:
    """One entry that these persons must have between these days, both included."""

    persons: tuple[Resident, ...]
    first: date
    last: date
    kind: str = "contact"
    note: str = ""


@dataclass(slots=True)
class _Entry:
    """An entry on its way; the deck fills one column after the other."""

    day: date
    kind: str
    form: str
    persons: tuple[Resident, ...] = ()
    topic: str = ""
    interpreter: str = ""
    note: str = field(default="")


def contact_records(
    residents: Sequence[Resident],
    quota: TalkQuota,
    wanted: Iterable[Wanted],
    *,
    alone: frozenset[object],
    clerk: Clerk,
) -> Iterator[Record]:
    """Every entry of the town.

    Args:
        residents: Everybody who may have one.
        quota: How many of which.
        wanted: Entries that must be among them.
        alone: Cases that get what is wanted for them and nothing else.
        clerk: Writes them.
    """
    chance = clerk.chance.of("talks")
    entries = {"talk": _entries("talk", quota.talks, chance)}
    for kind, spans in quota.others.items():
        entries[kind] = _entries(kind, spans, chance)
    _meet_wants(entries, wanted, chance)
    _give_away(entries, [r for r in residents if r.case not in alone], chance)
    _name_topics(entries["talk"], quota, chance)
    for pile in entries.values():
        for entry in pile:
            yield from _write(entry, clerk, chance)


def _entries(kind: str, spans: Sequence[Span], chance: Chance) -> list[_Entry]:
    """Entries spread evenly over working days, in the order of time."""
    found: list[_Entry] = []
    for span in spans:
        count = (span.last - span.first).days + 1
        days = [span.first + timedelta(days=n) for n in range(count)]
        working = [day for day in days if day.weekday() < 5]
        forms = chance.deck(span.forms)
        for place, form in enumerate(forms):
            day = working[place * len(working) // len(forms)]
            found.append(_Entry(day, kind, form))
    return found


def _meet_wants(
    entries: Mapping[str, list[_Entry]], wanted: Iterable[Wanted], chance: Chance
) -> None:
    """Give each want a free entry in its days; the narrowest wants choose first."""
    for want in sorted(wanted, key=lambda w: (w.last - w.first).days):
        pile = entries[want.kind]
        low = bisect_left(pile, want.first, key=lambda e: e.day)
        high = bisect_right(pile, want.last, key=lambda e: e.day)
        entry = chance.pick([e for e in pile[low:high] if not e.persons])
        entry.persons, entry.note = want.persons, want.note


def _give_away(
    entries: Mapping[str, list[_Entry]], residents: Sequence[Resident], chance: Chance
) -> None:
    """Give every free entry to somebody who was there on its day."""
    homes = families(residents)
    pool = [
        r
        for r in residents
        for _ in range(ADULT_WEIGHT if r.is_adult else CHILD_WEIGHT)
    ]
    for kind, pile in entries.items():
        for entry in pile:
            if entry.persons:
                continue
            lead = _lead(kind, entry.day, pool, chance)
            entry.persons = (lead,)
            if kind == "talk" and chance.one_in(8):
                along = [
                    r
                    for r in homes[lead.household]
                    if r is not lead and _is_reachable(r, entry.day)
                ]
                entry.persons += tuple(along[: chance.between(1, 4)])


def _lead(kind: str, day: date, pool: Sequence[Resident], chance: Chance) -> Resident:
    """Somebody the office had to do with; attempts go to those it does not reach."""
    while True:
        resident = chance.pick(pool)
        is_there = resident.start <= day <= resident.last_day
        if kind == "attempt" and is_there and resident.care in "rdl":
            return resident
        if kind == "coordination" and is_there and resident.is_adult:
            return resident
        if kind not in ("attempt", "coordination") and _is_reachable(resident, day):
            return resident
        if kind == "attempt" and is_there and chance.one_in(8):
            return resident


def _is_reachable(resident: Resident, day: date) -> bool:
    return resident.start <= day <= resident.talks_until


def _name_topics(talks: Sequence[_Entry], quota: TalkQuota, chance: Chance) -> None:
    """Deal topics, then interpreters: those who need none first get none."""
    topics = chance.deck(quota.topics)
    for entry, topic in zip(talks, topics, strict=True):
        entry.topic = topic
    others = {code: n for code, n in quota.interpreters.items() if code != "none"}
    hands = ["none"] * quota.interpreters["none"] + chance.deck(others)
    order = sorted(chance.shuffled(talks), key=lambda e: e.persons[0].needs_interpreter)
    for entry, interpreter in zip(order, hands, strict=True):
        entry.interpreter = interpreter


def _write(entry: _Entry, clerk: Clerk, chance: Chance) -> Iterator[Record]:
    is_talk = entry.kind == "talk"
    topics = [TOPICS[entry.topic]] if is_talk else []
    if is_talk and chance.one_in(4):
        topics.append(chance.pick([t for t in TOPICS.values() if t not in topics]))
    note = entry.note
    if is_talk and not note and chance.one_in(3):
        note = chance.pick(phrases("note", topics[0].partition(".")[0]))[0]
    lead = entry.persons[0]
    values = {
        "date": entry.day.isoformat(),
        "minutes": 5 * chance.between(2, 14) if is_talk else None,
        "persons": [str(person.case) for person in entry.persons],
        "form": entry.form,
        "kind": entry.kind,
        "initiated_by": chance.pick(("person", "person", "caseworker")),
        "topics": topics,
        "language": lead.language if entry.interpreter not in ("", "none") else "de",
        "interpreter": entry.interpreter or None,
        "note": note,
        "caseworker": str(lead.caseworker),
    }
    entry_id = clerk.new_id()
    for person in entry.persons:
        yield clerk.write(person, "contact", entry.day, values, record=entry_id)
