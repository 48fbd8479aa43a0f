"""Holds and erasures as lists: each row with the entry in the log that proves it.

Enters: rows, commitments of entries. Leaves: values for pages, commands and decisions about
time. Must never happen: a row believed whose entry does not stand in the tree. Implements
the reading half of ``node.report.keepview.Keeping``.
"""

from base64 import b64decode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import Row, bindparam, func, select

from node.crypto.commit import leaf_input
from node.errors import LogError
from node.exchangelog.entry import Entry
from node.exchangelog.keeping import Basis, HoldBasis, SignedTime, State
from node.exchangelog.kinds import EntryClass
from node.ids import AccountId, TransferId
from node.report.keepview import Erasure, Group, Hold
from node.store.groupkeys import GroupKeys
from node.store.keeptables import log_erasing, log_erasure, log_hold
from node.store.logtables import log_body, log_cosig, log_erased, log_key, log_leaf
from node.store.work import Work

_Row = Row[*tuple[Any, ...]]

_OPENED: Final = select(
    log_body.c.idx,
    log_body.c.event_id,
    log_body.c.key_id,
    log_body.c.sealed,
    log_leaf.c.input,
).join(log_leaf, log_leaf.c.idx == log_body.c.idx)
_BY_LEAF: Final = _OPENED.where(log_leaf.c.input == bindparam("leaf"))
_BY_INDEX: Final = _OPENED.where(log_body.c.idx == bindparam("index"))
_FIRST_OF: Final = (
    _OPENED.where(log_body.c.key_id == bindparam("tag"))
    .order_by(log_body.c.idx)
    .limit(1)
)
_HOLDS: Final = select(log_hold)
_ERASURES: Final = (
    select(log_erasure, func.count(log_erased.c.idx).label("entries"))
    .outerjoin(log_erased, log_erased.c.erasure_id == log_erasure.c.id)
    .group_by(log_erasure.c.id)
)
_FOREIGN: Final = log_cosig.c.name != bindparam("own")
_OLD_SIZE: Final = select(func.max(log_cosig.c.size)).where(
    _FOREIGN,
    log_cosig.c.first_at <= bindparam("before", type_=log_cosig.c.first_at.type),
)
_LAST: Final = func.max(log_body.c.idx)
_CANDIDATES: Final = (
    select(log_key.c.key_id, log_key.c.retention, _LAST.label("last"))
    .join(log_body, log_body.c.key_id == log_key.c.key_id)
    .where(
        log_key.c.retention != EntryClass.PERMANENT,
        log_key.c.key_id.not_in(select(log_erasing.c.key_id)),
        log_key.c.key_id.not_in(
            select(log_hold.c.key_id).where(log_hold.c.released_entry.is_(None))
        ),
    )
    .group_by(log_key.c.key_id, log_key.c.retention)
    .having(bindparam("size") > _LAST)
    .order_by(log_key.c.key_id)
)
_FIRST_OVER: Final = (
    select(log_cosig.c.first_line)
    .where(_FOREIGN, log_cosig.c.size > bindparam("index"))
    .order_by(log_cosig.c.size, log_cosig.c.first_at)
)
_TIMES: Final = (
    select(log_cosig.c.last_line, log_cosig.c.last_at)
    .where(_FOREIGN)
    .order_by(log_cosig.c.last_at.desc())
    .limit(20)
)


@dataclass(frozen=True, slots=True)
class Told:
    """An entry that is what its leaf commits to, and its place."""

    index: int
    entry: Entry


class KeepLists:
    """Reads what stands behind holds and erasures."""

    def __init__(self, work: Work) -> None:
        """Serve one unit."""
        self._work = work
        self._group_keys = GroupKeys(work)

    def told(self, entry: bytes) -> Told:
        """An entry by its commitment.

        Raises:
            LogError: It does not stand in our log, or does not open.
        """
        found = self._find(entry)
        if found is None:
            raise LogError("an erasure names an entry that is not there")
        return found

    def holds(self) -> Sequence[Hold]:
        """All holds, open ones first, then the newest."""
        found = [self._hold(row) for row in self._work.rows(_HOLDS)]
        return sorted(found, key=lambda h: (not h.is_open, -(h.index or 0)))

    def erasures(self) -> Sequence[Erasure]:
        """All erasures, the newest first."""
        found = [self._erasure(row) for row in self._work.rows(_ERASURES)]
        newest = 1 << 62
        return sorted(found, key=lambda e: -(newest if e.index is None else e.index))

    def candidates(self, before: datetime, own: str) -> Sequence[Group]:
        """Groups without hold or erasure whose last entry was cosigned before an instant."""
        row = self._work.row(_OLD_SIZE, {"own": own, "before": before})
        if row is None or row[0] is None:
            return []
        groups = (
            self._group(row, own)
            for row in self._work.rows(_CANDIDATES, {"size": row[0]})
        )
        return [group for group in groups if group is not None]

    def signed_times(self, own: str) -> Sequence[SignedTime]:
        """The newest times that foreign witnesses signed over our log."""
        return [
            SignedTime(_time_of(row.last_line), row.last_at)
            for row in self._work.rows(_TIMES, {"own": own})
        ]

    def _group(self, row: _Row, own: str) -> Group | None:
        """A group with its time; None where its last entry or a foreign time is lacking."""
        last = self._open(self._work.row(_BY_INDEX, {"index": row.last}))
        over = self._work.row(_FIRST_OVER, {"own": own, "index": row.last})
        if last is None or over is None:
            return None
        latest = max(last.entry.at, _time_of(over.first_line))
        return Group(row.key_id, EntryClass(row.retention), latest)

    def _hold(self, row: _Row) -> Hold:
        begun = self._find(row.set_entry)
        end = row.released_entry
        ended = None if end is None else self._find(end)
        first = self._open(self._work.row(_FIRST_OF, {"tag": row.key_id}))
        about = None if first is None else first.entry.more.get("transfer")
        return Hold(
            id=row.id,
            tag=row.key_id,
            basis=HoldBasis(row.basis),
            reference=None if begun is None else begun.entry.more["order_ref"],
            transfer=None if about is None else TransferId(about),
            index=None if begun is None else begun.index,
            set_at=None if begun is None else begun.entry.at,
            is_open=end is None,
            released_at=None if ended is None else ended.entry.at,
        )

    def _erasure(self, row: _Row) -> Erasure:
        begun = None if row.intent is None else self.told(row.intent)
        done = None if row.done is None else self.told(row.done)
        return Erasure(
            id=row.id,
            basis=Basis(row.basis),
            reference=row.order_ref,
            state=State(row.state),
            index=None if begun is None else begun.index,
            begun_at=None if begun is None else begun.entry.at,
            done_at=None if done is None else done.entry.at,
            entries=int(row.entries),
            ordered_by=AccountId(row.ordered_by) if row.ordered_by else None,
            second=AccountId(row.second) if row.second else None,
        )

    def _find(self, entry: bytes) -> Told | None:
        return self._open(self._work.row(_BY_LEAF, {"leaf": leaf_input(entry)}))

    def _open(self, row: _Row | None) -> Told | None:
        """The entry of a row, if its body is what its leaf commits to."""
        entry = None if row is None else self._group_keys.entry(row)
        return None if row is None or entry is None else Told(int(row.idx), entry)


def _time_of(line: str) -> datetime:
    """When a cosignature was made: the eight bytes after the key's id; verified before."""
    raw = b64decode(line.rstrip("\n").rpartition(" ")[2])
    return datetime.fromtimestamp(int.from_bytes(raw[4:12], "big"), UTC)
