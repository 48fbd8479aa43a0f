"""Reports counted before anybody asks: what the first look finds, and who need not wait."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import date, timedelta

import pytest

from node.bootstrap import Shared, build_node, own_hands
from node.casework.reporting import change_settings
from node.config import load_settings
from node.demo.seed import seed_town
from node.report.definition import definitions
from node.report.ledger import Book
from node.report.snapshot import ReportSettings
from node.web.reportview import address_of
from tests.support.office import LEADER
from tests.support.pair import CLERK, WEHR, found_pair
from tests.support.townfolk import demo

pytestmark = pytest.mark.asyncio(loop_scope="module")
NAMES = [report.id for report in definitions()]


@asynccontextmanager
async def at_work(node, count_ahead):
    """The node's worker, with another duty to count ahead."""
    usual = node.worker._duties
    node.worker._duties = replace(usual, count_ahead=count_ahead)
    work = asyncio.get_running_loop().create_task(node.worker.run())
    try:
        yield work
    finally:
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)
        node.worker._duties = usual


async def until(check):
    async with asyncio.timeout(20):
        while not check():
            await asyncio.sleep(0.01)


@pytest.mark.spec("P15")
async def test_the_first_look_at_each_report_counts_nobody(office, monkeypatch):
    seed_town(office.node.store, office.node.office, demo().wehr)
    year = office.clock.now().year - 1
    funded = ReportSettings(date(year, 3, 1), date(year + 2, 2, 28))
    write = office.node.store.write_sync
    write(change_settings, office.node.office, funded, by=LEADER)
    ahead, done = office.node.worker._duties.count_ahead, []

    def count(name):
        ahead(name)
        done.append(name)

    async with at_work(office.node, count):
        await until(lambda: done == NAMES)
    monkeypatch.setattr(Book, "_count", lambda *_: pytest.fail("it was counted now"))
    browser = await office.enter(CLERK)
    for report in definitions():
        at = f"/reports/{address_of(report)}"
        for days in (
            "",
            f"?from=01.01.{year}&to=31.12.{year}",
            f"?from=01.01.{year + 1}",
        ):
            assert (await browser.get(at + days)).status == 200


async def test_pages_answer_and_the_worker_ends_while_it_still_counts(office):
    begun, go_on, counted = threading.Event(), threading.Event(), []

    def count(name):
        counted.append(name)
        begun.set()
        go_on.wait(20)

    try:
        async with at_work(office.node, count) as work:
            await until(begun.is_set)
            browser = await office.enter(CLERK)
            assert (await browser.get("/work")).status == 200
            work.cancel()
            async with asyncio.timeout(5):
                await asyncio.gather(work, return_exceptions=True)
    finally:
        go_on.set()
    # What was under way ends by itself; nothing more is begun.
    assert counted == NAMES[:1]


async def test_a_report_that_cannot_be_counted_stops_no_other(office):
    counted = []

    def count(name):
        counted.append(name)
        if name == NAMES[0]:
            raise ValueError(name)

    async with at_work(office.node, count) as work:
        await until(lambda: len(counted) == len(NAMES))
        assert not work.done()
    assert counted == NAMES


async def test_a_process_that_does_not_lead_counts_as_well(office):
    # Later than any lease of this process.
    at = office.clock.now() + timedelta(hours=1)

    def take(uow):
        with uow:
            assert uow.leases.take("worker", "another", at=at, until=at)
            uow.commit()

    office.node.store.write_sync(take)
    counted = []
    async with at_work(office.node, counted.append):
        await until(lambda: counted == NAMES)
        assert office.node.worker._tasks is None


async def test_towns_that_share_a_process_count_nothing_ahead(tmp_path):
    folder = found_pair(tmp_path, own_hands())[WEHR]
    with ThreadPoolExecutor(1) as readers:
        shared = Shared(readers)
        async with build_node(load_settings(folder), shared=shared) as node:
            assert node.worker._duties.count_ahead is None
