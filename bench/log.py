"""The exchange log beside floors of the same run: append, verify, prove, cosign, store.

``make bench-log``; the figures of exchange-log 10 and P12. ``BENCH_ENTRIES`` sets the size
of the log with bodies, ``BENCH_LEAVES`` that of the tree without. Absolute figures drift
with the machine: compare the ratios.
"""

import hashlib
import os
import statistics
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from sqlalchemy import select

from bench.floors import commits
from bench.handover import conditions, show
from node.clock import SystemClock
from node.crypto.checkpoint import (
    ED25519,
    Checkpoint,
    NoteKey,
    add_lines,
    cosign,
    sign_checkpoint,
)
from node.crypto.keys import Keyring, SigningKey
from node.crypto.merkle import (
    Frontier,
    MemoryTree,
    inclusion_proof,
    leaf_hash,
    root_of,
    verify_inclusion,
)
from node.exchangelog.audit import check_export
from node.exchangelog.export import LogExport
from node.exchangelog.finding import Verdict
from node.exchangelog.kinds import EntryType
from node.exchangelog.witness import (
    Accepted,
    SignedHead,
    WitnessMemory,
    ask,
    decide,
    encode_add_checkpoint,
    parse_add_checkpoint,
)
from node.failpoints import NoFailpoints
from node.ids import MemberId
from node.store.engine import open_engine
from node.store.files import SealedFiles
from node.store.logtables import log_head
from node.store.logtree import LogTree
from node.store.mark import Mark, write_mark
from node.store.migrate import upgrade
from node.store.publisher import Publisher
from node.store.register import DeletionRegister
from node.store.runner import Store
from node.store.weekkeys import WeekKeys
from node.store.work import Means
from node.sync.rows import EntryDraft, Head

ENTRIES = int(os.environ.get("BENCH_ENTRIES", "100000"))
LEAVES = int(os.environ.get("BENCH_LEAVES", "1000000"))
ORIGIN = "wehr.example/log/1"
HEAD = select(log_head)
KEYS = Keyring(
    member=MemberId("08337116-stadt-wehr"),
    sign_kid="s1",
    sign=SigningKey.from_seed(os.urandom(32)),
    sheet_kid="h1",
    sheet=SigningKey.from_seed(os.urandom(32)),
    log=SigningKey.from_seed(os.urandom(32)),
    witness=SigningKey.from_seed(os.urandom(32)),
    openings={},
    tag_key=os.urandom(32),
)
LOG_KEY = NoteKey(ORIGIN, KEYS.log.public, ED25519)
BATCH = 256
PER_GROUP = 6
"""Entries of one transfer in the batches; they share a key."""
WAITING = 128


class Log:
    """A store on a fresh SQLite file, with a log that was begun."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        url = f"sqlite:///{folder / 'node.db'}"
        engines = open_engine(url)
        upgrade(engines)
        engines.close()
        keys = WeekKeys(folder / "weeks", os.urandom(32))
        keys.make("2026-W07", os.urandom)
        self.means = Means(
            files=SealedFiles(folder / "files"),
            documents=SealedFiles(folder / "documents"),
            register=DeletionRegister(folder / "deleted.register"),
            week_keys=keys,
            clock=SystemClock(),
            randomness=os.urandom,
            keyring=KEYS,
            log_origin=ORIGIN,
        )
        self.file = folder / "node.db"
        self.store = Store(open_engine(url), self.means, listener=lambda *_: None)
        self.store.write_sync(self._start)
        write_mark(folder / "log.mark", Mark(ORIGIN, 1, Frontier()))
        self.publisher = Publisher(
            self.store, self.means, folder / "log.mark", failpoints=NoFailpoints()
        )
        self.size = 1

    def _start(self, uow):
        with uow:
            uow.start_log(self.means.clock.now())
            uow.commit()

    def append(self, count=1):
        """One unit with some entries of transfers."""
        self.store.write_sync(self._append, count)
        self.size += count

    def _append(self, uow, count):
        with uow:
            for number in range(count):
                if number % PER_GROUP == 0:
                    transfer, prev = os.urandom(16).hex(), None
                prev = uow.log.append(
                    EntryDraft(
                        type=EntryType.TRANSFER_DENIED,
                        at=self.means.clock.now(),
                        group=f"transfer:{transfer}",
                        prev=prev,
                        fields={
                            "transfer": transfer,
                            "attempt": 1,
                            "peer": "bad-saeckingen.example",
                            "epoch": 1,
                            "packet": os.urandom(32).hex(),
                            "statement": os.urandom(32).hex(),
                            "peer_cp": {"log": ORIGIN, "size": 9, "root": "ab" * 32},
                            "outcome": None,
                        },
                    )
                )
            uow.commit()


def percentile(times, share):
    return sorted(times)[int(share * (len(times) - 1))]


def timed(job: Callable[[], object], count: int) -> list[float]:
    times = []
    for _ in range(count):
        start = time.perf_counter()
        job()
        times.append(time.perf_counter() - start)
    return times


def best(job: Callable[[], object], count: int = 3) -> float:
    return min(timed(job, count))


def measure_append(log: Log, raw: float) -> None:
    times = timed(log.append, 2000)
    rate = len(times) / sum(times)
    show("lone append through the store, per second", rate)
    show("  to a raw commit (goal 0.2)", f"{rate / raw:.2f}")
    show("  p50, raw commits (goal 5)", round(statistics.median(times) * raw, 1))
    show("  p50 / p99, ms", f"{1000 * statistics.median(times):.2f} / "
         f"{1000 * percentile(times, 0.99):.2f}")  # fmt: skip
    each = 60
    start = time.perf_counter()
    people = [
        threading.Thread(target=lambda: [log.append() for _ in range(each)])
        for _ in range(WAITING)
    ]
    for person in people:
        person.start()
    for person in people:
        person.join()
    rate = WAITING * each / (time.perf_counter() - start)
    show(f"group commit, {WAITING} waiting, per second", rate)
    show("  to raw commits", f"{rate / raw:.2f}")
    start = time.perf_counter()
    log.size = log.store.read_sync(lambda uow: uow.log_rows.standing()).size
    before = log.size
    while log.size < ENTRIES:
        log.append(min(BATCH, ENTRIES - log.size))
        if log.size % (BATCH * 40) < BATCH:
            log.publisher.publish()
    rate = (log.size - before) / (time.perf_counter() - start)
    show(f"batches of {BATCH}, read back and signed, per second", rate)
    show("  to raw commits (goal 2)", f"{rate / raw:.2f}")
    log.publisher.publish()


def bare(leaves) -> bytes:
    """Every leaf and every inner node, once, with nothing but hashlib."""
    row = [hashlib.sha256(b"\x00" + leaf).digest() for leaf in leaves]
    while len(row) > 1:
        above = [
            hashlib.sha256(b"\x01" + left + right).digest()
            for left, right in zip(row[::2], row[1::2], strict=False)
        ]
        row = above + row[-1:] if len(row) % 2 else above
    return row[0]


def measure_check(store: Store, size: int, floor: float, *, opening: bool) -> float:
    def check(uow):
        export: LogExport = uow.log_rows.export(LOG_KEY)
        found = check_export(export if opening else replace(export, key=None))
        assert found.verdict is Verdict.VERIFIED, found.findings[:3]
        assert found.size == size

    seconds = best(lambda: store.read_sync(check), 2 if opening else 3)
    what = "with all openings" if opening else "structure: read, hash, root"
    show(f"{what}, {size} entries, s", f"{seconds:.2f}")
    show("  per second", size / seconds)
    show(
        "  to the bare loop" + ("" if opening else " (goal 0.4)"),
        f"{floor / seconds:.3f}",
    )
    return seconds


def floor_of(store: Store) -> float:
    leaves = store.read_sync(
        lambda uow: [row[1] for row in uow.log_rows.export(LOG_KEY).leaves]
    )
    seconds = best(lambda: bare(leaves))
    show(f"bare hashlib loop over {len(leaves)}, per second", len(leaves) / seconds)
    return seconds


def grow_tree(log: Log) -> None:
    """Leaves, tiles and head alone, through the product's own tree."""

    def grow(uow, count):
        with uow:
            work = uow._work
            row = work.row(HEAD)
            tree = LogTree(work)
            inputs = [b"\x01" + os.urandom(32) for _ in range(count)]
            frontier = tree.extend(Frontier.decode(row.frontier), inputs)
            work._connection.connection.driver_connection.execute(
                "UPDATE log_head SET size = ?, frontier = ?",
                (frontier.size, frontier.encode()),
            )
            uow.commit()

    start = time.perf_counter()
    while log.size < LEAVES:
        count = min(5000, LEAVES - log.size)
        log.store.write_sync(grow, count)
        log.size += count
    rate = LEAVES / (time.perf_counter() - start)
    show("append of leaves with root, in 5000s, per second", rate)

    def sign(uow):
        with uow:
            frontier = Frontier.decode(uow._work.row(HEAD).frontier)
            head = Checkpoint(ORIGIN, frontier.size, frontier.root())
            note = sign_checkpoint(head, KEYS.log)
            uow.log_rows.add_checkpoint(head, note, log.means.clock.now())
            uow.commit()

    log.store.write_sync(sign)


def measure_proofs(log: Log) -> None:
    newest = log.store.read_sync(lambda uow: uow.log.newest())
    size, root = newest.size, newest.root
    indexes = [int.from_bytes(os.urandom(7)) % size for _ in range(2000)]
    proofs, times = [], []
    for index in indexes:
        start = time.perf_counter()
        proof = log.store.read_sync(
            lambda uow, at=index: inclusion_proof(at, size, uow.log.tree())
        )
        times.append(time.perf_counter() - start)
        proofs.append(proof)
    show(
        f"inclusion proof from disk at {size}, p50, ms",
        f"{1000 * statistics.median(times):.2f}",
    )
    show("  p99, ms (goal 2)", f"{1000 * percentile(times, 0.99):.2f}")
    leaves = log.store.read_sync(
        lambda uow: {r[0]: r[1] for r in uow.log_rows.export(LOG_KEY).leaves}
    )
    hashes = [leaf_hash(leaves[index]) for index in indexes]
    start = time.perf_counter()
    for index, leaf, proof in zip(indexes, hashes, proofs, strict=True):
        verify_inclusion(index, size, leaf, proof, root)
    show("verification of one, µs", 1e6 * (time.perf_counter() - start) / len(indexes))
    note = newest.note
    for number in range(3):
        key = SigningKey.from_seed(os.urandom(32))
        line = cosign(note, f"witness{number}.example/witness/1", key, 1_770_000_000)
        note = add_lines(note, [line])
    longest = max(proofs, key=len)
    # C2SP tlog-proof: a name, the index, the hashes, an empty line, the checkpoint.
    text = (
        f"c2sp.org/tlog-proof@v1\nindex {size - 1}\n"
        + 45 * len(longest) * "x"
        + "\n"
        + note
    )
    show("proof with 3 cosignatures, bytes (goal 1600)", len(text.encode()))


def measure_witness(folder: Path, raw: float) -> None:
    """Parse, verify, remember durably, cosign: what add-checkpoint does."""
    log = Log(folder)
    other = SigningKey.from_seed(os.urandom(32))
    key = NoteKey("laufenburg.example/log/1", other.public, ED25519)
    tree, bodies, old = MemoryTree(), [], 0
    for size in range(5, 5 * 1001, 5):
        for number in range(tree.size, size):
            tree.append(leaf_hash(number.to_bytes(33, "big")))
        head = Checkpoint(key.name, size, root_of(size, tree))
        signed = SignedHead(head, sign_checkpoint(head, other))
        bodies.append(encode_add_checkpoint(ask(signed, old, tree)))
        old = size

    def serve(uow, body):
        request = parse_add_checkpoint(body)
        with uow:
            seen = uow.heads.seen(request.origin)
            memory = seen and WitnessMemory(
                seen.origin, seen.size, seen.root, seen.note
            )
            verdict = decide(request, key, memory)
            assert isinstance(verdict, Accepted)
            new = verdict.memory
            uow.heads.remember(
                Head(new.origin, new.size, new.root, new.note), log.means.clock.now()
            )
            uow.commit()
        return cosign(new.note, "wehr.example/witness/1", KEYS.witness, 1_770_000_000)

    todo = iter(bodies)
    times = timed(lambda: log.store.write_sync(serve, next(todo)), len(bodies))
    rate = len(times) / sum(times)
    show("witness: one cosignature, durable, per second", rate)
    show("  to a raw commit (goal 0.15)", f"{rate / raw:.2f}")
    show("  p50, ms", f"{1000 * statistics.median(times):.2f}")
    log.store.close()


def measure_space(log: Log) -> None:
    size = log.size
    total = log.file.stat().st_size
    wal = log.file.with_name("node.db-wal")
    total += wal.stat().st_size if wal.exists() else 0
    show("storage per entry, all tables, bytes (goal 1300)", total // size)


def main() -> None:
    print(conditions().replace(",\nloopback", ";\nloopback").partition(";\n")[0])
    with tempfile.TemporaryDirectory(dir=os.environ.get("BENCH_FOLDER")) as name:
        folder = Path(name)
        raw = commits(folder)
        print("\nappend")
        show("raw SQLite commit of one row, per second", raw)
        log = Log(folder / "log")
        measure_append(log, raw)
        print("\nverify")
        floor = floor_of(log.store)
        structure = measure_check(log.store, ENTRIES, floor, opening=False)
        whole = measure_check(log.store, ENTRIES, floor, opening=True)
        show("  openings to structure (goal 0.083)", f"{structure / whole:.3f}")
        log.store.close()
        measure_space(log)
        print("\nwitness")
        measure_witness(folder / "witness", raw)
        print(f"\na tree of {LEAVES} leaves")
        big = Log(folder / "big")
        grow_tree(big)
        measure_check(big.store, LEAVES, floor_of(big.store), opening=False)
        measure_proofs(big)
        big.store.close()


if __name__ == "__main__":
    main()
