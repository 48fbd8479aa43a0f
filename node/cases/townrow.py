"""One row of a town's list: from its cells to somebody who could be taken in.

Enters: a row, the day, what a person decided. Leaves: a ``Newcomer``, or the errors of the
row, what is offered to mend them, and texts whose code a person should choose. Must never
happen: a repair nobody agreed to; a value that no list knows and that is lost. Implements
chapter 7 of the field document (Map, Dates, Numbers), DO-42.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final, TypeVar

from node.cases import towncells, towncodes
from node.cases.model import PartialDate, counselling_last_day
from node.cases.towncells import CellError, folded_name
from node.cases.townchoices import Choices, Offer, Question
from node.cases.townlist import ListError, ListRow, TownList
from node.strictjson import JsonObject

T = TypeVar("T")

_ADDRESS: Final = ("street", "number")
_DAYS: Final = frozenset(
    (
        "birth_date",
        "arrival_germany",
        "arrival_town",
        "counselling_start",
        "move_in",
        "residence_until",
        "talk_date",
    )
)
_PERSON_CODES: Final = (
    ("gender", "gender", "gender"),
    ("marital_status", "marital_status", "marital"),
    ("birth_country", "birth_country", "country"),
)
AGS: Final = "ags"
"""In a question: the answer is a place, not a code of a list."""


@dataclass(frozen=True, slots=True)
class Newcomer:
    """Somebody to be taken in.

    ``records`` holds the values of further records by kind. ``home`` is what the list
    calls the household, ``role`` what this person is in it; ``left_over`` what no list of
    codes knows, as title and text.
    """

    line: int
    person: JsonObject
    records: tuple[tuple[str, JsonObject], ...]
    start: date
    home: str
    left_over: tuple[tuple[str, str], ...]
    role: str = ""


@dataclass(frozen=True, slots=True)
class Notice:
    """Something to know about a row that is taken in nevertheless."""

    line: int
    column: str
    code: str


class RowReading:
    """One row on its way to a newcomer; problems are collected, not raised."""

    def __init__(
        self, listed: TownList, row: ListRow, today: date, choices: Choices
    ) -> None:
        """Read nothing yet."""
        self.listed = listed
        self.row = row
        self.today = today
        self._choices = choices
        self.errors: list[ListError] = []
        self.notices: list[Notice] = []
        self.offers: list[tuple[int, Offer, str]] = []
        self.questions: list[Question] = []
        self.left_over: list[tuple[str, str]] = []
        if row.is_hidden:
            self.notices.append(Notice(row.line, "", "row_hidden"))

    def newcomer(self) -> Newcomer | None:
        """The person of this row; None if the row has an error."""
        person = self.names() | self.birth() | self._contact() | self._origin()
        start = self._start()
        records = (*self._residence(), *self._languages(), *self._home())
        role = self.code("role", "hh_role")
        if self.errors:
            return None
        person["counselling_start"] = start.isoformat()
        end = counselling_last_day(start)
        person["counselling_max_end"] = end.isoformat()
        if end < self.today:
            self.notice("counselling_start", "clock_is_over")
        return Newcomer(
            line=self.row.line,
            person=person,
            records=records,
            start=start,
            home=self.text("household"),
            left_over=tuple(self.left_over),
            role=role or "",
        )

    def names(self) -> JsonObject:
        """The names; an error if there is none."""
        whole = self.text("full_name")
        family, given = self.text("family_name"), self.text("given_names")
        if whole:
            family, given = self._split(whole)
        elif not family and not given:
            self.error("family_name", "name_missing")
        values = self._name("family_name", family, "full_name" if whole else "")
        values |= self._name("given_names", given, "full_name" if whole else "")
        if born := self.text("birth_name"):
            values["birth_name"] = born
        return values

    def _split(self, whole: str) -> tuple[str, str]:
        found = towncells.split_name(whole)
        if found is None:
            self.error("full_name", "name_not_split")
        elif self.agreed("full_name", Offer.SPLIT_NAME):
            return found
        return "", ""

    def _name(self, name: str, text: str, column: str) -> JsonObject:
        """One of the two names, and the name at birth if it stands in the same cell."""
        values: JsonObject = {}
        parts = towncells.birth_name(text)
        if parts and self.agreed(column or name, Offer.BIRTH_NAME):
            text, values["birth_name"] = parts
        if towncells.is_shouted(text):
            # Capitals are no error: without a yes the name is taken as it stands.
            if Offer.SMALL_LETTERS in self._choices.accepted:
                text = towncells.in_small_letters(text)
            else:
                self._offer(Offer.SMALL_LETTERS, column or name)
        return values | ({name: text} if text else {})

    def birth(self) -> JsonObject:
        """The birth date and what is said beside it."""
        found = self.read(
            "birth_date",
            lambda text: towncells.partial_date(
                text, today=self.today, is_birth=True, is_1904=self.listed.is_1904
            ),
        )
        values: JsonObject = {}
        if found is not None:
            values["birth_date"] = found.text
            if found.text.endswith("-01-01"):
                values["birth_date_fictitious"] = True
                self.notice("birth_date", "birth_date_fictitious")
        if place := self.text("birth_place"):
            values["birth_place"] = place
        for name, column, codes in _PERSON_CODES:
            if code := self.code(column, codes):
                values[name] = code
        return values

    def _contact(self) -> JsonObject:
        values: JsonObject = {}
        phones = [self._try("phone", towncells.phone, t) for t in self._cells("phone")]
        if taken := [found[0] for found in phones if found]:
            values["phones"] = taken
        if any(found[1] for found in phones if found):
            self.notice("phone", "zero_restored")
        mails = [self._try("email", towncells.mailbox, t) for t in self._cells("email")]
        if addresses := [text for text in mails if text]:
            values["emails"] = addresses
        if number := self.text("case_number"):
            values["case_number"] = number
        return values

    def _origin(self) -> JsonObject:
        values: JsonObject = {}
        if citizenship := self.code("citizenship", "country"):
            values["citizenships"] = [citizenship]
        if country := self.code("origin_country", "country"):
            values["origin_country"] = country
        for name in ("arrival_germany", "arrival_town"):
            found = self.read(name, self._past)
            if found:
                values[name] = found.text
        return values

    def _start(self) -> date:
        found = self.read(
            "counselling_start",
            lambda text: towncells.full_date(
                text, today=self.today, is_1904=self.listed.is_1904
            ),
        )
        return found or self.today

    def _residence(self) -> tuple[tuple[str, JsonObject], ...]:
        values: JsonObject = {}
        if residence := self.code("residence", "residence"):
            values["residence"] = residence
        until = self.read(
            "residence_until",
            lambda text: towncells.full_date(
                text,
                today=self.today,
                is_1904=self.listed.is_1904,
                may_lie_ahead=True,
            ),
        )
        if until:
            values = {"residence": "unknown"} | values
            values["valid_until"] = until.isoformat()
        return (("residence", values),) if values else ()

    def _languages(self) -> tuple[tuple[str, JsonObject], ...]:
        found: list[tuple[str, JsonObject]] = []
        if language := self.code("language", "language"):
            found.append(
                ("language", {"language": language, "lang_kind": "mother_tongue"})
            )
        if level := self.code("german_level", "cefr"):
            german: JsonObject = {"language": "de", "lang_kind": "spoken"}
            found.append(("language", german | {"level": level}))
        return tuple(found)

    def _home(self) -> tuple[tuple[str, JsonObject], ...]:
        values: JsonObject = {n: t for n in _ADDRESS if (t := self.text(n))}
        found = self.read("postcode", towncells.postcode)
        if found:
            values["postcode"], is_restored = found
            if is_restored:
                self.notice("postcode", "zero_restored")
        if housing := self.code("housing", "housing"):
            values["housing"] = housing
        moved = self.read("move_in", self._past)
        if moved:
            values["move_in"] = moved.text
        return (
            (("accommodation", values | place),)
            if ((place := self._place()) or values)
            else ()
        )

    def _place(self) -> JsonObject:
        """The town as text and its AGS: from a column of its own, or by its name."""
        values: JsonObject = {}
        number = self.read(
            "ags", lambda text: towncells.municipality(text, self._choices.known_ags)
        )
        if number:
            values["ags"], is_restored = number
            if is_restored:
                self.notice("ags", "zero_restored")
        if not (town := self.text("town")):
            return values
        values["town"] = town
        if number:
            return values
        question = Question("town", AGS, town)
        ags = self._choices.places.get(place_key(town))
        if ags is None:
            self.questions.append(question)
        found = ags or self._choices.values.get(question.key)
        if found:
            values["ags"] = str(found)
        else:
            self.notice("town", "place_unknown")
        return values

    def _past(self, text: str) -> PartialDate:
        return towncells.partial_date(
            text, today=self.today, is_1904=self.listed.is_1904
        )

    def code(self, column: str, codes: str) -> str | None:
        """A code; what no list knows is unknown, and kept beside it as text."""
        text = self.text(column)
        if not text:
            return None
        found = towncodes.code(codes, text)
        if found is None:
            found = self.chosen(column, codes, text)
        if not found:
            self.notice(column, "value_unknown")
            self.left_over.append((self.listed.title(column), text))
        return found or towncodes.UNKNOWN.get(codes)

    def chosen(self, column: str, codes: str, text: str) -> str:
        """What a person says that a text means; asked if nobody has said it yet."""
        proposed = towncodes.proposed_code(codes, text) if text else ""
        question = Question(column, codes, text, proposed)
        self.questions.append(question)
        return self._choices.values.get(question.key, "")

    def read(self, column: str, read: Callable[[str], T]) -> T | None:
        """The value of a cell; None if it is empty or an error."""
        text = self.text(column)
        if column in _DAYS and towncells.is_serial(text):
            self.notice(column, "counted_days")
        return self._try(column, read, text) if text else None

    def _try(self, column: str, read: Callable[[str], T], text: str) -> T | None:
        try:
            return read(text)
        except CellError as error:
            self.error(column, error.code)
            return None

    def text(self, column: str) -> str:
        """The text of a cell, empty if there is none."""
        return next(iter(self._cells(column)), "")

    def _cells(self, column: str) -> Sequence[str]:
        """The cells of a column, without double encoding if a person agreed to that."""
        return [self._repaired(column, text) for text in self.row.cells.get(column, ())]

    def _repaired(self, column: str, text: str) -> str:
        found = towncells.repaired(text)
        if found is None or not self.agreed(column, Offer.ENCODING):
            return text
        return found

    def agreed(self, column: str, offer: Offer) -> bool:
        """Whether a repair may be made; if not, it is offered and the row is an error."""
        if offer in self._choices.accepted:
            return True
        self._offer(offer, column)
        self.error(column, f"offer_{offer}")
        return False

    def _offer(self, offer: Offer, column: str) -> None:
        found = (self.row.line, offer, self.listed.title(column))
        if found not in self.offers:
            self.offers.append(found)

    def notice(self, column: str, code: str) -> None:
        """Something to know about this row."""
        title = self.listed.title(column)
        self.notices.append(Notice(self.row.line, title, code))

    def error(self, column: str, code: str) -> None:
        """Why this row cannot be taken."""
        found = ListError(self.row.line, self.listed.title(column), code)
        if found not in self.errors:
            self.errors.append(found)


def place_key(name: str) -> str:
    """A place name as it is compared: folded, without what follows a comma."""
    return folded_name(name.partition(",")[0])
