"""A document on its way in, sealed while it arrives.

Enters: portions, as slowly as somebody's line is. Leaves: a sealed file that no row names
yet. Must never happen: a whole document in memory; a thread of the pools held by a slow
line; half a file under a name. Implements SR-U1.
"""

import queue
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Final

from node.cases.staged import StagedDocument
from node.errors import StoreError

AHEAD: Final = 4
PATIENCE_S: Final = 60.0


class Incoming:
    """One document; used from one thread at a time, and finished or dropped."""

    def __init__(self, seal: Callable[[Iterator[bytes]], StagedDocument]) -> None:
        """Begin; ``seal`` writes what it is given and gives the file."""
        self._portions: queue.Queue[bytes | None] = queue.Queue(AHEAD)
        self._is_dropped = False
        # A thread of its own: a slow line holds none of the pools.
        own = ThreadPoolExecutor(1, thread_name_prefix="incoming")
        self._outcome = own.submit(seal, self._arriving())
        own.shutdown(wait=False)

    def add(self, portion: bytes) -> None:
        """Seal one more portion.

        Raises:
            StoreError: The disk did not take what came before.
        """
        if portion:
            self._put(portion)

    def finish(self) -> StagedDocument:
        """It was the whole document, and is synced now.

        Raises:
            StoreError: The disk did not take it.
        """
        self._put(None)
        return self._outcome.result()

    def drop(self) -> None:
        """Forget it; nothing stays on the disk."""
        self._is_dropped = True
        while not self._outcome.done():
            try:
                self._portions.put(None, timeout=0.1)
            except queue.Full:
                continue
            break
        wait([self._outcome])

    def _put(self, portion: bytes | None) -> None:
        while True:
            if self._outcome.done():
                self._outcome.result()
                raise StoreError("document ended early")
            try:
                self._portions.put(portion, timeout=0.1)
            except queue.Full:
                continue
            return

    def _arriving(self) -> Iterator[bytes]:
        while True:
            try:
                portion = self._portions.get(timeout=PATIENCE_S)
            except queue.Empty:
                raise StoreError("document stopped arriving") from None
            if self._is_dropped:
                raise StoreError("document not wanted")
            if portion is None:
                return
            yield portion
