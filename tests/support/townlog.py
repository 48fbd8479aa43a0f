"""Witnessed logs of a town, made quickly: a real SQLite file through the product's store.

A log holds consents, transfers in both directions, audits, overrides, changes of keys, a
recovery and lawful erasures; it is signed by the publisher as it grows and cosigned by two
foreign witnesses. One seed gives one log, byte for byte.
"""

import random
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from node.crypto.checkpoint import (
    COSIGNATURE,
    ED25519,
    Checkpoint,
    NoteKey,
    add_lines,
    cosign,
    open_checkpoint,
    verify_cosignature,
)
from node.crypto.keys import SigningKey
from node.crypto.merkle import Frontier
from node.exchangelog.entry import GroupName
from node.exchangelog.keeping import Basis
from node.exchangelog.kinds import EntryType
from node.failpoints import NoFailpoints
from node.report.keepview import Begun
from node.store.engine import open_engine
from node.store.files import SealedFiles
from node.store.mark import Mark, write_mark
from node.store.migrate import upgrade
from node.store.publisher import Publisher
from node.store.register import DeletionRegister
from node.store.runner import Store
from node.store.unit import SqlUnitOfWork
from node.store.weekkeys import WeekKeys
from node.store.work import Means
from node.strictjson import Json
from node.sync.rows import EntryDraft
from tests.support.databases import KEYRING

ORIGIN: Final = "wehr.example/log/1"
MASTER: Final = b"\x21" * 32
WEEK: Final = "2026-W07"
WITNESSING: Final = {
    "bad-saeckingen.example/witness/1": SigningKey.from_seed(b"\x55" * 32),
    "laufenburg.example/witness/1": SigningKey.from_seed(b"\x56" * 32),
}
WITNESSES: Final = tuple(
    NoteKey(name, key.public, COSIGNATURE) for name, key in WITNESSING.items()
)
LOG_KEY: Final = NoteKey(ORIGIN, KEYRING.log.public, ED25519)
_START: Final = datetime(2026, 2, 9, 8, tzinfo=UTC)
_UNIT: Final = 250
_Ways = tuple[tuple[EntryType, ...], ...]
_ENDS: Final[_Ways] = (
    (EntryType.TRANSFER_GRANTED, EntryType.TRANSFER_COMPLETED),
    (EntryType.TRANSFER_RECALLED,),
    (EntryType.TRANSFER_DENIED,),
)
_ARRIVALS: Final[_Ways] = (
    (EntryType.TRANSFER_APPROVED, EntryType.TRANSFER_IMPORTED),
    (EntryType.TRANSFER_REFUSED, EntryType.TRANSFER_DROPPED),
)


@dataclass
class HandClock:
    """A clock that the builder moves."""

    at: datetime = _START

    def now(self) -> datetime:
        """The instant it was set to."""
        return self.at


@dataclass(frozen=True, slots=True)
class TownLog:
    """A finished log in a folder: ``node.db``, ``log.mark`` and ``weeks/``.

    ``yesterday`` in the folder holds database and mark as they once were. ``note`` is the
    cosigned checkpoint that the auditor took home.
    """

    folder: Path
    size: int
    note: str

    @property
    def auditor(self) -> Checkpoint:
        """What the auditor knows: a head signed by the log and by a foreign witness."""
        head = open_checkpoint(self.note, LOG_KEY)
        assert any(verify_cosignature(self.note, key) for key in WITNESSES)
        return head


def means_of(folder: Path, clock: HandClock, draw: Callable[[int], bytes]) -> Means:
    """What units on the files of one folder work with."""
    return Means(
        files=SealedFiles(folder / "files"),
        documents=SealedFiles(folder / "documents"),
        register=DeletionRegister(folder / "deleted.register"),
        week_keys=WeekKeys(folder / "weeks", MASTER),
        clock=clock,
        randomness=draw,
        keyring=KEYRING,
        log_origin=ORIGIN,
    )


@contextmanager
def opened(folder: Path) -> Iterator[Store]:
    """The store over a folder, for reading."""
    means = means_of(folder, HandClock(), bytes)
    store = Store(
        open_engine(f"sqlite:///{folder / 'node.db'}"),
        means,
        listener=lambda what, key: None,
    )
    try:
        yield store
    finally:
        store.close()


def template(folder: Path) -> Path:
    """An empty database at the newest schema, to be copied."""
    path = folder / "template.db"
    engines = open_engine(f"sqlite:///{path}")
    upgrade(engines)
    engines.close()
    return path


def build(folder: Path, empty: Path, *, seed: int, size: int, tail: int = 0) -> TownLog:
    """Make a log.

    Args:
        folder: A folder that is not there yet.
        empty: What ``template`` made.
        seed: Decides everything.
        size: Entries below the newest cosigned checkpoint, at least one.
        tail: Entries after it, which nobody has cosigned.
    """
    folder.mkdir(parents=True)
    shutil.copy(empty, folder / "node.db")
    chance = random.Random(seed)
    clock = HandClock()
    means = means_of(folder, clock, chance.randbytes)
    means.week_keys.make(WEEK, chance.randbytes)  # type: ignore[attr-defined]  # the real folder
    write_mark(folder / "log.mark", Mark(ORIGIN, 1, Frontier()))
    store = Store(
        open_engine(f"sqlite:///{folder / 'node.db'}"),
        means,
        listener=lambda what, key: None,
    )
    publisher = Publisher(store, means, folder / "log.mark", failpoints=NoFailpoints())
    try:
        maker = _Maker(store, publisher, clock, chance)
        maker.grow(max(1, size * 2 // 3))
        publisher.publish()
        _copy(folder, folder / "yesterday")
        maker.grow(size)
        note = maker.end()
        maker.write(size + tail)
        total = maker.size
    finally:
        store.close()
    with closing(sqlite3.connect(folder / "node.db")) as base:
        base.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return TownLog(folder, total, note)


def _copy(folder: Path, to: Path) -> None:
    """Database and mark as they are now."""
    to.mkdir()
    shutil.copy(folder / "log.mark", to / "log.mark")
    with (
        closing(sqlite3.connect(folder / "node.db")) as base,
        closing(sqlite3.connect(to / "node.db")) as copy,
    ):
        base.backup(copy)


@dataclass
class _Maker:
    """Writes entries that follow each other as in a real town."""

    store: Store
    publisher: Publisher
    clock: HandClock
    chance: random.Random
    size: int = 0
    # Group -> commitment of its newest entry; what a transfer has still to go through.
    heads: dict[str, bytes] = field(default_factory=dict)
    places: dict[str, list[int]] = field(default_factory=dict)
    waiting: dict[str, list[EntryType]] = field(default_factory=dict)
    consents: list[tuple[str, str, bytes]] = field(default_factory=list)
    over: list[str] = field(default_factory=list)

    def grow(self, size: int) -> None:
        """Write, sign, cosign and now and then erase, up to a size."""
        while self.size < size:
            self.write(min(size, self.size + self.chance.randint(1, 2 * _UNIT)))
            if self.chance.random() < 0.9:
                self.publisher.publish()
                if self.chance.random() < 0.6:
                    self.cosign(self.chance.choice((1, 1, 2)))
            if self.chance.random() < 0.2 and self.size + 2 <= size and self.over:
                self.erase()

    def end(self) -> str:
        """Sign and cosign what is there; give the whole note."""
        self.publisher.publish()
        return self.cosign(2)

    def write(self, size: int) -> None:
        """Write entries in units, as group commit would."""
        while self.size < size:
            count = min(_UNIT, size - self.size)
            self.store.write_sync(self._unit, count)
            self.clock.at += timedelta(seconds=self.chance.randint(1, 600))

    def cosign(self, count: int) -> str:
        """Let foreign witnesses cosign the newest checkpoint; the first comes again."""
        at = self.clock.at + timedelta(seconds=self.chance.randint(0, 5))
        self.clock.at = at
        return self.store.write_sync(_cosign, count, int(at.timestamp()), at)

    def erase(self) -> None:
        """Erase transfers that are over, in the order of exchange-log 9.2."""
        chosen = [self.over.pop() for _ in range(min(len(self.over), 3))]
        gone = sorted(index for group in chosen for index in self.places[group])
        ranges: list[list[int]] = []
        for index in gone:
            if ranges and ranges[-1][1] == index:
                ranges[-1][1] = index + 1
            else:
                ranges.append([index, index + 1])
        more: dict[str, Json] = {
            "basis": "order",
            "order_ref": "AZ-7",
            "ranges": [list(pair) for pair in ranges],
        }
        intent = self.store.write_sync(self._named, EntryType.LOG_ERASURE, more, None)
        self.publisher.publish()
        self.cosign(1)
        begun = Begun(
            self.chance.randbytes(16), Basis.ORDER, "AZ-7", intent, None, None
        )
        self.store.write_sync(_destroy, begun, tuple(chosen))
        done: dict[str, Json] = more | {"ranges": []}
        self.store.write_sync(self._named, EntryType.LOG_ERASED, done, intent)

    def _named(
        self,
        uow: SqlUnitOfWork,
        kind: EntryType,
        more: dict[str, Json],
        prev: bytes | None,
    ) -> bytes:
        with uow:
            c = self._append(uow, kind, "permanent:2026-02", more, prev=prev)
            uow.commit()
        return c

    def _unit(self, uow: SqlUnitOfWork, count: int) -> None:
        with uow:
            if self.size == 0:
                uow.start_log(self.clock.at)
                self.size, count = 1, count - 1
            for _ in range(count):
                self._next(uow)
            uow.commit()

    def _next(self, uow: SqlUnitOfWork) -> None:
        dice = self.chance.random()
        if self.waiting and dice < 0.55:
            group = self.chance.choice(list(self.waiting))
            kind = self.waiting[group].pop(0)
            if not self.waiting[group]:
                del self.waiting[group]
                self.over.append(group)
            self._append(uow, kind, group, self._facts(group, kind))
        elif dice < 0.7 or not self.consents:
            self._consent(uow)
        elif dice < 0.95:
            self._transfer(uow)
        else:
            self._other(uow)

    def _consent(self, uow: SqlUnitOfWork) -> None:
        group = f"consent:{self.chance.randbytes(16).hex()}"
        consent = self.chance.randbytes(32).hex()
        more: dict[str, Json] = {
            "consent": consent,
            "scope": ["K01", "K04"],
            "recipients": ["class:responsible_at_new_place"],
            "valid_from": "2026-02-01",
            "valid_until": "2026-06-30",
            "basis": "consent",
            "register": "V-07",
        }
        c = self._append(uow, EntryType.CONSENT_RECORDED, group, more)
        self.consents = [*self.consents[-50:], (group, consent, c)]

    def _transfer(self, uow: SqlUnitOfWork) -> None:
        group = f"transfer:{self.chance.randbytes(16).hex()}"
        if self.chance.random() < 0.5:
            kind, ways = EntryType.TRANSFER_SENT, _ENDS
        else:
            kind, ways = EntryType.TRANSFER_RECEIVED, _ARRIVALS
        self.waiting[group] = list(self.chance.choice(ways))
        self._append(uow, kind, group, self._facts(group, kind))

    def _facts(self, group: str, kind: EntryType) -> dict[str, Json]:
        facts: dict[str, Json] = {
            "transfer": group.partition(":")[2],
            "attempt": 1,
            "peer": "bad-saeckingen.example",
            "epoch": 1,
            "packet": self.chance.randbytes(32).hex(),
            "statement": None,
            "peer_cp": None,
            "outcome": None,
        }
        size: dict[str, Json] = {"bytes": 200704, "expires": "2026-03-17"}
        scope: dict[str, Json] = {"scope": ["K01", "K04"]}
        if kind is EntryType.TRANSFER_SENT:
            ground: dict[str, Json] = {"basis": "consent", "register": "V-07"}
            return facts | scope | size | ground | {"persons": 1} | self._grounds()
        if kind is EntryType.TRANSFER_GRANTED:
            return facts | self._grounds()
        if kind is EntryType.TRANSFER_RECEIVED:
            return facts | scope | size
        if kind is EntryType.TRANSFER_APPROVED:
            return facts | scope
        if kind is EntryType.TRANSFER_IMPORTED:
            return facts | scope | {"persons": 1}
        return facts

    def _grounds(self) -> dict[str, Json]:
        group, consent, c = self.chance.choice(self.consents)
        head = self.heads[group]
        return {"consents": [{"c": consent, "at": c.hex(), "head": head.hex()}]}

    def _other(self, uow: SqlUnitOfWork) -> None:
        digest = self.chance.randbytes(32).hex()
        kinds: list[tuple[EntryType, str, dict[str, Json]]] = [
            (EntryType.AUDIT_VIEWED, "audit", {"count": 3, "digest": digest}),
            (EntryType.KEY_ADDED, "permanent", {"target": "s2", "digest": digest}),
            (
                EntryType.LOG_RECOVERED,
                "permanent",
                {"old_size": self.size, "new_size": self.size, "inc": 2, "lost": 0},
            ),
            (
                EntryType.OPERATOR_OVERRIDE,
                "operation",
                {
                    "what": "quorum",
                    "transfer": self.chance.randbytes(16).hex(),
                    "missing": ["laufenburg.example/witness/1"],
                    "outcome": "urgent",
                },
            ),
        ]
        kind, month, more = self.chance.choice(kinds)
        self._append(uow, kind, f"{month}:2026-02", more)

    def _append(
        self,
        uow: SqlUnitOfWork,
        kind: EntryType,
        group: str,
        more: dict[str, Json],
        *,
        prev: bytes | None = None,
    ) -> bytes:
        chained = ":2026-" not in group
        c = uow.log.append(
            EntryDraft(
                type=kind,
                at=self.clock.at,
                group=group,
                fields=more,
                prev=self.heads.get(group) if chained else prev,
            )
        )
        if chained:
            self.heads[group] = c
            self.places.setdefault(group, []).append(self.size)
        self.size += 1
        return c


def _cosign(uow: SqlUnitOfWork, count: int, time_s: int, at: datetime) -> str:
    with uow:
        newest = uow.log.newest()
        assert newest is not None
        names = list(WITNESSING)[:count]
        lines = [
            cosign(newest.note, name, WITNESSING[name], time_s + second)
            for name in names
            for second in range(2)
        ]
        for line in lines:
            name = line.split(" ")[1]
            uow.log.add_cosignatures(newest.size, {name: line}, at)
        uow.commit()
        return add_lines(newest.note, lines[-1:])


def _destroy(uow: SqlUnitOfWork, begun: Begun, groups: tuple[str, ...]) -> None:
    """Step 5 of an erasure, by the product's own hand."""
    with uow:
        tags = [uow.keeping.tag(GroupName(group)) for group in groups]
        uow.keeping.begin(begun, [(tag, 0) for tag in tags])
        uow.keeping.destroy(begun.id)
        uow.commit()
