"""Uploads under way: parts of a container, each sealed under the transfer's future key.

Enters: parts as they were synced to disk. Leaves: how far an upload came, and its parts in
order. Must never happen: a part without its place; an upload that outlives its transfer's
welcome. Implements HO-16, HO-86, HO-87.
"""

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Final

from sqlalchemy import bindparam, delete, func, insert, or_, select, update

from node.ids import MemberId, TransferId
from node.store.tables import inbound_transfer as _in
from node.store.tables import received_packet as _received
from node.store.tables import received_part as _part
from node.store.tables import upload as _upload
from node.store.work import Work
from node.sync.rows import SealedPart, Upload

_ADD: Final = insert(_upload)
_GET: Final = (
    select(_upload).where(_upload.c.transfer == bindparam("id_")).with_for_update()
)
_SET: Final = update(_upload).where(
    _upload.c.transfer == bindparam("id_"), _upload.c.received == bindparam("seen")
)
_IDLE: Final = select(_upload.c.transfer).where(_upload.c.moved_at < bindparam("at"))
_UNOPENED: Final = (
    select(func.sum(_in.c.packet_bytes), func.count(_upload.c.transfer))
    .select_from(
        _in.outerjoin(_upload, _upload.c.transfer == _in.c.id).outerjoin(
            _received, _received.c.transfer == _in.c.id
        )
    )
    .where(
        _in.c.sender == bindparam("peer"),
        _in.c.id != bindparam("besides"),
        or_(_upload.c.transfer.is_not(None), _received.c.transfer.is_not(None)),
    )
)
_DROP: Final = delete(_upload).where(_upload.c.transfer == bindparam("id_"))
_ADD_PART: Final = insert(_part)
_PARTS: Final = (
    select(_part.c.start, _part.c.file)
    .where(_part.c.transfer == bindparam("id_"))
    .order_by(_part.c.start)
)
_DROP_PARTS: Final = delete(_part).where(_part.c.transfer == bindparam("id_"))


def upload_place(transfer: str) -> bytes:
    """Where the sealed key of an upload belongs."""
    return f"upload.key\0{transfer}".encode()


def parts_of(work: Work, transfer: TransferId) -> tuple[SealedPart, ...]:
    """The parts of a container that are here, in order."""
    rows = work.rows(_PARTS, {"id_": transfer})
    return tuple(SealedPart(row.start, row.file) for row in rows)


def add_part(work: Work, transfer: TransferId, part: SealedPart) -> None:
    """Name a synced part. ConflictError if there is one at its place."""
    work.change(
        _ADD_PART, {"transfer": transfer, "start": part.start, "file": part.name}
    )


def drop_parts(work: Work, transfer: TransferId) -> None:
    """The names go now, the files after the commit."""
    for part in parts_of(work, transfer):
        work.after_commit(partial(work.files.remove, part.name))
    work.change(_DROP_PARTS, {"id_": transfer})


class SqlUploads:
    """One upload per transfer."""

    def __init__(self, work: Work) -> None:
        self._work = work

    def start(self, transfer: TransferId, key: bytes, at: datetime) -> None:
        """Begin an upload under this transfer key. ConflictError if one runs."""
        row = {
            "transfer": transfer,
            "key": self._work.seal(upload_place(transfer), key),
            "received": 0,
            "moved_at": at,
        }
        self._work.change(_ADD, row)

    def find(self, transfer: TransferId) -> Upload | None:
        """The upload of a transfer, None if none runs or its week key is gone."""
        row = self._work.row(_GET, {"id_": transfer})
        if row is None:
            return None
        key = self._work.unseal(upload_place(transfer), row.key)
        if key is None:
            return None
        return Upload(key, row.received)

    def parts(self, transfer: TransferId) -> tuple[SealedPart, ...]:
        """The parts that are synced, in order."""
        return parts_of(self._work, transfer)

    def add_part(
        self,
        transfer: TransferId,
        before: Upload,
        *,
        part: SealedPart,
        length: int,
        at: datetime,
    ) -> None:
        """Append a synced part of so many plain bytes. ConflictError if it moved."""
        self._work.move(
            _SET,
            {
                "id_": transfer,
                "seen": before.received,
                "received": before.received + length,
                "moved_at": at,
            },
        )
        add_part(self._work, transfer, part)

    def idle_since(self, before: datetime) -> Sequence[TransferId]:
        """The uploads that have not moved since before this instant."""
        return [TransferId(row[0]) for row in self._work.rows(_IDLE, {"at": before})]

    def unopened_from(self, sender: MemberId, besides: TransferId) -> tuple[int, int]:
        """Bytes of this peer that lie here unopened or are on their way; its uploads."""
        row = self._work.row(_UNOPENED, {"peer": sender, "besides": besides})
        return (int(row[0] or 0), int(row[1] or 0)) if row else (0, 0)

    def end(self, transfer: TransferId) -> None:
        """An upload is whole: its parts are the packet from now on."""
        self._work.change(_DROP, {"id_": transfer})

    def drop(self, transfer: TransferId) -> None:
        """Forget an upload, if one runs; its part files go after the commit."""
        if self._work.change(_DROP, {"id_": transfer}):
            drop_parts(self._work, transfer)
