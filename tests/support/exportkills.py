"""A sealed export in a process of its own that dies at a named point."""

import asyncio
import multiprocessing
import secrets
from pathlib import Path

from node.bootstrap import Hands, build_node
from node.casework import exports, sealing
from node.clock import SystemClock
from node.config import load_settings
from node.failpoints import Point
from node.ids import TransferId
from tests.support.exporting import QuickSeal, code_in
from tests.support.killing import KillAt
from tests.support.pair import CLERK


def die_at(folder: Path, point: Point, transfer: TransferId) -> int | None:
    """Seal, tell and acknowledge until the point; gives the exit code of the process."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.support.exportkills"])
    child = context.Process(target=_run, args=(str(folder), str(point), str(transfer)))
    child.start()
    child.join(60)
    return child.exitcode


def _run(folder: str, point: str, transfer: str) -> None:
    asyncio.run(_go(Path(folder), Point(point), TransferId(transfer)))


async def _go(folder: Path, point: Point, transfer: TransferId) -> None:
    hands = Hands(SystemClock(), secrets.token_bytes, KillAt(point))
    seal = QuickSeal()
    async with build_node(load_settings(folder), hands) as node:
        await sealing.release_any(node.courier, transfer, seal)
        write, office = node.store.write_sync, node.office
        write(exports.tell, office, transfer, name="Frau Beispiel", by=CLERK)
        file = node.store.read_sync(exports.sealed_file, office, transfer, by=CLERK)
        content = b"".join(node.courier.files.read(file.name))
        code = code_in(content, seal.words)
        write(exports.acknowledge, office, transfer, code=code, by=CLERK)
