"""What the bodies say: does each leaf open, to a whole chain, or was it lawfully erased?

Enters: leaves with their bodies, group keys, erased indexes, the times of cosignatures.
Leaves: evidence about leaves, and findings about bodies, gaps, erasures, chains, times.
Must never happen: an unexplained gap passing as an erasure; a row of ``log_erased`` counting
as an explanation (LR-41). Implements EL-9, LR-29, LR-41. Memory grows with the number of
groups and of separate gaps, not with the log.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from node.crypto.commit import commitment, leaf_input, open_body
from node.crypto.merkle import leaf_hash
from node.errors import MalformedMessageError, SealError, UsageError
from node.exchangelog.entry import Entry, parse_entry
from node.exchangelog.evidence import Evidence
from node.exchangelog.export import BodyRow, KeyReader, LeafRow, LogExport
from node.exchangelog.finding import MOST_PER_CODE, Code, Ledger
from node.exchangelog.gaps import Gaps
from node.exchangelog.heads import Voucher
from node.exchangelog.kinds import EntryClass, EntryType

_TOLERANCE_S: Final = 300


class Contents:
    """Opens the bodies as their leaves go by."""

    def __init__(self, export: LogExport, key: KeyReader, ledger: Ledger) -> None:
        """Start before the first leaf."""
        self.evidence = Evidence()
        self.opened = 0
        self.erased = 0
        self.unconfirmed = -1
        self._origin = export.log_key.name
        self._key = key
        self._ledger = ledger
        self._bodies: Iterator[BodyRow] = iter(export.bodies)
        self._body = next(self._bodies, None)
        self._gaps = Gaps(export.erased)
        self._strays: list[int] = []
        # Newest commitment of each group; None where a body of it could not be read.
        self._chains: dict[bytes, str | None] = {}
        self._since_s: int | None = None
        self._latest: tuple[datetime, int] | None = None

    def look(self, leaf: LeafRow, hashed: bytes) -> None:
        """Open the body of a leaf."""
        while self._body is not None and self._body.index < leaf.index:
            self._note_stray(self._body)
            self._body = next(self._bodies, None)
        if self._body is None or self._body.index > leaf.index:
            self._gaps.add(leaf.index)
            self.evidence.silent(leaf.index, hashed)
            self.unconfirmed = leaf.index
            return
        body, self._body = self._body, next(self._bodies, None)
        opened = self._open(body)
        if opened is None:
            self.unconfirmed = leaf.index
            self._chains[body.key_id] = None
            return
        committed, text = opened
        if committed != leaf.input:
            self.evidence.note(leaf.index, hashed, leaf_hash(committed))
            self._chains[body.key_id] = None
            return
        self._read(leaf, body, text)

    def witnessed(self, head: Voucher) -> None:
        """A head with foreign times was reached: the entries below it are older."""
        if head.first_s is None or head.last_s is None:
            return
        if self._latest is not None:
            at, index = self._latest
            if at.timestamp() > head.first_s + _TOLERANCE_S:
                text = "dated later than a foreign signature over it"
                self._ledger.add(Code.TIME_OUTSIDE, index, text)
        self._gaps.timed(head.size, head.first_s)
        self._latest = None
        self._since_s = max(head.last_s, self._since_s or 0)

    def finish(self) -> None:
        """Bodies beyond the leaves, and the grounds of the gaps."""
        while self._body is not None:
            opened = self._open(self._body)
            if opened is not None:
                self.evidence.note(self._body.index, None, leaf_hash(opened[0]))
            self._note_stray(self._body)
            self._body = next(self._bodies, None)
        self.erased = self._gaps.explain(self._ledger)

    def name_strays(self) -> None:
        """Bodies that belong to no leaf; named last, because a cut explains most."""
        for index in self._strays:
            self._ledger.add(Code.BODY_CHANGED, index, "a body without a leaf")

    def _note_stray(self, body: BodyRow) -> None:
        if len(self._strays) < MOST_PER_CODE:
            self._strays.append(body.index)

    def _open(self, body: BodyRow) -> tuple[bytes, bytes] | None:
        """The leaf input a body belongs to, and the entry's bytes."""
        try:
            key = self._key(body.key_id)
            if key is None:
                self._ledger.add(
                    Code.MISSING, body.index, "the body's key is not there"
                )
                return None
            text = open_body(key, body.event_id, body.sealed, origin=self._origin)
        except (SealError, UsageError):  # the latter for an id of another length
            self._ledger.add(Code.BODY_CHANGED, body.index, "the body does not open")
            return None
        return leaf_input(commitment(key, body.event_id, text)), text

    def _read(self, leaf: LeafRow, body: BodyRow, text: bytes) -> None:
        """An entry that its leaf commits to."""
        try:
            entry = parse_entry(text)
        except MalformedMessageError as error:
            self._ledger.add(Code.MISSING, leaf.index, f"not an entry: {error}")
            self._chains[body.key_id] = None
            return
        self.opened += 1
        if entry.type.retention is EntryClass.TRANSFER:
            self._follow(leaf, body.key_id, entry)
        if entry.type is EntryType.LOG_ERASURE:
            self._gaps.take_ground(leaf.index, entry, self._since_s)
        self._place_in_time(leaf.index, entry.at)

    def _follow(self, leaf: LeafRow, group: bytes, entry: Entry) -> None:
        """``prev`` names the entry before in the same transfer or consent chain."""
        known = group in self._chains
        before = self._chains.get(group)
        self._chains[group] = leaf.input[1:].hex()
        unreadable = known and before is None
        # Whoever writes on after an erasure names an entry that cannot be opened.
        erased = not known and entry.prev is not None and bool(self._gaps)
        if not unreadable and not erased and entry.prev != before:
            text = "the entry before it in its chain is another one"
            self._ledger.add(Code.CHAIN_GAP, leaf.index, text)

    def _place_in_time(self, index: int, at: datetime) -> None:
        if self._since_s is not None and at.timestamp() < self._since_s - _TOLERANCE_S:
            text = "dated earlier than a foreign signature below it"
            self._ledger.add(Code.TIME_OUTSIDE, index, text)
        if self._latest is None or at > self._latest[0]:
            self._latest = (at, index)
