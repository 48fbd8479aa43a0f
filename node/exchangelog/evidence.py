"""What other records say a leaf was: opened bodies and tiles.

Enters: leaf hashes in order, the stored tiles, single differences. Leaves: where they
differ, and from the neighbours of the first difference the kind of tampering. Must never
happen: a difference being blamed on the leaf before a signed head was asked; that is
``structure.py``'s business. Implements exchange-log 4 (tiles), EL-1 (kind and index).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from node.crypto.merkle import HASH_BYTES, root_over
from node.exchangelog.export import TileReader
from node.exchangelog.finding import Code

TILE: Final = 256
_MOST_EVIDENCE: Final = 1024


@dataclass(slots=True)
class Evidence:
    """Places where another record says the leaf was something else.

    ``after`` holds leaves that no record speaks of, next to a difference.
    """

    actual: dict[int, bytes] = field(default_factory=dict)
    expected: dict[int, bytes] = field(default_factory=dict)
    after: dict[int, bytes] = field(default_factory=dict)

    def note(self, index: int, actual: bytes | None, expected: bytes) -> None:
        """Remember one difference; ``actual`` is None where there is no leaf at all."""
        if len(self.expected) < _MOST_EVIDENCE:
            self.expected[index] = expected
            if actual is not None:
                self.actual[index] = actual

    def silent(self, index: int, actual: bytes) -> None:
        """No record speaks of this leaf; it may be the neighbour of a difference."""
        if index - 1 in self.actual:
            self.after[index] = actual

    def first(self, low: int, high: int) -> int | None:
        """The first difference from ``low`` up to, without, ``high``."""
        return min((i for i in self.actual if low <= i < high), default=None)

    def kind(self, index: int) -> Code:
        """What happened at the first difference, from its neighbours."""
        actual, expected = self.actual[index], self.expected[index]
        for other, found in self.actual.items():
            if other != index and (found, self.expected[other]) == (expected, actual):
                return Code.ORDER_CHANGED
        if self.expected.get(index + 1) == actual:
            return Code.LEAF_MISSING
        if self.actual.get(index + 1, self.after.get(index + 1)) == expected:
            return Code.LEAF_EXTRA
        return Code.LEAF_CHANGED


class Tiles:
    """Builds the full tiles again and compares each with the stored one."""

    def __init__(self, tile: TileReader) -> None:
        """Start before the first leaf."""
        self.evidence = Evidence()
        self.absent: list[int] = []
        self.high: list[tuple[int, int]] = []
        self._tile = tile
        self._rows: list[list[bytes]] = []
        self._numbers: list[int] = []

    def extend(self, leaves: Sequence[bytes]) -> bytes | None:
        """Take the next leaf hashes, not beyond the end of a tile.

        Returns:
            The root of the tile that they complete, None if they complete none.
        """
        return self._fill(0, leaves)

    def _fill(self, level: int, items: Sequence[bytes]) -> bytes | None:
        """Add to the open tile of a level; a full one is compared and folded."""
        if level == len(self._rows):
            self._rows.append([])
            self._numbers.append(0)
        row = self._rows[level]
        row += items
        if len(row) < TILE:
            return None
        self._rows[level] = []
        root = root_over(row)
        self._compare(level, self._numbers[level], row, root)
        self._numbers[level] += 1
        self._fill(level + 1, (root,))
        return root

    def _compare(self, level: int, number: int, row: list[bytes], root: bytes) -> None:
        """``high`` holds first leaf and span of each difference above the leaves."""
        stored = self._tile(level, number)
        span = TILE**level
        first = number * TILE * span
        if stored is None or len(stored.data) != TILE * HASH_BYTES:
            self.absent.append(first)
            return
        if stored.data == b"".join(row):
            if stored.root != root:
                self.high.append((first, TILE * span))
            return
        for slot, item in enumerate(row):
            expected = stored.data[slot * HASH_BYTES : (slot + 1) * HASH_BYTES]
            if expected == item:
                continue
            if level == 0:
                self.evidence.note(first + slot, item, expected)
            else:
                self.high.append((first + slot * span, span))
