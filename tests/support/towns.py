"""Wehr and Bad Säckingen as a test begins: founded, built, with their staff, running."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from aiohttp import web
from aiohttp.test_utils import TestClient

from node.bootstrap import Hands, Node, build_node, own_hands
from node.config import load_settings
from tests.support.office import before
from tests.support.pair import SAECKINGEN, WEHR, add_staff, found_pair, running

Client = TestClient[web.Request, web.Application]


@asynccontextmanager
async def two_nodes(
    folder: Path,
    hands: Hands | None = None,
    *,
    runs: bool = True,
    databases: tuple[str, str] = ("", ""),
) -> AsyncIterator[tuple[Node, Node]]:
    """Both nodes; unless they run, a test decides which of them listens and works."""
    hands = hands or own_hands()
    folders = found_pair(folder, hands, databases=databases)
    async with AsyncExitStack() as stack:
        wehr, saeckingen = [
            await stack.enter_async_context(
                build_node(load_settings(folders[member]), hands)
            )
            for member in (WEHR, SAECKINGEN)
        ]
        for node in (wehr, saeckingen):
            add_staff(node)
            if runs:
                await stack.enter_async_context(running(node))
        yield wehr, saeckingen


@asynccontextmanager
async def two_desks(
    folder: Path, hands: Hands | None = None
) -> AsyncIterator[tuple[Node, Node, Client, Client]]:
    """Both nodes, and somebody before the pages of each."""
    async with (
        two_nodes(folder, hands) as (wehr, saeckingen),
        before(wehr) as here,
        before(saeckingen) as there,
    ):
        yield wehr, saeckingen, here, there
