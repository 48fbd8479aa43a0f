"""What opens a packet: share B at the sender; transfer key and grant at the recipient.

Enters: shares and keys, to be sealed before they are rows. Leaves: the same, until they
are destroyed. Must never happen: a share in the clear in the database, a share destroyed
without a line in the deletion register before it (HO-19), a key that outlives its shred.
Implements ``TransferSecrets``; KEEP_SHARE_B, DESTROY_SHARE_B, KEEP_SEALED, SHRED (4.4).
"""

import hashlib
from collections.abc import Sequence
from functools import partial
from typing import Final

from sqlalchemy import bindparam, delete, insert, select, update

from node.crypto.casekey import CaseKey, FieldContext, open_field, seal_field
from node.errors import ErasedError, NotFoundError
from node.ids import TransferId
from node.store.register import Destroyed, RegisterLine
from node.store.tables import outbound_secret as _kept
from node.store.tables import received_packet as _received
from node.store.uploads import add_part, drop_parts, parts_of
from node.store.work import Work
from node.sync.rows import SealedPart, StoredFile

_KEEP: Final = insert(_kept)
_KEPT: Final = select(_kept.c.share_b, _kept.c.file, _kept.c.file_bytes).where(
    _kept.c.transfer == bindparam("id_")
)
_KEPT_LOCKED: Final = _KEPT.with_for_update()
_DESTROY: Final = (
    update(_kept)
    .where(_kept.c.transfer == bindparam("id_"))
    .values(share_b=None, file=None, file_bytes=None)
)

_RECEIVE: Final = insert(_received)
_RECEIVED: Final = select(_received.c.key, _received.c.grant).where(
    _received.c.transfer == bindparam("id_")
)
_RECEIVED_LOCKED: Final = _RECEIVED.with_for_update()
_GRANT: Final = update(_received).where(_received.c.transfer == bindparam("id_"))
_SHRED: Final = delete(_received).where(_received.c.transfer == bindparam("id_"))


def share_place(transfer: str) -> bytes:
    """Where a sealed share B belongs."""
    return f"outbound_secret.share_b\0{transfer}".encode()


def key_place(transfer: str) -> bytes:
    """Where a sealed transfer key belongs."""
    return f"received_packet.key\0{transfer}".encode()


class SqlTransferSecrets:
    """Sealed under the week key; the grant under its transfer key."""

    def __init__(self, work: Work) -> None:
        self._work = work

    def keep_share_b(
        self, transfer: TransferId, share_b: bytes, container: StoredFile
    ) -> None:
        """Keep share B, sealed, and the container's name. ConflictError on a second one."""
        self._work.change(
            _KEEP,
            {
                "transfer": transfer,
                "share_b": self._work.seal(share_place(transfer), share_b),
                "file": container.name,
                "file_bytes": container.length,
            },
        )

    def share_b(self, transfer: TransferId) -> bytes | None:
        """Share B, or None once it or its week key is destroyed."""
        row = self._work.row(_KEPT, {"id_": transfer})
        if row is None or row.share_b is None:
            return None
        return self._work.unseal(share_place(transfer), row.share_b)

    def container(self, transfer: TransferId) -> StoredFile | None:
        """The sender's container file, while share B is there."""
        row = self._work.row(_KEPT, {"id_": transfer})
        if row is None or row.file is None:
            return None
        return StoredFile(row.file, row.file_bytes)

    def destroy_share_b(self, transfer: TransferId) -> None:
        """Register line first (HO-19), then share B and container's name; idempotent.

        Raises:
            StoreError: The line could not be synced; share B stays.
        """
        row = self._work.row(_KEPT_LOCKED, {"id_": transfer})
        if row is None or row.share_b is None:
            return
        share_b = self._work.unseal(share_place(transfer), row.share_b)
        if share_b is not None:
            # Crash here: the line makes the next start raise STOPPED.
            self._work.register.append(
                RegisterLine(
                    Destroyed.SHARE_B, transfer, hashlib.sha256(share_b).digest()
                )
            )
        self._work.change(_DESTROY, {"id_": transfer})
        self._work.after_commit(partial(self._work.files.remove, row.file))

    def keep_received(
        self, transfer: TransferId, *, key: bytes, parts: Sequence[SealedPart]
    ) -> None:
        """Keep what arrived: its transfer key (32 bytes), sealed, and its new parts."""
        self._work.change(
            _RECEIVE,
            {"transfer": transfer, "key": self._work.seal(key_place(transfer), key)},
        )
        for part in parts:
            add_part(self._work, transfer, part)

    def received(
        self, transfer: TransferId
    ) -> tuple[bytes, tuple[SealedPart, ...]] | None:
        """Transfer key and parts of what arrived, None once shredded."""
        row = self._work.row(_RECEIVED, {"id_": transfer})
        if row is None:
            return None
        key = self._work.unseal(key_place(transfer), row.key)
        return None if key is None else (key, parts_of(self._work, transfer))

    def keep_grant(self, transfer: TransferId, share: bytes) -> None:
        """Keep the wrapped share B of a grant, sealed under the transfer key.

        Raises:
            NotFoundError: Nothing arrived, or it is shredded.
            ErasedError: The week key above the transfer key is gone.
        """
        row = self._work.row(_RECEIVED_LOCKED, {"id_": transfer})
        if row is None:
            raise NotFoundError("packet")
        key = self._work.unseal(key_place(transfer), row.key)
        if key is None:
            raise ErasedError("transfer key")
        sealed = seal_field(
            CaseKey(key), _grant_place(transfer), share, self._work.randomness
        )
        self._work.move(_GRANT, {"id_": transfer, "grant": sealed})

    def grant(self, transfer: TransferId) -> bytes | None:
        """The wrapped share B, None before the grant and after SHRED."""
        row = self._work.row(_RECEIVED, {"id_": transfer})
        if row is None or row.grant is None:
            return None
        key = self._work.unseal(key_place(transfer), row.key)
        if key is None:
            return None
        return open_field(CaseKey(key), _grant_place(transfer), row.grant)

    def shred(self, transfer: TransferId) -> None:
        """Key, grant and files' names are gone; the files go after the commit."""
        if self._work.change(_SHRED, {"id_": transfer}):
            drop_parts(self._work, transfer)


def _grant_place(transfer: TransferId) -> FieldContext:
    return FieldContext("received_packet", "grant", transfer, "", 0)
