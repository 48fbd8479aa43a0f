"""What we ask of a peer that can be called, route by route.

Enters: statements, containers, a checkpoint. Leaves: what a verified answer says, or an
error that changes no transfer (P6). Must never happen: anything believed that the caller
did not verify. Implements handover 9.1 on the calling side.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from http import HTTPStatus

from node import strictjson
from node.errors import (
    MalformedMessageError,
    RejectedError,
    UnreachableError,
)
from node.exchangelog.witness import ANSWER_BYTES as WITNESS_ANSWER_BYTES
from node.federation.answers import parse_answer
from node.federation.caller import PACKET_TYPE, PART_TYPE, SignedCaller, part_of
from node.ids import MemberId, MessageId
from node.sync import limits
from node.sync.courier import HelloAnswer, Runner, StatementsAnswer, WitnessAddress
from node.sync.hello import read_hello, say_hello, say_results
from node.sync.message import Envelope, encode_envelopes
from node.sync.office import Office
from node.sync.rows import PacketRow


class HttpTransport:
    """Calls peers over HTTP; keeps a few connections to each open."""

    def __init__(
        self,
        office: Office,
        run: Runner,
        caller: SignedCaller,
        *,
        started_at: datetime,
    ) -> None:
        """Call peers by this caller; ``started_at`` goes into each hello."""
        self._office = office
        self._run = run
        self._started_at = started_at
        self._caller = caller

    async def send_statements(
        self, peer: MemberId, envelopes: Sequence[Envelope]
    ) -> StatementsAnswer:
        """``POST /statements``."""
        body = encode_envelopes(envelopes)
        return parse_answer(await self._caller.call(peer, "POST", "/statements", body))

    async def send_packet(
        self, peer: MemberId, row: PacketRow, chunks: Callable[[], Iterator[bytes]]
    ) -> StatementsAnswer:
        """``PUT /packets/{T}`` up to 1 MiB, above it part by part (HO-86)."""
        if row.length > limits.PUT_BYTES:
            return await self._upload(peer, row, chunks)
        body = await self._run.file(lambda: b"".join(chunks()))
        answer = await self._caller.call(
            peer, "PUT", f"/packets/{row.transfer}", body, media_type=PACKET_TYPE
        )
        return parse_answer(answer)

    async def _upload(
        self, peer: MemberId, row: PacketRow, chunks: Callable[[], Iterator[bytes]]
    ) -> StatementsAnswer:
        """Go on where the peer stands; the last part answers like ``PUT``."""
        wanted = strictjson.encode(
            {"tr": str(row.transfer), "len": row.length, "dig": row.digest.hex()}
        )
        answer = strictjson.parse_object(
            await self._caller.call(peer, "POST", "/uploads", wanted)
        )
        while "offset" in answer:
            offset = answer["offset"]
            if not isinstance(offset, int) or not 0 <= offset <= row.length:
                raise UnreachableError("offset outside the container")
            part = await self._run.file(part_of, chunks, offset)
            answer = strictjson.parse_object(
                await self._caller.call(
                    peer,
                    "PATCH",
                    f"/uploads/{row.transfer}",
                    part,
                    media_type=PART_TYPE,
                    offset=offset,
                    is_last=offset + len(part) == row.length,
                ),
                members=limits.MESSAGE_MEMBERS * limits.STATEMENTS_PER_LIST,
            )
        return parse_answer(strictjson.encode(answer))

    async def hello(self, peer: MemberId) -> HelloAnswer:
        """``POST /hello``; the peer's own hello is verified."""
        return await self._greet(peer, {})

    async def reply(
        self, peer: MemberId, results: Mapping[MessageId, str]
    ) -> StatementsAnswer:
        """``POST /hello`` with what became of letters of a peer that can be called."""
        ack = say_results(self._office, peer, results)
        return (await self._greet(peer, {"ack": ack.jws})).waiting

    async def _greet(self, peer: MemberId, more: Mapping[str, str]) -> HelloAnswer:
        ours = await self._run.read(say_hello, self._office, peer, self._started_at)
        body = strictjson.encode({"hello": ours.jws, **more})
        answer = strictjson.parse_object(
            await self._caller.call(peer, "POST", "/hello", body),
            members=limits.MESSAGE_MEMBERS * limits.STATEMENTS_PER_LIST,
        )
        theirs = answer.pop("hello", None)
        if not isinstance(theirs, str):
            raise MalformedMessageError("hello")
        said = read_hello(self._office, peer, theirs)
        return HelloAnswer(said, parse_answer(strictjson.encode(answer)))

    async def recollect(
        self, peer: MemberId, after: tuple[int, int], *, of_us: bool
    ) -> tuple[Envelope, ...]:
        """``GET /statements``: what it remembers after a place, of us or of itself."""
        inc, seq = after
        query = f"?inc={inc}&after={seq}" + ("&of=me" if of_us else "")
        return parse_answer(
            await self._caller.call(peer, "GET", f"/statements{query}", b"")
        ).statements

    async def shared_log(self, peer: MemberId, path: str) -> bytes:
        """``GET /log/shared``: one page of what the peer's log says of us."""
        return await self._caller.call(peer, "GET", path, b"")

    async def add_checkpoint(
        self, at: MemberId | WitnessAddress, request: bytes
    ) -> tuple[int, bytes]:
        """C2SP add-checkpoint at a member or at a witness outside; it proves itself."""
        if isinstance(at, WitnessAddress):
            url = f"{self._caller.checked(at.url)}/add-checkpoint"
        else:
            url = f"{self._caller.url_of(at)}/witness/add-checkpoint"
        status, body = await self._caller.plain(url, request, WITNESS_ANSWER_BYTES)
        if status not in {HTTPStatus.OK, HTTPStatus.CONFLICT}:
            raise RejectedError("log-unproven", can_retry=True)
        return status, body
