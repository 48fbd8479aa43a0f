"""What a town's list would become: new people, duplicates, errors; nothing is written.

Enters: a list that was read, the people known here, the day, what a person decided.
Leaves: an ``ImportPlan`` with a digest over everything it would do. Must never happen: a
person twice because a list was read twice; a repair nobody agreed to; an import of
something other than the dry run showed, for applying asks for the digest. Implements
chapter 7 of the field document (Dry run), DO-42.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from node.cases.folding import fold
from node.cases.townblocks import heads_of, in_households
from node.cases.townchoices import Choices, Offer, Question
from node.cases.townlist import ListError, Skipped, TownList
from node.cases.townrow import Newcomer, Notice, RowReading
from node.ids import CaseId, RecordId
from node.strictjson import JsonObject, encode


@dataclass(frozen=True, slots=True)
class Known:
    """Somebody with a case here; ``birth`` is a partial date as text, or empty.

    ``is_own`` says that the caseworker who takes the list in may write into the case.
    """

    case: CaseId
    family_name: str
    given_names: str
    birth: str
    household: RecordId | None = None
    case_number: str = ""
    is_own: bool = False


@dataclass(frozen=True, slots=True)
class Duplicate:
    """A row about somebody of an earlier row (``of_line``) or with a case here."""

    line: int
    of_line: int | None
    of_case: CaseId | None


@dataclass(frozen=True, slots=True)
class Change:
    """A row that knows more of somebody than the case does: what would be added."""

    line: int
    case: CaseId
    person: JsonObject
    records: tuple[tuple[str, JsonObject], ...]


@dataclass(frozen=True, slots=True)
class Talk:
    """A talk of the list, for the case of somebody known here."""

    line: int
    case: CaseId
    values: JsonObject


@dataclass(frozen=True, slots=True)
class ImportPlan:
    """What applying would do. ``offers`` are repairs that would make rows acceptable.

    ``joins`` says which household of ours a household of the list belongs to, because a
    member is known here. ``questions`` are texts whose code a person may choose, each
    once. ``met`` are the newcomers of duplicates with a case here, by line.
    """

    file: bytes
    accepted: frozenset[Offer]
    new: tuple[Newcomer, ...]
    duplicates: tuple[Duplicate, ...]
    errors: tuple[ListError, ...]
    notices: tuple[Notice, ...]
    offers: tuple[tuple[int, Offer, str], ...]
    skipped: tuple[Skipped, ...]
    unknown: tuple[str, ...]
    joins: Mapping[str, RecordId]
    questions: tuple[Question, ...] = ()
    changes: tuple[Change, ...] = ()
    talks: tuple[Talk, ...] = ()
    met: Mapping[int, Newcomer] | None = None

    @property
    def digest(self) -> str:
        """SHA-256, 64 hex digits, over the file and all that would become of it."""
        says: JsonObject = {
            "file": self.file.hex(),
            "accepted": sorted(self.accepted),
            "new": [
                [
                    n.line,
                    n.person,
                    n.records,
                    n.start.isoformat(),
                    n.home,
                    n.left_over,
                    n.role,
                ]
                for n in self.new
            ],
            "changes": [[c.line, c.case, c.person, c.records] for c in self.changes],
            "talks": [[t.line, t.case, t.values] for t in self.talks],
            "duplicates": [[d.line, d.of_line, d.of_case] for d in self.duplicates],
            "errors": [[e.line, e.column, e.code] for e in self.errors],
            "joins": dict(self.joins),
        }
        return hashlib.sha256(encode(says)).hexdigest()

    @property
    def failed(self) -> int:
        """How many rows have an error."""
        return len({error.line for error in self.errors})

    @property
    def is_empty(self) -> bool:
        """Whether applying would do nothing."""
        return not (self.new or self.changes or self.talks)


def plan_import(
    listed: TownList,
    known: Iterable[Known],
    *,
    today: date,
    choices: Choices | None = None,
) -> ImportPlan:
    """What would become of this list of people.

    Args:
        listed: The list, read.
        known: Everybody with a case here.
        today: The day of the import; nothing in a list lies after it.
        choices: What a person decided.
    """
    choices = choices or Choices()
    seen = _Seen(known)
    new: list[Newcomer] = []
    duplicates: list[Duplicate] = []
    joins: dict[str, RecordId] = {}
    met: dict[int, Newcomer] = {}
    listed, readings = _readings(listed, today, choices)
    for reading in readings:
        newcomer = reading.newcomer()
        if newcomer is None:
            continue
        double = seen.same(newcomer)
        if double is None:
            seen.add(newcomer)
            new.append(newcomer)
            continue
        of_line, somebody = double
        duplicates.append(
            Duplicate(newcomer.line, of_line, somebody.case if somebody else None)
        )
        if somebody:
            met[newcomer.line] = newcomer
        if somebody and somebody.household and newcomer.home:
            joins[newcomer.home] = somebody.household
    return ImportPlan(
        file=listed.digest,
        accepted=choices.accepted,
        new=tuple(new),
        duplicates=tuple(duplicates),
        errors=listed.errors + tuple(e for r in readings for e in r.errors),
        notices=tuple(n for r in readings if not r.errors for n in r.notices),
        offers=tuple(o for r in readings for o in r.offers),
        skipped=listed.skipped,
        unknown=listed.unknown,
        joins={home: joins[home] for home in sorted(joins)},
        questions=each_once(q for r in readings for q in r.questions),
        met=met,
    )


def _readings(
    listed: TownList, today: date, choices: Choices
) -> tuple[TownList, list[RowReading]]:
    """The rows, in households if a person said that the layout means them."""
    if Offer.HOUSEHOLDS in choices.accepted:
        listed = in_households(listed)
    readings = [RowReading(listed, row, today, choices) for row in listed.rows]
    if Offer.HOUSEHOLDS not in choices.accepted:
        heads = heads_of(listed)
        leading = {head.line for head in heads.values()}
        for reading in readings:
            if reading.row.line in heads or reading.row.line in leading:
                reading.agreed("family_name", Offer.HOUSEHOLDS)
    return listed, readings


def each_once(questions: Iterable[Question]) -> tuple[Question, ...]:
    """One question for all rows with the same text, in the order of the list."""
    return tuple({question.key: question for question in questions}.values())


class _Seen:
    """Everybody we have met: known here, or in an earlier row."""

    def __init__(self, known: Iterable[Known]) -> None:
        self._met: dict[
            tuple[str, ...], list[tuple[str, int | None, Known | None]]
        ] = {}
        for person in known:
            key = name_key(person.family_name, person.given_names)
            self._met.setdefault(key, []).append((person.birth, None, person))

    def add(self, newcomer: Newcomer) -> None:
        birth = newcomer.person.get("birth_date", "")
        key = self._key_of(newcomer)
        self._met.setdefault(key, []).append((birth, newcomer.line, None))

    def same(self, newcomer: Newcomer) -> tuple[int | None, Known | None] | None:
        """Same names, and birth dates that can both be true."""
        birth = newcomer.person.get("birth_date", "")
        for other, line, known in self._met.get(self._key_of(newcomer), ()):
            if may_be_same_day(birth, other):
                return line, known
        return None

    def _key_of(self, newcomer: Newcomer) -> tuple[str, ...]:
        person = newcomer.person
        return name_key(person.get("family_name", ""), person.get("given_names", ""))


def may_be_same_day(one: str, other: str) -> bool:
    """Whether two partial dates can both be true; nothing contradicts nothing."""
    return one.startswith(other) or other.startswith(one)


def name_key(family: str, given: str) -> tuple[str, ...]:
    """Names as they are compared: their folded words, whichever is the family name."""
    return tuple(sorted((*fold(family), *fold(given))))
