"""Wishes to uncover a case number, as rows.

Enters: wishes as values. Leaves: the same. Must never happen: a reason, which is free text,
in a clear column; a wish that is confirmed twice. Implements ``node.accounts.ports.Reveals``.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Row, bindparam, insert, select, update

from node.accounts.reveal import RevealWish
from node.errors import ErasedError, NotFoundError
from node.ids import AccountId, Hex128
from node.store.stafftables import reveal
from node.store.work import Work

_ADD: Final = insert(reveal)
_GET: Final = select(reveal).where(reveal.c.id == bindparam("of"))
_SINCE: Final = (
    select(reveal)
    .where(reveal.c.asked_at >= bindparam("since"))
    .order_by(reveal.c.asked_at.desc(), reveal.c.id)
)
_CONFIRM: Final = update(reveal).where(
    reveal.c.id == bindparam("of"), reveal.c.confirmed_at.is_(None)
)


class SqlReveals:
    """Wishes inside one unit of work."""

    def __init__(self, work: Work) -> None:
        """Serve one unit."""
        self._work = work

    def add(self, wish: RevealWish) -> None:
        """A wish; its reason is kept sealed."""
        self._work.change(
            _ADD,
            {
                "id": wish.id,
                "subject": wish.subject,
                "reason": self._work.seal(_place(wish.id), wish.reason.encode()),
                "asked_by": wish.asked_by,
                "asked_at": wish.asked_at,
            },
        )

    def get(self, wish: Hex128) -> RevealWish:
        """One wish.

        Raises:
            NotFoundError: No such wish.
        """
        row = self._work.row(_GET, {"of": wish})
        if row is None:
            raise NotFoundError("reveal")
        return self._from_row(row)

    def since(self, at: datetime) -> Sequence[RevealWish]:
        """All wishes from an instant on, newest first."""
        return [self._from_row(row) for row in self._work.rows(_SINCE, {"since": at})]

    def confirm(self, wish: Hex128, by: AccountId, at: datetime) -> None:
        """The second person said yes.

        Raises:
            ConflictError: Somebody did before.
        """
        self._work.move(_CONFIRM, {"of": wish, "confirmed_by": by, "confirmed_at": at})

    def _from_row(self, row: Row[*tuple[Any, ...]]) -> RevealWish:
        reason = self._work.unseal(_place(row.id), row.reason)
        if reason is None:
            raise ErasedError("the key of a reason was destroyed")
        second = row.confirmed_by
        return RevealWish(
            id=Hex128(row.id),
            subject=row.subject,
            reason=reason.decode(),
            asked_by=AccountId(row.asked_by),
            asked_at=row.asked_at,
            confirmed_by=None if second is None else AccountId(second),
            confirmed_at=row.confirmed_at,
        )


def _place(wish: str) -> bytes:
    """Where a reason opens: in its row."""
    return b"log_reveal\0reason\0" + wish.encode("ascii")
