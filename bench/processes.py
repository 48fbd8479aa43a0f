"""Programs of a measurement: installed, started, ended; what they use (Linux counts)."""

import os
import subprocess
import sys
import time
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

ANSWERS_WITHIN_S = 60.0


class MissingError(Exception):
    """A program cannot be installed here; the message says why."""


def install(venv: Path, *what: str) -> Path:
    """A virtual environment with these packages and nothing else; its interpreter.

    The base interpreter's pip fills it: an environment of Debian has none of its own.
    """
    base, python = sys._base_executable, venv / "bin" / "python"
    pip = [base, "-m", "pip", "--python", str(python), "install", "--quiet"]
    quick = ["--disable-pip-version-check", "--retries", "1", "--prefer-binary"]
    for command in (
        [base, "-m", "venv", "--without-pip", str(venv)],
        [*pip, *quick, *what],
    ):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            lines = (done.stderr or done.stdout).splitlines()
            errors = [line.strip() for line in lines if "ERROR:" in line]
            raise MissingError("".join((errors or lines)[-1:]))
    return python


def cpu_s(pid: int) -> float:
    """What all its threads have used."""
    text = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2]
    user, system = text.split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def memory_mib(pid: int, field: str = "VmRSS") -> float:
    """What it holds now; ``VmHWM`` is the most it has held."""
    status = Path(f"/proc/{pid}/status").read_text()
    line = next(text for text in status.splitlines() if text.startswith(field))
    return int(line.split()[1]) / 1024


def wait_until_it_answers(
    process: subprocess.Popen[bytes], url: str, log: Path
) -> None:
    """Ask every 20 ms; an answer of any status counts."""
    until = time.monotonic() + ANSWERS_WITHIN_S
    while process.poll() is None and time.monotonic() < until:
        try:
            with urlopen(url, timeout=5):
                return
        except HTTPError:
            return
        except (URLError, OSError):
            time.sleep(0.02)
    raise SystemExit(f"{url} does not answer: {log.read_text()[-3000:]}")


def end(process: subprocess.Popen[bytes]) -> None:
    """Ask it to stop; make it stop when it does not."""
    process.terminate()
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def disk_mib(folder: Path) -> float:
    """What its files take on the disk."""
    return sum(p.lstat().st_blocks * 512 for p in folder.rglob("*")) / 2**20
