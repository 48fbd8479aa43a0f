"""Saved views as rows. Implements ``node.accounts.views.SavedViews``.

Enters and leaves: views. Must never happen: a view read for another account.
"""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import bindparam, delete, insert, select

from node.accounts.views import SavedView
from node.ids import AccountId
from node.store.accountstables import saved_view
from node.store.work import Work

_OF: Final = (
    select(saved_view)
    .where(saved_view.c.account == bindparam("whose"))
    .order_by(saved_view.c.name)
)
_ADD: Final = insert(saved_view)
_DROP: Final = delete(saved_view).where(
    saved_view.c.account == bindparam("whose"), saved_view.c.name == bindparam("called")
)


class SqlSavedViews:
    """Views inside one unit of work."""

    def __init__(self, work: Work) -> None:
        """Serve one unit."""
        self._work = work

    def of(self, account: AccountId) -> Sequence[SavedView]:
        """Those of one account, by name."""
        rows = self._work.rows(_OF, {"whose": account})
        return [SavedView(AccountId(r.account), r.name, r.query) for r in rows]

    def put(self, view: SavedView) -> None:
        """Keep one, in the place of one with the same name."""
        self.drop(view.account, view.name)
        row = {"account": view.account, "name": view.name, "query": view.query}
        self._work.change(_ADD, row)

    def drop(self, account: AccountId, name: str) -> None:
        """Forget one, if it is there."""
        self._work.change(_DROP, {"whose": account, "called": name})
