"""Browser sessions in SQL, so that each can be ended from anywhere (SR-B2).

Enters: sessions as values, known by the hash of their token. Leaves: the same. Must never
happen: a token in a row; a session that comes back after it was ended.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Row, and_, bindparam, delete, insert, not_, or_, select, update

from node.accounts.session import ABSOLUTE, IDLE, StoredSession
from node.ids import AccountId
from node.store.stafftables import session
from node.store.work import Work

_ONE: Final = session.c.token_hash == bindparam("by")
_OF: Final = session.c.account == bindparam("of")

_ADD: Final = insert(session)
_GET: Final = select(session).where(_ONE)
_CHANGE: Final = update(session).where(_ONE)
_DROP: Final = delete(session).where(_ONE)
_OF_ACCOUNT: Final = (
    select(session).where(_OF).order_by(session.c.began_at.desc(), session.c.token_hash)
)
_DROP_OTHERS: Final = delete(session).where(
    _OF, session.c.token_hash != bindparam("but")
)
_DROP_DEAD: Final = delete(session).where(
    or_(
        and_(session.c.seen_at <= bindparam("idle"), not_(session.c.handed_over)),
        session.c.began_at <= bindparam("old"),
    )
)


class SqlSessions:
    """Sessions inside one unit of work."""

    def __init__(self, work: Work) -> None:
        """Serve one unit."""
        self._work = work

    def load(self, token_hash: bytes) -> StoredSession | None:
        """The session of this token hash, alive or not."""
        row = self._work.row(_GET, {"by": token_hash})
        return None if row is None else _from_row(row)

    def add(self, stored: StoredSession) -> None:
        """Insert a session that has just begun.

        Raises:
            ConflictError: The token hash is taken, or there is no such account.
        """
        row = {"token_hash": stored.token_hash, "account": stored.account}
        since = {
            "began_at": stored.began_at,
            "proved_at": stored.proved_at,
        }
        self._work.change(_ADD, _to_row(stored) | row | since)

    def update(self, stored: StoredSession) -> None:
        """Replace what changes; a session that was ended meanwhile stays ended."""
        self._work.change(_CHANGE, _to_row(stored) | {"by": stored.token_hash})

    def delete(self, token_hash: bytes) -> None:
        """End a session; absent is fine."""
        self._work.change(_DROP, {"by": token_hash})

    def of(self, account: AccountId) -> Sequence[StoredSession]:
        """All sessions of an account, newest first."""
        return [_from_row(row) for row in self._work.rows(_OF_ACCOUNT, {"of": account})]

    def delete_others(self, account: AccountId, but: bytes = b"") -> None:
        """End all sessions of an account but one; with the default, all of them."""
        self._work.change(_DROP_OTHERS, {"of": account, "but": but})

    def delete_dead(self, at: datetime) -> int:
        """Remove sessions that idled or lived too long; gives their number."""
        return self._work.change(_DROP_DEAD, {"idle": at - IDLE, "old": at - ABSOLUTE})


def _to_row(stored: StoredSession) -> dict[str, Any]:
    return {
        "seen_at": stored.seen_at,
        "sealed_values": stored.sealed_values,
        "handed_over": stored.handed_over,
    }


def _from_row(row: Row[*tuple[Any, ...]]) -> StoredSession:
    return StoredSession(
        token_hash=row.token_hash,
        account=AccountId(row.account),
        began_at=row.began_at,
        seen_at=row.seen_at,
        sealed_values=row.sealed_values,
        proved_at=row.proved_at,
        handed_over=row.handed_over,
    )
