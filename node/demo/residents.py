"""The people of a town: who they are, when they came, how they live.

Enters: the rows of a town's table and chance. Leaves: ``Resident`` values, each with the
days between which the office has to do with them. Must never happen: a number of chapter 9
that depends on a throw; whoever counts people counts the table. Implements the field
document, chapter 9, DO-45.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from node.demo.chance import Chance
from node.demo.words import GivenName, Row, given_names
from node.ids import AccountId, CaseId, RecordId

REFERENCE: Final = date(2021, 3, 15)
"""The day at which every number of the field document holds; a Monday."""

STORIES: Final = frozenset({"Birke", "Linde", "Eiche", "Buche", "Ahorn"})
"""The trees of those who play in the five stories; nothing about them is unusual."""

HOUSING: Final[Mapping[str, str]] = {
    "P": "private",
    "S": "follow_up_shared",
    "F": "follow_up_flat",
    "V": "provisional",
    "R": "with_relatives",
}
CARE: Final[Mapping[str, str]] = {
    "c": "cared_for",
    "o": "cared_for",
    "d": "declined",
    "r": "not_reached",
    "n": "no_need",
    "l": "language_barrier",
}
# No code is younger than the reference date, and none has an entry condition of its own.
_TITLES: Final = (
    *("AufenthG-25.2.1",) * 5,
    *("AufenthG-25.2.2",) * 3,
    *("AufenthG-25.3", "AufenthG-26.3", "AufenthG-26.4", "AufenthG-25.1"),
)
_LAST_OLD_CONTACT: Final = date(2020, 3, 6)


@dataclass(frozen=True, slots=True)
class Resident:
    """One person of the demo, as everything else needs them.

    ``start`` and ``until`` bound the office's responsibility, both days included;
    ``until`` is None while it lasts. ``clock_start`` is the first day of counselling
    anywhere (FR-2). ``talks_until`` is the last day with a contact of
    the ordinary kind; before ``start`` if there is none at all.
    """

    case: CaseId
    household: RecordId
    tree: str
    name: GivenName
    gender: str
    is_adult: bool
    role: str
    birth: date
    birth_text: str
    is_fictitious: bool
    language: str
    residence: str
    housing: str
    care: str
    plan: str
    start: date
    clock_start: date
    until: date | None
    closure: str | None
    talks_until: date
    parents: tuple[CaseId, ...]
    needs_interpreter: bool
    caseworker: AccountId

    @property
    def family_name(self) -> str:
        """Everybody is called Demo."""
        return f"Demo-{self.tree}"

    @property
    def is_present(self) -> bool:
        """Whether the office is responsible at the reference date."""
        return self.until is None

    @property
    def last_day(self) -> date:
        """The last day of which there is anything to tell."""
        return self.until or REFERENCE


def populate(
    rows: Iterable[Row], caseworkers: Sequence[AccountId], chance: Chance
) -> tuple[Resident, ...]:
    """Everybody of a town, household by household in the order of the table."""
    return tuple(
        resident
        for number, row in enumerate(rows)
        for resident in _household(
            row,
            caseworkers[number % len(caseworkers)],
            chance.of(row.tree, row.start, row.people),
        )
    )


def families(residents: Iterable[Resident]) -> Mapping[RecordId, tuple[Resident, ...]]:
    """Residents by household."""
    found: dict[RecordId, tuple[Resident, ...]] = {}
    for resident in residents:
        found[resident.household] = (*found.get(resident.household, ()), resident)
    return found


def _household(row: Row, worker: AccountId, chance: Chance) -> Iterator[Resident]:
    # The household keeps its id when a part of it leaves, so the day it came names it.
    names = chance.of("household", row.tree, row.start)
    household = RecordId.of(_HOUSEHOLDS.of(row.tree, row.start).bytes(16))
    start = date.fromisoformat(row.start)
    until = None if row.until == "-" else date.fromisoformat(row.until)
    cases = [CaseId.of(chance.bytes(16)) for _ in row.people]
    parents = tuple(c for c, p in zip(cases[:2], row.people, strict=False) if p in "MF")
    births = _births(row.people, start, chance)
    title = {"T": chance.pick(_TITLES), "P": "AsylG-55", "D": "AufenthG-60a"}
    used: set[str] = set()
    for place, letter in enumerate(row.people):
        named, _, born = row.named.partition("/") if place == 0 else ("-", "", "")
        name = _name(row.language, letter.lower(), named, used, names)
        used.add(name.latin)
        is_adult = letter.isupper()
        birth = date.fromisoformat(born) if born else births[place]
        is_plain = not is_adult or named != "-" or row.tree in STORIES
        text, is_fictitious = _as_known(birth, is_plain=is_plain, chance=chance)
        yield Resident(
            case=cases[place],
            household=household,
            tree=row.tree,
            name=name,
            gender=letter.lower(),
            is_adult=is_adult,
            role=_role(row, place),
            birth=birth,
            birth_text=text,
            is_fictitious=is_fictitious,
            language=row.language,
            residence=title[row.residence],
            housing=HOUSING[row.housing],
            care=row.care[place],
            plan=row.plans[place],
            start=start,
            clock_start=start,
            until=until,
            closure=None if row.closure == "-" else row.closure,
            talks_until=_talks_until(row.care[place], row.plans[place], start, until),
            parents=() if is_adult else parents,
            needs_interpreter=is_adult and not chance.one_in(3),
            caseworker=worker,
        )


_HOUSEHOLDS: Final = Chance(b"households of the demo")


def _role(row: Row, place: int) -> str:
    if place == 0:
        # The brother who said no stays in the household that the others left.
        return "sibling" if row.named == "Samir" else "head"
    if place == 1 and row.people[1].isupper():
        return "partner"
    return "child"


def _name(
    language: str, gender: str, named: str, used: set[str], chance: Chance
) -> GivenName:
    choice = given_names(language, gender)
    if named != "-":
        return next(name for name in choice if name.latin == named)
    return chance.pick([name for name in choice if name.latin not in used])


def _births(people: str, start: date, chance: Chance) -> list[date]:
    """Birth dates: children fall in age, parents are old enough, nobody comes unborn.

    Ages keep their distance from 18, so that a shift by years changes nobody's age of
    majority.
    """
    youngest = max(0, (REFERENCE - start).days // 365 + 1)
    minors = sum(letter.islower() for letter in people)
    oldest = 14 if minors and start >= date(2019, 5, 6) else 16
    ages = sorted(chance.shuffled(range(youngest, oldest + 1))[:minors], reverse=True)
    has_grown_child = sum(letter.isupper() for letter in people) > 2
    least = max(23, ages[0] + 20 if ages else 0, 42 if has_grown_child else 0)
    found: list[date] = []
    for place, letter in enumerate(people):
        if letter.islower():
            age = ages.pop(0)
        elif place > 1:
            age = chance.between(19, 21)
        elif minors or len(people) > 1:
            age = chance.between(least, least + 12)
        else:
            age = chance.between(19, 57)
        born = REFERENCE - timedelta(
            days=age * 365 + age // 4 + chance.between(60, 280)
        )
        found.append(
            born.replace(day=28) if (born.month, born.day) == (2, 29) else born
        )
    return found


def _as_known(birth: date, *, is_plain: bool, chance: Chance) -> tuple[str, bool]:
    """The birth date as papers have it: some say 1 January, some only the year."""
    if is_plain or REFERENCE.year - birth.year < 25:
        return birth.isoformat(), False
    throw = chance.below(20)
    if throw < 3:
        return f"{birth.year}-01-01", True
    if throw == 3:
        return str(birth.year), False
    if throw == 4:
        return birth.isoformat()[:7], False
    return birth.isoformat(), False


def _talks_until(care: str, plan: str, start: date, until: date | None) -> date:
    never = start - timedelta(days=1)
    if care == "c" or (care == "-" and until):
        return until or REFERENCE
    days = {
        "o": 600,
        "n": 400,
        "l": 90,
        "d": 200 if plan != "." else -1,
    }.get(care.lower(), -1)
    return max(never, min(start + timedelta(days=days), _LAST_OLD_CONTACT))
