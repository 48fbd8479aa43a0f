"""What the own clock says is due: ends, last moments, notices (handover 10.3).

Enters: a reading unit of work, the instant. Leaves: transfers with what is due for each.
Must never happen here: a change; the worker asks the use cases one by one.
"""

from datetime import datetime

from node.ids import TransferId
from node.sync import inward
from node.sync.limits import GIVE_UP_AFTER_EXPIRY, NOTICE_DAYS
from node.sync.ports import UnitOfWork
from node.sync.rows import Wake
from node.sync.transfer import Inbound, Outbound


def find_deadlines(uow: UnitOfWork, now: datetime) -> list[tuple[str, TransferId, int]]:
    """What the clock says is due: (which end, transfer, day of a notice)."""
    found: list[tuple[str, TransferId, int]] = []
    with uow:
        open_ = (Outbound.QUEUED, Outbound.DELIVERED, Outbound.ASKED, Outbound.EXPORTED)
        for transfer_id in uow.outbound.in_states(open_):
            transfer = uow.outbound.get(transfer_id)
            if transfer.expires_at is not None and now >= transfer.expires_at:
                found.append(("outbound", transfer_id, 0))
            elif transfer.state is Outbound.ASKED:
                found.append(("ask", transfer_id, 0))
        for transfer_id in uow.outbound.in_states([Outbound.RECALLING]):
            transfer = uow.outbound.get(transfer_id)
            end = transfer.expires_at
            if end is not None and now >= end + GIVE_UP_AFTER_EXPIRY:
                found.append(("outbound", transfer_id, 0))
        for transfer_id in uow.inbound.in_states(inward.OPEN):
            inbound = uow.inbound.get(transfer_id)
            if now >= inbound.expires_at:
                found.append(("inbound", transfer_id, 0))
            else:
                age = (now - inbound.offered_at).days
                found += [
                    ("notice", transfer_id, day) for day in NOTICE_DAYS if age >= day
                ]
    return found


def find_due(uow: UnitOfWork) -> list[tuple[Wake, str]]:
    """Everything that waits in the store: after a start this is all there is."""
    with uow:
        due = [(Wake.RELEASE, str(t)) for t in uow.outbound.in_states([Outbound.HELD])]
        due += [(Wake.OPEN, str(t)) for t in uow.inbound.in_states([Inbound.OPENING])]
        due += [(Wake.PUBLISH, str(peer)) for peer in uow.outbox.waiting_peers()]
    return [*due, (Wake.PUBLISH, "")]
