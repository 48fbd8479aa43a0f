"""Everybody's names in memory, and finding somebody among them.

Enters: rows of persons whose case has changed, what somebody typed. Leaves: hits in the
order in which they are most likely meant. Must never happen: a threatened person found by
somebody else than their own caseworker (FR-16); a name that stays here after its case was
erased. Implements SC-23 and the search of screens S3.
"""

import re
import threading
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from node.accounts.policy import Actor
from node.cases.folding import NEAR, SAME, SAME_SKELETON, fold, near_letters, skeleton
from node.ids import CaseId
from node.report.readings import PersonRow, Readings

_DAY: Final = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4})", re.ASCII)
_ISO: Final = re.compile(r"\d{4}(-\d{2}){0,2}", re.ASCII)
_MOST: Final = 200
_FEW: Final = 3
_UNSURE: Final = (NEAR + SAME_SKELETON) / 2


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
    """``words`` are all words of the names with what is left of each, ``place`` sorts."""

    row: PersonRow
    words: Mapping[str, str]
    place: tuple[tuple[str, ...], tuple[str, ...]]


class People:
    """The persons of one node; made empty, kept up to date by whoever reads."""

    def __init__(self) -> None:
        """Nobody is known yet."""
        self._mark: tuple[object, ...] = ()
        self._entries: Mapping[CaseId, _Entry] = {}
        self._turn = threading.Lock()

    def refresh(self, readings: Readings) -> None:
        """Everybody as this unit sees them; who is gone is forgotten.

        Nothing is read if no case was written since. Whoever searches meanwhile keeps what
        they began with; after a unit that saw less than is known, the next one sees it all.
        """
        mark = readings.mark()
        with self._turn:
            if mark == self._mark:
                return
            versions = readings.versions()
            known = {
                case: entry
                for case, entry in self._entries.items()
                if versions.get(case) == entry.row.version
            }
            for row in readings.people(versions.keys() - known.keys()):
                known[row.case] = _entry(row)
            self._mark, self._entries = mark, known

    def find(self, case: CaseId) -> PersonRow | None:
        """One person, None if not known here."""
        entry = self._entries.get(case)
        return None if entry is None else entry.row

    def all(self) -> list[PersonRow]:
        """Everybody, in no order."""
        return [entry.row for entry in self._entries.values()]

    def by_name(self, rows: Iterable[PersonRow]) -> list[PersonRow]:
        """These persons as a list sorts them: by family name, then by given names."""
        known = self._entries
        return sorted(rows, key=lambda row: _place(known.get(row.case), row))

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
        found = _hits(visible, dates, words)
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
    place = fold(row.family_name), fold(row.given_names)
    others = (*row.other_names, *(text for _, text in row.scripts))
    words = {word for folded in place for word in folded}
    words |= {word for name in others for word in fold(name)}
    return _Entry(row, {word: skeleton(word) for word in words}, place)


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
    entries: Iterable[_Entry], dates: Sequence[str], words: Sequence[str]
) -> list[Hit]:
    """Whoever has all of it; near spellings only if there is nobody else."""
    typed = [_Typed(word) for word in fold(" ".join(words))]
    number = " ".join(words).casefold()
    found, near = [], []
    for entry in entries:
        row = entry.row
        if not all(row.birth.startswith(day) for day in dates):
            continue
        if words and row.case_number.casefold() == number:
            found.append(Hit(row, SAME))
            continue
        if words and not typed:
            continue
        score = min((word.score(entry.words) for word in typed), default=SAME)
        if score >= SAME_SKELETON:
            found.append(Hit(row, score))
        elif score >= NEAR:
            near.append(Hit(row, score))
    return found or near


def _place(entry: _Entry | None, row: PersonRow) -> tuple[tuple[str, ...], ...]:
    if entry is not None and entry.row is row:
        return entry.place
    return fold(row.family_name), fold(row.given_names)


class _Typed:
    """One typed word; what it was compared with is known as long as the search lasts."""

    def __init__(self, word: str) -> None:
        self._word = word
        self._bones = skeleton(word)
        self._seen: dict[str, float] = {}

    def score(self, words: Mapping[str, str]) -> float:
        """How well it fits the best of these words."""
        best = 0.0
        for known, bones in words.items():
            score = self._seen.get(known)
            if score is None:
                score = self._seen[known] = self._fits(known, bones)
            best = max(best, score)
        return best

    def _fits(self, known: str, bones: str) -> float:
        """Its beginning, its sound, its letters; what is not near is 0."""
        word = self._word
        if word == known:
            return SAME
        if known.startswith(word):
            return (SAME + SAME_SKELETON) / 2
        if len(bones) >= _FEW and bones == self._bones:
            return SAME_SKELETON
        score = near_letters(word, known)
        # Of one or two letters nothing but a near spelling can be told.
        return score if len(word) >= _FEW else min(score, _UNSURE)
