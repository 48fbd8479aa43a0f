"""Week keys: a folder outside the database, and what is wrapped by them.

Enters: the master key, names of weeks like ``2026-W07``, keys to wrap. Leaves: week keys,
wrapped keys for rows. Must never happen: a week key inside the database or in clear on
disk; a key that says it is of another week. A case key lies in the database wrapped by a
week key that does not, so erasing old week keys closes old backups (SR-K5).
Implements SR-K1, SR-K5 (the keys) and LR-3. When to make and
erase one is the worker's; ``upkeep`` wraps anew.
"""

import os
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Final

from node.crypto.casekey import CaseKey, WrapKey, wrapped_week
from node.crypto.keyfile import lock_keyring, unlock_keyring
from node.crypto.keys import Randomness
from node.errors import ConfigError, ErasedError, StoreError, UsageError
from node.store.files import sync_folder
from node.store.work import Work

_SUFFIX: Final = ".weekkey"
_KEY_BYTES: Final = 32


def week_of(day: date) -> str:
    """The name of the week of a day (ISO 8601); names sort by time."""
    year, week, _ = day.isocalendar()
    return f"{year:04}-W{week:02}"


class WeekKeys:
    """The week keys of one node, one locked file each; safe for several threads."""

    def __init__(self, folder: Path, master_key: bytes) -> None:
        """Open the folder, or make it.

        Args:
            folder: Outside the database and outside content backups.
            master_key: 32 bytes.

        Raises:
            ConfigError: A key does not open with this master key.
        """
        self._folder = folder
        self._master_key = master_key
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._keys = {week: self._read(week) for week in self._listed()}

    @property
    def newest(self) -> WrapKey:
        """The key that wraps what is written now.

        Raises:
            ConfigError: There is none yet; ``init`` makes the first.
        """
        try:
            return self._keys[max(self._keys)]
        except ValueError:
            raise ConfigError("there is no week key; run init") from None

    @property
    def weeks(self) -> tuple[str, ...]:
        """Names of all week keys, oldest first."""
        return tuple(sorted(self._keys))

    def get(self, week: str) -> WrapKey | None:
        """A key by the name of its week, None once it is erased."""
        found = self._keys.get(week)
        if found is None and week in self._listed():
            # Another process of this node has made it.
            found = self._keys[week] = self._read(week)
        return found

    def make(self, week: str, randomness: Randomness) -> WrapKey:
        """Make the key of a week and sync it to disk; the one that is there stays.

        Raises:
            StoreError: The disk did not take it.
        """
        if (found := self.get(week)) is not None:
            return found
        key = WrapKey(week, randomness(_KEY_BYTES))
        locked = lock_keyring(_spell(key), self._master_key, randomness)
        path = self._path(week)
        unfinished = path.with_suffix(".unfinished")
        try:
            handle = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(handle, "wb") as file:
                file.write(locked)
                file.flush()
                os.fsync(file.fileno())
            # Crash here: an unfinished file, which nobody reads.
            unfinished.replace(path)
            sync_folder(self._folder)
        except OSError as error:
            raise StoreError(f"week key not kept: errno {error.errno}") from error
        self._keys[week] = key
        return key

    def erase(self, week: str) -> None:
        """Destroy the key of a week: what is still wrapped by it never opens again.

        Raises:
            UsageError: It is the newest one.
        """
        if week == self.newest.week:
            raise UsageError("the newest week key stays")
        self._keys.pop(week, None)
        path = self._path(week)
        if path.exists():
            with path.open("r+b") as file:
                file.write(bytes(path.stat().st_size))
                file.flush()
                os.fsync(file.fileno())
            path.unlink()
            sync_folder(self._folder)

    def _listed(self) -> Iterable[str]:
        return {path.stem for path in self._folder.glob(f"*{_SUFFIX}")}

    def _read(self, week: str) -> WrapKey:
        plain = unlock_keyring(self._path(week).read_bytes(), self._master_key)
        key = WrapKey(week, plain[-_KEY_BYTES:])
        if plain != _spell(key):
            raise ConfigError("a week key lies under the name of another week")
        return key

    def _path(self, week: str) -> Path:
        return self._folder / f"{week}{_SUFFIX}"


def _spell(key: WrapKey) -> bytes:
    """The week stands before the key, so that a renamed file is noticed."""
    return f"week {key.week} ".encode("ascii") + key.raw


def wrap(work: Work, key: bytes, place: bytes) -> bytes:
    """Wrap a key of 32 bytes by the newest week key, for one row."""
    return CaseKey(key).wrap(work.week_keys.newest, place, work.randomness)


def unwrap(work: Work, wrapped: bytes | None, place: bytes) -> bytes:
    """The key of a row.

    Raises:
        ErasedError: The key was destroyed, or the week key above it.
        SealError: It belongs to another row, or is damaged.
    """
    week_key = None if wrapped is None else work.week_keys.get(wrapped_week(wrapped))
    if wrapped is None or week_key is None:
        raise ErasedError("the key was destroyed")
    return CaseKey.unwrap(week_key, place, wrapped).raw
