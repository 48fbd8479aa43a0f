"""The backup of the day: make it, verify it, say ``durable``, put the old ones away.

Enters: the clock, the rows of backups. Leaves: a verified set, and in the same transaction
``durable`` for each transfer that lies in it and is closed. Must never happen: ``durable``
for a set that was not restored and opened (SR-R2); a verified set that a crash hides, so
the newest unverified one is taken up again. Implements SR-R1, SR-R2; crash points 31, 32.
"""

from datetime import datetime
from functools import partial
from pathlib import Path

import structlog

from node.errors import BackupError
from node.failpoints import Point
from node.report.backups import BackupRow, Kind, is_due
from node.store import weekturn as week
from node.store.backup import Backups, Vault
from node.store.backupverify import Verified, verify_keys, verify_set
from node.store.runner import Store
from node.store.unit import SqlUnitOfWork
from node.store.work import Means
from node.sync import exportend, recipient
from node.sync.bodies import DurableBody
from node.sync.office import Office

log = structlog.get_logger("backup")


class BackupDuty:
    """What is done with backups; slow, so it belongs into a thread."""

    def __init__(
        self, backups: Backups, store: Store, means: Means, office: Office, *, hour: int
    ) -> None:
        """Prepare; nothing is read yet."""
        self.backups = backups
        self._store = store
        self._means = means
        self._office = office
        self._hour = hour

    def __call__(self) -> None:
        """Once in a while: what is due by the clock, or was left by a crash."""
        rows = self._rows()
        keys = [row for row in rows if row.kind is Kind.KEYS]
        newest = next((row for row in rows if row.kind is Kind.CONTENT), None)
        now = self._office.clock.now()
        if newest is None or is_due(newest.taken_at, now, hour=self._hour):
            self._finish(self.backups.create())
        elif newest.verified_at is None and newest.destroyed_at is None:
            if not any(row.set == newest.set for row in keys):
                self.backups.create_keys(newest.set)
            self._finish(newest.set)

    def _finish(self, set_: str) -> None:
        verified = self.verify(set_)
        log.info("backup verified", count=verified.keys_opened)
        self.backups.prune()

    def verify(self, set_: str) -> Verified:
        """Verify a set of ours and say what follows from it.

        Raises:
            BackupError: It did not pass, or we have no such set.
        """
        content, keys = self._file(set_, Kind.CONTENT), self._file(set_, Kind.KEYS)
        verified = verify_set(
            Path(content.path),
            Path(keys.path),
            self.backups.vault.own,
            self._means,
            folder=self.backups.vault.folder,
        )
        if verified.digests != (content.digest, keys.digest):
            raise BackupError("the files are not those that were made")
        self._store.write_sync(note_verified, self._office, verified)
        return verified

    def create_keys(self) -> str:
        """A key backup alone, verified: what a new week key waits for (SR-K5)."""
        set_ = self.backups.new_set()
        path = self.backups.create_keys(set_)
        opened = verify_keys(path, self.backups.vault.own)
        if opened.digest != self._file(set_, Kind.KEYS).digest:
            raise BackupError("the file is not the one that was made")
        now = self._office.clock.now()
        self._store.write_sync(_note_keys, set_, now)
        return set_

    def _file(self, set_: str, kind: Kind) -> BackupRow:
        for row in self._rows():
            if (row.set, row.kind) == (set_, kind):
                return row
        raise BackupError("no such set was made here")

    def _rows(self) -> list[BackupRow]:
        return list(self._store.read_sync(_rows))


def duty_of(
    vault: Vault | None, store: Store, means: Means, office: Office, hour: int
) -> BackupDuty | None:
    """The duty of a node; None where there is no place for backups."""
    if vault is None:
        return None
    return BackupDuty(Backups(store, means, vault), store, means, office, hour=hour)


def backups_of(duty: BackupDuty | None) -> week.Backups:
    """What the turn of week keys needs, from the duty of the same node (SR-K5)."""
    if duty is None:
        return week.NO_BACKUPS

    def back_up_keys() -> None:
        duty.create_keys()

    def back_up_content() -> None:
        duty.verify(duty.backups.create())

    def forget(weeks: tuple[str, ...]) -> None:
        # The newest key backup holds every key that still lives, and none of these.
        duty.create_keys()
        for name in weeks:
            duty.backups.forget_week(name)

    return week.Backups(
        key_backup_holds=duty.backups.holds_week_key,
        make_key_backup=back_up_keys,
        make_content_backup=back_up_content,
        forget=forget,
    )


def note_verified(uow: SqlUnitOfWork, office: Office, verified: Verified) -> int:
    """Both rows, and ``durable`` for what is in the set; gives how many were issued."""
    now = office.clock.now().replace(microsecond=0)
    body = DurableBody(verified.set, verified.taken_at, max(now, verified.taken_at))
    with uow:
        for kind in Kind:
            uow.backups.verified(verified.set, kind, now)
        secured = sum(
            recipient.secure(uow, office, transfer, body)
            for transfer in verified.arrived
        )
        secured += exportend.secure(uow, office, body)
        office.failpoints.reach(Point.BACKUP_VERIFIED)
        # Crash here: the set is unverified, and the next start verifies it again.
        uow.after_commit(partial(office.failpoints.reach, Point.DURABLE_AFTER_COMMIT))
        uow.commit()
    return secured


def _note_keys(uow: SqlUnitOfWork, set_: str, at: datetime) -> None:
    with uow:
        uow.backups.verified(set_, Kind.KEYS, at)
        uow.commit()


def _rows(uow: SqlUnitOfWork) -> list[BackupRow]:
    return list(uow.backups.rows())
