"""A key was retired: what waits for it is stopped before anybody can ask for share B.

Enters: a directory that has just changed. Leaves: transfers in STOPPED(key), and new ones
that wait for new keys. Must never happen: a grant to a key of which the directory says that
it is stolen or lost. Implements handover 11.4 (stolen key), 4.3 (STOPPED), HO-106.
"""

from collections.abc import Sequence

from node.ids import TransferId
from node.sync.office import Office
from node.sync.outward import apply
from node.sync.permission import key_cause, prepare_anew
from node.sync.ports import UnitOfWork
from node.sync.transfer import Outbound, OutEvent

_OPEN = (Outbound.QUEUED, Outbound.DELIVERED, Outbound.ASKED)


def find(uow: UnitOfWork, office: Office) -> Sequence[TransferId]:
    """Open transfers whose recipient's keys the directory in force calls retired or lost."""
    with uow:
        transfers = [uow.outbound.get(each) for each in uow.outbound.in_states(_OPEN)]
    return [t.id for t in transfers if key_cause(office, t) is not None]


def stop(uow: UnitOfWork, office: Office, transfer_id: TransferId) -> None:
    """STOPPED(key), if that is still so; share B is destroyed, the cases are ours again."""
    with uow:
        transfer = uow.outbound.get(transfer_id)
        if transfer.state not in _OPEN:
            return
        cause = key_cause(office, transfer)
        if cause is not None:
            apply(uow, office, transfer, OutEvent.STOPPED, cause)
            prepare_anew(uow, office, transfer, cause)
            uow.commit()
