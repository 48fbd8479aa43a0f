"""Nodes that can be killed, and nodes beside them in the test's own process.

Both kinds take the same acts. The processes are forked from one that has imported the
product already, so that a test pays for a fork and not for two seconds of imports.
"""

import asyncio
import multiprocessing
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Protocol

from node.bootstrap import Hands, Node, build_node, own_hands
from node.config import load_settings
from node.failpoints import Point
from tests.support.desk import ACTS
from tests.support.node_process import run_node
from tests.support.pair import running


class DiedError(Exception):
    """The process is gone: a crash point took it."""


class ActFailedError(Exception):
    """The use case refused; the message is the error's code."""


class Seat(Protocol):
    """A node at which people act."""

    async def act(self, name: str, *texts: str) -> str:
        """Do one of the acts of ``desk``."""
        ...


class LocalSeat:
    """A node in this process."""

    def __init__(self, node: Node) -> None:
        """Sit down at a running node."""
        self.node = node

    async def act(self, name: str, *texts: str) -> str:
        """Do one of the acts of ``desk``."""
        return await asyncio.to_thread(ACTS[name], self.node, *texts)


@asynccontextmanager
async def local(folder: Path, hands: Hands | None = None) -> AsyncIterator[LocalSeat]:
    """A node that serves in this process while the block runs."""
    async with (
        build_node(load_settings(folder), hands or own_hands()) as node,
        running(node),
    ):
        yield LocalSeat(node)


class ProcessSeat:
    """A node in a process of its own."""

    def __init__(
        self, process: multiprocessing.process.BaseProcess, pipe: Connection
    ) -> None:
        """Sit down at a process that was started."""
        self._process = process
        self._pipe = pipe

    @property
    def killed(self) -> bool:
        """Whether a crash point took the process; any other end is an error.

        Raises:
            AssertionError: It ended by itself.
        """
        code = self._process.exitcode
        assert code in {None, -signal.SIGKILL}, f"process ended by itself: {code}"
        return code is not None

    async def started(self) -> None:
        """Wait until it serves, or is gone already."""
        with suppress(DiedError):
            await self._answer()

    async def act(self, name: str, *texts: str) -> str:
        """Do one of the acts of ``desk``.

        Raises:
            DiedError: No answer: the act may or may not hold.
        """
        try:
            self._pipe.send((name, *texts))
        except OSError:
            raise DiedError from None
        return await self._answer()

    async def _answer(self) -> str:
        try:
            good, text = await asyncio.to_thread(self._pipe.recv)
        except (EOFError, OSError):
            await asyncio.to_thread(self._process.join, 5)
            raise DiedError from None
        if not good:
            raise ActFailedError(text)
        return str(text)

    def end(self) -> None:
        """Kill what is left."""
        self._process.kill()
        self._process.join()
        self._pipe.close()


@asynccontextmanager
async def process(
    folder: Path,
    point: Point | None = None,
    nth: int = 1,
    *,
    offset: timedelta = timedelta(),
) -> AsyncIterator[ProcessSeat]:
    """A node in a process of its own, killed at the latest when the block ends."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.support.node_process"])
    ours, theirs = context.Pipe()
    child = context.Process(
        target=run_node,
        args=(str(folder), str(point or ""), nth),
        kwargs={
            "pipe": theirs,
            "offset": offset,
            "log_to": str(folder / "node.log"),
        },
        daemon=True,
    )
    child.start()
    theirs.close()
    seat = ProcessSeat(child, ours)
    try:
        await seat.started()
        yield seat
    finally:
        await asyncio.to_thread(seat.end)
