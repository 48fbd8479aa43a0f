"""The relay's shelf: items in order of arrival, uploads under way, quotas.

Enters: items whose files are synced. Leaves: pages of a queue. Must never happen: one number
given twice; a sender beside an item. Implements ``Shelf``; HO-91, ADR 0043.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Row, bindparam, case, delete, func, insert, select, update

# SQLite speaks the same ON CONFLICT.
from sqlalchemy.dialects.postgresql import Insert
from sqlalchemy.dialects.postgresql import insert as upsert

from node.ids import MemberId, MessageId
from node.store.relaytables import relay_item as _item
from node.store.relaytables import relay_queue as _queue
from node.store.relaytables import relay_quota as _quota
from node.store.relaytables import relay_upload as _upload
from node.store.work import Work
from node.sync.mailports import Item, Parcel, Used
from node.sync.rows import StoredFile

_OF_QUEUE: Final = _item.c.queue == bindparam("of")
_ALIVE: Final = _item.c.expires_at > bindparam("now")
_FIND: Final = select(_item).where(_OF_QUEUE, _item.c.digest == bindparam("named"))
_GET: Final = select(_item).where(_OF_QUEUE, _item.c.id == bindparam("id_"), _ALIVE)
_PAGE: Final = (
    select(_item)
    .where(_OF_QUEUE, _item.c.n > bindparam("past"), _ALIVE)
    .order_by(_item.c.n)
    .limit(bindparam("most"))
)
_ADD: Final = insert(_item)
_REMOVE: Final = delete(_item).where(_OF_QUEUE, _item.c.n == bindparam("place"))
_ENDED: Final = select(_item).where(_item.c.expires_at <= bindparam("now"))
_LAST: Final = select(_queue.c.last).where(_queue.c.member == bindparam("of"))
_HELD: Final = select(
    func.count(), func.coalesce(func.sum(_item.c.size), 0).label("size")
).where(_OF_QUEUE)

_USED: Final = select(_quota).where(
    _quota.c.queue == bindparam("of"), _quota.c.tag == bindparam("by")
)
# No counter may exceed what lies in the queue altogether.
_RELAX: Final = (
    update(_quota)
    .where(_quota.c.queue == bindparam("of"))
    .values(
        pieces=case(
            (_quota.c.pieces > bindparam("held"), bindparam("held")),
            else_=_quota.c.pieces,
        ),
        size=case(
            (_quota.c.size > bindparam("weight"), bindparam("weight")),
            else_=_quota.c.size,
        ),
    )
)
_FORGET: Final = delete(_quota).where(
    _quota.c.queue == bindparam("of"), _quota.c.pieces <= 0
)

_START: Final = insert(_upload)
_PARCEL: Final = (
    select(_upload).where(_upload.c.id == bindparam("id_")).with_for_update()
)
_PARCEL_OF: Final = (
    select(_upload)
    .where(
        _upload.c.queue == bindparam("of"),
        _upload.c.tag == bindparam("by"),
        _upload.c.digest == bindparam("named"),
    )
    .with_for_update()
)
_RUNNING: Final = (
    select(func.count()).select_from(_upload).where(_upload.c.tag == bindparam("by"))
)
_MOVE: Final = update(_upload).where(
    _upload.c.id == bindparam("id_"), _upload.c.received == bindparam("seen")
)
_DROP: Final = delete(_upload).where(_upload.c.id == bindparam("id_"))
_STALE: Final = select(_upload).where(_upload.c.moved_at < bindparam("past"))
_FILES: Final = select(_item.c.file)
_PARTS: Final = select(_upload.c.parts)


def _number() -> Insert:
    new = upsert(_queue).values(last=1)
    return new.on_conflict_do_update(
        index_elements=["member"], set_={"last": _queue.c.last + 1}
    )


def _charge() -> Insert:
    new = upsert(_quota)
    return new.on_conflict_do_update(
        index_elements=["queue", "tag"],
        set_={
            "pieces": _quota.c.pieces + new.excluded.pieces,
            "size": _quota.c.size + new.excluded.size,
        },
    )


_NUMBER: Final = _number()
_CHARGE: Final = _charge()


class SqlShelf:
    """Queues, uploads and quotas."""

    def __init__(self, work: Work) -> None:
        self._work = work

    def find(self, queue: MemberId, digest: bytes) -> Item | None:
        """The item with these bytes, so that nothing lies there twice."""
        row = self._work.row(_FIND, {"of": queue, "named": digest})
        return None if row is None else _to_item(row)

    def get(self, queue: MemberId, item: MessageId, now: datetime) -> Item | None:
        """One item of this queue that has not ended."""
        row = self._work.row(_GET, {"of": queue, "id_": item, "now": now})
        return None if row is None else _to_item(row)

    def page(
        self, queue: MemberId, after: int, now: datetime, limit: int
    ) -> Sequence[Item]:
        """What arrived after a place, in order of arrival."""
        place = {"of": queue, "past": after, "now": now, "most": limit}
        return [_to_item(row) for row in self._work.rows(_PAGE, place)]

    def add(self, item: Item) -> None:
        """Put an item at the end of its queue; the number is given under its lock."""
        self._work.change(_NUMBER, {"member": item.queue})
        row = self._work.row(_LAST, {"of": item.queue})
        assert row is not None
        self._work.change(_ADD, {**asdict(item), "n": row.last})

    def remove(self, item: Item) -> None:
        """Take an item out, and let the quotas of its queue follow."""
        self._work.change(_REMOVE, {"of": item.queue, "place": item.n})
        held = self._work.row(_HELD, {"of": item.queue})
        assert held is not None
        # PostgreSQL sums integers to a decimal.
        left = {"of": item.queue, "held": int(held[0]), "weight": int(held[1])}
        self._work.change(_RELAX, left)
        self._work.change(_FORGET, {"of": item.queue})

    def used(self, queue: MemberId, tag: bytes) -> Used:
        """What counts against one sender's quota in one queue."""
        row = self._work.row(_USED, {"of": queue, "by": tag})
        return Used(0, 0) if row is None else Used(row.pieces, row.size)

    def charge(self, queue: MemberId, tag: bytes, size: int) -> None:
        """Count one item more."""
        row = {"queue": queue, "tag": tag, "pieces": 1, "size": size}
        self._work.change(_CHARGE, row)

    def uploads(self, tag: bytes) -> int:
        """How many uploads of one sender run."""
        row = self._work.row(_RUNNING, {"by": tag})
        return 0 if row is None else int(row[0])

    def start(self, parcel: Parcel, at: datetime) -> None:
        """Begin an upload. ConflictError if it runs."""
        row = {**_plain(parcel), "moved_at": at}
        self._work.change(_START, row)

    def parcel(self, upload: MessageId) -> Parcel | None:
        """An upload under way, locked."""
        row = self._work.row(_PARCEL, {"id_": upload})
        return None if row is None else _to_parcel(row)

    def parcel_of(self, queue: MemberId, tag: bytes, digest: bytes) -> Parcel | None:
        """The same by what it will be."""
        place = {"of": queue, "by": tag, "named": digest}
        row = self._work.row(_PARCEL_OF, place)
        return None if row is None else _to_parcel(row)

    def add_part(
        self, before: Parcel, part: StoredFile, length: int, at: datetime
    ) -> None:
        """Append a synced part. ConflictError if it moved."""
        self._work.move(
            _MOVE,
            {
                "id_": before.id,
                "seen": before.received,
                "received": before.received + length,
                "parts": _spell((*before.parts, part)),
                "moved_at": at,
            },
        )

    def drop(self, upload: MessageId) -> None:
        """Forget an upload."""
        self._work.change(_DROP, {"id_": upload})

    def ended(self, now: datetime) -> Sequence[Item]:
        """Items whose time is over."""
        return [_to_item(row) for row in self._work.rows(_ENDED, {"now": now})]

    def stale(self, before: datetime) -> Sequence[Parcel]:
        """Uploads that have not moved since."""
        return [_to_parcel(row) for row in self._work.rows(_STALE, {"past": before})]

    def named_files(self) -> set[bytes]:
        """All files that a row names."""
        found = {row.file for row in self._work.rows(_FILES)}
        for row in self._work.rows(_PARTS):
            found |= {part.name for part in _read(row.parts)}
        return found


def _to_item(row: Row[*tuple[Any, ...]]) -> Item:
    return Item(
        queue=MemberId(row.queue),
        n=row.n,
        id=MessageId(row.id),
        kind=row.kind,
        digest=row.digest,
        size=row.size,
        file=row.file,
        arrived_at=row.arrived_at,
        expires_at=row.expires_at,
    )


def _to_parcel(row: Row[*tuple[Any, ...]]) -> Parcel:
    return Parcel(
        id=MessageId(row.id),
        queue=MemberId(row.queue),
        tag=row.tag,
        kind=row.kind,
        digest=row.digest,
        size=row.size,
        received=row.received,
        parts=_read(row.parts),
        expires_at=row.expires_at,
    )


def _plain(parcel: Parcel) -> dict[str, Any]:
    return {
        "id": parcel.id,
        "queue": parcel.queue,
        "tag": parcel.tag,
        "kind": parcel.kind,
        "digest": parcel.digest,
        "size": parcel.size,
        "received": parcel.received,
        "parts": _spell(parcel.parts),
        "expires_at": parcel.expires_at,
    }


def _spell(parts: Sequence[StoredFile]) -> str:
    return json.dumps([[part.name.hex(), part.length] for part in parts])


def _read(parts: str) -> tuple[StoredFile, ...]:
    return tuple(StoredFile(bytes.fromhex(n), size) for n, size in json.loads(parts))
