"""The exchange log in SQL, opened for reading: lists, dossiers, the whole check.

Enters: a reading unit. Leaves: rows of ``report.logview``. Must never happen: a body that
is believed although it is not what its leaf commits to; a proof called good that was not
tried here. Implements ``node.report.logview.LogView``.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Final

from sqlalchemy import Row, bindparam, func, select

from node.crypto.checkpoint import Checkpoint, NoteKey, open_checkpoint
from node.crypto.commit import check_opening, leaf_input, open_body
from node.crypto.merkle import inclusion_proof, leaf_hash, verify_inclusion
from node.errors import (
    ErasedError,
    LogError,
    MalformedMessageError,
    NotFoundError,
    SealError,
    SignatureError,
)
from node.exchangelog.audit import check_export
from node.exchangelog.entry import Entry, GroupName, parse_entry
from node.exchangelog.finding import Report
from node.exchangelog.tlogproof import TlogProof
from node.ids import MemberId, TransferId
from node.report.logview import (
    Dossier,
    LogLine,
    Overview,
    OwnEntry,
    TheirEntry,
    Witness,
)
from node.store.erasuretables import transfer_past
from node.store.groupkeys import GroupKeys, peer_entry_id
from node.store.logrows import LogRows
from node.store.logtables import (
    log_body,
    log_checkpoint,
    log_erased,
    log_leaf,
    peer_entry,
    witness_past,
)
from node.store.logtree import LogTree
from node.store.tables import statement, taken
from node.store.work import Work

_Row = Row[*tuple[Any, ...]]

_OPENED: Final = (
    select(
        log_leaf.c.idx,
        log_leaf.c.input,
        log_body.c.event_id,
        log_body.c.key_id,
        log_body.c.sealed,
    )
    .select_from(log_leaf)
    .outerjoin(log_body, log_body.c.idx == log_leaf.c.idx)
    .order_by(log_leaf.c.idx)
)
_FROM: Final = _OPENED.where(log_leaf.c.idx >= bindparam("start"))
_OF_GROUP: Final = _OPENED.where(log_body.c.key_id == bindparam("tag"))
_AT: Final = _OPENED.where(log_leaf.c.idx == bindparam("place"))
_ERASED: Final = select(func.count()).select_from(log_erased)
_NEWEST: Final = select(log_checkpoint).order_by(log_checkpoint.c.size.desc()).limit(1)
_THEIRS: Final = (
    select(peer_entry)
    .where(peer_entry.c.key_id == bindparam("tag"))
    .order_by(peer_entry.c.idx)
)
_HEADS: Final = select(witness_past.c.root).where(
    witness_past.c.origin == bindparam("of"), witness_past.c.size == bindparam("at")
)
_SAID: Final = (
    select(statement.c.jws)
    .where(statement.c.transfer == bindparam("about"))
    .order_by(statement.c.inc, statement.c.seq)
)
_HEARD: Final = (
    select(taken.c.jws)
    .where(taken.c.transfer == bindparam("about"))
    .order_by(taken.c.inc, taken.c.seq)
)
_PAST: Final = select(transfer_past.c.gone_on).where(
    transfer_past.c.id == bindparam("about")
)


class SqlLogView:
    """The log inside one reading unit."""

    def __init__(self, work: Work) -> None:
        """Serve one unit."""
        self._work = work
        self._keys = GroupKeys(work)
        self._tree = LogTree(work)
        self._rows = LogRows(work)

    def overview(self) -> Overview:
        """Size, signature, witnesses; nothing is verified."""
        standing = self._rows.standing()
        erased = self._work.row(_ERASED)
        return Overview(
            origin=standing.origin,
            size=standing.size,
            erased=0 if erased is None else int(erased[0]),
            signed_size=standing.signed_size,
            signed_at=standing.signed_at,
            witnesses=tuple(
                Witness(w.name, w.size, w.last_at) for w in standing.witnessed
            ),
        )

    def lines(self, start: int) -> Sequence[LogLine]:
        """All entries from an index on, opened, oldest first."""
        return [
            _line(row.idx, self._keys.entry(row))
            for row in self._work.stream(_FROM, {"start": start})
        ]

    def dossier(self, transfer: TransferId, log_key: NoteKey) -> Dossier:
        """One transfer, with every proof tried.

        Raises:
            NotFoundError: Our log holds nothing of it.
        """
        tag = self._keys.tag(GroupName.of_transfer(transfer))
        head = self._signed_head(log_key)
        own = self.of_group(tag, head)
        if not own:
            raise NotFoundError("no entry of this transfer")
        theirs = tuple(
            self._their_entry(row) for row in self._work.rows(_THEIRS, {"tag": tag})
        )
        about = {"about": transfer}
        past = self._work.row(_PAST, about)
        return Dossier(
            transfer=transfer,
            own=own,
            theirs=theirs,
            said=tuple(row.jws for row in self._work.rows(_SAID, about)),
            heard=tuple(row.jws for row in self._work.rows(_HEARD, about)),
            grounds=tuple(self._places(own)),
            signed_size=0 if head is None else head.size,
            witnesses=self.overview().witnesses,
            gone_on=None if past is None else past.gone_on,
        )

    def of_group(
        self, tag: bytes, head: Checkpoint | None = None
    ) -> tuple[OwnEntry, ...]:
        """All entries under one group key, their places tried under a signed head."""
        return tuple(
            OwnEntry(
                row.idx,
                bytes(row.input[1:]),
                self._keys.entry(row),
                self._is_included(row, head),
            )
            for row in self._work.rows(_OF_GROUP, {"tag": tag})
        )

    def at(self, index: int, log_key: NoteKey) -> tuple[OwnEntry, int]:
        """One entry, and the size of the signed head it was tried under.

        Raises:
            NotFoundError: The log has no such place.
        """
        row, head = self._work.row(_AT, {"place": index}), self._signed_head(log_key)
        if row is None:
            raise NotFoundError("no such entry")
        c, entry = bytes(row.input[1:]), self._keys.entry(row)
        size = 0 if head is None else head.size
        return OwnEntry(index, c, entry, self._is_included(row, head)), size

    def entry_at(self, index: int) -> Entry | None:
        """The entry at a place, None if it cannot be opened."""
        row = self._work.row(_AT, {"place": index})
        return None if row is None else self._keys.entry(row)

    def check(
        self,
        log_key: NoteKey,
        *,
        witnesses: tuple[NoteKey, ...],
        mark: Checkpoint | None,
    ) -> Report:
        """The whole check over the raw rows, in this unit.

        Raises:
            LogError: The log was never begun.
        """
        return check_export(self._rows.export(log_key, witnesses=witnesses, mark=mark))

    def _signed_head(self, log_key: NoteKey) -> Checkpoint | None:
        """Our newest checkpoint whose signature holds."""
        row = self._work.row(_NEWEST)
        if row is None:
            return None
        try:
            return open_checkpoint(row.note, log_key)
        except (MalformedMessageError, SignatureError):
            return None

    def _is_included(self, row: _Row, head: Checkpoint | None) -> bool | None:
        if head is None or row.idx >= head.size:
            return None
        try:
            path = inclusion_proof(row.idx, head.size, self._tree.reader())
            leaf = leaf_hash(row.input)
            verify_inclusion(row.idx, head.size, leaf, path, head.root)
        except (LogError, MalformedMessageError):
            return False
        return True

    def _their_entry(self, row: _Row) -> TheirEntry:
        return TheirEntry(
            origin=row.origin,
            index=row.idx,
            c=row.c,
            entry=self._their_words(row),
            proven_at=self._proven_at(row),
        )

    def _their_words(self, row: _Row) -> Entry | None:
        """What the other side committed to, if it was shown and fits."""
        if row.opening is None:
            return None
        try:
            key = self._keys.find(row.key_id)
            if key is None:
                return None
            shown = open_body(key, peer_entry_id(row.c), row.opening, origin=row.origin)
            return parse_entry(check_opening(row.c, shown))
        except (SealError, ErasedError, MalformedMessageError):
            return None

    def _proven_at(self, row: _Row) -> int | None:
        """The size of their remembered head under which the kept proof holds."""
        if row.idx is None or row.proof is None:
            return None
        try:
            shown = TlogProof.parse(row.proof)
            head = shown.head()
            shown.check(leaf_input(row.c))
        except MalformedMessageError:
            return None
        # Its signature was verified when it came, and the head remembered (LR-16).
        known = self._work.row(_HEADS, {"of": row.origin, "at": head.size})
        fits = (
            head.origin == row.origin
            and shown.index == row.idx
            and known is not None
            and known.root == head.root
        )
        return head.size if fits else None

    def _places(self, own: Sequence[OwnEntry]) -> Iterator[tuple[str, int]]:
        """Where the consent entries stand that the entries name as their grounds."""
        for item in own:
            for ground in (item.entry.more.get("consents") if item.entry else ()) or ():
                for name in ("at", "head"):
                    if name in ground:
                        place = self._tree.index_of(bytes.fromhex(ground[name]))
                        if place is not None:
                            yield ground[name], place


def _line(index: int, entry: Entry | None) -> LogLine:
    if entry is None:
        return LogLine(index)
    more = entry.more
    return LogLine(
        index=index,
        type=entry.type,
        at=entry.at,
        role=entry.role or "",
        transfer=TransferId(more["transfer"]) if more.get("transfer") else None,
        peer=MemberId(more["peer"]) if more.get("peer") else None,
        outcome=more.get("outcome") or "",
        persons=more.get("persons"),
    )
