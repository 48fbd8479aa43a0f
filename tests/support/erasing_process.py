"""Erasing, and the turn of a week key, in a process of its own that dies at a point."""

import asyncio
import multiprocessing
import secrets
import signal
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from node.bootstrap import Hands, Node, build_node
from node.casework.eraser import Eraser
from node.casework.erasing import Plan, begin_all
from node.clock import SystemClock
from node.config import load_settings
from node.exchangelog.entry import GroupName
from node.exchangelog.keeping import Basis, Terms
from node.failpoints import Failpoints, NoFailpoints, Point
from node.store.unit import SqlUnitOfWork
from node.store.weekkeys import WeekKeys
from node.store.weekturn import Backups, WeekTurn
from node.sync.logbook import Who
from tests.support.erasures import ANNA, BERT
from tests.support.killing import KillAt

ALL_HELD = Backups(lambda _: True, lambda: None, lambda: None, lambda _: None)


def order(node: Node, *groups: str) -> None:
    """Two people order an erasure; the point after its commit is passed."""
    tags = node.store.read_sync(_tags, groups)
    plan = Plan(Basis.ORDER, "AZ-7", tags, Who("approver", ANNA, BERT))
    node.store.write_sync(begin_all, node.office, plan)
    node.office.failpoints.reach(Point.ERASE_INTENT)


def _tags(uow: SqlUnitOfWork, groups: tuple[str, ...]) -> tuple[bytes, ...]:
    return tuple(uow.keeping.tag(GroupName(group)) for group in groups)


def advance(node: Node, *_groups: str) -> None:
    """Carry on what was begun."""
    Eraser(node.store, node.office, Terms()).advance()


def turn(node: Node, *_groups: str) -> None:
    """The turn of week keys, with a key backup that holds everything."""
    keys = week_keys(node)
    WeekTurn(
        node.store,
        keys,
        ALL_HELD,
        clock=node.office.clock,
        randomness=node.office.randomness,
        failpoints=node.office.failpoints,
    )()


def week_keys(node: Node) -> WeekKeys:
    """The keys of a node that is put together."""
    keys = node.store._means.week_keys
    assert isinstance(keys, WeekKeys)
    return keys


ACTS: dict[str, Callable[..., None]] = {
    "order": order,
    "advance": advance,
    "turn": turn,
}


def run(data: str, act: str, groups: tuple[str, ...], point: str, hours: int) -> None:
    """Put the node together at a later time and do one act."""
    failpoints: Failpoints = KillAt(Point(point)) if point else NoFailpoints()
    clock = SystemClock(timedelta(hours=hours))
    hands = Hands(clock, secrets.token_bytes, failpoints)
    asyncio.run(_do(Path(data), hands, act, groups))


async def _do(data: Path, hands: Hands, act: str, groups: tuple[str, ...]) -> None:
    async with build_node(load_settings(data), hands) as node:
        await asyncio.to_thread(ACTS[act], node, *groups)


def is_killed(
    folder: Path, act: str, *groups: str, point: Point | None = None, hours: int = 0
) -> bool:
    """Do an act in a process of its own; whether a point took it."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.support.erasing_process"])
    name = str(point or "")
    child = context.Process(target=run, args=(str(folder), act, groups, name, hours))
    child.start()
    child.join(60)
    assert child.exitcode in {0, -signal.SIGKILL}, child.exitcode
    return child.exitcode == -signal.SIGKILL
