"""What we ask of a peer that can be called, route by route.

Enters: statements, containers, a checkpoint. Leaves: what a verified answer says, or an
error that changes no transfer (P6). Must never happen: anything believed that the caller
did not verify. Implements handover 9.1 on the calling side.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from http import HTTPStatus

from node import strictjson
from node.errors import (
    MalformedMessageError,
    RejectedError,
)
from node.exchangelog.witness import ANSWER_BYTES as WITNESS_ANSWER_BYTES
from node.federation.answers import parse_answer
from node.federation.caller import PACKET_TYPE, SignedCaller
from node.federation.sending import Upload
from node.ids import MemberId, MessageId
from node.sync import limits
from node.sync.courier import (
    Between,
    Chunks,
    HelloAnswer,
    Runner,
    StatementsAnswer,
    WitnessAddress,
)
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
        self._part_bytes: dict[MemberId, int] = {}

    async def send_statements(
        self, peer: MemberId, envelopes: Sequence[Envelope]
    ) -> StatementsAnswer:
        """``POST /statements``."""
        body = encode_envelopes(envelopes)
        return parse_answer(await self._caller.call(peer, "POST", "/statements", body))

    async def send_packet(
        self,
        peer: MemberId,
        row: PacketRow,
        chunks: Chunks,
        *,
        between: Between | None = None,
    ) -> StatementsAnswer:
        """``PUT /packets/{T}`` up to 1 MiB, above it part by part (HO-86)."""
        if row.length <= limits.PUT_BYTES:
            body = await self._run.file(lambda: b"".join(chunks()))
            answer = await self._caller.call(
                peer, "PUT", f"/packets/{row.transfer}", body, media_type=PACKET_TYPE
            )
            return parse_answer(answer)
        upload = Upload(
            partial(self._caller.call, peer),
            row,
            chunks,
            read=self._run.file,
            part_bytes=self._part_bytes.get(peer, limits.PART_BYTES),
        )
        try:
            last = await upload.send(between)
        finally:
            self._part_bytes[peer] = upload.part_bytes
        if last is None:
            return StatementsAnswer({})
        return parse_answer(strictjson.encode(last))

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
