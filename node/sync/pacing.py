"""When a peer is tried: by its back-off, woken by its own contact, greeted after silence.

Enters: how the queues stand, and the own clock. Leaves: whether to try now, how long to
sleep, whom to greet. Must never happen: a dead peer asked more often than its back-off
says, whatever wakes the loop (HO-82, HO-83); a sleep without end while something waits; a
loop without a pause. Implements handover 10.2, HO-84, HO-85.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from node.ids import MemberId
from node.sync.ports import UnitOfWork
from node.sync.schedule import WAKE_PAUSE, may_wake, needs_hello

SHORTEST_S: Final = 1.0
LONGEST_S: Final = 60.0
KNOWN_FOR: Final = timedelta(days=180)
GREETED: Final = 200


class Wakes:
    """What this process remembers of contacts; a restart begins anew with a greeting."""

    def __init__(self) -> None:
        """Nobody was heard or greeted yet."""
        self.heard_at: datetime | None = None
        self.greeted_at: datetime | None = None
        self._woken: set[MemberId] = set()
        self._later: set[MemberId] = set()
        self._last: dict[MemberId, datetime] = {}

    def contact(self, peer: MemberId, now: datetime) -> bool:
        """A verified sign of life of a peer; whether it ended a silence of all peers."""
        ended = self.heard_at is not None and needs_hello(self.heard_at, now)
        self.heard_at = now
        if may_wake(self._last.get(peer), now):
            self._last[peer] = now
            self._woken.add(peer)
        else:
            self._later.add(peer)
        return ended

    def take(self, peer: MemberId, now: datetime) -> bool:
        """Whether the peer woke us since this was asked last; early wakes count later."""
        if peer in self._later and may_wake(self._last.get(peer), now):
            self._later.discard(peer)
            self._last[peer] = now
            return True
        woken = peer in self._woken
        self._woken.discard(peer)
        return woken

    def wait(self, peer: MemberId, now: datetime) -> float | None:
        """Seconds until an early wake of this peer counts; None if there is none."""
        if peer not in self._later:
            return None
        passed = now - self._last.get(peer, now)
        return max(SHORTEST_S, (WAKE_PAUSE - passed).total_seconds())


def may_try(uow: UnitOfWork, peer: MemberId, now: datetime) -> bool:
    """Whether the back-off of a peer lets it be tried, without anybody waking it."""
    with uow:
        at = uow.outbox.due(peer).next_attempt_at
    return at is None or at <= now


def next_look(uow: UnitOfWork, peer: MemberId, now: datetime) -> float | None:
    """Seconds to sleep before a peer's queue is looked at again; None until it is woken.

    Never more than a minute: a clock that was set is noticed.
    """
    with uow:
        if not uow.outbox.waits_for(peer):
            return None
        due = uow.outbox.due(peer).next_attempt_at
        packet = uow.outbox.next_packet_at(peer)
    # A container that failed by itself does not come before the peer's own turn.
    at = due or packet
    if at is None:
        return None
    return min(LONGEST_S, max(SHORTEST_S, (at - now).total_seconds()))


@dataclass(frozen=True, slots=True)
class Greetings:
    """Whom to greet: at once whose queue waits, in the course of a minute the others."""

    waiting: Sequence[MemberId]
    known: Sequence[MemberId]


def to_greet(uow: UnitOfWork, now: datetime, *, started: bool = False) -> Greetings:
    """HO-84: after the start all, later only those whose back-off lets us."""
    with uow:
        waiting = [*uow.outbox.waiting_peers()]
        met = [
            peer
            for peer in uow.outbox.met_last(GREETED)
            if peer not in waiting and _knows(uow, peer, now)
        ]
        if not started:
            waiting = [peer for peer in waiting if _is_due(uow, peer, now)]
            met = [peer for peer in met if _is_due(uow, peer, now)]
    return Greetings(waiting, met)


def last_heard(uow: UnitOfWork) -> datetime | None:
    """The newest verified answer of any peer."""
    with uow:
        met = uow.outbox.met_last(1)
        return uow.outbox.due(met[0]).last_success_at if met else None


def _is_due(uow: UnitOfWork, peer: MemberId, now: datetime) -> bool:
    at = uow.outbox.due(peer).next_attempt_at
    return at is None or at <= now


def _knows(uow: UnitOfWork, peer: MemberId, now: datetime) -> bool:
    at = uow.outbox.due(peer).last_success_at
    return at is not None and now - at <= KNOWN_FOR
