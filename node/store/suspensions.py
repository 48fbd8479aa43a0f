"""Suspended members as rows.

Enters: a suspension. Leaves: the same. Must never happen: two that stand for one member; the
index refuses the second. Implements ``node.trust.suspension.Suspensions``.
"""

from typing import Final

from sqlalchemy import bindparam, insert, select, update

from node.ids import AccountId, Hex128, MemberId
from node.store.apitables import peer_suspension
from node.store.work import Work
from node.trust.suspension import Suspension

_STANDING: Final = select(peer_suspension).where(
    peer_suspension.c.peer == bindparam("pair"), peer_suspension.c.ended_at.is_(None)
)
_BEGIN: Final = insert(peer_suspension)
_END: Final = update(peer_suspension).where(
    peer_suspension.c.id == bindparam("of"), peer_suspension.c.ended_at.is_(None)
)


class SqlSuspensions:
    """Suspensions inside one unit of work."""

    def __init__(self, work: Work) -> None:
        """Serve one unit."""
        self._work = work

    def standing(self, peer: MemberId) -> Suspension | None:
        """The one that stands, None if exchange goes on."""
        row = self._work.row(_STANDING, {"pair": peer})
        if row is None:
            return None
        return Suspension(
            id=Hex128(row.id),
            peer=MemberId(row.peer),
            reason=row.reason,
            begun_at=row.begun_at,
            begun_by=AccountId(row.begun_by) if row.begun_by else None,
        )

    def begin(self, suspension: Suspension) -> None:
        """Keep one.

        Raises:
            ConflictError: One stands.
        """
        self._work.change(
            _BEGIN,
            {
                "id": suspension.id,
                "peer": suspension.peer,
                "reason": suspension.reason,
                "begun_at": suspension.begun_at,
                "begun_by": suspension.begun_by,
                "ended_at": None,
                "ended_by": None,
            },
        )

    def end(self, before: Suspension, after: Suspension) -> None:
        """Compare and set.

        Raises:
            ConflictError: It ended before.
        """
        self._work.move(
            _END,
            {"of": before.id, "ended_at": after.ended_at, "ended_by": after.ended_by},
        )
