"""Do the leaves still give the roots that somebody signed?

Enters: leaf hashes in order, the heads that vouch for them, and where bodies and tiles
differ. Leaves: the kind of tampering and its first index, or, for a rewrite consistent in
itself, the two sizes between which it began. Must never happen: a change below a foreign
head going unnoticed. Implements EL-1 and the findings of exchange-log 8 about leaves, tiles
and heads. Memory does not grow with the log.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import combinations
from typing import Final

from node.crypto.merkle import Frontier
from node.exchangelog.evidence import TILE, Evidence, Tiles
from node.exchangelog.export import TileReader
from node.exchangelog.finding import Code, Ledger
from node.exchangelog.heads import Source, Voucher

_MOST_EXPLAINED: Final = 48
_MOST_DIFFERING: Final = 1000
_TILE_HEIGHT: Final = 8
_MOST_LEVELS: Final = 7  # 256**8 leaves are beyond the largest size


class Structure:
    """Rebuilds the tree and compares it with every head, as the leaves go by."""

    def __init__(
        self, vouchers: Iterator[Voucher], tile: TileReader, ledger: Ledger
    ) -> None:
        """Start with the empty tree."""
        self.frontier = Frontier()
        self.agreed = 0
        self.witnessed = 0
        self._tiles = Tiles(tile)
        self._ledger = ledger
        self._vouchers = vouchers
        self._next = next(vouchers, None)
        # Leaves since the last head that agreed; None once they are too many to explain.
        self._base = self.frontier
        self._since: list[bytes] | None = []
        self._tail: Voucher | None = None
        self._tail_leaves: tuple[bytes, ...] = ()
        self._differing: list[Voucher] = []
        self._independent = 0
        self._rewritten: tuple[int, int] | None = None
        self._signed: Voucher | None = None
        self._row_size: int | None = None
        self._beyond: int | None = None
        self._judge()

    @property
    def size(self) -> int:
        """How many leaves went by."""
        return self.frontier.size

    @property
    def room(self) -> int:
        """How many leaves ``add`` takes at most: up to the next head or full tile."""
        room = TILE - self.size % TILE
        return room if self._next is None else min(room, self._next.size - self.size)

    def add(self, leaves: Sequence[bytes]) -> list[Voucher]:
        """Take the next leaf hashes, at most ``room``; return the heads they confirm."""
        root = self._tiles.extend(leaves)
        if root is not None and len(leaves) == TILE:
            self.frontier = self.frontier.graft(root, _TILE_HEIGHT)
        else:
            self.frontier = self.frontier.extend(leaves)
        if self._since is not None:
            self._since += leaves
            if len(self._since) > _MOST_EXPLAINED:
                self._since = None
        return self._judge()

    def finish(self, bodies: Evidence, *, unconfirmed: int, whole: bool) -> None:
        """Name what was found.

        Args:
            bodies: Where an opened body belongs to another leaf.
            unconfirmed: The last index that no opened body confirms, or -1.
            whole: Whether each leaf row followed the one before.
        """
        beyond = [] if self._next is None else [self._next, *self._vouchers]
        self._beyond = next((v.size for v in beyond if v.source.independent), None)
        self._row_size = next(
            (v.size for v in beyond if v.source is Source.ROW), self._row_size
        )
        if whole and self._tail is not None:
            self._name_change(self._tail, bodies, unconfirmed, short=bool(beyond))
        elif whole:
            self._name_end(bodies, short=bool(beyond))
        self._name_heads()
        self._name_copies(bodies)

    def name_excess(self, tiles: Iterable[tuple[int, int]]) -> None:
        """Tiles that the leaves do not fill, or of a level that no log reaches."""
        size = self.size
        for level, number in tiles:
            known = 0 <= level <= _MOST_LEVELS and number >= 0
            if not known or (number + 1) * TILE ** (level + 1) > size:
                text = "a tile stands where the leaves fill none"
                self._ledger.add(Code.TILE_DIFFERS, size, text)

    def _judge(self) -> list[Voucher]:
        """Compare the tree with every head of its present size."""
        agreeing: list[Voucher] = []
        while self._next is not None and self._next.size == self.frontier.size:
            head, self._next = self._next, next(self._vouchers, None)
            self._watch_forks(head)
            if head.source is Source.ROW:
                self._row_size = head.size
            if head.root == self.frontier.root():
                # Mark and row carry no signature: they cannot heal a signed difference.
                if self._tail is None or head.source.signed:
                    self._agree(head)
                agreeing.append(head)
            else:
                self._differ(head)
        return agreeing

    def _watch_forks(self, head: Voucher) -> None:
        """Two roots of one size under the log's signature are a fork by themselves."""
        if not head.source.signed:
            return
        other, self._signed = self._signed, head
        if other is not None and other.size == head.size and other.root != head.root:
            self._ledger.add(
                Code.FORK, head.size, "the log signed two different heads of this size"
            )

    def _agree(self, head: Voucher) -> None:
        self.agreed = head.size
        self._tail = None
        self._base, self._since = self.frontier, []
        if head.source.witnessed:
            self.witnessed = head.size
        # A mark that agrees may have been rewritten with the log; a foreign signature not.
        if head.source.witnessed and self._rewritten is None:
            self._independent = head.size

    def _differ(self, head: Voucher) -> None:
        if self._tail is None:
            self._tail = head
            self._tail_leaves = tuple(self._since or ())
        if len(self._differing) < _MOST_DIFFERING:
            self._differing.append(head)
        if head.source.independent and self._rewritten is None:
            self._rewritten = (self._independent, head.size)

    def _name_change(
        self, tail: Voucher, bodies: Evidence, unconfirmed: int, *, short: bool
    ) -> None:
        """No head agrees from some size on: what happened to the leaves below it?"""
        low, high = self.agreed, tail.size
        bracket = f"between size {low}, which still agrees, and {high}, which does not"
        known = self._first_known(bodies, low, high)
        if known is not None:
            self._ledger.add(*known, f"the leaf is not the one under head {high}")
        elif short:
            self._ledger.add(Code.LEAF_MISSING, low, bracket)
        elif (swapped := self._first_swapped(tail)) is not None:
            self._ledger.add(Code.ORDER_CHANGED, swapped, bracket)
        elif tail.source is Source.ROW and unconfirmed < low:
            text = "the stored frontier is not that of the leaves"
            self._ledger.add(Code.TILE_DIFFERS, high, text)
        elif self._row_size is not None and self.size > self._row_size:
            self._ledger.add(Code.LEAF_EXTRA, low, bracket)
        else:
            self._ledger.add(Code.REWRITTEN, low, bracket)

    def _first_known(
        self, bodies: Evidence, low: int, high: int
    ) -> tuple[Code, int] | None:
        """The first place where a body or a tile tells what the leaf was."""
        for evidence in (bodies, self._tiles.evidence):
            index = evidence.first(low, high)
            if index is not None:
                return evidence.kind(index), index
        return None

    def _first_swapped(self, tail: Voucher) -> int | None:
        """Whether exchanging two leaves gives the signed root; tried for short spans."""
        leaves = self._tail_leaves
        if self._base.size + len(leaves) != tail.size:
            return None
        for one, other in combinations(range(len(leaves)), 2):
            tried = list(leaves)
            tried[one], tried[other] = tried[other], tried[one]
            if self._base.extend(tried).root() == tail.root:
                return self._base.size + one
        return None

    def _name_end(self, bodies: Evidence, *, short: bool) -> None:
        """Every head up to here agrees: does the log end where it should?"""
        size = self.size
        known = self._first_known(bodies, self.agreed, size)
        moved = known is not None and known[0] is Code.LEAF_MISSING
        if known is not None and (moved or not short):
            self._ledger.add(*known, "no head covers this leaf")
        elif short:
            text = (
                "heads vouch for more leaves than there are; "
                f"witnessed sizes: {self._independent}, which agrees, and {self._beyond}"
            )
            self._ledger.add(Code.TAIL_CUT, size, text)
        elif self._row_size is not None and size > self.agreed:
            text = "no head and no sequencer row covers this leaf"
            self._ledger.add(Code.LEAF_EXTRA, self.agreed, text)
        elif self._row_size is not None and self._row_size < size:
            text = "the sequencer's row is older than the leaves"
            self._ledger.add(Code.TILE_DIFFERS, self._row_size, text)

    def _name_heads(self) -> None:
        """Heads that differ although a later one agrees."""
        for head in self._differing:
            if head.size > self.agreed or head.source.independent:
                continue
            if head.source is Source.ROW:
                text = "the stored frontier is not that of the leaves"
                self._ledger.add(Code.TILE_DIFFERS, head.size, text)
            else:
                text = "a later signed head does not continue this one"
                self._ledger.add(Code.CHECKPOINT_NOT_EXTENDING, head.size, text)
        if self._rewritten is not None and self._rewritten[1] <= self.agreed:
            low, high = self._rewritten
            text = f"between the witnessed sizes {low}, which agrees, and {high}"
            self._ledger.add(Code.REWRITTEN, low, text)

    def _name_copies(self, bodies: Evidence) -> None:
        """Where a head proves the leaf right, its body or tile is wrong."""
        for index in sorted(bodies.actual):
            if index < self.agreed:
                text = "the body is not what its leaf commits to"
                self._ledger.add(Code.BODY_CHANGED, index, text)
        for index in sorted(self._tiles.evidence.actual):
            if index < self.agreed:
                text = "the tile is not what its leaf hashes to"
                self._ledger.add(Code.TILE_DIFFERS, index, text)
        for first, span in self._tiles.high:
            if first + span <= self.agreed:
                text = "a tile above the leaves is not what they hash to"
                self._ledger.add(Code.TILE_DIFFERS, first, text)
        for first in self._tiles.absent:
            self._ledger.add(Code.TILE_DIFFERS, first, "a full tile is missing")
