"""How units of work become durable: together on SQLite, each for itself on PostgreSQL.

Enters: jobs, each a use case waiting for its unit. Leaves: resolved futures, after
``COMMIT`` and never before. Must never happen: a poison unit that fails its neighbours, a
result told before it is durable, a future that stays open. Implements P5, P18, HO-38 and
"group commit, optimistic" (performance, chapter 4).

A use case may run twice, when a neighbour spoiled the group: so it changes nothing but
through its unit.
"""

import contextlib
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from queue import Empty, SimpleQueue
from typing import Any, Final, Generic, Protocol, TypeVar

from sqlalchemy import Connection, Engine, RootTransaction
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from node.errors import OutcomeUnknownError, StoreError
from node.store.engine import WRITERS, changes, transaction_mark, transaction_outcome
from node.store.unit import SqlUnitOfWork
from node.store.work import translated
from node.sync.rows import Wake

GROUP: Final = 128
THREAD: Final = "store-writer"
_READ_BACK_S: Final = (0.0, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0)

T = TypeVar("T")
MakeUnit = Callable[[Connection], SqlUnitOfWork]
Listener = Callable[[Wake, str], None]


class Job(Generic[T]):
    """A use case with its arguments, and the future that waits for it; never cancelled."""

    __slots__ = ("_call", "_error", "_result", "_unit", "future")

    def __init__(self, call: Callable[[SqlUnitOfWork], T]) -> None:
        self._call = call
        self._unit: SqlUnitOfWork | None = None
        self._result: T | None = None
        self._error: BaseException | None = None
        self.future: Future[T] = Future()
        self.future.set_running_or_notify_cancel()

    def attempt(self, connection: Connection, make_unit: MakeUnit) -> bool:
        """Run the use case; True if its unit reached ``commit``.

        It is the commit that decides what is kept: an error after it changes the answer,
        not the fact.
        """
        self._result = self._error = None
        self._unit = unit = make_unit(connection)
        try:
            self._result = self._call(unit)
        except BaseException as error:  # noqa: BLE001 - handed to who waits, not swallowed
            self._error = error
        unit.close()
        return unit.is_committed

    def fail(self, error: BaseException) -> None:
        """Nothing was kept: resolve with this error, if nobody did before."""
        if not self.future.done():
            self.future.set_exception(error)

    def settle(self, listener: Listener, *, is_kept: bool) -> None:
        """The transaction is over: tidy up, resolve, wake."""
        unit = self._unit
        if unit is not None and unit.is_committed and is_kept:
            self._tell(unit, listener)
        else:
            if unit is not None and unit.is_committed and self._error is None:
                self._error = StoreError("the transaction was lost")
            self._resolve()

    def _tell(self, unit: SqlUnitOfWork, listener: Listener) -> None:
        for tidy in unit.after:
            # What stays behind is found by the sweep; the commit stands.
            with contextlib.suppress(OSError):
                tidy()
        self._resolve()
        for what, key in unit.wakes:
            # The listening loop may be closed already: the next start polls anyway.
            with contextlib.suppress(RuntimeError):
                listener(what, key)

    def _resolve(self) -> None:
        if self._error is not None:
            self.future.set_exception(self._error)
        else:
            self.future.set_result(self._result)  # type: ignore[arg-type]


def _tell_everybody(jobs: Sequence[Job[Any]], error: BaseException) -> None:
    """A fault of our own outside every use case: who waits hears it, and the log too."""
    for job in jobs:
        job.fail(error)
    thread = threading.current_thread()
    threading.excepthook(
        threading.ExceptHookArgs((type(error), error, error.__traceback__, thread))
    )


def _connect(engine: Engine) -> Connection:
    try:
        return engine.connect()
    except SQLAlchemyError as error:
        raise translated(error) from None


class Writer(Protocol):
    """Takes jobs and makes them durable."""

    def submit(self, job: Job[Any]) -> None:
        """Queue a job; its future resolves once its unit is durable or undone."""
        ...

    def close(self) -> None:
        """Finish what is queued, then stop."""
        ...


class GroupWriter:
    """SQLite: one thread, one connection, waiting units committed together."""

    def __init__(self, engine: Engine, make_unit: MakeUnit, listener: Listener) -> None:
        """Open the connection, so that a wrong database shows here.

        Raises:
            ConfigError: The database does not keep its settings.
            StoreError: It cannot be opened.
        """
        self._connection = _connect(engine)
        self._make_unit = make_unit
        self._listener = listener
        self._queue: SimpleQueue[Job[Any] | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._serve, name=THREAD)
        self._thread.start()

    def submit(self, job: Job[Any]) -> None:
        """Queue a job."""
        self._queue.put(job)

    def close(self) -> None:
        """Finish what is queued, then stop."""
        self._queue.put(None)
        self._thread.join()
        self._connection.close()

    def _serve(self) -> None:
        is_open = True
        while is_open:
            jobs, is_open = self._drain()
            try:
                self._commit_all(jobs)
            except BaseException as error:  # noqa: BLE001 - told there; the thread lives on
                self._connection.rollback()
                _tell_everybody(jobs, error)

    def _commit_all(self, jobs: Sequence[Job[Any]]) -> None:
        # A poison unit must not fail its neighbours: without it they pass.
        if jobs and not self._commit(jobs):
            for job in jobs:
                self._commit([job])

    def _drain(self) -> tuple[list[Job[Any]], bool]:
        """Wait for a job, then take what else waits; False at the end of the queue."""
        jobs: list[Job[Any]] = []
        while len(jobs) < GROUP:
            try:
                job = self._queue.get(block=not jobs)
            except Empty:
                break
            if job is None:
                return jobs, False
            jobs.append(job)
        return jobs, True

    def _commit(self, jobs: Sequence[Job[Any]]) -> bool:
        """One transaction for all jobs; False if a group was spoiled and all undone."""
        try:
            transaction = self._connection.begin()
        except SQLAlchemyError as error:
            for job in jobs:
                job.fail(translated(error))
            return True
        is_alone = len(jobs) == 1
        try:
            is_kept = self._attempt(jobs)
            if is_kept:
                transaction.commit()
            else:
                transaction.rollback()
        except SQLAlchemyError as error:
            self._connection.rollback()
            if is_alone:
                jobs[0].fail(translated(error))
            return is_alone
        if is_kept or is_alone:
            for job in jobs:
                job.settle(self._listener, is_kept=is_kept)
        return is_kept or is_alone

    def _attempt(self, jobs: Sequence[Job[Any]]) -> bool:
        """Run the jobs in their order; False at the first that must be undone.

        A unit that wrote nothing needs no undoing. A transaction that SQLite gave up by
        itself takes its neighbours with it.
        """
        for job in jobs:
            before = changes(self._connection)
            is_committed = job.attempt(self._connection, self._make_unit)
            now = changes(self._connection)
            if now < 0 or (now != before and not is_committed):
                return False
        return True


class PoolWriter:
    """PostgreSQL: a few threads, each unit in its own transaction."""

    def __init__(self, engine: Engine, make_unit: MakeUnit, listener: Listener) -> None:
        """Connect once, so that a wrong database shows here.

        Raises:
            ConfigError: The server does not make commits durable.
            StoreError: It cannot be reached.
        """
        _connect(engine).close()
        self._engine = engine
        self._make_unit = make_unit
        self._listener = listener
        self._closing = threading.Event()
        self._threads = ThreadPoolExecutor(WRITERS, thread_name_prefix=THREAD)

    def submit(self, job: Job[Any]) -> None:
        """Queue a job."""
        self._threads.submit(self._commit, job)

    def close(self) -> None:
        """Finish what is queued, then stop."""
        self._closing.set()
        self._threads.shutdown()

    def _commit(self, job: Job[Any]) -> None:
        try:
            is_kept = self._run(job)
            job.settle(self._listener, is_kept=is_kept)
        except SQLAlchemyError as error:
            job.fail(translated(error))
        except StoreError as error:
            job.fail(error)
        except BaseException as error:  # noqa: BLE001 - told there
            _tell_everybody([job], error)

    def _run(self, job: Job[Any]) -> bool:
        with self._engine.connect() as connection:
            transaction = connection.begin()
            is_kept = job.attempt(connection, self._make_unit)
            if is_kept:
                self._send_commit(connection, transaction)
            else:
                transaction.rollback()
            return is_kept

    def _send_commit(
        self, connection: Connection, transaction: RootTransaction
    ) -> None:
        """Commit; if the connection breaks meanwhile, find out what became of it."""
        mark = transaction_mark(connection)
        try:
            transaction.commit()
        except DBAPIError as error:
            if mark is None or not error.connection_invalidated:
                raise
            self._read_back(mark)

    def _read_back(self, mark: str) -> None:
        """HO-38: an unknown outcome is read back before anything is said.

        Raises:
            StoreError: It was not committed.
            OutcomeUnknownError: The database cannot be asked for 40 seconds.
        """
        for pause_s in _READ_BACK_S:
            self._closing.wait(pause_s)
            with contextlib.suppress(StoreError):
                match transaction_outcome(self._engine, mark):
                    case "committed":
                        return
                    case "aborted":
                        break
        else:
            raise OutcomeUnknownError("commit was sent, no answer")
        raise StoreError("connection broke before the commit")
