"""The outbox as the use cases know it; ``node.store.outbox`` implements it.

Enters and leaves: statements and packets on their way, how each queue stands. Must never
happen: "is connected" as a row (HO-78). Implements handover 10.1.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Protocol

from node.ids import MemberId, MessageId, TransferId
from node.sync.rows import Due, PacketRow, StatementRow


class Outbox(Protocol):
    """What wants to go out; what is connected is never stored (HO-78)."""

    def add_statement(self, row: StatementRow) -> None:
        """Queue a statement at the end of its chain."""
        ...

    def add_packet(self, row: PacketRow) -> None:
        """Queue a container, once per transfer."""
        ...

    def drop_packet(self, transfer: TransferId) -> None:
        """Remove the packet row, if there is one."""
        ...

    def statements(self, peer: MemberId, limit: int) -> Sequence[StatementRow]:
        """The oldest statements not yet acknowledged, in chain order."""
        ...

    def after(
        self, peer: MemberId, inc: int, seq: int, *, limit: int
    ) -> Sequence[StatementRow]:
        """Our statements after a place that the peer took, in chain order (recovery)."""
        ...

    def keep_again(self, row: StatementRow, at: datetime) -> None:
        """A statement of ours that the peer holds and we had forgotten; never sent again."""
        ...

    def to_send(self, peer: MemberId, limit: int) -> Sequence[StatementRow]:
        """The same, but for what lies at a relay and is not due again (HO-92)."""
        ...

    def statement(self, peer: MemberId, jti: MessageId) -> StatementRow | None:
        """One of our statements, acknowledged or not."""
        ...

    def of_transfer(self, transfer: TransferId) -> Sequence[StatementRow]:
        """All our statements about one transfer, in chain order, acknowledged or not."""
        ...

    def acknowledge(
        self, peer: MemberId, jtis: Iterable[MessageId], at: datetime
    ) -> None:
        """A signed answer lists these as taken (HO-47)."""
        ...

    def acknowledge_through(
        self, peer: MemberId, inc: int, seq: int, at: datetime
    ) -> None:
        """The peer's ``got`` reaches this place."""
        ...

    def has_packet(self, transfer: TransferId) -> bool:
        """Whether the container of this transfer still wants to go out."""
        ...

    def packets(
        self, peer: MemberId, limit: int, due_by: datetime | None = None
    ) -> Sequence[PacketRow]:
        """Containers whose offer was acknowledged, smallest class first, oldest first."""
        ...

    def packet_failed(
        self, row: PacketRow, *, next_at: datetime, code: str, parked: bool
    ) -> None:
        """One more failure of this container alone (P20)."""
        ...

    def next_packet_at(self, peer: MemberId) -> datetime | None:
        """When a container that failed by itself is tried again."""
        ...

    def parked(self) -> Sequence[tuple[TransferId, str]]:
        """The containers that were put aside, each with the code that did it."""
        ...

    def park(self, transfer: TransferId, at: datetime) -> None:
        """What was given up of a transfer goes out when the peer greets (HO-85)."""
        ...

    def waiting_peers(self) -> Sequence[MemberId]:
        """Peers with a row waiting that is not parked, or owed a reply."""
        ...

    def waits_for(self, peer: MemberId) -> bool:
        """Whether anything that is not parked waits for this peer."""
        ...

    def met_last(self, limit: int) -> Sequence[MemberId]:
        """The peers that answered last, newest first."""
        ...

    def due(self, peer: MemberId) -> Due:
        """How the queue of a peer stands."""
        ...

    def failed(
        self, peer: MemberId, *, at: datetime, next_at: datetime, code: str
    ) -> None:
        """One more failure in a row."""
        ...

    def succeeded(self, peer: MemberId, at: datetime) -> None:
        """A verified answer: the row of failures ends."""
        ...
