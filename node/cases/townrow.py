"""One row of a town's list: from its cells to somebody who could be taken in.

Enters: a row, the day, the repairs a person agreed to. Leaves: a ``Newcomer``, or the
errors of the row, and what is offered to mend them. Must never happen: a repair nobody
agreed to; a value that no list knows and that is lost. Implements chapter 7 of the field
document (Map, Dates, Numbers), DO-42.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum, unique
from typing import Final, TypeVar

from node.cases import towncells
from node.cases.model import PartialDate, counselling_last_day
from node.cases.towncells import CellError, folded_name
from node.cases.townlist import ListError, ListRow, TownList
from node.ids import Ags
from node.strictjson import JsonObject

T = TypeVar("T")

_ADDRESS: Final = ("street", "number")


@unique
class Offer(StrEnum):
    """A repair that is offered; without a person's yes the row is an error instead."""

    SPLIT_NAME = "split_name"
    BIRTH_NAME = "birth_name"
    SMALL_LETTERS = "small_letters"
    ENCODING = "encoding"


@dataclass(frozen=True, slots=True)
class Newcomer:
    """Somebody to be taken in.

    ``records`` holds the values of further records by kind. ``home`` is what the list
    calls the household; ``left_over`` what no list of codes knows, as title and text.
    """

    line: int
    person: JsonObject
    records: tuple[tuple[str, JsonObject], ...]
    start: date
    home: str
    left_over: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Notice:
    """Something to know about a row that is taken in nevertheless."""

    line: int
    column: str
    code: str


class RowReading:
    """One row on its way to a newcomer; problems are collected, not raised."""

    def __init__(
        self,
        listed: TownList,
        row: ListRow,
        today: date,
        *,
        accepted: frozenset[Offer],
        places: Mapping[str, Ags],
    ) -> None:
        """Read nothing yet."""
        self._listed = listed
        self._row = row
        self._today = today
        self._accepted = accepted
        self._places = places
        self.errors: list[ListError] = []
        self.notices: list[Notice] = []
        self.offers: list[tuple[int, Offer, str]] = []
        self._left_over: list[tuple[str, str]] = []

    def newcomer(self) -> Newcomer | None:
        """The person of this row; None if the row has an error."""
        person = self._names() | self._birth() | self._contact() | self._origin()
        start = self._start()
        records = (*self._residence(), *self._languages(), *self._home())
        if self.errors:
            return None
        person["counselling_start"] = start.isoformat()
        end = counselling_last_day(start)
        person["counselling_max_end"] = end.isoformat()
        if end < self._today:
            self._notice("counselling_start", "clock_is_over")
        return Newcomer(
            line=self._row.line,
            person=person,
            records=records,
            start=start,
            home=self._text("household"),
            left_over=tuple(self._left_over),
        )

    def _names(self) -> JsonObject:
        whole = self._text("full_name")
        family, given = self._text("family_name"), self._text("given_names")
        if whole:
            family, given = self._split(whole)
        elif not family and not given:
            self._error("family_name", "name_missing")
        values = self._name("family_name", family, "full_name" if whole else "")
        values |= self._name("given_names", given, "full_name" if whole else "")
        if born := self._text("birth_name"):
            values["birth_name"] = born
        return values

    def _split(self, whole: str) -> tuple[str, str]:
        found = towncells.split_name(whole)
        if found is None:
            self._error("full_name", "name_not_split")
        elif self._agreed("full_name", Offer.SPLIT_NAME):
            return found
        return "", ""

    def _name(self, name: str, text: str, column: str) -> JsonObject:
        """One of the two names, and the name at birth if it stands in the same cell."""
        values: JsonObject = {}
        parts = towncells.birth_name(text)
        if parts and self._agreed(column or name, Offer.BIRTH_NAME):
            text, values["birth_name"] = parts
        if towncells.is_shouted(text):
            # Capitals are no error: without a yes the name is taken as it stands.
            if Offer.SMALL_LETTERS in self._accepted:
                text = towncells.in_small_letters(text)
            else:
                self._offer(Offer.SMALL_LETTERS, column or name)
        return values | ({name: text} if text else {})

    def _birth(self) -> JsonObject:
        found = self._read(
            "birth_date",
            lambda text: towncells.partial_date(text, today=self._today, is_birth=True),
        )
        values: JsonObject = {}
        if found is not None:
            values["birth_date"] = found.text
            if found.text.endswith("-01-01"):
                values["birth_date_fictitious"] = True
                self._notice("birth_date", "birth_date_fictitious")
        gender = self._code("gender", "gender")
        return values | ({"gender": gender} if gender else {})

    def _contact(self) -> JsonObject:
        values: JsonObject = {}
        for name, column, read in (
            ("phones", "phone", towncells.phone),
            ("emails", "email", towncells.mailbox),
        ):
            found = [self._try(column, read, t) for t in self._cells(column)]
            if taken := [text for text in found if text]:
                values[name] = taken
        if number := self._text("case_number"):
            values["case_number"] = number
        return values

    def _origin(self) -> JsonObject:
        values: JsonObject = {}
        if citizenship := self._code("citizenship", "country"):
            values["citizenships"] = [citizenship]
        if country := self._code("origin_country", "country"):
            values["origin_country"] = country
        for name in ("arrival_germany", "arrival_town"):
            found = self._read(name, self._past)
            if found:
                values[name] = found.text
        return values

    def _start(self) -> date:
        found = self._read(
            "counselling_start",
            lambda text: towncells.full_date(text, today=self._today),
        )
        return found or self._today

    def _residence(self) -> tuple[tuple[str, JsonObject], ...]:
        residence = self._code("residence", "residence")
        return (("residence", {"residence": residence}),) if residence else ()

    def _languages(self) -> tuple[tuple[str, JsonObject], ...]:
        language = self._code("language", "language")
        if not language:
            return ()
        return (("language", {"language": language, "lang_kind": "mother_tongue"}),)

    def _home(self) -> tuple[tuple[str, JsonObject], ...]:
        values: JsonObject = {n: t for n in _ADDRESS if (t := self._text(n))}
        found = self._read("postcode", towncells.postcode)
        if found:
            values["postcode"], is_restored = found
            if is_restored:
                self._notice("postcode", "zero_restored")
        if town := self._text("town"):
            values["town"] = town
            ags = self._places.get(place_key(town))
            if ags:
                values["ags"] = str(ags)
            else:
                self._notice("town", "place_unknown")
        return (("accommodation", values),) if values else ()

    def _past(self, text: str) -> PartialDate:
        return towncells.partial_date(text, today=self._today)

    def _code(self, column: str, codes: str) -> str | None:
        """A code; what no list knows is unknown, and kept beside it as text."""
        text = self._text(column)
        if not text:
            return None
        found = towncells.code(codes, text)
        if found is None:
            self._notice(column, "value_unknown")
            self._left_over.append((self._listed.title(column), text))
        return found or towncells.UNKNOWN[codes]

    def _read(self, column: str, read: Callable[[str], T]) -> T | None:
        text = self._text(column)
        return self._try(column, read, text) if text else None

    def _try(self, column: str, read: Callable[[str], T], text: str) -> T | None:
        try:
            return read(text)
        except CellError as error:
            self._error(column, error.code)
            return None

    def _text(self, column: str) -> str:
        return next(iter(self._cells(column)), "")

    def _cells(self, column: str) -> Sequence[str]:
        """The cells of a column, without double encoding if a person agreed to that."""
        return [
            self._repaired(column, text) for text in self._row.cells.get(column, ())
        ]

    def _repaired(self, column: str, text: str) -> str:
        found = towncells.repaired(text)
        if found is None or not self._agreed(column, Offer.ENCODING):
            return text
        return found

    def _agreed(self, column: str, offer: Offer) -> bool:
        """Whether a repair may be made; if not, it is offered and the row is an error."""
        if offer in self._accepted:
            return True
        self._offer(offer, column)
        self._error(column, f"offer_{offer}")
        return False

    def _offer(self, offer: Offer, column: str) -> None:
        found = (self._row.line, offer, self._listed.title(column))
        if found not in self.offers:
            self.offers.append(found)

    def _notice(self, column: str, code: str) -> None:
        title = self._listed.title(column)
        self.notices.append(Notice(self._row.line, title, code))

    def _error(self, column: str, code: str) -> None:
        found = ListError(self._row.line, self._listed.title(column), code)
        if found not in self.errors:
            self.errors.append(found)


def place_key(name: str) -> str:
    """A place name as it is compared: folded, without what follows a comma."""
    return folded_name(name.partition(",")[0])
