"""Two real nodes and their directory, with one clock that a test moves over years."""

import secrets
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from tuf.ngclient._internal import trusted_metadata_set

from node.bootstrap import Hands, Node, build_node, own_hands
from node.config import load_settings
from node.failpoints import NoFailpoints
from node.federation.changes import rotate
from node.federation.delegations import Tools, renew
from node.federation.registrar import publish
from node.federation.sheetfetch import fetch_sheets
from node.ids import MemberId, TransferId
from node.sync.transfer import InboundTransfer, OutboundTransfer
from node.trust.member import Purpose
from node.trust.rotation import RotationRequest
from tests.support.office import MovingClock
from tests.support.pair import SAECKINGEN, WEHR, add_staff, found_pair, running

OFFLINE = ("root", "targets", "revoker", "08", "08337")


@contextmanager
def clock_of_the_library(clock: MovingClock) -> Iterator[None]:
    """ngclient asks the system clock when an ``Updater`` is made; here it asks ours."""

    class Shifted(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return clock.now().astimezone(tz)

    former = trusted_metadata_set.datetime
    trusted_metadata_set.datetime = SimpleNamespace(  # type: ignore[assignment]
        datetime=Shifted, timezone=timezone, timedelta=timedelta
    )
    try:
        yield
    finally:
        trusted_metadata_set.datetime = former


@dataclass
class Years:
    """The pair, its directory and its clock."""

    folder: Path
    clock: MovingClock
    nodes: dict[MemberId, Node] = field(default_factory=dict)

    @property
    def wehr(self) -> Node:
        """Who sends."""
        return self.nodes[WEHR]

    @property
    def saeckingen(self) -> Node:
        """Who receives."""
        return self.nodes[SAECKINGEN]

    @property
    def published(self) -> Path:
        """The directory's folder."""
        return self.folder / "directory"

    @property
    def keys(self) -> Sequence[Path]:
        """All keys of the directory."""
        return [self.folder / "directory-keys"]

    def now(self) -> datetime:
        """The moved instant."""
        return self.clock.now().astimezone(UTC)

    def tools(self) -> Tools:
        """What registrars work with."""
        return Tools(self.published, self.keys, self.now())

    def later(self, by: timedelta) -> None:
        """Let time pass, and everybody do what is due: nodes, operator, nodes."""
        self.clock.offset += by
        self.turn()

    def turn(self) -> None:
        """One turn of the operator's timer and of both nodes' jobs."""
        for node in self.nodes.values():
            node.key_room.keep()
        self.list_sheets()
        self.refresh()

    def list_sheets(self) -> None:
        """``directory publish --fetch``."""
        asked = fetch_sheets(self.published)
        assert [one for one in asked if one.code] == []
        fresh = [one.sheet for one in asked if one.sheet is not None]
        publish(self.published, self.keys, at=self.now(), sheets=fresh)

    def refresh(self) -> None:
        """Every node reads the directory."""
        for node in self.nodes.values():
            node.refresh_directory()

    def renew(self) -> None:
        """The yearly ceremony of the offline roles."""
        for role in OFFLINE:
            renew(self.tools(), role)

    def rotate(self, node: Node, *uses: Purpose) -> None:
        """A member asks for new keys and the registrars list them."""
        for use in uses:
            path = node.key_room.prepare(use)
            rotate(self.tools(), RotationRequest.parse(path.read_bytes()))


@asynccontextmanager
async def two_over_years(folder: Path, *, worker: bool = True) -> AsyncIterator[Years]:
    """Both nodes with listeners and workers, under one moved clock."""
    clock = MovingClock()
    hands = Hands(clock, secrets.token_bytes, NoFailpoints())
    folders = found_pair(folder, own_hands())
    years = Years(folder, clock)
    with clock_of_the_library(clock):
        async with AsyncExitStack() as stack:
            for member, place in folders.items():
                node = await stack.enter_async_context(
                    build_node(load_settings(place), hands)
                )
                add_staff(node)
                years.nodes[member] = node
                if worker:
                    await stack.enter_async_context(running(node))
            yield years


def outbound(node: Node, transfer: str) -> OutboundTransfer:
    """A transfer as its sender knows it."""
    return node.store.read_sync(lambda uow: uow.outbound.get(TransferId(transfer)))


def inbound(node: Node, transfer: str) -> InboundTransfer | None:
    """A transfer as its recipient knows it."""
    return node.store.read_sync(lambda uow: uow.inbound.find(TransferId(transfer)))
