"""Week keys: a folder outside the database, and what is wrapped by them.

Enters: the master key, names of weeks like ``2026-W07``, keys to wrap. Leaves: week keys,
wrapped keys for rows. Must never happen: a week key inside the database or in clear on
disk; a key that says it is of another week. A case key lies in the database wrapped by a
week key that does not, so erasing old week keys closes old backups (SR-K5).
Implements SR-K1, SR-K5 (the keys) and LR-3. When to make, use and
erase one is ``weekturn``'s; ``upkeep`` wraps anew.

The file ``turns`` has one line per key that was put in use: its name and the instant. The
last line's key wraps what is written now; a younger key in the folder waits for its backup.
Before the first turn there is no such file, and the youngest key is in use.
"""

import os
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Final

from node.crypto.casekey import CaseKey, WrapKey, wrapped_week
from node.crypto.keyfile import lock_keyring, unlock_keyring
from node.crypto.keys import Randomness
from node.errors import ConfigError, ErasedError, StoreError, UsageError
from node.store.files import sync_folder
from node.store.work import Work

_SUFFIX: Final = ".weekkey"
_TURNS: Final = "turns"
_MOST_EXTRA: Final = 99
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
        self._seen: tuple[int, int] | None = None
        self._read_turns: list[tuple[str, datetime]] = []

    @property
    def newest(self) -> WrapKey:
        """The key that wraps what is written now.

        Raises:
            ConfigError: There is none yet; ``init`` makes the first.
        """
        turns = self._turns()
        week = turns[-1][0] if turns else max(self._keys, default="")
        found = self.get(week) if week else None
        if found is None:
            raise ConfigError("there is no week key in use; run init")
        return found

    @property
    def weeks(self) -> tuple[str, ...]:
        """Names of all week keys, oldest first."""
        return tuple(sorted(self._listed()))

    @property
    def last(self) -> str:
        """The name of the youngest key, in use or not."""
        return max(self._listed())

    @property
    def waiting(self) -> str | None:
        """A key that is younger than the one in use, None if there is none."""
        return self.last if self.last > self.newest.week else None

    def get(self, week: str) -> WrapKey | None:
        """A key by the name of its week, None once it is erased, by whichever process."""
        # Asked some fifty times in a handover, so without an object for the path.
        if not os.path.exists(f"{self._folder}/{week}{_SUFFIX}"):  # noqa: PTH110
            self._keys.pop(week, None)
            return None
        found = self._keys.get(week)
        if found is None:
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
        self._write(self._path(week), locked)
        self._keys[week] = key
        return key

    def make_aside(self, week: str, randomness: Randomness) -> WrapKey:
        """Make a key that waits: the one in use stays in use until ``use``."""
        if not self._turns():
            began = datetime.fromtimestamp(0, UTC)
            self._write_turns([(self.newest.week, began)])
        return self.make(week, randomness)

    def use(self, week: str, at: datetime) -> None:
        """From now on this key wraps; the one before counts as replaced.

        Raises:
            UsageError: There is no such key, or it is older than the one in use.
        """
        turns = self._turns()
        if self.get(week) is None or (turns and week < turns[-1][0]):
            raise UsageError("a week key that is absent or older cannot be used")
        if not turns or turns[-1][0] != week:
            self._write_turns([*turns, (week, at)])

    def replaced_before(self, at: datetime) -> tuple[str, ...]:
        """Keys that another one replaced before an instant, oldest first."""
        began = [week for week, instant in self._turns() if instant <= at]
        return tuple(week for week in self.weeks if week < max(began, default=""))

    def name_after(self, week: str) -> str:
        """A name that sorts after every key of this week: ``2026-W07.01``.

        Raises:
            UsageError: A hundred keys were made this week.
        """
        for extra in range(1, _MOST_EXTRA + 1):
            name = f"{week}.{extra:02}"
            if name > self.last:
                return name
        raise UsageError("too many week keys in one week")

    def erase(self, week: str) -> None:
        """Destroy the key of a week: what is still wrapped by it never opens again.

        Raises:
            UsageError: It is the one in use.
        """
        if week == self.newest.week:
            raise UsageError("the week key in use stays")
        self._keys.pop(week, None)
        path = self._path(week)
        if path.exists():
            with path.open("r+b") as file:
                file.write(bytes(path.stat().st_size))
                file.flush()
                os.fsync(file.fileno())
            path.unlink()
            sync_folder(self._folder)

    def _turns(self) -> list[tuple[str, datetime]]:
        """When each key was put in use, oldest first; read anew when the file changes."""
        path = self._folder / _TURNS
        try:
            seen = path.stat()
        except FileNotFoundError:
            return []
        mark = (seen.st_mtime_ns, seen.st_ino)
        if self._seen != mark:
            lines = path.read_text("ascii").splitlines()
            words = [line.split(" ") for line in lines]
            try:
                self._read_turns = [
                    (week, datetime.fromisoformat(at)) for week, at in words
                ]
            except ValueError:
                raise ConfigError("the file of turned week keys is damaged") from None
            self._seen = mark
        return self._read_turns

    def _write_turns(self, turns: list[tuple[str, datetime]]) -> None:
        lines = [f"{week} {at.isoformat()}\n" for week, at in turns]
        self._write(self._folder / _TURNS, "".join(lines).encode("ascii"))

    def _write(self, path: Path, content: bytes) -> None:
        """A whole file or none, synced."""
        unfinished = path.with_name(path.name + ".unfinished")
        try:
            handle = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            # Crash here: an unfinished file, which nobody reads.
            unfinished.replace(path)
            sync_folder(self._folder)
        except OSError as error:
            raise StoreError(f"week key not kept: errno {error.errno}") from error

    def _listed(self) -> set[str]:
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
