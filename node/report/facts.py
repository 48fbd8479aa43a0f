"""What reports count: facts as they were known at an instant, one shape for all of them.

Enters: from the store, versions of records in clear columns, days of responsibility, and
the nameless lines of erased cases. Leaves: ``Fact`` values and an index over them. Must
never happen: a name or a text in a fact; a fact that came from another office counted as
own work (FR-8). Implements the field document, chapter 5 (own, void, tally).
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Final, Protocol

from node.ids import AccountId
from node.strictjson import Json

RESPONSIBILITY: Final = "responsibility"
"""The kind of the facts that say on which days a person was ours."""


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing that was known.

    ``person`` is a case, or the number of an erased one, which begins with ``~``. ``entry``
    is the same for the copies that an entry about several persons has (FR-7). ``is_own``
    says that the work was this office's.
    """

    kind: str
    person: str
    entry: str
    on: date | None
    codes: Mapping[str, Json]
    worker: AccountId | None
    known_at: datetime
    is_own: bool = True

    @property
    def is_erased(self) -> bool:
        """Whether only the tally knows of it."""
        return self.person.startswith("~")

    def text(self, name: str) -> str:
        """A code, empty where there is none."""
        value = self.codes.get(name)
        return value if isinstance(value, str) else ""

    def day(self, name: str) -> date | None:
        """A day among the codes."""
        try:
            return date.fromisoformat(self.text(name))
        except ValueError:
            return None


@dataclass(frozen=True, slots=True)
class Handed:
    """One handover that ended or is under way, as instants and codes."""

    number: str
    is_outward: bool
    persons: int
    worker: AccountId | None
    offered_on: date | None
    granted_on: date | None
    imported_on: date | None
    refused_on: date | None
    refusal: str = ""


class Counting(Protocol):
    """Where facts come from."""

    def facts(self, kinds: Iterable[str], known_at: datetime | None) -> Sequence[Fact]:
        """Facts of these kinds as known at an instant, or now; voided ones are left out."""
        ...

    def handed(self, known_at: datetime | None) -> Sequence[Handed]:
        """Handovers as they stood at an instant, or now."""
        ...


@dataclass(frozen=True, slots=True)
class Facts:
    """Facts of one report, found by kind and by person.

    ``goals`` are the goals as they stood at the end of the key date.
    """

    listed: tuple[Fact, ...]
    goals: tuple[Fact, ...] = ()
    handed: tuple[Handed, ...] = ()
    _by_kind: dict[str, list[Fact]] = field(init=False, compare=False)
    _by_person: dict[tuple[str, str], list[Fact]] = field(init=False, compare=False)

    def __post_init__(self) -> None:
        """Sort them."""
        kinds: dict[str, list[Fact]] = defaultdict(list)
        persons: dict[tuple[str, str], list[Fact]] = defaultdict(list)
        for fact in self.listed:
            kinds[fact.kind].append(fact)
            persons[fact.kind, fact.person].append(fact)
        object.__setattr__(self, "_by_kind", dict(kinds))
        object.__setattr__(self, "_by_person", dict(persons))

    def of(self, kind: str) -> Sequence[Fact]:
        """Every fact of a kind."""
        return self._by_kind.get(kind, ())

    def of_person(self, kind: str, person: str) -> Sequence[Fact]:
        """The facts of a kind about one person."""
        return self._by_person.get((kind, person), ())
