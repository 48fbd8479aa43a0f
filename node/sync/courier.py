"""What delivery, release and opening work with: a runner, the way to peers, files.

Shells hand it in; the handover itself never looks for any of it.
"""

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from node.ids import MemberId, MessageId
from node.sync.bodies import HelloBody
from node.sync.chain import Position
from node.sync.message import Envelope
from node.sync.office import Office
from node.sync.ports import PacketFiles
from node.sync.rows import PacketRow

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class StatementsAnswer:
    """A verified answer.

    ``results`` by jti: ``taken``, ``refused`` or a problem code; ``statements`` the
    peer's statements for us; ``got`` how far it came in our chain; ``seen`` the size of our
    log that it remembers. ``waits_at`` names the relay where it lies instead: then the peer
    has said nothing yet (HO-92).
    """

    results: Mapping[str, str]
    statements: tuple[Envelope, ...] = ()
    got: Position | None = None
    seen: int | None = None
    waits_at: str = ""


@dataclass(frozen=True, slots=True)
class HelloAnswer:
    """A peer's verified hello, and what waits there for us."""

    said: HelloBody
    waiting: StatementsAnswer


@dataclass(frozen=True, slots=True)
class WitnessAddress:
    """Where a witness that is no member is reached: its submission prefix."""

    url: str


Between = Callable[[], Awaitable[bool]]
"""What is done between two parts of an upload; whether it goes on (HO-81)."""


class Chunks(Protocol):
    """The bytes of a container, from a place on, as often as asked."""

    def __call__(self, start: int = 0, /) -> Iterator[bytes]:
        """Read from here."""
        ...


class Transport(Protocol):
    """How we call a peer; each call is one signed request and one verified answer.

    Raises everywhere: UnreachableError (retry), RejectedError (the peer's problem).
    """

    async def send_statements(
        self, peer: MemberId, envelopes: Sequence[Envelope]
    ) -> StatementsAnswer:
        """``POST /statements``: at most 16, one chain prefix."""
        ...

    async def send_packet(
        self,
        peer: MemberId,
        row: PacketRow,
        chunks: Chunks,
        *,
        between: Between | None = None,
    ) -> StatementsAnswer:
        """``PUT /packets/{T}`` up to 1 MiB, else the resumable upload.

        ``between`` two parts statements go out, and it may turn out that the rest is not
        wanted any more: then the answer says nothing.
        """
        ...

    async def hello(self, peer: MemberId) -> HelloAnswer:
        """``POST /hello``: first word, wake-up and catch-up.

        Raises:
            AtRelayError: It lies in the peer's mailbox; the answer comes as a letter.
        """
        ...

    async def reply(
        self, peer: MemberId, results: Mapping[MessageId, str]
    ) -> StatementsAnswer:
        """What became of a peer's statements that came by mailbox, and a hello (HO-90)."""
        ...

    async def recollect(
        self, peer: MemberId, after: tuple[int, int], *, of_us: bool
    ) -> tuple[Envelope, ...]:
        """``GET /statements``: what it remembers after a place, of us or of itself."""
        ...

    async def add_checkpoint(
        self, at: MemberId | WitnessAddress, request: bytes
    ) -> tuple[int, bytes]:
        """C2SP add-checkpoint: status 200 or 409, and the answer's body."""
        ...


class Runner(Protocol):
    """Runs a whole use case in one thread hop (store.runner)."""

    async def read(self, use_case: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        """Run on a read-only unit of work, handed in first."""
        ...

    async def write(self, use_case: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        """Run on a unit of work; returns after the commit is durable."""
        ...

    async def file(self, job: Callable[..., T], *args: Any) -> T:
        """Run slow work on files or bytes in a thread, outside any transaction."""
        ...


@dataclass(frozen=True, slots=True)
class Courier:
    """What delivery works with."""

    run: Runner
    transport: Transport
    office: Office
    files: PacketFiles
