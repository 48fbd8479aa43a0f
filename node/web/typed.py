"""What people type as dates and choices, read as they mean it.

Enters: the text of one field. Leaves: a day, a partial date, a list of ids. Must never
happen: a month read as a day, or a two-digit year guessed. Implements the field document,
3.1 (dates) and chapter 7 (day first, never month first).
"""

import re
from collections.abc import Iterable
from datetime import date
from typing import Final, TypeVar

from node.cases.model import PartialDate
from node.errors import InputError, MalformedMessageError
from node.ids import Identifier

_DAY: Final = re.compile(r"(\d{1,2})\.\s*(\d{1,2})\.\s*(\d{4})", re.ASCII)
_MONTH: Final = re.compile(r"(\d{1,2})[./]\s*(\d{4})", re.ASCII)
_Id = TypeVar("_Id", bound=Identifier)


def typed_day(text: str) -> date | None:
    """A day like ``3.12.2026`` or ``2026-12-03``; None if it is none."""
    iso = _iso(text)
    try:
        return date.fromisoformat(iso) if len(iso) == 10 else None
    except ValueError:
        return None


def typed_partial(text: str) -> str | None:
    """A day, month or year as ``YYYY-MM-DD``, ``YYYY-MM`` or ``YYYY``; None if none."""
    try:
        return PartialDate(_iso(text)).text
    except InputError:
        return None


def shown_day(day: date | None) -> str:
    """A day as people type it, to be put into a field."""
    return "" if day is None else f"{day.day:02d}.{day.month:02d}.{day.year}"


def page_number(text: str, pages: int) -> int:
    """Which page of a long list, from the first to the last one there is."""
    is_number = text.isascii() and text.isdigit() and len(text) < 6
    return min(max(1, int(text)), max(1, pages)) if is_number else 1


def ids(texts: Iterable[str], kind: type[_Id]) -> list[_Id]:
    """Those of these texts that are ids of this kind, each once."""
    found: dict[_Id, None] = {}
    for text in texts:
        try:
            found[kind(text)] = None
        except MalformedMessageError:
            continue
    return list(found)


def _iso(text: str) -> str:
    plain = text.strip()
    day = _DAY.fullmatch(plain)
    if day is not None:
        return f"{day[3]}-{int(day[2]):02d}-{int(day[1]):02d}"
    month = _MONTH.fullmatch(plain)
    if month is not None:
        return f"{month[2]}-{int(month[1]):02d}"
    return plain
