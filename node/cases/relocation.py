"""A change of place: it proposes or starts a transfer (FR-25 to FR-27).

Enters: an AGS and a move date from a form, a register message or a list. Leaves: a
``Relocation`` value. Names never route; an AGS does. Must never happen: a relocation alone
moves anything; the consent gate decides (T6).
"""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum, unique

from node.ids import AccountId, Ags, CaseId, MemberId, RecordId, TransferId


@unique
class Source(StrEnum):
    """What told us."""

    FORM = "form"
    REGISTER = "register"
    LIST = "list"


@unique
class Routing(StrEnum):
    """What the directory said about the new place on the move date."""

    ROUTED = "routed"
    OWN_AREA = "own_area"
    NO_NODE = "no_node"
    UNKNOWN_AGS = "unknown_ags"


@dataclass(frozen=True, slots=True)
class Relocation:
    """Who moves where and when, and what became of it."""

    id: RecordId
    cases: tuple[CaseId, ...]
    ags: Ags
    move_on: date
    source: Source
    routing: Routing
    recorded_at: datetime
    recorded_by: AccountId | None = None
    recipient: MemberId | None = None
    transfer: TransferId | None = None
