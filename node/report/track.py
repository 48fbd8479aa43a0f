"""A transfer as a track: each step is ticked by its fact, and by nothing else.

Enters: a transfer as its sender knows it, and how the peer's queue stands. Leaves: the
eight steps with the instant of each fact, what is waited for, and how it ended. Must never
happen: a step ticked before its fact; a late message that moves the track back (SC-42).
Implements screens flow D.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum, unique
from typing import Final

from node.report.readings import TransferRow
from node.sync.limits import OVERRIDE_AFTER, RETENTION
from node.sync.rows import QuorumWait
from node.sync.schedule import erasable_from
from node.sync.transfer import OUTBOUND, Outbound, OutEvent


@unique
class Step(StrEnum):
    """The steps in their order; the page has a word for each."""

    PREPARED = "prepared"
    PERMITTED = "permitted"
    SENT = "sent"
    DELIVERED = "delivered"
    ACCEPTED = "accepted"
    GRANTED = "granted"
    TAKEN_OVER = "taken_over"
    SECURED = "secured"


@unique
class Waits(StrEnum):
    """What the track waits for now."""

    DECISION = "decision"
    LINE = "line"
    RELAY = "relay"
    WITNESSES = "witnesses"
    DELIVERY = "delivery"
    APPROVAL = "approval"
    GRANT = "grant"
    IMPORT = "import"
    BACKUP = "backup"
    NOTHING = "nothing"


_FACT: Final = {
    Step.PREPARED: Outbound.HELD,
    Step.PERMITTED: Outbound.QUEUED,
    Step.DELIVERED: Outbound.DELIVERED,
    Step.ACCEPTED: Outbound.ASKED,
    Step.GRANTED: Outbound.GRANTED,
    Step.TAKEN_OVER: Outbound.CLOSED,
    Step.SECURED: Outbound.DURABLE,
}
_WAITS: Final = {
    Outbound.HELD: Waits.DECISION,
    Outbound.QUEUED: Waits.DELIVERY,
    Outbound.DELIVERED: Waits.APPROVAL,
    Outbound.ASKED: Waits.GRANT,
    Outbound.GRANTED: Waits.IMPORT,
    Outbound.CLOSED: Waits.BACKUP,
}
_NEED_THE_LINE: Final = frozenset(
    {Outbound.QUEUED, Outbound.GRANTED, Outbound.RECALLING, Outbound.ASKED}
)


@dataclass(frozen=True, slots=True)
class Mark:
    """One step and the instant of its fact, None as long as it is not proven."""

    step: Step
    at: datetime | None


@dataclass(frozen=True, slots=True)
class Track:
    """A transfer on its way.

    ``failing_since`` and ``next_try`` are set while the line is needed and does not work.
    ``quorum`` is set while the container waits for witnesses, which is no failed attempt.
    ``ended_at`` is set for transfers that did not arrive, ``ends_by_itself_at`` until the
    key is handed out.
    """

    marks: tuple[Mark, ...]
    waits: Waits
    failing_since: datetime | None
    next_try: datetime | None
    ended_at: datetime | None
    deleted_from: datetime | None
    ends_by_itself_at: datetime | None
    can_call_back: bool
    quorum: QuorumWait | None = None

    def is_late(self, at: datetime) -> bool:
        """Whether it has waited for witnesses for so long that people must act (LR-24)."""
        if self.waits is not Waits.WITNESSES or self.quorum is None:
            return False
        return self.quorum.since + OVERRIDE_AFTER <= at

    @property
    def current(self) -> Step | None:
        """The first step without its fact, while the transfer goes on."""
        if self.ended_at is not None:
            return None
        return next((mark.step for mark in self.marks if mark.at is None), None)


def track_of(row: TransferRow, kept: timedelta = RETENTION) -> Track:
    """Read the track off the facts; ``kept`` is how long content stays here afterwards."""
    transfer, due = row.transfer, row.due
    facts = transfer.facts
    marks = []
    for step in Step:
        if step is Step.SENT:
            # The first signed answer to our offer, or whatever proves more than that.
            at = row.offered_at or facts.get(Outbound.DELIVERED)
        elif step is Step.PREPARED:
            at = facts.get(Outbound.HELD, transfer.created_at)
        else:
            at = facts.get(_FACT[step])
        marks.append(Mark(step, at))
    fails = due is not None and due.failures > 0 and transfer.state in _NEED_THE_LINE
    ends = {Outbound.CANCELLED, Outbound.RECALLING, Outbound.RECALLED} | {
        Outbound.REJECTED,
        Outbound.RECLAIMED,
    }
    ended = (
        facts.get(Outbound.RECALLING) or facts.get(transfer.state)
        if transfer.state in ends
        else None
    )
    durable = facts.get(Outbound.DURABLE)
    is_open = OUTBOUND.allows(transfer.state, OutEvent.STOPPED)
    waits = Waits.LINE if fails else _WAITS.get(transfer.state, Waits.NOTHING)
    if row.at_relay is not None and not fails and transfer.state in _NEED_THE_LINE:
        # At the relay is not delivered: no step is ticked for it (HO-92).
        waits = Waits.RELAY
    quorum = row.quorum if waits is Waits.DELIVERY else None
    if quorum is not None and quorum.override is None:
        waits = Waits.WITNESSES
    return Track(
        marks=tuple(marks),
        waits=waits,
        failing_since=due.failing_since if fails and due else None,
        next_try=due.next_attempt_at if fails and due else None,
        ended_at=ended,
        deleted_from=erasable_from(durable, kept) if durable else None,
        ends_by_itself_at=transfer.expires_at if is_open else None,
        can_call_back=is_open and transfer.state is not Outbound.HELD,
        quorum=quorum,
    )
