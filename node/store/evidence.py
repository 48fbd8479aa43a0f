"""What only evidence needs of the log's tables.

Enters: a reading unit. Leaves: notes with first and newest cosignatures, kept proofs,
remembered heads. Must never happen: a note whose lines were not verified when they came.
Implements ``node.report.evidence.EvidenceView``.
"""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import bindparam, func, select

from node.crypto.checkpoint import add_lines
from node.crypto.commit import check_opening, open_body
from node.errors import ErasedError, MalformedMessageError, SealError
from node.exchangelog.entry import GroupName
from node.exchangelog.tlogproof import TlogProof, parse_path
from node.ids import TransferId
from node.report.evidence import Kept, PastHead
from node.store.groupkeys import GroupKeys, peer_entry_id
from node.store.logtables import (
    log_checkpoint,
    log_cosig,
    log_leaf,
    peer_entry,
    witness_past,
)
from node.store.logtree import LogTree
from node.store.work import Work

_NOTE: Final = select(log_checkpoint.c.note).where(
    log_checkpoint.c.size == bindparam("at")
)
_LINES: Final = (
    select(log_cosig.c.first_line, log_cosig.c.last_line)
    .where(log_cosig.c.size == bindparam("at"))
    .order_by(log_cosig.c.name, log_cosig.c.key_id)
)
_NEWEST_COSIGNED: Final = select(func.max(log_cosig.c.size))
_NEWEST_SIGNED: Final = select(func.max(log_checkpoint.c.size))
_BELOW: Final = select(func.max(log_cosig.c.size)).where(
    log_cosig.c.size <= bindparam("place")
)
_ABOVE: Final = select(func.min(log_cosig.c.size)).where(
    log_cosig.c.size > bindparam("place")
)
_LEAVES: Final = (
    select(log_leaf)
    .where(log_leaf.c.idx >= bindparam("low"), log_leaf.c.idx < bindparam("high"))
    .order_by(log_leaf.c.idx)
)
_KEPT: Final = (
    select(peer_entry)
    .where(peer_entry.c.key_id == bindparam("tag"))
    .order_by(peer_entry.c.idx)
)
_CHAIN: Final = (
    select(witness_past)
    .where(
        witness_past.c.origin == bindparam("of"),
        witness_past.c.size >= bindparam("low"),
    )
    .order_by(witness_past.c.size)
)


class SqlEvidence:
    """The log's rows for one bundle."""

    def __init__(self, work: Work) -> None:
        """Serve one unit."""
        self._work = work
        self._keys = GroupKeys(work)
        self._tree = LogTree(work)

    def note(self, size: int) -> str | None:
        """Our checkpoint of this size with each witness's first and newest line."""
        row = self._work.row(_NOTE, {"at": size})
        if row is None:
            return None
        lines = [
            line for pair in self._work.rows(_LINES, {"at": size}) for line in pair
        ]
        return add_lines(row.note, lines)

    def signed_over(self, index: int) -> int | None:
        """The newest size above an index that somebody else cosigned, else that we signed."""
        for newest in (_NEWEST_COSIGNED, _NEWEST_SIGNED):
            row = self._work.row(newest)
            if row is not None and row[0] is not None and row[0] > index:
                return int(row[0])
        return None

    def bracket(self, index: int) -> tuple[int, ...]:
        """The cosigned sizes just below and just above an entry (LR-29)."""
        found = [self._work.row(query, {"place": index}) for query in (_BELOW, _ABOVE)]
        return tuple(int(row[0]) for row in found if row is not None and row[0])

    def root(self, size: int) -> bytes | None:
        """Our root at a size."""
        return self._tree.root(size)

    def leaves(self, low: int, high: int) -> Sequence[tuple[int, bytes]]:
        """Index and commitment of our leaves from ``low`` up to, without, ``high``."""
        rows = self._work.rows(_LEAVES, {"low": low, "high": high})
        return [(row.idx, bytes(row.input[1:])) for row in rows]

    def kept(self, transfer: TransferId) -> Sequence[Kept]:
        """What the other side showed us of one transfer, by index."""
        tag = self._keys.tag(GroupName.of_transfer(transfer))
        key = self._keys.find(tag)
        found = []
        for row in self._work.rows(_KEPT, {"tag": tag}):
            try:
                proof = TlogProof.parse(row.proof or "")
                opening = row.opening
                if opening is not None and key is not None:
                    named = peer_entry_id(row.c)
                    opening = open_body(key, named, opening, origin=row.origin)
                    check_opening(row.c, opening)
            except (MalformedMessageError, SealError, ErasedError):
                continue
            found.append(Kept(row.origin, row.c, opening if key else None, proof))
        return found

    def chain(self, origin: str, low: int) -> Sequence[PastHead]:
        """The heads of another log that we remember, from a size on."""
        return [
            PastHead(
                row.size,
                row.root,
                row.former,
                parse_path((row.path or "").splitlines()),
            )
            for row in self._work.rows(_CHAIN, {"of": origin, "low": low})
        ]
