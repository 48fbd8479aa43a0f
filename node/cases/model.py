"""What one municipality knows of a person: case files and records, as values.

A case is the file of one person. Its content is a set of *records* (person, contact, plan,
goal, document ...), each a mapping of fields whose category and protection stand in
``cases.dictionary``. Fields and codes that this release does not know are kept as they came
(FR-26). Must never happen: a record changes in place; every edit is a new value.
Source: field document, chapter 3.
"""

import re
from calendar import monthrange
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum, unique
from typing import Final

from node.errors import InputError, StaleEpochError
from node.ids import AccountId, CaseId, MemberId, RecordId, TransferId
from node.strictjson import Json

CATEGORIES = tuple(f"K{n:02d}" for n in range(1, 17))
"""The transfer categories; they compare as exact strings (HO-31)."""

SENSITIVE = frozenset({"K09", "K12", "K14", "K15"})
"""Asked apart, unticked until a caseworker ticks them, never sent by policy ``auto``."""

FOUR_EYES = frozenset({"K09", "K14"})
"""A second person at the sender and at the recipient (FR-17)."""


_NAMES: Final = ("given_names", "family_name")
_PARTIAL_DATE: Final = re.compile(r"[0-9]{4}(-[0-9]{2}){0,2}", re.ASCII)


@unique
class Baton(StrEnum):
    """The state of a case at this node (handover, chapter 3).

    ``absorbed`` is local: its content was united with another case of the person, and it
    can come back for 30 days; then it is shredded.
    """

    ABSENT = "absent"
    ACTIVE = "active"
    FROZEN = "frozen"
    GRANTED = "granted"
    HANDED_OVER = "handed_over"
    SHREDDED = "shredded"
    ABSORBED = "absorbed"


UNSEEN = frozenset({Baton.SHREDDED, Baton.ABSORBED})
"""Cases that nobody finds: nothing is left of them, or another case holds it."""


@unique
class Origin(StrEnum):
    """Where a record came from; imported contacts are never own (FR-8)."""

    OWN = "own"
    TRANSFER = "transfer"
    LIST = "list"


@dataclass(frozen=True, slots=True)
class CaseFile:
    """One case at this node: who holds the baton, at which epoch.

    ``version`` grows with every write to the case, its records and consents; the freeze
    transaction compares it with the one the extract was made from (P1).
    """

    id: CaseId
    epoch: int
    baton: Baton
    version: int
    opened_on: date
    household: RecordId | None = None
    caseworker: AccountId | None = None
    transfer: TransferId | None = None
    responsible_from: date | None = None
    responsible_until: date | None = None
    handed_to: MemberId | None = None
    came_from: MemberId | None = None
    restricted_on: date | None = None

    def require_editable(self, epoch: int) -> None:
        """Refuse a write made for another epoch or in a state that is not editable.

        Raises:
            StaleEpochError: HO-4; the typed text stays with the person who typed it.
        """
        if self.baton is not Baton.ACTIVE or self.epoch != epoch:
            raise StaleEpochError("case is not editable here")


@dataclass(frozen=True, slots=True)
class Record:
    """One record of one case.

    ``kind`` is a text, not an enum: kinds that a peer knows and we do not are kept.
    ``values`` holds plain JSON values; dates are ISO texts, references are ids.
    """

    case: CaseId
    id: RecordId
    kind: str
    values: Mapping[str, Json]
    recorded_at: datetime
    origin: Origin = Origin.OWN
    origin_node: MemberId | None = None
    recorded_by: AccountId | None = None
    version: int = 1

    def text(self, name: str) -> str:
        """The field as text, empty if it is missing."""
        value = self.values.get(name)
        return value if isinstance(value, str) else ""


@dataclass(frozen=True, slots=True)
class Former:
    """A record as it stood before an edit, and when the edit took its place."""

    record: Record
    superseded_at: datetime


@dataclass(frozen=True, slots=True)
class CaseContent:
    """A case with everything in it, opened in memory."""

    file: CaseFile
    records: tuple[Record, ...]

    def of(self, kind: str) -> tuple[Record, ...]:
        """The records of one kind, in the order they were recorded."""
        return tuple(r for r in self.records if r.kind == kind)

    @property
    def person(self) -> Record | None:
        """The record of the person; one per case."""
        return next(iter(self.of("person")), None)

    @property
    def name(self) -> str:
        """Given names and family name, as far as they are known."""
        person = self.person
        names = [person.text(n) for n in _NAMES] if person else []
        return " ".join(name for name in names if name)


@dataclass(frozen=True, slots=True)
class PartialDate:
    """A date known to the year, the month or the day: ``YYYY``, ``YYYY-MM``, ``YYYY-MM-DD``."""

    text: str
    first: date = field(init=False)
    last: date = field(init=False)

    def __post_init__(self) -> None:
        """Compute the first and the last day it can mean.

        Raises:
            InputError: Not a calendar date of one of the three forms.
        """
        try:
            first, last = _span(self.text)
        except ValueError:
            raise InputError("birth_date", "not_a_date") from None
        object.__setattr__(self, "first", first)
        object.__setattr__(self, "last", last)


def _span(text: str) -> tuple[date, date]:
    if _PARTIAL_DATE.fullmatch(text) is None:
        raise ValueError(text)
    match [int(part) for part in text.split("-")]:
        case [year, month, day]:
            return date(year, month, day), date(year, month, day)
        case [year, month]:
            return date(year, month, 1), date(year, month, monthrange(year, month)[1])
        case _:
            return date(int(text), 1, 1), date(int(text), 12, 31)


def counselling_last_day(start: date, years: int = 3) -> date:
    """FR-1: last day = start + n calendar years - 1 day; a start on 29 Feb ends on 28 Feb."""
    try:
        anniversary = start.replace(year=start.year + years)
    except ValueError:
        return date(start.year + years, 2, 28)
    return date.fromordinal(anniversary.toordinal() - 1)
