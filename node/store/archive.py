"""The inside of a backup: named members one after the other, each a run of chunks.

Enters: members as they are made. Leaves: bytes for the seal; or members from them. Must
never happen: a name that leads out of the folder it is unpacked into; half an archive read
as a whole one, so it ends in a mark of its own. Implements the content of SR-R1's files.

A member is: length of its name (2), name, then chunks, each with its length (4) before it,
and a length of 0. After the last member stands a name of length 0.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from node.errors import BackupError

CHUNK_BYTES: Final = 64 * 1024
_MOST_CHUNK: Final = 256 * 1024 * 1024
_NAME: Final = re.compile(
    r"[A-Za-z0-9_-][A-Za-z0-9._-]*(/[A-Za-z0-9_-][A-Za-z0-9._-]*)*"
)
_END: Final = b"\0\0"


@dataclass(frozen=True, slots=True)
class Member:
    """One member; its chunks are read once, before the next member."""

    name: str
    chunks: Iterator[bytes] = field(repr=False)

    def read(self, most: int) -> bytes:
        """All of a small member.

        Raises:
            BackupError: It has more bytes than that.
        """
        content = bytearray()
        for chunk in self.chunks:
            content += chunk
            if len(content) > most:
                raise BackupError("a member is too long")
        return bytes(content)


def write_archive(members: Iterable[Member]) -> Iterator[bytes]:
    """The bytes of an archive, as its members come."""
    for member in members:
        name = member.name.encode("ascii")
        yield len(name).to_bytes(2, "big") + name
        for chunk in member.chunks:
            if chunk:
                yield len(chunk).to_bytes(4, "big") + chunk
        yield bytes(4)
    yield _END


def read_archive(plaintext: Iterable[bytes]) -> Iterator[Member]:
    """The members, in order; what the caller leaves of one is passed over.

    Raises:
        BackupError: Cut, continued, or a name that no archive of ours holds.
    """
    source = _Source(plaintext)
    while length := int.from_bytes(source.take(2), "big"):
        name = source.take(length).decode("ascii", "replace")
        if _NAME.fullmatch(name) is None:
            raise BackupError("a member has a name that is none of ours")
        chunks = _chunks(source)
        yield Member(name, chunks)
        for _ in chunks:
            pass
    source.expect_end()


def whole(name: str, content: bytes) -> Member:
    """A small member."""
    return Member(name, iter((content,)))


def _chunks(source: "_Source") -> Iterator[bytes]:
    while length := int.from_bytes(source.take(4), "big"):
        if length > _MOST_CHUNK:
            raise BackupError("a chunk is too long")
        yield source.take(length)


class _Source:
    """Plaintext in portions, taken in lengths."""

    def __init__(self, plaintext: Iterable[bytes]) -> None:
        self._portions = iter(plaintext)
        self._buffer = bytearray()

    def take(self, length: int) -> bytes:
        """Exactly so many bytes."""
        while len(self._buffer) < length:
            portion = next(self._portions, None)
            if portion is None:
                raise BackupError("the archive is cut")
            self._buffer += portion
        taken = bytes(self._buffer[:length])
        del self._buffer[:length]
        return taken

    def expect_end(self) -> None:
        """Nothing follows; reading on also lets the stream check its own end."""
        if self._buffer or any(self._portions):
            raise BackupError("the archive goes on after its end")
