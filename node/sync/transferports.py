"""Where transfers of both ends are kept, as the handover needs it.

The store implements these; ``ports`` puts them into the one unit of work.
"""

from collections.abc import Iterable, Sequence
from typing import Protocol

from node.ids import CaseId, MemberId, TransferId
from node.sync.transfer import Inbound, InboundTransfer, Outbound, OutboundTransfer


class OutboundRepository(Protocol):
    """Transfers this node sends."""

    def add(self, transfer: OutboundTransfer) -> None:
        """Insert one with its members."""
        ...

    def get(self, transfer: TransferId) -> OutboundTransfer:
        """One transfer, locked. NotFoundError if absent."""
        ...

    def find(self, transfer: TransferId) -> OutboundTransfer | None:
        """One transfer, locked, or None."""
        ...

    def replace(self, before: OutboundTransfer, after: OutboundTransfer) -> None:
        """Compare-and-set on ``before.version``; keeps ``holding`` for the unique index.

        ConflictError: it moved, or another transfer already holds one of the cases (HO-5).
        """
        ...

    def in_states(self, states: Iterable[Outbound]) -> Sequence[TransferId]:
        """Ids of all transfers in these states, oldest first."""
        ...

    def resting_on(self, consent: str) -> Sequence[TransferId]:
        """Ids of all transfers with a member who has this consent among the grounds."""
        ...

    def of_case(self, case: str) -> Sequence[OutboundTransfer]:
        """All transfers of one case, oldest first, not locked."""
        ...


class InboundRepository(Protocol):
    """Transfers this node receives."""

    def add(self, transfer: InboundTransfer) -> None:
        """Insert one."""
        ...

    def get(self, transfer: TransferId) -> InboundTransfer:
        """One transfer, locked. NotFoundError if absent."""
        ...

    def find(self, transfer: TransferId) -> InboundTransfer | None:
        """One transfer, locked, or None."""
        ...

    def replace(self, before: InboundTransfer, after: InboundTransfer) -> None:
        """Compare-and-set on ``before.version``; ConflictError if it moved."""
        ...

    def in_states(self, states: Iterable[Inbound]) -> Sequence[TransferId]:
        """Ids of all transfers in these states, oldest first."""
        ...

    def keep_cases(
        self, transfer: TransferId, cases: Iterable[tuple[CaseId, bytes | None]]
    ) -> None:
        """Remember which cases it brought, each with its sender's tag if it named one."""
        ...

    def cases(self, transfer: TransferId) -> Sequence[tuple[CaseId, bytes | None]]:
        """The cases it brought with their tags, ordered by case."""
        ...

    def of_case(self, case: str) -> Sequence[TransferId]:
        """Ids of all transfers that brought this case, oldest first."""
        ...

    def is_past(self, transfer: TransferId) -> bool:
        """Whether it was here once, and its record has gone after its years (P2)."""
        ...

    def open_from(self, sender: MemberId) -> int:
        """How many transfers of this peer are open (announced to opening)."""
        ...
