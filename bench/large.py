"""One large document between two real processes: seconds, peaks of memory, a floor beside.

``make large SIZE=1073741824``. The document is random bytes, sealed while it is made at the
sender, handed over in a packet, opened and sealed anew at the recipient; its digest is
compared at the end. Peaks are what the kernel counted for each process (VmHWM). The floor
is ``age`` into ``curl`` to a bare server that writes and syncs, with the same bytes, in the
same run; where one of the two is missing it is skipped by name. While the document
travels, a third party posts 20 kB at a time (P13).
"""

import json
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

from bench.handover import conditions, show
from node.bootstrap import own_hands
from tests.support.largeends import SAECKINGEN, WEHR, found_large

MIB = 1024 * 1024


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
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        line = next(text for text in status.splitlines() if text.startswith("VmHWM"))
        return int(line.split()[1]) / 1024

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
        began = time.perf_counter()
        case, digest = sender.ask("keep", str(size))
        sealed = time.perf_counter() - began
        quiet = sender.ask("post", "3")
        for end in ends.values():
            end.reset_peak()
        began = time.perf_counter()
        transfer = sender.ask("relocate", case)
        loud = sender.ask("post_until_delivered", transfer)
        delivered = time.perf_counter() - began
        recipient.ask("approve", transfer)
        recipient.ask("arrived", transfer)
        taken = time.perf_counter() - began
        if recipient.ask("digest", case) != digest:
            raise SystemExit("another document arrived")
        return {
            "sender before, MiB": round(idle[WEHR]),
            "recipient before, MiB": round(idle[SAECKINGEN]),
            "sender's peak, MiB": round(sender.peak_mib),
            "recipient's peak, MiB": round(recipient.peak_mib),
            "sealed at the sender, s": round(sealed, 2),
            "delivered and synced, s": round(delivered, 2),
            "imported, s": round(taken, 2),
            "MB/s until delivered": round(size / delivered / 1e6, 1),
            "20 kB POST, p99 ms, quiet": round(quiet, 1),
            "20 kB POST, p99 ms, during the upload": round(loud, 1),
        }, delivered
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


def floor(folder: Path, size: int) -> float | None:
    """Seconds of ``age | curl`` for so many bytes; None if one of them is missing."""
    missing = [name for name in ("age", "age-keygen", "curl") if not shutil.which(name)]
    if missing:
        print(f"  floor skipped: {', '.join(missing)} not installed")
        return None
    source = folder / "document"
    with source.open("wb") as file:
        left = size
        while left:
            file.write(secrets.token_bytes(min(left, MIB)))
            left -= min(left, MIB)
    key = subprocess.run(["age-keygen"], capture_output=True, text=True, check=True)
    public = key.stderr.split(":", 1)[1].strip()
    server = HTTPServer(("127.0.0.1", 0), Sink)
    server.place = str(folder / "received")
    Thread(target=server.serve_forever, daemon=True).start()
    began = time.perf_counter()
    with subprocess.Popen(
        ["age", "-r", public, str(source)], stdout=subprocess.PIPE
    ) as age:
        url = f"http://127.0.0.1:{server.server_port}/"
        subprocess.run(
            ["curl", "-sS", "-H", "Expect:", "-T", "-", url],
            stdin=age.stdout,
            check=True,
        )
    took = time.perf_counter() - began
    server.shutdown()
    return took


def main() -> None:
    size = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000_000
    print(f"One document of {size:,} bytes. {conditions()}")
    with tempfile.TemporaryDirectory(prefix="staffelstab-large-") as name:
        found, delivered = measure(Path(name), size)
        for what, value in found.items():
            show(what, value)
        base = floor(Path(name), size)
    if base is not None:
        show("age | curl to a bare server that syncs, s", round(base, 2))
        show("ratio of MB/s to it (P9)", round(base / delivered, 2))


if __name__ == "__main__":
    main()
