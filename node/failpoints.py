"""Named points where tests make the world fail; inert unless handed in through bootstrap.

Nothing in settings, environment or command line can choose another implementation than
``NoFailpoints``; the killing one lives with the tests (assurance: crash points).
"""

from enum import StrEnum, unique
from typing import Protocol


@unique
class Point(StrEnum):
    """Every crash point: of a handover in its order, then of erasing and of week keys."""

    RELOCATION_BEFORE_COMMIT = "relocation.before_commit"
    RELOCATION_AFTER_COMMIT = "relocation.after_commit"
    PERMIT_DECIDED = "permit.decided"
    PACKET_PART_WRITTEN = "packet.part_written"
    PACKET_STORED = "packet.stored"
    FREEZE_BEFORE_COMMIT = "freeze.before_commit"
    FREEZE_AFTER_COMMIT = "freeze.after_commit"
    UPLOAD_CONNECTED = "upload.connected"
    UPLOAD_HALF = "upload.half"
    UPLOAD_VERIFIED = "upload.verified"
    INBOX_AFTER_COMMIT = "inbox.after_commit"
    RECEIPT_READ = "receipt.read"
    DELIVERED_AFTER_COMMIT = "delivered.after_commit"
    APPROVE_BEFORE_COMMIT = "approve.before_commit"
    APPROVE_AFTER_COMMIT = "approve.after_commit"
    GRANT_BEFORE_COMMIT = "grant.before_commit"
    GRANT_AFTER_COMMIT = "grant.after_commit"
    GRANT_RECEIVED = "grant.received"
    WITHDRAW_BEFORE_COMMIT = "withdraw.before_commit"
    WITHDRAW_AFTER_COMMIT = "withdraw.after_commit"
    WITHDRAWN_RECEIVED = "withdrawn.received"
    PACKET_OPENED = "packet.opened"
    IMPORT_ROW = "import.row"
    IMPORT_BEFORE_COMMIT = "import.before_commit"
    IMPORT_AFTER_COMMIT = "import.after_commit"
    IMPORTED_RECEIVED = "imported.received"
    CLOSE_AFTER_COMMIT = "close.after_commit"
    EXPORT_STORED = "export.stored"
    EXPORT_BEFORE_COMMIT = "export.before_commit"
    EXPORT_AFTER_COMMIT = "export.after_commit"
    TOLD_BEFORE_COMMIT = "told.before_commit"
    TOLD_AFTER_COMMIT = "told.after_commit"
    ACKNOWLEDGED_AFTER_COMMIT = "acknowledged.after_commit"
    SEALED_IMPORT_BEFORE_COMMIT = "sealed_import.before_commit"
    SEALED_IMPORT_AFTER_COMMIT = "sealed_import.after_commit"
    BACKUP_VERIFIED = "backup.verified"
    DURABLE_AFTER_COMMIT = "durable.after_commit"
    SOURCE_INTENT = "source.intent"
    SOURCE_KEY_DESTROYED = "source.key_destroyed"
    SOURCE_ROWS_REMOVED = "source.rows_removed"
    SOURCE_BEFORE_DONE = "source.before_done"
    CHECKPOINT_MARKED = "checkpoint.marked"
    CHECKPOINT_SIGNED = "checkpoint.signed"
    CHECKPOINT_STORED = "checkpoint.stored"
    WITNESS_STORED = "witness.state_stored"
    WITNESS_ANSWERED = "witness.answered"
    DIRECTORY_HALF_WRITTEN = "directory.half_written"
    ERASE_INTENT = "erase.intent"
    ERASE_REGISTERED = "erase.registered"
    ERASE_KEY_DESTROYED = "erase.key_destroyed"
    ERASE_TIDIED = "erase.tidied"
    ERASE_BEFORE_DONE = "erase.before_done"
    WEEKKEY_WRITTEN = "weekkey.written"
    WEEKKEY_REWRAPPED_SOME = "weekkey.rewrapped_some"
    WEEKKEY_BEFORE_OLD_ERASED = "weekkey.before_old_erased"


class Failpoints(Protocol):
    """Is told each time the program passes a point."""

    def reach(self, point: Point) -> None:
        """Pass the point, or do not come back."""
        ...


class NoFailpoints:
    """The silent implementation that every real node uses."""

    def reach(self, point: Point) -> None:
        """Go on."""
