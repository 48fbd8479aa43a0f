"""A line between two nodes that is cut, slowed or counted."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Self

PORTION = 64 * 1024


@dataclass
class FaultProxy:
    """Forwards a port; ``cut_after`` bytes towards the node each connection is cut.

    With ``cut_every_s`` all connections are cut again and again.

    ``heard`` keeps what each connection carried towards it, if it is a list. ``up`` and
    ``down`` count what passed, ``cuts`` how often the line was cut.
    """

    port: int
    to: int
    cut_after: int | None = None
    bytes_per_s: int | None = None
    cut_every_s: float | None = None
    up: int = 0
    down: int = 0
    cuts: int = 0
    heard: list[bytearray] | None = None
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _ends: set[asyncio.StreamWriter] = field(default_factory=set)
    _cutter: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        if self.cut_every_s is not None:
            self._cutter = asyncio.create_task(self._cut_all(self.cut_every_s))
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        if self._cutter is not None:
            self._cutter.cancel()
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
        ends = {writer, there[1]}
        self._ends |= ends
        with suppress(OSError, ExceptionGroup):
            async with asyncio.TaskGroup() as both:
                both.create_task(self._up(reader, there[1], writer))
                both.create_task(self._down(there[0], writer))
        self._ends -= ends
        for end in ends:
            end.transport.abort()

    async def _cut_all(self, every_s: float) -> None:
        while True:
            await asyncio.sleep(every_s)
            # One line with two ends; one that is idle counts as well.
            self.cuts += len(self._ends) // 2
            for end in self._ends:
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
