"""The store as the node's event loop knows it: threads for its work, signals out of it.

Enters: use cases and slow work on files from the loop. Leaves: their results, and wakes
after commits. Must never happen: the loop waiting for a disk; a wake that is lost and not
found again by a restart.
"""

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

from node.store.runner import Store
from node.sync.rows import Wake

T = TypeVar("T")


class ThreadRunner:
    """The store's runner as delivery and routes know it, with threads for slow files."""

    def __init__(self, store: Store) -> None:
        """Wrap the store."""
        self._store = store

    async def read(self, use_case: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        """Run on a read-only unit of work."""
        return await self._store.read(use_case, *args, **kwargs)

    async def write(self, use_case: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        """Run on a unit of work of its own, durable on return."""
        return await self._store.write(use_case, *args, **kwargs)

    async def file(self, job: Callable[..., T], *args: Any) -> T:
        """Run slow work on files in a thread."""
        return await asyncio.to_thread(job, *args)


class Signals:
    """Leads wakes from the store to the worker, which is made after it."""

    def __init__(self) -> None:
        """Nobody listens yet; a restart finds what was missed."""
        self.listener: Callable[[Wake, str], None] | None = None

    def __call__(self, what: Wake, key: str) -> None:
        """Pass one signal on."""
        if self.listener is not None:
            self.listener(what, key)
