"""Uploads under way: parts of a container, each sealed under the transfer's future key.

Enters: parts as they were synced to disk. Leaves: how far an upload came, and its parts in
order. Must never happen: a part without its place; an upload that outlives its transfer's
welcome. Implements HO-16, HO-86, HO-87.
"""

import json
from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Final

from sqlalchemy import bindparam, delete, func, insert, or_, select, update

from node.ids import MemberId, TransferId
from node.store.tables import inbound_transfer as _in
from node.store.tables import received_packet as _received
from node.store.tables import upload as _upload
from node.store.work import Work
from node.sync.rows import StoredFile, Upload

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


def upload_place(transfer: str) -> bytes:
    """Where the sealed key of an upload belongs."""
    return f"upload.key\0{transfer}".encode()


def part_names(parts: str) -> list[bytes]:
    """The names of the files in a row's ``parts``."""
    return [bytes.fromhex(name) for name, _ in json.loads(parts)]


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
            "parts": "[]",
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
        parts = tuple(
            StoredFile(bytes.fromhex(name), length)
            for name, length in json.loads(row.parts)
        )
        return Upload(key, row.received, parts)

    def add_part(
        self,
        transfer: TransferId,
        before: Upload,
        *,
        part: StoredFile,
        length: int,
        at: datetime,
    ) -> None:
        """Append a synced part of so many plain bytes. ConflictError if it moved."""
        parts = [*before.parts, part]
        self._work.move(
            _SET,
            {
                "id_": transfer,
                "seen": before.received,
                "received": before.received + length,
                "parts": json.dumps([[p.name.hex(), p.length] for p in parts]),
                "moved_at": at,
            },
        )

    def idle_since(self, before: datetime) -> Sequence[TransferId]:
        """The uploads that have not moved since before this instant."""
        return [TransferId(row[0]) for row in self._work.rows(_IDLE, {"at": before})]

    def unopened_from(self, sender: MemberId, besides: TransferId) -> tuple[int, int]:
        """Bytes of this peer that lie here unopened or are on their way; its uploads."""
        row = self._work.row(_UNOPENED, {"peer": sender, "besides": besides})
        return (int(row[0] or 0), int(row[1] or 0)) if row else (0, 0)

    def drop(self, transfer: TransferId) -> None:
        """Forget an upload; its part files go after the commit."""
        found = self.find(transfer)
        if found is not None:
            for part in found.parts:
                self._work.after_commit(partial(self._work.files.remove, part.name))
        self._work.change(_DROP, {"id_": transfer})
