"""What a person decided about a list: repairs, codes, places.

Enters: answers. Leaves: a value that reading the rows asks. Must never happen: a repair
nobody agreed to. Implements chapter 7 of the field document (Map, Households).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum, unique

from node.cases.listfields import folded
from node.ids import Ags

UNKNOWN_CODE = ""
"""A person looked at a value and says that no code means it."""


@unique
class Offer(StrEnum):
    """A repair that is offered; without a person's yes the row is an error instead."""

    SPLIT_NAME = "split_name"
    BIRTH_NAME = "birth_name"
    SMALL_LETTERS = "small_letters"
    ENCODING = "encoding"
    HOUSEHOLDS = "households"


@dataclass(frozen=True, slots=True)
class Question:
    """A text of the list for which a person may choose a code of a list, or a place."""

    field: str
    codes: str
    text: str
    proposed: str = ""

    @property
    def key(self) -> tuple[str, str]:
        """What one answer is for, however the text is written."""
        return self.field, folded(self.text)


@dataclass(frozen=True, slots=True)
class Choices:
    """Everything decided.

    ``values`` maps a question's key to a code, or to an AGS. ``places`` are place names
    that mean one AGS only; ``known_ags`` the names of all places by AGS.
    """

    accepted: frozenset[Offer] = frozenset()
    values: Mapping[tuple[str, str], str] = field(default_factory=dict)
    places: Mapping[str, Ags] = field(default_factory=dict)
    known_ags: Mapping[str, str] = field(default_factory=dict)
