"""People at two homeservers: who sends at A, and when somebody at B sees it.

Each of the senders has a room; one reader is in all of them. Several rooms are kinder to
Synapse than one, where events of an outage do not all arrive.
"""

import asyncio
import hashlib
import hmac
import itertools
import json
import os
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Self

import aiohttp

from bench.processes import cpu_s
from bench.synapse import Homeserver

SILENT_S = 60.0
"""So long without news at B, and what has not arrived counts as lost."""


class User:
    """Somebody who is registered at a homeserver."""

    def __init__(
        self, http: aiohttp.ClientSession, server: Homeserver, token: str
    ) -> None:
        self.http, self.server = http, server
        self.headers = {"Authorization": f"Bearer {token}"}

    @classmethod
    async def register(
        cls, http: aiohttp.ClientSession, server: Homeserver, name: str
    ) -> Self:
        url = f"{server.url}/_synapse/admin/v1/register"
        async with http.get(url) as answer:
            nonce = (await answer.json())["nonce"]
        password = os.urandom(8).hex()
        said = f"{nonce}\0{name}\0{password}\0notadmin"
        mac = hmac.new(server.secret.encode(), said.encode(), hashlib.sha1).hexdigest()
        words = {"nonce": nonce, "username": name, "password": password, "mac": mac}
        async with http.post(url, json=words) as answer:
            return cls(http, server, (await answer.json())["access_token"])

    async def ask(
        self, method: str, path: str, body: object = None, **query: str
    ) -> dict:
        url = f"{self.server.url}/_matrix/client/v3/{path}"
        async with self.http.request(
            method, url, json=body, params=query, headers=self.headers
        ) as answer:
            if answer.status != 200:
                raise SystemExit(f"{path}: {answer.status} {await answer.text()}")
            return await answer.json()

    async def send(self, room: str, number: int, size: int) -> None:
        said = f"{number} ".ljust(size, "x")
        path = f"rooms/{room}/send/m.room.message/{number}"
        await self.ask("PUT", path, {"msgtype": "m.text", "body": said})


@dataclass
class Sent:
    """What became of a number of events."""

    latencies: list[float]
    """Seconds from the start of the request until B's client saw it."""
    seconds: float
    cpu: float
    """Seconds of both processes."""
    lost: int


class Reader:
    """A client at B that notes when it sees which number."""

    def __init__(self, user: User) -> None:
        self.user, self.since, self.seen = user, "", dict[int, float]()
        self.news = asyncio.Event()

    async def sync(self, wait_ms: int) -> None:
        narrow = {"room": {"timeline": {"limit": 1000}}}
        query = {"timeout": str(wait_ms), "filter": json.dumps(narrow)}
        if self.since:
            query["since"] = self.since
        found = await self.user.ask("GET", "sync", None, **query)
        now, self.since = time.monotonic(), found["next_batch"]
        for room in found.get("rooms", {}).get("join", {}).values():
            for event in room["timeline"]["events"]:
                body = event["content"].get("body", "")
                if event["type"] == "m.room.message" and body:
                    self.seen.setdefault(int(body.split()[0]), now)
                    self.news.set()

    async def run(self) -> None:
        while True:
            await self.sync(10_000)

    async def until(self, numbers: set[int]) -> None:
        """Until all of these are seen, or nothing more comes."""
        while numbers - self.seen.keys():
            self.news.clear()
            try:
                async with asyncio.timeout(SILENT_S):
                    await self.news.wait()
            except TimeoutError:
                return


class Rooms:
    """A sender at A and a room for each; one reader at B is in all of them."""

    def __init__(self, a: Homeserver, b: Homeserver, senders: int) -> None:
        self.a, self.b, self.count = a, b, senders
        self.numbers = itertools.count(1)
        self.senders: list[tuple[User, str]] = []
        self.stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        http = await self.stack.enter_async_context(aiohttp.ClientSession())
        self.reader = Reader(await User.register(http, self.b, "reader"))
        for number in range(self.count):
            user = await User.register(http, self.a, f"sender{number}")
            made = await user.ask("POST", "createRoom", {"preset": "public_chat"})
            room = made["room_id"]
            await self.reader.user.ask(
                "POST", f"join/{room}", {}, server_name=self.a.name, via=self.a.name
            )
            self.senders.append((user, room))
        await self.reader.sync(0)
        # The first of each room pays for what the servers tell each other once.
        await self.measure(self.count, 100)
        return self

    async def __aexit__(self, *failure: object) -> None:
        await self.stack.aclose()

    async def measure(self, count: int, size: int, *, calm: bool = False) -> Sent:
        """Send and see; ``calm``: one at a time, the next when the last was seen."""
        posted: dict[int, float] = {}
        cpu = self.cpu()
        async with asyncio.TaskGroup() as group:
            reading = group.create_task(self.reader.run())
            await self.post(count, size, posted, calm=calm)
            await self.reader.until(set(posted))
            cpu = self.cpu() - cpu
            reading.cancel()
        return self.became(posted, min(posted.values()), cpu)

    async def catch_up(self, count: int, size: int) -> Sent:
        """Send while B is away; seconds count from its start, as a process."""
        self.b.end()
        posted: dict[int, float] = {}
        await self.post(count, size, posted)
        back, cpu = time.monotonic(), cpu_s(self.a.pid)
        self.b.start()
        async with asyncio.TaskGroup() as group:
            reading = group.create_task(self.reader.run())
            await self.reader.until(set(posted))
            cpu = self.cpu() - cpu
            reading.cancel()
        return self.became(posted, back, cpu)

    async def post(
        self, count: int, size: int, posted: dict[int, float], *, calm: bool = False
    ) -> None:
        waiting = iter(range(count))

        async def sender(user: User, room: str) -> None:
            for _ in waiting:
                number = next(self.numbers)
                posted[number] = time.monotonic()
                await user.send(room, number, size)
                if calm:
                    await self.reader.until({number})

        people = self.senders[:1] if calm else self.senders
        await asyncio.gather(*(sender(*one) for one in people))

    def cpu(self) -> float:
        return cpu_s(self.a.pid) + cpu_s(self.b.pid)

    def became(self, posted: dict[int, float], since: float, cpu: float) -> Sent:
        seen = self.reader.seen
        arrived = posted.keys() & seen.keys()
        return Sent(
            latencies=sorted(seen[number] - posted[number] for number in arrived),
            seconds=max(seen[number] for number in arrived) - since,
            cpu=cpu,
            lost=len(posted) - len(arrived),
        )
