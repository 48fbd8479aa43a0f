"""A container that arrives in parts: the offset never falls, nothing lies in clear.

Enters: parts of a container whose offer was taken. Leaves: sealed parts in order, at the
end the container as one sealed file. Must never happen: a part acknowledged before it is
synced; two meanings of one offset. Implements handover 10.4; HO-16, HO-86 to HO-88.
"""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from node.errors import ConflictError
from node.ids import MemberId, TransferId
from node.sync.deposit import Answered, Expected, expectation
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


def begin(
    uow: UnitOfWork, office: Office, sender: MemberId, transfer: TransferId
) -> Progress | Answered:
    """Begin, or go on where it stopped: idempotent by (sender, T) (HO-86).

    Raises:
        NotFoundError: No offer of this sender was taken.
    """
    with uow:
        expected = expectation(uow, office, sender, transfer)
        if isinstance(expected, Answered):
            return expected
        upload = uow.uploads.find(transfer)
        if upload is None:
            uow.uploads.start(transfer, office.randomness(32))
            uow.commit()
            upload = uow.uploads.find(transfer)
    assert upload is not None
    return Progress(upload, expected)


def add_part(
    uow: UnitOfWork,
    transfer: TransferId,
    before: Upload,
    part: StoredFile,
    length: int,
) -> Upload:
    """Acknowledge a part that is sealed and synced.

    Raises:
        ConflictError: Another request has moved the offset.
    """
    with uow:
        uow.uploads.add_part(transfer, before, part=part, length=length)
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


def whole(
    files: PacketFiles, transfer: TransferId, upload: Upload
) -> Callable[[], Iterator[bytes]]:
    """The bytes of all parts, opened chunk by chunk, as often as asked."""

    def read() -> Iterator[bytes]:
        for part in upload.parts:
            yield from files.read_sealed(upload.key, transfer, part.name)

    return read


def digest_of(chunks: Iterator[bytes]) -> bytes:
    """SHA-256 of a container that was put together from parts (HO-88)."""
    found = hashlib.sha256()
    for chunk in chunks:
        found.update(chunk)
    return found.digest()
