"""Founding a node: its keys, its empty database, its log's first entry, its request.

Enters: what an administrator says of the town, once. Leaves: a data folder that ``serve``
can start from, and the admission request for the registrar. Must never happen: a private
key outside the key folder or readable by others; a second founding over a node that
exists. Implements handover 11.4 (admission) and exchange-log LR-11 (the first mark).
"""

import json
import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit

from node.clock import Clock
from node.config import FILE_NAME, Settings
from node.crypto.backupbox import backup_keys
from node.crypto.keyfile import lock_keyring
from node.crypto.keys import Keyring, OpeningKey, Randomness, SigningKey
from node.crypto.merkle import Frontier
from node.crypto.recoverykey import RecoverySheet
from node.errors import ConfigError
from node.ids import Ags, MemberId
from node.store.backup import Vault
from node.store.engine import open_engine
from node.store.files import SealedFiles
from node.store.mark import Mark, write_mark
from node.store.migrate import upgrade
from node.store.ownnames import OwnNames
from node.store.register import DeletionRegister
from node.store.runner import Store
from node.store.unit import SqlUnitOfWork
from node.store.weekkeys import WeekKeys, week_of
from node.store.work import Means
from node.sync.limits import DOCUMENT_BYTES, MIB, PACKET_BYTES
from node.trust.admission import Applicant, admission_request
from node.trust.keylife import KEM_LIFE, KEM_OPEN
from node.trust.keysheet import KemKey, KeySheet, Limits, sign_sheet
from node.trust.member import Contact

RECOVERY_KEYS = 2


@dataclass(frozen=True, slots=True)
class Paths:
    """Where a node keeps its things, below its data folder."""

    folder: Path

    @property
    def master(self) -> Path:
        """The master key, 32 bytes, mode 0600."""
        return self.folder / "keys" / "master.key"

    @property
    def keyring(self) -> Path:
        """The node's private keys, locked under the master key."""
        return self.folder / "keys" / "node.keys"

    @property
    def week_keys(self) -> Path:
        """The folder of week keys, outside the database (SR-K5)."""
        return self.folder / "keys" / "week"

    @property
    def recovery(self) -> Path:
        """The public parts of the recovery keys (assurance, 4.1)."""
        return self.folder / "keys" / "recovery.pub"

    @property
    def mark(self) -> Path:
        """The log signer's memory (LR-11)."""
        return self.folder / "state" / "log.mark"

    @property
    def register(self) -> Path:
        """The deletion register (HO-19)."""
        return self.folder / "state" / "deletions"

    @property
    def packets(self) -> Path:
        """Containers on their way, by digest."""
        return self.folder / "files" / "packets"

    @property
    def documents(self) -> Path:
        """Documents, sealed, by digest."""
        return self.folder / "files" / "documents"

    @property
    def directory(self) -> Path:
        """Our verified copy of the directory; also what we mirror."""
        return self.folder / "directory"

    @property
    def root(self) -> Path:
        """The root metadata this node was installed with."""
        return self.folder / "root.json"

    @property
    def request(self) -> Path:
        """The admission request for the registrar."""
        return self.folder / "admission.json"


@dataclass(frozen=True, slots=True)
class Town:
    """What an administrator says once."""

    member: MemberId
    name: str
    ags: tuple[Ags, ...]
    contact: Contact
    web_url: str
    peer_url: str
    web_port: int
    peer_port: int
    directory: str
    relays: tuple[str, ...] = ()
    database: str = ""
    demo: bool = False
    packet_mib: int = PACKET_BYTES // MIB
    document_mib: int = DOCUMENT_BYTES // MIB


def log_origin(peer_url: str) -> str:
    """The name of a node's exchange log: ``<host at the founding>/log/1``."""
    return f"{urlsplit(peer_url).hostname}/log/1"


def witness_name(peer_url: str) -> str:
    """The name a node cosigns under: ``<host at the founding>/witness/1``."""
    return f"{urlsplit(peer_url).hostname}/witness/1"


def first_names(peer_url: str) -> OwnNames:
    """The names that a node has until it recovers for the first time."""
    return OwnNames(log_origin(peer_url), witness_name(peer_url))


def found(paths: Paths, town: Town, *, clock: Clock, randomness: Randomness) -> bytes:
    """Found a node in an empty folder.

    Returns:
        The admission request; it lies in the folder as well.

    Raises:
        ConfigError: There is a node already.
    """
    if (paths.folder / FILE_NAME).exists():
        raise ConfigError("this folder holds a node already")
    now = clock.now().replace(microsecond=0)
    for path in (paths.master, paths.mark, paths.packets / "x", paths.documents / "x"):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    master = randomness(32)
    ring = _keyring(town.member, randomness)
    _write(paths.master, master)
    _write(paths.keyring, lock_keyring(ring.encode(), master, randomness))
    week_keys = WeekKeys(paths.week_keys, master)
    week_keys.make(week_of(now.date()), randomness)
    origin = log_origin(town.peer_url)
    _fill_database(
        town.database or f"sqlite:///{paths.folder / 'node.db'}",
        means_of(
            paths,
            master,
            ring,
            log_origin=origin,
            clock=clock,
            randomness=randomness,
        ),
        durable=not town.demo,
    )
    write_mark(paths.mark, Mark(origin, 1, Frontier()))
    request = admission_request(
        ring,
        Applicant(
            town.name, town.ags, town.contact, origin, witness_name(town.peer_url)
        ),
        key_sheet=_first_sheet(ring, town, now),
    )
    paths.request.write_bytes(request)
    # The settings come last: a folder without them was never founded.
    _write(paths.folder / FILE_NAME, _settings(town).encode())
    return request


def new_recovery_keys(
    paths: Paths, master: bytes, randomness: Randomness
) -> tuple[RecoverySheet, ...]:
    """Two recovery keys; the node keeps their public parts only (assurance, 4.1).

    Returns:
        What goes onto paper, into two safes; nobody can show it again.
    """
    signer = backup_keys(master).sign.public
    sheets = tuple(
        RecoverySheet(OpeningKey.generate(randomness), signer)
        for _ in range(RECOVERY_KEYS)
    )
    text = "".join(f"{sheet.opening.public}\n" for sheet in sheets)
    unfinished = paths.recovery.with_suffix(".unfinished")
    unfinished.unlink(missing_ok=True)
    _write(unfinished, text.encode("ascii"))
    unfinished.replace(paths.recovery)
    return sheets


def vault_of(settings: Settings, master: bytes) -> Vault | None:
    """Where this node's backups go; None where none are made.

    Raises:
        ConfigError: The two folders do not lie apart.
    """
    folders = settings.backup_folders
    has_keys = Paths(settings.folder).recovery.exists()
    if folders is None or (settings.demo and not has_keys):
        return None
    content, keys = folders
    own, kept = backup_keys(master), settings.backup_keep
    return Vault(settings.folder, content, keys, own, kept)


def means_of(
    paths: Paths,
    master: bytes,
    ring: Keyring,
    *,
    log_origin: str,
    clock: Clock,
    randomness: Randomness,
) -> Means:
    """What the store of this node works with besides its database."""
    return Means(
        files=SealedFiles(paths.packets),
        documents=SealedFiles(paths.documents),
        register=DeletionRegister(paths.register),
        week_keys=WeekKeys(paths.week_keys, master),
        clock=clock,
        randomness=randomness,
        keyring=ring,
        log_origin=log_origin,
    )


def _fill_database(url: str, means: Means, *, durable: bool) -> None:
    """The schema, and the first entry of the exchange log."""
    engines = open_engine(url, durable=durable)
    upgrade(engines)
    store = Store(engines, means, listener=lambda _what, _key: None)
    try:
        store.write_sync(_open_log, means.clock.now())
    finally:
        store.close()


def _open_log(uow: SqlUnitOfWork, at: datetime) -> None:
    with uow:
        uow.start_log(at)
        uow.commit()


def _write(path: Path, content: bytes) -> None:
    """A file that only this user may read, synced."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _keyring(member: MemberId, randomness: Randomness) -> Keyring:
    return Keyring(
        member=member,
        sign_kid="s1",
        sign=SigningKey.from_seed(randomness(32)),
        sheet_kid="h1",
        sheet=SigningKey.from_seed(randomness(32)),
        log=SigningKey.from_seed(randomness(32)),
        witness=SigningKey.from_seed(randomness(32)),
        openings={"k1": OpeningKey.generate()},
        tag_key=randomness(32),
    )


def _first_sheet(ring: Keyring, town: Town, now: datetime) -> str:
    sheet = KeySheet(
        iss=ring.member,
        serial=1,
        iat=now,
        kem=(
            KemKey(
                kid="k1",
                key=ring.openings["k1"].public,
                nbf=now,
                seal_until=now + KEM_LIFE,
                open_until=now + KEM_LIFE + KEM_OPEN,
            ),
        ),
        # Without an inbound port the address only named log and witness.
        url="" if town.relays else town.peer_url + "/",
        relays=tuple(relay + "/" for relay in town.relays),
        suites=(1,),
        proto=(1,),
        schema=("case/1",),
        limits=Limits(town.packet_mib * MIB, town.document_mib * MIB),
    )
    return sign_sheet(sheet, ring.sheet, kid=ring.sheet_kid)


def _settings(town: Town) -> str:
    """``node.toml``; TOML basic strings are JSON strings."""
    lines = [
        "# Staffelstab, settings of this node. See docs/operating/settings.md.",
        f"member = {json.dumps(town.member)}",
        f"name = {json.dumps(town.name, ensure_ascii=False)}",
        f"ags = {json.dumps(town.ags[0])}",
        f"web_url = {json.dumps(town.web_url)}",
        f"web_port = {town.web_port}",
        f"peer_url = {json.dumps(town.peer_url)}",
        f"peer_port = {town.peer_port}",
        f"directory = {json.dumps(town.directory)}",
    ]
    if town.relays:
        lines.append(f"relays = {json.dumps(list(town.relays))}")
    if town.database:
        lines.append(f"database = {json.dumps(town.database)}")
    if town.demo:
        lines.append("demo = true")
    for name, value, usual in (
        ("packet_mib", town.packet_mib, PACKET_BYTES // MIB),
        ("document_mib", town.document_mib, DOCUMENT_BYTES // MIB),
    ):
        if value != usual:
            lines.append(f"{name} = {value}")
    return "\n".join(lines) + "\n"
