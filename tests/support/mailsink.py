"""A mail server on loopback that takes what it is told to take, and keeps all of it."""

import asyncio
import ssl
from base64 import b64decode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import Message
from email.policy import default
from pathlib import Path


@dataclass
class MailSink:
    """What came, and how the server behaves.

    ``answer`` is said to the last line of a mail; ``drops`` closes the line there instead,
    after keeping the mail: what a crash of either side looks like.
    """

    tls: ssl.SSLContext
    at_once: bool = False
    offers_tls: bool = True
    answer: bytes = b"250 taken"
    drops: bool = False
    port: int = 0
    kept: list[bytes] = field(default_factory=list)
    clear: list[bytes] = field(default_factory=list)
    logins: list[tuple[str, str]] = field(default_factory=list)

    @property
    def mails(self) -> list[Message]:
        """The mails that came, parsed."""
        return [message_from_bytes(raw, policy=default) for raw in self.kept]

    async def serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """One connection."""
        is_secret = self.at_once
        with suppress(ConnectionError, ssl.SSLError, asyncio.IncompleteReadError):
            await self._say(writer, b"220 sink")
            while line := await reader.readline():
                if not is_secret:
                    self.clear.append(line)
                verb = line.split()[0].upper() if line.split() else b""
                if verb == b"EHLO":
                    offers = b"250-sink\r\n"
                    if self.offers_tls and not is_secret:
                        offers += b"250-STARTTLS\r\n"
                    await self._say(writer, offers + b"250 AUTH PLAIN")
                elif verb == b"STARTTLS" and self.offers_tls:
                    await self._say(writer, b"220 go on")
                    await writer.start_tls(self.tls)
                    is_secret = True
                elif verb == b"AUTH":
                    _, user, password = b64decode(line.split()[2]).split(b"\0")
                    self.logins.append((user.decode(), password.decode()))
                    await self._say(writer, b"235 welcome")
                elif verb == b"DATA":
                    await self._say(writer, b"354 go on")
                    raw = await reader.readuntil(b"\r\n.\r\n")
                    if self.answer.startswith(b"250"):
                        self.kept.append(raw[:-3])
                    if self.drops:
                        break
                    await self._say(writer, self.answer)
                elif verb == b"QUIT":
                    await self._say(writer, b"221 bye")
                    break
                else:
                    await self._say(writer, b"250 ok")
        writer.close()

    async def _say(self, writer: asyncio.StreamWriter, line: bytes) -> None:
        writer.write(line + b"\r\n")
        await writer.drain()


@asynccontextmanager
async def mail_sink(
    certificate: Path, *, at_once: bool = False
) -> AsyncIterator[MailSink]:
    """A server with this certificate, listening until the block ends."""
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate)
    sink = MailSink(tls, at_once=at_once)
    server = await asyncio.start_server(
        sink.serve, "127.0.0.1", 0, ssl=tls if at_once else None
    )
    sink.port = server.sockets[0].getsockname()[1]
    async with server:
        yield sink
