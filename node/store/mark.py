"""The signer's memory of its own log, in a file outside the database.

Enters: the frontier that was read back and is about to be signed. Leaves: the mark, on disk
before the signature exists. Must never happen: a second head of one size; a mark put in
place by a restore of the database; a half-written mark. A crash after writing signs the
same head again, never another of that size. Implements LR-10 (3) and (4), LR-11.

The file holds lines, each ended by a newline: ``staffelstab-mark/1``, origin, incarnation,
size, root, one line per frontier hash, and the SHA-256 of all bytes above; hashes are hex.
"""

import hashlib
import os
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Self

from node.crypto.checkpoint import Checkpoint
from node.crypto.merkle import Frontier
from node.errors import LogError, MalformedMessageError

_FORMAT: Final = "staffelstab-mark/1"
_NUMBER: Final = re.compile(r"0|[1-9][0-9]{0,18}", re.ASCII)
_HASH: Final = re.compile(r"[0-9a-f]{64}", re.ASCII)
_MOST_BYTES: Final = 8192


@dataclass(frozen=True, slots=True)
class Mark:
    """The newest head that the signer allowed itself to sign."""

    origin: str
    incarnation: int
    frontier: Frontier

    @property
    def head(self) -> Checkpoint:
        """The head itself."""
        return Checkpoint(self.origin, self.frontier.size, self.frontier.root())

    def advance(self, frontier: Frontier) -> Self:
        """The mark that stands before the next signature.

        Raises:
            LogError: The log is smaller than the mark, or another one of its size.
        """
        if frontier.size < self.frontier.size:
            raise LogError("the log is smaller than its mark")
        if frontier.size == self.frontier.size and frontier != self.frontier:
            raise LogError("the log differs from its mark")
        return replace(self, frontier=frontier)


def encode_mark(mark: Mark) -> bytes:
    """The bytes of the file."""
    lines = [
        _FORMAT,
        mark.origin,
        str(mark.incarnation),
        str(mark.frontier.size),
        mark.frontier.root().hex(),
        *(item.hex() for item in mark.frontier.hashes),
    ]
    text = "".join(f"{line}\n" for line in lines).encode("ascii")
    return text + hashlib.sha256(text).hexdigest().encode("ascii") + b"\n"


def parse_mark(written: bytes) -> Mark:
    """Read the bytes of the file strictly.

    Raises:
        LogError: Not exactly what ``encode_mark`` writes; the signer must stop.
    """
    if len(written) > _MOST_BYTES or not written.isascii():
        raise LogError("mark: form")
    lines = written.decode("ascii").split("\n")
    if len(lines) < 7 or lines[0] != _FORMAT:
        raise LogError("mark: form")
    _, origin, incarnation, size, root, *hashes, _, _ = lines
    if not (
        _NUMBER.fullmatch(incarnation)
        and _NUMBER.fullmatch(size)
        and all(map(_HASH.fullmatch, hashes))
    ):
        raise LogError("mark: form")
    frontier = Frontier(int(size), tuple(map(bytes.fromhex, hashes)))
    mark = Mark(origin, int(incarnation), frontier)
    try:
        sound = mark.head.root.hex() == root
    except MalformedMessageError as error:
        raise LogError("mark: origin") from error
    if not sound or encode_mark(mark) != written:
        raise LogError("mark: checksum")
    return mark


def read_mark(path: Path) -> Mark | None:
    """The mark, or None if there is none: then the node is in quarantine (5.4).

    Raises:
        LogError: The file is there and is not a mark, or cannot be read.
    """
    try:
        return parse_mark(path.read_bytes())
    except FileNotFoundError:
        return None
    except OSError as error:
        raise LogError("the mark cannot be read") from error


def write_mark(path: Path, mark: Mark) -> None:
    """Put a mark in place so that a crash leaves either the old one or the new one.

    Raises:
        LogError: The disk refuses; nothing may be signed.
    """
    draft = path.with_name(path.name + ".new")
    try:
        _write_synced(draft, encode_mark(mark))
        draft.replace(path)
        # Without this the rename itself could be lost with the power.
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        raise LogError("the mark cannot be written") from error


def _write_synced(path: Path, content: bytes) -> None:
    """Write a file that only we may read, down to the disk."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
