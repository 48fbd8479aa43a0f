"""A node put back to an earlier day is noticed before it signs anything (exchange-log 5.4).

Two real nodes in one process; one of them is stopped, put back in one of the ways in which
that happens, and started again.
"""

import asyncio
import json
import re
import shutil
import sqlite3
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
from typer.testing import CliRunner

from node import telemetry
from node.cli.app import app
from node.config import load_settings
from node.errors import LogError
from node.exchangelog.standing import Reason, Standing
from node.founding import Paths
from node.ids import AccountId
from node.recovering import Wish, recover
from node.sync import firstword
from node.sync.rows import Wake
from tests.support.pair import (
    AGS,
    SAECKINGEN,
    WEHR,
    free_ports,
    give_consent,
    open_case,
    until,
)
from tests.support.processes import local
from tests.support.restore_runs import NOTICED_S, one_run
from tests.support.restored import (
    back_up,
    cosigned_heads,
    forks,
    put_back,
    roll_back,
    signed_heads,
)
from tests.support.seen import look
from tests.support.story import Story

ORIGIN = "wehr.localhost/log/1"


def stand(seat):
    return seat.node.store.read_sync(firstword.standing)


async def until_standing(seat, standing, seconds=10.0):
    await until(lambda: stand(seat).standing is standing, seconds)


@asynccontextmanager
async def handover(stage):
    """Both nodes up until the handover is over."""
    story = Story(stage)
    async with AsyncExitStack() as stack:
        seats = {
            member: await stack.enter_async_context(local(folder))
            for member, folder in stage.folders.items()
        }
        await story.until_over(seats)
        yield story, seats


def record(node):
    """Somebody comes and consents: work that is done while the node waits."""
    give_consent(node, open_case(node))


def heads_of(folder):
    return signed_heads(folder / "node.db")


@pytest.fixture
async def moved(stage, tmp_path):
    """A handover over, backups of Wehr from before it, Säckingen's node running."""
    wehr = stage.folders[WEHR]
    async with AsyncExitStack() as stack:
        there = await stack.enter_async_context(local(stage.folders[SAECKINGEN]))
        story = Story(stage)
        async with local(wehr) as here:
            seats = {WEHR: here, SAECKINGEN: there}
            await story.until_delivered(seats)
            back_up(wehr, tmp_path / "backup")
        shutil.copytree(wehr, tmp_path / "machine")
        async with local(wehr) as here:
            await story.until_over({WEHR: here, SAECKINGEN: there})
        yield stage, there, tmp_path


@pytest.mark.spec("SR-R3", "LR-11", "EL-5", "LOG-14")
async def test_an_old_database_with_its_present_mark_reads_only_and_signs_nothing(
    moved,
):
    stage, _, folder = moved
    wehr = stage.folders[WEHR]
    put_back(folder / "backup", wehr)
    before = heads_of(wehr)
    async with local(wehr) as here:
        assert stand(here).reason is Reason.NOT_OF_MARK
        assert not here.node.publisher.publish()
        await asyncio.sleep(0.5)
        assert stand(here).standing is Standing.QUARANTINE
    assert heads_of(wehr) == before


@pytest.mark.spec("SR-R4", "LR-19", "EL-5")
async def test_a_machine_rolled_back_whole_learns_it_from_the_first_answer(moved):
    stage, there, folder = moved
    wehr = stage.folders[WEHR]
    roll_back(folder / "machine", wehr)
    before = heads_of(wehr)
    async with local(wehr) as here:
        await until_standing(here, Standing.QUARANTINE)
        found = stand(here)
        assert found.reason is Reason.AHEAD
        assert found.proof.startswith(ORIGIN)
        assert not here.node.publisher.publish()
    assert heads_of(wehr) == before
    assert (
        forks([wehr / "node.db"], there.node.settings.folder / "node.db", ORIGIN) == []
    )


async def test_the_proof_outlasts_a_restart_without_any_peer(moved):
    stage, _, folder = moved
    wehr = stage.folders[WEHR]
    roll_back(folder / "machine", wehr)
    async with local(wehr) as here:
        await until_standing(here, Standing.QUARANTINE)
    shutil.move(wehr / "root.json", wehr / "root.away")
    async with local(wehr) as here:
        assert stand(here).reason is Reason.AHEAD


@pytest.mark.spec("LR-11")
async def test_without_a_mark_the_node_reads_only(moved):
    stage, _, _ = moved
    wehr = stage.folders[WEHR]
    Paths(wehr).mark.unlink()
    async with local(wehr) as here:
        assert stand(here).reason is Reason.NO_MARK
        with pytest.raises(LogError):
            here.node.publisher.publish()


async def test_a_present_database_with_an_older_mark_of_its_own_goes_on(moved):
    # The log reaches the mark and contains it, and no peer knows more.
    stage, there, folder = moved
    wehr = stage.folders[WEHR]
    shutil.copy2(Paths(folder / "machine").mark, Paths(wehr).mark)
    async with local(wehr) as here:
        await until_standing(here, Standing.SPEAKING)
        here.node.publisher.publish()
    assert (
        forks([wehr / "node.db"], there.node.settings.folder / "node.db", ORIGIN) == []
    )


@pytest.mark.spec("LR-25")
async def test_two_nodes_that_start_together_both_speak(stage):
    async with handover(stage):
        pass
    async with (
        local(stage.folders[WEHR]) as here,
        local(stage.folders[SAECKINGEN]) as there,
    ):
        await until_standing(here, Standing.SPEAKING)
        await until_standing(there, Standing.SPEAKING)


@pytest.mark.spec("SR-R4", "LR-13")
async def test_a_node_whose_peer_is_silent_records_and_signs_nothing(stage):
    async with handover(stage):
        pass
    wehr = stage.folders[WEHR]
    before = heads_of(wehr)
    async with local(wehr) as here:
        assert stand(here).standing is Standing.WAITING
        await asyncio.to_thread(record, here.node)
        assert not here.node.publisher.publish()
        await asyncio.sleep(1.2)
        assert stand(here).standing is Standing.WAITING
        assert heads_of(wehr) == before
        async with local(stage.folders[SAECKINGEN]):
            # Its call is enough to be asked again.
            await until_standing(here, Standing.SPEAKING, 5)
            await until(lambda: heads_of(wehr) != before, 5)


# -- Recovery ----------------------------------------------------------------------------


async def recovered(folder, **wishes):
    wish = Wish(AccountId("a" * 32), AccountId("b" * 32), **wishes)
    return await recover(load_settings(folder), wish)


async def move_somebody(here, there, name="Demo-Buche"):
    """A whole handover after the recovery, of somebody else."""
    case = await asyncio.to_thread(open_case, here.node, name)
    await asyncio.to_thread(give_consent, here.node, case)
    transfer = await here.act("relocate", AGS[SAECKINGEN], case)

    def state(node, end):
        return node.store.read_sync(lambda uow: getattr(uow, end).find(transfer))

    def is_in(node, end, wanted):
        found = state(node, end)
        return found is not None and found.state == wanted

    await until(lambda: is_in(there.node, "inbound", "waiting"))
    await there.act("approve", transfer)
    await until(lambda: is_in(here.node, "outbound", "closed"))
    await until(lambda: is_in(there.node, "inbound", "closed"))


@pytest.mark.spec("LR-26", "HO-25", "HO-50")
async def test_a_lost_mark_is_recovered_in_the_same_log_and_a_transfer_completes(moved):
    stage, there, _ = moved
    wehr = stage.folders[WEHR]
    Paths(wehr).mark.unlink()
    async with local(wehr) as here:
        assert stand(here).standing is Standing.QUARANTINE
    found = await recovered(wehr)
    assert (found.is_done, found.origin, found.incarnation) == (True, ORIGIN, 2)
    async with local(wehr) as here:
        await until_standing(here, Standing.SPEAKING)
        await move_somebody(here, there)
    assert (
        forks([wehr / "node.db"], there.node.settings.folder / "node.db", ORIGIN) == []
    )


@pytest.mark.spec("LR-26", "LR-28", "HO-50", "LOG-13", "LR-27")
async def test_where_somebody_is_ahead_the_same_log_is_refused_and_a_new_one_goes_on(
    moved,
):
    stage, there, folder = moved
    wehr = stage.folders[WEHR]
    put_back(folder / "backup", wehr)
    refused = await recovered(wehr)
    assert not refused.is_done
    assert refused.ahead.origin == ORIGIN
    found = await recovered(wehr, new_log=True)
    assert found.is_done
    assert found.origin == "wehr.localhost/log/2"
    async with local(wehr) as here:
        await until_standing(here, Standing.SPEAKING)
        continued = here.node.office.continues
        assert (continued.origin, continued.size) == (ORIGIN, refused.ahead.size)
        await move_somebody(here, there)
    assert (
        forks([wehr / "node.db"], there.node.settings.folder / "node.db", ORIGIN) == []
    )


async def until_state(story, seats, wanted):
    async with asyncio.timeout(20):
        while story.states not in wanted:
            # Nobody approves what is to be found as it was offered.
            if wanted != [OFFERED] or not story.relocated:
                await story.act(seats)
            await asyncio.sleep(0.02)


def homes(stage):
    """At which town the case is active, and at which it is granted or on the way."""
    return {
        member: [row["baton"] for row in look(folder, ("case_file",)).rows("case_file")]
        for member, folder in stage.folders.items()
    }


HELD = ("held", "absent")
OFFERED = ("delivered", "waiting")
OVER = ("closed", "closed")


@pytest.mark.spec("HO-23", "HO-25", "TRF-4", "TRF-7", "HO-24")
@pytest.mark.parametrize(
    ("victim", "before", "after", "ends"),
    [
        # The sender forgets: that it granted and was told of the import.
        (WEHR, OFFERED, OVER, [OVER]),
        # That it ever offered: the packet is called back, or the case is known to be gone.
        (WEHR, None, OFFERED, [("absent", "recalled"), ("cancelled", "recalled")]),
        (WEHR, None, OVER, [("absent", "closed"), ("cancelled", "closed")]),
        # The recipient forgets that it imported, that it approved, that it was offered.
        (SAECKINGEN, OFFERED, OVER, [OVER]),
        (SAECKINGEN, None, OVER, [OVER]),
        (SAECKINGEN, None, OFFERED, [OVER]),
    ],
    ids=["S-grant", "S-offer", "S-all", "R-import", "R-all", "R-container"],
)
async def test_after_a_recovery_the_case_has_one_home(
    stage, tmp_path, victim, before, after, ends
):
    story = Story(stage)
    other = next(member for member in stage.folders if member != victim)
    async with local(stage.folders[other]) as there:
        async with local(stage.folders[victim]) as here:
            seats = {victim: here, other: there}
            if before is None:
                back_up(stage.folders[victim], tmp_path / "backup")
            else:
                await until_state(story, seats, [before])
                back_up(stage.folders[victim], tmp_path / "backup")
            await until_state(story, seats, [after])
        put_back(tmp_path / "backup", stage.folders[victim])
        found = await recovered(stage.folders[victim], new_log=True)
        assert found.is_done
        assert found.forgotten
        async with local(stage.folders[victim]) as here:
            await until_standing(here, Standing.SPEAKING)
            story.relocated = True
            await until_state(story, {victim: here, other: there}, ends)
            await asyncio.sleep(0.3)
            assert story.states in ends
    batons = homes(stage)
    active = [m for m, found in batons.items() if "active" in found]
    assert active == [SAECKINGEN if "closed" in story.states else WEHR], batons


# -- Two copies at once ------------------------------------------------------------------


def remembered(folder):
    """The largest size of Wehr's log that a town remembers."""
    heads = cosigned_heads(folder / "node.db")
    return max(size for origin, size in heads if origin == ORIGIN)


def clone(folder, to):
    """The same node a second time, with listeners of its own that nobody knows."""
    shutil.copytree(folder, to)
    settings = to / "node.toml"
    text = settings.read_text("utf-8")
    for name, port in zip(("web_port", "peer_port"), free_ports(2), strict=True):
        text = re.sub(rf"{name} = \d+", f"{name} = {port}", text)
    settings.write_text(text, "utf-8")
    return to


@pytest.mark.spec("EL-5", "SR-R4", "LOG-12")
@pytest.mark.parametrize("first", ["original", "copy"])
async def test_of_two_copies_at_once_the_second_to_write_is_silent(
    stage, tmp_path, first
):
    async with handover(stage):
        pass
    wehr, other = stage.folders[WEHR], stage.folders[SAECKINGEN]
    copy = clone(wehr, tmp_path / "copy")
    before = remembered(other)
    async with local(other), local(wehr) as original, local(copy) as copied:
        await until_standing(original, Standing.SPEAKING)
        await until_standing(copied, Standing.SPEAKING)
        await asyncio.sleep(1.1)
        pair = (original, copied) if first == "original" else (copied, original)
        leader, late = pair
        case = await asyncio.to_thread(open_case, leader.node)
        await asyncio.to_thread(give_consent, leader.node, case)
        await leader.act("relocate", AGS[SAECKINGEN], case)
        await until(lambda: remembered(other) > before)
        await asyncio.sleep(1.1)
        await asyncio.to_thread(record, late.node)
        late.node.worker.notice(Wake.PUBLISH, "")
        await until_standing(late, Standing.QUARANTINE, 10)
        assert stand(leader).standing is Standing.SPEAKING
    databases = [wehr / "node.db", copy / "node.db"]
    assert forks(databases, other / "node.db", ORIGIN) == []


@pytest.mark.spec("EL-5")
async def test_a_share_of_the_campaign_forks_nowhere(stage, tmp_path):
    # ``make restore-runs RUNS=500`` is the whole of it.
    run = await one_run(stage, tmp_path, 4)
    assert run.forks == []
    assert run.noticed_s is None or run.noticed_s <= NOTICED_S


# -- The commands ------------------------------------------------------------------------


def let_lease_run_out(folder):
    """The backup is seconds old here; its leader was alive then."""
    connection = sqlite3.connect(folder / "node.db")
    with connection:
        connection.execute("UPDATE lease SET until = 0")
    connection.close()


async def test_two_persons_recover_a_node_by_command(moved, monkeypatch):
    # It would lead the log of this whole process to a stream that ends with the command.
    monkeypatch.setattr(telemetry, "configure_logging", lambda: None)
    stage, _, folder = moved
    wehr = str(stage.folders[WEHR])
    put_back(folder / "backup", stage.folders[WEHR])
    let_lease_run_out(stage.folders[WEHR])
    logins = ["--by", "c" * 8, "--second", "a" * 8, "--data", wehr]

    def run(*words):
        return CliRunner().invoke(app, [*words])

    alone = ["--by", "c" * 8, "--second", "c" * 8, "--data", wehr]
    assert (await asyncio.to_thread(run, "recover", *alone)).exit_code == 3
    nobody = ["--by", "nobody", "--second", "a" * 8, "--data", wehr]
    assert (await asyncio.to_thread(run, "recover", *nobody)).exit_code == 3
    first = await asyncio.to_thread(run, "recover", *logins)
    assert first.exit_code == 2, first.output
    assert "--new-log" in first.output
    done = await asyncio.to_thread(run, "recover", "--new-log", "--json", *logins)
    assert done.exit_code == 0, done.output
    said = json.loads(done.stdout[done.stdout.index("{\n") :])
    assert said["origin"] == "wehr.localhost/log/2"
    checked = await asyncio.to_thread(run, "log", "verify", "--json", "--data", wehr)
    found = json.loads(checked.stdout)
    assert checked.exit_code == 0, checked.output
    assert found["origin"] == "wehr.localhost/log/2"
    assert [former["verdict"] for former in found["former"]] == ["verified"]


async def test_a_silent_town_must_be_waived_by_name(stage, tmp_path):
    async with handover(stage):
        pass
    wehr = stage.folders[WEHR]
    Paths(wehr).mark.unlink()
    silent = await recovered(wehr)
    assert (silent.is_done, set(silent.silent)) == (False, {SAECKINGEN})
    assert (await recovered(wehr, waived=frozenset({SAECKINGEN}))).is_done
    async with local(wehr) as here:
        pair = here.node.store.read_sync(lambda uow: uow.chains.quarantined(SAECKINGEN))
        assert pair


async def test_a_running_node_is_not_recovered(stage, monkeypatch):
    monkeypatch.setattr(telemetry, "configure_logging", lambda: None)
    wehr = stage.folders[WEHR]
    logins = ["--by", "c" * 8, "--second", "a" * 8, "--data", str(wehr)]
    async with local(wehr) as here:
        await until_standing(here, Standing.SPEAKING)
        result = await asyncio.to_thread(CliRunner().invoke, app, ["recover", *logins])
    assert result.exit_code == 3
    assert "running" in result.output
