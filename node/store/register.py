"""The deletion register: what was destroyed, in a file outside the database.

Enters: the digest of a key that is about to go. Leaves: lines, read back at start. Must
never happen: a destroyed key that yesterday's backup brings back to life unnoticed; so the
line is synced before the row goes. Implements HO-19, P16, SR-K6.

One line has 105 characters: ``share-b``, ``casekey`` or ``log-key``, 32 hex digits of the
transfer, case or group of log entries, 64 of the key's SHA-256. A line that a crash cut
short belongs to a transaction that never committed.
"""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum, unique
from errno import ENOSPC
from pathlib import Path
from typing import Final

from node.errors import LogError, StoreError
from node.store.files import sync_folder

_LINE: Final = re.compile(rb"(share-b|casekey|log-key) ([0-9a-f]{32}) ([0-9a-f]{64})")
_CUT: Final = re.compile(rb"[ -~]{0,104}\0*")


@unique
class Destroyed(StrEnum):
    """What kind of key a line speaks of."""

    SHARE_B = "share-b"
    CASE_KEY = "casekey"
    LOG_KEY = "log-key"


@dataclass(frozen=True, slots=True)
class RegisterLine:
    """One destroyed key: of which transfer, case or group, and the SHA-256 of the key."""

    kind: Destroyed
    id: str
    digest: bytes


class DeletionRegister:
    """An append-only file; what is written is synced before ``append`` returns."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def append(self, *lines: RegisterLine) -> None:
        """Write one line, or several at once.

        Raises:
            StoreError: The disk did not take it; then the key must not go.
        """
        text = "".join(
            f"{line.kind} {line.id} {line.digest.hex()}\n" for line in lines
        ).encode("ascii")
        try:
            is_new = not self._path.exists()
            handle = os.open(self._path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
            try:
                # A crash may have cut the last line short: this one starts afresh.
                size = os.fstat(handle).st_size
                if size and os.pread(handle, 1, size - 1) != b"\n":
                    text = b"\n" + text
                if os.write(handle, text) != len(text):
                    raise OSError(ENOSPC, "short write")
                os.fsync(handle)
            finally:
                os.close(handle)
            if is_new:
                sync_folder(self._path.parent)
        except OSError as error:
            raise StoreError(f"deletion register: errno {error.errno}") from error

    def replay(self) -> Iterator[RegisterLine]:
        """All lines, oldest first; lines cut short by a crash are passed over.

        Raises:
            LogError: The file holds something that we never wrote.
        """
        if not self._path.exists():
            return
        with self._path.open("rb") as file:
            for raw in file:
                text = raw.rstrip(b"\n")
                if match := _LINE.fullmatch(text):
                    kind, key, digest = match.groups()
                    yield RegisterLine(
                        Destroyed(kind.decode()),
                        key.decode(),
                        bytes.fromhex(digest.decode()),
                    )
                elif not _CUT.fullmatch(text):
                    raise LogError("deletion register is damaged")
