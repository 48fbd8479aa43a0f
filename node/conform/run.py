"""One conformance run: opens the test member, plays the other side, gives the report.

Enters: a folder of a founded member, the address of the implementation under test. Leaves:
the report. Must never happen: the folder of a node in service used for it, so only demo
nodes and nodes that are named as test members are taken. Implements handover 14, item 5.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from typing import Final

from node.bootstrap import Node, build_node
from node.config import Settings
from node.conform import handover, receiving, requests, statements, witness
from node.conform.bench import Bench, P
from node.conform.report import Report
from node.conform.wire import Wire
from node.errors import ConfigError, UnknownNodeError
from node.ids import MemberId
from node.sync import firstword
from node.sync.greeting import FirstWord, greet
from node.sync.ports import UnitOfWork

_FIRST_WORD_S: Final = 20.0
_PAUSE_S: Final = 0.5

GROUPS: Final[tuple[Callable[[Bench], Awaitable[None]], ...]] = (
    requests.coverage,
    requests.window,
    requests.parties,
    requests.bodies,
    requests.reject_list,
    witness.statuses,
    witness.others,
    statements.forms,
    statements.signatures,
    statements.chains,
    handover.send,
    witness.reading,
    statements.fork,
)
"""Everything but the greeting, in this order; the last one ends the pair."""


async def check(
    settings: Settings,
    url: str,
    *,
    wait_s: float = 0.0,
    last: bool = False,
    as_recipient: bool = False,
) -> Report:
    """Run all checks as a sender, or those of a recipient.

    Raises:
        ConfigError, SchemaError, LogError: The folder cannot be opened.
        UnknownNodeError: The address belongs to no member of its directory.
    """
    async with build_node(settings) as node:
        peer = whose(node, url)
        await speak(node)
        wire = Wire(node.office, peer, url)
        bench = Bench(node, peer, wire, wait_s=wait_s, last=last)
        if as_recipient:
            await receive(bench)
        else:
            # Whoever has just started asks us before it speaks, so we must answer.
            async with AsyncExitStack() as stack:
                await receiving.listen(node, stack)
                await run(bench)
        return bench.report


async def speak(node: Node) -> None:
    """Say the first word as any node does after a start.

    Raises:
        ConfigError: It may not speak: somebody remembers more of it than it knows, or
            nobody it ever met answers.
    """
    with suppress(TimeoutError):
        async with asyncio.timeout(_FIRST_WORD_S):
            await FirstWord(node.courier).ask()
    if not node.store.read_sync(_speaks):
        raise ConfigError("the test member may not speak: see `staffelstab recover`")


def _speaks(uow: UnitOfWork) -> bool:
    with uow:
        return firstword.is_speaking(uow)


async def run(bench: Bench) -> None:
    """All checks that we can begin, the harmless ones first."""
    if not await requests.discovery(bench) or not await requests.hello(bench):
        return
    if not await _is_ready(bench):
        return
    for group in GROUPS:
        await group(bench)


async def _is_ready(bench: Bench) -> bool:
    """API-13: before its first word it answers ``maintenance``; wait until it speaks."""
    loop = asyncio.get_running_loop()
    end = loop.time() + _FIRST_WORD_S
    while True:
        seen = await bench.wire.send("GET", f"{P}/transfers/{'0' * 32}")
        if seen.code not in {"maintenance", "reading-only"}:
            return True
        if loop.time() >= end:
            bench.report.skip("API-13", "spricht mit anderen", f"es antwortet {seen}")
            return False
        await greet(bench.node.courier, bench.peer)
        await asyncio.sleep(_PAUSE_S)


async def receive(bench: Bench) -> None:
    """What their node does when ours answers badly, and then well."""
    if await requests.discovery(bench) and await requests.hello(bench):
        await receiving.receive(bench)


def whose(node: Node, url: str) -> MemberId:
    """The member whose key sheet names this address.

    Raises:
        UnknownNodeError: Nobody's.
        ConfigError: Our own address.
    """
    directory = node.office.directory()
    for member in directory.members():
        try:
            sheet = directory.sheet(member.id)
        except UnknownNodeError:
            continue
        if sheet.url.rstrip("/") == url.rstrip("/"):
            if member.id == node.office.member:
                raise ConfigError("a member cannot be checked by itself")
            return member.id
    raise UnknownNodeError("no member of this directory has that address")
