"""The Merkle tree of the exchange log: roots, frontiers, proofs.

Enters: leaf inputs, hashes of complete subtrees, proofs from peers. Leaves: 32-byte
hashes, proofs, silence or one error. Must never happen: a proof verifying for another
index, leaf or root. A size is bound by the checkpoint that signs it beside its root,
not by a proof: trees of neighbouring sizes can have paths of one shape. Implements
exchange log 4. Sources: RFC 6962, 2.1; RFC 9162, 2.1.3.2 and 2.1.4.2 (verification).
"""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Self

from node.errors import LogError, MalformedMessageError, UsageError

HASH_BYTES: Final = 32
EMPTY_ROOT: Final = hashlib.sha256(b"").digest()
MAX_SIZE: Final = 2**63 - 1

# (level, index) -> hash of the complete subtree over the leaves from
# index * 2**level up to (index + 1) * 2**level, without the latter.
HashReader = Callable[[int, int], bytes]


def leaf_hash(leaf: bytes) -> bytes:
    """Hash of one leaf input."""
    return hashlib.sha256(b"\x00" + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash of an inner node."""
    return hashlib.sha256(b"\x01" + left + right).digest()


@dataclass(frozen=True, slots=True)
class Frontier:
    """All that is needed to append: the complete subtrees, largest first.

    There is one hash for each bit set in ``size``.
    """

    size: int = 0
    hashes: tuple[bytes, ...] = ()

    def __post_init__(self) -> None:
        if (
            not 0 <= self.size <= MAX_SIZE
            or len(self.hashes) != self.size.bit_count()
            or any(len(item) != HASH_BYTES for item in self.hashes)
        ):
            raise LogError("frontier does not fit its size")

    def append(self, leaf: bytes) -> Self:
        """The frontier after one more leaf hash."""
        return self.extend((leaf,))

    def extend(self, leaves: Iterable[bytes]) -> Self:
        """The frontier after more leaf hashes, in order."""
        size, stack = self.size, list(self.hashes)
        for leaf in leaves:
            item, bits = leaf, size
            # Each trailing one is a complete subtree of the same height as the item.
            while bits & 1:
                item = hashlib.sha256(b"\x01" + stack.pop() + item).digest()
                bits >>= 1
            stack.append(item)
            size += 1
        return type(self)(size, tuple(stack))

    def graft(self, root: bytes, height: int) -> Self:
        """The frontier after a whole subtree of 2**height leaves.

        Raises:
            UsageError: No such subtree begins at this size.
        """
        if height < 0 or self.size & ((1 << height) - 1):
            raise UsageError("no subtree of this height begins here")
        above = type(self)(self.size >> height, self.hashes).append(root)
        return type(self)(above.size << height, above.hashes)

    def root(self) -> bytes:
        """The root of the tree of this size."""
        return _fold(self.hashes)

    def encode(self) -> bytes:
        """Size (8 bytes, big endian), then the hashes."""
        return self.size.to_bytes(8, "big") + b"".join(self.hashes)

    @classmethod
    def decode(cls, text: bytes) -> Self:
        """Read what ``encode`` wrote.

        Raises:
            LogError: The hashes do not fit the size.
        """
        if len(text) < 8 or len(text) % HASH_BYTES != 8:
            raise LogError("frontier has another length")
        hashes = (text[i : i + HASH_BYTES] for i in range(8, len(text), HASH_BYTES))
        return cls(int.from_bytes(text[:8], "big"), tuple(hashes))


def root_over(hashes: Sequence[bytes]) -> bytes:
    """The root over a power of two of hashes, level by level: what a full tile has."""
    sha256 = hashlib.sha256
    while len(hashes) > 1:
        pairs = zip(hashes[::2], hashes[1::2], strict=True)
        hashes = [sha256(b"\x01" + left + right).digest() for left, right in pairs]
    return hashes[0]


class MemoryTree:
    """A whole tree in memory, for auditors, evidence and tests: a ``HashReader``."""

    def __init__(self, leaves: Iterable[bytes] = ()) -> None:
        """Build it over leaf hashes."""
        self._levels: list[list[bytes]] = [[]]
        for leaf in leaves:
            self.append(leaf)

    @property
    def size(self) -> int:
        """Number of leaves."""
        return len(self._levels[0])

    def append(self, leaf: bytes) -> None:
        """Add one leaf hash, and each subtree it completes."""
        item, level = leaf, 0
        while True:
            if level == len(self._levels):
                self._levels.append([])
            row = self._levels[level]
            row.append(item)
            if len(row) & 1:
                return
            item, level = node_hash(row[-2], row[-1]), level + 1

    def __call__(self, level: int, index: int) -> bytes:
        """The hash of one complete subtree."""
        return self._levels[level][index]


def root_of(size: int, tree: HashReader) -> bytes:
    """The root of the first ``size`` leaves."""
    return _subtree(0, size, tree) if size else EMPTY_ROOT


def inclusion_proof(index: int, size: int, tree: HashReader) -> tuple[bytes, ...]:
    """The audit path of one leaf, from the leaf up.

    Raises:
        UsageError: There is no such leaf.
    """
    if not 0 <= index < size:
        raise UsageError("no such leaf")
    start, end, path = 0, size, list[bytes]()
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            path.append(_subtree(middle, end, tree))
            end = middle
        else:
            path.append(_subtree(start, middle, tree))
            start = middle
    return tuple(reversed(path))


def consistency_proof(m: int, n: int, tree: HashReader) -> tuple[bytes, ...]:
    """The proof that the first ``n`` leaves begin with the first ``m``.

    Raises:
        UsageError: Not 0 < m <= n: that nothing begins everything is not proved but
            known, so a caller without a former head asks for no proof.
    """
    if not 0 < m <= n:
        raise UsageError("no such consistency proof")
    start, end, path = 0, n, list[bytes]()
    while m < end:
        middle = start + _split(end - start)
        if m <= middle:
            path.append(_subtree(middle, end, tree))
            end = middle
        else:
            path.append(_subtree(start, middle, tree))
            start = middle
    if start:  # else the verifier knows this hash already: it is the former root
        path.append(_subtree(start, end, tree))
    return tuple(reversed(path))


def verify_inclusion(
    index: int, size: int, leaf: bytes, proof: Sequence[bytes], root: bytes
) -> None:
    """Accept silently that a leaf hash stands at ``index`` under ``root``.

    Raises:
        MalformedMessageError: It does not, by this proof.
    """
    if not 0 <= index < size <= MAX_SIZE:
        raise MalformedMessageError("proof")
    _check_lengths(leaf, root, *proof)
    inner, border = _shape(index, size)
    if len(proof) != inner + border:
        raise MalformedMessageError("proof")
    found = _climb(leaf, proof[:inner], index)
    if _climb_border(found, proof[inner:]) != root:
        raise MalformedMessageError("proof")


def verify_consistency(
    m: int, n: int, root_m: bytes, root_n: bytes, proof: Sequence[bytes]
) -> None:
    """Accept silently that the tree of size ``n`` begins with the one of size ``m``.

    From size 0 to a larger one nothing verifies: any tree would.

    Raises:
        MalformedMessageError: It does not, by this proof.
    """
    if not 0 <= m <= n <= MAX_SIZE or (m == 0) != (n == 0):
        raise MalformedMessageError("proof")
    _check_lengths(root_m, root_n, *proof)
    if m == n:
        if proof or root_m != root_n or (m == 0 and root_m != EMPTY_ROOT):
            raise MalformedMessageError("proof")
        return
    # The walk starts at the last subtree that is complete in both trees. If that is
    # the whole former tree, its hash is known and left out of the proof.
    height = (m & -m).bit_length() - 1
    path = [root_m, *proof] if m == 1 << height else list(proof)
    inner, border = _shape(m - 1, n)
    inner -= height
    if len(path) != 1 + inner + border:
        raise MalformedMessageError("proof")
    seed, climb, edge = path[0], path[1 : 1 + inner], path[1 + inner :]
    turns = (m - 1) >> height
    lefts = [item for bit, item in enumerate(climb) if turns >> bit & 1]
    former = _climb_border(seed, lefts + edge)
    latter = _climb_border(_climb(seed, climb, turns), edge)
    if former != root_m or latter != root_n:
        raise MalformedMessageError("proof")


def _shape(index: int, size: int) -> tuple[int, int]:
    """Length of an audit path below and along the right border of the tree."""
    inner = (index ^ (size - 1)).bit_length()
    return inner, (index >> inner).bit_count()


def _climb(seed: bytes, path: Sequence[bytes], turns: int) -> bytes:
    """Hash upwards; bit ``i`` of ``turns`` says that step ``i`` comes from the right."""
    found = seed
    for bit, item in enumerate(path):
        pair = (item, found) if turns >> bit & 1 else (found, item)
        found = node_hash(*pair)
    return found


def _climb_border(seed: bytes, path: Sequence[bytes]) -> bytes:
    """Hash upwards along the right border: every sibling stands on the left."""
    found = seed
    for item in path:
        found = node_hash(item, found)
    return found


def _split(size: int) -> int:
    """The largest power of two below ``size``."""
    return 1 << (size - 1).bit_length() - 1


def _subtree(start: int, end: int, tree: HashReader) -> bytes:
    """The hash over leaves from ``start`` to ``end``, from complete subtrees."""
    hashes = []
    while start < end:
        level = (end - start).bit_length() - 1
        hashes.append(tree(level, start >> level))
        start += 1 << level
    return _fold(hashes)


def _fold(hashes: Sequence[bytes]) -> bytes:
    """One hash over complete subtrees, largest first."""
    if not hashes:
        return EMPTY_ROOT
    found = hashes[-1]
    for item in reversed(hashes[:-1]):
        found = node_hash(item, found)
    return found


def _check_lengths(*hashes: bytes) -> None:
    if any(len(item) != HASH_BYTES for item in hashes):
        raise MalformedMessageError("proof")
