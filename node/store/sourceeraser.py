"""Erasing handed-over content, step by step: what the worker runs once an hour.

Enters: the store, the clock. Leaves: transfers that are ``erased``, and no bytes of their
content in the files of the database. Must never happen: the done entry before deleted rows
have left the write-ahead log. Implements the order of P10; each step finds by itself where
a crash stopped the one before.
"""

from datetime import datetime

import structlog

from node.failpoints import Point
from node.ids import TransferId
from node.store.runner import Store
from node.store.unit import SqlUnitOfWork
from node.sync import sourceend
from node.sync.office import Office

log = structlog.get_logger("erasure")


class SourceEraser:
    """Erases what is due; slow, so it belongs into a thread."""

    def __init__(self, store: Store, office: Office) -> None:
        """Prepare; nothing is read yet."""
        self._store = store
        self._office = office
        self._purged: datetime | None = None

    def __call__(self) -> None:
        """Everything that is due now, and what was begun."""
        self._purge_early()
        due = self._store.read_sync(sourceend.erasable, self._office)
        done = sum(self._erase(transfer) for transfer in due)
        if done:
            log.info("sources erased", count=done)

    def _purge_early(self) -> None:
        """What two people erased is gone from the tables; now from the files as well."""
        last = self._store.read_sync(_last_at)
        if last is not None and last != self._purged and self._store.purge():
            self._purged = last

    def _erase(self, transfer: TransferId) -> bool:
        store, office = self._store, self._office
        store.write_sync(sourceend.begin, office, transfer)
        store.write_sync(sourceend.destroy, office, transfer)
        office.failpoints.reach(Point.SOURCE_ROWS_REMOVED)
        if not store.purge():
            # Somebody reads an old state just now; the next run tries again.
            return False
        return store.write_sync(sourceend.finish, office, transfer)


def _last_at(uow: SqlUnitOfWork) -> datetime | None:
    return uow.erased_cases.last_at()
