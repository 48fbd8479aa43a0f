"""Witnesses outside the federation, honest and hostile, behind a real HTTP server."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http import HTTPStatus

from aiohttp import web
from aiohttp.test_utils import TestServer

from node.crypto.checkpoint import (
    COSIGNATURE,
    NoteKey,
    cosign,
    peek_origin,
)
from node.crypto.keys import SigningKey
from node.exchangelog.witness import parse_add_checkpoint

Answer = Callable[["OutsideWitness", web.Request], Awaitable[web.StreamResponse]]
TIME_S = 1_800_000_000


@dataclass
class OutsideWitness:
    """A witness with a memory of its own; ``answer`` makes it hostile."""

    number: int
    answer: Answer | None = None
    url: str = ""
    sizes: dict[str, int] = field(default_factory=dict)
    asked: int = 0

    @property
    def signing(self) -> SigningKey:
        """Its private key."""
        return SigningKey.from_seed(bytes([100 + self.number]) * 32)

    @property
    def key(self) -> NoteKey:
        """Its vkey."""
        name = f"outside{self.number}.example/witness"
        return NoteKey(name, self.signing.public, COSIGNATURE)

    @property
    def line(self) -> str:
        """Its line in a policy."""
        return f"witness O{self.number} {self.key} {self.url}\n"

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """C2SP add-checkpoint, without asking who signs the log."""
        self.asked += 1
        if self.answer is not None:
            return await self.answer(self, request)
        return await honest(self, request)


async def honest(witness: OutsideWitness, request: web.Request) -> web.Response:
    """Cosign what goes on from the remembered size; proofs are taken on trust."""
    asked = parse_add_checkpoint(await request.read())
    origin = peek_origin(asked.note)
    known = witness.sizes.get(origin, 0)
    if asked.old_size != known:
        return web.Response(
            status=HTTPStatus.CONFLICT,
            text=f"{known}\n",
            content_type="text/x.tlog.size",
        )
    witness.sizes[origin] = int(asked.note.split("\n")[1])
    return web.Response(
        text=cosign(asked.note, witness.key.name, witness.signing, TIME_S)
    )


async def too_large_a_size(_: OutsideWitness, request: web.Request) -> web.Response:
    """Claims to remember more of the log than there is."""
    await request.read()
    return web.Response(
        status=HTTPStatus.CONFLICT, text="999999\n", content_type="text/x.tlog.size"
    )


async def always_another_size(
    witness: OutsideWitness, request: web.Request
) -> web.Response:
    """Never content with the size it named itself."""
    asked = parse_add_checkpoint(await request.read())
    size = 0 if asked.old_size else 1
    return web.Response(
        status=HTTPStatus.CONFLICT,
        text=f"{size}\n",
        content_type="text/x.tlog.size",
    )


async def ten_megabytes(_: OutsideWitness, request: web.Request) -> web.Response:
    """Far more than an answer may have."""
    await request.read()
    return web.Response(body=b"x" * 10_000_000)


async def slow_drip(_: OutsideWitness, request: web.Request) -> web.StreamResponse:
    """A byte now and then, for ever."""
    await request.read()
    response = web.StreamResponse()
    await response.prepare(request)
    while True:
        await response.write(b"x")
        await asyncio.sleep(0.1)


async def foreign_signature(
    witness: OutsideWitness, request: web.Request
) -> web.Response:
    """A good cosignature, of somebody the policy does not name."""
    asked = parse_add_checkpoint(await request.read())
    stranger = SigningKey.from_seed(b"\x07" * 32)
    return web.Response(text=cosign(asked.note, "stranger.example", stranger, TIME_S))


async def bad_signature(witness: OutsideWitness, request: web.Request) -> web.Response:
    """Its own name and key id over something else."""
    asked = parse_add_checkpoint(await request.read())
    other = f"other.example/log/1\n1\n{'A' * 43}=\n"
    note = other + asked.note[asked.note.index("\n\n") + 1 :]
    return web.Response(text=cosign(note, witness.key.name, witness.signing, TIME_S))


async def garbage(_: OutsideWitness, request: web.Request) -> web.Response:
    """Bytes."""
    await request.read()
    return web.Response(body=bytes(range(256)))


async def no_service(_: OutsideWitness, request: web.Request) -> web.Response:
    """Not just now."""
    await request.read()
    return web.Response(status=HTTPStatus.SERVICE_UNAVAILABLE)


async def elsewhere(_: OutsideWitness, request: web.Request) -> web.Response:
    """Sends the caller to another address."""
    await request.read()
    return web.Response(
        status=HTTPStatus.TEMPORARY_REDIRECT,
        headers={"Location": "http://127.0.0.1:1/"},
    )


HOSTILE = (
    too_large_a_size,
    always_another_size,
    ten_megabytes,
    slow_drip,
    foreign_signature,
    bad_signature,
    garbage,
    no_service,
    elsewhere,
)


@asynccontextmanager
async def outside(*witnesses: OutsideWitness) -> AsyncIterator[None]:
    """Serve these witnesses while the block runs."""
    app = web.Application(client_max_size=2**20)
    for witness in witnesses:
        path = f"/{witness.number}"
        app.router.add_post(f"{path}/add-checkpoint", witness.serve)
        witness.url = path
    async with TestServer(app, host="127.0.0.1") as server:
        for witness in witnesses:
            witness.url = str(server.make_url(witness.url))
        yield
