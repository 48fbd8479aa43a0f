"""Cells of a town's list: from what an office typed to values of the dictionary.

Enters: the text of one cell. Leaves: a value, or ``CellError`` with a code that has a
sentence. Must never happen: month before day; a date that does not exist; a number that was
repaired though it can mean two. Implements chapter 7 of the field document (Dates,
Numbers), DO-42.
"""

import re
import unicodedata
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Final

from node.cases.model import PartialDate
from node.errors import InputError

OLDEST_YEAR: Final = 1900

_DAY: Final = re.compile(r"(\d{1,2})[./-] ?(\d{1,2})[./-] ?(\d{4}|\d{2})", re.ASCII)
_MONTH: Final = re.compile(r"(\d{1,2})[./-] ?(\d{4})", re.ASCII)
_YEAR: Final = re.compile(r"\d{4}", re.ASCII)
_ISO: Final = re.compile(r"(\d{4})-(\d{2})(?:-(\d{2}))?", re.ASCII)
_WORDS: Final = re.compile(r"(?:(\d{1,2})\. ?)?([^\W\d]+)\.? (\d{4}|\d{2})")
_MONTHS: Final = {
    name: month
    for month, names in enumerate(
        (
            "januar jänner jan",
            "februar feb",
            "märz mär mrz",
            "april apr",
            "mai",
            "juni jun",
            "juli jul",
            "august aug",
            "september sept sep",
            "oktober okt",
            "november nov",
            "dezember dez",
        ),
        1,
    )
    for name in names.split()
}
# A bare number that counts days: from 1927 to 2063 it has five digits, and a year four.
_SERIAL: Final = re.compile(r"[12345]\d{4}(?:\.0)?", re.ASCII)
_BEFORE_1900: Final = date(1899, 12, 30)
_BEFORE_1904: Final = date(1904, 1, 1)
_TIME: Final = re.compile(r"(?:T| )\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?$", re.ASCII)
_PHONE: Final = re.compile(r"\+[1-9][0-9]{6,14}", re.ASCII)
_PHONE_FILL: Final = re.compile(r"[ ()/.\u2010-\u2015-]")
_EXPONENT: Final = re.compile(
    r"([0-9])(?:[.,]([0-9]+))?e\+?([0-9]{1,2})", re.ASCII | re.IGNORECASE
)
# Numbers without their zero: mobile, or a town's code and number that no country has.
_LOST_ZERO: Final = re.compile(r"1[567][0-9]{8,9}|(?!49)[2-9][0-9]{8,9}", re.ASCII)
_MAIL: Final = re.compile(r"[^\s@<>,;\"]{1,64}@[^\s@<>,;\"]{1,180}\.[^\s@.<>,;\"]{2,}")
_SPLIT_WORD: Final = re.compile(r"[^\W\d_]+")


class CellError(Exception):
    """The cell cannot be taken; ``code`` says why."""

    def __init__(self, code: str) -> None:
        """Remember the code."""
        super().__init__(code)
        self.code = code


def partial_date(
    text: str,
    *,
    today: date,
    is_birth: bool = False,
    is_1904: bool = False,
    may_lie_ahead: bool = False,
) -> PartialDate:
    """A date as an office writes it, day first: to the day, the month or the year.

    Two-digit years of birth lie in the past hundred years, others after 2000. A day or
    month of ``00`` is one that nobody knows. A number of five digits counts days, as
    spreadsheets do, from 1900 or from 1904.

    Raises:
        CellError: ``not_a_date``, ``no_such_day``, ``too_old`` or ``in_future``.
    """
    if is_serial(text):
        days = timedelta(days=int(text.partition(".")[0]))
        counted = (_BEFORE_1904 if is_1904 else _BEFORE_1900) + days
        text = counted.isoformat()
    parts = _parts(_TIME.sub("", text), today, is_birth=is_birth)
    if parts is None:
        raise CellError("not_a_date")
    year, month, day = parts
    if not month and day:
        raise CellError("no_such_day")
    written = f"{year:04d}" + (f"-{month:02d}" if month else "")
    written += f"-{day:02d}" if day else ""
    try:
        found = PartialDate(written)
    except InputError:
        raise CellError("no_such_day") from None
    if found.first.year < OLDEST_YEAR:
        raise CellError("too_old")
    if found.first > today and not may_lie_ahead:
        raise CellError("in_future")
    return found


def is_serial(text: str) -> bool:
    """Whether this is a date only by counting its days."""
    return _SERIAL.fullmatch(text) is not None


def full_date(
    text: str, *, today: date, is_1904: bool = False, may_lie_ahead: bool = False
) -> date:
    """A date to the day.

    Raises:
        CellError: As ``partial_date``, and ``date_incomplete``.
    """
    found = partial_date(
        text, today=today, is_1904=is_1904, may_lie_ahead=may_lie_ahead
    )
    if found.first != found.last:
        raise CellError("date_incomplete")
    return found.first


def phone(text: str) -> tuple[str, bool]:
    """A number as E.164, and whether a lost zero was put back; without a country German.

    Raises:
        CellError: ``number_damaged`` (a spreadsheet rounded it), ``number_ambiguous`` (it
            lost a zero, or two, or a plus: nobody can say which), ``not_a_phone``.
    """
    digits = _PHONE_FILL.sub("", _whole(text).replace("(0)", ""))
    is_restored = _LOST_ZERO.fullmatch(digits) is not None
    if is_restored:
        digits = f"0{digits}"
    if digits.startswith("00"):
        digits = f"+{digits[2:]}"
    elif digits.startswith("0"):
        digits = f"+49{digits[1:]}"
    elif digits.isdigit() and digits.isascii() and len(digits) > 9:
        raise CellError("number_ambiguous")
    if not _PHONE.fullmatch(digits):
        raise CellError("not_a_phone")
    return digits, is_restored


def _whole(text: str) -> str:
    """A number without its exponent, if no digit of it is lost."""
    found = _EXPONENT.fullmatch(text)
    if found is None:
        return text
    rest = found[2] or ""
    if len(rest) != int(found[3]):
        raise CellError("number_damaged")
    return found[1] + rest


def municipality(text: str, known: Mapping[str, str]) -> tuple[str, bool]:
    """An AGS of eight digits, and whether its leading zero was put back.

    Raises:
        CellError: ``not_an_ags``: another form, or seven digits that no place has.
    """
    if re.fullmatch(r"[0-9]{8}", text):
        return text, False
    if re.fullmatch(r"[0-9]{7}", text) and f"0{text}" in known:
        return f"0{text}", True
    raise CellError("not_an_ags")


def mailbox(text: str) -> str:
    """A mail address, as it is.

    Raises:
        CellError: ``not_an_email``.
    """
    if not _MAIL.fullmatch(text):
        raise CellError("not_an_email")
    return text


def postcode(text: str) -> tuple[str, bool]:
    """Five digits, and whether a leading zero had to be put back: only one can be lost.

    Raises:
        CellError: ``not_a_postcode``.
    """
    if re.fullmatch(r"[0-9]{5}", text):
        return text, False
    if re.fullmatch(r"[0-9]{4}", text):
        return f"0{text}", True
    raise CellError("not_a_postcode")


def minutes(text: str) -> int | None:
    """Minutes as ``45``, ``45 min``, ``1:30`` or ``1,5 h``; None for anything else."""
    if found := re.fullmatch(
        r"(\d{1,3})(?: ?(?:min(?:uten)?\.?|'))?", text, re.IGNORECASE
    ):
        return int(found[1])
    if found := re.fullmatch(
        r"(\d{1,2}):([0-5]\d)(?::00)?(?: ?h| ?std\.?)?", text, re.IGNORECASE
    ):
        return 60 * int(found[1]) + int(found[2])
    if found := re.fullmatch(
        r"(\d)(?:[.,](\d{1,2}))? ?(?:h|std\.?|stunden?)", text, re.IGNORECASE
    ):
        return round(float(f"{found[1]}.{found[2] or 0}") * 60)
    return None


def repaired(text: str) -> str | None:
    """The text without a double encoding, None if it has none.

    ``MÃ¼ller`` is ``Müller`` written as UTF-8 and read as Windows-1252.
    """
    if text.isascii():
        return None
    try:
        found = text.encode("cp1252").decode("utf-8")
    except UnicodeError:
        return None
    return found if found != text else None


def split_name(text: str) -> tuple[str, str] | None:
    """Family name and given names from one cell, None if nothing says which is which.

    A comma divides them, family name first; else words in capitals are the family name.
    """
    if text.count(",") == 1:
        family, _, given = (part.strip() for part in text.partition(","))
        return (family, given) if family and given else None
    words = text.split()
    loud = [word for word in words if is_shouted(word)]
    quiet = [word for word in words if not is_shouted(word)]
    return (" ".join(loud), " ".join(quiet)) if loud and quiet else None


def birth_name(text: str) -> tuple[str, str] | None:
    """A name and the name at birth, where a cell says ``geb.``; None if it does not."""
    found = re.fullmatch(r"(.+?),? \(?geb(?:\.|oren[e]?) ?([^()]+)\)?", text)
    return (found[1].strip(), found[2].strip()) if found else None


def is_shouted(text: str) -> bool:
    """Whether a name is written in capitals throughout."""
    return len(text) > 1 and text.upper() == text and text.lower() != text


def in_small_letters(text: str) -> str:
    """A name in capitals as it is usually written."""
    return _SPLIT_WORD.sub(lambda word: word[0].capitalize(), text)


def folded_name(text: str) -> str:
    """A name as it is compared: no case, accents or hyphens, umlauts spelt out."""
    plain = unicodedata.normalize("NFKC", text).casefold()
    for letter, written in (("ä", "ae"), ("ö", "oe"), ("ü", "ue")):
        plain = plain.replace(letter, written)
    bare = unicodedata.normalize("NFD", plain)
    return "".join(letter for letter in bare if letter.isalnum())


def _parts(text: str, today: date, *, is_birth: bool) -> tuple[int, int, int] | None:
    """Year, month, day; zero for what nobody knows; None for what is no date."""
    if found := _ISO.fullmatch(text):
        return int(found[1]), int(found[2]), int(found[3] or 0)
    if found := _DAY.fullmatch(text):
        day, month = int(found[1]), int(found[2])
        return _year(found[3], month, day, today=today, is_birth=is_birth), month, day
    if found := _MONTH.fullmatch(text):
        return int(found[2]), int(found[1]), 0
    if _YEAR.fullmatch(text):
        return int(text), 0, 0
    found = _WORDS.fullmatch(unicodedata.normalize("NFC", text))
    if found and found[2].lower() in _MONTHS:
        day, month = int(found[1] or 0), _MONTHS[found[2].lower()]
        return _year(found[3], month, day, today=today, is_birth=is_birth), month, day
    return None


def _year(text: str, month: int, day: int, *, today: date, is_birth: bool) -> int:
    year = int(text) if len(text) == 4 else 2000 + int(text)
    is_ahead = (year, month, day) > (today.year, today.month, today.day)
    return year - 100 if len(text) == 2 and is_birth and is_ahead else year
