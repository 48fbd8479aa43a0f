"""Reading one JSON object of a closed schema, member by member.

Enters: a parsed JSON value. Leaves: checked texts, numbers, days and instants, or one
error that names the place and never the value. Must never happen: a member nobody read
is silently accepted. An unknown member is ignorable only if ``opt`` names it (HO-114).
"""

import re
from datetime import UTC, date, datetime
from typing import Final, Self

from node.errors import MalformedMessageError
from node.strictjson import MAX_INTEGER, Json

_INSTANT: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", re.ASCII)
_DAY: Final = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_KID: Final = re.compile(r"[a-z0-9]{1,20}", re.ASCII)
_MAX_UNIX_S: Final = 253_402_300_799  # the last second of the year 9999


class Fields:
    """The members of one object that have not been read yet."""

    __slots__ = ("_left", "_where")

    def __init__(self, value: Json, where: str) -> None:
        """Take an object; ``where`` names it in errors."""
        if not isinstance(value, dict):
            raise MalformedMessageError(where)
        self._left = dict(value)
        self._where = where

    def _refuse(self, name: str) -> MalformedMessageError:
        return MalformedMessageError(f"{self._where}.{name}")

    def _take(self, name: str) -> Json:
        try:
            return self._left.pop(name)
        except KeyError:
            raise self._refuse(name) from None

    def version(self) -> None:
        """Read ``v``, which is 1."""
        if self.number("v") != 1:
            raise self._refuse("v")

    def text(self, name: str, *, least: int = 1, most: int = 256) -> str:
        """A text of ``least`` to ``most`` characters."""
        value = self._take(name)
        if not isinstance(value, str) or not least <= len(value) <= most:
            raise self._refuse(name)
        return value

    def kid(self, name: str) -> str:
        """The name of a key at its owner."""
        value = self.text(name)
        if _KID.fullmatch(value) is None:
            raise self._refuse(name)
        return value

    def number(self, name: str, *, least: int = 0, most: int = MAX_INTEGER) -> int:
        """An integer from ``least`` to ``most``."""
        value = self._take(name)
        if type(value) is not int or not least <= value <= most:
            raise self._refuse(name)
        return value

    def unix_instant(self, name: str) -> datetime:
        """An instant written as Unix seconds."""
        return datetime.fromtimestamp(self.number(name, most=_MAX_UNIX_S), UTC)

    def instant(self, name: str) -> datetime:
        """An instant written as RFC 3339 in UTC, whole seconds."""
        value = self.text(name)
        if _INSTANT.fullmatch(value) is None:
            raise self._refuse(name)
        try:
            return datetime.fromisoformat(value)
        except ValueError:
            raise self._refuse(name) from None

    def day(self, name: str) -> date:
        """A date."""
        day = self.day_or_none(name)
        if day is None:
            raise self._refuse(name)
        return day

    def day_or_none(self, name: str) -> date | None:
        """A date or null; the member itself must be there."""
        value = self._take(name)
        if value is None:
            return None
        if not isinstance(value, str) or _DAY.fullmatch(value) is None:
            raise self._refuse(name)
        try:
            return date.fromisoformat(value)
        except ValueError:
            raise self._refuse(name) from None

    def text_or_none(self, name: str) -> str | None:
        """A text or null; the member itself must be there."""
        if self._left.get(name, "") is None:
            self._take(name)
            return None
        return self.text(name)

    def inner(self, name: str) -> Self:
        """An object inside this one."""
        return type(self)(self._take(name), f"{self._where}.{name}")

    def inners(self, name: str, *, least: int = 0, most: int) -> list[Self]:
        """A list of objects."""
        where = f"{self._where}.{name}"
        return [type(self)(item, where) for item in self._list(name, least, most)]

    def texts(self, name: str, *, least: int = 0, most: int) -> tuple[str, ...]:
        """A list of texts of 1 to 256 characters."""
        items = self._list(name, least, most)
        if any(not isinstance(i, str) or not 1 <= len(i) <= 256 for i in items):
            raise self._refuse(name)
        return tuple(items)

    def numbers(self, name: str, *, least: int = 0, most: int) -> tuple[int, ...]:
        """A list of integers that are not negative."""
        items = self._list(name, least, most)
        if any(type(item) is not int or item < 0 for item in items):
            raise self._refuse(name)
        return tuple(items)

    def _list(self, name: str, least: int, most: int) -> list[Json]:
        value = self._take(name)
        if not isinstance(value, list) or not least <= len(value) <= most:
            raise self._refuse(name)
        return value

    def end(self) -> None:
        """Refuse what nobody read, unless ``opt`` names it."""
        ignorable = self.texts("opt", most=32) if "opt" in self._left else ()
        for name in self._left:
            if name not in ignorable:
                # The name comes from outside; only its presence is told.
                raise MalformedMessageError(f"{self._where}: unknown member")


def instant_text(instant: datetime) -> str:
    """RFC 3339 in UTC, whole seconds, the inverse of ``Fields.instant``."""
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def unix_seconds(instant: datetime) -> int:
    """Unix seconds, the inverse of ``Fields.unix_instant``."""
    return int(instant.timestamp())


def day_text(day: date | None) -> str | None:
    """``YYYY-MM-DD`` or null, the inverse of ``Fields.day_or_none``."""
    return None if day is None else day.isoformat()
