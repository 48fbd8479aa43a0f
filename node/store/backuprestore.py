"""Taking a backup apart again: into a database, into folders, into keys in memory.

Enters: opened backup files, an empty place. Leaves: a filled database, sealed files, the
manifest that says what must be there. Must never happen: something written over what is
there; the signer's mark put in place, since a restored node is meant to notice (LR-11); a
member that leads out of the folder. Implements the restore of SR-R1; serves ``verify``.
"""

import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from sqlalchemy import Connection

from node import strictjson
from node.crypto.keyfile import unlock_keyring
from node.crypto.keys import Keyring
from node.errors import BackupError, ConfigError, MalformedMessageError
from node.report.backups import Kind
from node.store import dump
from node.store.archive import Member
from node.store.backup import (
    DOCUMENTS,
    KEY_FILES,
    MANIFEST,
    PACKETS,
    SETTINGS_FILES,
    STATE_FILES,
    TURNS_FILE,
    WEEK_FILES,
)
from node.store.backupfile import Readable
from node.store.engine import open_engine
from node.store.files import SealedFiles, sync_folder
from node.store.migrate import SCHEMA, upgrade

_SMALL: Final = 16 * 1024 * 1024
_WEEKS: Final = WEEK_FILES.split("*")
_WEEK_FILE: Final = re.compile(r"[A-Za-z0-9.-]{1,32}".join(map(re.escape, _WEEKS)))


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a content backup says must be in it."""

    log: str
    checkpoint: str | None
    counts: Mapping[str, int]
    packets: int
    documents: int

    @classmethod
    def parse(cls, text: bytes) -> "Manifest":
        """Read it.

        Raises:
            BackupError: Another form, or another schema than this program's.
        """
        try:
            found = strictjson.parse_object(text)
            if found.pop("schema") != SCHEMA:
                raise BackupError("this backup needs the program of its own version")
            return cls(**found)
        except (MalformedMessageError, KeyError, TypeError):
            raise BackupError("the manifest is damaged") from None


@dataclass(frozen=True, slots=True)
class Unpacked:
    """What was taken out of a content backup.

    ``files`` are the names of the sealed files met, packets and documents; ``settings``
    the small files by name.
    """

    manifest: Manifest
    counts: Mapping[str, int]
    packets: frozenset[bytes]
    documents: frozenset[bytes]
    settings: Mapping[str, bytes]


@dataclass(frozen=True, slots=True)
class KeySet:
    """The keys of a node, opened in memory."""

    master: bytes = field(repr=False)
    ring: Keyring = field(repr=False)
    weeks: Mapping[str, bytes] = field(repr=False)


def unpack(
    content: Readable, url: str, packets: SealedFiles, documents: SealedFiles
) -> Unpacked:
    """Fill an empty database and two folders from a content backup.

    Raises:
        BackupError: A member is missing, unknown, damaged, or there twice.
        StoreError: The database or a disk did not take it.
    """
    if content.header.kind is not Kind.CONTENT:
        raise BackupError("this is no backup of content")
    engines = open_engine(url, durable=False)
    try:
        upgrade(engines)
        with engines.writer.begin() as connection:
            return _Unpacking(connection, packets, documents).run(content.members())
    finally:
        engines.close()


def open_keys(keys: Readable) -> KeySet:
    """Everything of a key backup that other keys are opened with.

    Raises:
        BackupError: Not a key backup, or one without master key, keyring or week key.
        ConfigError: The keyring does not open with the master key beside it.
    """
    found = read_keys(keys)
    before, after = _WEEKS
    weeks = {
        name.removeprefix(before).removesuffix(after): content
        for name, content in found.items()
        if name.startswith(before) and name.endswith(after)
    }
    master, locked = (found.get(name) for name in KEY_FILES[:2])
    if master is None or locked is None or not weeks:
        raise BackupError("the key backup is not whole")
    ring = Keyring.decode(unlock_keyring(locked, master))
    return KeySet(master, ring, weeks)


def read_keys(keys: Readable) -> dict[str, bytes]:
    """The files of a key backup by name.

    Raises:
        BackupError: Not a key backup, or a name that is none of ours.
    """
    if keys.header.kind is not Kind.KEYS:
        raise BackupError("this is no backup of keys")
    found: dict[str, bytes] = {}
    for member in keys.members():
        is_ours = member.name in {*KEY_FILES, TURNS_FILE, *STATE_FILES}
        if not (is_ours or _WEEK_FILE.fullmatch(member.name)) or member.name in found:
            raise BackupError("a member that no key backup has")
        found[member.name] = member.read(_SMALL)
    return found


def restore(
    content: Readable, keys: Readable, folder: Path, *, database: str = ""
) -> Unpacked:
    """Put a node back into an empty folder; it will notice that it was restored.

    The mark comes back under another name, for reading only.

    Args:
        content: The content backup.
        keys: A key backup of the same node, of the same age or younger.
        folder: Where the node will live; must be empty or absent.
        database: An empty database; SQLite in the folder if empty.

    Raises:
        ConfigError: The folder is not empty.
        BackupError: The files belong to two nodes, or one is damaged.
        StoreError: A disk or the database did not take it.
    """
    if content.header.member != keys.header.member:
        raise BackupError("content and keys are of two nodes")
    if keys.header.taken_at < content.header.taken_at:
        raise BackupError("the keys are older than the content; take newer ones")
    if folder.exists() and any(folder.iterdir()):
        raise ConfigError("restore only into an empty folder")
    for name in ("keys/week", "state", "files/packets", "files/documents"):
        (folder / name).mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)
    for name, text in read_keys(keys).items():
        # LR-11: no restore puts a mark in place.
        is_mark = name == STATE_FILES[1]
        _write(folder / (f"{name}.backup" if is_mark else name), text)
    unpacked = unpack(
        content,
        database or f"sqlite:///{folder / 'node.db'}",
        SealedFiles(folder / "files" / "packets"),
        SealedFiles(folder / "files" / "documents"),
    )
    expect_whole(unpacked)
    settings = dict(unpacked.settings)
    node_file = settings.pop(SETTINGS_FILES[0], None)
    if node_file is None:
        raise BackupError("the backup holds no settings")
    for name, text in settings.items():
        _write(folder / name, text)
    # The settings come last: a folder without them is no node.
    _write(folder / SETTINGS_FILES[0], _with_database(node_file, database))
    return unpacked


def expect_whole(unpacked: Unpacked) -> None:
    """Compare what came out with what the manifest says (SR-R2).

    Raises:
        BackupError: A number differs.
    """
    told = unpacked.manifest
    if dict(unpacked.counts) != dict(told.counts):
        raise BackupError("a table has another number of rows than it had")
    if (len(unpacked.packets), len(unpacked.documents)) != (
        told.packets,
        told.documents,
    ):
        raise BackupError("a sealed file is missing")


class _Unpacking:
    """One pass over a content backup."""

    def __init__(
        self, connection: Connection, packets: SealedFiles, documents: SealedFiles
    ) -> None:
        self._connection = connection
        self._folders = {PACKETS: packets, DOCUMENTS: documents}
        self._met: dict[str, set[bytes]] = {PACKETS: set(), DOCUMENTS: set()}
        self._counts: dict[str, int] = {}
        self._settings: dict[str, bytes] = {}
        self._manifest: Manifest | None = None

    def run(self, members: Iterable[Member]) -> Unpacked:
        for member in members:
            self._take(member)
        if self._manifest is None:
            raise BackupError("the backup has no manifest")
        return Unpacked(
            manifest=self._manifest,
            counts=self._counts,
            packets=frozenset(self._met[PACKETS]),
            documents=frozenset(self._met[DOCUMENTS]),
            settings=self._settings,
        )

    def _take(self, member: Member) -> None:
        name = member.name
        if name == MANIFEST:
            self._manifest = Manifest.parse(member.read(_SMALL))
        elif name in SETTINGS_FILES:
            self._settings[name] = member.read(_SMALL)
        elif name.startswith(dump.PREFIX):
            table = name.removeprefix(dump.PREFIX)
            if table in self._counts:
                raise BackupError("a table is there twice")
            self._counts[table] = dump.load_table(self._connection, member)
        else:
            prefix = next((p for p in self._folders if name.startswith(p)), None)
            if prefix is None:
                raise BackupError("a member that no content backup has")
            self._keep(prefix, name.removeprefix(prefix), member.chunks)

    def _keep(self, prefix: str, name: str, chunks: Iterator[bytes]) -> None:
        """A sealed file is named by its digest, so it proves itself."""
        stored = self._folders[prefix].keep(chunks)
        if stored.name.hex() != name:
            raise BackupError("a sealed file is not what its name says")
        self._met[prefix].add(stored.name)


def _write(path: Path, content: bytes) -> None:
    """A file that only this user may read, synced; never over another."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    sync_folder(path.parent)


def _with_database(settings: bytes, url: str) -> bytes:
    """``node.toml`` naming the new database: never the one that was lost."""
    lines = [
        line
        for line in settings.decode("utf-8").splitlines()
        if line.split("=")[0].strip() != "database"
    ]
    if url:
        lines.append(f"database = {json.dumps(url)}")
    return ("\n".join(lines) + "\n").encode("utf-8")
