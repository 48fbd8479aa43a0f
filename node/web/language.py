"""Texts and formats of one language: gettext over Babel, and the only format functions.

Enters: English message ids, dates, numbers, periods. Leaves: what a reader of that language
sees. Must never happen here: a fuzzy or missing translation shown as if it were checked
(``tests/house/test_templates.py``), or ``strftime``. English is the language of the ids, so
it needs no catalogue. Implements screens chapter 7, languages.
"""

import gettext
import io
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum, unique
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Final
from zoneinfo import ZoneInfo

from babel import Locale, dates, numbers
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

from node.cases.codes import label
from node.errors import ConfigError
from node.strictjson import Json

TIME_ZONE: Final = ZoneInfo("Europe/Berlin")


@unique
class Language(StrEnum):
    """The languages of the staff pages."""

    GERMAN = "de"
    ENGLISH = "en"


_DATE: Final = {Language.GERMAN: "dd.MM.yyyy", Language.ENGLISH: "d MMM yyyy"}


def msgid(text: str) -> str:
    """Mark a text for translation where it is written; it is translated where shown."""
    return text


class Words:
    """The texts and formats of one language."""

    def __init__(self, language: Language) -> None:
        """Read the language's catalogue from the package."""
        self.language = language
        self.locale = Locale.parse(language)
        self.catalogue = _catalogue(language)

    def gettext(self, message: str) -> str:
        """The text of a message id."""
        return self.catalogue.gettext(message)

    def ngettext(self, singular: str, plural: str, count: int) -> str:
        """The text of a message id that depends on a number."""
        return self.catalogue.ngettext(singular, plural, count)

    def day(self, value: date) -> str:
        """A day, like ``03.12.2026``; an instant is read in the town's time zone."""
        return dates.format_date(_day(value), _DATE[self.language], self.locale)

    def month(self, value: date) -> str:
        """A month, like ``Dezember 2026``."""
        return dates.format_date(_day(value), "LLLL yyyy", self.locale)

    def time(self, value: datetime) -> str:
        """A time of day, like ``14:05``."""
        return dates.format_time(value, "HH:mm", tzinfo=TIME_ZONE, locale=self.locale)

    def moment(self, value: datetime) -> str:
        """A day and time, like ``03.12.2026, 14:05``."""
        return f"{self.day(value)}, {self.time(value)}"

    def number(self, value: float | Decimal) -> str:
        """A number with the language's separators."""
        return numbers.format_decimal(value, locale=self.locale)

    def percent(self, value: float | Decimal) -> str:
        """A share between 0 and 1 as per cent with at most one decimal."""
        return numbers.format_percent(value, "#,##0.#\u00a0%", locale=self.locale)

    def minutes(self, value: int) -> str:
        """A number of minutes in words."""
        text = self.ngettext("%(count)s minute", "%(count)s minutes", value)
        return text % {"count": self.number(value)}

    def code(self, value: Json, name: str) -> str:
        """What a code of a list is called; one we do not know is shown as it came."""
        return label(name, value, self.language)

    def duration(self, value: timedelta) -> str:
        """A period in words, in its largest unit, like ``2 Stunden``."""
        return dates.format_timedelta(value, threshold=1, locale=self.locale)

    def ago(self, value: datetime, now: datetime) -> str:
        """How long ago, or in how long, in words, like ``vor 2 Stunden``."""
        return dates.format_timedelta(
            value - now, threshold=1, add_direction=True, locale=self.locale
        )


def _catalogue(language: Language) -> gettext.NullTranslations:
    if language is Language.ENGLISH:
        return gettext.NullTranslations()
    compiled = io.BytesIO()
    write_mo(compiled, read_catalogue(files("node.web").joinpath("texts", language)))
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)


def read_catalogue(folder: Traversable) -> Catalog:
    """All catalogues of one language: one file per group of pages.

    Raises:
        ConfigError: A message stands in two files.
    """
    whole = Catalog(locale=folder.name)
    for source in sorted(folder.iterdir(), key=lambda file: file.name):
        with source.open("rb") as opened:
            for message in read_po(opened, locale=folder.name):
                if message.id and message.id in whole:
                    raise ConfigError(f"two texts in {source.name}")
                if message.id:
                    whole[message.id] = message
    return whole


def _day(value: date) -> date:
    return value.astimezone(TIME_ZONE) if isinstance(value, datetime) else value
