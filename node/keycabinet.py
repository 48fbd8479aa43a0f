"""The node's private keys on disk: read by every process, rewritten by one at a time.

Enters: the path of the key file and the master key. Leaves: the keyring in force, whoever
wrote it last. Must never happen: half a key file after a power cut; a change lost because
two processes wrote; a key that was erased still standing in the bytes of the former file.
Implements handover 12.1 (rotation), SR-K3.

Who writes: ``founding`` once, then only ``KeyCabinet.change``, under a lock of the
operating system beside the file. Readers look at the file's identity and read it again
when it is another one.
"""

import fcntl
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Final

from node.crypto.keyfile import lock_keyring, unlock_keyring
from node.crypto.keys import Keyring, Randomness
from node.errors import ConfigError

_Identity = tuple[int, int, int]
_ATTEMPTS: Final = 3


class KeyCabinet:
    """One key file; calling it gives the keyring in force."""

    def __init__(self, path: Path, master: bytes, randomness: Randomness) -> None:
        """Take the file and what opens it.

        Raises:
            ConfigError: Missing, or it does not open under this master key.
        """
        self._path = path
        self._spelled = str(path)
        self._master = master
        self._randomness = randomness
        self._lock = Lock()
        self._identity, self._ring = self._read()

    def __call__(self) -> Keyring:
        """The keyring in force.

        Raises:
            ConfigError: The file is gone or damaged.
        """
        with self._lock:
            if self._identity != self._look():
                self._identity, self._ring = self._read()
            return self._ring

    def change(self, decide: Callable[[Keyring], Keyring]) -> Keyring:
        """Write the keyring that ``decide`` makes of the one in force, whole or not at all.

        The former file is overwritten before its space is given back, so that a key that
        was taken out is not found on the disk afterwards.

        Raises:
            ConfigError: The file cannot be read or written.
        """
        with self._alone():
            before = self._read()[1]
            after = decide(before)
            if after != before:
                self._write(after)
        return self()

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Nobody else changes the file meanwhile, in this process or another."""
        handle = os.open(f"{self._path}.lock", os.O_CREAT | os.O_RDWR, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)

    def _look(self) -> _Identity:
        try:
            found = os.stat(self._spelled)  # noqa: PTH116 - dozens of times in a handover
        except OSError as error:
            raise ConfigError(f"key file is missing: errno {error.errno}") from None
        return found.st_ino, found.st_mtime_ns, found.st_size

    def _read(self) -> tuple[_Identity, Keyring]:
        # Race: a writer may replace the file, and wipe the former one, while we read it.
        for attempt in range(_ATTEMPTS):
            identity = self._look()
            try:
                locked = self._path.read_bytes()
                return identity, Keyring.decode(unlock_keyring(locked, self._master))
            except OSError as error:
                raise ConfigError(f"key file: errno {error.errno}") from None
            except ConfigError:
                if attempt + 1 == _ATTEMPTS or identity == self._look():
                    raise
        raise ConfigError("key file changes all the time")

    def _write(self, ring: Keyring) -> None:
        locked = lock_keyring(ring.encode(), self._master, self._randomness)
        handle, name = tempfile.mkstemp(dir=self._path.parent, prefix=".keys-")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(locked)
                file.flush()
                os.fsync(file.fileno())
            with self._path.open("r+b") as former:
                # Crash here: the former file is in force, whole; the new one has no name
                # that anybody reads.
                Path(name).replace(self._path)
                _sync_folder(self._path.parent)
                former.write(bytes(os.fstat(former.fileno()).st_size))
                former.flush()
                os.fsync(former.fileno())
        except OSError as error:
            Path(name).unlink(missing_ok=True)
            raise ConfigError(f"key file: errno {error.errno}") from None


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
