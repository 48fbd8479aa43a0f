"""An HTTP proxy that knows CONNECT and nothing else, with a name and a password."""

import asyncio
from base64 import b64encode
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field


@dataclass
class ConnectProxy:
    """What was asked of it: targets as they were named, and the status each got."""

    password: str
    hosts: Mapping[str, int]
    port: int = 0
    asked: list[tuple[str, int]] = field(default_factory=list)

    async def serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """One connection: one CONNECT, then bytes both ways."""
        with suppress(OSError, asyncio.IncompleteReadError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            line, *fields = head.split("\r\n")
            method, target, _ = line.split(" ")
            said = {k.lower(): v for k, _, v in (f.partition(": ") for f in fields)}
            wanted = "Basic " + b64encode(f"town:{self.password}".encode()).decode()
            name = target.rsplit(":", 1)[0]
            status = 200
            if method != "CONNECT" or name not in self.hosts:
                status = 403
            elif said.get("proxy-authorization") != wanted:
                status = 407
            self.asked.append((target, status))
            writer.write(f"HTTP/1.1 {status} Proxy\r\n\r\n".encode())
            await writer.drain()
            if status == 200:
                await _join(reader, writer, self.hosts[name])
        writer.close()


async def _join(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, port: int
) -> None:
    there, back = await asyncio.open_connection("127.0.0.1", port)

    async def pump(one: asyncio.StreamReader, other: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while chunk := await one.read(65536):
                other.write(chunk)
                await other.drain()
        other.close()

    await asyncio.gather(pump(reader, back), pump(there, writer))


@asynccontextmanager
async def connect_proxy(
    password: str, hosts: Mapping[str, int]
) -> AsyncIterator[ConnectProxy]:
    """A proxy on loopback that leads names to ports of this machine."""
    proxy = ConnectProxy(password, hosts)
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()
