"""A town's list of talks: each row a day on which somebody known here was met.

Enters: a list with a day in each row, the people known here, their contacts so far.
Leaves: an ``ImportPlan`` of talks. Must never happen: a talk that was invented, such as one
for a month or for a form nobody named; a talk in the case of somebody who only has the same
name; a talk twice because a list was read twice. Implements chapter 7 of the field document
and FR-6 (which form counts as what).
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Final

from node.cases import towncells, towncodes
from node.cases.model import Record
from node.cases.talkforms import KIND_OF
from node.cases.towncells import CellError
from node.cases.townchoices import Choices
from node.cases.townlist import TownList
from node.cases.townplan import (
    Duplicate,
    ImportPlan,
    Known,
    Talk,
    each_once,
    may_be_same_day,
    name_key,
)
from node.cases.townrow import RowReading
from node.ids import CaseId
from node.strictjson import Json, JsonObject

_MOST_MINUTES: Final = 480
Mark = tuple[str, ...]
"""What two entries of the same talk have in common."""


def plan_talks(
    listed: TownList,
    known: Iterable[Known],
    past: Mapping[CaseId, Sequence[Record]],
    *,
    today: date,
    choices: Choices,
) -> ImportPlan:
    """What would become of this list of talks.

    Args:
        listed: The list, read; it has a day in each row.
        known: Everybody with a case here.
        past: The contacts of those cases that are the caseworker's own.
        today: The day of the import.
        choices: What a person decided.
    """
    people = _People(known)
    seen: dict[tuple[CaseId, Mark], int | None] = {
        (case, mark_of(record.values)): None
        for case, records in past.items()
        for record in records
    }
    talks: list[Talk] = []
    duplicates: list[Duplicate] = []
    readings = [RowReading(listed, row, today, choices) for row in listed.rows]
    for reading in readings:
        talk = _talk(reading, people)
        if talk is None:
            continue
        mark = talk.case, mark_of(talk.values)
        if mark in seen:
            line = seen[mark]
            case = None if line else talk.case
            duplicates.append(Duplicate(talk.line, line, case))
            continue
        seen[mark] = talk.line
        talks.append(talk)
    return ImportPlan(
        file=listed.digest,
        accepted=choices.accepted,
        new=(),
        duplicates=tuple(duplicates),
        errors=listed.errors + tuple(e for r in readings for e in r.errors),
        notices=tuple(n for r in readings if not r.errors for n in r.notices),
        offers=tuple(o for r in readings for o in r.offers),
        skipped=listed.skipped,
        unknown=listed.unknown,
        joins={},
        questions=each_once(q for r in readings for q in r.questions),
        talks=tuple(talks),
    )


def mark_of(values: Mapping[str, Json]) -> Mark:
    """Day, form, minutes, topics and note: equal in all of them is the same talk."""
    names = ("date", "form", "minutes", "topics", "note")
    return tuple(str(values.get(name, "")) for name in names)


class _People:
    """Everybody known here, by the words of their names and by their file number."""

    def __init__(self, known: Iterable[Known]) -> None:
        self._by_name: dict[tuple[str, ...], list[Known]] = {}
        self._by_number: dict[str, list[Known]] = {}
        for person in known:
            key = name_key(person.family_name, person.given_names)
            self._by_name.setdefault(key, []).append(person)
            if person.case_number:
                number = person.case_number.casefold()
                self._by_number.setdefault(number, []).append(person)

    def find(self, number: str, names: JsonObject, birth: str) -> Sequence[Known]:
        """Who is meant: by number, else by names and a birth date that can be theirs."""
        if number and (found := self._by_number.get(number.casefold())):
            return found
        key = name_key(names.get("family_name", ""), names.get("given_names", ""))
        return [
            person
            for person in self._by_name.get(key, ())
            if key and may_be_same_day(birth, person.birth)
        ]


def _talk(reading: RowReading, people: _People) -> Talk | None:
    person = _person(reading, people)
    values = _values(reading)
    if person is None or reading.errors:
        return None
    return Talk(reading.row.line, person.case, values | {"persons": [str(person.case)]})


def _person(reading: RowReading, people: _People) -> Known | None:
    """Exactly one person of the own caseload; else the row says why not."""
    number = reading.text("case_number")
    has_name = any(
        reading.text(name) for name in ("family_name", "given_names", "full_name")
    )
    names = reading.names() if has_name or not number else {}
    born = reading.birth().get("birth_date", "")
    if reading.errors:
        return None
    column = "case_number" if number and not has_name else "family_name"
    found = people.find(number, names, born)
    if not found:
        reading.error(column, "person_not_found")
    elif len(found) > 1:
        reading.error(column, "person_not_unique")
    elif not found[0].is_own:
        reading.error(column, "person_not_own")
    else:
        return found[0]
    return None


def _values(reading: RowReading) -> JsonObject:
    values: JsonObject = {}
    day = reading.read(
        "talk_date",
        lambda text: towncells.full_date(
            text, today=reading.today, is_1904=reading.listed.is_1904
        ),
    )
    if day:
        values["date"] = day.isoformat()
    elif not reading.text("talk_date"):
        reading.error("talk_date", "date_missing")
    if form := _form(reading):
        values |= {"form": form, "kind": KIND_OF.get(form, "contact")}
    minutes = reading.read("talk_minutes", _minutes)
    if minutes is not None:
        values["minutes"] = minutes
    notes = [reading.text("talk_note")]
    if topic := reading.code("talk_topic", "topic"):
        values["topics"] = [topic]
    notes += [f"{title}: {text}" for title, text in reading.left_over]
    if note := "\n".join(filter(None, notes)):
        values["note"] = note
    return values


def _form(reading: RowReading) -> str:
    """The form; where a row names none, a person says once which is meant."""
    text = reading.text("talk_form")
    found = towncodes.code("contact_form", text) if text else None
    found = found or reading.chosen("talk_form", "contact_form", text)
    if not found:
        reading.error("talk_form", "form_missing")
    return found


def _minutes(text: str) -> int:
    """Whole minutes: ``45``, ``45 min``, ``1:30``, ``1,5 h``.

    Raises:
        CellError: ``not_minutes``.
    """
    found = towncells.minutes(text)
    if found is None or not 0 <= found <= _MOST_MINUTES:
        raise CellError("not_minutes")
    return found
