"""The publisher: reads the log back, moves the signer's mark, signs a checkpoint.

Enters: what is committed. Leaves: a signed head, kept beside the log. Must never happen: a
signature over what was not read back; two heads of one size; a mark that goes back, so
processes of one node on one host take turns by a lock on a file beside the mark.
Implements LR-10 to LR-12; waking who waits is the worker's.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from node.crypto.checkpoint import Checkpoint, sign_checkpoint
from node.crypto.merkle import Frontier
from node.errors import LogError
from node.exchangelog.standing import Reason, Stand, Standing
from node.failpoints import Failpoints, Point
from node.store.mark import Mark, read_mark, write_mark
from node.store.runner import Store
from node.store.unit import SqlUnitOfWork
from node.store.work import Means
from node.sync.firstword import standing


class Publisher:
    """Signs checkpoints of one log; ``publish`` blocks and belongs into a thread."""

    def __init__(
        self, store: Store, means: Means, mark: Path, *, failpoints: Failpoints
    ) -> None:
        """Prepare; nothing is read yet."""
        self._store = store
        self._keyring = means.keyring
        self._now = means.clock.now
        self._mark = mark
        self._failpoints = failpoints

    def publish(self) -> bool:
        """Sign the newest state of the log, if it is not signed yet.

        Returns:
            Whether there is a new checkpoint; never before the first word (LR-13).

        Raises:
            LogError: No mark, or something differs: nothing is signed, a person must look.
            StoreError: The database did not answer; try again.
        """
        with _alone(self._mark):
            mark = read_mark(self._mark)
            if mark is None:
                self._store.write_sync(_stop, self._now(), Reason.NO_MARK)
                raise LogError("there is no mark: this log was restored")
            if self._store.read_sync(standing).standing is not Standing.SPEAKING:
                return False
            try:
                signed, frontier = self._store.read_sync(_read_back, mark)
                moved = mark.advance(frontier)
            except LogError:
                # LR-12: not repaired, not tried again; a person must look.
                self._store.write_sync(_stop, self._now())
                raise
            if signed == frontier.size:
                return False
            if moved != mark:
                write_mark(self._mark, moved)
            # Crash here: the mark is ahead, and the same head is signed next time.
            self._failpoints.reach(Point.CHECKPOINT_MARKED)
            note = sign_checkpoint(moved.head, self._keyring.log)
            self._failpoints.reach(Point.CHECKPOINT_SIGNED)
            self._store.write_sync(_keep, moved.head, note, self._now())
            self._failpoints.reach(Point.CHECKPOINT_STORED)
            return True


def _read_back(uow: SqlUnitOfWork, mark: Mark) -> tuple[int, Frontier]:
    signed, frontier = uow.log_rows.signed_size(), uow.log_rows.read_back(mark)
    if signed > frontier.size:
        raise LogError("the log is smaller than a signed checkpoint")
    return signed, frontier


def _stop(uow: SqlUnitOfWork, at: datetime, reason: Reason = Reason.READ_BACK) -> None:
    with uow:
        uow.stands.enter(Stand(Standing.QUARANTINE, at, reason))
        uow.commit()


def _keep(uow: SqlUnitOfWork, head: Checkpoint, note: str, at: datetime) -> None:
    with uow:
        uow.log_rows.add_checkpoint(head, note, at)
        uow.commit()


@contextmanager
def _alone(mark: Path) -> Iterator[None]:
    """Wait until no other process of this node publishes."""
    path = mark.with_name(mark.name + ".lock")
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
