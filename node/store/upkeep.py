"""What a node does to its own store: at start, each week, after a restore.

Enters: the deletion register, a new week key. Leaves: what outlived its destruction, how
much was sealed anew, which files have a row. Must never happen: a share that came back
with a backup being used (HO-19), a value left under a week key that is about to go
(SR-K5). ``sweep`` of the files relies on ``named_files`` being complete.
"""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Column, bindparam, select, update

from node.crypto.casekey import wrapped_week
from node.errors import ErasedError
from node.ids import CaseId, TransferId
from node.store.access import reason_place
from node.store.accountstables import authenticator
from node.store.casekeys import case_key_place
from node.store.casetables import case_file, consent, document_file
from node.store.consents import evidence_key_place
from node.store.exports import address_place
from node.store.exporttables import export
from node.store.groupkeys import group_key_place
from node.store.imports import batch_key_place, memory_place
from node.store.importtables import import_batch, import_memory
from node.store.logtables import log_key
from node.store.register import Destroyed, RegisterLine
from node.store.secrets import key_place, share_place
from node.store.stafftables import access_log
from node.store.tables import (
    inbound_transfer,
    node_state,
    outbound_secret,
    outbound_transfer,
    received_packet,
    received_part,
    upload,
)
from node.store.transfers import inbound_comment_place, outbound_comment_place
from node.store.uploads import upload_place
from node.store.waysin import secret_place
from node.store.weekkeys import unwrap, wrap
from node.store.work import Work


@dataclass(frozen=True, slots=True)
class SealedAt:
    """One value under a week key: its table and the key of its row."""

    table: str
    row: str | bytes


class _Column:
    """A column of values under the week key: how to list, read and replace them."""

    def __init__(
        self,
        key: Column[Any],
        sealed: Column[Any],
        place: Callable[[Any], bytes],
        *,
        holds_keys: bool = False,
    ) -> None:
        self.place = place
        self.holds_keys = holds_keys
        self.name = sealed.name
        self.list = select(key, sealed).where(sealed.is_not(None)).order_by(key)
        self.get = select(sealed).where(key == bindparam("id_")).with_for_update()
        self.set = update(sealed.table).where(key == bindparam("id_"))


_out, _in, _kept, _got, _upload = (
    outbound_transfer.c,
    inbound_transfer.c,
    outbound_secret.c,
    received_packet.c,
    upload.c,
)
_case, _consent, _group, _line = case_file.c, consent.c, log_key.c, access_log.c
_COLUMNS: Final = {
    "case_file": _Column(_case.id, _case.wrapped, case_key_place, holds_keys=True),
    "consent": _Column(
        _consent.id, _consent.wrapped, evidence_key_place, holds_keys=True
    ),
    "log_key": _Column(_group.key_id, _group.wrapped, group_key_place, holds_keys=True),
    "access_log": _Column(_line.id, _line.reason, reason_place),
    "authenticator": _Column(
        authenticator.c.account, authenticator.c.secret, secret_place
    ),
    "outbound_secret": _Column(_kept.transfer, _kept.share_b, share_place),
    "received_packet": _Column(_got.transfer, _got.key, key_place),
    "outbound_transfer": _Column(_out.id, _out.refused_comment, outbound_comment_place),
    "inbound_transfer": _Column(_in.id, _in.refused_comment, inbound_comment_place),
    "export": _Column(export.c.transfer, export.c.sealed, address_place),
    "upload": _Column(_upload.transfer, _upload.key, upload_place),
    "import_batch": _Column(
        import_batch.c.id, import_batch.c.wrapped, batch_key_place, holds_keys=True
    ),
    "import_memory": _Column(
        import_memory.c.fingerprint, import_memory.c.sealed, memory_place
    ),
}
_FILES: Final = (
    select(_kept.file).where(_kept.file.is_not(None)),
    select(received_part.c.file),
)
_DOCUMENTS: Final = select(document_file.c.digest)
_RISE: Final = update(node_state).values(incarnation=node_state.c.incarnation + 1)


class Upkeep:
    """The store's own housekeeping, inside one unit of work."""

    def __init__(self, work: Work) -> None:
        self._work = work

    def outlived(self, register: Iterable[RegisterLine]) -> Sequence[TransferId]:
        """Transfers whose share B is here although the register says it was destroyed.

        That is a crash before the commit, or yesterday's backup: who had made no grant
        raises STOPPED (HO-19).
        """
        lines = {
            (line.id, line.digest)
            for line in register
            if line.kind is Destroyed.SHARE_B
        }
        found = []
        for transfer, sealed in self._work.rows(_COLUMNS["outbound_secret"].list):
            share_b = self._work.unseal(share_place(transfer), sealed)
            if share_b and (transfer, hashlib.sha256(share_b).digest()) in lines:
                found.append(TransferId(transfer))
        return found

    def outlived_cases(self, register: Iterable[RegisterLine]) -> Sequence[CaseId]:
        """Cases whose key is here although the register says it was destroyed.

        That is a crash before the commit, or yesterday's backup (P16): to be shredded.
        """
        lines = {
            (line.id, line.digest)
            for line in register
            if line.kind is Destroyed.CASE_KEY
        }
        found = []
        for case, wrapped in self._work.rows(_COLUMNS["case_file"].list):
            with suppress(ErasedError):
                key = unwrap(self._work, wrapped, case_key_place(case))
                if (case, hashlib.sha256(key).digest()) in lines:
                    found.append(CaseId(case))
        return found

    def stale(self) -> Sequence[SealedAt]:
        """What still stands under an older week key, to be handed to ``rewrap``."""
        newest = self._work.week_keys.newest.week
        return [
            SealedAt(table, key)
            for table, column in _COLUMNS.items()
            for key, sealed in self._work.rows(column.list)
            if wrapped_week(sealed) != newest
        ]

    def needs(self, week: str) -> bool:
        """Whether a value stands under this week key."""
        return any(
            wrapped_week(sealed) == week
            for column in _COLUMNS.values()
            for _, sealed in self._work.stream(column.list)
        )

    def rewrap(self, values: Iterable[SealedAt]) -> int:
        """Seal these anew under the newest week key; gives how many were.

        Left alone: what is gone meanwhile, and what no week key opens any more.
        """
        count = 0
        for value in values:
            column = _COLUMNS[value.table]
            row = self._work.row(column.get, {"id_": value.row})
            place = column.place(value.row)
            if row is None or row[0] is None:
                continue
            sealed = self._anew(row[0], place, holds_keys=column.holds_keys)
            if sealed is not None:
                self._work.move(column.set, {"id_": value.row, column.name: sealed})
                count += 1
        return count

    def open_all(self) -> int:
        """Open every value under a week key; gives how many there are (SR-R2).

        Raises:
            ErasedError: The week key above one is not there.
            SealError: One is damaged, or stands in another row.
        """
        count = 0
        for column in _COLUMNS.values():
            for key, sealed in self._work.rows(column.list):
                if column.holds_keys:
                    unwrap(self._work, sealed, column.place(key))
                elif self._work.unseal(column.place(key), sealed) is None:
                    raise ErasedError("the week key of a value is not there")
                count += 1
        return count

    def named_files(self) -> set[bytes]:
        """The names of all containers, and parts of them, that a row names."""
        return {row[0] for query in _FILES for row in self._work.rows(query)}

    def named_documents(self) -> set[bytes]:
        """The names of all documents that a row names."""
        return {row[0] for row in self._work.rows(_DOCUMENTS)}

    def _anew(self, sealed: bytes, place: bytes, *, holds_keys: bool) -> bytes | None:
        if not holds_keys:
            plain = self._work.unseal(place, sealed)
            return None if plain is None else self._work.seal(place, plain)
        with suppress(ErasedError):
            return wrap(self._work, unwrap(self._work, sealed, place), place)
        return None

    def raise_incarnation(self) -> None:
        """Recovery begins: our chains start anew under the next incarnation (HO-25)."""
        self._work.move(_RISE, {})
