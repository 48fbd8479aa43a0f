"""The deletion register at a start: what was destroyed stays destroyed.

Enters: the register beside the database. Leaves: a database without what it calls
destroyed. Must never happen: an old backup that brings a share or a key back to life, also
while the node only reads (P16). Implements HO-19, SR-K6.
"""

import structlog

from node.casework import erasing
from node.exchangelog.standing import Standing
from node.ids import TransferId
from node.store.register import RegisterLine
from node.store.runner import Store
from node.store.unit import SqlUnitOfWork
from node.store.work import Means
from node.sync import firstword, sender
from node.sync.office import Office

log = structlog.get_logger("node")


def replay_register(store: Store, means: Means, office: Office) -> None:
    """HO-19, P16: what the deletion register calls destroyed is not used again."""
    lines = tuple(means.register.replay())
    if not lines:
        return
    outlived = store.read_sync(_outlived, lines)
    stand = store.read_sync(firstword.standing)
    # In quarantine nothing is stated; ``recover`` stops these once the chains stand anew.
    if outlived and stand.standing is not Standing.QUARANTINE:
        log.warning("destroyed shares were here again", count=len(outlived))
        store.write_sync(sender.stop_restored, office, outlived)
    if store.write_sync(_destroy_again, office):
        log.warning("destroyed log entries were here again")


def _destroy_again(uow: SqlUnitOfWork, office: Office) -> int:
    """What is read in quarantine must not be what was destroyed (P16)."""
    uow.run.let_destroy()
    return erasing.replay(uow, office)


def _outlived(
    uow: SqlUnitOfWork, lines: tuple[RegisterLine, ...]
) -> tuple[TransferId, ...]:
    return tuple(uow.upkeep.outlived(lines))
