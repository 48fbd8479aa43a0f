"""A log in a real database with groups that can be held and erased, and its witness."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

from node.casework.eraser import Eraser
from node.casework.erasing import Plan, begin_all
from node.crypto.checkpoint import COSIGNATURE, ED25519, NoteKey, cosign
from node.crypto.keys import SigningKey
from node.crypto.merkle import Frontier
from node.errors import UnknownNodeError
from node.exchangelog.audit import check_export
from node.exchangelog.entry import GroupName
from node.exchangelog.finding import Report
from node.exchangelog.keeping import Basis, Terms
from node.exchangelog.kinds import EntryClass, EntryType
from node.failpoints import Failpoints, NoFailpoints
from node.ids import AccountId, TransferId
from node.store.mark import Mark, write_mark
from node.store.publisher import Publisher
from node.store.runner import Store
from node.store.unit import SqlUnitOfWork
from node.store.work import Means
from node.sync.logbook import Who
from node.sync.office import Office
from node.sync.rows import EntryDraft
from node.trust.directory import Directory
from tests.support.acts import tamper, write
from tests.support.databases import HandClock
from tests.support.exchangelog import digest

ERASURE = b"\x0e" * 16
OWN = "wehr.example/witness/1"
WITNESS = SigningKey.from_seed(b"\x55" * 32)
WITNESS_KEY = NoteKey("b.example/witness/1", WITNESS.public, COSIGNATURE)
ANNA, BERT = AccountId("0a" * 16), AccountId("0b" * 16)
DAY = timedelta(days=1)


def plant_erased(store: Store, index: int) -> None:
    """A row of ``log_erased``, with the erasure that it names."""
    tamper(
        store,
        "INSERT INTO log_erasure (id, basis, state, intent, done) "
        "VALUES (:id, 'order', 'done', :c, :c) ON CONFLICT DO NOTHING",
        id=ERASURE,
        c=bytes(32),
    )
    tamper(
        store,
        "INSERT INTO log_erased (idx, erasure_id) VALUES (:idx, :id)",
        idx=index,
        id=ERASURE,
    )


def number(n: int) -> TransferId:
    """The n-th transfer of a test."""
    return TransferId(f"{n:032x}")


def no_directory() -> Directory:
    """Nobody else is needed to erase."""
    raise UnknownNodeError("no directory here")


@dataclass
class Keeper:
    """One node's log with all that writes, signs, cosigns, erases and checks it."""

    store: Store
    means: Means
    folder: Path
    failpoints: Failpoints
    terms: Terms = field(default_factory=Terms)

    @property
    def clock(self) -> HandClock:
        """The clock by hand."""
        clock = self.means.clock
        assert isinstance(clock, HandClock)
        return clock

    @property
    def office(self) -> Office:
        """What the node brings to its use cases."""
        return Office(
            keys=lambda: self.means.keyring,
            clock=self.means.clock,
            randomness=self.means.randomness,
            directory=no_directory,
            failpoints=self.failpoints,
            log_origin=self.means.log_origin,
            witness_name=OWN,
        )

    @property
    def eraser(self) -> Eraser:
        """As the worker has it, after a start."""
        return Eraser(self.store, self.office, self.terms)

    def start(self) -> "Keeper":
        """Begin the log."""
        mark = Mark(self.means.log_origin, 1, Frontier())
        write_mark(self.folder / "log.mark", mark)
        write(self.store, lambda uow: uow.start_log(self.clock.now()))
        return self

    def deny(self, transfer: TransferId, count: int = 3) -> list[bytes]:
        """Some entries about a transfer."""

        def act(uow: SqlUnitOfWork) -> list[bytes]:
            made: list[bytes] = []
            for _ in range(count):
                prev = made[-1] if made else None
                made.append(uow.log.append(denied(transfer, self.clock.now(), prev)))
            return made

        return write(self.store, act)

    def view(self) -> bytes:
        """An entry of the class ``audit``."""
        at = self.clock.now()
        draft = EntryDraft(
            type=EntryType.AUDIT_VIEWED,
            at=at,
            group=GroupName.of_month(EntryClass.AUDIT, at),
            fields={"count": 1, "digest": digest("seen").hex()},
            role="auditor",
            actor=ANNA,
        )
        return write(self.store, lambda uow: uow.log.append(draft))

    def publish(self) -> None:
        """Sign what is committed."""
        Publisher(
            self.store,
            self.means,
            self.folder / "log.mark",
            failpoints=NoFailpoints(),
        ).publish()

    def cosign(self, drift: timedelta = timedelta(), name: str = "") -> None:
        """Another town cosigns the newest head now; its clock may be wrong."""
        at = self.clock.now()
        name = name or WITNESS_KEY.name

        def act(uow: SqlUnitOfWork) -> None:
            newest = uow.log.newest()
            assert newest is not None
            signed_s = int((at + drift).timestamp())
            line = cosign(newest.note, name, WITNESS, signed_s)
            uow.log.add_cosignatures(newest.size, {name: line}, at)

        write(self.store, act)

    def witness(self) -> None:
        """Sign and cosign."""
        self.publish()
        self.cosign()

    def pass_time(self, period: timedelta) -> None:
        """Move the clock."""
        self.clock.at += period

    def tag(self, transfer: TransferId) -> bytes:
        """The group of a transfer."""
        name = GroupName.of_transfer(transfer)
        return self.store.read_sync(lambda uow: uow.keeping.tag(name))

    def order(self, *transfers: TransferId) -> bytes:
        """Two people order an erasure."""
        plan = Plan(
            Basis.ORDER,
            "AZ-7",
            tuple(self.tag(t) for t in transfers),
            Who("approver", ANNA, BERT),
        )
        return self.store.write_sync(begin_all, self.office, plan)

    def erase(self, *transfers: TransferId) -> bytes:
        """The whole way at once, with a witness."""
        erasure = self.order(*transfers)
        self.witness()
        assert self.eraser.advance() == ()
        self.witness()
        return erasure

    def report(self) -> Report:
        """The whole check."""
        key = NoteKey(self.means.log_origin, self.means.keyring.log.public, ED25519)

        def check(uow: SqlUnitOfWork) -> Report:
            rows = uow.log_rows.export(key, witnesses=(WITNESS_KEY,))
            return check_export(rows)

        return self.store.read_sync(check)

    def codes(self) -> list[tuple[str, int]]:
        """All findings as pairs of code and first index."""
        return [(str(f.code), f.index) for f in self.report().findings]

    def with_failpoints(self, failpoints: Failpoints) -> "Keeper":
        """The same node, which may be made to fail."""
        return replace(self, failpoints=failpoints)


def keeper(store: Store, means: Means, folder: Path) -> Keeper:
    """A node with an empty log, a clock in February 2026."""
    return Keeper(store, means, folder, NoFailpoints()).start()


def denied(transfer: TransferId, at: datetime, prev: bytes | None) -> EntryDraft:
    """A short entry about a transfer."""
    return EntryDraft(
        type=EntryType.TRANSFER_DENIED,
        at=at,
        group=GroupName.of_transfer(transfer),
        fields={
            "transfer": str(transfer),
            "attempt": 1,
            "peer": "08337096-stadt-bad-saeckingen",
            "epoch": 1,
            "packet": None,
            "statement": None,
            "peer_cp": None,
            "outcome": None,
        },
        role="approver",
        actor=ANNA,
        prev=prev,
    )


class BrokenError(Exception):
    """The world failed here."""


class FailAt:
    """Raises at one point, once."""

    def __init__(self, point: object) -> None:
        """Choose the point."""
        self._point = point

    def reach(self, point: object) -> None:
        """Pass every other point."""
        if point is self._point:
            self._point = None
            raise BrokenError
