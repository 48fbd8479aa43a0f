"""The tamper campaign: thousands of attacks on witnessed logs, and as many clean logs.

``make tamper ATTACKS=5000 SEED=1``. Each attack starts from a copy of a log of ten thousand
entries and is checked offline, as ``log verify`` does it, by an auditor who holds one
cosigned checkpoint; in every second run without the signer's mark. Found means: the kind
and the first index, or the bracket of cosigned sizes, are the expected ones.
"""

import argparse
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from typing import Final

from node.cli.log import find_alarms
from node.errors import LogError, NodeError
from node.exchangelog.audit import check_export
from node.exchangelog.finding import Report, Verdict
from node.store.mark import Mark, read_mark
from node.store.unit import SqlUnitOfWork
from tests.support.attacker import ANYTHING, Attacker, Expected
from tests.support.attacks import ATTACKS
from tests.support.rewriting import REWRITES
from tests.support.townlog import (
    LOG_KEY,
    WITNESSES,
    HandClock,
    TownLog,
    build,
    opened,
    template,
)

KINDS: Final = {**ATTACKS, **REWRITES}
SIZE: Final = 10_000
PER_LOG: Final = 76


@dataclass
class Tally:
    """What came of the attacks, by kind."""

    tried: Counter[str] = field(default_factory=Counter)
    found: Counter[str] = field(default_factory=Counter)
    idle: Counter[str] = field(default_factory=Counter)
    clean: int = 0
    wrong: list[str] = field(default_factory=list)
    entries: int = 0

    def add(self, other: "Tally") -> None:
        """Sum up."""
        self.tried += other.tried
        self.found += other.found
        self.idle += other.idle
        self.clean += other.clean
        self.wrong += other.wrong
        self.entries += other.entries


@dataclass(frozen=True, slots=True)
class Job:
    """One log to be built; ``attacks`` are done to copies of it, 0 only checks it."""

    seed: int
    size: int
    tail: int
    attacks: int
    first: int = 0


def examine(log: TownLog, folder: Path, *, with_mark: bool) -> Report | str:
    """Check the log in a folder, as ``log verify`` and ``log status`` do.

    Returns:
        The report, or ``mark`` or ``unreadable`` where it never came to a check.
    """
    mark: Mark | None = None
    if with_mark:
        try:
            mark = read_mark(folder / "log.mark")
        except LogError:
            return "mark"
        if mark is None:
            return "mark"

    def check(uow: SqlUnitOfWork) -> Report | str:
        at = HandClock().at
        alarms = find_alarms(uow.log_rows.standing(), mark, own="", at=at)
        report = check_export(
            uow.log_rows.export(
                LOG_KEY,
                witnesses=WITNESSES,
                mark=None if mark is None else mark.head,
                outside=(log.auditor,),
            )
        )
        behind = mark is not None and "mark_behind" in alarms
        return "mark" if behind and report.verdict is Verdict.VERIFIED else report

    try:
        with opened(folder) as store:
            return store.read_sync(check)
    except NodeError:
        return "unreadable"


def judge(result: Report | str, expected: Expected | None) -> str | None:
    """What is wrong with a result, None if it is the expected one."""
    if isinstance(result, str):
        hit = expected is None or expected == ANYTHING or (result, 0) in expected.pairs
        return None if hit else f"{result}, expected {expected}"
    if expected is None:
        return None if result.verdict is Verdict.VERIFIED else f"false alarm: {result}"
    if result.verdict is Verdict.VERIFIED:
        return f"missed, expected {expected}"
    first = result.findings[0]
    if expected is ANYTHING:
        return None
    if (str(first.code), first.index) not in expected.pairs:
        listed = [(str(f.code), f.index) for f in result.findings[:4]]
        return f"found {listed}, expected {expected}"
    if expected.bracket is not None:
        low, high = expected.bracket
        if f"{low}," not in first.text or f"{high}" not in first.text:
            return f"no bracket {expected.bracket}: {first.text}"
    return None


def attack(log: TownLog, folder: Path, kind: str, seed: int) -> tuple[str, str | None]:
    """Do one attack to a fresh copy of a log.

    Returns:
        ``found``, ``idle`` (nothing that is evidence changed) or ``wrong``, and why.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    shutil.copy(log.folder / "node.db", folder / "node.db")
    shutil.copy(log.folder / "log.mark", folder / "log.mark")
    shutil.copytree(log.folder / "weeks", folder / "weeks")
    chance = random.Random(f"{seed} {kind}")
    attacker = Attacker(log, folder, chance)
    expected = chance.choice(KINDS[kind])(attacker)
    attacker.close()
    with_mark = chance.random() < 0.5 or kind.startswith("mark ")
    wrong = judge(examine(log, folder, with_mark=with_mark), expected)
    if wrong is not None:
        return "wrong", f"{kind}, seed {seed}: {wrong}"
    return ("idle" if expected is None else "found"), None


def run(job: Job) -> Tally:
    """Build a log, check it clean, attack copies of it."""
    memory = Path("/dev/shm")
    at = memory if memory.is_dir() else None
    with tempfile.TemporaryDirectory(prefix="tamper-", dir=at) as name:
        folder = Path(name)
        log = build(
            folder / "log",
            template(folder),
            seed=job.seed,
            size=job.size,
            tail=job.tail,
        )
        tally = Tally(clean=1, entries=log.size)
        wrong = judge(examine(log, log.folder, with_mark=job.seed % 2 == 0), None)
        if wrong is not None:
            tally.wrong.append(f"clean log, seed {job.seed}: {wrong}")
        kinds = list(KINDS)
        for number in range(job.first, job.first + job.attacks):
            kind = kinds[number % len(kinds)]
            result, why = attack(log, folder / "copy", kind, job.seed * 1000 + number)
            tally.tried[kind] += 1
            tally.found[kind] += result == "found"
            tally.idle[kind] += result == "idle"
            tally.wrong += [] if why is None else [why]
    return tally


def jobs(attacks: int, clean: int, seed: int) -> Iterator[Job]:
    """Logs of ten thousand entries to be attacked, and logs of all sizes that are not."""
    chance = random.Random(seed)
    for number in range(0, attacks, PER_LOG):
        yield Job(
            seed * 100_000 + number // PER_LOG,
            SIZE + chance.randrange(300),
            chance.choice((0, chance.randrange(80))),
            min(PER_LOG, attacks - number),
            number,
        )
    attacked = -(-attacks // PER_LOG)
    for number in range(attacked, clean):
        size = SIZE + chance.randrange(300)
        if number % 10:
            size = chance.choice((chance.randrange(1, 3000), 2 ** chance.randrange(12)))
        yield Job(seed * 100_000 + number, size, chance.choice((0, 0, 7)), 0)


def show(tally: Tally, seconds: float) -> None:
    """Print the table."""
    print(f"{'kind of attack':50}{'done':>7}{'hit':>7}{'found':>7}{'missed':>8}")
    for kind in KINDS:
        done, idle, found = tally.tried[kind], tally.idle[kind], tally.found[kind]
        if done:
            hit = done - idle
            print(f"{kind:50}{done:7}{hit:7}{found:7}{hit - found:8}")
    done, idle = tally.tried.total(), tally.idle.total()
    found = tally.found.total()
    print(f"{'all':50}{done:7}{done - idle:7}{found:7}{done - idle - found:8}")
    alarms = sum("clean log" in line for line in tally.wrong)
    print(f"clean logs: {tally.clean}, false alarms: {alarms}")
    print(f"entries written: {tally.entries}, {seconds:.0f} s")
    for line in tally.wrong[:40]:
        print(line)


def main() -> int:
    """Run the campaign.

    Returns:
        1 if anything was missed or a clean log accused.
    """
    options = argparse.ArgumentParser()
    options.add_argument("--attacks", type=int, default=5000)
    options.add_argument("--clean", type=int, default=1000)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--processes", type=int, default=2)
    options.add_argument("--minutes", type=float, default=0, help="then stop early")
    found = options.parse_args()
    total, start = Tally(), time.perf_counter()
    todo = list(jobs(found.attacks, found.clean, found.seed))
    with get_context("spawn").Pool(found.processes) as pool:
        for tally in pool.imap_unordered(run, todo):
            total.add(tally)
            spent = (time.perf_counter() - start) / 60
            if found.minutes and spent > found.minutes:
                print(f"stopped after {spent:.0f} minutes")
                break
    print(f"seed {found.seed}, {found.processes} processes")
    show(total, time.perf_counter() - start)
    return 1 if total.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
