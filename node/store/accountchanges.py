"""What two people decide about accounts, and emergency accesses, as rows.

Enters: values. Leaves: the same. Must never happen: a change or an access that is confirmed
twice, or by its own author (the tables refuse it). Implements ``AccountChanges`` and
``Emergencies``.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Row, bindparam, delete, insert, select, update

from node.accounts.changes import AccountChange, ChangeKind
from node.accounts.emergency import Emergency
from node.accounts.model import Role
from node.errors import NotFoundError
from node.ids import AccountId, CaseId, Hex128
from node.store.accountstables import account_change, emergency
from node.store.work import Work

_ADD: Final = insert(account_change)
_GET: Final = (
    select(account_change)
    .where(account_change.c.id == bindparam("of"))
    .with_for_update()
)
_SINCE: Final = (
    select(account_change)
    .where(account_change.c.asked_at > bindparam("since"))
    .order_by(account_change.c.asked_at.desc(), account_change.c.id)
)
_CONFIRM: Final = update(account_change).where(
    account_change.c.id == bindparam("of"), account_change.c.confirmed_at.is_(None)
)
_REPLACED: Final = delete(account_change).where(
    account_change.c.account == bindparam("of"),
    account_change.c.kind == bindparam("which"),
    account_change.c.confirmed_at.is_(None),
)

_OPEN: Final = insert(emergency)
_OPENED: Final = (
    select(emergency).where(emergency.c.id == bindparam("of")).with_for_update()
)
_OPENED_SINCE: Final = (
    select(emergency)
    .where(emergency.c.opened_at > bindparam("since"))
    .order_by(emergency.c.opened_at.desc(), emergency.c.id)
)
_OF_CASE: Final = _OPENED_SINCE.where(emergency.c.case_id == bindparam("about"))
_AGREE: Final = update(emergency).where(
    emergency.c.id == bindparam("of"), emergency.c.second.is_(None)
)


class SqlAccountChanges:
    """Changes inside one unit of work."""

    def __init__(self, work: Work) -> None:
        """Serve one unit."""
        self._work = work

    def add(self, change: AccountChange) -> None:
        """A change; one that waits for the same account and kind ends."""
        self._work.change(_REPLACED, {"of": change.account, "which": str(change.kind)})
        self._work.change(
            _ADD,
            {
                "id": change.id,
                "account": change.account,
                "kind": str(change.kind),
                "roles": sorted(change.roles),
                "seen": change.seen,
                "asked_by": change.asked_by,
                "asked_at": change.asked_at,
            },
        )

    def get(self, change: Hex128) -> AccountChange:
        """One change.

        Raises:
            NotFoundError: No such change.
        """
        row = self._work.row(_GET, {"of": change})
        if row is None:
            raise NotFoundError("change")
        return _change(row)

    def since(self, at: datetime) -> Sequence[AccountChange]:
        """All changes from an instant on, newest first."""
        return [_change(row) for row in self._work.rows(_SINCE, {"since": at})]

    def confirm(self, change: Hex128, by: AccountId, at: datetime) -> None:
        """The second person said yes.

        Raises:
            ConflictError: Somebody did before.
        """
        self._work.move(
            _CONFIRM, {"of": change, "confirmed_by": by, "confirmed_at": at}
        )


class SqlEmergencies:
    """Emergency accesses inside one unit of work."""

    def __init__(self, work: Work) -> None:
        """Serve one unit."""
        self._work = work

    def add(self, emergency: Emergency) -> None:
        """Insert one."""
        self._work.change(
            _OPEN,
            {
                "id": emergency.id,
                "account": emergency.account,
                "case_id": emergency.case,
                "opened_at": emergency.opened_at,
                "asks_second": emergency.asks_second,
                "second": emergency.second,
            },
        )

    def get(self, emergency: Hex128) -> Emergency:
        """One of them.

        Raises:
            NotFoundError: No such access.
        """
        row = self._work.row(_OPENED, {"of": emergency})
        if row is None:
            raise NotFoundError("emergency")
        return _emergency(row)

    def since(self, at: datetime) -> Sequence[Emergency]:
        """All opened from an instant on, newest first."""
        return [_emergency(r) for r in self._work.rows(_OPENED_SINCE, {"since": at})]

    def of_case(self, case: CaseId, since: datetime) -> Sequence[Emergency]:
        """Those of one case."""
        place = {"about": case, "since": since}
        return [_emergency(row) for row in self._work.rows(_OF_CASE, place)]

    def agree(self, emergency: Hex128, by: AccountId) -> None:
        """A second person opened what protects.

        Raises:
            ConflictError: Somebody did before.
        """
        self._work.move(_AGREE, {"of": emergency, "second": by})


def _change(row: Row[*tuple[Any, ...]]) -> AccountChange:
    second = row.confirmed_by
    return AccountChange(
        id=Hex128(row.id),
        account=AccountId(row.account),
        kind=ChangeKind(row.kind),
        roles=frozenset(Role(role) for role in row.roles),
        seen=row.seen,
        asked_by=AccountId(row.asked_by),
        asked_at=row.asked_at,
        confirmed_by=None if second is None else AccountId(second),
        confirmed_at=row.confirmed_at,
    )


def _emergency(row: Row[*tuple[Any, ...]]) -> Emergency:
    return Emergency(
        id=Hex128(row.id),
        account=AccountId(row.account),
        case=CaseId(row.case_id),
        opened_at=row.opened_at,
        asks_second=row.asks_second,
        second=None if row.second is None else AccountId(row.second),
    )
