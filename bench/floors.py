"""What single pieces cost on this machine: the floors below whole handovers."""

import asyncio
import hashlib
import os
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

import aiohttp
from aiohttp import web

from node.crypto import hpke, sign
from node.crypto.keys import OpeningKey, SigningKey


def measure_floors(folder: Path) -> dict[str, float]:
    """Each piece alone, how often per second."""
    signing, opening = SigningKey.from_seed(os.urandom(32)), OpeningKey.generate()
    message, secret = os.urandom(600), os.urandom(32)
    signature = sign.sign(signing, message)
    wrapped = hpke.wrap(opening.public, b"x", secret)
    return {
        "SQLite commits (WAL, FULL), one row of 2 kB": commits(folder),
        "files of 5 kB written and synced": files(folder),
        "Ed25519 sign": rate(lambda: sign.sign(signing, message)),
        "Ed25519 verify": rate(lambda: sign.verify(signing.public, message, signature)),
        "HPKE wrap": rate(lambda: hpke.wrap(opening.public, b"x", secret)),
        "HPKE unwrap": rate(lambda: hpke.unwrap(opening, b"x", wrapped)),
        "bare aiohttp POST of 2 kB, one connection": asyncio.run(posts()),
    }


def rate(job: Callable[[], object], seconds: float = 0.5) -> float:
    done, start = 0, time.perf_counter()
    while time.perf_counter() - start < seconds:
        job()
        done += 1
    return done / (time.perf_counter() - start)


def commits(folder: Path) -> float:
    base = sqlite3.connect(folder / "floor.db", isolation_level=None)
    base.execute("PRAGMA journal_mode=WAL")
    base.execute("PRAGMA synchronous=FULL")
    base.execute("CREATE TABLE t (b BLOB)")
    row = (os.urandom(2000),)

    def commit():
        base.execute("BEGIN IMMEDIATE")
        base.execute("INSERT INTO t VALUES (?)", row)
        base.execute("COMMIT")

    found = rate(commit, 1.0)
    base.close()
    return found


def files(folder: Path) -> float:
    content, path = os.urandom(5000), folder / "floor.bin"

    def write():
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.write(handle, content)
        os.fsync(handle)
        os.close(handle)

    return rate(write)


async def posts() -> float:
    async def take(request: web.Request) -> web.Response:
        return web.Response(body=hashlib.sha256(await request.read()).digest())

    app = web.Application()
    app.router.add_post("/", take)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    port = runner.addresses[0][1]
    done, start = 0, time.perf_counter()
    async with aiohttp.ClientSession() as session:
        while time.perf_counter() - start < 1.0:
            async with session.post(f"http://127.0.0.1:{port}/", data=b"x" * 2000) as r:
                await r.read()
            done += 1
    found = done / (time.perf_counter() - start)
    await runner.cleanup()
    return found
