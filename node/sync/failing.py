"""What a failed attempt means: a later one, and after many a container put aside.

Enters: what went wrong. Leaves: counts and the next attempt's time. Must never happen: a
failure that changes a transfer (P6); one container that fails holding up its neighbours
(P20); an attempt without a pause before the next. Implements HO-82, HO-85, P20.
"""

from typing import Final

from node.errors import AtRelayError, RejectedError, UnreachableError
from node.ids import MemberId
from node.sync.limits import RELAY_FIRST_WAIT
from node.sync.office import Office
from node.sync.ports import UnitOfWork
from node.sync.rows import PacketRow
from node.sync.schedule import is_parked, next_attempt

# What a peer says of itself or of us; anything else it says of one container (P20).
OF_PEER: Final = frozenset(
    {
        "bad-signature",
        "clock-skew",
        "history-conflict",
        "identity-mismatch",
        "internal",
        "maintenance",
        "not-a-peer",
        "rate",
        "reading-only",
        "rejected",
        "replay",
        "unknown-key",
        "version",
        "wrong-recipient",
    }
)


def note_failure(
    uow: UnitOfWork, office: Office, peer: MemberId, error: Exception
) -> None:
    """Count it and set the next attempt; nothing else changes (P6, HO-82)."""
    if isinstance(error, AtRelayError):
        return
    now = office.clock.now()
    code = error.problem if isinstance(error, RejectedError) else "unreachable"
    with uow:
        if isinstance(error, UnreachableError) and error.moved:
            # A link that is cut all the time, but brings something forward.
            uow.outbox.succeeded(peer, now)
        due = uow.outbox.due(peer)
        at = next_attempt(
            due.failures + 1,
            now,
            jitter=_jitter(office),
            failing_since=due.failing_since,
            retry_after_s=_wish(error),
        )
        since = uow.mail.turn(peer, now).failing_since
        if since is not None and now < since + RELAY_FIRST_WAIT:
            # HO-92: then another relay's turn comes, which may work at once.
            at = min(at, since + RELAY_FIRST_WAIT)
        uow.outbox.failed(peer, at=now, next_at=at, code=code)
        uow.commit()


def note_refusal(
    uow: UnitOfWork, office: Office, row: PacketRow, error: RejectedError
) -> None:
    """One container failed by itself; after 20 times without a cure it is parked."""
    now = office.clock.now()
    failures = row.failures + 1
    parked = is_parked(failures, curable=error.can_retry)
    at = next_attempt(failures, now, jitter=_jitter(office), retry_after_s=_wish(error))
    with uow:
        uow.outbox.packet_failed(row, next_at=at, code=error.problem, parked=parked)
        if parked:
            uow.tasks.add(
                "packet.parked",
                at=now,
                transfer=row.transfer,
                for_role="administrator",
                codes=(error.problem,),
            )
        uow.commit()


def _jitter(office: Office) -> float:
    return int.from_bytes(office.randomness(4), "big") / 2**32


def _wish(error: Exception) -> int | None:
    return error.retry_after_s if isinstance(error, RejectedError) else None
