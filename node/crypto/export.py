"""Files sealed to somebody outside, in the age format: to a key, or under a passphrase.

Enters: bytes, and the reader's public age key or a passphrase that is told another way.
Leaves: an age file that any age tool opens. Must never happen: a file sealed to nobody; a
passphrase in an argument, an error or a file; scrypt's memory in the node's own process.
Implements exchange-log 8 (``bundle --age``), HO-115, HO-116. Source: C2SP age, X25519 and
scrypt recipients.
"""

import subprocess
import sys
import threading
from pathlib import Path
from typing import Final

import pyrage

from node.crypto.ageworker import DONE, LENGTH_BYTES, WRONG
from node.errors import InputError, StoreError, UsageError

FILE_BYTES: Final = 64 * 1024 * 1024
"""What one file may hold; pyrage works in memory."""

_OVERHEAD_BYTES: Final = 1024 * 1024
_WORKER: Final = Path(__file__).with_name("ageworker.py")
_PATIENCE_S: Final = 180
_ALONE: Final = threading.Lock()
"""One file at a time: each takes a gigabyte while it is worked on."""


def seal_for(content: bytes, recipient: str) -> bytes:
    """Seal a file to one reader.

    Args:
        content: The file.
        recipient: ``age1…``, the reader's public key.

    Raises:
        UsageError: That is no age recipient.
    """
    try:
        reader = pyrage.x25519.Recipient.from_str(recipient)
    except pyrage.RecipientError as error:
        raise UsageError("no age recipient") from error
    sealed: bytes = pyrage.encrypt(content, [reader])
    return sealed


def seal_under(content: bytes, passphrase: str) -> bytes:
    """Seal a file under a passphrase; takes seconds, and a process of its own.

    Args:
        content: The file, at most ``FILE_BYTES``.
        passphrase: As it will be told, not empty.

    Raises:
        UsageError: Too large, or no passphrase.
        StoreError: The process found no memory, or did not end in time.
    """
    if not passphrase or len(content) > FILE_BYTES:
        raise UsageError("no passphrase, or more than a file holds")
    sealed = _work(b"s", content, passphrase)
    if sealed is None:
        raise StoreError("age did not seal")
    return sealed


def open_under(sealed: bytes, passphrase: str) -> bytes:
    """Open an age file with its passphrase; takes seconds, and a process of its own.

    Raises:
        InputError: Another passphrase, a changed byte or no age file: one answer for all.
        StoreError: The process found no memory, or did not end in time.
    """
    if len(sealed) > FILE_BYTES + _OVERHEAD_BYTES:
        raise InputError("file", "too_large")
    content = _work(b"o", sealed, passphrase)
    if content is None:
        raise InputError("passphrase", "does_not_open")
    return content


def _work(job: bytes, content: bytes, passphrase: str) -> bytes | None:
    """One job in a process; None if age said no."""
    secret = passphrase.encode()
    order = job + len(secret).to_bytes(LENGTH_BYTES, "big") + secret + content
    try:
        with _ALONE:
            done = subprocess.run(  # noqa: S603 - our own file, nothing from outside
                [sys.executable, "-I", str(_WORKER)],
                input=order,
                capture_output=True,
                check=False,
                timeout=_PATIENCE_S,
            )
    except (OSError, subprocess.TimeoutExpired):
        # The exception would hold what was written to the process.
        raise StoreError("age did not work") from None
    answer = done.stdout[:1]
    if done.returncode != 0 or answer not in {DONE, WRONG}:
        raise StoreError("age did not work")
    return done.stdout[1:] if answer == DONE else None
