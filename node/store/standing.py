"""How the node stands, in one row that every process of it sees.

Enters: a standing and why. Leaves: the same. Must never happen: a standing of the last run
that counts in this one, so each start of a leader sets it anew; a node in quarantine that
speaks again by anything but ``recover``. Implements ``node.sync.logports.Stands``,
exchange-log 5.4, SR-R3.
"""

from datetime import datetime
from typing import Final

from sqlalchemy import Row, bindparam, select, update

from node.errors import ConflictError, LogError
from node.exchangelog.standing import Reason, Stand, Standing
from node.store.logtables import log_head
from node.store.logtree import LogTree, frontier_of
from node.store.mark import Mark
from node.store.tables import lease as _lease
from node.store.tables import node_standing as _standing
from node.store.tables import node_state as _node
from node.store.tables import peer_queue as _queue
from node.store.work import Work
from node.sync.logports import Met

_READ: Final = select(_standing)
_LOCK: Final = select(_standing).with_for_update()
_ENTER: Final = update(_standing).where(
    _standing.c.id == 1, _standing.c.standing == bindparam("seen")
)
_SET: Final = update(_standing).where(_standing.c.id == 1)
_MET: Final = select(_queue.c.peer, _queue.c.last_success_at).where(
    _queue.c.last_success_at.is_not(None)
)
_HEAD: Final = select(log_head)
_LEADER: Final = select(_lease.c.until).where(_lease.c.name == "worker")
_INCARNATION: Final = select(_node.c.incarnation)


class SqlStands:
    """The node's standing inside one unit of work."""

    def __init__(self, work: Work) -> None:
        """Serve one unit."""
        self._work = work

    def read(self) -> Stand:
        """How the node stands now."""
        row = self._work.row(_READ)
        if row is None:
            raise LogError("the node's standing is missing")
        return _from_row(row)

    def enter(self, stand: Stand) -> None:
        """Stand so from now on; the first reason for a quarantine stays.

        Raises:
            ConflictError: Another process moved it first.
        """
        self._work.find_out()
        before = self._work.row(_LOCK)
        if before is None:
            raise LogError("the node's standing is missing")
        if stand.standing is before.standing is Standing.QUARANTINE:
            return
        self._work.move(_ENTER, _to_row(stand) | {"seen": before.standing})

    def begin(self, stand: Stand) -> None:
        """A leader starts: whatever stood before is of another run."""
        if self._work.change(_SET, _to_row(stand)) != 1:
            raise ConflictError("the node's standing is missing")

    def let_destroy(self) -> None:
        """This unit destroys again what was destroyed before: so even in quarantine."""
        self._work.is_reading_only = False

    def met(self) -> Met:
        """When each member last answered us or called."""
        rows = self._work.rows(_MET)
        return {row.peer: row.last_success_at for row in rows}

    def is_led(self, at: datetime) -> bool:
        """Whether somebody's lease of the worker has not run out."""
        row = self._work.row(_LEADER)
        return row is not None and row.until > at

    def fault_of(self, mark: Mark | None) -> Reason | None:
        """What is wrong with the signer's mark, None if the log reaches and contains it."""
        if mark is None:
            return Reason.NO_MARK
        head, state = self._work.row(_HEAD), self._work.row(_INCARNATION)
        if head is None or state is None:
            return Reason.NOT_OF_MARK
        same = (head.origin, head.incarnation) == (mark.origin, mark.incarnation)
        try:
            reached = frontier_of(head).size >= mark.head.size
            root = LogTree(self._work).root(mark.head.size) if reached else None
        except LogError:
            return Reason.READ_BACK
        contained = root == mark.head.root and state.incarnation == mark.incarnation
        return None if same and contained else Reason.NOT_OF_MARK


def _from_row(row: Row[*tuple[object, ...]]) -> Stand:
    return Stand(
        standing=Standing(row.standing),
        since=row.since,
        reason=None if row.reason is None else Reason(row.reason),
        proof=row.proof,
        declared=row.declared,
    )


def _to_row(stand: Stand) -> dict[str, object]:
    return {
        "standing": stand.standing.value,
        "reason": stand.reason and stand.reason.value,
        "proof": stand.proof,
        "declared": stand.declared,
        "since": stand.since,
    }
