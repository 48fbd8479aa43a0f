"""A long body that is sent slice by slice, so that the event loop answers others between.

Enters: bytes. Leaves: the same bytes to a connection, as fast as it takes them. Must never
happen: a copy of the whole; a loop that stands still while megabytes are encrypted.
"""

from typing import Final

from aiohttp.abc import AbstractStreamWriter
from aiohttp.payload import Payload

from node.sync.limits import KIB

_SLICE_BYTES: Final = 64 * KIB


class Slices(Payload):
    """Bytes as the HTTP library takes them; its own way with bytes sends all at once."""

    def __init__(self, value: bytes) -> None:
        """Send these."""
        super().__init__(value)
        self._size = len(value)

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        """The library wants it of every body."""
        return str(self._value, encoding, errors)

    async def write(self, writer: AbstractStreamWriter) -> None:
        """Send all of it."""
        await self.write_with_length(writer, None)

    async def write_with_length(
        self, writer: AbstractStreamWriter, content_length: int | None
    ) -> None:
        """Send so much of it."""
        view = memoryview(self._value)[:content_length]
        for at in range(0, len(view), _SLICE_BYTES):
            await writer.write(view[at : at + _SLICE_BYTES])
