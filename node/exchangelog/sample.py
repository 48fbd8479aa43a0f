"""A sample that can be repeated and that nobody can steer.

Enters: where each transfer begins in the log, a seed that the auditor chose, a head that a
foreign witness cosigned. Leaves: transfers in the order of the sample. Must never happen: a
head that the node alone signed, for it could try many until a sample pleases it.
Implements EL-18 and the verb ``sample`` of exchange-log 8.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from node.crypto.checkpoint import Checkpoint
from node.ids import TransferId


@dataclass(frozen=True, slots=True)
class Drawn:
    """One transfer of a sample; ``rank`` is what it was ordered by."""

    transfer: TransferId
    index: int
    rank: bytes


def draw(
    starts: Mapping[TransferId, int], count: int, seed: str, head: Checkpoint
) -> tuple[Drawn, ...]:
    """The first transfers by SHA-256(seed, root of the head, index of their first entry).

    Args:
        starts: The index of each transfer's first entry; those above the head are left out.
        count: How many.
        seed: Any text, in UTF-8.
        head: Cosigned by a foreign witness; the caller has verified it.
    """
    drawn = [
        Drawn(transfer, index, _rank(seed, head.root, index))
        for transfer, index in starts.items()
        if index < head.size
    ]
    return tuple(sorted(drawn, key=lambda each: each.rank)[:count])


def _rank(seed: str, root: bytes, index: int) -> bytes:
    text = hashlib.sha256(seed.encode()).digest()
    return hashlib.sha256(text + root + index.to_bytes(8, "big")).digest()
