"""P15: how fast pages are in a node with 5,000 cases and 50,000 contacts.

``make bench-pages``. Invented persons of the demo's vocabulary are copied, each with a name
and a birth date of its own, until the node is full. All cases are in one caseworker's hands,
which is harder than any office. They open every page that links lead to, ten times, over
HTTP; search; and record contacts, so that each page after one finds something changed. The
figure is the time from request to last byte on loopback, beside an empty answer of the same
server; the CPU time of the whole process, which other work on the machine changes less; and
how long its threads waited for a core that other processes had, which is what is left where
the clock shows much more than the CPU. All include this client's own.

Reports come first: what the node counts by itself after a start, the first look then, each
report of days that nobody asked for yet, then of days that somebody did, and all of them
right after a contact.
"""

import asyncio
import contextlib
import os
import platform
import re
import statistics
import tempfile
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path

from node.bootstrap import Hands, build_node, own_hands
from node.config import load_settings
from node.demo.browser import Browser
from node.demo.register import DemoCase
from node.demo.seed import CASES_AT_ONCE, _add_accounts, _add_cases
from node.demo.show import Federation, found_federation, free_ports, places
from node.demo.town import build_demo
from node.ids import CaseId, RecordId
from node.report.definition import definitions
from node.serving import listen, spare_collector
from node.web.reportview import address_of
from tests.support.tour import pattern_of, patterns

CASES, CONTACTS = 5000, 50_000
TIMES = 10
SLOW = 1.0
SYLLABLES = (
    "ba",
    "dor",
    "el",
    "gim",
    "ka",
    "lun",
    "mi",
    "nor",
    "ra",
    "sel",
    "ti",
    "vu",
)
NOBODY = "Qxwyzzel"
REPORTS = [f"/reports/{address_of(report)}" for report in definitions()]
NARRATIVE = "/reports/land/narrative"
CASE = re.compile(r"/cases/[0-9a-f]{32}")


def copies(case: DemoCase, contacts: int, number: int) -> DemoCase:
    """The same invented person once more, with ids of its own and so many contacts."""
    new = {}

    def fresh(old: str) -> str:
        if old not in new:
            new[old] = f"{int(old, 16) ^ (number << 20):032x}"
        return new[old]

    own = CaseId(fresh(str(case.file.id)))
    kept = [
        replace(r, values={**r.values, **identity(number)}) if r.kind == "person" else r
        for r in case.records
        if r.kind in {"person", "plan", "goal", "care_status"}
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


def identity(number: int) -> dict[str, str]:
    """A family name that few share, and a birth date."""
    name, rest = "", number * 7919
    for _ in range(3):
        rest, part = divmod(rest, len(SYLLABLES))
        name += SYLLABLES[part]
    born = date(1950, 1, 1) + timedelta(days=number * 37 % 20_000)
    return {"family_name": f"Demo-{name.title()}", "birth_date": born.isoformat()}


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
        spare_collector()
        ahead, began = node.worker._duties.count_ahead, Watch()
        for report in definitions():
            await asyncio.to_thread(ahead, report.id)
        tell("what is counted ahead after the start", [began.spent()])
        await ask(origin)


@dataclass(frozen=True, slots=True)
class Spent:
    """One answer: seconds by the clock, of CPU, and of waiting for a core."""

    wall: float
    cpu: float
    queued: float


async def ask(origin: str) -> None:
    """Open every page the caseworker's links lead to, search, record contacts."""
    async with Browser(origin) as browser:
        tell("a page that does not exist", await timed(browser, "/nowhere-at-all"))
        door = await browser.open("/login")
        await browser.submit(door, "/login/demo", {}, words="Fachkraft")
        slowest: list[Spent] = await reports(browser)
        known, waiting, seen = patterns(), ["/work", "/cases"], {"/logout"}
        while waiting:
            address = waiting.pop(0)
            pattern = pattern_of(address, known)
            if pattern is None or pattern in seen:
                continue
            seen.add(pattern)
            page = await browser.open(address)
            if page.body.lstrip().startswith(b"<!doctype html"):
                waiting.extend(href for _, href in page.links)
                slowest += tell(pattern, await timed(browser, address))
        slowest += await search(browser)
        slowest += await record(browser)
        ordered = sorted(slowest, key=lambda spent: spent.wall)
        last = ordered[-len(ordered) // 20].wall
        print(f"p95 of all {1000 * last:.0f} ms (goal: 100 ms)")


async def reports(browser: Browser) -> list[Spent]:
    """Every page and file of reports, the first time and again; a frozen one too."""
    cold = "first look after the start"
    tell(f"/reports/land, {cold}", [await spent(browser, "/reports/land")])
    tell("narrative, first look", [await spent(browser, NARRATIVE)])
    year = time.localtime().tm_year - 1
    for report in REPORTS:
        days = f"{report}?from={year}-01-01&to={year}-12-31"
        tell(f"{report}, days that are new", [await spent(browser, days)])
    page = await browser.open("/reports/land")
    began = Watch()
    frozen = await browser.submit(page, "/reports/land/freeze", {})
    tell("freeze a report, and its page", [began.spent()])
    found = []
    drill = "/reports/betreuung/cases?column=abgaenge&row=total"
    files = [
        f"{report}/{kind}" for report in REPORTS for kind in ("csv", "xlsx", "pdf")
    ]
    for address in (
        *REPORTS,
        NARRATIVE,
        frozen.path,
        f"{frozen.path}/csv",
        drill,
        *files,
    ):
        shown = address.replace(frozen.path, "/reports/snapshots/…").partition("?")[0]
        answers = await timed(browser, address)
        tell(shown, answers)
        # Papers are made, not looked at: P15 is about pages.
        found += answers if not address.endswith(("xlsx", "pdf")) else []
    return found


async def search(browser: Browser) -> list[Spent]:
    """Somebody who is here, and nobody: then every name is compared letter by letter."""
    found = []
    for text in (SYLLABLES[1] + SYLLABLES[2], NOBODY):
        page = await browser.open("/cases")
        answers = []
        for _ in range(TIMES):
            began = Watch()
            hits = await browser.submit(page, "/cases/search", {"text": text})
            answers.append(began.spent())
        is_nobody = text == NOBODY
        name = f"search, {'a name like nobody' if is_nobody else 'a part of names'}"
        found += tell(f"{name}, its answer", answers)
        found += tell(f"{name}, shown again", await timed(browser, hits.path))
    return found


async def record(browser: Browser) -> list[Spent]:
    """A contact, and the pages right after it."""
    cases = [h for _, h in (await browser.open("/cases")).links if CASE.fullmatch(h)]
    answers, lists, works = [], [], []
    counted: dict[str, list[Spent]] = {name: [] for name in (*REPORTS, NARRATIVE)}
    for address in cases[:TIMES]:
        case = address.rpartition("/")[2]
        form = await browser.open(f"/contacts/new?case={case}")
        typed = {
            "_then": "save",
            "topic": form.form("/contacts/new").choices("topic")[0],
        }
        began = Watch()
        page = await browser.submit(form, "/contacts/new", typed)
        answers.append(began.spent())
        assert page.path.startswith(address), page.text
        lists.append(await spent(browser, "/cases"))
        again = await browser.open(f"/contacts/new?case={case}")
        await browser.submit(again, "/contacts/new", typed)
        works.append(await spent(browser, "/work"))
        for name, reads in counted.items():
            again = await browser.open(f"/contacts/new?case={case}")
            await browser.submit(again, "/contacts/new", typed)
            reads.append(await spent(browser, name))
    return [
        *tell("record a contact, its case page", answers),
        *tell("/cases right after a contact", lists),
        *tell("/work right after a contact", works),
        *(
            one
            for name, reads in counted.items()
            for one in tell(f"{name} right after a contact", reads)
        ),
    ]


async def timed(browser: Browser, address: str) -> list[Spent]:
    """Several looks at one page; fewer where one look takes seconds."""
    first = await spent(browser, address)
    more = TIMES - 1 if first.wall < SLOW else 1
    return [first, *[await spent(browser, address) for _ in range(more)]]


def tell(name: str, answers: list[Spent]) -> list[Spent]:
    """Print one line; gives the answers back."""
    walls = sorted(one.wall for one in answers)
    cpu = statistics.median(one.cpu for one in answers)
    queued = statistics.median(one.queued for one in answers)
    print(
        f"{name:48} {1000 * statistics.median(walls):7.1f} ms,"
        f" slowest of {len(walls)} {1000 * walls[-1]:7.1f}, CPU {1000 * cpu:7.1f},"
        f" waited for a core {1000 * queued:7.1f}",
        flush=True,
    )
    return answers


class Watch:
    """Begins when it is made."""

    def __init__(self) -> None:
        """Now."""
        self._wall, self._cpu = time.perf_counter(), time.process_time()
        self._queued = queued()

    def spent(self) -> Spent:
        """Since then."""
        return Spent(
            time.perf_counter() - self._wall,
            time.process_time() - self._cpu,
            queued() - self._queued,
        )


def queued() -> float:
    """Seconds that the threads of this process waited for a core; 0 where nobody counts."""
    found = 0
    for thread in Path("/proc/self/task").glob("*/schedstat"):
        with contextlib.suppress(OSError):  # it has just ended
            found += int(thread.read_text().split()[1])
    return found / 1e9


async def spent(browser: Browser, address: str) -> Spent:
    """One look: from the request to the last byte."""
    began = Watch()
    # Without the reading of forms and links that Browser.open does.
    async with browser._session.get(browser._local(address)) as answer:
        await answer.read()
    return began.spent()


if __name__ == "__main__":
    asyncio.run(main())
