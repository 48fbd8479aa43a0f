"""Kill -9 after the handover: the backup that makes it durable, the erasure at the sender.

As in ``test_kills``: the victim dies at the point, starts again in this process, and what
must hold stands in ``tests/support/invariants.py``. Time is moved by moving the fact.
"""

import asyncio
import json
import sqlite3
from base64 import urlsafe_b64decode
from contextlib import AsyncExitStack, suppress

import pytest

from node.bootstrap import own_hands
from node.failpoints import Point
from node.founding import Paths, new_recovery_keys
from node.ids import CaseId
from node.store.register import DeletionRegister, Destroyed
from node.sync.sender import BERLIN
from tests.support.desk import CLERK
from tests.support.office import MovingClock, OpenOffice, before
from tests.support.pair import SAECKINGEN, WEHR
from tests.support.processes import DiedError, local, process
from tests.support.seen import look
from tests.support.staged import NAME, Stage
from tests.support.story import MOST_S, STEP_S, Story

DAY_US = 86_400 * 1_000_000
P = Point


async def _until(story: Story, *states: str) -> None:
    async with asyncio.timeout(MOST_S):
        while story.states != states:
            await asyncio.sleep(STEP_S)


async def _finish(story: Story) -> None:
    async with AsyncExitStack() as stack:
        seats = {
            member: await stack.enter_async_context(local(folder))
            for member, folder in story.stage.folders.items()
        }
        await story.until_over(seats)


async def _secure(story: Story) -> None:
    async with AsyncExitStack() as stack:
        for folder in story.stage.folders.values():
            await stack.enter_async_context(local(folder))
        await _until(story, "durable", "durable")


def _with_recovery_keys(stage: Stage) -> None:
    """From now on the workers make backups by themselves."""
    for folder in stage.folders.values():
        paths = Paths(folder)
        new_recovery_keys(paths, paths.master.read_bytes(), own_hands().randomness)


@pytest.fixture(scope="session")
def closed_stage(master_stage: Stage, tmp_path_factory: pytest.TempPathFactory):
    """A handover that is closed at both ends; no backup was made yet."""
    stage = master_stage.copy(tmp_path_factory.mktemp("closed") / "towns")
    asyncio.run(_finish(Story(stage)))
    _with_recovery_keys(stage)
    return stage


@pytest.fixture(scope="session")
def durable_stage(closed_stage: Stage, tmp_path_factory: pytest.TempPathFactory):
    """The same, backed up there, and the retention date here is past."""
    stage = closed_stage.copy(tmp_path_factory.mktemp("durable") / "towns")
    asyncio.run(_secure(Story(stage)))
    move_durable(stage, days=-91)
    return stage


def move_durable(stage: Stage, *, days: int) -> None:
    with sqlite3.connect(stage.folders[WEHR] / "node.db") as connection:
        ((text,),) = connection.execute("SELECT facts FROM outbound_transfer")
        facts = json.loads(text)
        facts["durable"] += days * DAY_US
        change = "UPDATE outbound_transfer SET facts = ?"
        connection.execute(change, (json.dumps(facts),))
    connection.close()


@pytest.mark.spec("SR-R2", "TRF-11")
@pytest.mark.parametrize("point", [P.BACKUP_VERIFIED, P.DURABLE_AFTER_COMMIT])
async def test_a_kill_around_the_verified_backup_says_durable_once(
    closed_stage, tmp_path, point
):
    story = Story(closed_stage.copy(tmp_path / "towns"))
    folders = story.stage.folders
    async with local(folders[WEHR]) as survivor:
        async with process(folders[SAECKINGEN], point) as seat:
            async with asyncio.timeout(MOST_S):
                while not seat.killed:
                    await asyncio.sleep(STEP_S)
        story.check()
        async with local(folders[SAECKINGEN]) as again:
            await _until(story, "durable", "durable")
            story.check(survivor, again, swept=True)
    said = look(folders[SAECKINGEN]).rows("statement")
    (durable,) = [row["jws"] for row in said if row["type"] == "durable"]
    payload = durable.split(".")[1]
    body = json.loads(urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))["b"]
    rows = look(folders[SAECKINGEN], ("backup",)).rows("backup")
    assert body["set"] in {row["set"] for row in rows if row["verified_at"]}
    assert body["taken_at"] <= body["verified_at"]


def case_row(stage: Stage):
    rows = look(stage.folders[WEHR]).by("case_file", "id")
    return rows[stage.case]


@pytest.mark.spec("DO-33", "TRF-12")
@pytest.mark.parametrize(
    "point",
    [
        P.SOURCE_INTENT,
        P.SOURCE_KEY_DESTROYED,
        P.SOURCE_ROWS_REMOVED,
        P.SOURCE_BEFORE_DONE,
    ],
)
async def test_a_kill_within_the_erasure_goes_on_and_ends_once(
    durable_stage, tmp_path, point
):
    story = Story(durable_stage.copy(tmp_path / "towns"))
    folders = story.stage.folders
    wrapped = case_row(story.stage)["wrapped"]
    async with process(folders[WEHR], point) as seat:
        async with asyncio.timeout(MOST_S):
            while not seat.killed:
                with suppress(DiedError):
                    await seat.act("erase")
                await asyncio.sleep(STEP_S)
    story.check()
    async with local(folders[WEHR]) as again:
        async with asyncio.timeout(MOST_S):
            while story.states[0] != "erased":
                await again.act("erase")
                await asyncio.sleep(STEP_S)
        story.check(again)
        await asyncio.to_thread(again.node.store.purge)
    assert case_row(story.stage)["baton"] == "shredded"
    for path in folders[WEHR].glob("node.db*"):
        assert wrapped not in path.read_bytes()
    assert not list((folders[WEHR] / "files").glob("*/??/*"))
    lines = list(DeletionRegister(Paths(folders[WEHR]).register).replay())
    assert CaseId(story.stage.case) in {
        CaseId(line.id) for line in lines if line.kind is Destroyed.CASE_KEY
    }


async def _erased(stage: Stage) -> str:
    """The state after an erasure was tried."""
    async with local(stage.folders[WEHR]) as seat:
        await seat.act("erase")
    return Story(stage).states[0]


@pytest.mark.spec("DO-33")
async def test_nothing_is_erased_before_its_date(durable_stage, tmp_path):
    stage = durable_stage.copy(tmp_path / "towns")
    move_durable(stage, days=2)
    assert await _erased(stage) == "durable"
    assert case_row(stage)["wrapped"] is not None


@pytest.mark.spec("DO-33")
async def test_nothing_is_erased_without_durable(closed_stage, tmp_path):
    stage = closed_stage.copy(tmp_path / "towns")
    assert await _erased(stage) == "closed"
    assert case_row(stage)["wrapped"] is not None


@pytest.mark.spec("SR-K7")
async def test_nothing_is_erased_while_nobody_confirms_the_clock(
    durable_stage, tmp_path
):
    stage = durable_stage.copy(tmp_path / "towns")
    with sqlite3.connect(stage.folders[WEHR] / "node.db") as connection:
        connection.execute("DROP TRIGGER log_cosig_no_delete")
        connection.execute("DELETE FROM log_cosig")
        connection.execute("DELETE FROM peer_clock")
    connection.close()
    assert await _erased(stage) == "durable"
    assert case_row(stage)["wrapped"] is not None


@pytest.mark.spec("TRF-13")
async def test_a_case_that_came_back_stays(durable_stage, tmp_path):
    stage = durable_stage.copy(tmp_path / "towns")
    with sqlite3.connect(stage.folders[WEHR] / "node.db") as connection:
        connection.execute(
            "UPDATE case_file SET baton = 'active', transfer = NULL, epoch = 3,"
            " handed_to = NULL WHERE id = ?",
            (stage.case,),
        )
    connection.close()
    async with local(stage.folders[WEHR]) as seat:
        async with asyncio.timeout(MOST_S):
            while Story(stage).states[0] != "erased":
                await seat.act("erase")
                await asyncio.sleep(STEP_S)
    row = case_row(stage)
    assert (row["baton"], row["wrapped"] is not None) == ("active", True)
    (secret,) = look(stage.folders[WEHR]).rows("outbound_secret")
    assert secret["share_b"] is None


async def expect_pages_say_deleted(node, stage: Stage) -> None:
    """The case and its handover say so, with the day; never an error."""
    today = f"{node.office.clock.now().astimezone(BERLIN):%d.%m.%Y}"
    (transfer,) = look(stage.folders[WEHR]).by("outbound_transfer", "id")
    async with before(node) as client:
        browser = await OpenOffice(node, client, MovingClock()).enter(CLERK)
        page = await browser.get(f"/cases/{stage.case}")
        assert (page.status, NAME in page.text) == (410, False)
        assert f"Gelöscht am {today}." in page.text
        track = await browser.get(f"/outbox/{transfer}")
        assert track.status == 200
        assert "Dort gesichert" in track.text
        assert f"Ihre Kopie wurde am {today} gelöscht." in track.text
        assert (await browser.get("/cases")).status == 200
        assert (await browser.get("/outbox")).status == 200


@pytest.mark.spec("DO-33")
async def test_what_is_left_to_count_names_nobody(durable_stage, tmp_path):
    stage = durable_stage.copy(tmp_path / "towns")
    async with local(stage.folders[WEHR]) as seat:
        async with asyncio.timeout(MOST_S):
            while Story(stage).states[0] != "erased":
                await seat.act("erase")
                await asyncio.sleep(STEP_S)
        await expect_pages_say_deleted(seat.node, stage)
    rows = look(stage.folders[WEHR], ("tally",)).rows("tally")
    kinds = {row["kind"] for row in rows}
    assert kinds == {"contact", "goal", "responsibility"}
    assert len({row["person"] for row in rows}) == 1
    assert stage.case not in {row["person"] for row in rows}
    contact = next(json.loads(r["codes"]) for r in rows if r["kind"] == "contact")
    assert contact == {"form": "office", "kind": "talk", "minutes": 30}
