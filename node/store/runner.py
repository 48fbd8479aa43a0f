"""The runner: one thread hop for a whole unit of work.

Enters: a synchronous use case ``fn(uow, …)`` with its arguments. Leaves: its result, once
its unit is durable. Must never happen: a unit cancelled or timed out half way, so that
nobody knows what holds (HO-38). A caller who is cancelled stops waiting; the unit goes on.
"""

import asyncio
import sqlite3
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import Concatenate, Final, ParamSpec, TypeVar

from sqlalchemy.exc import SQLAlchemyError

from node.errors import StoreError, UsageError
from node.store.engine import READERS, Engines, purge
from node.store.unit import SqlUnitOfWork
from node.store.work import Means, translated
from node.store.writer import THREAD, GroupWriter, Job, Listener, PoolWriter, Writer

WAITING: Final = 4096
LAST_LOOK_S: Final = 10.0

P = ParamSpec("P")
T = TypeVar("T")


class Store:
    """The store of one node; started when made, stopped by ``close``."""

    def __init__(
        self,
        engines: Engines,
        means: Means,
        *,
        listener: Listener,
        readers: Executor | None = None,
    ) -> None:
        """Connect and start the threads.

        Args:
            engines: The database, at a schema that this program knows.
            means: Files, keys and randomness for every unit.
            listener: Told after each commit what is due, in a thread of the store; it
                hands over to its own loop and does nothing else.
            readers: Threads for reads, shut down with the store; its own if not given.

        Raises:
            ConfigError: The database does not keep the settings that durability needs.
            StoreError: It cannot be reached.
        """
        self._engines = engines
        self._means = means
        make_unit = partial(SqlUnitOfWork, means=means)
        kind = GroupWriter if engines.one_writer else PoolWriter
        self._writer: Writer = kind(engines.writer, make_unit, listener)
        self._readers = readers or ThreadPoolExecutor(
            READERS, thread_name_prefix="store-reader"
        )
        self._places = threading.BoundedSemaphore(WAITING)
        self._door = threading.Lock()
        self._is_closed = False
        self._looks = 0
        self._nobody_looks = threading.Condition(self._door)

    async def write(
        self,
        use_case: Callable[Concatenate[SqlUnitOfWork, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """Run a use case in a unit of work of its own, and wait until it is durable.

        The use case enters its unit once (``with uow``) and commits it, else it is
        undone. It may run twice, when a neighbour in its group fails: so it changes
        nothing but through its unit, and its arguments are values.

        Raises:
            StoreError: Database or disk did not take it; nothing is kept.
            OutcomeUnknownError: Nobody can say whether it is kept.
            ConflictError: Somebody moved first.
            UsageError: An argument is an iterator, or the store is closed.
            NodeError: Whatever the use case raises.
        """
        job = self._submit(use_case, *args, **kwargs)
        return await asyncio.shield(asyncio.wrap_future(job.future))

    def write_sync(
        self,
        use_case: Callable[Concatenate[SqlUnitOfWork, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """``write`` for the command line and for threads; never inside a use case."""
        if threading.current_thread().name.startswith(THREAD):
            raise UsageError("a use case must not wait for another unit of work")
        return self._submit(use_case, *args, **kwargs).future.result()

    async def read(
        self,
        use_case: Callable[Concatenate[SqlUnitOfWork, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """Run a query that sees one state of the database and takes no locks.

        Raises:
            UsageError: It tried to write.
            NodeError: Whatever the query raises.
        """
        return await asyncio.get_running_loop().run_in_executor(
            self._readers, partial(self.read_sync, use_case, *args, **kwargs)
        )

    def read_sync(
        self,
        use_case: Callable[Concatenate[SqlUnitOfWork, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """``read`` for the command line and for threads."""
        try:
            with (
                self._look(),
                self._engines.reader.connect() as connection,
                connection.begin(),
            ):
                unit = SqlUnitOfWork(connection, self._means, is_reading=True)
                try:
                    return use_case(unit, *args, **kwargs)
                finally:
                    unit.close()
        except SQLAlchemyError as error:
            raise translated(error) from None

    def purge(self) -> bool:
        """Take deleted rows out of the files; False if a reader was in the way (LR-39).

        Never inside a use case.

        Raises:
            StoreError: The database did not do it.
        """
        try:
            with self._look():
                return purge(self._engines, rewritten=("log_key",))
        except (SQLAlchemyError, sqlite3.Error) as error:
            raise translated(error) from None

    def close(self) -> None:
        """Finish what is queued, then give up threads and connections."""
        with self._door:
            self._is_closed = True
        self._writer.close()
        self._readers.shutdown()
        with self._nobody_looks:
            # A duty that was told to stop still looks, in a thread that is not ours.
            self._nobody_looks.wait_for(lambda: not self._looks, LAST_LOOK_S)
        self._engines.close()

    @contextmanager
    def _look(self) -> Iterator[None]:
        """One use of a connection that ``close`` waits for."""
        with self._door:
            if self._is_closed:
                # The pool would open a connection that nobody closes.
                raise UsageError("the store is closed")
            self._looks += 1
        try:
            yield
        finally:
            with self._nobody_looks:
                self._looks -= 1
                self._nobody_looks.notify_all()

    def _submit(
        self,
        use_case: Callable[Concatenate[SqlUnitOfWork, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> Job[T]:
        if any(isinstance(value, Iterator) for value in (*args, *kwargs.values())):
            raise UsageError("a use case may run twice: its arguments are no iterators")
        if not self._places.acquire(blocking=False):
            raise StoreError("too many units of work are waiting")
        job = Job(lambda unit: use_case(unit, *args, **kwargs))
        job.future.add_done_callback(lambda _: self._places.release())
        with self._door:
            if self._is_closed:
                raise UsageError("the store is closed")
            self._writer.submit(job)
        return job
