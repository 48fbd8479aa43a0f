"""How we reach members that cannot be called: through the mailboxes their sheets name.

Enters: statements, containers, a hello. Leaves: sealed items in a mailbox, or items of our
own mailbox. Must never happen: a plaintext byte, a share in clear or our own name inside an
item; an item at a relay taken for a receipt (HO-92). Implements handover 10.5, 8.2.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from http import HTTPMethod
from typing import Final, Protocol

from node import strictjson
from node.errors import (
    AtRelayError,
    DeliveryError,
    MalformedMessageError,
    PeerError,
    TrustError,
    UnreachableError,
)
from node.federation.caller import PART_TYPE, SignedCaller, Wish
from node.federation.relay import ITEM_TYPE
from node.federation.sending import part_of
from node.ids import MemberId, MessageId
from node.sync import limits, posting
from node.sync.courier import (
    Between,
    Chunks,
    HelloAnswer,
    Runner,
    StatementsAnswer,
    Transport,
    WitnessAddress,
)
from node.sync.hello import say_hello, say_results
from node.sync.letter import seal_letter
from node.sync.mailbox import Answers, Slip
from node.sync.mailports import CONTAINER, LETTER, Turn
from node.sync.message import Envelope
from node.sync.office import Office
from node.sync.rows import PacketRow
from node.trust.mailboxes import is_pull_only, letter_key, relay_at

ANSWER_S: Final = 5.0
"""How long a hello waits for its letter; what comes later wakes us all the same."""


@dataclass(frozen=True, slots=True)
class Packed:
    """An item on its way into a mailbox; ``chunks`` gives its bytes as often as asked."""

    queue: MemberId
    kind: str
    size: int
    digest: bytes
    expires_at: datetime
    chunks: Chunks
    between: Between | None = None


class Post(Protocol):
    """Where items are handed in: a relay, or a folder that somebody carries."""

    async def put(self, packed: Packed, turn: Turn) -> str:
        """Hand one in; the name of the place."""
        ...


class RelayTransport:
    """A way to peers that answers nothing itself: what they say comes as letters."""

    def __init__(
        self,
        office: Office,
        run: Runner,
        post: Post,
        *,
        answers: Answers,
        started_at: datetime,
    ) -> None:
        """Hand items in at this post; ``answers`` tells whose hello has come."""
        self._office = office
        self._run = run
        self._post = post
        self._answers = answers
        self._started_at = started_at

    async def send_statements(
        self, peer: MemberId, envelopes: Sequence[Envelope]
    ) -> StatementsAnswer:
        """One letter."""
        return StatementsAnswer({}, waits_at=await self._write(peer, envelopes))

    async def send_packet(
        self,
        peer: MemberId,
        row: PacketRow,
        chunks: Chunks,
        *,
        between: Between | None = None,
    ) -> StatementsAnswer:
        """The container as it is: it names nobody but its recipient (HO-56)."""
        packed = Packed(
            peer, CONTAINER, row.length, row.digest, self._expires_at, chunks, between
        )
        return StatementsAnswer({}, waits_at=await self._put(packed))

    async def hello(self, peer: MemberId) -> HelloAnswer:
        """Ask once, and wait a little for the letter that answers.

        Raises:
            AtRelayError: None came in time.
        """
        if not await self._run.read(posting.is_asked, self._office, peer):
            relay = await self._write(peer, [await self._hello(peer)])
            await self._run.write(
                posting.note, self._office, peer, (posting.HELLO,), relay
            )
        try:
            said = await self._answers.wait(peer, ANSWER_S)
        except TimeoutError:
            raise AtRelayError("asked by mailbox") from None
        return HelloAnswer(said, StatementsAnswer({}))

    async def reply(
        self, peer: MemberId, results: Mapping[MessageId, str]
    ) -> StatementsAnswer:
        """A letter with results and a hello; the hello alone tells what was taken."""
        worst_first = sorted(results.items(), key=lambda item: item[1] == "taken")
        told = dict(worst_first[: limits.STATEMENTS_PER_LIST])
        ack = say_results(self._office, peer, told)
        envelopes = [Envelope(ack.jws, None), await self._hello(peer)]
        return StatementsAnswer({}, waits_at=await self._write(peer, envelopes))

    async def recollect(
        self, peer: MemberId, after: tuple[int, int], *, of_us: bool
    ) -> tuple[Envelope, ...]:
        """Nobody can be asked page by page through a mailbox."""
        raise UnreachableError("no address of its own")

    async def add_checkpoint(
        self, at: MemberId | WitnessAddress, request: bytes
    ) -> tuple[int, bytes]:
        """A hello asks for the cosignature of what the peer remembers (LR-22)."""
        assert not isinstance(at, WitnessAddress)
        await self.hello(at)
        # What it remembers of us came with that hello and was kept (``hello.hear``).
        raise AtRelayError("cosigned by mailbox")

    async def _hello(self, peer: MemberId) -> Envelope:
        ours = await self._run.read(say_hello, self._office, peer, self._started_at)
        return Envelope(ours.jws, None)

    @property
    def _expires_at(self) -> datetime:
        return self._office.clock.now() + limits.RELAY_ITEM_LIFE

    async def _write(self, peer: MemberId, envelopes: Sequence[Envelope]) -> str:
        office = self._office
        key = letter_key(office.directory(), peer, office.clock.now())
        raw = await self._run.file(seal_letter, peer, key, envelopes)
        digest = hashlib.sha256(raw).digest()
        return await self._put(
            Packed(
                peer,
                LETTER,
                len(raw),
                digest,
                self._expires_at,
                _cut_from(raw),
            )
        )

    async def _put(self, packed: Packed) -> str:
        peer = packed.queue
        turn = await self._run.read(posting.turn, self._office, peer)
        try:
            relay = await self._post.put(packed, turn)
        except (DeliveryError, TrustError, PeerError):
            await self._run.write(posting.missed, self._office, peer)
            raise
        if relay and turn.failing_since is not None:
            await self._run.write(posting.reached, self._office, peer, relay)
        return relay


class RelayPost:
    """Hands items in at the relays that a member's sheet names."""

    def __init__(self, office: Office, run: Runner, caller: SignedCaller) -> None:
        """Call relays by this caller."""
        self._office = office
        self._run = run
        self._caller = caller

    async def put(self, packed: Packed, turn: Turn) -> str:
        """Hand one in at one of up to two relays; the other one's turn comes (HO-92).

        Empty where it was not wanted any more between two parts.
        """
        directory = self._office.directory()
        url = turn.among(directory.sheet(packed.queue).relays)
        relay = relay_at(directory, url)
        query = f"kind={packed.kind}&expires={int(packed.expires_at.timestamp())}"
        path = f"/relay/queues/{packed.queue}"
        if packed.size <= limits.PUT_BYTES:
            body = await self._run.file(lambda: b"".join(packed.chunks(0)))
            await self._caller.call(
                relay,
                HTTPMethod.POST,
                f"{path}/items?{query}",
                body,
                media_type=ITEM_TYPE,
            )
            return url
        query += f"&len={packed.size}&dig={packed.digest.hex()}"
        answer = await self._ask(relay, HTTPMethod.POST, f"{path}/uploads?{query}")
        while "offset" in answer:
            if packed.between is not None and not await packed.between():
                return ""
            answer = await self._part(relay, packed, answer)
        return url

    async def _part(
        self, relay: MemberId, packed: Packed, answer: strictjson.JsonObject
    ) -> strictjson.JsonObject:
        offset, upload = answer["offset"], answer.get("upload")
        if (
            not isinstance(offset, int)
            or not isinstance(upload, str)
            or not 0 <= offset < packed.size
        ):
            raise UnreachableError("offset outside the item")
        part = await self._run.file(part_of, packed.chunks, offset, limits.PART_BYTES)
        found = await self._caller.call(
            relay,
            HTTPMethod.PATCH,
            f"/relay/uploads/{MessageId(upload)}",
            part,
            media_type=PART_TYPE,
            offset=offset,
            is_last=offset + len(part) == packed.size,
        )
        return strictjson.parse_object(found)

    async def _ask(
        self, relay: MemberId, method: HTTPMethod, path: str
    ) -> strictjson.JsonObject:
        found = await self._caller.call(relay, method, path, b"")
        return strictjson.parse_object(found)


class RelayMailbox:
    """Our own mailbox at one relay."""

    def __init__(self, office: Office, caller: SignedCaller, url: str) -> None:
        """Fetch from the relay at this address."""
        self._office = office
        self._caller = caller
        self._url = url

    async def wait(self, after: int) -> Sequence[Slip]:
        """``GET /queue``: long poll."""
        wait_s = int(limits.RELAY_WAIT.total_seconds())
        found = await self._caller.call(
            self._relay,
            HTTPMethod.GET,
            f"/relay/queue?after={after}&wait={wait_s}",
            b"",
            wish=Wish(wait_s=wait_s),
        )
        listed = strictjson.parse_object(found, members=1 + limits.RELAY_PAGE * 8)
        items = listed.get("items")
        if not isinstance(items, list):
            raise MalformedMessageError("queue")
        return [_read_slip(item) for item in items]

    async def read(self, slip: Slip, start: int) -> bytes:
        """``GET /items/{i}`` with ``Range``."""
        last = min(slip.size, start + limits.PART_BYTES) - 1
        return await self._caller.call(
            self._relay,
            HTTPMethod.GET,
            f"/relay/items/{slip.id}",
            b"",
            wish=Wish(most=limits.PART_BYTES, span=(start, last)),
        )

    async def remove(self, slip: Slip) -> None:
        """``DELETE /items/{i}``."""
        path = f"/relay/items/{slip.id}"
        await self._caller.call(self._relay, HTTPMethod.DELETE, path, b"")

    @property
    def _relay(self) -> MemberId:
        return relay_at(self._office.directory(), self._url)


def _cut_from(raw: bytes) -> Chunks:
    def read(start: int = 0, /) -> Iterator[bytes]:
        return iter([raw[start:]])

    return read


def _read_slip(value: strictjson.Json) -> Slip:
    if not isinstance(value, dict):
        raise MalformedMessageError("queue")
    n, item, kind, size = (value.get(name) for name in ("n", "id", "kind", "size"))
    if (
        not (isinstance(n, int) and isinstance(size, int) and isinstance(item, str))
        or n < 0
        or size < 1
        or kind not in {LETTER, CONTAINER}
    ):
        raise MalformedMessageError("queue")
    return Slip(n, MessageId(item), kind, size)


class Ways:
    """One way to each peer: by its address, or through its mailboxes (HO-89)."""

    def __init__(self, office: Office, direct: Transport, mail: Transport) -> None:
        """Choose between these two, anew for each call."""
        self._office = office
        self._direct = direct
        self._mail = mail

    def _to(self, peer: MemberId) -> Transport:
        by_mail = is_pull_only(self._office.directory(), peer)
        return self._mail if by_mail else self._direct

    async def send_statements(
        self, peer: MemberId, envelopes: Sequence[Envelope]
    ) -> StatementsAnswer:
        """At most 16, one chain prefix."""
        return await self._to(peer).send_statements(peer, envelopes)

    async def send_packet(
        self,
        peer: MemberId,
        row: PacketRow,
        chunks: Chunks,
        *,
        between: Between | None = None,
    ) -> StatementsAnswer:
        """A container."""
        return await self._to(peer).send_packet(peer, row, chunks, between=between)

    async def hello(self, peer: MemberId) -> HelloAnswer:
        """First word, wake-up and catch-up."""
        return await self._to(peer).hello(peer)

    async def reply(
        self, peer: MemberId, results: Mapping[MessageId, str]
    ) -> StatementsAnswer:
        """What became of a peer's letters."""
        return await self._to(peer).reply(peer, results)

    async def recollect(
        self, peer: MemberId, after: tuple[int, int], *, of_us: bool
    ) -> tuple[Envelope, ...]:
        """What it remembers after a place."""
        return await self._to(peer).recollect(peer, after, of_us=of_us)

    async def add_checkpoint(
        self, at: MemberId | WitnessAddress, request: bytes
    ) -> tuple[int, bytes]:
        """C2SP add-checkpoint."""
        way = self._direct if isinstance(at, WitnessAddress) else self._to(at)
        return await way.add_checkpoint(at, request)
