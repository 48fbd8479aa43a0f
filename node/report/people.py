"""Everybody's names in memory, and finding somebody among them.

Enters: rows of persons whose case has changed, what somebody typed. Leaves: hits in the
order in which they are most likely meant. Must never happen: a threatened person found by
somebody else than their own caseworker (FR-16); a name that stays here after its case was
erased. Implements SC-23 and the search of screens S3.
"""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from node.accounts.policy import Actor
from node.cases.folding import NEAR, SAME, SAME_SKELETON, fold, likeness, skeleton
from node.ids import CaseId
from node.report.readings import PersonRow

_DAY: Final = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4})", re.ASCII)
_ISO: Final = re.compile(r"\d{4}(-\d{2}){0,2}", re.ASCII)
_MOST: Final = 200


@dataclass(frozen=True, slots=True)
class Hit:
    """Somebody who was found; ``is_near`` says that only the spelling comes close."""

    person: PersonRow
    score: float

    @property
    def is_near(self) -> bool:
        """Whether this is a proposal rather than a find."""
        return self.score < SAME_SKELETON


@dataclass(frozen=True, slots=True)
class _Entry:
    row: PersonRow
    words: frozenset[str]
    bones: frozenset[str]


class People:
    """The persons of one node; made empty, kept up to date by whoever reads."""

    def __init__(self) -> None:
        """Nobody is known yet."""
        self._entries: dict[CaseId, _Entry] = {}

    def outdated(self, versions: Mapping[CaseId, int]) -> list[CaseId]:
        """Forget who is gone; gives the cases that must be read again."""
        for case in self._entries.keys() - versions.keys():
            del self._entries[case]
        return [
            case
            for case, version in versions.items()
            if case not in self._entries or self._entries[case].row.version != version
        ]

    def update(self, rows: Iterable[PersonRow]) -> None:
        """Take these persons as they are now."""
        for row in rows:
            self._entries[row.case] = _entry(row)

    def find(self, case: CaseId) -> PersonRow | None:
        """One person, None if not known here."""
        entry = self._entries.get(case)
        return None if entry is None else entry.row

    def all(self) -> list[PersonRow]:
        """Everybody, in no order."""
        return [entry.row for entry in self._entries.values()]

    def among(self, cases: Collection[CaseId]) -> list[PersonRow]:
        """Those of these cases that are known, in the order asked for."""
        found = (self._entries.get(case) for case in cases)
        return [entry.row for entry in found if entry is not None]

    def search(self, text: str, me: Actor) -> list[Hit]:
        """Who may be meant by what was typed: names in any script, a date, a number.

        Args:
            text: As it was typed.
            me: Who asks; the caseloads in their hands come first, of equal likeness.

        Returns:
            At most 200 hits. Near spellings only if nothing else was found.
        """
        dates, words = _apart(text)
        if not dates and not words:
            return []
        visible = [
            entry
            for entry in self._entries.values()
            if not entry.row.threatened or me.owns(entry.row.caseworker)
        ]
        found = _hits(visible, dates, words, is_near_enough=SAME_SKELETON)
        if not found and words:
            found = _hits(visible, dates, words, is_near_enough=NEAR)
        found.sort(
            key=lambda hit: (
                -round(hit.score, 2),
                not me.owns(hit.person.caseworker),
                not hit.person.is_here,
                hit.person.family_name,
                hit.person.given_names,
            )
        )
        return found[:_MOST]


def _entry(row: PersonRow) -> _Entry:
    names = (
        row.family_name,
        row.given_names,
        *row.other_names,
        *(text for _, text in row.scripts),
    )
    words = frozenset(word for name in names for word in fold(name))
    return _Entry(row, words, frozenset(skeleton(word) for word in words))


def _apart(text: str) -> tuple[list[str], list[str]]:
    """What was typed as birth dates (the beginning of an ISO date) and as words."""
    dates, rest = [], []
    for part in text.split():
        day = _DAY.fullmatch(part)
        if day is not None:
            dates.append(f"{day[3]}-{int(day[2]):02d}-{int(day[1]):02d}")
        elif _ISO.fullmatch(part):
            dates.append(part)
        else:
            rest.append(part)
    return dates, [part for part in rest if fold(part) or part]


def _hits(
    entries: Sequence[_Entry],
    dates: Sequence[str],
    words: Sequence[str],
    *,
    is_near_enough: float,
) -> list[Hit]:
    found = []
    typed = fold(" ".join(words))
    for entry in entries:
        if not all(entry.row.birth.startswith(day) for day in dates):
            continue
        number = " ".join(words).casefold()
        if words and entry.row.case_number.casefold() == number:
            found.append(Hit(entry.row, SAME))
            continue
        if words and not typed:
            continue
        score = min(
            (_score(word, entry, is_near_enough) for word in typed), default=SAME
        )
        if score >= is_near_enough:
            found.append(Hit(entry.row, score))
    return found


def _score(word: str, entry: _Entry, is_near_enough: float) -> float:
    """How well one typed word fits the person: its beginning, its sound, its letters."""
    if word in entry.words:
        return SAME
    if any(known.startswith(word) for known in entry.words):
        return (SAME + SAME_SKELETON) / 2
    bones = skeleton(word)
    if len(bones) >= 3 and bones in entry.bones:
        return SAME_SKELETON
    if is_near_enough >= SAME_SKELETON and len(word) < 3:
        return 0.0
    return max((likeness(word, known) for known in entry.words), default=0.0)
