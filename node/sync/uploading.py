"""A container that arrives in parts: the offset never falls, nothing lies in clear.

Enters: parts of a container whose offer was taken. Leaves: sealed parts in order, at the
end the container as one sealed file. Must never happen: a part acknowledged before it is
synced; two meanings of one offset; a container in memory. Implements handover 10.4; HO-16,
HO-77, HO-86 to HO-88.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

from node.crypto.container import MAX_PRELUDE_BYTES
from node.errors import ConflictError, NotFoundError, SealError
from node.ids import MemberId, TransferId
from node.sync.deposit import Answered, Expected, expectation
from node.sync.limits import UPLOAD_IDLE
from node.sync.office import Office
from node.sync.ports import PacketFiles, UnitOfWork
from node.sync.rows import StoredFile, Upload


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an upload came, of how many bytes."""

    upload: Upload
    expected: Expected

    @property
    def is_complete(self) -> bool:
        """Whether all bytes are there."""
        return self.upload.received == self.expected.packet.len


@dataclass(frozen=True, slots=True)
class Whole:
    """A container put together: one sealed file, and its first bytes in clear."""

    file: StoredFile
    start: bytes


def begin(
    uow: UnitOfWork, office: Office, sender: MemberId, transfer: TransferId
) -> Progress | Answered:
    """Begin, or go on where it stopped: idempotent by (sender, T) (HO-86).

    Nothing begins while the sender's quota or its quorum is not met; see ``expected``.

    Raises:
        NotFoundError: No offer of this sender was taken.
    """
    with uow:
        expected = expectation(uow, office, sender, transfer)
        if isinstance(expected, Answered):
            return expected
        upload = uow.uploads.find(transfer)
        if upload is None:
            key = office.randomness(32)
            upload = Upload(key, 0, ())
            if expected.is_witnessed and not expected.over_quota:
                # One whose week key is gone can never be read again.
                uow.uploads.drop(transfer)
                uow.uploads.start(transfer, key, office.clock.now())
                uow.commit()
    return Progress(upload, expected)


def look(
    uow: UnitOfWork, office: Office, sender: MemberId, transfer: TransferId
) -> Progress | Answered:
    """How far an upload is, before a part of it is read; changes nothing.

    Raises:
        NotFoundError: No offer of this sender was taken, or no upload runs.
    """
    with uow:
        expected = expectation(uow, office, sender, transfer)
        if isinstance(expected, Answered):
            return expected
        upload = uow.uploads.find(transfer)
    if upload is None:
        raise NotFoundError("no upload")
    return Progress(upload, expected)


def add_part(
    uow: UnitOfWork,
    office: Office,
    transfer: TransferId,
    before: Upload,
    *,
    part: StoredFile,
    length: int,
) -> Upload:
    """Acknowledge a part that is sealed and synced.

    Raises:
        ConflictError: Another request has moved the offset.
    """
    now = office.clock.now()
    with uow:
        uow.uploads.add_part(transfer, before, part=part, length=length, at=now)
        uow.commit()
        after = uow.uploads.find(transfer)
    if after is None:
        raise ConflictError("upload is gone")
    return after


def forget(uow: UnitOfWork, transfer: TransferId) -> None:
    """Drop an upload; the transfer is not touched (HO-87, DELETE)."""
    with uow:
        uow.uploads.drop(transfer)
        uow.commit()


def forget_idle(uow: UnitOfWork, office: Office) -> int:
    """Drop what has not moved for 7 days; its sender begins anew (HO-77)."""
    with uow:
        idle = uow.uploads.idle_since(office.clock.now() - UPLOAD_IDLE)
        for transfer in idle:
            uow.uploads.drop(transfer)
        uow.commit()
    return len(idle)


def put_together(
    files: PacketFiles, transfer: TransferId, upload: Upload, digest: bytes
) -> Whole | None:
    """All parts as one sealed file, in one pass; None if it is not this container.

    Raises:
        StoreError: The disk did not take it.
    """
    passing = _Passing(files, transfer, upload)
    try:
        file = files.keep_sealed(upload.key, transfer, iter(passing))
    except (NotFoundError, SealError):
        # HO-87: a part that is gone or damaged; the sender creates the upload anew.
        return None
    if passing.digest != digest:
        files.remove(file.name)
        return None
    return Whole(file, passing.start)


class _Passing:
    """The bytes of all parts, hashed as they pass by, and the first ones kept."""

    def __init__(
        self, files: PacketFiles, transfer: TransferId, upload: Upload
    ) -> None:
        self._chunks = (
            chunk
            for part in upload.parts
            for chunk in files.read_sealed(upload.key, transfer, part.name)
        )
        self._hash = hashlib.sha256()
        self.start = b""

    def __iter__(self) -> Iterator[bytes]:
        for chunk in self._chunks:
            self._hash.update(chunk)
            if len(self.start) < MAX_PRELUDE_BYTES:
                self.start += chunk
            yield chunk

    @property
    def digest(self) -> bytes:
        """SHA-256 of the container so far (HO-88)."""
        return self._hash.digest()
