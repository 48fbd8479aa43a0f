"""Logs of ours that ended: their rows under their origins, and the head that went on.

Enters: the present log when ``recover --new-log`` ends it. Leaves: the same rows, to be
proven and checked as before. Must never happen: a row that is gone before its copy is
there (one transaction); a log that ended and takes another leaf. Implements LR-26, LR-28.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import bindparam, delete, insert, literal, select

from node.crypto.checkpoint import Checkpoint, NoteKey
from node.crypto.commit import GroupKey
from node.errors import ErasedError, LogError
from node.exchangelog.export import (
    BodyRow,
    CheckpointRow,
    CosignatureRow,
    HeadRow,
    LeafRow,
    LogExport,
    TileRow,
)
from node.store.groupkeys import GroupKeys
from node.store.logtables import (
    log_body,
    log_checkpoint,
    log_cosig,
    log_erased,
    log_head,
    log_leaf,
    log_tile,
)
from node.store.pasttables import (
    past_body,
    past_checkpoint,
    past_cosig,
    past_erased,
    past_leaf,
    past_log,
    past_tile,
)
from node.store.work import Work

_HEAD: Final = select(log_head)
_LOGS: Final = select(past_log).order_by(past_log.c.ended_at)
_LOG: Final = select(past_log).where(past_log.c.origin == bindparam("of"))
_END: Final = insert(past_log)
_MOVES: Final = (
    (log_leaf, past_leaf),
    (log_body, past_body),
    (log_tile, past_tile),
    (log_checkpoint, past_checkpoint),
    (log_cosig, past_cosig),
    (log_erased, past_erased),
)
# Whatever names another goes before it.
_GOES: Final = (log_cosig, log_checkpoint, log_erased, log_body, log_tile, log_leaf)
_LEAVES: Final = (
    select(past_leaf)
    .where(past_leaf.c.origin == bindparam("of"))
    .order_by(past_leaf.c.idx)
)
_BODIES: Final = (
    select(past_body)
    .where(past_body.c.origin == bindparam("of"))
    .order_by(past_body.c.idx)
)
_CHECKPOINTS: Final = (
    select(past_checkpoint)
    .where(past_checkpoint.c.origin == bindparam("of"))
    .order_by(past_checkpoint.c.size)
)
_COSIGNATURES: Final = (
    select(past_cosig)
    .where(past_cosig.c.origin == bindparam("of"))
    .order_by(past_cosig.c.size, past_cosig.c.name, past_cosig.c.key_id)
)
_ERASED: Final = (
    select(past_erased.c.idx)
    .where(past_erased.c.origin == bindparam("of"))
    .order_by(past_erased.c.idx)
)
_TILE: Final = select(past_tile.c.data, past_tile.c.root).where(
    past_tile.c.origin == bindparam("of"),
    past_tile.c.level == bindparam("at"),
    past_tile.c.n == bindparam("number"),
)


class PastLogs:
    """Our former logs inside one unit of work."""

    def __init__(self, work: Work) -> None:
        """Serve one unit."""
        self._work = work

    def origins(self) -> Sequence[str]:
        """Origins of our logs that ended, oldest first."""
        return [row.origin for row in self._work.rows(_LOGS)]

    def continued(self) -> Checkpoint | None:
        """The head that our present log continues, None if it is the first one."""
        rows = self._work.rows(_LOGS)
        if not rows:
            return None
        last = rows[-1]
        return Checkpoint(
            last.continued_origin, last.continued_size, last.continued_root
        )

    def end(self, continued: Checkpoint, at: datetime) -> None:
        """Move the present log here; its head row stays, for the next one to begin.

        Raises:
            LogError: There is no log.
        """
        head = self._work.row(_HEAD)
        if head is None:
            raise LogError("this log was never begun here")
        self._work.change(
            _END,
            {
                "origin": head.origin,
                "size": head.size,
                "frontier": head.frontier,
                "incarnation": head.incarnation,
                "continued_origin": continued.origin,
                "continued_size": continued.size,
                "continued_root": continued.root,
                "ended_at": at,
            },
        )
        for live, past in _MOVES:
            names = [column.name for column in live.c]
            rows = select(literal(head.origin), *(live.c[name] for name in names))
            self._work.change(insert(past).from_select(["origin", *names], rows))
        with self._work.unguarded([table.name for table in _GOES]):
            for table in _GOES:
                self._work.change(delete(table))

    def export(
        self, log_key: NoteKey, *, witnesses: tuple[NoteKey, ...] = ()
    ) -> LogExport:
        """A former log for ``check_export``, under its own name.

        Raises:
            LogError: There is none of this name.
        """
        of = {"of": log_key.name}
        head = self._work.row(_LOG, of)
        if head is None:
            raise LogError("no such former log")
        stream = self._work.stream
        return LogExport(
            log_key=log_key,
            head=HeadRow(head.origin, head.size, head.frontier),
            leaves=(LeafRow(r.idx, r.input) for r in stream(_LEAVES, of)),
            bodies=(
                BodyRow(r.idx, r.event_id, r.key_id, r.sealed)
                for r in stream(_BODIES, of)
            ),
            checkpoints=(
                CheckpointRow(r.size, r.root, r.note) for r in stream(_CHECKPOINTS, of)
            ),
            cosignatures=(
                CosignatureRow(r.size, r.name, r.key_id, r.first_line, r.last_line)
                for r in stream(_COSIGNATURES, of)
            ),
            erased=(int(r.idx) for r in stream(_ERASED, of)),
            tile=lambda level, n: self._tile(log_key.name, level, n),
            key=self._key,
            witnesses=witnesses,
        )

    def _tile(self, origin: str, level: int, number: int) -> TileRow | None:
        row = self._work.row(_TILE, {"of": origin, "at": level, "number": number})
        return None if row is None else TileRow(row.data, row.root)

    def _key(self, key_id: bytes) -> GroupKey | None:
        try:
            return GroupKeys(self._work).find(key_id)
        except ErasedError:
            return None
