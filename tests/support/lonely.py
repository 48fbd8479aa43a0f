"""One node whose peer is dead, and what a test may do to time and wire there."""

import secrets
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path

from node.bootstrap import Hands, Node, build_node
from node.cases.relocation import Source
from node.casework.relocations import Move, record_relocation
from node.config import load_settings
from node.errors import UnreachableError
from node.failpoints import NoFailpoints
from node.ids import MemberId, MessageId, TransferId
from node.sync import firstword, release
from node.sync.courier import (
    Between,
    Chunks,
    Courier,
    HelloAnswer,
    StatementsAnswer,
    WitnessAddress,
)
from node.sync.greeting import greet
from node.sync.message import Envelope
from node.sync.rows import PacketRow
from node.trust.places import shipped_places
from tests.support.office import MovingClock
from tests.support.pair import (
    AGS,
    CLERK,
    SAECKINGEN,
    WEHR,
    add_staff,
    found_pair,
    give_consent,
    open_case,
    running,
)


@dataclass
class Dead:
    """A peer that nobody reaches; counts who tried."""

    tries: int = 0

    def _fail(self) -> None:
        self.tries += 1
        raise UnreachableError("test")

    async def send_statements(
        self, peer: MemberId, envelopes: Sequence[Envelope]
    ) -> StatementsAnswer:
        """Nobody is there."""
        self._fail()
        raise AssertionError(peer, envelopes)

    async def send_packet(
        self,
        peer: MemberId,
        row: PacketRow,
        chunks: Chunks,
        *,
        between: Between | None = None,
    ) -> StatementsAnswer:
        """Nobody is there."""
        self._fail()
        raise AssertionError(peer, row, chunks, between)

    async def hello(self, peer: MemberId) -> HelloAnswer:
        """Nobody is there."""
        self._fail()
        raise AssertionError(peer)

    async def reply(
        self, peer: MemberId, results: Mapping[MessageId, str]
    ) -> StatementsAnswer:
        """Nobody is there."""
        self._fail()
        raise AssertionError(peer, results)

    async def recollect(
        self, peer: MemberId, after: tuple[int, int], *, of_us: bool
    ) -> tuple[Envelope, ...]:
        """Nobody is there."""
        self._fail()
        raise AssertionError(peer, after, of_us)

    async def add_checkpoint(
        self, at: MemberId | WitnessAddress, request: bytes
    ) -> tuple[int, bytes]:
        """Nobody is there."""
        raise UnreachableError("test")


@dataclass
class Lonely:
    """Stadt Wehr, its clock, and the folders of both towns."""

    node: Node
    clock: MovingClock
    folders: dict[MemberId, Path]
    hands: Hands
    transfers: list[TransferId] = field(default_factory=list)

    @property
    def courier(self) -> Courier:
        """Its courier."""
        return self.node.courier

    def without_wire(self, wire: Dead) -> Courier:
        """Its courier before a dead peer."""
        return replace(self.node.courier, transport=wire)

    async def meet(self) -> None:
        """Both towns run for a moment and greet each other, as every day."""
        settings = load_settings(self.folders[SAECKINGEN])
        async with (
            running(self.node),
            build_node(settings, self.hands) as there,
            running(there),
        ):
            assert await greet(there.courier, WEHR)
            assert await greet(self.courier, SAECKINGEN)

    async def send(self, name: str = "Demo-Ulme") -> TransferId:
        """A case is queued for Bad Säckingen, its log head signed."""
        case = open_case(self.node, name)
        give_consent(self.node, case)
        found = self.node.store.write_sync(
            record_relocation,
            self.node.office,
            Move((case,), AGS[SAECKINGEN], date(2026, 12, 1), Source.FORM),
            by=CLERK,
            places=shipped_places(),
        )
        assert found.transfer is not None
        await release.release(self.courier, found.transfer)
        self.node.publisher.publish()
        self.transfers.append(found.transfer)
        return found.transfer


@asynccontextmanager
async def lonely(folder: Path) -> AsyncIterator[Lonely]:
    """Two towns of one directory, of which Wehr is put together; nothing listens."""
    clock = MovingClock()
    hands = Hands(clock, secrets.token_bytes, NoFailpoints())
    folders = found_pair(folder, hands)
    async with build_node(load_settings(folders[WEHR]), hands) as node:
        add_staff(node)
        node.store.write_sync(firstword.settle, node.office, frozenset(), {})
        yield Lonely(node, clock, folders, hands)
