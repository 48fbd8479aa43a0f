"""The restore campaign: ``python -m tests.support.restore_runs RUNS [SEED]`` (EL-5).

Each run takes two real nodes through a drawn history of handovers, puts one of them back in
a drawn way at a drawn moment, starts it, and looks at what everybody signed. A fork is two
heads of one log that cannot both be its history, one of them cosigned. Prints one JSON line.
"""

import asyncio
import json
import shutil
import sys
import tempfile
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from random import Random

from node.config import load_settings
from node.exchangelog.standing import Standing
from node.founding import Paths
from node.ids import AccountId, MemberId
from node.recovering import Wish, recover
from node.sync import firstword, witnessing
from node.sync.rows import Wake
from tests.support import pair
from tests.support.pair import SAECKINGEN, WEHR, until
from tests.support.processes import LocalSeat, local
from tests.support.restored import back_up, forks, put_back, roll_back
from tests.support.staged import Stage, build_stage
from tests.support.story import Story

WAYS = ("database", "machine", "mark gone", "mark old", "crash")
BEHIND = frozenset({"database", "machine"})
NOTICED_S = 10.0


@dataclass
class Run:
    """What one run came to."""

    way: str
    victim: str
    forks: list[int]
    noticed_s: float | None
    ended: str


async def one_run(stage: Stage, folder: Path, seed: int) -> Run:
    """A history, a restore, a start, and if need be a recovery."""
    dice = Random(seed)
    victim = dice.choice((WEHR, SAECKINGEN))
    other = SAECKINGEN if victim == WEHR else WEHR
    way = dice.choice(WAYS)
    moments = sorted(dice.sample(range(6), 2))
    story = Story(stage)
    mine, theirs = stage.folders[victim], stage.folders[other]
    async with AsyncExitStack() as stack:
        there = await stack.enter_async_context(local(theirs))
        async with local(mine) as here:
            await _reach(story, {victim: here, other: there}, moments[0])
            back_up(mine, folder / "backup")
            old_mark = Paths(mine).mark.read_bytes()
        shutil.copytree(mine, folder / "machine")
        async with local(mine) as here:
            await _reach(story, {victim: here, other: there}, moments[1])
            # So that somebody else remembers a head that the backup lacks.
            await _make_known(here, there)
        _go_back(way, folder, mine, old_mark)
        noticed = None
        async with local(mine) as here:
            started = time.monotonic()
            wanted = Standing.QUARANTINE if way in {*BEHIND, "mark gone"} else None
            if wanted is None:
                await until(lambda: _stands(here) is Standing.SPEAKING, NOTICED_S)
            else:
                await until(lambda: _stands(here) is wanted, NOTICED_S)
                noticed = time.monotonic() - started
        if wanted is not None:
            found = await recover(
                load_settings(mine),
                Wish(AccountId("a" * 32), AccountId("b" * 32), new_log=way in BEHIND),
            )
            assert found.is_done, found
        async with local(mine) as here:
            await until(lambda: _stands(here) is Standing.SPEAKING, NOTICED_S)
            await _reach(story, {victim: here, other: there}, 5)
    origin = f"{'wehr' if victim == WEHR else 'bad-saeckingen'}.localhost/log/1"
    return Run(
        way,
        str(victim),
        forks([mine / "node.db"], theirs / "node.db", origin),
        noticed,
        "/".join(story.states),
    )


async def _reach(story: Story, seats: dict[MemberId, LocalSeat], moment: int) -> None:
    """People act, until the handover is so far, or rests for a second."""
    far = {("closed", "closed")}
    order = ["absent", "held", "queued", "delivered", "asked", "granted", "closed"]
    rest_at = time.monotonic() + 1.0
    before = story.states
    while before not in far and order.index(_known(before[0], order)) <= moment:
        await story.act(seats)
        await asyncio.sleep(0.02)
        if story.states != before:
            before, rest_at = story.states, time.monotonic() + 1.0
        if time.monotonic() > rest_at:
            return


def _known(state: str, order: list[str]) -> str:
    return state if state in order else order[-1]


async def _make_known(here: LocalSeat, there: LocalSeat) -> None:
    """Something new, signed and shown to the other town."""
    node = here.node
    case = await asyncio.to_thread(pair.open_case, node, "Demo-Linde")
    await asyncio.to_thread(pair.give_consent, node, case)
    size = node.store.read_sync(lambda uow: uow.log_rows.standing().size)
    node.worker.notice(Wake.PUBLISH, "")
    mine = node.office.log_origin

    def is_known() -> bool:
        head = there.node.store.read_sync(lambda uow: uow.heads.seen(mine))
        return head is not None and head.size >= size

    await until(
        lambda: node.store.read_sync(lambda uow: uow.log_rows.signed_size()) >= size
    )
    await witnessing.collect(node.courier, there.node.office.member)
    await until(is_known)


def _stands(seat: LocalSeat) -> Standing:
    return seat.node.store.read_sync(firstword.standing).standing


def _go_back(way: str, folder: Path, mine: Path, old_mark: bytes) -> None:
    match way:
        case "database":
            put_back(folder / "backup", mine)
        case "machine":
            roll_back(folder / "machine", mine)
        case "mark gone":
            Paths(mine).mark.unlink()
        case "mark old":
            Paths(mine).mark.write_bytes(old_mark)
        case _:
            pass


async def campaign(runs: int, seed: int) -> list[Run]:
    """So many runs, each from the same stage."""
    found = []
    with tempfile.TemporaryDirectory() as folder:
        # Founding runs a loop of its own.
        master = await asyncio.to_thread(build_stage, Path(folder) / "master")
        for number in range(runs):
            root = Path(folder) / f"run{number}"
            root.mkdir()
            stage = master.copy(root / "towns")
            found.append(await one_run(stage, root, seed + number))
            shutil.rmtree(root)
    return found


def main(runs: int, seed: int) -> int:
    """Run it, print the figures; 1 if anything forked."""
    found = asyncio.run(campaign(runs, seed))
    noticed = [run.noticed_s for run in found if run.noticed_s is not None]
    forked = [run for run in found if run.forks]
    figures = {
        "runs": len(found),
        "seed": seed,
        "forks": len(forked),
        "restored": len(noticed),
        "noticed_s_most": round(max(noticed, default=0.0), 2),
        "ways": {way: sum(run.way == way for run in found) for way in WAYS},
        "ends": {
            end: sum(run.ended == end for run in found)
            for end in sorted({run.ended for run in found})
        },
    }
    print(json.dumps(figures))
    return 1 if forked else 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 1))
