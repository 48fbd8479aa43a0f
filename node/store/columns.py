"""Types of columns: how our values stand in a database.

Enters: an aware instant, a date. Leaves: what both dialects store, compare and sort alike.
Must never happen: a local or naive instant in a row.
"""

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import Final

from sqlalchemy import BigInteger, CheckConstraint, Dialect, Text, TypeDecorator

from node.strictjson import encode

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


def to_micros(at: datetime) -> int:
    """Microseconds since 1970 UTC; a naive instant raises TypeError."""
    return (at - _EPOCH) // _MICROSECOND


def from_micros(micros: int) -> datetime:
    """The inverse of ``to_micros``: an aware instant in UTC."""
    return _EPOCH + timedelta(microseconds=micros)


def encode_instants(instants: Mapping[str, datetime]) -> str:
    """Named instants as one JSON text; they are shown, never searched."""
    return encode({name: to_micros(at) for name, at in instants.items()}).decode()


def parse_instants(text: str) -> dict[str, datetime]:
    """The inverse of ``encode_instants``."""
    return {name: from_micros(micros) for name, micros in json.loads(text).items()}


class Instant(TypeDecorator[datetime]):
    """An instant as ``BIGINT`` microseconds since 1970 UTC."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(
        self,
        value: datetime | None,
        dialect: Dialect,  # noqa: ARG002
    ) -> int | None:
        """To the row."""
        return None if value is None else to_micros(value)

    def process_result_value(
        self,
        value: int | None,
        dialect: Dialect,  # noqa: ARG002
    ) -> datetime | None:
        """From the row."""
        return None if value is None else from_micros(value)


class Day(TypeDecorator[date]):
    """A date as ISO text."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: date | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        """To the row."""
        return None if value is None else value.isoformat()

    def process_result_value(self, value: str | None, dialect: Dialect) -> date | None:  # noqa: ARG002
        """From the row."""
        return None if value is None else date.fromisoformat(value)


def one_of(column: str, values: Iterable[StrEnum]) -> CheckConstraint:
    """A check that a column holds a member of a closed list."""
    listed = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} IN ({listed})", name=column)


def digests(*columns: str) -> Iterable[CheckConstraint]:
    """Checks that binary columns hold 32 bytes, or nothing where they may be null."""
    return [CheckConstraint(f"length({name}) = 32", name=name) for name in columns]
