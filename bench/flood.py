"""A flood beside an honest member: what it hears, how long it waits, what memory grows.

``make bench-flood REQUESTS=20000``. The node is a process of its own; 70 of 100 bad
requests come without a key, 30 from a member. Figures only; the test of the same asserts
counts.
"""

import asyncio
import sys
import tempfile
from collections import Counter
from pathlib import Path

from bench.handover import conditions, show
from bench.large import End
from node.bootstrap import build_node, own_hands
from node.config import load_settings
from tests.support.flooding import Flood
from tests.support.pair import SAECKINGEN, WEHR, found_pair


def p99_ms(times: list[float]) -> float:
    ordered = sorted(times)
    return round(1000 * ordered[max(0, int(len(ordered) * 0.99) - 1)], 1)


def open_files(pid: int) -> int:
    return len([*Path(f"/proc/{pid}/fd").iterdir()])


async def measure(folder: Path, count: int) -> None:
    hands = own_hands()
    folders = found_pair(folder, hands)
    end = End(folders[WEHR])
    assert end.ask() == "ready"
    pid = end.process.pid
    try:
        async with (
            # Two more heads with the same keys, to sign with; neither of them listens.
            build_node(load_settings(folders[SAECKINGEN]), hands) as honest,
            build_node(load_settings(folders[WEHR]), hands) as member,
        ):
            flood = Flood(member, member=member, honest=honest)
            await flood.run(requests=0, honest_requests=200)
            quiet, flood.times_s = p99_ms(flood.times_s), []
            memory, files = end.peak_mib, open_files(pid)
            seen: Counter[int | None] = Counter()
            served: Counter[int | None] = Counter()
            for part in range(10):
                flood.seed = part
                more = await flood.run(requests=count // 10, honest_requests=100)
                seen += more[0]
                served += more[1]
            show("bad requests", sum(seen.values()))
            show("they heard", str(dict(sorted(seen.items(), key=str))))
            show("honest requests heard", str(dict(served)))
            show("honest p99, ms, quiet", quiet)
            show("honest p99, ms, during the flood", p99_ms(flood.times_s))
            show("peak of memory, MiB, before", round(memory))
            show("peak of memory, MiB, after", round(end.peak_mib))
            await asyncio.sleep(12)
            show("open files before and after", f"{files}, {open_files(pid)}")
    finally:
        end.end()


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    print(f"A flood. {conditions()}")
    with tempfile.TemporaryDirectory(prefix="staffelstab-flood-") as name:
        asyncio.run(measure(Path(name), count))


if __name__ == "__main__":
    main()
