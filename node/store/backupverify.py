"""Verifying backups: restore into an empty place, open every key, compute the log again.

Enters: a content backup and a key backup. Leaves: what was found to be in them, and the
rows that say they passed. Must never happen: a set called verified that could not be
restored, since other towns erase their copies on the strength of it (SR-R2, P10); content
in the clear in the empty place, which holds what the database and the file folders hold.
"""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from node.crypto.backupbox import BackupKeys
from node.crypto.checkpoint import ED25519, Checkpoint, NoteKey, open_checkpoint
from node.errors import (
    BackupError,
    ConfigError,
    ErasedError,
    LogError,
    PeerError,
    SealError,
)
from node.exchangelog.audit import check_export
from node.exchangelog.finding import Report, Verdict
from node.ids import TransferId
from node.report.witnesses import witness_keys
from node.store.backupfile import Readable, open_file
from node.store.backuprestore import KeySet, Unpacked, expect_whole, open_keys, unpack
from node.store.engine import open_engine
from node.store.files import SealedFiles
from node.store.register import DeletionRegister
from node.store.runner import Store
from node.store.unit import SqlUnitOfWork
from node.store.weekkeys import WeekKeys
from node.store.work import Means
from node.sync.transfer import Inbound


@dataclass(frozen=True, slots=True)
class Verified:
    """A set that passed.

    ``arrived`` are the transfers whose cases are in it; ``entries`` the size of its log.
    """

    set: str
    taken_at: datetime
    digests: tuple[bytes, bytes]
    keys_opened: int
    entries: int
    files: int
    arrived: tuple[TransferId, ...]


def verify_set(
    content: Path, keys: Path, own: BackupKeys, means: Means, *, folder: Path
) -> Verified:
    """Restore a set into an empty place and look at all of it.

    Args:
        content: The content backup.
        keys: The key backup of the same set, or a younger one.
        own: The node's keys for backups.
        means: Clock and randomness; its keys are not used.
        folder: The node's data folder; the empty place is made and removed in it.

    Raises:
        BackupError: It is not whole; the message says what was met first.
        StoreError: The disk has no room for the empty place.
    """
    opened = open_file(content, own.opening, own.sign.public)
    key_file = open_file(keys, own.opening, own.sign.public)
    if key_file.header.taken_at < opened.header.taken_at:
        raise BackupError("the keys are older than the content")
    try:
        key_set = open_keys(key_file)
        with _empty_place(folder) as place:
            return _verify(opened, key_file, key_set, means, place)
    except (SealError, ErasedError) as error:
        raise BackupError("a key in the database does not open") from error
    except (ConfigError, LogError) as error:
        raise BackupError(f"not restored: {error}") from error


def verify_keys(path: Path, own: BackupKeys) -> Readable:
    """A key backup alone: it is whole, and its keyring opens with its master key.

    Raises:
        BackupError: It is not.
    """
    opened = open_file(path, own.opening, own.sign.public)
    try:
        open_keys(opened)
    except ConfigError as error:
        raise BackupError("the keys do not open with their master key") from error
    return opened


def _verify(
    content: Readable, keys: Readable, key_set: KeySet, means: Means, place: Path
) -> Verified:
    packets, documents = SealedFiles(place / "packets"), SealedFiles(place / "docs")
    url = f"sqlite:///{place / 'node.db'}"
    unpacked = unpack(content, url, packets, documents)
    expect_whole(unpacked)
    for week, locked in key_set.weeks.items():
        path = place / "week" / f"{week}.weekkey"
        path.parent.mkdir(mode=0o700, exist_ok=True)
        path.write_bytes(locked)
    empty = replace(
        means,
        files=packets,
        documents=documents,
        register=DeletionRegister(place / "deletions"),
        week_keys=WeekKeys(place / "week", key_set.master),
        keyring=key_set.ring,
        log_origin=unpacked.manifest.log,
    )
    engines = open_engine(url, durable=False)
    store = Store(engines, empty, listener=lambda _what, _key: None)
    try:
        count = store.read_sync(_open_keys, unpacked)
        report = store.read_sync(_check_log, empty, unpacked.manifest.checkpoint)
        arrived = store.read_sync(_arrived)
    finally:
        store.close()
    if report.verdict is not Verdict.VERIFIED:
        raise BackupError(f"the log in the backup is {report.verdict}")
    return Verified(
        set=content.header.set,
        taken_at=content.header.taken_at,
        digests=(content.digest, keys.digest),
        keys_opened=count,
        entries=report.size,
        files=len(unpacked.packets) + len(unpacked.documents),
        arrived=arrived,
    )


def _open_keys(uow: SqlUnitOfWork, unpacked: Unpacked) -> int:
    """Every key opens, and every file that a row names is there."""
    packets, documents = uow.upkeep.named_files(), uow.upkeep.named_documents()
    if packets != set(unpacked.packets) or documents != set(unpacked.documents):
        raise BackupError("rows and sealed files do not fit each other")
    return uow.upkeep.open_all()


def _check_log(uow: SqlUnitOfWork, means: Means, note: str | None) -> Report:
    log_key = NoteKey(means.log_origin, means.keyring.log.public, ED25519)
    return check_export(
        uow.log_rows.export(
            log_key,
            witnesses=witness_keys(uow.directory.load(), log_key.name),
            outside=_outside(note, log_key),
        )
    )


def _outside(note: str | None, log_key: NoteKey) -> tuple[Checkpoint, ...]:
    if note is None:
        return ()
    try:
        return (open_checkpoint(note, log_key),)
    except PeerError as error:
        raise BackupError("the checkpoint of the backup is damaged") from error


def _arrived(uow: SqlUnitOfWork) -> tuple[TransferId, ...]:
    return tuple(uow.inbound.in_states([Inbound.IMPORTED, Inbound.CLOSED]))


@contextmanager
def _empty_place(folder: Path) -> Iterator[Path]:
    """A folder for this one verification; what a killed one left goes first."""
    work = folder / "state" / "verify"
    work.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = os.open(work / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for left in work.glob("set-*"):
            shutil.rmtree(left)
        place = Path(tempfile.mkdtemp(prefix="set-", dir=work))
        try:
            yield place
        finally:
            shutil.rmtree(place)
    finally:
        os.close(lock)
