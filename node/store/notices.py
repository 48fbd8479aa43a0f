"""The outbox of mails in SQL.

Enters: notices. Leaves: the same. Must never happen: two processes sending one mail; a mail
tried a third time after two that nobody saw the end of. Implements
``node.accounts.notices.Notices``.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Row, bindparam, delete, func, select, update

# SQLite speaks the same ON CONFLICT.
from sqlalchemy.dialects.postgresql import Insert, insert

from node.accounts.notices import CLAIM, KEPT_FOR, MOST_CLAIMS, Notice
from node.ids import AccountId
from node.store.apitables import notice, notice_choice
from node.store.work import Work

_PLACE: Final = (
    notice.c.account == bindparam("of"),
    notice.c.kind == bindparam("as_kind"),
    notice.c.day == bindparam("on"),
)
_ADD: Final = insert(notice).on_conflict_do_nothing(
    index_elements=["account", "kind", "day"]
)
_FORGET: Final = delete(notice).where(notice.c.made_at < bindparam("before"))
_LAST: Final = select(func.max(notice.c.made_at).label("at")).where(
    notice.c.account == bindparam("of"), notice.c.kind == bindparam("as_kind")
)
_DUE: Final = (
    select(notice)
    .where(notice.c.next_try_at <= bindparam("at"))
    .order_by(notice.c.next_try_at, notice.c.account, notice.c.kind)
    .limit(1)
    .with_for_update(skip_locked=True)
)
_CHANGE: Final = update(notice).where(*_PLACE)
_FAILING: Final = (
    select(notice)
    .where(
        notice.c.failures > 0,
        notice.c.sent_at.is_(None),
        notice.c.made_at >= bindparam("since"),
    )
    .order_by(notice.c.made_at)
)
_WANTED: Final = select(notice_choice.c.wanted).where(
    notice_choice.c.account == bindparam("of")
)


def _choose() -> Insert:
    new = insert(notice_choice)
    return new.on_conflict_do_update(
        index_elements=["account"], set_={"wanted": new.excluded.wanted}
    )


_CHOOSE: Final = _choose()


class SqlNotices:
    """Mails inside one unit of work."""

    def __init__(self, work: Work) -> None:
        """Serve one unit."""
        self._work = work

    def add(self, notice: Notice) -> bool:
        """Keep one; False if this account has one of the kind and day already."""
        self._work.change(_FORGET, {"before": notice.made_at - KEPT_FOR})
        row = {
            "account": notice.account,
            "kind": notice.kind,
            "day": notice.day,
            "made_at": notice.made_at,
            "next_try_at": notice.next_try_at,
            "claims": notice.claims,
            "failures": notice.failures,
            "sent_at": notice.sent_at,
        }
        return self._work.change(_ADD, row) == 1

    def last(self, account: AccountId, kind: str) -> datetime | None:
        """When the newest mail of a kind was made for an account."""
        row = self._work.row(_LAST, {"of": account, "as_kind": kind})
        return None if row is None else row.at

    def claim(self, at: datetime) -> Notice | None:
        """The oldest one that is due, with one more claim on it.

        One that was claimed twice without an end is given up: it may have gone both times.
        """
        while (row := self._work.row(_DUE, {"at": at})) is not None:
            found = _to_notice(row)
            if found.claims < MOST_CLAIMS:
                change = {"claims": found.claims + 1, "next_try_at": at + CLAIM}
                self._work.change(_CHANGE, _place(found) | change)
                return found
            self._work.change(_CHANGE, _place(found) | {"next_try_at": None})
        return None

    def sent(self, notice: Notice, at: datetime) -> None:
        """It went; it is never tried again."""
        change = {"sent_at": at, "next_try_at": None}
        self._work.change(_CHANGE, _place(notice) | change)

    def failed(self, notice: Notice, at: datetime) -> None:
        """It certainly did not go."""
        change = {
            "failures": notice.failures + 1,
            "claims": 0,
            "next_try_at": notice.next_after_failure(at),
        }
        self._work.change(_CHANGE, _place(notice) | change)

    def failing(self, since: datetime) -> Sequence[Notice]:
        """Those made since an instant that failed and did not go, oldest first."""
        return [_to_notice(row) for row in self._work.rows(_FAILING, {"since": since})]

    def wanted(self, account: AccountId) -> bool:
        """Whether the account wants mails; True if it never said."""
        row = self._work.row(_WANTED, {"of": account})
        return row is None or bool(row.wanted)

    def choose(self, account: AccountId, *, wanted: bool) -> None:
        """The account has said whether it wants mails."""
        self._work.change(_CHOOSE, {"account": account, "wanted": wanted})


def _place(item: Notice) -> dict[str, Any]:
    return {"of": item.account, "as_kind": item.kind, "on": item.day}


def _to_notice(row: Row[*tuple[Any, ...]]) -> Notice:
    return Notice(
        account=AccountId(row.account),
        kind=row.kind,
        day=row.day,
        made_at=row.made_at,
        next_try_at=row.next_try_at,
        claims=row.claims,
        failures=row.failures,
        sent_at=row.sent_at,
    )
