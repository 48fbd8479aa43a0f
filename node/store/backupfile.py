"""Backup files on disk: written whole or not at all, read as often as needed.

Enters: chunks of a sealed backup, a folder; or a path and a key. Leaves: a synced file;
or the members of its archive, once its signature was checked. Must never happen: half a
backup under the name of a whole one; plaintext on disk; a key backup that can be brought
back after it was destroyed. Implements the files of SR-R1.
"""

import hashlib
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final, Self

from node import strictjson
from node.crypto.backupbox import SealedBackup, check_backup, open_backup
from node.crypto.keys import OpeningKey, VerifyKey
from node.errors import BackupError, MalformedMessageError, StoreError
from node.report.backups import Kind
from node.store.archive import Member, read_archive
from node.store.files import CHUNK_BYTES, sync_folder

SUFFIX: Final = ".backup"


@dataclass(frozen=True, slots=True)
class Header:
    """What a file says without a key: what it is, of whom, and when it was taken."""

    kind: Kind
    set: str
    member: str
    taken_at: datetime

    def encode(self) -> bytes:
        """The clear part of a file."""
        return strictjson.encode(
            {
                "v": 1,
                "kind": self.kind,
                "set": self.set,
                "member": self.member,
                "taken_at": self.taken_at.isoformat(),
            }
        )

    @classmethod
    def parse(cls, text: bytes) -> Self:
        """Read a header.

        Raises:
            BackupError: Another version.
        """
        try:
            found = strictjson.parse_object(text)
            if found.pop("v") != 1:
                raise BackupError("a backup of another version")
            taken_at = datetime.fromisoformat(found.pop("taken_at"))
            return cls(kind=Kind(found.pop("kind")), taken_at=taken_at, **found)
        except (MalformedMessageError, KeyError, TypeError, ValueError):
            raise BackupError("the header of the backup is damaged") from None

    @property
    def file_name(self) -> str:
        """Under which name the file lies."""
        return f"{self.kind}-{self.set}{SUFFIX}"


@dataclass(frozen=True, slots=True)
class Readable:
    """A file whose signature holds, and the key that opens it."""

    header: Header
    digest: bytes
    _path: Path
    _sealed: SealedBackup
    _key: OpeningKey

    def members(self) -> Iterator[Member]:
        """The members of its archive; each call reads the file once more."""
        chunks = open_backup(self._sealed, self._key, lambda: _read(self._path))
        return read_archive(chunks)


def open_file(path: Path, key: OpeningKey, signer: VerifyKey) -> Readable:
    """Check a whole file before anything of it is used.

    Raises:
        BackupError: Not readable, not a backup, damaged, or signed by another node.
    """
    sealed = check_backup(lambda: _read(path), signer)
    header = Header.parse(sealed.header)
    return Readable(header, sealed.digest, path, sealed, key)


def keep_file(folder: Path, name: str, chunks: Iterable[bytes]) -> tuple[Path, bytes]:
    """Write a file, synced, under its name only once it is whole.

    Returns:
        Its path and the SHA-256 of its bytes.

    Raises:
        StoreError: The disk did not take it; nothing has the name.
    """
    target = folder / name
    unfinished = target.with_suffix(".unfinished")
    digest = hashlib.sha256()
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            with os.fdopen(handle, "wb") as file:
                for chunk in chunks:
                    digest.update(chunk)
                    file.write(chunk)
                file.flush()
                os.fsync(file.fileno())
            # Crash here: an unfinished file, which nobody reads.
            unfinished.replace(target)
        finally:
            unfinished.unlink(missing_ok=True)
        sync_folder(folder)
    except OSError as error:
        raise StoreError(f"backup not kept: errno {error.errno}") from error
    return target, digest.digest()


def digest_of(path: Path) -> bytes | None:
    """SHA-256 of a file, None if it is not there."""
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while chunk := file.read(CHUNK_BYTES):
                digest.update(chunk)
    except OSError:
        return None
    return digest.digest()


def destroy_file(path: Path) -> None:
    """Overwrite the part with the keys, then remove; absent is fine.

    Raises:
        StoreError: The disk refuses; the file is still there.
    """
    try:
        if path.exists():
            with path.open("r+b") as file:
                # Without prelude no reader's key leads to the stream any more.
                file.write(bytes(min(path.stat().st_size, CHUNK_BYTES)))
                file.flush()
                os.fsync(file.fileno())
            path.unlink()
            sync_folder(path.parent)
    except OSError as error:
        raise StoreError(f"backup not destroyed: errno {error.errno}") from error


def _read(path: Path) -> Iterator[bytes]:
    try:
        with path.open("rb") as file:
            while chunk := file.read(CHUNK_BYTES):
                yield chunk
    except OSError as error:
        raise BackupError(f"the file cannot be read: errno {error.errno}") from None
