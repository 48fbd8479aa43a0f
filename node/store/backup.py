"""Making backups: the content in one file, the keys in another, both always sealed.

Enters: the store, its files, the key folder. Leaves: two files of one set, and their rows.
Must never happen: a plain backup, or plaintext on disk on the way to a sealed one; a
content backup whose rows and files are of two moments; keys and content in one file.
Implements SR-R1, SR-K5 (what holds a week key) and SR-K6 (the register in each key backup).

Everything is streamed: memory does not grow with the node.
"""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from node import strictjson
from node.crypto.backupbox import BackupKeys, seal_backup
from node.crypto.keys import SealingKey
from node.errors import ConfigError, NotFoundError, StoreError
from node.report.backups import BackupRow, Kind
from node.store.archive import Member, whole, write_archive
from node.store.backupfile import Header, destroy_file, digest_of, keep_file
from node.store.files import SealedFiles
from node.store.migrate import SCHEMA
from node.store.runner import Store
from node.store.unit import SqlUnitOfWork
from node.store.work import Means

KEY_FILES: Final = ("keys/master.key", "keys/node.keys", "keys/recovery.pub")
WEEK_FILES: Final = "keys/week/*.weekkey"
TURNS_FILE: Final = "keys/week/turns"
STATE_FILES: Final = ("state/deletions", "state/log.mark")
SETTINGS_FILES: Final = ("node.toml", "root.json", "admission.json")
PACKETS: Final = "files/packets/"
DOCUMENTS: Final = "files/documents/"
MANIFEST: Final = "manifest"
KEYS_KEPT: Final = timedelta(days=28)
_TRIES: Final = 3


@dataclass(frozen=True, slots=True)
class Vault:
    """Whose backups, sealed with what, kept where.

    Attributes:
        folder: The node's data folder.
        content: Where content backups lie.
        keys: Where key backups lie; another place than ``content``.
        own: The node's keys for backups.
        kept: How many content backups stay.
    """

    folder: Path
    content: Path
    keys: Path
    own: BackupKeys = field(repr=False)
    kept: int = 14


def read_recovery(path: Path) -> tuple[SealingKey, ...]:
    """The public parts of the recovery keys, one on each line.

    Raises:
        ConfigError: There are none: a backup that only this node can open is none.
    """
    try:
        lines = path.read_text("ascii").split()
    except (OSError, UnicodeDecodeError):
        lines = []
    if len(lines) < 2:
        raise ConfigError("no recovery keys: run `staffelstab backup keys new`")
    return tuple(SealingKey.parse(line) for line in lines)


class Backups:
    """Makes and keeps the backups of one node; slow, so it belongs into a thread."""

    def __init__(self, store: Store, means: Means, vault: Vault) -> None:
        """Prepare; nothing is written yet."""
        self._store = store
        self._means = means
        self.vault = vault

    def create(self) -> str:
        """Content and keys, in this order; gives the name of the set.

        Raises:
            ConfigError: There are no recovery keys.
            StoreError: A disk did not take it; the set has no content or no keys.
        """
        set_ = self.new_set()
        self.create_content(set_)
        self.create_keys(set_)
        return set_

    def new_set(self) -> str:
        """A name that no set had before, and that sorts by time."""
        now = self._means.clock.now()
        return f"{now:%Y%m%dT%H%M%S.%fZ}-{self._means.randomness(4).hex()}"

    def create_content(self, set_: str) -> Path:
        """Database, sealed files, settings, newest checkpoint, of one moment.

        Raises:
            As ``create``.
        """
        for _ in range(_TRIES):
            # Race: a file may be shredded after the snapshot that names it: once more.
            with suppress(NotFoundError):
                return self._store.read_sync(self._content, set_)
        raise StoreError("files that rows name are missing; look at the disk")

    def create_keys(self, set_: str) -> Path:
        """Master key, node keys, week keys, deletion register; the mark for reading.

        Raises:
            As ``create``.
        """
        return self._keep(Kind.KEYS, set_, _key_members(self.vault.folder))

    def holds_week_key(self, week: str) -> bool:
        """Whether a verified key backup, still as it was, holds this week key (SR-K5)."""
        return any(
            week in row.weeks and digest_of(Path(row.path)) == row.digest
            for row in self._rows()
            if row.kind is Kind.KEYS
            and row.verified_at is not None
            and row.destroyed_at is None
        )

    def forget_week(self, week: str) -> None:
        """Destroy all key backups that hold this week key (SR-K5).

        To be called once the week key is erased in the key folder and a key backup
        without it has been made and verified: this never removes the last one.

        Raises:
            ConfigError: There is no verified key backup without it.
        """
        rows = [r for r in self._rows() if r.kind is Kind.KEYS and not r.destroyed_at]
        if not any(row.verified_at and week not in row.weeks for row in rows):
            raise ConfigError("no verified key backup without this week key")
        self._destroy([row for row in rows if week in row.weeks])

    def prune(self) -> None:
        """Key backups older than 28 days go, and content beyond the number kept.

        The newest verified set stays, however old it is: data first.
        """
        rows = [row for row in self._rows() if row.destroyed_at is None]
        newest = next((row.set for row in rows if row.verified_at), None)
        old = self._means.clock.now() - KEYS_KEPT
        content = [row for row in rows if row.kind is Kind.CONTENT]
        keys = [row for row in rows if row.kind is Kind.KEYS and row.taken_at < old]
        self._destroy(
            [r for r in (*content[self.vault.kept :], *keys) if r.set != newest]
        )

    def _destroy(self, rows: Sequence[BackupRow]) -> None:
        for row in rows:
            destroy_file(Path(row.path))
            # Crash here: the file is gone, the next run notes it.
            self._store.write_sync(_note_destroyed, row, self._means.clock.now())

    def _rows(self) -> Sequence[BackupRow]:
        return self._store.read_sync(lambda uow: uow.backups.rows())

    def _content(self, uow: SqlUnitOfWork, set_: str) -> Path:
        newest = uow.log.newest()
        named = uow.upkeep.named_files(), uow.upkeep.named_documents()
        manifest = strictjson.encode(
            {
                "schema": SCHEMA,
                "log": self._means.log_origin,
                "checkpoint": newest.note if newest else None,
                "counts": uow.dump.counts(),
                "packets": len(named[0]),
                "documents": len(named[1]),
            }
        )

        def members() -> Iterator[Member]:
            yield whole(MANIFEST, manifest)
            for name in SETTINGS_FILES:
                yield from _file(self.vault.folder, name)
            yield from uow.dump.members()
            yield from _sealed(PACKETS, self._means.files, named[0])
            yield from _sealed(DOCUMENTS, self._means.documents, named[1])

        return self._keep(Kind.CONTENT, set_, members())

    def _keep(self, kind: Kind, set_: str, members: Iterator[Member]) -> Path:
        """Seal an archive into its file, and note the file's row."""
        vault = self.vault
        taken_at = self._means.clock.now().replace(microsecond=0)
        header = Header(kind, set_, str(self._means.keyring.member), taken_at)
        weeks: list[str] = []
        chunks = seal_backup(
            header.encode(),
            write_archive(_noting(members, weeks)),
            readers=(
                vault.own.opening.public,
                *read_recovery(vault.folder / KEY_FILES[2]),
            ),
            signer=vault.own.sign,
            randomness=self._means.randomness,
        )
        folder = vault.content if kind is Kind.CONTENT else vault.keys
        path, digest = keep_file(folder, header.file_name, chunks)
        row = BackupRow(set_, kind, str(path), digest, tuple(weeks), taken_at)
        self._store.write_sync(_note_made, row)
        return path


def _note_made(uow: SqlUnitOfWork, row: BackupRow) -> None:
    with uow:
        uow.backups.add(row)
        uow.commit()


def _note_destroyed(uow: SqlUnitOfWork, row: BackupRow, at: datetime) -> None:
    with uow:
        uow.backups.destroyed(row.set, row.kind, at)
        uow.commit()


def _key_members(folder: Path) -> Iterator[Member]:
    for name in (*KEY_FILES, TURNS_FILE, *STATE_FILES):
        yield from _file(folder, name)
    for path in sorted(folder.glob(WEEK_FILES)):
        yield from _file(folder, str(path.relative_to(folder)))


def _noting(members: Iterator[Member], weeks: list[str]) -> Iterator[Member]:
    """The members, and beside them the names of the week keys that went by."""
    prefix, suffix = WEEK_FILES.split("*")
    for member in members:
        if member.name.startswith(prefix) and member.name.endswith(suffix):
            weeks.append(member.name.removeprefix(prefix).removesuffix(suffix))
        yield member


def _file(folder: Path, name: str) -> Iterator[Member]:
    """A small file of the data folder, if it is there."""
    try:
        content = (folder / name).read_bytes()
    except FileNotFoundError:
        return
    except OSError as error:
        raise StoreError(f"{name} cannot be read: errno {error.errno}") from error
    yield whole(name, content)


def _sealed(prefix: str, files: SealedFiles, names: set[bytes]) -> Iterator[Member]:
    """The sealed files that rows name, as they lie there."""
    for name in sorted(names):
        yield Member(prefix + name.hex(), files.read(name))
