"""Uploads under way: parts of a container, each sealed under the transfer's future key.

Enters: parts as they were synced to disk. Leaves: how far an upload came, and its parts in
order. Must never happen: a part without its place; an upload that outlives its transfer's
welcome. Implements HO-16, HO-86, HO-87.
"""

import json
from functools import partial
from typing import Final

from sqlalchemy import bindparam, delete, insert, select, update

from node.ids import TransferId
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

    def start(self, transfer: TransferId, key: bytes) -> None:
        """Begin an upload under this transfer key. ConflictError if one runs."""
        row = {
            "transfer": transfer,
            "key": self._work.seal(upload_place(transfer), key),
            "received": 0,
            "parts": "[]",
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
        self, transfer: TransferId, before: Upload, *, part: StoredFile, length: int
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
            },
        )

    def drop(self, transfer: TransferId) -> None:
        """Forget an upload; its part files go after the commit."""
        found = self.find(transfer)
        if found is not None:
            for part in found.parts:
                self._work.after_commit(partial(self._work.files.remove, part.name))
        self._work.change(_DROP, {"id_": transfer})
