"""What a town's list would become: new people, duplicates, errors; nothing is written.

Enters: a list that was read, the people known here, the day, what a person accepted.
Leaves: an ``ImportPlan`` with a digest over everything it would do. Must never happen: a
person twice because a list was read twice; a repair nobody agreed to; an import of
something other than the dry run showed, for applying asks for the digest. Implements
chapter 7 of the field document (Dry run, Apply), DO-42.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from node.cases.towncells import folded_name
from node.cases.townlist import ListError, Skipped, TownList
from node.cases.townrow import Newcomer, Notice, Offer, RowReading
from node.ids import Ags, CaseId, RecordId
from node.strictjson import JsonObject, encode


@dataclass(frozen=True, slots=True)
class Known:
    """Somebody with a case here; ``birth`` is a partial date as text, or empty."""

    case: CaseId
    family_name: str
    given_names: str
    birth: str
    household: RecordId | None = None


@dataclass(frozen=True, slots=True)
class Duplicate:
    """A row about somebody of an earlier row (``of_line``) or with a case here."""

    line: int
    of_line: int | None
    of_case: CaseId | None


@dataclass(frozen=True, slots=True)
class ImportPlan:
    """What applying would do. ``offers`` are repairs that would make rows acceptable.

    ``joins`` says which household of ours a household of the list belongs to, because a
    member is known here.
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

    @property
    def digest(self) -> str:
        """SHA-256, 64 hex digits, over the file and all that would become of it."""
        says: JsonObject = {
            "file": self.file.hex(),
            "accepted": sorted(self.accepted),
            "new": [
                [n.line, n.person, n.records, n.start.isoformat(), n.home, n.left_over]
                for n in self.new
            ],
            "duplicates": [[d.line, d.of_line, d.of_case] for d in self.duplicates],
            "errors": [[e.line, e.column, e.code] for e in self.errors],
            "joins": dict(self.joins),
        }
        return hashlib.sha256(encode(says)).hexdigest()


def plan_import(
    listed: TownList,
    known: Iterable[Known],
    *,
    today: date,
    accepted: frozenset[Offer] = frozenset(),
    places: Mapping[str, Ags] | None = None,
) -> ImportPlan:
    """What would become of this list.

    Args:
        listed: The list, read.
        known: Everybody with a case here.
        today: The day of the import; nothing in a list lies after it.
        accepted: The repairs a person agreed to.
        places: Place name -> AGS, where the name has one meaning only; else none is set.
    """
    seen = _Seen(known)
    new: list[Newcomer] = []
    duplicates: list[Duplicate] = []
    joins: dict[str, RecordId] = {}
    readings = [
        RowReading(listed, row, today, accepted=accepted, places=places or {})
        for row in listed.rows
    ]
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
        if somebody and somebody.household and newcomer.home:
            joins[newcomer.home] = somebody.household
    return ImportPlan(
        file=listed.digest,
        accepted=accepted,
        new=tuple(new),
        duplicates=tuple(duplicates),
        errors=listed.errors + tuple(e for r in readings for e in r.errors),
        notices=tuple(n for r in readings if not r.errors for n in r.notices),
        offers=tuple(o for r in readings for o in r.offers),
        skipped=listed.skipped,
        unknown=listed.unknown,
        joins={home: joins[home] for home in sorted(joins)},
    )


class _Seen:
    """Everybody we have met: known here, or in an earlier row."""

    def __init__(self, known: Iterable[Known]) -> None:
        self._met: dict[
            tuple[str, str], list[tuple[str, int | None, Known | None]]
        ] = {}
        for person in known:
            self._met.setdefault(
                _name_key(person.family_name, person.given_names), []
            ).append((person.birth, None, person))

    def add(self, newcomer: Newcomer) -> None:
        birth = newcomer.person.get("birth_date", "")
        self._met.setdefault(_key_of(newcomer), []).append((birth, newcomer.line, None))

    def same(self, newcomer: Newcomer) -> tuple[int | None, Known | None] | None:
        """Same names, and birth dates that can both be true."""
        birth = newcomer.person.get("birth_date", "")
        for other, line, known in self._met.get(_key_of(newcomer), ()):
            if birth.startswith(other) or other.startswith(birth):
                return line, known
        return None


def _key_of(newcomer: Newcomer) -> tuple[str, str]:
    person = newcomer.person
    return _name_key(person.get("family_name", ""), person.get("given_names", ""))


def _name_key(family: str, given: str) -> tuple[str, str]:
    """Names as they are compared: without case, accents, hyphens, and umlauts spelt out."""
    return folded_name(family), folded_name(given)
