"""Floods: strangers and a member with a valid key, and an honest member beside them."""

import asyncio
import random
import time
from collections import Counter
from dataclasses import dataclass, field

from node.bootstrap import Node
from node.strictjson import encode
from node.sync.hello import say_hello
from tests.support.rawpeer import PATHS, exchange, signed

HELLO = "/staffelstab/1/hello"
JSON = "application/json"


@dataclass
class Flood:
    """What goes to one node, by seed."""

    node: Node
    member: Node
    honest: Node
    seed: int = 1
    times_s: list[float] = field(default_factory=list)

    async def run(
        self, *, requests: int, honest_requests: int, at_once: int = 16
    ) -> tuple[Counter[int | None], Counter[int | None]]:
        """70 of 100 requests come without a key; gives what both kinds were answered."""
        rng = random.Random(self.seed)
        seen: Counter[int | None] = Counter()
        slots = asyncio.Semaphore(at_once)

        async def bad() -> None:
            raw = self._stranger(rng) if rng.random() < 0.7 else self._member(rng)
            async with slots:
                status, _ = await exchange(self.node, raw, 3)
            seen[status] += 1

        served: Counter[int | None] = Counter()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._be_honest(honest_requests, served))
            for _ in range(requests):
                tasks.create_task(bad())
        return seen, served

    async def _be_honest(self, count: int, served: Counter[int | None]) -> None:
        for _ in range(count):
            started = time.perf_counter()
            served[await self.hello(self.honest)] += 1
            self.times_s.append(time.perf_counter() - started)
            await asyncio.sleep(0.02)

    async def hello(self, peer: Node) -> int | None:
        """One good request of another node; gives its status."""
        office = peer.office
        said = peer.store.read_sync(
            say_hello, office, self.node.office.member, office.clock.now()
        )
        body = encode({"hello": said.jws})
        raw = signed(self.node, "POST", HELLO, body, JSON, ring=office.keyring)
        status, _ = await exchange(self.node, raw, 10)
        return status

    def _stranger(self, rng: random.Random) -> bytes:
        """Garbage, half requests, unsigned ones, and signatures of nobody."""
        knock = rng.choice(PATHS).at(self.node)
        match rng.randrange(5):
            case 0:
                return rng.randbytes(rng.randrange(1, 400)) + b"\r\n\r\n"
            case 1:
                return knock.plain(b"Content-Encoding: gzip", body=rng.randbytes(99))
            case 2:
                raw = bytearray(knock.plain(body=rng.randbytes(50)))
                raw[rng.randrange(len(raw))] ^= 1 << rng.randrange(8)
                return bytes(raw) + b"\r\n\r\n"
            case 3:
                fields = (
                    b'Signature-Input: sst=();keyid="%s"'
                    % rng.randbytes(4).hex().encode(),
                    b"Signature: sst=:AAAA:",
                    b"Staffelstab-From: 08337116-stadt-wehr",
                )
                return knock.plain(*fields, body=b"{}")
        return knock.plain()

    def _member(self, rng: random.Random) -> bytes:
        """Well signed, and wrong in what it says."""
        path, method, media_type = rng.choice(
            (
                ("/staffelstab/1/statements", "POST", JSON),
                (HELLO, "POST", JSON),
                ("/staffelstab/1/uploads", "POST", JSON),
                (
                    f"/staffelstab/1/packets/{rng.randbytes(16).hex()}",
                    "PUT",
                    "application/vnd.staffelstab.packet",
                ),
            )
        )
        size = rng.choice((1, 50, 3000, 60_000))
        body = rng.choice((b"[" * size, rng.randbytes(size), b'{"a":' + b"9" * size))
        return signed(
            self.node, method, path, body, media_type, ring=self.member.office.keyring
        )
