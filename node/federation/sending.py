"""A container goes out in parts, over a link that may be cut at any moment.

Enters: a way to make one signed call, and the container's bytes from any place on. Leaves:
the peer's answer to the last part. Must never happen: more than one part sent twice for one
cut; a container in memory; a link that is cut every few seconds bringing nothing forward.
Implements HO-81 (a statement goes between two parts), HO-86 to HO-88.
"""

import asyncio
import hashlib
import io
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final, Protocol, TypeVar

from node import strictjson
from node.errors import UnreachableError
from node.federation.auth import digest_field
from node.federation.caller import PART_TYPE, Wish
from node.sync import limits
from node.sync.courier import Between, Chunks
from node.sync.rows import PacketRow

LEAST_PART_BYTES: Final = 64 * limits.KIB

T = TypeVar("T")


class Read(Protocol):
    """Runs a read of the file in a thread."""

    def __call__(self, job: Callable[..., T], *args: Any) -> Awaitable[T]:
        """What the job gives."""
        ...


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
        wish: Wish,
    ) -> Awaitable[bytes]:
        """Raises as ``HttpTransport``."""
        ...


@dataclass(frozen=True, slots=True)
class Span:
    """Which bytes of a container are the next part, and their Content-Digest."""

    start: int
    length: int
    digest: str


class Upload:
    """One upload; parts become small where the link is bad, and large again.

    While a part travels and is kept, the next one is hashed; it is in memory only once its
    turn has come.
    """

    def __init__(
        self,
        call: Call,
        row: PacketRow,
        chunks: Chunks,
        *,
        read: Read,
        part_bytes: int = limits.PART_BYTES,
    ) -> None:
        """Send this row's container, read from ``chunks``."""
        self._call = call
        self._row = row
        self._chunks = chunks
        self._read = read
        self._ahead: asyncio.Future[Span] | None = None
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
        try:
            return await self._send(between)
        finally:
            if self._ahead is not None:
                self._ahead.cancel()

    async def _send(self, between: Between | None) -> strictjson.JsonObject | None:
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
                    self.part_bytes = self._larger
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
            "POST", "/uploads", wanted, media_type="application/json", wish=Wish()
        )
        return _parsed(answer)

    async def _send_part(self, offset: strictjson.Json) -> strictjson.JsonObject:
        row = self._row
        if not isinstance(offset, int) or not 0 <= offset < row.length:
            raise UnreachableError("offset outside the container")
        span = await self._span(offset)
        part = await self._read(part_of, self._chunks, offset, span.length)
        if not part:
            raise UnreachableError("container ended early")
        end = offset + len(part)
        if end < row.length:
            self._ahead = asyncio.ensure_future(self._measure(end, self._larger))
        answer = await self._call(
            "PATCH",
            f"/uploads/{row.transfer}",
            part,
            media_type=PART_TYPE,
            offset=offset,
            is_last=end == row.length,
            wish=Wish(digest=span.digest),
        )
        return _parsed(answer)

    @property
    def _larger(self) -> int:
        return min(limits.PART_BYTES, 2 * self.part_bytes)

    async def _span(self, offset: int) -> Span:
        """The part from here on: as measured ahead, unless the peer stands elsewhere."""
        ahead, self._ahead = self._ahead, None
        if ahead is not None:
            span = await ahead
            if span.start == offset and span.length <= self.part_bytes:
                return span
        return await self._measure(offset, self.part_bytes)

    def _measure(self, start: int, most: int) -> Awaitable[Span]:
        return self._read(measure, self._chunks, start, most)


def _parsed(answer: bytes) -> strictjson.JsonObject:
    members = limits.MESSAGE_MEMBERS * limits.STATEMENTS_PER_LIST
    return strictjson.parse_object(answer, members=members)


def part_of(chunks: Chunks, offset: int, most: int) -> bytes:
    """The next part of a container from this place."""
    part = io.BytesIO()
    for piece in _pieces(chunks, offset, most):
        part.write(piece)
    return part.getvalue()


def measure(chunks: Chunks, start: int, most: int) -> Span:
    """Length and digest of that part, which is not held."""
    length, digest = 0, hashlib.sha256()
    for piece in _pieces(chunks, start, most):
        length += len(piece)
        digest.update(piece)
    return Span(start, length, digest_field(digest.digest()))


def _pieces(chunks: Chunks, start: int, most: int) -> Iterator[bytes]:
    for chunk in chunks(start):
        yield chunk[:most]
        most -= len(chunk)
        if most <= 0:
            return
