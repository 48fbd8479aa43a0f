"""Closed schemas: one declaration reads, writes and describes a JSON value.

Enters: JSON values as the strict reader gives them, or checked values of our own. Leaves:
the other one of the two, and a JSON Schema for the specification. Must never happen: a
member nobody declared is accepted (HO-51, HO-60); a value from outside stands in an error.
Source: JSON Schema 2020-12 for what is published.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import StrEnum
from itertools import pairwise
from typing import Any, Final, Generic, TypeVar

from node.crypto.jws import b64u, unb64u
from node.errors import MalformedMessageError, UsageError
from node.ids import Identifier
from node.strictjson import MAX_INTEGER, Json, JsonObject

T = TypeVar("T")
E = TypeVar("E", bound=StrEnum)
I = TypeVar("I", bound=Identifier)  # noqa: E741

_LAST_SECOND: Final = 253_402_300_799  # of the year 9999
_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Form(Generic[T]):
    """How one kind of value stands in JSON.

    ``read`` takes a JSON value and the name of its place, and raises
    ``MalformedMessageError`` with that name. ``write`` is its inverse. ``optional`` forms
    may be absent from their record; the value is then None.
    """

    read: Callable[[Json, str], T]
    write: Callable[[T], Json]
    schema: Mapping[str, Json]
    optional: bool = False


def text(pattern: str, *, most: int = 256) -> Form[str]:
    """A text of at most ``most`` characters that fits the pattern as a whole."""
    compiled = re.compile(pattern, re.ASCII)

    def read(value: Json, where: str) -> str:
        if (
            not isinstance(value, str)
            or len(value) > most
            or compiled.fullmatch(value) is None
        ):
            raise MalformedMessageError(where)
        return value

    described = {"type": "string", "pattern": f"^({pattern})$", "maxLength": most}
    return Form(read, str, described)


def identifier(kind: type[I]) -> Form[I]:
    """An identifier of ``node.ids``."""

    def read(value: Json, where: str) -> I:
        if not isinstance(value, str):
            raise MalformedMessageError(where)
        return kind(value)

    return Form(read, str, {"type": "string", "pattern": f"^({kind.pattern.pattern})$"})


def code(*listed: E) -> Form[E]:
    """One word of a closed list."""
    words = {str(word): word for word in listed}

    def read(value: Json, where: str) -> E:
        if not isinstance(value, str) or value not in words:
            raise MalformedMessageError(where)
        return words[value]

    return Form(read, str, {"enum": list(words)})


def number(least: int = 0, most: int = MAX_INTEGER) -> Form[int]:
    """An integer from ``least`` to ``most``."""

    def read(value: Json, where: str) -> int:
        if type(value) is not int or not least <= value <= most:
            raise MalformedMessageError(where)
        return value

    return Form(read, int, {"type": "integer", "minimum": least, "maximum": most})


def _read_flag(value: Json, where: str) -> bool:
    if not isinstance(value, bool):
        raise MalformedMessageError(where)
    return value


FLAG: Final[Form[bool]] = Form(_read_flag, bool, {"type": "boolean"})


def binary(least: int, most: int | None = None) -> Form[bytes]:
    """Bytes in base64url without padding; exactly ``least`` if ``most`` is not given."""
    longest = least if most is None else most

    def read(value: Json, where: str) -> bytes:
        if not isinstance(value, str) or len(value) > _characters(longest):
            raise MalformedMessageError(where)
        raw = unb64u(value)
        if len(raw) < least:
            raise MalformedMessageError(where)
        return raw

    described = {
        "type": "string",
        "pattern": "^[A-Za-z0-9_-]*$",
        "minLength": _characters(least),
        "maxLength": _characters(longest),
    }
    return Form(read, b64u, described)


def _characters(size: int) -> int:
    return (size * 4 + 2) // 3


def hexadecimal(size: int) -> Form[bytes]:
    """Exactly ``size`` bytes as lower-case hex."""
    digits = text(rf"[0-9a-f]{{{2 * size}}}")

    def read(value: Json, where: str) -> bytes:
        return bytes.fromhex(digits.read(value, where))

    return Form(read, bytes.hex, digits.schema)


def _read_instant(value: Json, where: str) -> datetime:
    return datetime.fromtimestamp(number(0, _LAST_SECOND).read(value, where), UTC)


def _write_instant(value: datetime) -> int:
    return int(value.timestamp())


INSTANT: Final[Form[datetime]] = Form(
    _read_instant, _write_instant, number(0, _LAST_SECOND).schema
)
"""An instant as whole Unix seconds; fractions are cut when written."""


def _read_day(value: Json, where: str) -> date:
    if not isinstance(value, str) or _DAY.fullmatch(value) is None:
        raise MalformedMessageError(where)
    try:
        return date.fromisoformat(value)
    except ValueError:
        raise MalformedMessageError(where) from None


DAY: Final[Form[date]] = Form(
    _read_day, date.isoformat, {"type": "string", "format": "date"}
)
"""A day as ``YYYY-MM-DD``."""


def optional(form: Form[T]) -> Form[T | None]:
    """A member that may be absent; null is refused."""
    return Form(form.read, form.write, form.schema, optional=True)  # type: ignore[arg-type]


def nullable(form: Form[T]) -> Form[T | None]:
    """A value or null; the member itself must be there."""

    def read(value: Json, where: str) -> T | None:
        return None if value is None else form.read(value, where)

    def write(value: T | None) -> Json:
        return None if value is None else form.write(value)

    return Form(read, write, {"anyOf": [form.schema, {"type": "null"}]})


def ascending(
    item: Form[T],
    *,
    least: int = 0,
    most: int,
    order: Callable[[Json], object] = lambda written: written,
    repeats: bool = False,
) -> Form[tuple[T, ...]]:
    """A sorted list, so that one content has one spelling.

    ``order`` gives the sort key of an item as it stands in JSON. Without ``repeats`` no
    two items share a key. Writing sorts; reading refuses another order.
    """

    def read(value: Json, where: str) -> tuple[T, ...]:
        if not isinstance(value, list) or not least <= len(value) <= most:
            raise MalformedMessageError(where)
        items = tuple(item.read(entry, where) for entry in value)
        keys: Sequence[Any] = [order(entry) for entry in value]
        for before, after in pairwise(keys):
            if after < before or (after == before and not repeats):
                raise MalformedMessageError(where)
        return items

    def write(items: tuple[T, ...]) -> Json:
        written: list[Any] = [item.write(entry) for entry in items]
        return sorted(written, key=order)  # type: ignore[arg-type]

    described = {
        "type": "array",
        "items": item.schema,
        "minItems": least,
        "maxItems": most,
        "uniqueItems": not repeats,
    }
    return Form(read, write, described)


def table(key: Form[Any], value: Form[T], *, least: int = 0, most: int) -> Form[Any]:
    """An object whose member names have one form and whose values have one form."""

    def read(raw: Json, where: str) -> Mapping[Any, T]:
        if not isinstance(raw, dict) or not least <= len(raw) <= most:
            raise MalformedMessageError(where)
        return {key.read(k, where): value.read(v, where) for k, v in raw.items()}

    def write(items: Mapping[Any, T]) -> Json:
        return {key.write(k): value.write(v) for k, v in items.items()}

    described = {
        "type": "object",
        "propertyNames": key.schema,
        "additionalProperties": value.schema,
        "minProperties": least,
        "maxProperties": most,
    }
    return Form(read, write, described)


def record(kind: type[T], /, **members: Form[Any]) -> Form[T]:
    """An object with exactly these members, as a dataclass with the same field names.

    Conditions between members stand in the dataclass itself. Writing a value of another
    type raises ``UsageError``.
    """

    def read(value: Json, where: str) -> T:
        if not isinstance(value, dict) or not value.keys() <= members.keys():
            raise MalformedMessageError(where)
        values: dict[str, Any] = {}
        for name, form in members.items():
            if name in value:
                values[name] = form.read(value[name], f"{where}.{name}")
            elif form.optional:
                values[name] = None
            else:
                raise MalformedMessageError(f"{where}.{name}")
        return kind(**values)

    def write(item: T) -> JsonObject:
        if not isinstance(item, kind):
            raise UsageError(f"{kind.__name__}: not of this type")
        written: JsonObject = {}
        for name, form in members.items():
            value = getattr(item, name)
            if not (form.optional and value is None):
                written[name] = form.write(value)
        return written

    described = {
        "type": "object",
        "properties": {name: form.schema for name, form in members.items()},
        "required": sorted(n for n, form in members.items() if not form.optional),
        "additionalProperties": False,
    }
    return Form(read, write, described)
