"""The heads that vouch for a log, verified one by one and put in order of size.

Enters: rows of checkpoints and cosignatures, the mark, heads from outside. Leaves: an
ordered stream of heads whose signatures hold, each with what it is worth; findings about
the others. Must never happen: a row that vouches for more than its signatures do.
Implements exchange-log 8 (``checkpoint_signature_bad``, ``cosignature_bad``) and LR-29.
"""

import binascii
from base64 import b64decode
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum, unique
from heapq import merge
from operator import attrgetter
from typing import Final

from node.crypto.checkpoint import (
    Checkpoint,
    NoteKey,
    open_checkpoint,
    verify_cosignature,
)
from node.crypto.merkle import Frontier
from node.errors import LogError, MalformedMessageError, SignatureError
from node.exchangelog.export import CheckpointRow, CosignatureRow, LogExport
from node.exchangelog.finding import Code, Ledger

_COSIGNATURE_BYTES: Final = 4 + 8 + 64  # key id, time, Ed25519 signature


@unique
class Source(IntEnum):
    """Where a head comes from, the most trustworthy first."""

    OUTSIDE = 0  # signed by the log, remembered by somebody else
    COSIGNED = 1  # stored here, with the cosignature of a foreign witness
    MARK = 2  # the signer's memory outside the database
    STORED = 3  # signed by the log only
    ROW = 4  # the sequencer's own row, unsigned

    @property
    def independent(self) -> bool:
        """Whoever has the database and the log key cannot have made it."""
        return self <= Source.MARK

    @property
    def signed(self) -> bool:
        """It carries the log's signature."""
        return self not in (Source.MARK, Source.ROW)

    @property
    def witnessed(self) -> bool:
        """Somebody else's word stands behind it."""
        return self <= Source.COSIGNED


@dataclass(frozen=True, slots=True)
class Voucher:
    """A head that vouches for the first ``size`` leaves.

    ``first_s`` and ``last_s`` are when foreign witnesses cosigned it, in Unix seconds.
    """

    size: int
    root: bytes
    source: Source
    first_s: int | None = None
    last_s: int | None = None


@dataclass(slots=True)
class Tally:
    """How many signatures held."""

    checkpoints: int = 0
    cosignatures: int = 0


def vouchers(export: LogExport, ledger: Ledger, tally: Tally) -> Iterator[Voucher]:
    """All heads whose signatures hold, by size; the others become findings."""
    loose = [Voucher(o.size, o.root, Source.OUTSIDE) for o in export.outside]
    if export.mark is not None:
        loose.append(Voucher(export.mark.size, export.mark.root, Source.MARK))
    row = export.head
    try:
        frontier = Frontier.decode(row.frontier)
    except LogError:
        frontier = None
    if frontier is not None and frontier.size == row.size:
        loose.append(Voucher(row.size, frontier.root(), Source.ROW))
    else:
        ledger.add(Code.TILE_DIFFERS, row.size, "the stored frontier cannot be read")
    if row.origin != export.log_key.name:
        ledger.add(
            Code.CHECKPOINT_SIGNATURE_BAD,
            row.size,
            "the stored origin is another log's",
        )
    order = attrgetter("size", "source")
    return merge(_stored(export, ledger, tally), sorted(loose, key=order), key=order)


def _stored(export: LogExport, ledger: Ledger, tally: Tally) -> Iterator[Voucher]:
    """The rows of both tables, joined by size."""
    lines = iter(export.cosignatures)
    waiting = next(lines, None)
    lacking = {o.size for o in export.outside if 0 < o.size <= export.head.size}
    for row in export.checkpoints:
        lacking.discard(row.size)
        while waiting is not None and waiting.size < row.size:
            _orphan(waiting, ledger)
            waiting = next(lines, None)
        own: list[CosignatureRow] = []
        while waiting is not None and waiting.size == row.size:
            own.append(waiting)
            waiting = next(lines, None)
        head = _open(row, export.log_key)
        if head is None:
            ledger.add(
                Code.CHECKPOINT_SIGNATURE_BAD,
                row.size,
                "the stored checkpoint of this size is not what the log signed",
            )
            continue
        tally.checkpoints += 1
        yield _with_times(row, own, export.witnesses, ledger=ledger, tally=tally)
    while waiting is not None:
        _orphan(waiting, ledger)
        waiting = next(lines, None)
    for size in sorted(lacking):
        text = "a checkpoint that others remember is not kept here"
        ledger.add(Code.MISSING, size, text)


def _open(row: CheckpointRow, log_key: NoteKey) -> Checkpoint | None:
    """The signed head, if the row says the same."""
    try:
        head = open_checkpoint(row.note, log_key)
    except (MalformedMessageError, SignatureError):
        return None
    return head if (head.size, head.root) == (row.size, row.root) else None


def _with_times(
    row: CheckpointRow,
    rows: list[CosignatureRow],
    witnesses: tuple[NoteKey, ...],
    *,
    ledger: Ledger,
    tally: Tally,
) -> Voucher:
    """A stored checkpoint with the times at which known witnesses cosigned it."""
    body = row.note[: row.note.rindex("\n\n") + 2]
    times: list[int] = []
    for cosignature in rows:
        found = _times(body, cosignature, witnesses)
        if found is None:
            ledger.add(
                Code.COSIGNATURE_BAD,
                row.size,
                f"a stored cosignature of {cosignature.name} does not hold",
            )
        elif found:
            times += found
            tally.cosignatures += 1
    return Voucher(
        row.size,
        row.root,
        Source.COSIGNED if times else Source.STORED,
        first_s=min(times, default=None),
        last_s=max(times, default=None),
    )


def _times(
    body: str, row: CosignatureRow, witnesses: tuple[NoteKey, ...]
) -> list[int] | None:
    """When both lines were made; empty for a witness we do not know; None if false."""
    lines = (row.first_line, row.last_line)
    if not all(_is_line_of(line, row) for line in lines):
        return None
    key = next(
        (key for key in witnesses if (key.name, key.id) == (row.name, row.key_id)), None
    )
    if key is None:
        return []
    try:
        times = [verify_cosignature(body + line, key) for line in lines]
    except (MalformedMessageError, SignatureError):
        return None
    found = [time_s for time_s in times if time_s is not None]
    return found if len(found) == len(lines) else None


def _is_line_of(line: str, row: CosignatureRow) -> bool:
    """Whether a line has the form of a cosignature under the row's name and key id."""
    start = f"\u2014 {row.name} "
    if not line.startswith(start) or not line.endswith("\n"):
        return False
    try:
        raw = b64decode(line[len(start) : -1], validate=True)
    except (binascii.Error, ValueError):
        return False
    return len(raw) == _COSIGNATURE_BYTES and raw[:4] == row.key_id


def _orphan(row: CosignatureRow, ledger: Ledger) -> None:
    ledger.add(
        Code.COSIGNATURE_BAD,
        row.size,
        f"a cosignature of {row.name} has no checkpoint of its size",
    )
