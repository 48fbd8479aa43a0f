"""The Land on one machine: ``python -m tests.support.land [TOWNS.csv] [--count N]`` (P17).

Every municipality of the list is a node of this one process: its own keys, SQLite file,
exchange log, worker and listener, and every call between two of them is HTTP over loopback.
From each a person moves to another, drawn by the seed, while towns go down and come back;
everybody approves. At the end the databases are read from outside. Nobody works at pages,
so the listeners for people stay closed; what else is shared says ADR 0048.
"""

import argparse
import asyncio
import gc
import json
import resource
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import TextIO

import structlog

from node.bootstrap import Node, Shared, build_node
from node.cases.relocation import Source
from node.casework.relocations import Move, record_relocation
from node.config import load_settings
from node.ids import CaseId, MemberId, TransferId
from node.serving import listen_to_peers
from node.sync import decision
from node.sync.ports import UnitOfWork
from node.sync.transfer import Inbound, Outbound
from tests.support.landcheck import Expected, Verdict, judge
from tests.support.landfound import Land, Seat, found_land, read_towns
from tests.support.pair import APPROVER, CLERK, add_staff, give_consent, open_case

READERS = 8
PEOPLE = 8
LOOK_S = 0.25
LOOKS_PER_S = 60
"""How often people and the run look at towns, so that looking does not become the work."""
UNDER_WAY = 150
"""Handovers that are open at a time. One process has one processor: with a thousand at once
calls come too late, and whoever is found unreachable again and again waits up to an hour."""
VERIFIED_BY_ALL = 64
"""Up to so many towns each verifies the directory itself; above, one does for all."""


class Town:
    """One node that can be stopped and started; people act at it while it is up."""

    def __init__(self, seat: Seat, shared: Shared) -> None:
        self.seat = seat
        self.shared = shared
        self.lock = asyncio.Lock()
        self.node: Node | None = None
        self._stack = AsyncExitStack()
        self._worker: asyncio.Task[None] | None = None

    async def start(self) -> Node:
        """Open its files and its listener, and let it work."""
        settings = load_settings(self.seat.folder)
        node = await self._stack.enter_async_context(
            build_node(settings, shared=self.shared)
        )
        await listen_to_peers(node, self._stack)
        self._worker = asyncio.get_running_loop().create_task(node.worker.run())
        self.node = node
        return node

    async def stop(self) -> None:
        """Whatever is under way is cut off; a worker that died by itself is an error."""
        self.node = None
        if self._worker is not None:
            assert not self._worker.done(), self._worker
            self._worker.cancel()
            await asyncio.gather(self._worker, return_exceptions=True)
            self._worker = None
        await self._stack.aclose()

    async def act(self, what: Callable[[Node], Awaitable[bool]]) -> bool:
        """Somebody does something here; False while the town is down."""
        async with self.lock:
            return self.node is not None and await what(self.node)


@dataclass
class Report:
    """What the run came to, as printed."""

    towns: int
    kreise: int
    seed: int
    directory_verified_by: int
    founded_s: float = 0
    started_s: float = 0
    relocations: int = 0
    closed: int = 0
    lost: int = 0
    doubled: int = 0
    broken_rules: int = 0
    broken_jobs: int = 0
    outages: int = 0
    seconds: float = 0
    cpu_s: float = 0
    checked_s: float = 0
    idle_rss_mib: int = 0
    peak_rss_mib: int = 0
    threads: int = 0
    sockets: int = 0
    files: int = 0
    findings: list[str] = field(default_factory=list)

    @property
    def is_good(self) -> bool:
        """Everything closed, nothing lost, nothing doubled, no rule broken."""
        bad = self.lost + self.doubled + self.broken_rules + self.broken_jobs
        return self.closed == self.relocations and not bad

    def measure(self) -> None:
        """Threads, sockets and files as they are now, if more than ever before."""
        names = [_target(path) for path in Path("/proc/self/fd").iterdir()]
        sockets = sum(name.startswith("socket:") for name in names)
        self.threads = max(self.threads, threading.active_count())
        self.sockets = max(self.sockets, sockets)
        self.files = max(self.files, len(names) - sockets)
        # In KiB on Linux.
        used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        self.peak_rss_mib = used // 1024


@dataclass(frozen=True)
class Campaign:
    """How a run is to be."""

    count: int = 0
    seed: int = 1
    path: Path | None = None
    limit_s: float = 3600
    tell: Callable[[str], None] = lambda _text: None
    watch: Callable[[Land, list[Expected]], None] = lambda _land, _expected: None


async def run(folder: Path, campaign: Campaign) -> Report:
    """Found, start, move, fail, come back, come to rest, and look at everything."""
    places = read_towns(campaign.path, campaign.count, campaign.seed)
    begun = time.monotonic()
    land = await asyncio.to_thread(found_land, folder, places)
    towns = len(land.seats)
    verified = towns if towns <= VERIFIED_BY_ALL else 1
    report = Report(towns, land.kreise, campaign.seed, verified)
    report.founded_s = _since(begun)
    campaign.tell(f"{towns} towns founded in {report.founded_s} s")
    with (
        (folder / "land.log").open("w+", encoding="utf-8") as log,
        ThreadPoolExecutor(READERS, thread_name_prefix="land-reader") as readers,
    ):
        former = structlog.get_config()
        _log_to(log)
        try:
            async with _started(land, Shared(readers), report) as all_towns:
                campaign.tell(f"all started in {report.started_s} s")
                expected = await _live(land, all_towns, campaign, report)
        finally:
            structlog.configure(**former)
        log.seek(0)
        report.broken_jobs = sum('"job broke"' in line for line in log)
    campaign.tell("at rest, stopped; looking at every database")
    begun = time.monotonic()
    campaign.watch(land, expected)
    verdict = await asyncio.to_thread(judge, land, expected)
    report.checked_s = _since(begun)
    _enter(report, verdict)
    return report


@asynccontextmanager
async def _started(
    land: Land, shared: Shared, report: Report
) -> AsyncIterator[list[Town]]:
    begun = time.monotonic()
    towns: list[Town] = []
    async with AsyncExitStack() as stack:
        for seat in land.seats:
            town = Town(seat, shared)
            stack.push_async_callback(town.stop)
            node = await town.start()
            towns.append(town)
            if report.directory_verified_by == 1:
                shared = Shared(shared.readers, node.library)
                set_aside()
        report.started_s = _since(begun)
        report.measure()
        report.idle_rss_mib = report.peak_rss_mib
        yield towns


async def _live(
    land: Land, towns: list[Town], campaign: Campaign, report: Report
) -> list[Expected]:
    """One relocation from each town to another, under outages, until all is at rest."""
    dice = Random(campaign.seed)
    expected: list[Expected] = []
    begun, cpu = time.monotonic(), time.process_time()
    for town in towns:
        assert town.node is not None
        case = await asyncio.to_thread(_prepare, town.node)
        other = dice.choice([seat for seat in land.seats if seat != town.seat])
        expected.append(Expected(case, town.seat, other))
    report.relocations = len(expected)
    campaign.tell(f"{len(expected)} persons and consents recorded")
    set_aside()
    loop, over = asyncio.get_running_loop(), asyncio.Event()
    moves = list(zip(towns, expected, strict=True))
    dice.shuffle(moves)
    at = {town.seat.member: town for town in towns}
    under_way: dict[MemberId, Expected] = {}
    jobs = [
        *(loop.create_task(_move(land, moves, under_way)) for _ in range(PEOPLE)),
        loop.create_task(_approve(at, under_way)),
    ]
    failing = loop.create_task(_fail(towns, dice, report, over))
    closed, told = 0, 0
    while closed < len(expected) and time.monotonic() - begun < campaign.limit_s:
        assert not any(job.done() and job.exception() for job in jobs), jobs
        assert not failing.done(), failing
        for member in list(under_way):
            if await at[member].act(_is_closed_at):
                del under_way[member]
                closed += 1
        report.measure()
        set_aside()
        if closed - told >= len(expected) / 10:
            told = closed
            campaign.tell(f"{told} closed after {_since(begun)} s")
        await asyncio.sleep(max(LOOK_S, len(under_way) / LOOKS_PER_S))
    report.closed, report.seconds = closed, _since(begun)
    report.cpu_s = round(time.process_time() - cpu, 1)
    over.set()
    for job in jobs:
        job.cancel()
    await failing
    await asyncio.gather(*jobs, return_exceptions=True)
    await _rest(towns, begun + campaign.limit_s)
    report.measure()
    return expected


def set_aside() -> None:
    """Nearly all objects stay; the collector takes many seconds for a thousand nodes.

    What it would find in a circle that is set aside here stays until the run ends.
    """
    gc.collect(1)
    gc.freeze()


def _prepare(node: Node) -> CaseId:
    """A person with a talk and a plan, who agrees."""
    add_staff(node)
    case = open_case(node)
    give_consent(node, case)
    return case


async def _move(
    land: Land,
    moves: list[tuple[Town, Expected]],
    under_way: dict[MemberId, Expected],
) -> None:
    """One of those who record relocations; a town that is down is tried again."""
    while moves:
        if len(under_way) >= UNDER_WAY:
            await asyncio.sleep(LOOK_S)
            continue
        town, expected = moves.pop()
        under_way[town.seat.member] = expected
        if not await town.act(lambda node, e=expected: _relocate(node, land, e)):  # type: ignore[misc]
            del under_way[town.seat.member]
            moves.insert(0, (town, expected))
            await asyncio.sleep(LOOK_S)


async def _relocate(node: Node, land: Land, expected: Expected) -> bool:
    day = node.office.clock.now().date() + timedelta(days=9)
    move = Move((expected.case,), expected.to.ags, day, Source.FORM)
    await node.store.write(
        record_relocation, node.office, move, by=CLERK, places=land.places
    )
    return True


async def _approve(
    at: dict[MemberId, Town], under_way: dict[MemberId, Expected]
) -> None:
    """Approvers who look at their inbox again and again and say yes."""
    while True:
        there = {expected.to.member for expected in under_way.values()}
        for member in there:
            await at[member].act(_approve_at)
        await asyncio.sleep(max(LOOK_S, len(there) / LOOKS_PER_S))


async def _approve_at(node: Node) -> bool:
    for transfer in await node.store.read(_waiting):
        await node.store.write(decision.approve, node.office, transfer, by=APPROVER)
    return True


def _waiting(uow: UnitOfWork) -> list[TransferId]:
    with uow:
        return list(uow.inbound.in_states([Inbound.WAITING]))


async def _is_closed_at(node: Node) -> bool:
    return await node.store.read(_is_closed)


def _is_closed(uow: UnitOfWork) -> bool:
    with uow:
        return bool(uow.outbound.in_states([Outbound.CLOSED]))


async def _fail(
    towns: list[Town], dice: Random, report: Report, over: asyncio.Event
) -> None:
    """Towns go down in the middle of whatever they do, and come back; a few at a time.

    To start a node costs as much as many handovers: outages are rare enough that the work
    of a large Land is not to start.
    """

    pace = max(1.0, len(towns) / 100)

    async def one() -> None:
        while not over.is_set():
            await asyncio.sleep(dice.uniform(0.05, 0.5) * pace)
            town = dice.choice(towns)
            async with town.lock:
                if town.node is None:
                    continue
                await town.stop()
            report.outages += 1
            await asyncio.sleep(dice.uniform(0.2, 3.0))
            async with town.lock:
                await town.start()

    await asyncio.gather(*(one() for _ in range(min(4, max(2, len(towns) // 100)))))


async def _rest(towns: list[Town], until: float) -> None:
    """Until no town has anything left to say to another."""
    busy = list(towns)
    while busy and time.monotonic() < until:
        waiting = [town for town in busy if await _has_rows(town)]
        busy = waiting
        await asyncio.sleep(LOOK_S)


async def _has_rows(town: Town) -> bool:
    assert town.node is not None
    return await town.node.store.read(_is_waiting)


def _is_waiting(uow: UnitOfWork) -> bool:
    with uow:
        return bool(uow.outbox.waiting_peers())


def _enter(report: Report, verdict: Verdict) -> None:
    report.lost, report.doubled = verdict.lost, verdict.doubled
    report.broken_rules = len(verdict.findings)
    report.findings = verdict.findings[:20]


def _log_to(log: TextIO) -> None:
    """The nodes' own lines, personal data free as ever, into a file of the run."""
    structlog.configure(
        processors=[
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.processors.dict_tracebacks,
            structlog.processors.JSONRenderer(default=str),
        ],
        logger_factory=structlog.PrintLoggerFactory(log),
        cache_logger_on_first_use=False,
    )


def _target(path: Path) -> str:
    try:
        return str(path.readlink())
    except OSError:
        return ""


def _since(begun: float) -> float:
    return round(time.monotonic() - begun, 1)


def main() -> None:
    """One run; prints what it came to, as one JSON object with ``--json``."""
    parser = argparse.ArgumentParser(prog="land")
    parser.add_argument("towns", nargs="?", type=Path, help="ags,name,… (CSV)")
    parser.add_argument("--count", type=int, default=0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--limit", type=float, default=3600, help="seconds")
    parser.add_argument("--keep", type=Path, help="leave everything in this folder")
    asked = parser.parse_args()
    # Each node holds a few files and sockets; a thousand of them hold many.
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    gc.freeze()
    folder = asked.keep or Path(tempfile.mkdtemp(prefix="land-"))
    folder.mkdir(parents=True, exist_ok=True)
    campaign = Campaign(
        asked.count,
        asked.seed,
        asked.towns,
        asked.limit,
        lambda text: print(f"  {text}", file=sys.stderr, flush=True),
    )
    try:
        report = asyncio.run(run(folder, campaign))
    finally:
        if asked.keep is None:
            shutil.rmtree(folder)
    print(json.dumps(asdict(report), indent=1, ensure_ascii=False))
    sys.exit(0 if report.is_good else 1)


if __name__ == "__main__":
    main()
