"""Keeping mailboxes for nodes that cannot be called: what a relay does, and nothing more.

Enters: sealed bytes for a member whose sheet names this relay. Leaves: the same bytes to
that member alone, in order of arrival. Must never happen: an item that names its sender, a
byte opened or a receipt given (HO-91); one sender filling a queue for all. Implements
handover 10.5; ADR 0043.
"""

import hashlib
import hmac
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Protocol

from node.errors import ConflictError, NodeError, NotFoundError
from node.ids import MemberId, MessageId
from node.sync.limits import (
    PACKET_BYTES,
    RELAY_BYTES,
    RELAY_ITEM_LIFE_MOST,
    RELAY_ITEMS,
    RELAY_PAGE,
    RELAY_UPLOADS,
)
from node.sync.mailports import Item, Parcel
from node.sync.office import Office
from node.sync.ports import UnitOfWork
from node.sync.rows import StoredFile
from node.trust.mailboxes import keeps_for

UPLOAD_IDLE = timedelta(days=1)


class FullError(NodeError):
    """This sender's quota in this queue is reached, or too many uploads run."""

    code = "quota"
    retryable = True


class ShelfFiles(Protocol):
    """Where items lie on disk, synced on return and named by their bytes there."""

    def keep(self, chunks: Iterator[bytes]) -> StoredFile:
        """Write bytes as they are."""
        ...

    def read(self, name: bytes, start: int = 0) -> Iterator[bytes]:
        """The bytes from a place on, in chunks."""
        ...

    def remove(self, name: bytes) -> None:
        """Remove a file; absent is fine."""
        ...


def tag_of(office: Office, queue: MemberId, sender: MemberId) -> bytes:
    """By what a sender is counted in a queue: a keyed hash, so that no row names it."""
    key = hashlib.sha256(
        b"staffelstab/1 relay quota\0" + office.keyring.tag_key
    ).digest()
    return hmac.digest(key, f"{queue}\0{sender}".encode(), "sha256")


def check_queue(office: Office, url: str, queue: MemberId) -> None:
    """Only for members whose own sheet names this relay is there a queue at all.

    Raises:
        NotFoundError: Not one of them; unknown and foreign look alike.
    """
    if not keeps_for(office.directory(), url, queue):
        raise NotFoundError("queue")


def life(office: Office, expires_at: datetime) -> datetime:
    """How long an item may lie here: as its sender wishes, within 28 days."""
    return min(expires_at, office.clock.now() + RELAY_ITEM_LIFE_MOST)


def keep_item(
    uow: UnitOfWork,
    office: Office,
    parcel: Parcel,
    *,
    file: StoredFile,
    files: ShelfFiles,
) -> bool:
    """Keep what has come in, its file synced; False where the same bytes lie there already.

    Raises:
        FullError: The sender's quota in this queue is reached.
    """
    item = Item(
        queue=parcel.queue,
        n=0,
        id=MessageId.of(office.randomness(16)),
        kind=parcel.kind,
        digest=parcel.digest,
        size=parcel.size,
        file=file.name,
        arrived_at=office.clock.now(),
        expires_at=parcel.expires_at,
    )
    with uow:
        if uow.shelf.find(item.queue, item.digest) is not None:
            uow.after_commit(partial(files.remove, item.file))
            uow.commit()
            return False
        _admit(uow, item.queue, parcel.tag, item.size)
        uow.shelf.add(item)
        uow.shelf.charge(item.queue, parcel.tag, item.size)
        uow.commit()
    return True


def check_room(uow: UnitOfWork, queue: MemberId, tag: bytes, size: int) -> None:
    """Ask before a byte is kept (HO-76).

    Raises:
        FullError: As ``keep_item``.
    """
    with uow:
        _admit(uow, queue, tag, size)


def _admit(uow: UnitOfWork, queue: MemberId, tag: bytes, size: int) -> None:
    used = uow.shelf.used(queue, tag)
    if used.items >= RELAY_ITEMS or used.bytes + size > RELAY_BYTES:
        raise FullError("quota")


def begin_upload(uow: UnitOfWork, office: Office, wanted: Parcel) -> Parcel | None:
    """Begin or go on with a large item (10.4); None where the same bytes lie there already.

    Raises:
        FullError: Quota, or too many uploads at once.
    """
    with uow:
        if uow.shelf.find(wanted.queue, wanted.digest) is not None:
            return None
        found = uow.shelf.parcel_of(wanted.queue, wanted.tag, wanted.digest)
        if found is not None and found.size == wanted.size:
            return found
        _admit(uow, wanted.queue, wanted.tag, wanted.size)
        running = uow.shelf.uploads(wanted.tag)
        if running >= RELAY_UPLOADS or wanted.size > PACKET_BYTES * 32:
            raise FullError("uploads")
        if found is not None:
            raise ConflictError("another length under this digest")
        uow.shelf.start(wanted, office.clock.now())
        uow.commit()
    return wanted


def find_upload(
    uow: UnitOfWork, office: Office, upload: MessageId, sender: MemberId
) -> Parcel:
    """An upload of this sender; anybody else's is absent.

    Raises:
        NotFoundError: None of this sender's.
    """
    with uow:
        found = uow.shelf.parcel(upload)
    if found is None or found.tag != tag_of(office, found.queue, sender):
        raise NotFoundError("upload")
    return found


def add_part(
    uow: UnitOfWork, office: Office, before: Parcel, part: StoredFile, length: int
) -> Parcel:
    """Acknowledge a synced part. ConflictError if another request moved the offset."""
    with uow:
        uow.shelf.add_part(before, part, length, office.clock.now())
        uow.commit()
    parts = (*before.parts, part)
    return replace(before, received=before.received + length, parts=parts)


def end_upload(uow: UnitOfWork, parcel: Parcel, files: ShelfFiles) -> None:
    """Forget an upload and its parts; what it became lies there as an item."""
    with uow:
        uow.shelf.drop(parcel.id)
        for part in parcel.parts:
            uow.after_commit(partial(files.remove, part.name))
        uow.commit()


def page(
    uow: UnitOfWork, office: Office, queue: MemberId, after: int
) -> Sequence[Item]:
    """What lies in a member's own queue behind a place."""
    with uow:
        return uow.shelf.page(queue, after, office.clock.now(), RELAY_PAGE)


def get(uow: UnitOfWork, office: Office, queue: MemberId, item: MessageId) -> Item:
    """One item of a member's own queue.

    Raises:
        NotFoundError: Not there, ended, or another member's: all look alike.
    """
    with uow:
        found = uow.shelf.get(queue, item, office.clock.now())
    if found is None:
        raise NotFoundError("item")
    return found


def remove(
    uow: UnitOfWork,
    office: Office,
    queue: MemberId,
    item: MessageId,
    *,
    files: ShelfFiles,
) -> None:
    """Its owner has it; gone twice is gone."""
    with uow:
        found = uow.shelf.get(queue, item, office.clock.now())
        if found is not None:
            uow.shelf.remove(found)
            uow.after_commit(partial(files.remove, found.file))
            uow.commit()


def end_due(uow: UnitOfWork, office: Office, files: ShelfFiles) -> set[bytes]:
    """Remove what has ended, and uploads that stand still.

    Returns:
        The files that are still named.
    """
    now = office.clock.now()
    with uow:
        for item in uow.shelf.ended(now):
            uow.shelf.remove(item)
            uow.after_commit(partial(files.remove, item.file))
        for parcel in uow.shelf.stale(now - UPLOAD_IDLE):
            uow.shelf.drop(parcel.id)
        named = uow.shelf.named_files()
        uow.commit()
    return named
