"""What we remember of other logs: one newest head per origin, and every head before it.

Enters: heads that were verified. Leaves: the same, locked. Must never happen: a memory that
goes back, or one that two callers move from the same head (LR-16). Implements
``node.sync.ports.Heads`` and the memory of a witness (exchange log 5.1, EL-11).
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from sqlalchemy import bindparam, func, insert, select, update

from node.crypto.checkpoint import cosigned_at_s
from node.errors import ConflictError, HistoryConflictError
from node.exchangelog.tlogproof import encode_path
from node.exchangelog.witness import Extension
from node.ids import MemberId
from node.store.columns import from_micros
from node.store.logtables import (
    log_cosig,
    log_shown,
    peer_clock,
    witness_evidence,
    witness_head,
    witness_past,
)
from node.store.work import Work
from node.sync.rows import Cosigned, Evidence, Head
from node.sync.schedule import SignedTime

_SEEN: Final = (
    select(witness_head)
    .where(witness_head.c.origin == bindparam("of"))
    .with_for_update()
)
_ALL_SEEN: Final = select(witness_head).order_by(witness_head.c.origin)
_ADD: Final = insert(witness_head)
_MOVE: Final = update(witness_head).where(
    witness_head.c.origin == bindparam("of"), witness_head.c.size == bindparam("old")
)
_PAST: Final = select(witness_past.c.root).where(
    witness_past.c.origin == bindparam("of"), witness_past.c.size == bindparam("at")
)
_ADD_PAST: Final = insert(witness_past)
_EVIDENCE: Final = insert(witness_evidence)
_NEWEST: Final = (
    select(witness_head)
    .order_by(witness_head.c.updated_at.desc(), witness_head.c.origin)
    .limit(bindparam("most"))
)
_KEPT: Final = select(witness_evidence.c.offered).where(
    witness_evidence.c.origin == bindparam("of")
)
_ALL_KEPT: Final = select(witness_evidence).order_by(
    witness_evidence.c.seen_at, witness_evidence.c.id
)
_EACH: Final = (
    select(log_cosig.c.name, func.max(log_cosig.c.size).label("top"))
    .group_by(log_cosig.c.name)
    .subquery()
)
_FURTHEST: Final = (
    select(log_cosig)
    .join(_EACH, (log_cosig.c.name == _EACH.c.name) & (log_cosig.c.size == _EACH.c.top))
    .order_by(log_cosig.c.name, log_cosig.c.last_at)
)
_SHOWN: Final = select(log_shown.c.size).where(log_shown.c.peer == bindparam("of"))
_ADD_SHOWN: Final = insert(log_shown)
_CLOCKS: Final = select(peer_clock)
_ADD_CLOCK: Final = insert(peer_clock)
_MOVE_CLOCK: Final = update(peer_clock).where(peer_clock.c.peer == bindparam("of"))
_COSIGNED: Final = (
    select(log_cosig.c.name, log_cosig.c.last_at, log_cosig.c.last_line)
    .where(log_cosig.c.name != bindparam("own"))
    .order_by(log_cosig.c.last_at.desc())
    .limit(64)
)
_MOVE_SHOWN: Final = update(log_shown).where(log_shown.c.peer == bindparam("of"))


class SqlHeads:
    """Heads of other logs inside one unit of work."""

    def __init__(self, work: Work) -> None:
        """Serve one unit."""
        self._work = work
        self._seen: dict[str, Head | None] = {}

    def seen(self, origin: str) -> Head | None:
        """The newest head we verified, locked."""
        row = self._work.row(_SEEN, {"of": origin})
        head = None if row is None else Head(origin, row.size, row.root, row.note)
        self._seen[origin] = head
        return head

    def all_seen(self) -> Sequence[Head]:
        """Everything we remember of other logs, by origin."""
        return [
            Head(row.origin, row.size, row.root, row.note)
            for row in self._work.rows(_ALL_SEEN)
        ]

    def remember(
        self, head: Head, at: datetime, shown: Extension | None = None
    ) -> None:
        """Move the memory from the head that this unit has seen to a newer one.

        ``shown`` is the verified proof that it goes on from a former head.

        The same size again only renews the note: it may carry more cosignatures.

        Raises:
            ConflictError: It moved meanwhile; check again against what is there now.
            HistoryConflictError: Another root at a size we remember.
        """
        if head.origin not in self._seen:
            self.seen(head.origin)
        known = self._seen[head.origin]
        row = {"size": head.size, "root": head.root, "note": head.note}
        if known is None:
            self._work.change(_ADD, row | {"origin": head.origin, "updated_at": at})
        elif head.size < known.size:
            raise ConflictError("a smaller head than the remembered one")
        else:
            place = {"of": head.origin, "old": known.size}
            self._work.move(_MOVE, row | place | {"updated_at": at})
        self._keep_past(head, shown)
        self._seen[head.origin] = head

    def past(self, origin: str, size: int) -> bytes | None:
        """The root we remember of another log at exactly this size, if we ever saw it."""
        row = self._work.row(_PAST, {"of": origin, "at": size})
        return None if row is None else row.root

    def newest(self, limit: int) -> Sequence[Head]:
        """The heads of other logs that moved last."""
        rows = self._work.rows(_NEWEST, {"most": limit})
        return [Head(row.origin, row.size, row.root, row.note) for row in rows]

    def offered(self, origin: str) -> Sequence[str]:
        """The heads of one log that were kept as evidence."""
        return [row.offered for row in self._work.rows(_KEPT, {"of": origin})]

    def evidence(self) -> Sequence[Evidence]:
        """Everything that was kept, oldest first."""
        return [
            Evidence(row.origin, row.reason, row.known, row.offered, row.seen_at)
            for row in self._work.rows(_ALL_KEPT)
        ]

    def cosigned(self) -> Sequence[Cosigned]:
        """The newest cosignature of each witness under our own log."""
        newest: dict[str, Cosigned] = {}
        for row in self._work.rows(_FURTHEST):
            seen = Cosigned(row.name, row.size, row.last_at, row.last_line)
            known = newest.get(row.name)
            if known is not None and known.last_at > seen.last_at:
                seen = replace(seen, last_at=known.last_at, line=known.line)
            newest[row.name] = seen
        return list(newest.values())

    def keep_evidence(
        self, origin: str, *, reason: str, known: str, offered: str, at: datetime
    ) -> None:
        """Two heads that contradict each other (LR-18)."""
        row = {"origin": origin, "reason": reason, "known": known, "offered": offered}
        identity = {"id": self._work.randomness(16), "seen_at": at}
        self._work.change(_EVIDENCE, row | identity)

    def shown(self, witness: str) -> int:
        """The size of our own log that a peer or witness last confirmed, 0 if none."""
        row = self._work.row(_SHOWN, {"of": witness})
        return 0 if row is None else row.size

    def set_shown(self, witness: str, size: int) -> None:
        """It told which of our sizes it remembers; a peer is named by its member id."""
        if self._work.change(_MOVE_SHOWN, {"of": witness, "size": size}) == 0:
            self._work.change(_ADD_SHOWN, {"peer": witness, "size": size})

    def hear_clock(self, peer: MemberId, *, said_at: datetime, at: datetime) -> None:
        """Keep the newest clock that a peer signed."""
        row = {"said_at": said_at, "heard_at": at}
        if self._work.change(_MOVE_CLOCK, row | {"of": peer}) == 0:
            self._work.change(_ADD_CLOCK, row | {"peer": peer})

    def signed_times(self, own: str) -> Sequence[SignedTime]:
        """Times that others signed: in hellos, and the newest cosignature of each.

        Args:
            own: The name of the own witness, which confirms nothing.
        """
        hellos = [
            SignedTime(f"peer:{row.peer}", row.said_at, row.heard_at)
            for row in self._work.rows(_CLOCKS)
        ]
        newest: dict[str, SignedTime] = {}
        for row in self._work.rows(_COSIGNED, {"own": own}):
            said_at = from_micros(cosigned_at_s(row.last_line) * 1_000_000)
            found = SignedTime(f"log:{row.name}", said_at, row.last_at)
            newest.setdefault(row.name, found)
        return [*hellos, *newest.values()]

    def _keep_past(self, head: Head, shown: Extension | None) -> None:
        root = self.past(head.origin, head.size)
        if root is None:
            row = {"origin": head.origin, "size": head.size, "root": head.root}
            way: dict[str, int | str | None] = {"former": None, "path": None}
            if shown is not None and 0 < shown.size < head.size:
                way = {"former": shown.size, "path": encode_path(shown.path)}
            self._work.change(_ADD_PAST, row | way)
        elif root != head.root:
            raise HistoryConflictError("another root at a remembered size")
