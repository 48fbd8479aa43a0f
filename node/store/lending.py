"""Reader threads that several stores of one process share.

Enters: a pool that somebody else owns. Leaves: an executor for one store, which knows its
own work and waits for that alone. Must never happen: a store closed while one of its reads
still runs; a store that ends the threads of the others.
"""

from collections.abc import Callable
from concurrent.futures import Executor, Future, wait
from threading import Lock
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class LentThreads(Executor):
    """The part of one store in threads that belong to all."""

    def __init__(self, pool: Executor) -> None:
        """Borrow; the owner ends the pool after all stores are closed."""
        self._pool = pool
        self._lock = Lock()
        self._running: set[Future[object]] = set()

    def submit(
        self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs
    ) -> Future[T]:
        """Run in one of the shared threads."""
        with self._lock:
            future = self._pool.submit(fn, *args, **kwargs)
            self._running.add(future)  # type: ignore[arg-type]
        future.add_done_callback(self._forget)
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: FBT001, FBT002 - the signature is the library's
        """Wait for our own work; the threads go on for the others."""
        with self._lock:
            ours = set(self._running)
        for future in ours if cancel_futures else ():
            future.cancel()
        if wait:
            _wait_for(ours)

    def _forget(self, future: Future[T]) -> None:
        with self._lock:
            self._running.discard(future)


def _wait_for(futures: set[Future[object]]) -> None:
    wait(futures)
