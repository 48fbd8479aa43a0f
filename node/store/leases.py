"""Leases: which process of this node does a job just now (HO-80).

Enters: a name, a holder, until when. Leaves: whether it is ours. Must never happen: two
processes with one lease that has not run out. Implements ``Leases``.
"""

from datetime import datetime
from typing import Final

from sqlalchemy import bindparam, or_

# SQLite speaks the same ON CONFLICT.
from sqlalchemy.dialects.postgresql import Insert, insert

from node.store.tables import lease as _lease
from node.store.work import Work


def _take() -> Insert:
    new = insert(_lease)
    return new.on_conflict_do_update(
        index_elements=["name"],
        set_={"holder": new.excluded.holder, "until": new.excluded.until},
        where=or_(
            _lease.c.holder == new.excluded.holder,
            _lease.c.until <= bindparam("at", type_=_lease.c.until.type),
        ),
    )


_TAKE: Final = _take()


class SqlLeases:
    """One row per name; it stays when it has run out."""

    def __init__(self, work: Work) -> None:
        self._work = work

    def take(self, name: str, holder: str, *, at: datetime, until: datetime) -> bool:
        """Take or renew a lease; False while another holder's has not run out."""
        row = {"name": name, "holder": holder, "until": until, "at": at}
        return self._work.change(_TAKE, row) == 1
