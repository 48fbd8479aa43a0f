"""Two cases of one person side by side: where they differ, and what can be chosen.

Enters: both cases, opened. Leaves: the fields that differ with the choices each allows, the
fields that do not, how much is united by itself. Must never happen: a choice made for the
person who decides; a note of health among the fields (K09 is united unseen). Implements
flow F of the screens, step 3; SC-54.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum, unique
from typing import Final

from node import strictjson
from node.cases.dictionary import DICTIONARY, FOREIGN, HEALTH, NEVER
from node.cases.model import CaseContent, Record
from node.strictjson import Json

CLOCK: Final = (
    *("counselling_start", "counselling_max_end"),
    *("clock_extension", "clock_extension_on", "clock_extension_reason"),
)
"""What goes together with the earliest start (FR-2)."""

NAMES: Final = frozenset(
    {"family_name", "given_names", "birth_name", "name_in_document"}
)
"""Of two names both can stay: the other one as a further name."""

HOME: Final = "accommodation"
HOUSEHOLD: Final = "household"
PLAN: Final = "plan"
LIVE_PLAN: Final = frozenset({"in_force", "under_review", "agreed"})

DESCRIBING: Final = frozenset(
    {
        *("language", "residence", "residence_condition", "education", "employment"),
        *("course", "care_status", "childcare_school", HOME, "protection"),
        *("third_person", "responsibility"),
    }
)
"""Kinds of records that describe a state: two that say the same are one."""

_TIED: Final = {"birth_date": ("birth_date_fictitious",)}
_UNASKED: Final = frozenset(
    {*CLOCK, "clock_interruptions", "former_ids", "birth_date_fictitious", FOREIGN}
    | {"voided_on", "void_reason"}
    | {
        name
        for name, known in DICTIONARY["person"].items()
        if known.category in {HEALTH, NEVER}
    }
) - {"case_number"}


@unique
class Choice(StrEnum):
    """What a field shall hold afterwards."""

    HERE = "here"
    THERE = "there"
    BOTH = "both"


@unique
class Change(StrEnum):
    """How a field differs, seen from the case that is here."""

    NEW = "new"
    CHANGED = "changed"


@dataclass(frozen=True, slots=True)
class Difference:
    """One line to be decided; ``values`` of records are shown field by field."""

    field: str
    here: Json
    there: Json
    change: Change
    choices: tuple[Choice, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two cases side by side.

    ``same`` are fields that need no word: equal ones, and those only the case here has.
    ``united`` counts what comes over from there by kind of record.
    """

    differing: tuple[Difference, ...]
    same: tuple[tuple[str, Json], ...]
    united: Mapping[str, int]


def compare(
    here: CaseContent, there: CaseContent, alone: frozenset[str] = frozenset()
) -> Comparison:
    """Where two cases of one person differ.

    ``alone`` are households of nobody else: whose of both it is needs no question then.
    """
    mine, theirs = _person(here), _person(there)
    differing: list[Difference] = []
    same: list[tuple[str, Json]] = []
    for name in DICTIONARY["person"]:
        if name in _UNASKED:
            continue
        one, other = mine.get(name), theirs.get(name)
        if is_empty(one) and is_empty(other):
            continue
        if is_empty(other) or _is_same(name, mine, theirs):
            same.append((name, one))
            continue
        change = Change.NEW if is_empty(one) else Change.CHANGED
        both = (Choice.BOTH,) if _allows_both(name, change, one, other) else ()
        choices = (Choice.HERE, Choice.THERE, *both)
        differing.append(Difference(name, one, other, change, choices))
    differing += _of_records(here, there, alone)
    known = {said_by(record) for record in here.records}
    ids = {record.id for record in here.records}
    united = Counter(
        record.kind
        for record in there.records
        if record.kind not in {"person", "household_member", "responsibility"}
        and record.id not in ids
        and not (record.kind in DESCRIBING and said_by(record) in known)
    )
    return Comparison(tuple(differing), tuple(same), dict(united))


def is_empty(value: Json) -> bool:
    """Whether a field says nothing; ``False`` says something only beside ``True``."""
    return value in (None, "", [], {}, False)


def home_of(content: CaseContent) -> Record | None:
    """Where the person lives now."""
    homes = [r for r in _standing(content, HOME) if not r.values.get("move_out")]
    return homes[-1] if homes else None


def plan_of(content: CaseContent) -> Record | None:
    """The plan in force."""
    plans = _standing(content, PLAN)
    return next((p for p in reversed(plans) if p.text("status") in LIVE_PLAN), None)


def _of_records(
    here: CaseContent, there: CaseContent, alone: frozenset[str]
) -> Iterable[Difference]:
    one, other = home_of(here), home_of(there)
    if one and other and not _is_equal(one.values, other.values):
        yield Difference(HOME, one.values, other.values, Change.CHANGED, tuple(Choice))
    asked = (Choice.HERE, Choice.THERE)
    lives, lived = here.file.household, there.file.household
    if lives and lived and lives != lived and not alone & {lives, lived}:
        yield Difference(HOUSEHOLD, lives, lived, Change.CHANGED, asked)
    mine, theirs = plan_of(here), plan_of(there)
    if mine and theirs and mine.id != theirs.id:
        yield Difference(PLAN, mine.values, theirs.values, Change.CHANGED, asked)


def _person(content: CaseContent) -> Mapping[str, Json]:
    return content.person.values if content.person else {}


def _is_same(name: str, one: Mapping[str, Json], other: Mapping[str, Json]) -> bool:
    return all(
        _is_equal(one.get(each), other.get(each))
        or (is_empty(one.get(each)) and is_empty(other.get(each)))
        for each in (name, *_TIED.get(name, ()))
    )


def tied_to(name: str) -> tuple[str, ...]:
    """The fields that go with this one."""
    return (name, *_TIED.get(name, ()))


def _is_equal(one: Json, other: Json) -> bool:
    if isinstance(one, list) and isinstance(other, list):
        return {_spelled(item) for item in one} == {_spelled(item) for item in other}
    return _spelled(one) == _spelled(other)


def _spelled(value: Json) -> bytes:
    return strictjson.encode({"": value})


def _allows_both(name: str, change: Change, one: Json, other: Json) -> bool:
    if change is Change.NEW:
        return False
    return name in NAMES or (isinstance(one, list) and isinstance(other, list))


def _standing(content: CaseContent, kind: str) -> list[Record]:
    return [r for r in content.of(kind) if not r.values.get("voided_on")]


def said_by(record: Record) -> tuple[str, bytes]:
    """What a record says, whoever's it is and wherever its file lies."""
    said = {n: v for n, v in record.values.items() if n not in {"digest", "persons"}}
    return record.kind, _spelled(said)
