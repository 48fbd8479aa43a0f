"""Uniting two cases of one person.

Enters: both cases, opened, and what a person chose for each field that differs. Leaves:
what to write. Must never happen: a clock that starts later than it did (FR-2, DO-7); two
plans in force; a record of the other office that becomes our own, or the reverse (FR-8).
Implements the field document, chapter 8 (Merge). Taking them apart is ``unmerging``'s.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Final

from node.cases.days import local_day
from node.cases.dictionary import DICTIONARY, FOREIGN
from node.cases.differences import (
    CLOCK,
    DESCRIBING,
    HOME,
    HOUSEHOLD,
    NAMES,
    PLAN,
    Choice,
    compare,
    home_of,
    is_empty,
    plan_of,
    said_by,
    tied_to,
)
from node.cases.model import Baton, CaseContent, CaseFile, Record
from node.errors import InputError
from node.ids import AccountId, CaseId, RecordId
from node.strictjson import Json

_TEXTS: Final = {"health_note": "\n\n", "last_place_origin": " / "}
"""Free texts of a person: both stay, one after the other."""
_LISTS: Final = ("accessibility", "clock_interruptions", "deputies")
_BY_RULE: Final = frozenset(
    {*CLOCK, *_TEXTS, *_LISTS, "former_ids", "legal_hold", FOREIGN}
    | {"birth_date_fictitious"}
)
"""What nobody is asked about."""

FILE_FIELDS: Final = frozenset({"digest", "bytes"})
"""What names the sealed file of a document; it is another one under another key."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What was chosen: per field, seen from the case in which the person decided.

    ``alone`` are the households in which nobody else lives.
    """

    here: CaseId
    choices: Mapping[str, Choice]
    by: AccountId | None
    at: datetime
    alone: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Merged:
    """What to write: both files, records of the survivor, files that must be sealed anew."""

    survivor: CaseFile
    absorbed: CaseFile
    put: tuple[Record, ...]
    papers: tuple[Record, ...]
    moved: tuple[RecordId, ...]
    taken: tuple[str, ...]


def in_order(one: CaseContent, other: CaseContent) -> tuple[CaseContent, CaseContent]:
    """Which case stays and which goes: the id with the longer chain survives."""

    def rank(content: CaseContent) -> tuple[int, bool, date, str]:
        file = content.file
        return -file.epoch, file.came_from is None, file.opened_on, file.id

    first, second = sorted((one, other), key=rank)
    return first, second


def merge(one: CaseContent, other: CaseContent, wish: Wish) -> Merged:
    """Unite two cases of one person.

    Raises:
        InputError: A field that differs has no choice, or one it does not allow.
    """
    stays, goes = in_order(one, other)
    here, there = (one, other) if one.file.id == wish.here else (other, one)
    for difference in compare(here, there, wish.alone).differing:
        if wish.choices.get(difference.field) not in difference.choices:
            raise InputError(difference.field, "missing")
    sides = {
        name: choice if stays is here else _TURNED[choice]
        for name, choice in wish.choices.items()
    }
    person, taken = _person(stays, goes, sides, wish)
    moved = tuple(_united(stays, goes, sides, wish))
    papers = tuple(r for r in moved if r.kind == "document" and r.text("digest"))
    put = [person, *_changed(stays, goes, sides, wish)]
    put += [record for record in moved if record not in papers]
    return Merged(
        survivor=_survivor(stays, goes, sides, wish),
        absorbed=replace(
            goes.file,
            baton=Baton.ABSORBED,
            household=None,
            responsible_from=None,
            responsible_until=None,
        ),
        put=tuple(put),
        papers=papers,
        moved=tuple(record.id for record in moved),
        taken=taken,
    )


_TURNED: Final = {
    Choice.HERE: Choice.THERE,
    Choice.THERE: Choice.HERE,
    Choice.BOTH: Choice.BOTH,
}


def _person(
    stays: CaseContent, goes: CaseContent, sides: Mapping[str, Choice], wish: Wish
) -> tuple[Record, tuple[str, ...]]:
    """The record of the person; and which fields hold values of the one that goes."""
    mine, theirs = stays.person, goes.person
    if mine is None or theirs is None:
        raise InputError("person", "missing")
    values, taken = _chosen(mine.values, theirs.values, sides)
    values |= _clock(mine.values, theirs.values)
    values |= _joined(mine, theirs)
    former = {
        *items_of(mine.values.get("former_ids")),
        *items_of(theirs.values.get("former_ids")),
        str(goes.file.id),
    }
    values["former_ids"] = sorted(former - {str(stays.file.id)})
    holds = [v for v in (mine.text("legal_hold"), theirs.text("legal_hold")) if v]
    values["legal_hold"] = max(holds, default=None)
    kept = {n: v for n, v in values.items() if v is not None}
    person = replace(mine, values=kept, recorded_at=wish.at, recorded_by=wish.by)
    return person, taken


def _chosen(
    mine: Mapping[str, Json], theirs: Mapping[str, Json], sides: Mapping[str, Choice]
) -> tuple[dict[str, Json], tuple[str, ...]]:
    """The fields of the person as they were chosen; a field that only one has is kept."""
    values, taken = dict(mine), set[str]()
    fields = theirs.keys() | (sides.keys() - {HOME, HOUSEHOLD, PLAN})
    for name in sorted(fields - _BY_RULE):
        side, value = sides.get(name), theirs.get(name)
        if side is Choice.BOTH:
            field = "aliases" if name in NAMES else name
            values[field] = listed([*items_of(values.get(field)), *items_of(value)])
            taken.add(field)
        elif side is Choice.THERE or (side is None and is_empty(mine.get(name))):
            values |= {each: theirs.get(each) for each in tied_to(name)}
            taken |= set() if is_empty(value) else {name}
    return values, tuple(sorted(taken))


def _clock(mine: Mapping[str, Json], theirs: Mapping[str, Json]) -> dict[str, Json]:
    """The clock that began first goes on, with its own extension (FR-2, DO-7).

    Of two that began on one day the one without an extension: no end comes later by this.
    """
    running = [v for v in (mine, theirs) if v.get("counselling_start")]
    first = min(
        running,
        key=lambda v: (str(v["counselling_start"]), bool(v.get("clock_extension"))),
        default=mine,
    )
    return {name: first.get(name) for name in CLOCK}


def _joined(mine: Record, theirs: Record) -> dict[str, Json]:
    """What is kept of both without a question: free texts and lists."""
    joined: dict[str, Json] = {}
    for name, glue in _TEXTS.items():
        texts = dict.fromkeys(t for t in (mine.text(name), theirs.text(name)) if t)
        joined[name] = glue.join(texts) or None
    for name in _LISTS:
        items = [*items_of(mine.values.get(name)), *items_of(theirs.values.get(name))]
        joined[name] = listed(items) or None
    unknown, more = mine.values.get(FOREIGN) or {}, theirs.values.get(FOREIGN) or {}
    joined[FOREIGN] = {**more, **unknown} or None
    return joined


def _united(
    stays: CaseContent, goes: CaseContent, sides: Mapping[str, Choice], wish: Wish
) -> Iterable[Record]:
    """The records of the one that goes, as records of the one that stays."""
    names = {str(goes.file.id): str(stays.file.id)}
    known = {said_by(record) for record in stays.records}
    here = {record.id for record in stays.records}
    for record in goes.records:
        if record.kind == "person" or record.id in here:
            continue
        if record.kind in DESCRIBING and said_by(record) in known:
            continue
        if record.kind == "household_member" and not _moves_home(
            goes, stays, sides, wish
        ):
            continue
        if record == home_of(goes) and sides.get(HOME) is Choice.HERE:
            continue
        moved = renamed(replace(record, case=stays.file.id), names)
        if record == plan_of(goes) and sides.get(PLAN) is Choice.HERE:
            moved = replace(moved, values={**moved.values, "status": "superseded"})
        yield moved


def _moves_home(
    goes: CaseContent, stays: CaseContent, sides: Mapping[str, Choice], wish: Wish
) -> bool:
    """Whether the person belongs to the household of the case that goes."""
    if HOUSEHOLD in sides:
        return sides[HOUSEHOLD] is Choice.THERE
    lives, lived = stays.file.household, goes.file.household
    if lives is None or lived is None:
        return lives is None and lived is not None
    return lives in wish.alone and lived not in wish.alone


def _changed(
    stays: CaseContent,
    goes: CaseContent,
    sides: Mapping[str, Choice],
    wish: Wish,
) -> Iterable[Record]:
    """The survivor's own records that say something else afterwards."""
    day = local_day(wish.at).isoformat()
    theirs = {record.id: record for record in goes.records}
    plan, home = plan_of(stays), home_of(stays)
    for record in stays.records:
        more: dict[str, Json] = {}
        if record.kind == "person":
            continue
        if record.id in theirs and record.kind == theirs[record.id].kind:
            # One entry about both, or one record that came twice.
            more |= _missing(record, theirs[record.id])
        if record is plan and plan_of(goes) and sides.get(PLAN) is Choice.THERE:
            more["status"] = "superseded"
        if record is home and home_of(goes) and sides.get(HOME) is Choice.THERE:
            more["voided_on"] = day
        is_open = record.kind == "household_member" and is_empty(
            record.values.get("valid_until")
        )
        if is_open and _moves_home(goes, stays, sides, wish):
            more["valid_until"] = day
        if more:
            yield replace(record, values={**record.values, **more})


def _missing(record: Record, other: Record) -> dict[str, Json]:
    return {
        name: value
        for name, value in other.values.items()
        if name not in FILE_FIELDS | {"persons"}
        and is_empty(record.values.get(name))
        and not is_empty(value)
    }


def _survivor(
    stays: CaseContent, goes: CaseContent, sides: Mapping[str, Choice], wish: Wish
) -> CaseFile:
    """The file that stays; an own responsibility begins when the first of both did.

    A case that came by a transfer keeps the day of its import: until the day before, the
    sender counts the person (FR-3).
    """
    mine, theirs = stays.file, goes.file
    days = [d for d in (mine.responsible_from, theirs.responsible_from) if d]
    is_ours = mine.came_from is None
    return replace(
        mine,
        household=(theirs if _moves_home(goes, stays, sides, wish) else mine).household,
        caseworker=mine.caseworker or theirs.caseworker,
        responsible_from=min(days, default=None) if is_ours else mine.responsible_from,
    )


def renamed(record: Record, names: Mapping[str, str]) -> Record:
    """The record with other ids where it names these cases; nobody is named twice."""
    fields = DICTIONARY.get(record.kind, {})
    values = {
        name: _with_names(value, names)
        if name in fields and fields[name].names_cases
        else value
        for name, value in record.values.items()
    }
    return record if values == record.values else replace(record, values=values)


def _with_names(value: Json, names: Mapping[str, str]) -> Json:
    if isinstance(value, str):
        return names.get(value, value)
    if isinstance(value, list):
        return listed(_with_names(item, names) for item in value)
    if isinstance(value, Mapping) and "case" in value:
        return {**value, "case": _with_names(value["case"], names)}
    return value


def items_of(value: Json) -> list[Json]:
    """A field as a list; an empty one has no items."""
    if is_empty(value):
        return []
    return list(value) if isinstance(value, list) else [value]


def listed(items: Iterable[Json]) -> list[Json]:
    """Each item once, in the order they came."""
    found: list[Json] = []
    for item in items:
        if item not in found:
            found.append(item)
    return found
