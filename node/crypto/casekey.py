"""Encryption at rest: fields and files of one case, and the week keys above them.

Enters: a key, the place a value belongs to, plaintext. Leaves: sealed bytes for a row
or a file. Must never happen: a value opening at another table, column, row, case or
epoch than it was sealed for; a case being readable once its key is destroyed.
Implements SR-K1, SR-K2, SR-K3, SR-K5 (which key wrapped this?).
Sources: RFC 7693 (BLAKE2b); NaCl secretbox; libsodium secretstream.

Secretbox has no associated data, so each place has its own key, derived from it.
A field is version 1, nonce (24), secretbox: 41 bytes more than its plaintext.
A small value is version 1, length of the week id, week id, nonce (24), secretbox.
A file is version 1 and a stream (``stream``).
"""

import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from secrets import token_bytes
from typing import Final, Self

from nacl import bindings
from nacl.exceptions import CryptoError

from node.crypto.keys import Randomness
from node.crypto.stream import HEADER_BYTES, pull_stream, push_stream
from node.errors import SealError, UsageError

_VERSION: Final = b"\x01"
_NONCE_BYTES: Final = 24
_WEEK: Final = re.compile(r"[A-Za-z0-9.-]{1,32}", re.ASCII)
# BLAKE2b takes a purpose of at most 16 bytes beside the key (SR-K3).
_FIELD: Final = b"stfl field/v1"
_FILE: Final = b"stfl file/v1"
_CASE_KEY: Final = b"stfl case key/v1"
_SMALL: Final = b"stfl small/v1"


@dataclass(frozen=True, slots=True)
class WrapKey:
    """A week key: wraps case keys and shares; lies outside the database.

    Attributes:
        week: Its name, 1 to 32 of ``A-Z a-z 0-9 . -``, like ``2026-W07``.
        raw: 32 random bytes.
    """

    week: str
    raw: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if len(self.raw) != 32 or _WEEK.fullmatch(self.week) is None:
            raise UsageError("a week key has 32 bytes and a short name")


@dataclass(frozen=True, slots=True)
class CaseKey:
    """The key of one case: destroying it erases the case."""

    raw: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if len(self.raw) != 32:
            raise UsageError("a case key has 32 bytes")

    @classmethod
    def generate(cls, randomness: Randomness) -> Self:
        """Draw a fresh key."""
        return cls(randomness(32))

    def wrap(self, kek: WrapKey, context: bytes, randomness: Randomness) -> bytes:
        """Seal this key under a week key, bound to what it belongs to."""
        return _seal_under(kek, (_CASE_KEY, context), self.raw, randomness)

    @classmethod
    def unwrap(cls, kek: WrapKey, context: bytes, wrapped: bytes) -> Self:
        """The key that ``wrap`` sealed.

        Raises:
            SealError: Other week key, other context, damaged.
        """
        return cls(_open_under(kek, (_CASE_KEY, context), wrapped))


@dataclass(frozen=True, slots=True)
class FieldContext:
    """The one place where a sealed value opens; the texts hold no NUL."""

    table: str
    column: str
    row: str
    case: str
    epoch: int

    def encode(self) -> bytes:
        """One spelling per place.

        Raises:
            UsageError: A text holds a NUL, which would blur where it ends.
        """
        text = f"{self.table}\0{self.column}\0{self.row}\0{self.case}\0{self.epoch}"
        if text.count("\0") != 4:
            raise UsageError("a context holds no NUL")
        return text.encode("utf-8")


def seal_field(
    key: CaseKey, context: FieldContext, plaintext: bytes, randomness: Randomness
) -> bytes:
    """Seal one value for one place (41 bytes longer)."""
    nonce = randomness(_NONCE_BYTES)
    box = _derive(key.raw, _FIELD, context.encode())
    return _VERSION + nonce + bindings.crypto_secretbox(plaintext, nonce, box)


def open_field(key: CaseKey, context: FieldContext, sealed: bytes) -> bytes:
    """The value sealed for this place.

    Raises:
        SealError: Other key, other place, damaged.
    """
    return _open_box(_derive(key.raw, _FIELD, context.encode()), _VERSION, sealed)


def seal_file(
    key: CaseKey, context: FieldContext, chunks: Iterable[bytes]
) -> Iterator[bytes]:
    """Seal a file of any size for one place; chunks may have any size."""
    yield _VERSION
    box = _derive(key.raw, _FILE, context.encode())
    yield from push_stream(box, token_bytes(HEADER_BYTES), _VERSION, chunks)


def open_file(
    key: CaseKey, context: FieldContext, chunks: Iterable[bytes]
) -> Iterator[bytes]:
    """The file, in authentic portions of 64 KiB.

    A cut file is noticed at its end: who must not act on half a file reads it whole.

    Raises:
        SealError: Other key, other place, damaged, cut.
    """
    box = _derive(key.raw, _FILE, context.encode())
    yield from pull_stream(box, _VERSION, _without_version(chunks))


def seal_small(
    wrap_key: WrapKey, context: bytes, data: bytes, randomness: Randomness
) -> bytes:
    """Seal a share, a transfer key, a draft under the week key, bound to ``context``."""
    return _seal_under(wrap_key, (_SMALL, context), data, randomness)


def open_small(wrap_key: WrapKey, context: bytes, sealed: bytes) -> bytes:
    """What ``seal_small`` sealed.

    Raises:
        SealError: Other week key, other context, damaged.
    """
    return _open_under(wrap_key, (_SMALL, context), sealed)


def wrapped_week(blob: bytes) -> str:
    """The name of the week key that wrapped a case key or a small value.

    Raises:
        SealError: Not such a value.
    """
    length = blob[1] if len(blob) > 1 else 0
    week = blob[2 : 2 + length].decode("ascii", "replace")
    if blob[:1] != _VERSION or len(week) != length or not _WEEK.fullmatch(week):
        raise SealError("not a value under a week key")
    return week


def _seal_under(
    kek: WrapKey, purpose: tuple[bytes, bytes], data: bytes, randomness: Randomness
) -> bytes:
    head, box = _week_box(kek, purpose)
    nonce = randomness(_NONCE_BYTES)
    return head + nonce + bindings.crypto_secretbox(data, nonce, box)


def _open_under(kek: WrapKey, purpose: tuple[bytes, bytes], sealed: bytes) -> bytes:
    head, box = _week_box(kek, purpose)
    return _open_box(box, head, sealed)


def _week_box(kek: WrapKey, purpose: tuple[bytes, bytes]) -> tuple[bytes, bytes]:
    """The head of a small value, and the key of its box, bound to head and context."""
    label, context = purpose
    week = kek.week.encode("ascii")
    head = _VERSION + bytes([len(week)]) + week
    return head, _derive(kek.raw, label, head + context)


def _open_box(box: bytes, head: bytes, sealed: bytes) -> bytes:
    start = len(head)
    nonce = sealed[start : start + _NONCE_BYTES]
    if not sealed.startswith(head) or len(nonce) != _NONCE_BYTES:
        raise SealError("another version or week, or cut")
    try:
        return bindings.crypto_secretbox_open(
            sealed[start + _NONCE_BYTES :], nonce, box
        )
    except CryptoError as error:
        raise SealError("does not open under its key and context") from error


def _derive(key: bytes, purpose: bytes, context: bytes) -> bytes:
    return hashlib.blake2b(context, key=key, digest_size=32, person=purpose).digest()


def _without_version(chunks: Iterable[bytes]) -> Iterator[bytes]:
    expected = _VERSION
    for chunk in chunks:
        if expected and chunk:
            if not chunk.startswith(expected):
                raise SealError("another version of file")
            yield chunk[len(expected) :]
            expected = b""
        else:
            yield chunk
