"""How the queue of a peer stands, as statements of SQL; ``outbox`` runs them.

Enters and leaves: rows of ``peer_queue``. Must never happen: "is connected" as a row (HO-78).
"""

from typing import Final

from sqlalchemy import bindparam, func, select

# SQLite speaks the same ON CONFLICT.
from sqlalchemy.dialects.postgresql import Insert, insert

from node.store.tables import peer_queue as _queue

MET: Final = (
    select(_queue.c.peer)
    .where(_queue.c.last_success_at.is_not(None))
    .order_by(_queue.c.last_success_at.desc(), _queue.c.peer)
    .limit(bindparam("most"))
)
DUE: Final = select(_queue).where(_queue.c.peer == bindparam("to"))


def _failed() -> Insert:
    new = insert(_queue).values(failures=1)
    excluded = new.excluded
    return new.on_conflict_do_update(
        index_elements=["peer"],
        set_={
            "failures": _queue.c.failures + 1,
            "next_attempt_at": excluded.next_attempt_at,
            "failing_since": func.coalesce(
                _queue.c.failing_since, excluded.failing_since
            ),
            "code": excluded.code,
        },
    )


def _succeeded() -> Insert:
    new = insert(_queue).values(failures=0)
    return new.on_conflict_do_update(
        index_elements=["peer"],
        set_={
            "failures": 0,
            "next_attempt_at": None,
            "failing_since": None,
            "code": None,
            "last_success_at": new.excluded.last_success_at,
        },
    )


FAILED: Final = _failed()
SUCCEEDED: Final = _succeeded()
