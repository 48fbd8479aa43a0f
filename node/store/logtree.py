"""The tree of the exchange log in SQL: leaves, and tiles of 256 hashes over them.

Enters: leaf inputs to append. Leaves: rows, and hashes of subtrees for proofs. Must never
happen: a hash from anything but stored rows; a cache of the tree between two units (LR-7).
Implements the tree's part of exchange log 4 and 9.1. Source of the layout: C2SP
tlog-tiles, full tiles only; the open tile at the right edge is read from what it stands on.

A hash of tile level ``t`` is the root over 256**t leaves. Its tile's own root stands beside
it, so that a proof over a million leaves reads a handful of rows.
"""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Row, bindparam, insert, select

from node.crypto.commit import leaf_input
from node.crypto.merkle import (
    HASH_BYTES,
    Frontier,
    HashReader,
    leaf_hash,
    node_hash,
    root_of,
    root_over,
)
from node.errors import LogError, UsageError
from node.exchangelog.export import TileRow
from node.store.logtables import log_head, log_leaf, log_tile
from node.store.work import Work

HEIGHT: Final = 8
WIDTH: Final = 1 << HEIGHT

_SIZE: Final = select(log_head.c.size)
_INDEX: Final = select(log_leaf.c.idx).where(log_leaf.c.input == bindparam("leaf"))
_ADD_LEAF: Final = insert(log_leaf)
_LEAVES: Final = (
    select(log_leaf.c.input)
    .where(log_leaf.c.idx >= bindparam("start"), log_leaf.c.idx < bindparam("end"))
    .order_by(log_leaf.c.idx)
)
_ADD_TILE: Final = insert(log_tile)
_TILE: Final = select(log_tile.c.data, log_tile.c.root).where(
    log_tile.c.level == bindparam("at"), log_tile.c.n == bindparam("number")
)
_ROOTS: Final = (
    select(log_tile.c.root)
    .where(
        log_tile.c.level == bindparam("at"),
        log_tile.c.n >= bindparam("start"),
        log_tile.c.n < bindparam("end"),
    )
    .order_by(log_tile.c.n)
)


class LogTree:
    """The tree as one unit of work sees it."""

    def __init__(self, work: Work) -> None:
        """Serve one unit."""
        self._work = work
        self._reader: _Reader | None = None

    def extend(self, frontier: Frontier, inputs: Sequence[bytes]) -> Frontier:
        """Insert leaves, and the tiles that they complete.

        Args:
            frontier: The tree before, from the locked head.
            inputs: Leaf inputs (33 bytes each), in order, at least one.

        Returns:
            The frontier after them, to be written to the head.
        """
        self._reader = None
        first = frontier.size
        rows = [{"idx": idx, "input": leaf} for idx, leaf in enumerate(inputs, first)]
        self._work.change(_ADD_LEAF, rows)
        hashes = [leaf_hash(leaf) for leaf in inputs]
        self._fill(0, first, hashes)
        return frontier.extend(hashes)

    def index_of(self, entry: bytes) -> int | None:
        """The place of a commitment, None if it is not in the tree."""
        row = self._work.row(_INDEX, {"leaf": leaf_input(entry)})
        return None if row is None else row.idx

    def reader(self) -> HashReader:
        """Hashes of complete subtrees of the tree as it stands, each tile read once."""
        return self._read_once()

    def root(self, size: int) -> bytes | None:
        """The root of the first leaves, None if there are fewer."""
        reader = self._read_once()
        if not 0 <= size <= reader.size:
            return None
        return reader.root(size)

    def _read_once(self) -> "_Reader":
        """One for this unit and this size: many statements ask about nearly one head."""
        row = self._work.row(_SIZE)
        size = -1 if row is None else row.size
        if self._reader is None or self._reader.size != size:
            self._reader = _Reader(self, size)
        return self._reader

    def tile(self, level: int, number: int) -> TileRow | None:
        """A full tile as stored, None if there is none."""
        row = self._work.row(_TILE, {"at": level, "number": number})
        return None if row is None else TileRow(row.data, row.root)

    def hashes(self, level: int, start: int, end: int) -> list[bytes]:
        """Hashes of a tile level, from what it stands on: leaves, or roots of tiles.

        Raises:
            LogError: Some are missing.
        """
        place = {"start": start, "end": end}
        if level == 0:
            found = [leaf_hash(leaf) for leaf in self._work.column(_LEAVES, place)]
        else:
            found = self._work.column(_ROOTS, place | {"at": level - 1})
        if len(found) != end - start:
            raise LogError("leaves or tiles are missing")
        return found

    def _fill(self, level: int, first: int, hashes: list[bytes]) -> None:
        """Write the tiles that these hashes complete, then the tiles above those."""
        full = range(first // WIDTH, (first + len(hashes)) // WIDTH)
        if not full:
            return
        known = self.hashes(level, full.start * WIDTH, first) + hashes
        tiles = [known[i * WIDTH : (i + 1) * WIDTH] for i in range(len(full))]
        roots = [root_over(tile) for tile in tiles]
        self._work.change(
            _ADD_TILE,
            [
                {"level": level, "n": number, "data": b"".join(tile), "root": root}
                for number, tile, root in zip(full, tiles, roots, strict=True)
            ],
        )
        self._fill(level + 1, full.start, roots)


class _Reader:
    """A ``HashReader`` that reads each tile once and hashes each inner node once."""

    def __init__(self, tree: LogTree, size: int) -> None:
        self._tree = tree
        self.size = size
        self._tiles: dict[tuple[int, int], list[bytes]] = {}
        self._known: dict[tuple[int, int], bytes] = {}
        self._roots: dict[int, bytes] = {}

    def root(self, size: int) -> bytes:
        """The root of the first leaves."""
        if size not in self._roots:
            self._roots[size] = root_of(size, self)
        return self._roots[size]

    def __call__(self, level: int, index: int) -> bytes:
        """The root of one complete subtree.

        Raises:
            UsageError: The tree does not reach so far.
            LogError: Stored hashes are missing.
        """
        found = self._known.get((level, index))
        if found is None:
            if (index + 1) << level > self.size:
                raise UsageError("the tree does not reach so far")
            tile_level, height = divmod(level, HEIGHT)
            if height == 0:
                number, offset = divmod(index, WIDTH)
                return self._tile(tile_level, number)[offset]
            left, right = self(level - 1, 2 * index), self(level - 1, 2 * index + 1)
            found = self._known[level, index] = node_hash(left, right)
        return found

    def _tile(self, level: int, number: int) -> list[bytes]:
        if (level, number) not in self._tiles:
            self._tiles[level, number] = self._read(level, number)
        return self._tiles[level, number]

    def _read(self, level: int, number: int) -> list[bytes]:
        end = self.size >> level * HEIGHT
        if (number + 1) * WIDTH > end:
            return self._tree.hashes(level, number * WIDTH, end)
        tile = self._tree.tile(level, number)
        if tile is None:
            raise LogError("a tile is missing")
        size = len(tile.data)
        return [tile.data[i : i + HASH_BYTES] for i in range(0, size, HASH_BYTES)]


def frontier_of(row: Row[*tuple[Any, ...]]) -> Frontier:
    """The frontier in the row of the log's head.

    Raises:
        LogError: It does not fit the size beside it.
    """
    frontier = Frontier.decode(row.frontier)
    if frontier.size != row.size:
        raise LogError("the log's head contradicts itself")
    return frontier
