"""Sealed bytes on disk, named by the digest of what lies there.

Enters: chunks of sealed bytes. Leaves: a name (SHA-256) and a length, once file and folder
are synced. Must never happen: a name that a row could take up before its bytes are durable
(P1, P18), half a file under a name, plaintext on disk. What a crash leaves behind is a
nameless or unnamed file, which ``sweep`` removes; never a row without its file.
Implements the files of P1, P8, HO-16.
"""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Container, Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from node.crypto.casekey import CaseKey, FieldContext, open_file, seal_file
from node.errors import NotFoundError, StoreError
from node.ids import TransferId
from node.sync.limits import ROOM_BYTES, ROOM_PERCENT
from node.sync.rows import SealedPart, StoredFile

CHUNK_BYTES: Final = 256 * 1024


class SealedFiles:
    """One folder of sealed files; safe for several threads and processes."""

    def __init__(self, folder: Path) -> None:
        """Make the folder and its corner for unfinished files, if they are missing."""
        self._folder = folder
        self._unfinished = folder / "unfinished"
        self._unfinished.mkdir(mode=0o700, parents=True, exist_ok=True)
        sync_folder(folder)

    def keep(self, chunks: Iterable[bytes]) -> StoredFile:
        """Write bytes that are sealed already, as they are.

        Raises:
            StoreError: The disk did not take it; nothing is named.
        """
        with _disk("kept"):
            handle, path = tempfile.mkstemp(dir=self._unfinished)
        unfinished = Path(path)
        try:
            digest, length = hashlib.sha256(), 0
            try:
                for chunk in chunks:
                    digest.update(chunk)
                    length += len(chunk)
                    with _disk("kept"):
                        _write(handle, chunk)
                with _disk("kept"):
                    os.fsync(handle)
            finally:
                os.close(handle)
            name = digest.digest()
            with _disk("kept"):
                # Crash here: an unfinished file, which no row names.
                self._give_name(unfinished, self._path(name))
        finally:
            unfinished.unlink(missing_ok=True)
        return StoredFile(name, length)

    def has_room(self, length: int) -> bool:
        """Whether so many bytes more leave a tenth of the disk free, and 2 GiB."""
        with _disk("measured"):
            usage = shutil.disk_usage(self._folder)
        return usage.free - length >= max(ROOM_BYTES, usage.total * ROOM_PERCENT // 100)

    def read(self, name: bytes, start: int = 0, /) -> Iterator[bytes]:
        """The bytes as they lie there from a place on, in chunks of 256 KiB.

        Raises:
            NotFoundError: No such file.
            StoreError: The disk does not give it.
        """
        path = self._path(name)
        if not path.exists():
            raise NotFoundError("file")
        with _disk("read"), path.open("rb") as file:
            file.seek(start)
            while chunk := file.read(CHUNK_BYTES):
                yield chunk

    def keep_sealed(
        self, key: bytes, transfer: TransferId, start: int, chunks: Iterable[bytes]
    ) -> SealedPart:
        """Seal a part of a container under a transfer key of 32 bytes (HO-16).

        ``start`` is the place of its first byte, where alone it opens.
        """
        sealed = seal_file(CaseKey(key), _place(transfer, start), chunks)
        return SealedPart(start, self.keep(sealed).name)

    def read_sealed(
        self, key: bytes, transfer: TransferId, parts: Iterable[SealedPart]
    ) -> Iterator[bytes]:
        """What arrived, part after part, in authentic portions.

        Raises:
            SealError: Other key, transfer or place, damaged, cut.
            NotFoundError, StoreError: As ``read``.
        """
        for part in parts:
            place = _place(transfer, part.start)
            yield from open_file(CaseKey(key), place, self.read(part.name))

    def remove(self, name: bytes) -> None:
        """Remove a file; absent is fine."""
        self._path(name).unlink(missing_ok=True)

    def present(self) -> datetime:
        """The instant by which this disk dates its files; our own clock may differ."""
        with _disk("dated"), tempfile.NamedTemporaryFile(dir=self._unfinished) as file:
            return datetime.fromtimestamp(os.fstat(file.fileno()).st_mtime, UTC)

    def sweep(self, named: Container[bytes], *, before: datetime) -> int:
        """Remove what no row names; gives the number of files removed.

        Args:
            named: The names in all rows.
            before: Only files older than this instant of ``present``: a younger one may
                belong to a unit that is about to commit.
        """
        removed = 0
        for path in self._folder.glob("*/*"):
            is_named = (
                path.parent != self._unfinished and bytes.fromhex(path.name) in named
            )
            # Race: a file that is just being finished or removed is gone under this name.
            with suppress(FileNotFoundError):
                changed_at = datetime.fromtimestamp(path.stat().st_mtime, UTC)
                if not is_named and changed_at < before:
                    path.unlink()
                    removed += 1
        return removed

    def _give_name(self, unfinished: Path, target: Path) -> None:
        if not target.parent.exists():
            target.parent.mkdir(mode=0o700, exist_ok=True)
            sync_folder(self._folder)
        unfinished.replace(target)
        sync_folder(target.parent)

    def _path(self, name: bytes) -> Path:
        return self._folder / name[:1].hex() / name.hex()


@contextmanager
def _disk(done: str) -> Iterator[None]:
    """Translate what the disk says; an error of the source of the bytes passes."""
    try:
        yield
    except OSError as error:
        raise StoreError(f"file not {done}: errno {error.errno}") from error


def _write(handle: int, chunk: bytes) -> None:
    left = memoryview(chunk)
    while left:
        left = left[os.write(handle, left) :]


def _place(transfer: TransferId, start: int) -> FieldContext:
    return FieldContext("received_part", "file", f"{transfer}/{start}", "", 0)


def sync_folder(folder: Path) -> None:
    """Make new names in a folder durable."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
