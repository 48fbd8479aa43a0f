"""A container that arrives in parts: the offset never falls, nothing lies in clear.

Enters: parts of a container whose offer was taken. Leaves: sealed parts in order; with the
last one the container is whole, where it lies. Must never happen: a part acknowledged
before it is synced; two meanings of one offset; a container in memory. Implements handover
10.4; HO-16, HO-77, HO-86 to HO-88.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from node.crypto.container import MAX_PRELUDE_BYTES
from node.errors import ConflictError, NotFoundError, SealError
from node.ids import MemberId, TransferId
from node.sync.courier import Runner
from node.sync.deposit import Answered, Expected, expectation
from node.sync.limits import KIB, UPLOAD_IDLE
from node.sync.office import Office
from node.sync.ports import PacketFiles, UnitOfWork
from node.sync.rows import SealedPart, Upload

_PORTION_BYTES: Final = 256 * KIB


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
            upload = Upload(key, 0)
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
    part: SealedPart,
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


# -- The bytes ---------------------------------------------------------------------------


class Digests:
    """SHA-256 of each container as far as it came; what is forgotten is made anew."""

    def __init__(self, most: int = 256) -> None:
        """Remember those of so many uploads, the newest."""
        self._most = most
        self._known: dict[TransferId, tuple[int, hashlib._Hash]] = {}

    def at(self, transfer: TransferId, received: int) -> "hashlib._Hash | None":
        """Of the first ``received`` bytes, one's own to go on with; None if unknown."""
        if not received:
            return hashlib.sha256()
        length, digest = self._known.get(transfer, (0, None))
        return digest.copy() if digest is not None and length == received else None

    def keep(
        self, transfer: TransferId, received: int, digest: "hashlib._Hash"
    ) -> None:
        """Remember how the first ``received`` bytes hash."""
        self._known.pop(transfer, None)
        self._known[transfer] = received, digest
        while len(self._known) > self._most:
            self._known.pop(next(iter(self._known)), None)

    def forget(self, transfer: TransferId) -> None:
        """The upload is over."""
        self._known.pop(transfer, None)


@dataclass(frozen=True, slots=True)
class Intake:
    """Takes the bytes of uploads: each is sealed and hashed in one pass, and rests."""

    run: Runner
    office: Office
    files: PacketFiles
    digests: Digests

    async def add(self, transfer: TransferId, upload: Upload, body: bytes) -> Upload:
        """Take the next part; it is synced when this returns (HO-87).

        Raises:
            ConflictError: Another request has moved the offset.
            SealError, NotFoundError, StoreError: As ``digest``.
        """
        digest = await self._so_far(transfer, upload)
        part = await self.run.file(
            self.files.keep_sealed,
            upload.key,
            transfer,
            upload.received,
            _hashed(body, digest),
        )
        add = partial(add_part, part=part, length=len(body))
        after = await self.run.write(add, self.office, transfer, upload)
        self.digests.keep(transfer, after.received, digest)
        return after

    async def whole(
        self, transfer: TransferId, upload: Upload, digest: bytes
    ) -> bytes | None:
        """The first bytes of a complete container; None if it is another one (HO-88).

        Raises:
            StoreError: The disk does not give it.
        """
        try:
            found = await self._so_far(transfer, upload)
            if found.digest() != digest:
                return None
            parts = await self.run.read(_parts, transfer)
            return await self.run.file(
                beginning, self.files, transfer, upload.key, parts
            )
        except (NotFoundError, SealError):
            # HO-87: a part that is gone or damaged; the sender creates the upload anew.
            return None
        finally:
            self.digests.forget(transfer)

    async def _so_far(self, transfer: TransferId, upload: Upload) -> "hashlib._Hash":
        """From memory; from the parts where another process, or one before us, took them."""
        found = self.digests.at(transfer, upload.received)
        if found is None:
            parts = await self.run.read(_parts, transfer)
            found = await self.run.file(
                _digest, self.files, transfer, upload.key, parts
            )
        return found


def _parts(uow: UnitOfWork, transfer: TransferId) -> tuple[SealedPart, ...]:
    with uow:
        return uow.uploads.parts(transfer)


def _hashed(body: bytes, digest: "hashlib._Hash") -> Iterator[bytes]:
    """A part in portions, so that sealing copies no whole one; each is hashed first."""
    view = memoryview(body)
    for at in range(0, len(body), _PORTION_BYTES):
        portion = bytes(view[at : at + _PORTION_BYTES])
        digest.update(portion)
        yield portion


def _digest(
    files: PacketFiles, transfer: TransferId, key: bytes, parts: Sequence[SealedPart]
) -> "hashlib._Hash":
    digest = hashlib.sha256()
    for chunk in files.read_sealed(key, transfer, parts):
        digest.update(chunk)
    return digest


def beginning(
    files: PacketFiles, transfer: TransferId, key: bytes, parts: Sequence[SealedPart]
) -> bytes:
    """The first bytes of what arrived, its whole prelude at least.

    Raises:
        SealError, NotFoundError, StoreError: It cannot be read.
    """
    start = b""
    for chunk in files.read_sealed(key, transfer, parts):
        start += chunk
        if len(start) >= MAX_PRELUDE_BYTES:
            break
    return start
