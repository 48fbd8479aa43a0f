"""Sweeping what nobody needs: files that no row names, drafts whose days are over.

Enters: the store and its folders. Leaves: nothing that is not named, and no list
whose 30 days are over. Must never happen: a file removed whose unit is about to commit, so
what this process may be writing gets its hour. Implements "orphan removed" of the crash
points 06, 07, 13, 23 (handover 6.3).
"""

from contextlib import suppress
from datetime import datetime, timedelta
from typing import Final

import structlog

from node.errors import ReadingOnlyError
from node.store.runner import Store
from node.store.unit import SqlUnitOfWork
from node.store.work import Means

log = structlog.get_logger("store")
GRACE: Final = timedelta(hours=1)


class Sweeper:
    """Removes what nobody needs any more; called again and again."""

    def __init__(self, store: Store, means: Means, *, grace: bool) -> None:
        """Remember what lay there before this process began to write.

        With ``grace`` other processes of this node write too, so every file gets its hour.
        """
        self._store = store
        self._clock = means.clock
        self._folders = (means.files, means.documents)
        self._before = None if grace else means.files.present()

    def __call__(self) -> None:
        """Sweep once: at first what an ended process left, later what is an hour old."""
        before, self._before = self._before, None
        # Names are read after the instant is taken: a file younger than that stays.
        before = before or self._folders[0].present() - GRACE
        named = self._store.read_sync(_named_files)
        swept = sum(
            files.sweep(names, before=before)
            for files, names in zip(self._folders, named, strict=True)
        )
        if swept:
            log.info("files swept", count=swept)
        if self._store.read_sync(_has_old_drafts):
            # In quarantine nothing is written: the next sweep after it finds them.
            with suppress(ReadingOnlyError):
                self._store.write_sync(_drop_old_drafts)
        # The same holds for lists whose 30 days are over.
        with suppress(ReadingOnlyError):
            self._sweep_lists()

    def _sweep_lists(self) -> None:
        """Lists that waited 30 days, or were taken in 30 days ago, go (retention)."""
        swept = self._store.write_sync(_drop_lists, self._clock.now())
        if swept:
            log.info("lists erased", count=swept)


def _drop_lists(uow: SqlUnitOfWork, at: datetime) -> int:
    with uow:
        count = uow.imports.drop_over(at)
        uow.commit()
    return count


def _named_files(uow: SqlUnitOfWork) -> tuple[set[bytes], set[bytes]]:
    return uow.upkeep.named_files(), uow.upkeep.named_documents()


def _has_old_drafts(uow: SqlUnitOfWork) -> bool:
    return uow.diary.has_old_drafts()


def _drop_old_drafts(uow: SqlUnitOfWork) -> None:
    with uow:
        uow.diary.drop_old_drafts()
        uow.commit()
