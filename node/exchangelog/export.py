"""The raw rows of a log, as an auditor gets them.

Enters: rows of the tables of exchange-log 9.1, as iterators in the order of their keys, so
that a log of a million entries needs no memory. Leaves: the same, named. Nothing here has
been checked; ``audit.py`` trusts nothing but the keys and the heads that came from outside.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import NamedTuple

from node.crypto.checkpoint import Checkpoint, NoteKey
from node.crypto.commit import GroupKey

KeyReader = Callable[[bytes], GroupKey | None]
"""Key id -> the group's key, None if it was erased; SealError if its wrapping is broken."""


@dataclass(frozen=True, slots=True)
class TileRow:
    """A row of ``log_tile``: 256 hashes of subtrees, and the root over them."""

    data: bytes
    root: bytes


TileReader = Callable[[int, int], TileRow | None]
"""(level, n) -> the tile over subtrees of 256**level leaves each, None if absent."""


class LeafRow(NamedTuple):
    """A row of ``log_leaf``; a tuple, because a check makes a million of them."""

    index: int  # type: ignore[assignment]  # shadows the method of a tuple
    input: bytes


@dataclass(frozen=True, slots=True)
class BodyRow:
    """A row of ``log_body``."""

    index: int
    event_id: bytes
    key_id: bytes
    sealed: bytes


@dataclass(frozen=True, slots=True)
class CheckpointRow:
    """A row of ``log_checkpoint``. Its own time is no evidence and is left out."""

    size: int
    root: bytes
    note: str


@dataclass(frozen=True, slots=True)
class CosignatureRow:
    """A row of ``log_cosig``; when it arrived here is no evidence and is left out."""

    size: int
    name: str
    key_id: bytes
    first_line: str
    last_line: str


@dataclass(frozen=True, slots=True)
class HeadRow:
    """The row of ``log_head``; ``frontier`` as ``Frontier.encode`` wrote it."""

    origin: str
    size: int
    frontier: bytes


@dataclass(frozen=True, slots=True)
class LogExport:
    """Everything one check looks at.

    Attributes:
        log_key: The log's key and origin, from the keyring or the auditor's own file.
        head: The one row of ``log_head``.
        leaves: ``log_leaf`` by index.
        bodies: ``log_body`` by index.
        checkpoints: ``log_checkpoint`` by size.
        cosignatures: ``log_cosig`` by size.
        erased: The indexes of ``log_erased``, ascending.
        tile: Reads ``log_tile``.
        key: Opens ``log_key``; None checks the structure only and opens nothing.
        witnesses: Keys of foreign witnesses; the own one never counts (LR-21).
        mark: The head in the signer's mark, if it could be read.
        tiles: (level, n) of every row of ``log_tile``, in any order.
        outside: Heads of this log, validly signed by it, that others remember: their
            answers to hello, a bundle, an auditor's note.
    """

    log_key: NoteKey
    head: HeadRow
    leaves: Iterable[LeafRow]
    bodies: Iterable[BodyRow]
    checkpoints: Iterable[CheckpointRow]
    cosignatures: Iterable[CosignatureRow]
    erased: Iterable[int]
    tile: TileReader
    key: KeyReader | None
    witnesses: tuple[NoteKey, ...] = ()
    mark: Checkpoint | None = None
    outside: tuple[Checkpoint, ...] = ()
    tiles: Iterable[tuple[int, int]] = ()
