"""Uncovering a case number: a wish with a reason, a second person, seven days.

Enters: who asks and why, who confirms. Leaves: whether it may be shown now. Must never
happen here: a wish that its own author confirms; something that stays uncovered. Implements
``log.reveal`` of the table of rights, LR-2, SC-58.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from node.ids import AccountId, Hex128

REVEAL_LIFE: Final = timedelta(days=7)
"""How long a wish waits for its second person, and how long its answer is shown then."""
MOST_REASON: Final = 500


@dataclass(frozen=True, slots=True)
class RevealWish:
    """``subject`` is ``transfer:<id>``, or ``reading:<id>`` of a line of the read log."""

    id: Hex128
    subject: str
    reason: str
    asked_by: AccountId
    asked_at: datetime
    confirmed_by: AccountId | None = None
    confirmed_at: datetime | None = None

    def is_waiting(self, at: datetime) -> bool:
        """Whether a second person may still confirm it."""
        return self.confirmed_at is None and at < self.asked_at + REVEAL_LIFE

    def is_shown(self, at: datetime) -> bool:
        """Whether the answer is shown now."""
        return self.confirmed_at is not None and at < self.confirmed_at + REVEAL_LIFE
