"""What reports count: facts and when they were known, one shape for all of them.

Enters: from the store, versions of records in clear columns, days of responsibility, and
the nameless lines of erased cases. Leaves: ``Fact`` values and an index over them. Must
never happen: a name or a text in a fact; a fact that came from another office counted as
own work (FR-8). Implements the field document, chapter 5 (own, void, tally).
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Final, NamedTuple, Protocol

from node.ids import AccountId
from node.strictjson import Json

RESPONSIBILITY: Final = "responsibility"
"""The kind of the facts that say on which days a person was ours."""

COUNTED: Final[Mapping[str, tuple[str, ...]]] = {
    "contact": (
        *("kind", "form", "topics", "interpreter", "minutes"),
        *("outcome", "referred_to", "shared"),
    ),
    "plan": ("plan", "plan_version", "status", "ended_on"),
    "goal": ("area", "status"),
    "review": (),
    "care_status": ("care_status", "closure_reason", "closed_on"),
    "language": ("language", "lang_kind", "level", "skill"),
    "person": ("counselling_start", "clock_extension"),
}
"""The kinds of records that figures count, and the codes of each that they ask for.

Of several topics it is the main one, which stands first.
"""


class Fact(NamedTuple):
    """One thing as it was known from an instant on, until another if it is not any more.

    ``person`` is a case, or the number of an erased one, which begins with ``~``. ``entry``
    is the same for the copies that an entry about several persons has (FR-7). ``is_own``
    says that the work was this office's; ``counts`` that it is neither void nor an entry
    of a list that others held.
    """

    kind: str
    person: str
    entry: str
    on: date | None
    codes: Mapping[str, Json]
    worker: AccountId | None
    known_at: datetime
    is_own: bool = True
    known_until: datetime | None = None
    counts: bool = True

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


class Source(Protocol):
    """Where facts come from: one state of the database."""

    def stamps(self) -> Mapping[str, object]:
        """Everybody who may be counted, each with what is another after every change."""
        ...

    def known(self, persons: Collection[str]) -> Mapping[str, Sequence[Fact]]:
        """All that was ever known of these persons, versions of an entry in their order."""
        ...


def in_force(known: Iterable[Fact], at: datetime | None) -> list[Fact]:
    """What of one person held at an instant, or now; what does not count is left out.

    Args:
        known: All that was ever known, versions of an entry in their order.
        at: The instant.
    """
    if at is None:
        return [fact for fact in known if fact.known_until is None and fact.counts]
    held: dict[tuple[str, str], Fact] = {}
    for fact in known:
        # The version in force: the first that was replaced later, or never.
        if fact.known_until is None or fact.known_until > at:
            held.setdefault((fact.kind, fact.entry), fact)
    return [fact for fact in held.values() if fact.counts and fact.known_at <= at]


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
        """Sort them; those of one person, who is counted alone, need it by kind only."""
        kinds: dict[str, list[Fact]] = defaultdict(list)
        for fact in self.listed:
            kinds[fact.kind].append(fact)
        persons: dict[tuple[str, str], list[Fact]] = defaultdict(list)
        if len(people := {fact.person for fact in self.listed}) == 1:
            (person,) = people
            persons.update({(kind, person): found for kind, found in kinds.items()})
        else:
            for fact in self.listed:
                persons[fact.kind, fact.person].append(fact)
        object.__setattr__(self, "_by_kind", dict(kinds))
        object.__setattr__(self, "_by_person", dict(persons))

    def of(self, kind: str) -> Sequence[Fact]:
        """Every fact of a kind."""
        return self._by_kind.get(kind, ())

    def of_person(self, kind: str, person: str) -> Sequence[Fact]:
        """The facts of a kind about one person."""
        return self._by_person.get((kind, person), ())
