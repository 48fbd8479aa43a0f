"""A container goes out in parts, over a link that may be cut at any moment.

Enters: a way to make one signed call, and the container's bytes from any place on. Leaves:
the peer's answer to the last part. Must never happen: more than one part sent twice for one
cut; a container in memory; a link that is cut every few seconds bringing nothing forward.
Implements HO-81 (a statement goes between two parts), HO-86 to HO-88.
"""

from collections.abc import Awaitable, Callable
from typing import Final, Protocol

from node import strictjson
from node.errors import UnreachableError
from node.federation.caller import PART_TYPE
from node.sync import limits
from node.sync.courier import Between, Chunks
from node.sync.rows import PacketRow

LEAST_PART_BYTES: Final = 64 * limits.KIB


class Call(Protocol):
    """One signed exchange with the peer of the upload."""

    def __call__(
        self,
        method: str,
        path: str,
        body: bytes,
        *,
        media_type: str,
        offset: int | None = None,
        is_last: bool = False,
    ) -> Awaitable[bytes]:
        """Raises as ``HttpTransport``."""
        ...


class Upload:
    """One upload; parts become small where the link is bad, and large again."""

    def __init__(
        self,
        call: Call,
        row: PacketRow,
        chunks: Chunks,
        *,
        read: Callable[[Callable[[], bytes]], Awaitable[bytes]],
        part_bytes: int = limits.PART_BYTES,
    ) -> None:
        """``read`` runs a read of the file in a thread."""
        self._call = call
        self._row = row
        self._chunks = chunks
        self._read = read
        self.part_bytes = part_bytes

    async def send(self, between: Between | None) -> strictjson.JsonObject | None:
        """Go on where the peer stands; the last part answers like ``PUT``.

        Returns:
            The answer, None if the rest was not wanted any more.

        Raises:
            UnreachableError: Cut twice without a part between; ``moved`` says whether
                anything got through.
            RejectedError: The peer's problem.
        """
        moved = False
        while True:
            got = 0
            try:
                answer = await self._begin()
                while "offset" in answer:
                    if between is not None and not await between():
                        return None
                    answer = await self._send_part(answer["offset"])
                    got += 1
                    self.part_bytes = min(limits.PART_BYTES, 2 * self.part_bytes)
            except UnreachableError as error:
                self.part_bytes = max(LEAST_PART_BYTES, self.part_bytes // 2)
                moved = moved or got > 0
                if not got:
                    error.moved = moved
                    raise
            else:
                return answer

    async def _begin(self) -> strictjson.JsonObject:
        row = self._row
        wanted = strictjson.encode(
            {"tr": str(row.transfer), "len": row.length, "dig": row.digest.hex()}
        )
        answer = await self._call(
            "POST", "/uploads", wanted, media_type="application/json"
        )
        return _parsed(answer)

    async def _send_part(self, offset: strictjson.Json) -> strictjson.JsonObject:
        row = self._row
        if not isinstance(offset, int) or not 0 <= offset < row.length:
            raise UnreachableError("offset outside the container")
        most = self.part_bytes
        part = await self._read(lambda: part_of(self._chunks, offset, most))
        if not part:
            raise UnreachableError("container ended early")
        answer = await self._call(
            "PATCH",
            f"/uploads/{row.transfer}",
            part,
            media_type=PART_TYPE,
            offset=offset,
            is_last=offset + len(part) == row.length,
        )
        return _parsed(answer)


def _parsed(answer: bytes) -> strictjson.JsonObject:
    members = limits.MESSAGE_MEMBERS * limits.STATEMENTS_PER_LIST
    return strictjson.parse_object(answer, members=members)


def part_of(chunks: Chunks, offset: int, most: int) -> bytes:
    """The next part of a container from this place."""
    part = bytearray()
    for chunk in chunks(offset):
        part += chunk[: most - len(part)]
        if len(part) == most:
            break
    return bytes(part)
