"""The one JSON reader for foreign bytes, and the one writer for our own.

Enters: bytes from a peer, an API caller, a file. Leaves: plain dictionaries, lists,
text, integers, booleans and null, or one error. Must never happen: two readers of the
product judging one document differently. Implements SR-P1.
"""

import json
import re
from collections.abc import Callable
from typing import Any, Final, NoReturn

from node.errors import MalformedMessageError

Json = Any  # None, bool, int, str, list, dict: mypy has no finite name for it
JsonObject = dict[str, Any]

MAX_INTEGER: Final = 2**53 - 1
MAX_KEY_CHARACTERS: Final = 128
_STRING: Final = re.compile(r'"(?:[^"\\]|\\.)*+"', re.DOTALL)
_LONG_NUMBER: Final = re.compile(r"[0-9]{17}")
_ODD_NUMBER: Final = re.compile(r"-|[0-9]{16}")
_BRACKET: Final = re.compile(r"[][{}]")
_BRACKETS: Final = bytes.maketrans(b"[]{}", b"()()")
_NO_BRACKETS: Final = bytes(set(range(256)) - set(b"[]{}"))
# The end of a line, and every character from U+0080 that is no surrogate.
_HARMLESS: Final = re.compile(
    r"\\(?:n|u(?:00[89a-f]|0[1-9a-f][0-9a-f]|[1-9a-cef][0-9a-f]{2}|d[0-7][0-9a-f])"
    r"[0-9a-f])"
)
_ALLOWED_CONTROLS: Final = {"\t", "\n"}
_SPELLING: Final = json.JSONEncoder(
    sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False
)


def parse(data: bytes, *, depth: int = 16, members: int = 1000) -> Json:
    """Read one JSON document strictly.

    Args:
        data: UTF-8 without byte order mark; the caller has bounded its length.
        depth: Deepest allowed nesting of objects and lists.
        members: Most object members and list items in the whole document.

    Raises:
        MalformedMessageError: Not UTF-8, not JSON, duplicate key, float, NaN, integer
            beyond 2^53 - 1, too deep, too many members, key too long, lone surrogate,
            NUL or another control character in a text. The message is a stable code.
    """
    try:
        text = data.decode("utf-8", "strict")
    except UnicodeDecodeError:
        raise MalformedMessageError("json-encoding") from None
    if text.startswith("\ufeff"):
        raise MalformedMessageError("json-bom")
    parts = _parts(text)
    bare = _STRING.sub("", text) if parts is None else "".join(parts[::2])
    _check_shape(bare, depth)
    if parts is not None and _is_plain(text, parts, bare=bare, members=members):
        return _decode(_ODD_READER if _ODD_NUMBER.search(bare) else _READER, text)
    counter = _Counter(members)
    value = _decode(_reader(counter.object, _integer), text)
    _check_values(value, counter)
    return value


def _decode(reader: json.JSONDecoder, text: str) -> Json:
    try:
        return reader.decode(text)
    except (ValueError, RecursionError):
        raise MalformedMessageError("json-syntax") from None


def parse_object(data: bytes, *, depth: int = 16, members: int = 1000) -> JsonObject:
    """Read one JSON document whose outermost value is an object.

    Raises:
        MalformedMessageError: As ``parse``, or the document is no object.
    """
    value = parse(data, depth=depth, members=members)
    if not isinstance(value, dict):
        raise MalformedMessageError("json-object")
    return value


def encode(value: Any) -> bytes:
    """Write JSON in our one spelling: UTF-8, ASCII only, sorted keys, no spaces."""
    return _SPELLING.encode(value).encode("ascii")


def _parts(text: str) -> list[str] | None:
    """What stands between quotation marks: outside, inside, outside, and so on.

    None where a backslash or an odd number of them makes it less simple than that; but
    names have umlauts and checkpoints ends of lines, spelled with one: each becomes one
    harmless character here. This way costs a fifth of the pattern's time, and an audit
    reads a million entries.
    """
    if "\\" in text:
        # Where no backslash stands before another, each begins what it spells.
        text = text if "\\\\" in text else _HARMLESS.sub("-", text)
        if "\\" in text:
            return None
    parts = text.split('"')
    return parts if len(parts) % 2 else None


def _is_plain(text: str, parts: list[str], *, bare: str, members: int) -> bool:
    """Whether the walk over all values could find nothing: no text it would refuse.

    A document has at most as many members as commas and brackets outside its texts.
    """
    return (
        text.isascii()
        and text.isprintable()
        and not _has_long_key(parts)
        and bare.count(",") + bare.count("[") + bare.count("{") <= members
    )


def _has_long_key(parts: list[str]) -> bool:
    """Whether a text that is too long for a key stands before a colon."""
    if max(map(len, parts[1::2]), default=0) <= MAX_KEY_CHARACTERS:
        return False
    return any(
        len(text) > MAX_KEY_CHARACTERS and after.lstrip(" \t\n\r").startswith(":")
        for text, after in zip(parts[1::2], parts[2::2], strict=True)
    )


def _check_shape(bare: str, depth: int) -> None:
    """Bound nesting and number length before the parser runs (SR-P1)."""
    if _LONG_NUMBER.search(bare):
        raise MalformedMessageError("json-integer")
    # Each pass takes the innermost pair of every nest away, so one level of all.
    nests = bare.encode().translate(_BRACKETS, _NO_BRACKETS)
    for _ in range(depth):
        if not (nests := nests.replace(b"()", b"")):
            return
    level = 0
    for match in _BRACKET.finditer(bare):
        level += 1 if match[0] in "[{" else -1
        if level > depth:
            raise MalformedMessageError("json-depth")


class _Counter:
    """Counts members over the whole document and refuses duplicate keys."""

    def __init__(self, limit: int) -> None:
        self._left = limit

    def spend(self, count: int) -> None:
        self._left -= count
        if self._left < 0:
            raise MalformedMessageError("json-members")

    def object(self, pairs: list[tuple[str, Json]]) -> JsonObject:
        self.spend(len(pairs))
        return _unique(pairs)


def _unique(pairs: list[tuple[str, Json]]) -> JsonObject:
    """An object whose members were counted before."""
    result = dict(pairs)
    if len(result) != len(pairs):
        raise MalformedMessageError("json-duplicate-key")
    return result


def _refuse_float(_: str) -> NoReturn:
    raise MalformedMessageError("json-number")


def _integer(text: str) -> int:
    value = int(text)
    if abs(value) > MAX_INTEGER or text == "-0":
        raise MalformedMessageError("json-integer")
    return value


def _reader(
    to_object: Callable[[list[tuple[str, Json]]], JsonObject],
    to_integer: Callable[[str], int],
) -> json.JSONDecoder:
    return json.JSONDecoder(
        object_pairs_hook=to_object,
        parse_float=_refuse_float,
        parse_constant=_refuse_float,
        parse_int=to_integer,
    )


# Made once: where no integer can be too large or minus zero, and where one could.
_READER: Final = _reader(_unique, int)
_ODD_READER: Final = _reader(_unique, _integer)


def _check_values(root: Json, counter: _Counter) -> None:
    """Walk the document once: texts are clean, lists are counted."""
    waiting = [root]
    while waiting:
        value = waiting.pop()
        if isinstance(value, str):
            _check_text(value)
        elif isinstance(value, list):
            counter.spend(len(value))
            waiting.extend(value)
        elif isinstance(value, dict):
            for key, item in value.items():
                if len(key) > MAX_KEY_CHARACTERS:
                    raise MalformedMessageError("json-key")
                _check_text(key)
                waiting.append(item)


def _check_text(text: str) -> None:
    if text.isascii() and text.isprintable():
        return
    for char in text:
        if (char < " " and char not in _ALLOWED_CONTROLS) or char == "\x7f":
            raise MalformedMessageError("json-control-character")
        if "\ud800" <= char <= "\udfff":
            raise MalformedMessageError("json-surrogate")
