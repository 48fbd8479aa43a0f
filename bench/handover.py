"""Whole handovers per second between two real processes, beside floors of the same run.

``make bench``. A handover is: relocation recorded, gate, offer, cosignature, container,
approval, grant, import, close; durable on both sides (SQLite, WAL, FULL). ``BENCH_COUNT``
sets how many handovers a run has.

Absolute figures drift with the machine: compare ratios taken in one run, and the CPU per
handover, which counts all threads of each process from the first relocation on.
"""

import json
import os
import platform
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench.floors import measure_floors
from bench.processes import memory_mib
from bench.town import SENDERS
from node.bootstrap import own_hands
from node.demo.show import Federation, found_federation, free_ports, places

COUNT = int(os.environ.get("BENCH_COUNT", "1000"))
OUTAGE = min(500, COUNT)
TALKS = (3, 55)
"""Contact records of a case: one that is small, one of an ordinary year of counselling."""


class Town:
    """A process of ``bench.town``."""

    def __init__(self, data: Path, *words: str) -> None:
        self.log = (data / "bench.log").open("ab")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "bench.town", str(data), *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.log,
            text=True,
        )

    def fact(self) -> dict:
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(Path(self.log.name).read_text()[-3000:])
        return json.loads(line)

    def say(self, word: str) -> None:
        self.process.stdin.write(word + "\n")
        self.process.stdin.flush()

    def end(self) -> None:
        self.process.kill()
        self.process.wait()
        self.log.close()


def measure(
    folder: Path, talks: int, count: int, *, outage: bool = False, calm: bool = False
) -> dict:
    """One run in fresh towns; with ``outage`` the recipient starts when all is queued.

    ``calm``: one handover is recorded when the last is stored at the recipient.
    """
    folder.mkdir(parents=True)
    federation = Federation(folder, *places(free_ports(4)))
    found_federation(federation, own_hands())
    towns = [federation.data(p) for p in (federation.wehr, federation.saeckingen)]
    for town in towns:
        # One peer sends everything here, which the defaults for a town would slow down.
        with (town / "node.toml").open("a") as settings:
            settings.write("peer_requests_per_s = 20000\npeer_open_transfers = 20000\n")
    words = ["sender", str(count), str(talks), *(["calm"] if calm else [])]
    running = [Town(towns[0], *words)]
    try:
        running[0].fact()
        if not outage:
            running.append(Town(towns[1], "recipient"))
            running[1].fact()
        for town in running:
            town.say("go")
        result = running[0].fact()
        back = time.monotonic()
        if outage:
            time.sleep(6)
            back = time.monotonic()
            running.append(Town(towns[1], "recipient"))
            running[1].fact()
            running[1].say("go")
        result |= running[0].fact()
        result["after_return"] = time.monotonic() - back
        running[1].say("end")
        there = running[1].fact()
        memory = max(memory_mib(town.process.pid) for town in running)
    finally:
        for town in running:
            town.end()
    return result | {
        "cpu_there": there["cpu"],
        "memory": memory,
        "lost": len(set(result["sent"]) - set(there["cases"])),
        "doubled": there["imports"] - len(there["cases"]),
        "container": container_bytes(towns[0]),
    }


def container_bytes(data: Path) -> float:
    sizes = [
        p.stat().st_size for p in (data / "files" / "packets").rglob("*") if p.is_file()
    ]
    return statistics.median(sizes) if sizes else 0


def conditions() -> str:
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
    return (
        f"{platform.system()}, {os.cpu_count()} cores (load {load:.1f} at the start), "
        f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version} (WAL, FULL),\n"
        f"loopback HTTP without TLS, one sending and one receiving process, "
        f"{SENDERS} people recording"
    )


def show(what: str, value: object) -> None:
    text = f"{value:10.1f}" if isinstance(value, float) else f"{value:>10}"
    print(f"  {what:46s}{text}")


def show_spread(what: str, spread: dict[str, float]) -> None:
    show(what, " / ".join(f"{spread[p]:.0f}" for p in ("50", "95", "99")))


def show_run(run: dict) -> None:
    count = run["closed"]
    show("sender's CPU per handover, ms", 1000 * run["cpu"] / count)
    show("recipient's CPU per handover, ms", 1000 * run["cpu_there"] / count)
    show("lost, doubled", f"{run['lost']}, {run['doubled']}")


def main() -> None:
    print(conditions())
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        print("\nfloors, per second")
        for what, per_s in measure_floors(folder).items():
            show(what, per_s)
        for talks in TALKS:
            run = measure(folder / f"talks{talks}", talks, COUNT, outage=False)
            print(
                f"\n{run['closed']} handovers, container of {run['container']:.0f} bytes "
                f"({talks} contacts)"
            )
            show("whole handovers per second", run["closed"] / run["seconds"])
            show_spread("relocation to stored, p50 / p95 / p99, ms", run["stored"])
            show_spread("relocation to closed, p50 / p95 / p99, ms", run["whole"])
            show_run(run)
        run = measure(folder / "outage", TALKS[0], OUTAGE, outage=True)
        print(f"\ncatch-up of {OUTAGE} after an outage of the recipient")
        show("from its start to the last close, s", run["after_return"])
        show_run(run)


if __name__ == "__main__":
    main()
