"""Chance that can be repeated: one seed, always the same throws.

Enters: a seed. Leaves: numbers, picks and shuffled decks. Must never happen: a throw that
depends on the clock, the machine or the order of a set; and never a key, for these bytes
are public. The exact numbers of the demo come from decks: what a quota names is dealt as
often as it says and no throw can change that. Implements DO-45.
"""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Self, TypeVar

T = TypeVar("T")


class Chance:
    """A stream of bytes, SHA-256 over the seed and a counter."""

    def __init__(self, seed: bytes) -> None:
        """Begin at the first byte of this seed's stream."""
        self._seed = hashlib.sha256(seed).digest()
        self._blocks = 0
        self._left = b""

    def of(self, *names: str) -> Self:
        """A stream of its own, so that one room's throws do not move another's."""
        return type(self)(self._seed + "\0".join(names).encode())

    def bytes(self, count: int) -> bytes:
        """The next bytes of the stream."""
        while len(self._left) < count:
            self._left += hashlib.sha256(b"%s%d" % (self._seed, self._blocks)).digest()
            self._blocks += 1
        taken, self._left = self._left[:count], self._left[count:]
        return taken

    def below(self, limit: int) -> int:
        """A number from 0 to below the limit; 48 bits are dealt out evenly enough."""
        return int.from_bytes(self.bytes(6), "big") % limit

    def between(self, first: int, last: int) -> int:
        """A number from first to last, both included."""
        return first + self.below(last - first + 1)

    def one_in(self, count: int) -> bool:
        """Whether a throw of one in so many hits."""
        return self.below(count) == 0

    def pick(self, options: Sequence[T]) -> T:
        """One of these."""
        return options[self.below(len(options))]

    def shuffled(self, items: Sequence[T]) -> list[T]:
        """All of these, in another order."""
        deck = list(items)
        for last in range(len(deck) - 1, 0, -1):
            other = self.below(last + 1)
            deck[last], deck[other] = deck[other], deck[last]
        return deck

    def deck(self, quota: Mapping[T, int]) -> list[T]:
        """Each key as often as its number says, shuffled."""
        return self.shuffled(
            [key for key, count in quota.items() for _ in range(count)]
        )
