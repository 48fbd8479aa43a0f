"""Whole handovers per second between two real processes, beside floors of the same run.

``make bench``. A handover is: relocation recorded, gate, offer, cosignature, container,
approval, grant, import, close; durable on both sides (SQLite, WAL, FULL). Prints one table.
"""

import asyncio
import hashlib
import json
import os
import platform
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import aiohttp
from aiohttp import web

from node.bootstrap import own_hands
from node.crypto import hpke, sign
from node.crypto.keys import OpeningKey, SigningKey
from node.demo.show import Federation, found_federation, places

COUNT = int(os.environ.get("BENCH_COUNT", "400"))
SIZES = {"2 kB": 3, "20 kB": 55}


def floors(folder: Path) -> dict[str, float]:
    """What single pieces cost on this machine, per second."""
    found = {}
    base = sqlite3.connect(folder / "floor.db", isolation_level=None)
    base.execute("PRAGMA journal_mode=WAL")
    base.execute("PRAGMA synchronous=FULL")
    base.execute("CREATE TABLE t (b BLOB)")
    blob = os.urandom(2000)

    def commit():
        base.execute("BEGIN IMMEDIATE")
        base.execute("INSERT INTO t VALUES (?)", (blob,))
        base.execute("COMMIT")

    found["raw SQLite commits, one 2 kB row"] = rate(commit, 1.0)
    key, opening = SigningKey.from_seed(os.urandom(32)), OpeningKey.generate()
    message = os.urandom(600)
    signature = sign.sign(key, message)
    found["Ed25519 sign"] = rate(lambda: sign.sign(key, message), 0.5)
    found["Ed25519 verify"] = rate(
        lambda: sign.verify(key.public, message, signature), 0.5
    )
    wrapped = hpke.wrap(opening.public, b"x", b"y" * 32)
    found["HPKE wrap"] = rate(lambda: hpke.wrap(opening.public, b"x", b"y" * 32), 0.5)
    found["HPKE unwrap"] = rate(lambda: hpke.unwrap(opening, b"x", wrapped), 0.5)
    found["bare aiohttp POST of 2 kB, one connection"] = asyncio.run(bare_posts())
    return found


def rate(job, seconds: float) -> float:
    done, start = 0, time.perf_counter()
    while time.perf_counter() - start < seconds:
        job()
        done += 1
    return done / (time.perf_counter() - start)


async def bare_posts() -> float:
    async def take(request: web.Request) -> web.Response:
        return web.Response(body=hashlib.sha256(await request.read()).digest())

    app = web.Application()
    app.router.add_post("/", take)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = site._server.sockets[0].getsockname()[1]
    done, start = 0, time.perf_counter()
    async with aiohttp.ClientSession() as session:
        while time.perf_counter() - start < 1.0:
            async with session.post(f"http://127.0.0.1:{port}/", data=b"x" * 2000) as r:
                await r.read()
            done += 1
    await runner.cleanup()
    return done / (time.perf_counter() - start)


class Town:
    """A process of ``bench.town``."""

    def __init__(self, data: Path, *words: str) -> None:
        self.log = (data / "bench.log").open("wb")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "bench.town", str(data), *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.log,
            text=True,
        )

    def fact(self) -> dict:
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(Path(self.log.name).read_text()[-3000:])
        return json.loads(line)

    def go(self) -> None:
        self.process.stdin.write("go\n")
        self.process.stdin.flush()

    def end(self) -> None:
        self.process.kill()
        self.process.wait()
        self.log.close()


def measure(folder: Path, talks: int, *, outage: bool) -> dict:
    """One run in fresh towns; with ``outage`` the recipient starts when all is queued."""
    folder.mkdir(parents=True)
    federation = Federation(folder, *places(free_ports()))
    found_federation(federation, own_hands())
    towns = [federation.data(p) for p in (federation.wehr, federation.saeckingen)]
    for town in towns:
        # One peer sends everything here, which the defaults for a town would slow down.
        with (town / "node.toml").open("a") as settings:
            settings.write("peer_requests_per_s = 20000\npeer_open_transfers = 20000\n")
    sender = Town(towns[0], "sender", str(500 if outage else COUNT), str(talks))
    recipient = None if outage else Town(towns[1], "recipient")
    try:
        sender.fact()
        if recipient is not None:
            recipient.fact()
        sender.go()
        sender.fact()
        back = time.monotonic()
        if recipient is None:
            time.sleep(6)
            recipient = Town(towns[1], "recipient")
            recipient.fact()
            back = time.monotonic()
        result = sender.fact()
        result["after_return"] = time.monotonic() - back
        result["packet_bytes"] = packet_bytes(towns[0])
        return result
    finally:
        sender.end()
        if recipient is not None:
            recipient.end()


def packet_bytes(data: Path) -> float:
    sizes = [
        p.stat().st_size for p in (data / "files" / "packets").rglob("*") if p.is_file()
    ]
    return statistics.median(sizes) if sizes else 0


def free_ports() -> list[int]:
    import socket

    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(4)]
    ports = [s.getsockname()[1] for s in sockets]
    for s in sockets:
        s.close()
    return ports


def main() -> None:
    print(
        f"Python {platform.python_version()}, {os.cpu_count()} cores, SQLite {sqlite3.sqlite_version}, loopback HTTP"
    )
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        print("\nfloors, per second")
        for what, per_s in floors(folder).items():
            print(f"  {what:45s} {per_s:10.0f}")
        for label, talks in SIZES.items():
            run = measure(folder / label.replace(" ", ""), talks, outage=False)
            print(
                f"\n{label}: {run['closed']} handovers, container {run['packet_bytes']:.0f} bytes"
            )
            print(
                f"  whole handovers per second     {run['closed'] / run['seconds']:8.1f}"
            )
            print(
                f"  sender's CPU per handover, ms  {1000 * run['cpu'] / run['closed']:8.2f}"
            )
            print(f"  relocation to stored, ms       {run['stored']}")
            print(f"  relocation to closed, ms       {run['whole']}")
        run = measure(folder / "outage", SIZES["2 kB"], outage=True)
        print(
            f"\ncatch-up of 500 after an outage: {run['after_return']:.1f} s from the recipient's return to the last close"
        )


if __name__ == "__main__":
    main()
