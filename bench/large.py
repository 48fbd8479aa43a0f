"""One large document between two real processes: seconds, peaks of memory, a floor beside.

``make bench-large SIZE=1073741824``. The document is random bytes, sealed while it is made
at the sender, handed over in a packet, opened and sealed anew at the recipient; its digest
is compared at the end. Peaks are what the kernel counted for each process (VmHWM). While
somebody tries passwords, and while a second document travels, a third party posts 20 kB at a
time (P13). A second run goes over a slow line that is cut every two seconds.

The floor is ``age`` into ``curl`` to a bare server that writes and syncs, with the same
bytes, in the same run, alone and with an Ed25519 signature over the ciphertext; where one
of the programs is missing it is skipped by name.
"""

import asyncio
import json
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

from bench.handover import conditions, show
from bench.processes import cpu_s, memory_mib
from node.bootstrap import own_hands
from node.sync.limits import MIB, PART_BYTES
from tests.support.faultproxy import FaultProxy
from tests.support.largeends import SAECKINGEN, WEHR, behind_a_line, found_large

CUT_EVERY_S = 2.0
SLOW_BYTES_PER_S = 8 * MIB


class End:
    """A process of ``tests.support.largeends``."""

    def __init__(self, folder: Path) -> None:
        self.log = folder / "bench.log"
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.largeends", str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.log.open("ab"),
            text=True,
        )

    def ask(self, *words: str) -> str:
        if words:
            self.process.stdin.write(json.dumps(words) + "\n")
            self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(self.log.read_text()[-3000:])
        return json.loads(line)

    @property
    def peak_mib(self) -> float:
        return memory_mib(self.process.pid, "VmHWM")

    @property
    def cpu_s(self) -> float:
        return cpu_s(self.process.pid)

    def reset_peak(self) -> None:
        """Count anew from what it needs now."""
        Path(f"/proc/{self.process.pid}/clear_refs").write_text("5")

    def end(self) -> None:
        self.process.kill()
        self.process.wait()


def measure(folder: Path, size: int) -> tuple[dict, float]:
    folders = found_large(folder, own_hands(), size)
    ends = {member: End(folders[member]) for member in folders}
    sender, recipient = ends[WEHR], ends[SAECKINGEN]
    try:
        for end in ends.values():
            assert end.ask() == "ready"
        idle = {member: end.peak_mib for member, end in ends.items()}
        # The first handover of a process pays for what is prepared once.
        first, _ = sender.ask("keep", str(2 * MIB))
        sender.ask("delivered", sender.ask("relocate", first))
        began = time.perf_counter()
        case, digest = sender.ask("keep", str(size))
        sealed = time.perf_counter() - began
        for end in ends.values():
            end.reset_peak()
        began = time.perf_counter()
        used = sender.cpu_s, recipient.cpu_s
        transfer = sender.ask("relocate", case)
        sender.ask("delivered", transfer)
        delivered = time.perf_counter() - began
        used = sender.cpu_s - used[0], recipient.cpu_s - used[1]
        began = time.perf_counter()
        opening = recipient.cpu_s
        recipient.ask("approve", transfer)
        recipient.ask("arrived", transfer)
        taken, opening = time.perf_counter() - began, recipient.cpu_s - opening
        if recipient.ask("digest", case) != digest:
            raise SystemExit("another document arrived")
        quiet = sender.ask("post", "3")
        peaks = sender.peak_mib, recipient.peak_mib
        with ThreadPoolExecutor(1) as hand:
            logins = hand.submit(recipient.ask, "log_in", "4")
            busy = sender.ask("post", "3")
            count, each = logins.result()
        # A password needs 64 MiB by itself.
        recipient.reset_peak()
        # A second one, whose CPU would be that of the posts as well.
        case, _ = sender.ask("keep", str(size))
        loud = sender.ask("post_until_delivered", sender.ask("relocate", case))
        return {
            "sender before, MiB": round(idle[WEHR]),
            "recipient before, MiB": round(idle[SAECKINGEN]),
            "sender's peak, MiB": round(max(peaks[0], sender.peak_mib)),
            "recipient's peak, MiB": round(max(peaks[1], recipient.peak_mib)),
            "sealed at the sender, s": f"{sealed:.2f}",
            "delivered and synced, s": f"{delivered:.2f}",
            "the same, CPU of sender and recipient, s": f"{used[0]:.2f}, {used[1]:.2f}",
            "approved and imported, s": f"{taken:.2f}",
            "the same, CPU of the recipient, s": f"{opening:.2f}",
            "MB/s until delivered": round(size / delivered / 1e6, 1),
            "20 kB POST, p99 ms, quiet": round(quiet, 1),
            f"20 kB POST, p99 ms, during {count} log-ins of {each:.0f} ms": round(
                busy, 1
            ),
            "20 kB POST, p99 ms, during the upload": round(loud, 1),
        }, delivered
    finally:
        for end in ends.values():
            end.end()


# -- Over a bad line ---------------------------------------------------------------------


@contextmanager
def bad_line(folder: Path) -> Iterator[FaultProxy]:
    """The way to the node of a folder, slow and cut again and again."""
    line = FaultProxy(
        *behind_a_line(folder), bytes_per_s=SLOW_BYTES_PER_S, cut_every_s=CUT_EVERY_S
    )
    loop = asyncio.new_event_loop()
    Thread(target=loop.run_forever, daemon=True).start()
    asyncio.run_coroutine_threadsafe(line.__aenter__(), loop).result()
    try:
        yield line
    finally:
        asyncio.run_coroutine_threadsafe(line.__aexit__(), loop).result()
        loop.call_soon_threadsafe(loop.stop)


def measure_cut(folder: Path, size: int) -> dict:
    folders = found_large(folder, own_hands(), size)
    with bad_line(folders[SAECKINGEN]) as line:
        ends = {member: End(folders[member]) for member in folders}
        sender, recipient = ends[WEHR], ends[SAECKINGEN]
        try:
            for end in ends.values():
                assert end.ask() == "ready"
            case, digest = sender.ask("keep", str(size))
            for end in ends.values():
                end.reset_peak()
            began = time.perf_counter()
            transfer = sender.ask("relocate", case)
            length = sender.ask("delivered", transfer)
            took, more, cuts = time.perf_counter() - began, line.up - length, line.cuts
            recipient.ask("approve", transfer)
            recipient.ask("arrived", transfer)
            if recipient.ask("digest", case) != digest:
                raise SystemExit("another document arrived")
            return {
                "cuts": cuts,
                "delivered and synced, s": f"{took:.2f}",
                "sent more than the container, MiB": round(more / MIB, 2),
                "the same in parts, per cut": round(
                    more / PART_BYTES / max(cuts, 1), 2
                ),
                "sender's peak, MiB": round(sender.peak_mib),
                "recipient's peak, MiB": round(recipient.peak_mib),
            }
        finally:
            for end in ends.values():
                end.end()


# -- The floor ---------------------------------------------------------------------------


class Sink(BaseHTTPRequestHandler):
    """Writes a body to a file and syncs it."""

    protocol_version = "HTTP/1.1"

    def do_PUT(self) -> None:
        with Path(self.server.place).open("wb") as file:
            while True:
                size = int(self.rfile.readline(), 16)
                if size:
                    file.write(self.rfile.read(size))
                self.rfile.readline()
                if not size:
                    break
            file.flush()
            os.fsync(file.fileno())
        self.send_response(201)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Quiet."""


def floors(folder: Path, size: int) -> dict[str, float]:
    """Seconds for so many bytes; empty if a program is missing."""
    programs = ("age", "age-keygen", "curl", "openssl")
    missing = [name for name in programs if not shutil.which(name)]
    if missing:
        print(f"  skipped: {', '.join(missing)} not installed")
        return {}
    source, sealed = folder / "document", folder / "document.age"
    with source.open("wb") as file:
        for at in range(0, size, MIB):
            file.write(secrets.token_bytes(min(MIB, size - at)))
    key = _run("age-keygen", capture_output=True, text=True)
    public = key.stderr.split(":", 1)[1].strip()
    signing, signature = folder / "signing.pem", folder / "document.sig"
    _run("openssl", "genpkey", "-algorithm", "ed25519", "-out", str(signing))
    server = HTTPServer(("127.0.0.1", 0), Sink)
    server.place = str(folder / "received")
    Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}/"
    put = ["curl", "-sS", "-H", "Expect:", "-H", "Transfer-Encoding: chunked", "-T"]

    began = time.perf_counter()
    with subprocess.Popen(
        ["age", "-r", public, str(source)], stdout=subprocess.PIPE
    ) as age:
        _run(*put, "-", url, stdin=age.stdout)
    piped = time.perf_counter() - began

    began = time.perf_counter()
    _run("age", "-r", public, "-o", str(sealed), str(source))
    words = ["openssl", "pkeyutl", "-sign", "-rawin", "-inkey", str(signing)]
    _run(*words, "-in", str(sealed), "-out", str(signature))
    for file in (sealed, signature):
        _run(*put, str(file), f"{url}{file.name}")
    signed = time.perf_counter() - began
    server.shutdown()
    return {"age | curl": piped, "age, Ed25519, curl": signed}


def _run(*words: str, **more: object) -> subprocess.CompletedProcess:
    return subprocess.run(words, check=True, **more)


def main() -> None:
    size = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000_000
    print(f"One document of {size:,} bytes. {conditions()}")
    with tempfile.TemporaryDirectory(prefix="staffelstab-large-") as name:
        folder = Path(name)
        found, delivered = measure(folder, size)
        for what, value in found.items():
            show(what, value)
        print("\nfloors: to a bare server that writes and syncs")
        for what, took in floors(folder, size).items():
            show(f"{what}, s", f"{took:.2f}")
            show("ratio of our MB/s to it (P9)", f"{took / delivered:.2f}")
        print(f"\nover a line of 8 MiB/s that is cut every {CUT_EVERY_S:.0f} s")
        for what, value in measure_cut(folder / "cut", size).items():
            show(what, value)


if __name__ == "__main__":
    main()
