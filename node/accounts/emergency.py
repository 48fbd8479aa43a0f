"""The emergency access: one case of a colleague, three hours, for a reason.

Enters: who opened which case and when. Leaves: whether it is open now, and how far. Must
never happen here: an access that outlives its three hours; what protects a person shown
without a second one. Implements the table of rights (break-glass), DO-41, SR-D5.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from node.ids import AccountId, CaseId, Hex128

EMERGENCY_LIFE: Final = timedelta(hours=3)
MOST_REASON: Final = 500
READABLE: Final = frozenset({"case.read"})
"""All an emergency access is good for: nothing is changed, and nothing leaves."""


@dataclass(frozen=True, slots=True)
class Emergency:
    """One access; with ``second`` the parts about protection (K14) are open as well."""

    id: Hex128
    account: AccountId
    case: CaseId
    opened_at: datetime
    asks_second: bool = False
    second: AccountId | None = None

    @property
    def ends_at(self) -> datetime:
        """When it closes by itself; exclusive."""
        return self.opened_at + EMERGENCY_LIFE

    def is_open(self, at: datetime) -> bool:
        """Whether it opens the case now."""
        return self.opened_at <= at < self.ends_at


def open_cases(
    emergencies: Iterable[Emergency], account: AccountId, at: datetime
) -> dict[CaseId, bool]:
    """The cases open to this account now, and whether protection is open there."""
    found: dict[CaseId, bool] = {}
    for each in emergencies:
        if each.account == account and each.is_open(at):
            found[each.case] = found.get(each.case, False) or each.second is not None
    return found
