"""The raw rows of the exchange log: to be read back before they are signed, and audited.

Enters: the signer's mark, keys of logs and witnesses. Leaves: a frontier recomputed from
raw bytes, or an export for ``exchangelog.audit``. Must never happen: a head that is signed
although a body, a leaf or the frontier differs (LR-10, LR-12); a log that must fit into
memory to be checked.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Row, bindparam, func, insert, select

from node.crypto.checkpoint import Checkpoint, NoteKey
from node.crypto.commit import GroupKey, commitment, leaf_input, open_body
from node.crypto.merkle import Frontier, leaf_hash
from node.errors import ErasedError, LogError, SealError
from node.exchangelog.export import (
    BodyRow,
    CheckpointRow,
    CosignatureRow,
    HeadRow,
    LeafRow,
    LogExport,
    TileRow,
)
from node.store.groupkeys import GroupKeys, peer_entry_id
from node.store.logtables import (
    log_body,
    log_checkpoint,
    log_cosig,
    log_erased,
    log_head,
    log_leaf,
    log_tile,
    peer_entry,
)
from node.store.logtree import LogTree, frontier_of
from node.store.mark import Mark
from node.store.work import Work

_Row = Row[*tuple[Any, ...]]

_HEAD: Final = select(log_head)
_ENTRIES: Final = (
    select(
        log_leaf.c.idx,
        log_leaf.c.input,
        log_body.c.event_id,
        log_body.c.key_id,
        log_body.c.sealed,
        log_erased.c.idx.label("erased"),
    )
    .select_from(log_leaf)
    .outerjoin(log_body, log_body.c.idx == log_leaf.c.idx)
    .outerjoin(log_erased, log_erased.c.idx == log_leaf.c.idx)
    .where(log_leaf.c.idx >= bindparam("start"), log_leaf.c.idx < bindparam("end"))
    .order_by(log_leaf.c.idx)
)
_LEAVES: Final = select(log_leaf).order_by(log_leaf.c.idx)
_BODIES: Final = select(log_body).order_by(log_body.c.idx)
_ERASED: Final = select(log_erased).order_by(log_erased.c.idx)
_TILES: Final = select(log_tile.c.level, log_tile.c.n)
# Times that we noted ourselves are no evidence and not read here.
_CHECKPOINTS: Final = select(
    log_checkpoint.c.size, log_checkpoint.c.root, log_checkpoint.c.note
).order_by(log_checkpoint.c.size)
_COSIGNATURES: Final = select(
    log_cosig.c.size,
    log_cosig.c.name,
    log_cosig.c.key_id,
    log_cosig.c.first_line,
    log_cosig.c.last_line,
).order_by(log_cosig.c.size, log_cosig.c.name, log_cosig.c.key_id)
_PEER: Final = select(peer_entry).where(
    peer_entry.c.origin == bindparam("of"), peer_entry.c.c == bindparam("named")
)
_SIGNED: Final = select(func.max(log_checkpoint.c.size))
_NEWEST: Final = select(log_checkpoint).order_by(log_checkpoint.c.size.desc()).limit(1)
_WITNESSED: Final = (
    select(
        log_cosig.c.name,
        func.max(log_cosig.c.size).label("size"),
        func.max(log_cosig.c.last_at).label("last_at"),
    )
    .group_by(log_cosig.c.name)
    .order_by(log_cosig.c.name)
)
_ADD_CHECKPOINT: Final = insert(log_checkpoint)


@dataclass(frozen=True, slots=True)
class Witnessed:
    """How far a witness has followed our log, and when it last said so."""

    name: str
    size: int
    last_at: datetime


@dataclass(frozen=True, slots=True)
class Standing:
    """How the log stands; ``signed_at`` is None before the first checkpoint."""

    origin: str
    size: int
    signed_size: int
    signed_at: datetime | None
    witnessed: tuple[Witnessed, ...]


@dataclass(frozen=True, slots=True)
class PeerEntry:
    """The other side's entry as we keep it.

    ``opening`` is None where it was never shown; ``proof`` is the text that was kept.
    """

    index: int | None
    opening: bytes | None
    proof: str | None


class LogRows:
    """The log's rows inside one unit of work."""

    def __init__(self, work: Work) -> None:
        """Serve one unit."""
        self._work = work
        self._keys = GroupKeys(work)
        self._tree = LogTree(work)

    def signed_size(self) -> int:
        """The size of our newest signed checkpoint, 0 if there is none."""
        row = self._work.row(_SIGNED)
        return 0 if row is None or row[0] is None else int(row[0])

    def standing(self) -> Standing:
        """How far the log is written, signed and witnessed; nothing is verified.

        Raises:
            LogError: The log was never begun.
        """
        head, newest = self._head(), self._work.row(_NEWEST)
        return Standing(
            origin=head.origin,
            size=_whole(head.size),
            signed_size=0 if newest is None else newest.size,
            signed_at=None if newest is None else newest.signed_at,
            witnessed=tuple(
                Witnessed(row.name, row.size, row.last_at)
                for row in self._work.rows(_WITNESSED)
            ),
        )

    def read_back(self, mark: Mark) -> Frontier:
        """Recompute the log from raw bytes, from where the signer's mark stands.

        Opens each body, recomputes its commitment and leaf hash, continues the mark's own
        frontier over them and compares with the stored head: two paths, so that one wrong
        bit is met before it is signed (LR-10, steps 1 to 3).

        Raises:
            LogError: Anything differs; nothing may be signed (LR-12).
        """
        head = self._head()
        if head.origin != mark.origin or head.incarnation != mark.incarnation:
            raise LogError("the log is not the one of its mark")
        stored, found = frontier_of(head), mark.frontier
        if stored.size < found.size:
            raise LogError("the log is smaller than its mark")
        found = found.extend(self._checked(found.size, stored.size))
        if found != stored:
            raise LogError("the head is not what the leaves hash to")
        return found

    def read_back_whole(self) -> Frontier:
        """As ``read_back``, from the first leaf on and against no mark: for a recovery.

        Raises:
            LogError: A leaf, a body or the head is not what it must be.
        """
        head = self._head()
        found = Frontier().extend(self._checked(0, head.size))
        if found != frontier_of(head):
            raise LogError("the head is not what the leaves hash to")
        return found

    def add_checkpoint(self, head: Checkpoint, note: str, at: datetime) -> None:
        """Keep a signed checkpoint, once per size.

        Raises:
            ConflictError: There is one of this size.
        """
        row = {"size": head.size, "root": head.root, "note": note, "signed_at": at}
        self._work.change(_ADD_CHECKPOINT, row)

    def export(
        self,
        log_key: NoteKey,
        *,
        witnesses: tuple[NoteKey, ...] = (),
        mark: Checkpoint | None = None,
        outside: tuple[Checkpoint, ...] = (),
    ) -> LogExport:
        """Everything that ``check_export`` looks at; read page by page in this unit.

        Raises:
            LogError: The log was never begun.
        """
        head = self._head()
        return LogExport(
            log_key=log_key,
            head=HeadRow(_text(head.origin), _whole(head.size), _raw(head.frontier)),
            leaves=(LeafRow(i, _raw(leaf)) for i, leaf in self._work.stream(_LEAVES)),
            bodies=(
                BodyRow(r.idx, _raw(r.event_id), _raw(r.key_id), _raw(r.sealed))
                for r in self._work.stream(_BODIES)
            ),
            checkpoints=(
                CheckpointRow(r.size, _raw(r.root), _text(r.note))
                for r in self._work.stream(_CHECKPOINTS)
            ),
            cosignatures=map(_cosignature, self._work.stream(_COSIGNATURES)),
            erased=(int(r.idx) for r in self._work.stream(_ERASED)),
            tile=self._tile,
            key=self._key,
            witnesses=witnesses,
            mark=mark,
            outside=outside,
            tiles=((_whole(r.level), _whole(r.n)) for r in self._work.stream(_TILES)),
        )

    def peer_entry(self, origin: str, entry: bytes) -> PeerEntry | None:
        """The other side's entry, None if it was never kept or is erased.

        Raises:
            ErasedError: The week key above its group's key is gone.
            SealError: The row was changed or moved.
        """
        row = self._work.row(_PEER, {"of": origin, "named": entry})
        key = None if row is None else self._keys.find(row.key_id)
        if row is None or key is None:
            return None
        shown = row.opening
        if shown is not None:
            shown = open_body(key, peer_entry_id(entry), shown, origin=origin)
        return PeerEntry(row.idx, shown, row.proof)

    def _head(self) -> _Row:
        head = self._work.row(_HEAD)
        if head is None:
            raise LogError("the log was never begun")
        return head

    def _checked(self, start: int, end: int) -> Iterator[bytes]:
        """Leaf hashes of entries whose bodies say what their leaves commit to."""
        index = start
        for row in self._work.stream(_ENTRIES, {"start": start, "end": end}):
            if row.idx != index:
                raise LogError(f"leaf {index} is missing")
            if row.sealed is None and row.erased is None:
                raise LogError(f"body {index} is missing")
            if row.sealed is not None and self._leaf(row) != row.input:
                raise LogError(f"body {index} is not what its leaf commits to")
            yield leaf_hash(row.input)
            index += 1
        if index != end:
            raise LogError(f"leaf {index} is missing")

    def _leaf(self, row: _Row) -> bytes:
        """The leaf input that a body makes, from raw bytes."""
        origin = self._work.log_origin
        try:
            key = self._keys.find(row.key_id)
            if key is None:
                raise LogError(f"the key of body {row.idx} is missing")
            spelled = open_body(key, row.event_id, row.sealed, origin=origin)
        except (SealError, ErasedError) as error:
            raise LogError(f"body {row.idx} does not open") from error
        return leaf_input(commitment(key, row.event_id, spelled))

    def _tile(self, level: int, number: int) -> TileRow | None:
        tile = self._tree.tile(level, number)
        return tile and TileRow(_raw(tile.data), _raw(tile.root))

    def _key(self, key_id: bytes) -> GroupKey | None:
        try:
            return self._keys.find(key_id)
        except ErasedError:
            return None


def _cosignature(row: _Row) -> CosignatureRow:
    return CosignatureRow(
        size=_whole(row.size),
        name=_text(row.name),
        key_id=_raw(row.key_id),
        first_line=_text(row.first_line),
        last_line=_text(row.last_line),
    )


# SQLite keeps a value of any type in any column. One of a wrong type is evidence of
# nothing: an empty value stands for it, which no signature and no hash confirms.


def _raw(value: object) -> bytes:
    return value if isinstance(value, bytes) else b""


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _whole(value: object) -> int:
    return value if isinstance(value, int) else -1
