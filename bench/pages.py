"""P15: how fast pages are in a node with 5,000 cases and 50,000 contacts.

``make bench-pages``. Invented persons of the demo's vocabulary are copied until the node is
full; then a caseworker opens every page that links lead to, ten times, over HTTP. The figure
is the time from request to last byte on loopback, beside an empty answer of the same server.
"""

import asyncio
import os
import platform
import statistics
import tempfile
import time
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

from node.bootstrap import Hands, build_node, own_hands
from node.config import load_settings
from node.demo.browser import Browser
from node.demo.register import DemoCase
from node.demo.seed import CASES_AT_ONCE, _add_accounts, _add_cases
from node.demo.show import Federation, found_federation, free_ports, places
from node.demo.town import build_demo
from node.ids import CaseId, RecordId
from node.serving import listen
from tests.support.tour import pattern_of, patterns

CASES, CONTACTS = 5000, 50_000
TIMES = 10


def copies(case: DemoCase, contacts: int, number: int) -> DemoCase:
    """The same invented person once more, with ids of its own and so many contacts."""
    new = {}

    def fresh(old: str) -> str:
        if old not in new:
            new[old] = f"{int(old, 16) ^ (number << 20):032x}"
        return new[old]

    own = CaseId(fresh(str(case.file.id)))
    kept = [
        r for r in case.records if r.kind in {"person", "plan", "goal", "care_status"}
    ]
    talks = [r for r in case.records if r.kind == "contact"] or []
    for turn in range(contacts):
        if talks:
            talk = talks[turn % len(talks)]
            talk = replace(talk, id=RecordId(fresh_of(talk.id, turn)))
            kept.append(replace(talk, values={**talk.values, "persons": [str(own)]}))
    records = tuple(replace(r, case=own, id=RecordId(fresh(str(r.id)))) for r in kept)
    file = replace(case.file, id=own, household=None)
    return replace(case, file=file, records=records, consents=(), files=None)


def fresh_of(record: RecordId, turn: int) -> str:
    """An id for one more contact."""
    return f"{int(record, 16) ^ ((turn + 1) << 40):032x}"


async def main() -> None:
    """Fill, open, print."""
    cases = int(os.environ.get("BENCH_CASES", str(CASES)))
    per_case = CONTACTS // CASES
    with tempfile.TemporaryDirectory() as name:
        hands = own_hands()
        federation = Federation(Path(name), *places(free_ports(4)))
        found_federation(federation, hands)
        folder = federation.data(federation.wehr)
        print(f"{platform.python_version()}, {os.cpu_count()} cores, SQLite FULL")
        await measure(folder, federation.wehr.web_url, hands, cases, per_case)


async def measure(
    folder: Path, origin: str, hands: Hands, cases: int, per_case: int
) -> None:
    """One node, filled and asked."""
    town = build_demo(1, hands.clock.now().date()).wehr
    source = [c for c in town.cases if any(r.kind == "contact" for r in c.records)]
    async with (
        build_node(load_settings(folder), hands) as node,
        AsyncExitStack() as stack,
    ):
        node.store.write_sync(_add_accounts, town)
        started = time.perf_counter()
        filled = [
            copies(source[n % len(source)], per_case, n + 1) for n in range(cases)
        ]
        for at in range(0, cases, CASES_AT_ONCE):
            node.store.write_sync(
                _add_cases, node.office, filled[at : at + CASES_AT_ONCE]
            )
        print(
            f"{cases} cases, {cases * per_case} contacts,"
            f" filled in {time.perf_counter() - started:.0f} s"
        )
        await listen(node, stack)
        await ask(origin)


async def ask(origin: str) -> None:
    """Open every page the caseworker's links lead to."""
    async with Browser(origin) as browser:
        floor = sorted([await spent(browser, "/nowhere-at-all") for _ in range(TIMES)])
        print(
            f"{'a page that does not exist':48} {1000 * statistics.median(floor):6.1f} ms"
        )
        door = await browser.open("/login")
        await browser.submit(door, "/login/demo", {}, words="Fachkraft")
        known, waiting, seen, slowest = (
            patterns(),
            ["/work", "/cases"],
            {"/logout"},
            0.0,
        )
        while waiting:
            address = waiting.pop(0)
            pattern = pattern_of(address, known)
            if pattern is None or pattern in seen:
                continue
            seen.add(pattern)
            first = await spent(browser, address)
            page = await browser.open(address)
            if not page.body.lstrip().startswith(b"<!doctype html"):
                continue
            waiting.extend(href for _, href in page.links)
            times = sorted([await spent(browser, address) for _ in range(TIMES)])
            slowest = max(slowest, times[-1])
            print(
                f"{pattern:48} {1000 * statistics.median(times):6.1f} ms,"
                f" slowest of {TIMES} {1000 * times[-1]:6.1f}, first {1000 * first:7.1f},"
                f" {len(page.body) / 1024:5.0f} KiB"
            )
        print(f"slowest {1000 * slowest:.0f} ms (goal: p95 100 ms)")


async def spent(browser: Browser, address: str) -> float:
    """One look: from the request to the last byte."""
    started = time.perf_counter()
    # Without the reading of forms and links that Browser.open does.
    async with browser._session.get(browser._local(address)) as answer:
        await answer.read()
    return time.perf_counter() - started


if __name__ == "__main__":
    asyncio.run(main())
