"""A line between two nodes that is cut, slowed or counted."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Self

PORTION = 64 * 1024


@dataclass
class FaultProxy:
    """Forwards a port; ``cut_after`` bytes towards the node each connection is cut.

    ``heard`` keeps what each connection carried towards it, if it is a list. ``up`` and
    ``down`` count what passed, ``cuts`` how often the line was cut.
    """

    port: int
    to: int
    cut_after: int | None = None
    bytes_per_s: int | None = None
    up: int = 0
    down: int = 0
    cuts: int = 0
    heard: list[bytearray] | None = None
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()

    async def _serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        try:
            there = await asyncio.open_connection("127.0.0.1", self.to)
        except OSError:
            writer.transport.abort()
            return
        with suppress(OSError, ExceptionGroup):
            async with asyncio.TaskGroup() as both:
                both.create_task(self._up(reader, there[1], writer))
                both.create_task(self._down(there[0], writer))
        for end in (writer, there[1]):
            end.transport.abort()

    async def _up(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        back: asyncio.StreamWriter,
    ) -> None:
        passed = 0
        flow = bytearray()
        if self.heard is not None:
            self.heard.append(flow)
        while data := await reader.read(PORTION):
            self.up += len(data)
            passed += len(data)
            if self.heard is not None:
                flow += data
            if self.cut_after is not None and passed >= self.cut_after:
                self.cuts += 1
                back.transport.abort()
                writer.transport.abort()
                raise ConnectionAbortedError
            writer.write(data)
            await writer.drain()
            if self.bytes_per_s is not None:
                await asyncio.sleep(len(data) / self.bytes_per_s)
        writer.close()

    async def _down(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        while data := await reader.read(PORTION):
            self.down += len(data)
            writer.write(data)
            await writer.drain()
        writer.close()
