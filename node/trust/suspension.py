"""Exchange with one member, suspended by the own town.

Enters and leaves: frozen values. Must never happen: a suspension without a reason, or one
that ends what both ends already agreed on: it stops what is new, and every key that has not
left yet. Implements ``peer.suspend`` of the field document (chapter 6), offer rule
``policy`` of handover 5.2.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from node.errors import InputError
from node.ids import AccountId, Hex128, MemberId

REASON_CHARACTERS = 200


@dataclass(frozen=True, slots=True)
class Suspension:
    """Since when nothing new is exchanged with a member, who said so, and why."""

    id: Hex128
    peer: MemberId
    reason: str
    begun_at: datetime
    begun_by: AccountId | None
    ended_at: datetime | None = None
    ended_by: AccountId | None = None

    def __post_init__(self) -> None:
        """Refuse one that nobody can explain later.

        Raises:
            InputError: No reason, or too long a one.
        """
        if not self.reason.strip() or len(self.reason) > REASON_CHARACTERS:
            is_long = bool(self.reason.strip())
            raise InputError("reason", "too_long" if is_long else "missing")


class Suspensions(Protocol):
    """Suspensions inside one unit of work."""

    def standing(self, peer: MemberId) -> Suspension | None:
        """The one that stands, None if exchange goes on."""
        ...

    def begin(self, suspension: Suspension) -> None:
        """Keep one. ConflictError if one stands."""
        ...

    def end(self, before: Suspension, after: Suspension) -> None:
        """Compare and set. ConflictError if it moved."""
        ...
