"""Whole handovers beside two Matrix Synapse homeservers in the same run: goals P1 to P7.

``make bench-peer``, ``BENCH_COUNT=200``. Both sides in turn, so that a machine that is busy
for a while is so for both; quote the ratios, not the figures. Synapse is installed into
``.venv-peer``; where that fails, ours alone is measured.

What is compared: a person records a relocation, and a whole handover follows; somebody
sends a message of that size, and a client of the other server sees it.
"""

import asyncio
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Protocol

from bench.handover import TALKS, conditions, measure, show, show_spread
from bench.processes import (
    MissingError,
    disk_mib,
    end,
    install,
    memory_mib,
    wait_until_it_answers,
)
from bench.rooms import Rooms, Sent
from bench.synapse import RETRY_S, VERSION, Authority, Homeserver, install_synapse
from bench.town import SENDERS, spread
from node.bootstrap import own_hands
from node.demo.show import Federation, found_federation, free_ports, places, start

ROOT = Path(__file__).parents[1]
CACHE = ROOT / ".venv-peer"
COUNT = int(os.environ.get("BENCH_COUNT", "200"))
OUTAGE, CALM = min(500, COUNT), min(200, COUNT)
BYTES = (2_000, 20_000)
IDLE_S = 5.0
STARTS = 3


@dataclass(frozen=True)
class Goal:
    """A ratio of ours to theirs that is at most, or with ``more`` at least, so much."""

    name: str
    what: str
    must: float
    want: float
    more: bool = False

    def verdict(self, ratio: float) -> str:
        sign = "≥" if self.more else "≤"
        said = []
        for word, bound in (("must", self.must), ("want", self.want)):
            met = ratio >= bound if self.more else ratio <= bound
            said.append(f"{word} {sign} {bound:<4g} {'met' if met else 'MISSED':6}")
        return "  ".join(said)


GOALS = {
    "cpu": Goal("P1", "CPU of both ends for one of 2 kB, ms", 0.15, 0.10),
    "small": Goal("P2", "2 kB, 16 senders, per second", 8, 12, more=True),
    "large": Goal("P3", "20 kB, 16 senders, per second", 6, 9, more=True),
    "p50": Goal("P4", "posted to there, one at a time, p50, ms", 0.2, 0.12),
    "p99": Goal("P4", "posted to there, one at a time, p99, ms", 0.25, 0.12),
    "back": Goal("P5", f"catch-up of {OUTAGE}, the last one, s", 0.15, 0.08),
    "idle": Goal("P6", "memory of the larger process, idle, MiB", 0.8, 0.7),
    "loaded": Goal("P6", "the same after P2 and P3, MiB", 1.0, 0.8),
    "ready": Goal("P7", "start to ready, s", 0.7, 0.5),
    "disk": Goal("P7", "installed, MiB", 0.6, 0.45),
}
Figures = dict[str, float]


class Server(Protocol):
    """A process that can be started more than once."""

    def start(self) -> float: ...

    def end(self) -> None: ...

    @property
    def pid(self) -> int: ...


class OurNode:
    """``staffelstab serve``, nobody working at it."""

    def __init__(self, data: Path, peer_port: int) -> None:
        self.data = data
        self.url = f"http://127.0.0.1:{peer_port}/.well-known/staffelstab"
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    def start(self) -> float:
        """Seconds until it answers other towns; people are listened to before."""
        begun = time.monotonic()
        self.process = start(self.data)
        wait_until_it_answers(self.process, self.url, self.data / "node.log")
        return time.monotonic() - begun

    def end(self) -> None:
        if self.process is not None:
            end(self.process)


def start_in_turn(*servers: Server) -> list[float]:
    """The median time of each until it answers, after one start that fills caches."""
    rounds: list[list[float]] = []
    for _ in range(1 + STARTS):
        rounds.append([])
        for server in servers:
            rounds[-1].append(server.start())
            server.end()
    return [statistics.median(times) for times in zip(*rounds[1:], strict=True)]


def idle_mib(*servers: Server) -> float:
    """What the larger of them holds when it runs and nobody asks; they stay running."""
    for server in servers:
        server.start()
    time.sleep(IDLE_S)
    return max(memory_mib(server.pid) for server in servers)


class Ours:
    """Our towns, fresh ones for each run."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.figures = folder, Figures()
        self.memory, self.failed = 0.0, 0

    def nodes(self, stack: ExitStack) -> list[OurNode]:
        """Two towns that nobody works at; the stack ends them."""
        folder = self.folder / "rest"
        folder.mkdir(parents=True)
        federation = Federation(folder, *places(free_ports(4)))
        found_federation(federation, own_hands())
        nodes = [
            OurNode(federation.data(place), place.peer_port)
            for place in (federation.wehr, federation.saeckingen)
        ]
        for node in nodes:
            stack.callback(node.end)
        return nodes

    def size(self) -> None:
        source, venv = self.folder / "source", self.folder / "venv"
        shutil.copytree(ROOT / "node", source / "node")
        for name in ("pyproject.toml", "README.md", "LICENSE"):
            shutil.copy(ROOT / name, source)
        print("Installing Staffelstab without test tools, to weigh it ...", flush=True)
        try:
            install(venv, "-c", str(ROOT / "constraints.txt"), str(source))
        except MissingError as missing:
            print(f"  not weighed: {missing}")
        else:
            self.figures["disk"] = disk_mib(venv)

    def flow(self, name: str, talks: int) -> None:
        run = measure(self.folder / name, talks, COUNT)
        self.memory = max(self.memory, run["memory"])
        cpu = 1000 * (run["cpu"] + run["cpu_there"]) / run["closed"]
        self.figures[name] = run["closed"] / run["seconds"]
        if name == "small":
            self.figures["cpu"] = cpu
        self.figures["loaded"] = self.memory
        print(
            f"\nours: {run['closed']} handovers, container {run['container']:.0f} bytes"
        )
        show("whole handovers per second", self.figures[name])
        show("CPU of both ends per handover, ms", cpu)
        show_spread("posted at once to stored, p50 / p95 / p99, ms", run["stored"])
        show("lost, doubled", f"{run['lost']}, {run['doubled']}")

    def calm(self) -> None:
        stored = measure(self.folder / "calm", TALKS[0], CALM, calm=True)["stored"]
        self.figures |= {"p50": stored["50"], "p99": stored["99"]}

    def outage(self) -> None:
        run = measure(self.folder / "outage", TALKS[0], OUTAGE, outage=True)
        self.figures["back"] = run["after_return"]
        missing = OUTAGE - run["closed"]
        print(f"\nours: catch-up of {OUTAGE}")
        show("from its start to the last close, s", run["after_return"])
        show("lost, doubled", f"{run['lost']}, {run['doubled']}")
        show("without receipt", missing)
        self.failed = run["lost"] + run["doubled"] + missing


class Theirs:
    """Both homeservers, the same ones for all runs."""

    def __init__(self, folder: Path, python: Path, stack: ExitStack) -> None:
        folder.mkdir()
        authority = Authority(folder)
        ports = free_ports(4)
        self.a = Homeserver(folder / "a", python, authority, ports[:2])
        self.b = Homeserver(folder / "b", python, authority, ports[2:])
        for server in (self.a, self.b):
            stack.callback(server.end)
        self.figures: Figures = {"disk": disk_mib(CACHE)}

    async def flow(self, rooms: Rooms, name: str, size: int) -> None:
        sent = await rooms.measure(COUNT, size)
        self.figures[name] = len(sent.latencies) / sent.seconds
        if name == "small":
            self.figures["cpu"] = 1000 * sent.cpu / COUNT
        self.figures["loaded"] = max(memory_mib(s.pid) for s in (self.a, self.b))
        print(f"\nSynapse: {COUNT} events of {size} bytes")
        show("events seen per second", self.figures[name])
        show("CPU of both ends per event, ms", 1000 * sent.cpu / COUNT)
        show_spread("posted to seen, p50 / p95 / p99, ms", percentiles(sent))
        show("lost", sent.lost)

    async def calm(self, rooms: Rooms) -> None:
        found = percentiles(await rooms.measure(CALM, BYTES[0], calm=True))
        self.figures |= {"p50": found["50"], "p99": found["99"]}

    async def outage(self, rooms: Rooms) -> None:
        sent = await rooms.catch_up(OUTAGE, BYTES[0])
        self.figures["back"] = sent.seconds
        print(f"\nSynapse: catch-up of {OUTAGE}, retry every {RETRY_S} s")
        show("from its start to the last that was seen, s", sent.seconds)
        show("never seen", sent.lost)


def percentiles(sent: Sent) -> dict[str, float]:
    found = spread(timedelta(seconds=latency) for latency in sent.latencies)
    return {str(p): value for p, value in found.items()}


def at_rest(ours: Ours, theirs: Theirs | None) -> None:
    with ExitStack() as stack:
        nodes = ours.nodes(stack)
        if theirs is None:
            [ours.figures["ready"]] = start_in_turn(nodes[0])
        else:
            ready = start_in_turn(nodes[0], theirs.a)
            ours.figures["ready"], theirs.figures["ready"] = ready
            theirs.figures["idle"] = idle_mib(theirs.a, theirs.b)
        ours.figures["idle"] = idle_mib(*nodes)


async def both_in_turn(ours: Ours, theirs: Theirs) -> None:
    # Ours is run by calls that block: nothing of theirs shall happen meanwhile.
    async with Rooms(theirs.a, theirs.b, SENDERS) as rooms:
        for name, size, talks in zip(("small", "large"), BYTES, TALKS, strict=True):
            await theirs.flow(rooms, name, size)
            ours.flow(name, talks)
        await theirs.calm(rooms)
        ours.calm()
        await theirs.outage(rooms)
        ours.outage()


def ours_alone(ours: Ours) -> None:
    for name, talks in zip(("small", "large"), TALKS, strict=True):
        ours.flow(name, talks)
    ours.calm()
    ours.outage()


def print_goals(ours: Ours, theirs: Figures) -> None:
    print(f"\n{'':46}{'ours':>10}{'Synapse':>10}{'ratio':>8}")
    for key, goal in GOALS.items():
        own, other = ours.figures.get(key), theirs.get(key)
        line = f"{goal.name} {goal.what:43}"
        line += "".join(f"{'-' if v is None else f'{v:.1f}':>10}" for v in (own, other))
        if own is not None and other is not None:
            line += f"{own / other:8.2f}  {goal.verdict(own / other)}"
        print(line)
    met = "MISSED" if ours.failed else "met"
    print(
        f"P5 ours lost, doubled or without receipt{ours.failed:>16}{'':20}must 0      {met}"
    )


def main() -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended from outside"))
    print(conditions())
    print(
        f"Synapse {VERSION}: two processes, SQLite (WAL, FULL), TLS between them, a room\n"
        f"for each of {SENDERS} senders, one event in each before; high rate limits, no\n"
        f"presence; a server that is away is tried every {RETRY_S} s (forced; its defaults\n"
        "wait minutes). Ours: no TLS, which ends at the operator's proxy; fresh towns for\n"
        "each run; retries as they are."
    )
    with tempfile.TemporaryDirectory(prefix="staffelstab-peer-") as name:
        folder = Path(name)
        ours = Ours(folder / "ours")
        try:
            python = install_synapse(CACHE)
        except MissingError as missing:
            print(f"Matrix Synapse cannot be installed, ours alone: {missing}")
            python = None
        ours.size()
        with ExitStack() as stack:
            theirs = Theirs(folder / "synapse", python, stack) if python else None
            at_rest(ours, theirs)
            if theirs is None:
                ours_alone(ours)
            else:
                asyncio.run(both_in_turn(ours, theirs))
        print_goals(ours, theirs.figures if theirs else {})


if __name__ == "__main__":
    main()
