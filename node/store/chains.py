"""Both chains of each pair as one row, and the quarantine.

Enters: positions. Leaves: the newest ones, with the pair's row locked until the commit.
Must never happen: two statements with one number (HO-43), a chain that goes back (P13).
Implements ``Chains``.
"""

from typing import Final

from sqlalchemy import ColumnElement, Select, and_, bindparam, or_, select, update

# SQLite speaks the same ON CONFLICT.
from sqlalchemy.dialects.postgresql import Insert, insert

from node.errors import SchemaError
from node.ids import MemberId
from node.store.tables import chain as _chain
from node.store.tables import node_state as _node
from node.store.work import Work
from node.sync.chain import Position


def _last(side: str) -> Select[int | None, int | None, bytes | None]:
    """The newest position of one direction, under the lock of the pair's row."""
    c = _chain.c
    inc, seq, digest = c[f"{side}_inc"], c[f"{side}_seq"], c[f"{side}_digest"]
    return select(inc, seq, digest).where(c.peer == bindparam("pair")).with_for_update()


def _advance(side: str) -> Insert:
    """Move one direction forward, never back; the first statement makes the row."""
    new = insert(_chain)
    inc, seq, digest = f"{side}_inc", f"{side}_seq", f"{side}_digest"
    old, excluded = _chain.c, new.excluded
    is_later: ColumnElement[bool] = or_(
        old[inc].is_(None),
        old[inc] < excluded[inc],
        and_(old[inc] == excluded[inc], old[seq] < excluded[seq]),
    )
    return new.on_conflict_do_update(
        index_elements=["peer"],
        set_={name: excluded[name] for name in (inc, seq, digest)},
        where=is_later,
    )


def _quarantine() -> Insert:
    new = insert(_chain)
    names = ("quarantine_code", "quarantine_proof")
    return new.on_conflict_do_update(
        index_elements=["peer"],
        set_={name: new.excluded[name] for name in names},
        # The first proof is the one to keep.
        where=_chain.c.quarantine_code.is_(None),
    )


_MEET: Final = insert(_chain).on_conflict_do_nothing()
_LAST_OUT: Final = _last("out")
_LAST_IN: Final = _last("in")
_ADVANCE_OUT: Final = _advance("out")
_ADVANCE_IN: Final = _advance("in")
_QUARANTINE: Final = _quarantine()
_QUARANTINED: Final = select(_chain.c.quarantine_code).where(
    _chain.c.peer == bindparam("pair")
)
_RESTART: Final = update(_chain).where(_chain.c.peer == bindparam("pair"))
_BEGIN: Final = update(_node).where(
    _node.c.id == 1, _node.c.incarnation < bindparam("below")
)
_INCARNATION: Final = select(_node.c.incarnation)


class SqlChains:
    """One row per peer."""

    def __init__(self, work: Work) -> None:
        self._work = work

    def last_out(self, peer: MemberId) -> Position | None:
        """Our newest statement to the peer; locks the pair's row until the commit (HO-43)."""
        return self._last(_LAST_OUT, peer)

    def advance_out(self, peer: MemberId, position: Position) -> None:
        """Remember our newest statement. ConflictError if the chain is past it."""
        inc, seq, digest = position.inc, position.seq, position.digest
        self._work.move(
            _ADVANCE_OUT,
            {"peer": peer, "out_inc": inc, "out_seq": seq, "out_digest": digest},
        )

    def last_in(self, peer: MemberId) -> Position | None:
        """The peer's newest statement taken without a gap; locks the pair's row."""
        return self._last(_LAST_IN, peer)

    def advance_in(self, peer: MemberId, position: Position) -> None:
        """Remember the peer's newest statement. ConflictError if the chain is past it."""
        inc, seq, digest = position.inc, position.seq, position.digest
        self._work.move(
            _ADVANCE_IN,
            {"peer": peer, "in_inc": inc, "in_seq": seq, "in_digest": digest},
        )

    def incarnation(self) -> int:
        """Our own incarnation; rises with each recovery."""
        row = self._work.row(_INCARNATION)
        if row is None:
            raise SchemaError("the node's own row is missing")
        return int(row[0])

    def begin_incarnation(self, inc: int) -> None:
        """Recovery: all our chains start anew under this incarnation (HO-25)."""
        self._work.move(_BEGIN, {"incarnation": inc, "below": inc})

    def restart(
        self, peer: MemberId, *, out: Position | None, taken: Position | None
    ) -> None:
        """Recovery: stand where the peer remembers us; its quarantine, ours, is over.

        Args:
            peer: The pair.
            out: Our newest statement that the peer holds (HO-42).
            taken: Its newest statement that it knows we took.
        """
        self._work.change(_MEET, {"peer": peer})
        row: dict[str, object] = {"quarantine_code": None, "quarantine_proof": None}
        for side, place in (("out", out), ("in", taken)):
            row |= {
                f"{side}_inc": place and place.inc,
                f"{side}_seq": place and place.seq,
                f"{side}_digest": place and place.digest,
            }
        self._work.change(_RESTART, row | {"pair": peer})

    def quarantine(self, peer: MemberId, code: str, proof: str) -> None:
        """Stop talking to this peer but for hello; the first proof stands."""
        self._work.change(
            _QUARANTINE,
            {"peer": peer, "quarantine_code": code, "quarantine_proof": proof},
        )

    def quarantined(self, peer: MemberId) -> bool:
        """Whether the pair is in quarantine."""
        row = self._work.row(_QUARANTINED, {"pair": peer})
        return row is not None and row[0] is not None

    def _last(
        self, newest: Select[int | None, int | None, bytes | None], peer: MemberId
    ) -> Position | None:
        row = self._work.row(newest, {"pair": peer})
        if row is None and not self._work.is_reading:
            # There must be a row to lock before the first statement is numbered.
            self._work.change(_MEET, {"peer": peer})
            row = self._work.row(newest, {"pair": peer})
        return None if row is None or row[0] is None else Position(*row)
