"""Reading a list in a process of its own, which may be killed.

Enters: the bytes of a file. Leaves: a ``Book``. Must never happen: a hostile file that
stops the node, or a key within reach of whatever reads it (SR-K4): the process gets the
bytes and nothing else, has a limit of memory and time, and ends with the list. Implements
SR-U6. Run as ``python -m node.web.listreader`` it is that process.
"""

import resource
import subprocess
import sys
from typing import Final

from node.cases.listsheet import Book
from node.errors import InputError

SECONDS: Final = 30
MEMORY_BYTES: Final = 2 * 1024**3
_MODULE: Final = "node.web.listreader"
_READ: Final = b"read"


def read_apart(file: bytes) -> Book:
    """Read a list in a process of its own; slow, so it belongs into a thread.

    Raises:
        InputError: As ``read_file``, and ``too_much_work``: it took too long or too much.
    """
    try:
        done = subprocess.run(  # noqa: S603 -- our own program, no shell
            [sys.executable, "-m", _MODULE],
            input=file,
            capture_output=True,
            timeout=SECONDS,
            check=False,
            # Nothing of our surroundings goes along but the way to our own modules.
            env={"PYTHONPATH": ":".join(filter(None, sys.path)), "LC_ALL": "C.UTF-8"},
        )
    except subprocess.TimeoutExpired:
        raise InputError("file", "too_much_work") from None
    if done.returncode != 0:
        raise InputError("file", "too_much_work")
    said, _, rest = done.stdout.partition(b"\n")
    if said != _READ:
        raise InputError("file", said.decode("ascii"))
    return Book.parse(rest)


def _be_reader() -> None:
    """The other side: limit ourselves, read, tell."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # Imported under the limits: the libraries are what may go astray.
    from node.web.spreadsheet import read_file  # noqa: PLC0415

    try:
        said = _READ + b"\n" + read_file(sys.stdin.buffer.read()).encode()
    except InputError as error:
        said = error.reason.encode("ascii")
    sys.stdout.buffer.write(said)


if __name__ == "__main__":
    _be_reader()
