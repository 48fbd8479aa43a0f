"""Whole handovers with 5 ms more per fsync, beside the same without (P11).

``make bench-slowsync``. A small library put before the system's makes each fsync and
fdatasync of all processes wait; it is compiled here, so without a C compiler this is
skipped by name.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

SOURCE = Path(__file__).with_suffix(".c")
MORE_US = "5000"


def handovers(**more: str) -> list[float]:
    done = subprocess.run(
        [sys.executable, "-m", "bench.handover"],
        env={**os.environ, "BENCH_COUNT": os.environ.get("BENCH_COUNT", "200"), **more},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    found = re.findall(r"whole handovers per second\W+([0-9.,]+)", done.stdout)
    return [float(text.replace(",", "")) for text in found]


def main() -> None:
    compiler = shutil.which("cc")
    if compiler is None:
        raise SystemExit("skipped: no C compiler (cc) is installed")
    with tempfile.TemporaryDirectory() as name:
        library = Path(name) / "slowsync.so"
        build = [compiler, "-shared", "-fPIC", "-O1", str(SOURCE), "-o", str(library)]
        subprocess.run([*build, "-ldl"], check=True)
        plain = handovers()
        slow = handovers(LD_PRELOAD=str(library), SLOWSYNC_US=MORE_US)
    for number, (before, after) in enumerate(zip(plain, slow, strict=True), 1):
        print(
            f"  run {number}: {before:.0f} handovers/s, with 5 ms more per fsync"
            f" {after:.0f}/s, ratio {after / before:.2f} (P11)"
        )


if __name__ == "__main__":
    main()
