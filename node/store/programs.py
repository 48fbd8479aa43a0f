"""Grants of programs in SQL, and the requests of programs that were answered.

Enters: grants, digests. Leaves: the same. Must never happen: one grant fetched twice.
Implements ``node.accounts.programs.Programs``.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Row, bindparam, delete, insert, select

from node.accounts.model import Scope
from node.accounts.programs import REMEMBERED, Grant, Repeated
from node.errors import NotFoundError
from node.ids import AccountId, Hex128
from node.store.apitables import api_grant, api_repeat
from node.store.work import Work

_ADD: Final = insert(api_grant)
_ALL: Final = select(api_grant).order_by(api_grant.c.created_at, api_grant.c.id)
_ONE: Final = select(api_grant).where(api_grant.c.id == bindparam("of"))
_DROP: Final = delete(api_grant).where(api_grant.c.id == bindparam("of"))
_ANSWERED: Final = select(api_repeat).where(
    api_repeat.c.caller == bindparam("by"), api_repeat.c.key == bindparam("under")
)
_REMEMBER: Final = insert(api_repeat)
_FORGET: Final = delete(api_repeat).where(api_repeat.c.at < bindparam("before"))


class SqlPrograms:
    """Programs inside one unit of work."""

    def __init__(self, work: Work) -> None:
        """Serve one unit."""
        self._work = work

    def add(self, grant: Grant) -> None:
        """Keep a grant until it is fetched or refused."""
        self._work.change(
            _ADD,
            {
                "id": grant.id,
                "label": grant.label,
                "scopes": sorted(grant.scopes),
                "owner": grant.owner,
                "created_by": grant.created_by,
                "created_at": grant.created_at,
                "valid_until": grant.valid_until,
            },
        )

    def grants(self) -> Sequence[Grant]:
        """All of them, oldest first."""
        return [_to_grant(row) for row in self._work.rows(_ALL)]

    def take(self, grant: Hex128) -> Grant:
        """Remove one and give it.

        Raises:
            NotFoundError: It was never made, or is fetched or refused.
        """
        row = self._work.row(_ONE, {"of": grant})
        if row is None or self._work.change(_DROP, {"of": grant}) != 1:
            raise NotFoundError("grant")
        return _to_grant(row)

    def answered(self, caller: bytes, key: str) -> Repeated | None:
        """What this caller was answered under this key."""
        row = self._work.row(_ANSWERED, {"by": caller, "under": key})
        return None if row is None else Repeated(row.request, row.answer)

    def remember(self, caller: bytes, key: str, told: Repeated, at: datetime) -> None:
        """Keep an answer; those older than 30 days go.

        Raises:
            ConflictError: There is one under this key.
        """
        self._work.change(_FORGET, {"before": at - REMEMBERED})
        row = {"request": told.request, "answer": told.answer, "at": at}
        self._work.change(_REMEMBER, {"caller": caller, "key": key} | row)


def _to_grant(row: Row[*tuple[Any, ...]]) -> Grant:
    return Grant(
        id=Hex128(row.id),
        label=row.label,
        scopes=frozenset(Scope(scope) for scope in row.scopes),
        owner=AccountId(row.owner),
        created_by=AccountId(row.created_by),
        created_at=row.created_at,
        valid_until=row.valid_until,
    )
