"""The process in which age works: one file in, one file out, then its memory is gone.

Enters: on the standard input one letter (``s`` seal, ``o`` open), the passphrase with its
length before it, the file. Leaves: on the standard output one letter and the file. Must
never happen: a passphrase among the arguments or in the environment; more memory than
``MEMORY_BYTES``, whatever cost a foreign file demands; a core dump. It imports nothing of
the node, so it starts fast and alone. Implements HO-116.
"""

import resource
import sys
from typing import Final

import pyrage

MEMORY_BYTES: Final = 4 * 1024 * 1024 * 1024
"""pyrage takes the scrypt cost that keeps this machine busy for a second: 1 to 2 GiB."""

LENGTH_BYTES: Final = 4
DONE: Final = b"+"
WRONG: Final = b"-"


def main() -> None:
    """Do the one job and end."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    job = sys.stdin.buffer.read(1)
    length = int.from_bytes(sys.stdin.buffer.read(LENGTH_BYTES), "big")
    passphrase = sys.stdin.buffer.read(length).decode()
    content = sys.stdin.buffer.read()
    try:
        if job == b"s":
            made = pyrage.passphrase.encrypt(content, passphrase)
        else:
            made = pyrage.passphrase.decrypt(content, passphrase)
    except (pyrage.DecryptError, pyrage.EncryptError):
        sys.stdout.buffer.write(WRONG)
        return
    sys.stdout.buffer.write(DONE + made)


if __name__ == "__main__":
    main()
