"""Shared transfers in SQL: our entries and the other side's, with places, proofs, times.

Enters: a reading unit, keys of the directory, perhaps a peer's list. Leaves: ``Shared`` for
the pure checks, proofs for a peer. Must never happen: an entry of another transfer or peer
in a list; a body that is gone called lawful on the word of ``log_erased`` (LR-41).
Implements ``node.report.logaudit.LogAudit``.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import Row, bindparam, select

from node.crypto.checkpoint import (
    Checkpoint,
    NoteKey,
    add_lines,
    open_checkpoint,
    verify_cosignature,
)
from node.crypto.commit import leaf_input
from node.crypto.merkle import inclusion_proof
from node.errors import MalformedMessageError, NotFoundError, SignatureError
from node.exchangelog.attachment import EntryProof
from node.exchangelog.entry import GroupName
from node.exchangelog.kinds import EntryClass, EntryType
from node.exchangelog.shared import Bracket, Gone, Ground, Item, Shared, Side
from node.ids import MemberId, TransferId
from node.report.logaudit import Known, PeerList
from node.report.logview import OwnEntry, TheirEntry
from node.store.exchangelog import SqlExchangeLog
from node.store.groupkeys import GroupKeys
from node.store.logchecks import LogChecks
from node.store.logtables import (
    log_body,
    log_checkpoint,
    log_cosig,
    log_key,
    log_leaf,
    peer_entry,
    witness_past,
)
from node.store.logtree import LogTree
from node.store.logview import SqlLogView
from node.store.tables import outbound_member
from node.store.work import Work
from node.sync.rows import Head

_T: Final = EntryType
_SHOWN: Final = frozenset(
    kind
    for kind in EntryType
    if kind.startswith(("transfer.", "notice.")) and kind is not _T.TRANSFER_WITHHELD
)

_KEY_OF: Final = (
    select(log_body.c.key_id)
    .join(log_leaf, log_leaf.c.idx == log_body.c.idx)
    .where(log_leaf.c.input == bindparam("leaf"))
)
_OF_CLASS: Final = (
    select(log_leaf.c.idx)
    .join(log_body, log_body.c.idx == log_leaf.c.idx)
    .join(log_key, log_key.c.key_id == log_body.c.key_id)
    .where(log_key.c.retention == bindparam("kept"))
    .order_by(log_leaf.c.idx)
)
_COSIGNED: Final = select(
    log_checkpoint.c.size,
    log_checkpoint.c.note,
    log_cosig.c.name,
    log_cosig.c.first_line,
    log_cosig.c.last_line,
).join(log_cosig, log_cosig.c.size == log_checkpoint.c.size)
_BELOW: Final = (
    _COSIGNED.where(log_checkpoint.c.size <= bindparam("place"))
    .order_by(log_checkpoint.c.size.desc())
    .limit(8)
)
_ABOVE: Final = (
    _COSIGNED.where(log_checkpoint.c.size > bindparam("place"))
    .order_by(log_checkpoint.c.size)
    .limit(8)
)
_NEWEST: Final = _COSIGNED.order_by(log_checkpoint.c.size.desc()).limit(64)
_OF_SIZE: Final = _COSIGNED.where(log_checkpoint.c.size == bindparam("place"))
_MEMBERS: Final = select(outbound_member.c.case_id).where(
    outbound_member.c.transfer == bindparam("about")
)
_PAST: Final = select(witness_past.c.root).where(
    witness_past.c.origin == bindparam("of"),
    witness_past.c.size == bindparam("at_size"),
)
_HELD: Final = (
    select(peer_entry.c.c)
    .where(peer_entry.c.key_id == bindparam("tag"))
    .order_by(peer_entry.c.idx)
)


class SqlLogAudit(LogChecks):
    """The log inside one reading unit, for the auditor's checks."""

    def __init__(self, work: Work, view: SqlLogView, log: SqlExchangeLog) -> None:
        """Serve one unit."""
        super().__init__(work)
        self._view = view
        self._log = log
        self._keys = GroupKeys(work)
        self._tree = LogTree(work)
        self._ranges: list[tuple[int, int]] | None = None
        self._overridden: frozenset[TransferId] | None = None
        self._times: dict[str, int | None] = {}

    def transfers(self, peer: MemberId) -> Sequence[TransferId]:
        """Every transfer with this peer that our readable entries name, in order."""
        found: dict[TransferId, None] = {}
        for line in self._view.lines(0):
            if line.type in _SHOWN and line.peer == peer and line.transfer is not None:
                found[line.transfer] = None
        return list(found)

    def shared(
        self, transfer: TransferId, known: Known, told: PeerList | None = None
    ) -> Shared:
        """One transfer as both logs tell it.

        Raises:
            NotFoundError: Neither our log nor the peer's list knows it.
        """
        try:
            dossier = self._view.dossier(transfer, known.log_key)
            own, peer = dossier.own, dossier.peer
            kept, size = dossier.theirs, dossier.signed_size
        except NotFoundError:
            if told is None or transfer not in {*told.items, *told.held}:
                raise
            own, peer, kept, size = (), None, (), 0
        origin = kept[0].origin if kept else ""
        if told is not None:
            origin = told.log
            peer = peer or next((m for m, o in known.logs.items() if o == origin), None)
        origin = origin or (known.logs.get(peer, "") if peer else "")
        is_sender = _is_sender(own, kept, told.items.get(transfer, ()) if told else ())
        witness = known.witness_names.get(peer, "") if peer else ""
        witnessed = self._log.cosigned_size(witness) if is_sender and witness else None
        items = tuple(self._own(item, known, size, witnessed) for item in own)
        items += tuple(self._missing(transfer, told, items))
        ours = Side(known.log_key.name, items)
        theirs = Side(origin, *self._theirs(kept, told, transfer))
        sender, recipient = (ours, theirs) if is_sender else (theirs, ours)
        return Shared(
            transfer=transfer,
            sender=sender,
            recipient=recipient,
            recipient_id=(peer if is_sender else known.member) or known.member,
            is_ours_sender=is_sender,
            grounds=tuple(self._grounds(transfer, ours, known)) if is_sender else (),
            knows_grounds=is_sender,
            overridden=transfer in self._overrides(),
        )

    def item_at(self, index: int, known: Known) -> Item:
        """One entry of ours.

        Raises:
            NotFoundError: The log has no such place.
        """
        found, size = self._view.at(index, known.log_key)
        return self._own(found, known, size, None)

    def for_peer(
        self, transfer: TransferId, peer: MemberId, signed: Head
    ) -> tuple[EntryProof, ...]:
        """Our entries about a transfer with proofs and openings, for its other side.

        Entries that no signed head covers yet come with the next question.
        """
        tag = self._keys.tag(GroupName.of_transfer(transfer))
        tree = self._tree.reader()
        return tuple(
            EntryProof(
                item.index,
                inclusion_proof(item.index, signed.size, tree),
                item.c,
                self._log.opening(item.c),
            )
            for item in self._view.of_group(tag)
            if item.entry is not None
            and item.entry.type in _SHOWN
            and item.entry.more.get("peer") == peer
            and item.index < signed.size
        )

    def cosigned_head(self, known: Known, size: int | None) -> Checkpoint | None:
        """Our newest head, or that of a size, that a foreign witness cosigned; verified."""
        keys = {key.name: key for key in known.witnesses}
        query, place = (_NEWEST, {}) if size is None else (_OF_SIZE, {"place": size})
        for row in self._work.rows(query, place):
            if row.name not in keys:
                continue
            if _time_of(row.note, row.last_line, keys[row.name]) is None:
                continue
            try:
                return open_checkpoint(row.note, known.log_key)
            except (MalformedMessageError, SignatureError):
                continue
        return None

    def held_of(self, transfer: TransferId) -> Sequence[bytes]:
        """Commitments of the other side's entries that we keep."""
        tag = self._keys.tag(GroupName.of_transfer(transfer))
        return [row.c for row in self._work.rows(_HELD, {"tag": tag})]

    def _own(
        self, item: OwnEntry, known: Known, size: int, witnessed: int | None
    ) -> Item:
        is_sent = item.entry is not None and item.entry.type is _T.TRANSFER_SENT
        return Item(
            c=item.c,
            index=item.index,
            entry=item.entry,
            proven_at=size if item.is_included else None,
            root=self._tree.root(size) if item.is_included else None,
            bracket=self._bracket(item.index, known.witnesses),
            is_witnessed=None
            if witnessed is None or not is_sent
            else witnessed > item.index,
            gone=None if item.entry is not None else self._gone(item.index),
        )

    def _missing(
        self, transfer: TransferId, told: PeerList | None, own: Iterable[Item]
    ) -> Iterator[Item]:
        """Entries of ours that the peer holds and we can no longer read."""
        known = {item.c for item in own}
        for c in told.held.get(transfer, ()) if told is not None else ():
            if c not in known:
                index = self._tree.index_of(c)
                # A commitment that was never in our tree is the peer's own affair.
                if index is not None:
                    yield Item(c, index, None, gone=self._gone(index))

    def _theirs(
        self, kept: Iterable[TheirEntry], told: PeerList | None, transfer: TransferId
    ) -> tuple[tuple[Item, ...], bool]:
        """What they showed with statements, and what their list adds; is it everything?"""
        items = {
            item.c: Item(
                item.c,
                item.index,
                item.entry,
                proven_at=item.proven_at,
                root=self._root_of(item.origin, item.proven_at),
                gone=None if item.entry is not None else Gone.UNSHOWN,
            )
            for item in kept
        }
        if told is not None:
            items |= {item.c: item for item in told.items.get(transfer, ())}
            if not told.is_continuing:
                items = {c: Item(c, i.index, i.entry) for c, i in items.items()}
        ordered = sorted(
            items.values(), key=lambda i: -1 if i.index is None else i.index
        )
        return tuple(ordered), told is not None

    def _root_of(self, origin: str, size: int | None) -> bytes | None:
        row = self._work.row(_PAST, {"of": origin, "at_size": size or 0})
        return None if row is None else bytes(row.root)

    def _grounds(
        self, transfer: TransferId, ours: Side, known: Known
    ) -> Iterator[Ground]:
        """The consents that our entries name, with the chains they stand in."""
        tags = {
            self._keys.tag(f"consent:{row.case_id}")
            for row in self._work.rows(_MEMBERS, {"about": transfer})
        }
        seen: set[str] = set()
        for _, entry in ours.entries():
            for each in entry.more.get("consents") or ():
                at = each.get("at")
                if at is None or at in seen:
                    continue
                seen.add(at)
                yield self._ground(each["c"], at, tags, known)

    def _ground(self, named: str, at: str, tags: set[bytes], known: Known) -> Ground:
        c = bytes.fromhex(at)
        row = self._work.row(_KEY_OF, {"leaf": leaf_input(c)})
        if row is None:
            index = self._tree.index_of(c)
            chain: tuple[Item, ...] = (
                () if index is None else (Item(c, index, None, gone=self._gone(index)),)
            )
            return Ground(named, at, chain)
        chain = tuple(
            self._own(item, known, 0, None) for item in self._view.of_group(row.key_id)
        )
        return Ground(named, at, chain, row.key_id in tags if tags else None)

    def _gone(self, index: int) -> Gone:
        """Whether an opened ``log.erasure`` in the tree names an index (LR-41)."""
        if self._ranges is None:
            self._ranges = [
                (low, high)
                for row in self._work.rows(_OF_CLASS, {"kept": EntryClass.PERMANENT})
                if (entry := self._view.entry_at(row.idx)) is not None
                and entry.type is _T.LOG_ERASURE
                for low, high in entry.more["ranges"]
            ]
        named = any(low <= index < high for low, high in self._ranges)
        return Gone.LAWFUL if named else Gone.UNLAWFUL

    def _overrides(self) -> frozenset[TransferId]:
        """Transfers that two people let leave below their quorum (LR-24)."""
        if self._overridden is None:
            rows = self._work.rows(_OF_CLASS, {"kept": EntryClass.OPERATION})
            entries = (self._view.entry_at(row.idx) for row in rows)
            self._overridden = frozenset(
                TransferId(entry.more["transfer"])
                for entry in entries
                if entry is not None
                and entry.type is _T.OPERATOR_OVERRIDE
                and entry.more["transfer"]
            )
        return self._overridden

    def _bracket(self, index: int, witnesses: tuple[NoteKey, ...]) -> Bracket:
        """Between which foreign signatures an entry was written (LR-29)."""
        place = {"place": index}
        below = self._work.rows(_BELOW, place)
        above = self._work.rows(_ABOVE, place)
        keys = {key.name: key for key in witnesses}
        return Bracket(
            _instant(max, self._signed(below, "last_line", keys)),
            _instant(min, self._signed(above, "first_line", keys)),
        )

    def _signed(
        self, rows: Sequence[Row[*tuple[Any, ...]]], line: str, keys: dict[str, NoteKey]
    ) -> Iterator[int]:
        """Times of verified cosignatures on the nearest head that has one."""
        nearest: int | None = None
        for row in rows:
            if row.name not in keys or (nearest is not None and row.size != nearest):
                continue
            text = getattr(row, line)
            if text not in self._times:
                self._times[text] = _time_of(row.note, text, keys[row.name])
            time_s = self._times[text]
            if time_s is not None:
                nearest = row.size
                yield time_s


def _time_of(note: str, line: str, key: NoteKey) -> int | None:
    try:
        return verify_cosignature(add_lines(note, [line]), key)
    except (MalformedMessageError, SignatureError):
        return None


def _instant(
    choose: Callable[[list[int]], int], times: Iterator[int]
) -> datetime | None:
    found = list(times)
    return datetime.fromtimestamp(choose(found), UTC) if found else None


def _is_sender(
    own: Iterable[OwnEntry], kept: Iterable[TheirEntry], told: Iterable[Item]
) -> bool:
    """Which end we are: who sent tells it best, else which acts are ours."""
    of_sender = {
        _T.TRANSFER_SENT,
        _T.TRANSFER_GRANTED,
        _T.TRANSFER_DENIED,
        _T.TRANSFER_RECALLED,
        _T.TRANSFER_DELIVERED,
        _T.TRANSFER_COMPLETED,
        _T.TRANSFER_SECURED,
    }
    for items, answer in ((own, True), (kept, False), (told, False)):
        kinds = {item.entry.type for item in items if item.entry is not None}
        if kinds & of_sender:
            return answer
    return not any(item.entry is not None for item in own)
