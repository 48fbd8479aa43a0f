"""Killing a process that appends, again and again: what must then be there (EL-13).

``make log-kills KILLS=1000 SEED=1``. The process is killed without warning; now and then
its write-ahead log is cut where the last acknowledgement left it, or later. Then everything
is read back.
"""

import argparse
import multiprocessing
import os
import random
import shutil
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from node.crypto.merkle import Frontier
from node.errors import NodeError
from node.store.engine import open_engine
from node.store.mark import Mark
from node.store.runner import Store
from node.store.unit import SqlUnitOfWork
from tests.support.appending import append_forever
from tests.support.townlog import ORIGIN, WEEK, HandClock, means_of, opened, template

_C: Final = 32


@dataclass
class Trial:
    """One log, killed again and again."""

    folder: Path
    chance: random.Random
    mark: Mark = field(default_factory=lambda: Mark(ORIGIN, 1, Frontier()))
    acknowledged: int = 0
    kills: int = 0
    cuts: int = 0

    def begin(self) -> None:
        """Make the log."""
        self.folder.mkdir()
        empty = template(self.folder)
        empty.rename(self.folder / "node.db")
        means = means_of(self.folder, HandClock(), os.urandom)
        means.week_keys.make(WEEK, os.urandom)  # type: ignore[attr-defined]  # the real folder
        store = Store(
            open_engine(f"sqlite:///{self.folder / 'node.db'}"),
            means,
            listener=lambda what, key: None,
        )
        store.write_sync(_begin)
        store.close()

    def strike(self) -> None:
        """Let a process write, kill it, and read everything back.

        Raises:
            AssertionError: An acknowledged entry is not there.
            NodeError: The log does not add up.
        """
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(["tests.support.appending"])
        ours, theirs = context.Pipe(duplex=False)
        child = context.Process(
            target=append_forever, args=(str(self.folder), theirs), daemon=True
        )
        child.start()
        theirs.close()
        told: list[bytes] = []
        enough = self.chance.randrange(1, 25)
        while len(told) < enough and ours.poll(60):
            told.append(ours.recv_bytes())
        time.sleep(self.chance.random() * 0.003)
        child.kill()
        child.join()
        # What it told before it died counts, read or not.
        try:
            while ours.poll(0):
                told.append(ours.recv_bytes())
        except (EOFError, OSError):
            pass
        ours.close()
        assert len(told) >= enough, "the process wrote nothing"
        self.kills += 1
        if self.chance.random() < 0.3:
            self._cut(told)
        self._check(told)

    def _cut(self, told: list[bytes]) -> None:
        """Lose what was never acknowledged, as a power cut does; it may also be garbled."""
        wal = self.folder / "node.db-wal"
        # Threads tell in another order than they measured.
        synced = max(int.from_bytes(message[:8], "big") for message in told)
        raw = wal.read_bytes()
        if len(raw) <= synced:
            return
        cut = self.chance.randrange(synced, len(raw))
        wal.write_bytes(raw[:cut] + self.chance.randbytes(self.chance.choice((0, 900))))
        (self.folder / "node.db-shm").unlink(missing_ok=True)
        self.cuts += 1

    def _check(self, told: list[bytes]) -> None:
        entries = [
            message[at : at + _C]
            for message in told
            for at in range(8, len(message), _C)
        ]

        def look(uow: SqlUnitOfWork) -> tuple[Frontier, list[int | None]]:
            return (
                uow.log_rows.read_back(self.mark),
                [uow.log.index_of(entry) for entry in entries],
            )

        with opened(self.folder) as store:
            frontier, places = store.read_sync(look)
        assert None not in places, "an acknowledged entry is lost"
        assert len(set(places)) == len(entries), "two entries share a place"
        self.mark = self.mark.advance(frontier)
        self.acknowledged += len(entries)


def _begin(uow: SqlUnitOfWork) -> None:
    with uow:
        uow.start_log(HandClock().at)
        uow.commit()


def run(folder: Path, kills: int, seed: int) -> Trial:
    """Kill one log that often."""
    trial = Trial(folder / "log", random.Random(seed))
    trial.begin()
    for _ in range(kills):
        trial.strike()
    return trial


def main() -> int:
    """Run and print the figures.

    Returns:
        1 if an acknowledged entry is lost or the log does not add up.
    """
    options = argparse.ArgumentParser()
    options.add_argument("--kills", type=int, default=1000)
    options.add_argument("--seed", type=int, default=1)
    found = options.parse_args()
    start, folder = time.perf_counter(), Path(tempfile.mkdtemp(prefix="log-kills-"))
    trial = Trial(folder / "log", random.Random(found.seed))
    try:
        trial.begin()
        for _ in range(found.kills):
            trial.strike()
    except (AssertionError, NodeError) as error:
        print(f"after {trial.kills} kills, files kept in {folder}: {error}")
        return 1
    shutil.rmtree(folder)
    seconds = time.perf_counter() - start
    print(f"kills: {trial.kills}, of these with a cut write stream: {trial.cuts}")
    print(f"acknowledged entries: {trial.acknowledged}, lost: 0")
    print(
        f"entries in the log: {trial.mark.frontier.size}, contiguous, {seconds:.0f} s"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
