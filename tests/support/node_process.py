"""A node in a process of its own, with failpoints: ``python -m tests.support.node_process``.

``DATA [POINT [N]]`` serves the node in the folder DATA like ``staffelstab serve`` does; the
N-th time POINT is reached it is gone. A parent may hand in a pipe and let people act there.
"""

import asyncio
import secrets
import sys
from contextlib import AsyncExitStack
from datetime import timedelta
from multiprocessing.connection import Connection
from pathlib import Path

from node.bootstrap import Hands, Node, build_node
from node.clock import SystemClock
from node.config import load_settings
from node.errors import NodeError
from node.failpoints import Failpoints, NoFailpoints, Point
from node.serving import listen
from node.telemetry import configure_logging
from tests.support.desk import ACTS
from tests.support.killing import KillAt

READY = "ready"


def run_node(
    data: str,
    point: str = "",
    nth: int = 1,
    *,
    pipe: Connection | None = None,
    offset: timedelta = timedelta(),
    log_to: str = "",
) -> None:
    """Serve until the process ends; with a pipe, tell the parent and take its acts."""
    if log_to:
        sys.stderr = Path(log_to).open("a", buffering=1)  # noqa: SIM115 - until the end
    configure_logging()
    failpoints: Failpoints = KillAt(Point(point), nth) if point else NoFailpoints()
    hands = Hands(SystemClock(offset), secrets.token_bytes, failpoints)
    asyncio.run(_serve(Path(data), hands, pipe))


async def _serve(data: Path, hands: Hands, pipe: Connection | None) -> None:
    async with (
        build_node(load_settings(data), hands) as node,
        AsyncExitStack() as stack,
    ):
        await listen(node, stack)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(node.worker.run())
            if pipe is not None:
                tasks.create_task(_take_acts(node, pipe))


async def _take_acts(node: Node, pipe: Connection) -> None:
    """One act at a time: ``(name, *texts)`` in, ``(whether it went well, text)`` out."""
    pipe.send((True, READY))
    while True:
        name, *texts = await asyncio.to_thread(pipe.recv)
        try:
            answer = await asyncio.to_thread(ACTS[name], node, *texts)
        except NodeError as error:
            pipe.send((False, error.code))
        else:
            pipe.send((True, answer))


if __name__ == "__main__":
    data, point, nth = [*sys.argv[1:4], "", "1"][:3]
    run_node(data, point, int(nth))
