"""Whether two cases may be about one person: a score of names, one of birth dates, a band.

Enters: identities, opened in memory. Leaves: pairs with a band and the reasons as codes.
Must never happen: a pair that merges itself; a number of the foreigners' register, a
citizenship or an address alone as evidence. Implements the field document, chapter 8;
DO-31, DO-43. How names are folded is ``folding``'s; spellings that no rule brings together
stand in ``name_families.txt``.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum, unique
from functools import cache
from importlib.resources import files
from typing import Final

from node import strictjson
from node.cases.folding import SAME, fold
from node.cases.folding import likeness as spelled_alike
from node.ids import CaseId, RecordId

STRONG_NAME: Final = 0.90
PHONE_NAME: Final = 0.80
POSSIBLE_NAME: Final = 0.82
UNBORN_NAME: Final = 0.92
_EQUAL, _TYPED, _YEAR, _UNKNOWN, _OTHER = 3, 2, 1, 0, -2
_DAY: Final = 10
_PHONE_DIGITS: Final = 7


@unique
class Band(StrEnum):
    """How likely two cases are about one person."""

    STRONG = "strong"
    POSSIBLE = "possible"


@unique
class Ground(StrEnum):
    """Why two cases were brought together; pages say it in words."""

    FORMER_ID = "former_id"
    NAME_EQUAL = "name_equal"
    NAME_SPELLING = "name_spelling"
    NAME_NEAR = "name_near"
    BIRTH_EQUAL = "birth_equal"
    BIRTH_SWAPPED = "birth_swapped"
    BIRTH_DIGIT = "birth_digit"
    BIRTH_YEAR = "birth_year"
    BIRTH_UNKNOWN = "birth_unknown"
    PHONE = "phone"
    HOUSEHOLD = "household"


@dataclass(frozen=True, slots=True)
class Identity:
    """What is compared of one person.

    ``names`` are whole names: as the person is called, and each other way it is written.
    ``ids`` are the case's own id and those that were merged into it.
    """

    case: CaseId
    names: tuple[str, ...]
    birth: str = ""
    fictitious: bool = False
    phones: frozenset[str] = frozenset()
    household: RecordId | None = None
    former: frozenset[str] = frozenset()
    words: tuple[tuple[str, ...], ...] = field(init=False, repr=False, default=())

    def __post_init__(self) -> None:
        """Fold the names once; compare phone numbers by their last digits.

        Half a name in another script, like the given name alone, is no name to compare by.
        """
        folded = tuple(dict.fromkeys(w for name in self.names if (w := fold(name))))
        words = tuple(w for w in folded if len(w) > 1 or len(folded[0]) == 1)
        object.__setattr__(self, "words", words)
        phones = frozenset(p for phone in self.phones if (p := _phone(phone)))
        object.__setattr__(self, "phones", phones)

    @property
    def ids(self) -> frozenset[str]:
        """Every id this person's case had."""
        return self.former | {str(self.case)}

    @property
    def digest(self) -> bytes:
        """What a decision rests on: it counts until a name or the birth date changes."""
        told = [list(self.names), self.birth, self.fictitious]
        return hashlib.sha256(strictjson.encode({"told": told})).digest()


@dataclass(frozen=True, slots=True)
class Pair:
    """Two cases that may be about one person; ``one`` has the smaller id."""

    one: CaseId
    other: CaseId
    band: Band
    grounds: tuple[Ground, ...]

    @property
    def key(self) -> tuple[CaseId, CaseId]:
        """Which two cases."""
        return self.one, self.other

    def beside(self, case: CaseId) -> CaseId:
        """The other one of the two."""
        return self.other if case == self.one else self.one


Seen = dict[tuple[str, str], float]


def name_score(one: Identity, other: Identity, seen: Seen | None = None) -> float:
    """The best of all ways to write both names; 1 is equal or one family of spellings.

    ``seen`` remembers the words of one run; it goes with it, as every name in memory does.
    """
    scores = {} if seen is None else seen
    return max(
        (_alike(a, b, scores) for a in one.words for b in other.words), default=0.0
    )


def birth_score(one: Identity, other: Identity) -> int:
    """3 equal, 2 swapped or one digit, 1 same year and vague, 0 unknown, -2 else."""
    a, b = one.birth, other.birth
    if not a or not b:
        return _UNKNOWN
    if a == b:
        return _EQUAL if len(a) == _DAY else _YEAR
    # A day that an office set was not typed wrong.
    is_typed = len(a) == len(b) == _DAY and not (one.fictitious or other.fictitious)
    if is_typed and (_is_swapped(a, b) or _digits_apart(a, b) == 1):
        return _TYPED
    is_vague = _is_vague(one) or _is_vague(other)
    if a[:4] == b[:4] and is_vague:
        return _YEAR
    near = abs(_year(a) - _year(b)) == 1
    return _YEAR if near and (one.fictitious or other.fictitious) else _OTHER


def judge(one: Identity, other: Identity, seen: Seen | None = None) -> Pair | None:
    """The pair with its band and reasons; None if it is none."""
    birth = birth_score(one, other)
    is_former = bool(one.ids & other.ids)
    if birth < _UNKNOWN and not is_former:
        # No band begins below; names are slow to compare.
        return None
    name = name_score(one, other, seen)
    is_phone = bool(one.phones & other.phones)
    band = Band.STRONG if is_former else _band(name, birth, is_phone=is_phone)
    if band is None:
        return None
    low, high = sorted((one, other), key=lambda identity: identity.case)
    grounds = (
        *([Ground.FORMER_ID] if is_former else []),
        *_name_grounds(one, other, name),
        *_birth_grounds(one.birth, other.birth, birth),
        *([Ground.PHONE] if is_phone else []),
    )
    return Pair(low.case, high.case, band, grounds)


def find_pairs(
    everybody: Iterable[Identity], changed: Iterable[CaseId]
) -> tuple[Pair, ...]:
    """All pairs with one of the changed cases, strong ones first.

    A pair needs a birth date that fits, a phone number, a former id, or no birth date at
    all: only those are compared, so that thousands of cases take seconds.
    """
    known = {identity.case: identity for identity in everybody}
    index, seen = _index(known.values()), Seen()
    found: dict[tuple[CaseId, CaseId], Pair] = {}
    for case in set(changed) & known.keys():
        own = known[case]
        near = {other for place in _looks(own) for other in index.get(place, ())}
        for other in (near if own.birth else known.keys()) - {case}:
            pair = judge(own, known[other], seen)
            if pair is not None:
                found[pair.key] = pair
    raised = _raise_fellows(found.values(), known)
    return tuple(sorted(raised, key=lambda pair: (pair.band != Band.STRONG, pair.key)))


def _band(name: float, birth: int, *, is_phone: bool) -> Band | None:
    if name >= STRONG_NAME and birth >= _TYPED:
        return Band.STRONG
    if is_phone and name >= PHONE_NAME and birth >= _UNKNOWN:
        return Band.STRONG
    if name >= POSSIBLE_NAME and birth >= _YEAR:
        return Band.POSSIBLE
    if name >= UNBORN_NAME and birth == _UNKNOWN:
        return Band.POSSIBLE
    return None


def _raise_fellows(
    found: Iterable[Pair], known: Mapping[CaseId, Identity]
) -> Iterator[Pair]:
    """A pair rises by one band if fellow members of both households are a pair too."""
    homes: dict[RecordId, list[Identity]] = defaultdict(list)
    for identity in known.values():
        if identity.household is not None:
            homes[identity.household].append(identity)
    for pair in found:
        one, other = known[pair.one], known[pair.other]
        if _has_fellows(one, other, homes):
            grounds = (*pair.grounds, Ground.HOUSEHOLD)
            yield Pair(pair.one, pair.other, Band.STRONG, grounds)
        else:
            yield pair


def _has_fellows(
    one: Identity, other: Identity, homes: Mapping[RecordId, Sequence[Identity]]
) -> bool:
    here, there = one.household, other.household
    if here is None or there is None or here == there:
        return False
    return any(
        judge(a, b) is not None
        for a in homes[here]
        for b in homes[there]
        if a is not one and b is not other
    )


_UNBORN: Final = "unborn"


def _index(everybody: Iterable[Identity]) -> Mapping[str, Sequence[CaseId]]:
    index: dict[str, list[CaseId]] = defaultdict(list)
    for identity in everybody:
        for place in _places(identity):
            index[place].append(identity.case)
    return index


def _places(identity: Identity) -> set[str]:
    """Where a person stands in the index: under what may bring another one to them.

    Of two dates with one digit other two parts agree; of swapped ones the year and both
    parts in order of size.
    """
    places = {f"phone {phone}" for phone in identity.phones}
    places |= {f"id {one}" for one in identity.ids}
    birth = identity.birth
    if len(birth) == _DAY:
        year, month, day = birth.split("-")
        places |= {f"ym {year} {month}", f"yd {year} {day}", f"md {month} {day}"}
        places.add(f"swap {year} {min(month, day)} {max(month, day)}")
    if not birth:
        return places | {_UNBORN}
    return places | {f"{'vague' if _is_vague(identity) else 'exact'} {_year(birth)}"}


def _looks(identity: Identity) -> set[str]:
    """Where those stand who may be the same as this person."""
    if not identity.birth:
        return _places(identity)
    kinds = ("vague", "exact") if _is_vague(identity) else ("vague",)
    years = {_year(identity.birth) + step for step in (-1, 0, 1)}
    near = {f"{kind} {year}" for kind in kinds for year in years}
    return _places(identity) | near | {_UNBORN}


def _alike(one: Sequence[str], other: Sequence[str], seen: Seen) -> float:
    """The best pairing of all words, as a mean over the shorter name."""
    pairs = []
    for i, a in enumerate(one):
        for j, b in enumerate(other):
            if (a, b) not in seen:
                seen[a, b] = word_score(a, b)
            pairs.append((-seen[a, b], i, j))
    here, there, total = set[int](), set[int](), 0.0
    for score, i, j in sorted(pairs):
        if i not in here and j not in there:
            here.add(i)
            there.add(j)
            total -= score
    return total / min(len(one), len(other))


@cache
def _families() -> Mapping[str, int]:
    text = files("node.cases").joinpath("name_families.txt").read_text("utf-8")
    lines = [line.split() for line in text.splitlines() if not line.startswith("#")]
    return {name: number for number, line in enumerate(lines) for name in line}


def word_score(one: str, other: str) -> float:
    """How alike two folded words are; the families of the data file count as equal."""
    families = _families()
    if one in families and families[one] == families.get(other):
        return SAME
    return spelled_alike(one, other)


def _name_grounds(one: Identity, other: Identity, name: float) -> list[Ground]:
    """As both are called: that another script says the same is a matter of spelling."""
    if not one.words or not other.words:
        return []
    if sorted(one.words[0]) == sorted(other.words[0]):
        return [Ground.NAME_EQUAL]
    if name >= STRONG_NAME:
        return [Ground.NAME_SPELLING]
    return [Ground.NAME_NEAR] if name >= PHONE_NAME else []


def _birth_grounds(one: str, other: str, birth: int) -> list[Ground]:
    match birth:
        case 3:
            return [Ground.BIRTH_EQUAL]
        case 2:
            swapped = _is_swapped(one, other)
            return [Ground.BIRTH_SWAPPED if swapped else Ground.BIRTH_DIGIT]
        case 1:
            return [Ground.BIRTH_YEAR]
        case 0:
            return [Ground.BIRTH_UNKNOWN]
    return []


def _is_swapped(one: str, other: str) -> bool:
    return one[:4] == other[:4] and one[5:7] == other[8:] and one[8:] == other[5:7]


def _digits_apart(one: str, other: str) -> int:
    return sum(a != b for a, b in zip(one, other, strict=True))


def _is_vague(identity: Identity) -> bool:
    """Known to the month or the year only, or set by an office."""
    return identity.fictitious or len(identity.birth) < _DAY


def _year(birth: str) -> int:
    return int(birth[:4])


def _phone(text: str) -> str:
    """The last digits, so that +49 and 0 at the beginning are the same; short ones none."""
    digits = "".join(letter for letter in text if letter.isascii() and letter.isdigit())
    return digits[-9:] if len(digits) >= _PHONE_DIGITS else ""
