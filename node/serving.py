"""Serving a node: its listeners and its worker, until somebody ends it.

Enters: a node that was put together. Leaves: nothing; it stops gracefully on SIGTERM and
SIGINT, and what was not finished is found by the next start. Must never happen: a listener
that answers while the worker is gone.
"""

import asyncio
import ctypes
import gc
import resource
import signal
from contextlib import AsyncExitStack, suppress
from typing import Final, cast
from urllib.parse import urlsplit

import structlog
from aiohttp import web

from node.bootstrap import Hands, Node, build_node, health_app, peer_app, web_app
from node.config import Settings
from node.federation.door import DoorRunner
from node.sync import limits

log = structlog.get_logger("node")
_YOUNG_OBJECTS: Final = 10_000
_TURNS_TO_BE_KNOWN: Final = (
    4  # accept, make the transport, tell the protocol, wait for it
)
_MMAP_THRESHOLD: Final = -3  # M_MMAP_THRESHOLD of glibc's malloc.h


async def serve(settings: Settings, hands: Hands | None = None) -> None:
    """Run one node until it is told to stop.

    Raises:
        ConfigError, SchemaError, LogError: It must not start; the message says why.
    """
    # SR-D4: no memory image of this process on a disk.
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with build_node(settings, hands) as node, AsyncExitStack() as stack:
        await listen(node, stack)
        spare_collector()
        log.info("serving", member=str(node.office.member), address=settings.web_url)
        worker = loop.create_task(node.worker.run())
        waiter = loop.create_task(stop.wait())
        await asyncio.wait({worker, waiter}, return_when=asyncio.FIRST_COMPLETED)
        waiter.cancel()
        worker.cancel()
        with suppress(asyncio.CancelledError):
            await worker
    log.info("stopped", member=str(settings.member))


def spare_collector() -> None:
    """Let the collector of cycles look at what requests leave, and seldom.

    What the program itself consists of stays until it ends; looked at again and again it
    costs a twelfth of a handover. Nearly everything else is freed without the collector.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG_OBJECTS, 20, 20)


async def listen(node: Node, stack: AsyncExitStack) -> None:
    """Open the listeners; the stack closes them."""
    _give_back_memory()
    settings = node.settings
    people = web.AppRunner(web_app(node), access_log=None)
    await _open(people, settings.web_host, settings.web_port, stack)
    if not settings.is_pull_only:
        await listen_to_peers(node, stack)
    if settings.health_port:
        watchers = web.AppRunner(health_app(node), access_log=None)
        await _open(watchers, "127.0.0.1", settings.health_port, stack)


def _give_back_memory() -> None:
    """Let no thread keep the parts of containers that it has worked on.

    The C library raises the size from which a block goes back at once to that of the
    largest block it has seen, so each thread would keep a part of an upload (ADR 0064).
    """
    # A library without this knob has not this habit.
    with suppress(AttributeError):
        ctypes.CDLL(None).mallopt(_MMAP_THRESHOLD, limits.MIB)


async def listen_to_peers(node: Node, stack: AsyncExitStack) -> None:
    """Open the peers' listener alone, where nobody works at pages."""
    settings = node.settings
    peers: web.AppRunner = DoorRunner(
        peer_app(node),
        urlsplit(settings.peer_url).netloc,
        access_log=None,
        keepalive_timeout=limits.SILENT_HEADER.total_seconds() * 6,
        auto_decompress=False,
        lingering_time=2,
        max_line_size=limits.HEADER_FIELD_BYTES,
        max_field_size=limits.HEADER_FIELD_BYTES,
    )
    await _open(peers, settings.peer_host, settings.peer_port, stack)


async def _open(
    runner: web.AppRunner, host: str, port: int, stack: AsyncExitStack
) -> None:
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    site = web.TCPSite(runner, host, port)
    await site.start()
    stack.push_async_callback(_accept_no_more, site)


async def _accept_no_more(site: web.TCPSite) -> None:
    """Let in nobody, and let those who came in the last moment become known.

    A listener that ends before would lose them: never closed, or waited for a minute.
    """
    loop = asyncio.get_running_loop()
    server = cast("asyncio.Server", site._server)  # noqa: SLF001 - it has no other way out
    for listening in server.sockets:
        loop.remove_reader(listening.fileno())
    for _ in range(_TURNS_TO_BE_KNOWN):
        await asyncio.sleep(0)
