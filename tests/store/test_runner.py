"""Units of work: together or not at all, durable before anybody hears of it."""

import asyncio
import signal
import sqlite3
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import event

from node.errors import ConflictError, NotFoundError, StoreError, UsageError
from node.store.engine import Engines, open_engine
from node.store.runner import WAITING, Store
from node.store.unit import SqlUnitOfWork
from node.store.work import Means
from node.sync.ports import UnitOfWork
from node.sync.rows import Wake
from tests.support.databases import Wakes
from tests.support.transfers import (
    NOON,
    SAECKINGEN,
    message_id,
    outbound,
    position,
    statement,
    transfer_id,
)


def _add(uow: UnitOfWork, number: int) -> int:
    with uow:
        uow.outbound.add(outbound(number))
        uow.commit()
    return number


def _speak(uow: UnitOfWork, text: str) -> int:
    """Append a statement at the end of the chain."""
    with uow:
        last = uow.chains.last_out(SAECKINGEN)
        seq = last.seq + 1 if last else 1
        uow.chains.advance_out(SAECKINGEN, position(seq))
        uow.outbox.add_statement(statement(seq, jws=text))
        uow.commit()
    return seq


class PoisonError(Exception):
    pass


def _poison(uow: UnitOfWork, number: int) -> None:
    with uow:
        uow.outbound.add(outbound(number))
        raise PoisonError


def _kept(store: Store) -> list[int]:
    def numbers(uow: UnitOfWork) -> list[int]:
        found = [uow.outbound.find(transfer_id(n)) for n in range(40)]
        return [int(transfer.id, 16) for transfer in found if transfer]

    return store.read_sync(numbers)


async def _as_a_group(
    store: Store, *calls: Callable[[SqlUnitOfWork], object]
) -> list[object]:
    """Hand in units while the writer is busy, so that they wait together."""
    begun, free = threading.Event(), threading.Event()

    def occupy(_: UnitOfWork) -> None:
        begun.set()
        free.wait(10)

    tasks = [asyncio.create_task(store.write(occupy))]
    await asyncio.to_thread(begun.wait, 10)
    tasks += [asyncio.create_task(store.write(call)) for call in calls]
    await asyncio.sleep(0.05)
    free.set()
    return (await asyncio.gather(*tasks, return_exceptions=True))[1:]


@pytest.mark.spec("HO-38")
async def test_a_committed_unit_is_kept_and_its_result_comes_back(store: Store) -> None:
    assert await store.write(_add, 7) == 7
    assert _kept(store) == [7]


@pytest.mark.spec("HO-38")
def test_threads_and_the_command_line_can_write_too(store: Store) -> None:
    assert store.write_sync(_add, 7) == 7
    assert _kept(store) == [7]


async def test_a_unit_left_without_commit_is_undone(store: Store) -> None:
    def change_of_mind(uow: UnitOfWork) -> str:
        with uow:
            uow.outbound.add(outbound(1))
        return "rather not"

    assert await store.write(change_of_mind) == "rather not"
    assert _kept(store) == []


async def test_a_unit_that_raises_is_undone_and_its_error_comes_back(
    store: Store,
) -> None:
    with pytest.raises(PoisonError):
        await store.write(_poison, 1)
    assert _kept(store) == []


async def test_an_error_after_the_commit_changes_the_answer_not_the_fact(
    store: Store,
) -> None:
    def stumble(uow: UnitOfWork) -> None:
        _add(uow, 1)
        raise PoisonError

    with pytest.raises(PoisonError):
        await store.write(stumble)
    assert _kept(store) == [1]


@pytest.mark.spec("P18")
async def test_a_poison_unit_does_not_fail_its_neighbours(store: Store) -> None:
    results = await _as_a_group(
        store,
        lambda uow: _add(uow, 1),
        lambda uow: _add(uow, 2),
        lambda uow: _poison(uow, 3),
        lambda uow: _add(uow, 4),
        lambda uow: _add(uow, 2),
        lambda uow: _add(uow, 5),
    )
    assert isinstance(results.pop(2), PoisonError)
    # Which of the two that collide comes first is open on PostgreSQL.
    collided = [r for r in (results[1], results[3]) if isinstance(r, ConflictError)]
    assert len(collided) == 1
    assert {1, 2, 4, 5} <= {r for r in results if isinstance(r, int)}
    assert _kept(store) == [1, 2, 4, 5]


async def test_a_unit_that_gives_up_does_not_fail_its_neighbours(store: Store) -> None:
    def give_up(uow: UnitOfWork) -> str:
        with uow:
            uow.outbound.add(outbound(2))
        return "given up"

    results = await _as_a_group(
        store, lambda uow: _add(uow, 1), give_up, lambda uow: _add(uow, 3)
    )
    assert results == [1, "given up", 3]
    assert _kept(store) == [1, 3]


@pytest.mark.spec("HO-43")
async def test_units_that_number_one_chain_leave_no_gap_and_no_fork(
    store: Store,
) -> None:
    calls = [lambda uow, i=i: _speak(uow, f"text {i}") for i in range(30)]
    results = await _as_a_group(store, *calls)
    assert sorted(results) == list(range(1, 31))
    rows = store.read_sync(lambda uow: uow.outbox.statements(SAECKINGEN, 100))
    assert [row.seq for row in rows] == list(range(1, 31))
    assert {row.jws for row in rows} == {f"text {i}" for i in range(30)}


@pytest.mark.parametrize("dialect", ["sqlite"])
class TestGroupCommit:
    """SQLite only: what waits is committed together."""

    async def test_waiting_units_share_one_commit_in_their_order(
        self, store: Store, engines: Engines
    ) -> None:
        commits = []
        event.listen(engines.writer, "commit", commits.append)
        calls = [lambda uow, i=i: _speak(uow, f"text {i}") for i in range(30)]
        await _as_a_group(store, *calls)
        assert len(commits) == 2
        rows = store.read_sync(lambda uow: uow.outbox.statements(SAECKINGEN, 100))
        assert [row.jws for row in rows] == [f"text {i}" for i in range(30)]

    async def test_order_is_kept_when_a_poison_unit_spoils_the_group(
        self, store: Store
    ) -> None:
        calls = [lambda uow, i=i: _speak(uow, f"text {i}") for i in range(6)]
        calls.insert(3, lambda uow: _poison(uow, 3))
        await _as_a_group(store, *calls)
        rows = store.read_sync(lambda uow: uow.outbox.statements(SAECKINGEN, 100))
        assert [row.jws for row in rows] == [f"text {i}" for i in range(6)]

    async def test_a_refusal_before_the_first_write_spoils_no_group(
        self, store: Store, engines: Engines
    ) -> None:
        commits = []
        event.listen(engines.writer, "commit", commits.append)

        def refuse(uow: UnitOfWork) -> None:
            with uow:
                uow.outbound.get(transfer_id(99))

        results = await _as_a_group(
            store, lambda uow: _add(uow, 1), refuse, lambda uow: _add(uow, 2)
        )
        assert isinstance(results[1], NotFoundError)
        assert _kept(store) == [1, 2]
        assert len(commits) == 2

    def test_a_database_locked_by_another_program_keeps_nothing_and_recovers(
        self, store: Store, engines: Engines
    ) -> None:
        store._writer._connection.exec_driver_sql("PRAGMA busy_timeout=50")
        store._writer._connection.rollback()
        with closing(sqlite3.connect(engines.writer.url.database)) as stranger:
            stranger.execute("BEGIN IMMEDIATE")
            with pytest.raises(StoreError, match="SQLITE_BUSY"):
                store.write_sync(_add, 1)
            stranger.execute("ROLLBACK")
        assert store.write_sync(_add, 2) == 2
        assert _kept(store) == [2]

    async def test_a_full_disk_fails_the_unit_that_met_it_and_no_other(
        self, store: Store
    ) -> None:
        connection = store._writer._connection
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
        connection.exec_driver_sql(f"PRAGMA max_page_count={pages + 20}")
        connection.rollback()
        results = await _as_a_group(
            store,
            lambda uow: _add(uow, 1),
            lambda uow: _speak(uow, "long " * 40_000),
            lambda uow: _add(uow, 2),
        )
        assert results[0] == 1
        assert isinstance(results[1], StoreError)
        assert results[2] == 2
        assert _kept(store) == [1, 2]

    def test_a_unit_swallowing_the_loss_of_its_transaction_is_not_kept(
        self, store: Store
    ) -> None:
        def go_on_regardless(uow: SqlUnitOfWork) -> None:
            with uow:
                uow.outbound.add(outbound(1))
                uow._work._connection.exec_driver_sql("ROLLBACK")
                uow.commit()

        with pytest.raises(StoreError, match="lost"):
            store.write_sync(go_on_regardless)
        assert _kept(store) == []

    def test_what_was_told_survives_a_kill(
        self, database_url: str, store: Store, tmp_path: Path
    ) -> None:
        store.close()
        program = (
            "import itertools, sys\n"
            "from pathlib import Path\n"
            "from node.store.engine import open_engine\n"
            "from node.store.runner import Store\n"
            "from tests.store.test_runner import _add\n"
            "from tests.support.databases import means_in\n"
            "means = means_in(Path(sys.argv[2]))\n"
            "store = Store(open_engine(sys.argv[1]), means, listener=print)\n"
            "for i in itertools.count():\n"
            "    print(store.write_sync(_add, i), flush=True)\n"
        )
        with subprocess.Popen(
            [sys.executable, "-c", program, database_url, str(tmp_path)],
            stdout=subprocess.PIPE,
            cwd=Path(__file__).parents[2],
        ) as process:
            assert process.stdout is not None
            told = [int(process.stdout.readline()) for _ in range(20)]
            process.send_signal(signal.SIGKILL)
            told += [int(line) for line in process.stdout if line.endswith(b"\n")]
        again = open_engine(database_url)
        with again.reader.connect() as connection:
            found = connection.exec_driver_sql("SELECT id FROM outbound_transfer").all()
        again.close()
        assert set(told) <= {int(row[0], 16) for row in found}


@pytest.mark.spec("HO-38")
async def test_a_caller_who_gives_up_waiting_does_not_stop_the_unit(
    store: Store,
) -> None:
    begun, free = threading.Event(), threading.Event()

    def slow(uow: UnitOfWork) -> None:
        begun.set()
        free.wait(10)
        _add(uow, 1)

    waiting = asyncio.create_task(store.write(slow))
    await asyncio.to_thread(begun.wait, 10)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    free.set()
    await store.write(_add, 2)
    assert 1 in _kept(store) or await asyncio.sleep(0.2, _kept(store)) == [1, 2]


async def test_wakes_are_heard_after_the_commit_and_once(
    engines: Engines, means: Means
) -> None:
    heard: list[tuple[Wake, str, bool]] = []
    told = threading.Event()

    def listen(what: Wake, key: str) -> None:
        with engines.reader.connect() as connection:
            rows = connection.exec_driver_sql("SELECT id FROM outbound_transfer").all()
        heard.append((what, key, len(rows) == 1))
        told.set()

    def wake(uow: UnitOfWork) -> None:
        with uow:
            uow.outbound.add(outbound(1))
            uow.wake(Wake.DELIVER, SAECKINGEN)
            uow.wake(Wake.DELIVER, SAECKINGEN)
            uow.commit()

    store = Store(engines, means, listener=listen)
    await store.write(wake)
    await asyncio.to_thread(told.wait, 10)
    store.close()
    assert heard == [(Wake.DELIVER, SAECKINGEN, True)]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
@pytest.mark.parametrize("fault", ["unit", "listener"])
async def test_a_fault_of_our_own_is_told_and_the_next_unit_passes(
    engines: Engines, means: Means, fault: str
) -> None:
    def listen(what: Wake, key: str) -> None:
        if key == "fault":
            raise ZeroDivisionError

    def wake(uow: UnitOfWork) -> None:
        with uow:
            uow.wake(Wake.DELIVER, "fault")
            uow.commit()

    store = Store(engines, means, listener=listen)
    if fault == "listener":
        await store.write(wake)
    else:
        make_unit, store._writer._make_unit = store._writer._make_unit, None
        with pytest.raises(TypeError):
            await store.write(_add, 1)
        store._writer._make_unit = make_unit
    assert await store.write(_add, 2) == 2
    store.close()


async def test_an_undone_unit_wakes_nobody_and_tidies_nothing(
    store: Store, wakes: Wakes
) -> None:
    tidied = []

    def stumble(uow: SqlUnitOfWork) -> None:
        with uow:
            uow.outbound.add(outbound(1))
            uow.wake(Wake.DELIVER, SAECKINGEN)
            uow._work.after_commit(lambda: tidied.append(1))
            raise PoisonError

    with pytest.raises(PoisonError):
        await store.write(stumble)
    store.close()
    assert (wakes.heard, tidied) == ([], [])


async def test_tidying_that_fails_does_not_unsay_the_commit(store: Store) -> None:
    def fail() -> None:
        raise PermissionError

    def change(uow: SqlUnitOfWork) -> None:
        with uow:
            uow.outbound.add(outbound(1))
            uow._work.after_commit(fail)
            uow.commit()

    await store.write(change)
    assert _kept(store) == [1]


class TestUsage:
    """What a use case must not do."""

    def test_a_unit_is_entered_once(self, store: Store) -> None:
        def twice(uow: UnitOfWork) -> None:
            _add(uow, 1)
            _add(uow, 2)

        with pytest.raises(UsageError):
            store.write_sync(twice)
        assert _kept(store) == [1]

    def test_a_unit_is_not_nested(self, store: Store) -> None:
        def nested(uow: UnitOfWork) -> None:
            with uow:
                _add(uow, 1)

        with pytest.raises(UsageError):
            store.write_sync(nested)
        assert _kept(store) == []

    def test_nothing_is_written_outside_the_block(self, store: Store) -> None:
        with pytest.raises(UsageError):
            store.write_sync(lambda uow: uow.outbound.add(outbound(1)))

    def test_nothing_is_written_after_the_commit(self, store: Store) -> None:
        def too_late(uow: UnitOfWork) -> None:
            with uow:
                uow.commit()
                uow.outbound.add(outbound(1))

        with pytest.raises(UsageError):
            store.write_sync(too_late)
        assert _kept(store) == []

    def test_until_the_block_ends_a_committed_unit_can_be_read(
        self, store: Store
    ) -> None:
        def look(uow: UnitOfWork) -> bool:
            with uow:
                uow.outbound.add(outbound(1))
                uow.commit()
                return uow.outbound.find(transfer_id(1)) is not None

        assert store.write_sync(look)

    def test_a_unit_that_leaked_out_is_dead(self, store: Store) -> None:
        def leak(uow: SqlUnitOfWork) -> SqlUnitOfWork:
            _add(uow, 1)
            return uow

        for leaked in (store.write_sync(leak), store.read_sync(lambda uow: uow)):
            with pytest.raises(UsageError):
                leaked.outbound.find(transfer_id(1))

    def test_committing_twice_or_outside_is_refused(self, store: Store) -> None:
        def twice(uow: UnitOfWork) -> None:
            with uow:
                uow.commit()
                uow.commit()

        for call in (twice, lambda uow: uow.commit()):
            with pytest.raises(UsageError):
                store.write_sync(call)

    def test_a_use_case_does_not_wait_for_another_unit(self, store: Store) -> None:
        with pytest.raises(UsageError, match="wait"):
            store.write_sync(lambda _: store.write_sync(_add, 1))

    def test_an_iterator_is_no_argument_because_a_use_case_may_run_twice(
        self, store: Store
    ) -> None:
        with pytest.raises(UsageError, match="twice"):
            store.write_sync(lambda uow, chunks: None, iter([b"x"]))
        with pytest.raises(UsageError, match="twice"):
            store.write_sync(lambda uow, *, chunks: None, chunks=iter([b"x"]))

    def test_a_closed_store_refuses(self, store: Store) -> None:
        store.close()
        with pytest.raises(UsageError, match="closed"):
            store.write_sync(_add, 1)

    def test_a_closed_store_opens_no_connection_for_a_late_look(
        self, store: Store
    ) -> None:
        store.close()
        with pytest.raises(UsageError, match="closed"):
            store.read_sync(lambda uow: uow.outbox.statements(SAECKINGEN, 100))
        with pytest.raises(UsageError, match="closed"):
            store.purge()


class TestReading:
    """Queries see one state, write nothing, wait for nobody."""

    async def test_a_reading_unit_gives_its_result(self, store: Store) -> None:
        await store.write(_add, 3)
        found = await store.read(lambda uow: uow.outbound.find(transfer_id(3)))
        assert found is not None
        assert found.id == transfer_id(3)

    def test_a_reading_unit_may_use_the_block_but_cannot_commit(
        self, store: Store
    ) -> None:
        def commit(uow: UnitOfWork) -> None:
            with uow:
                assert uow.chains.last_out(SAECKINGEN) is None
                uow.commit()

        with pytest.raises(UsageError):
            store.read_sync(commit)

    def test_a_reading_unit_cannot_write(self, store: Store) -> None:
        with pytest.raises(UsageError):
            store.read_sync(lambda uow: uow.outbound.add(outbound(1)))

    def test_the_database_itself_refuses_a_writing_reader(
        self, engines: Engines
    ) -> None:
        with (
            engines.reader.connect() as connection,
            pytest.raises(Exception, match="read"),
        ):
            connection.exec_driver_sql("UPDATE node_state SET incarnation = 2")

    def test_a_reader_does_not_wait_for_a_lock(self, store: Store) -> None:
        store.write_sync(_add, 1)
        seen = []

        def hold(uow: UnitOfWork) -> None:
            with uow:
                before = uow.outbound.get(transfer_id(1))
                uow.outbound.replace(before, before)
                with ThreadPoolExecutor(1) as other:
                    query = other.submit(
                        store.read_sync,
                        lambda u: u.outbound.get(transfer_id(1)).version,
                    )
                    seen.append(query.result(10))
                uow.commit()

        store.write_sync(hold)
        assert seen == [1]

    def test_a_reader_sees_one_state_to_its_end(self, store: Store) -> None:
        def look_twice(uow: UnitOfWork) -> list[int]:
            before = len(uow.outbound.in_states(["held"]))
            store.write_sync(_add, 1)
            return [before, len(uow.outbound.in_states(["held"]))]

        assert store.read_sync(look_twice) == [0, 0]

    def test_an_error_of_a_query_comes_back(self, store: Store) -> None:
        with pytest.raises(NotFoundError):
            store.read_sync(lambda uow: uow.outbound.get(transfer_id(1)))


async def test_closing_finishes_what_is_queued(store: Store) -> None:
    free = threading.Event()
    occupied = asyncio.create_task(store.write(lambda _: free.wait(10)))
    added = [asyncio.create_task(store.write(_add, n)) for n in (1, 2)]
    await asyncio.sleep(0)
    threading.Timer(0.05, free.set).start()
    await asyncio.to_thread(store.close)
    assert await asyncio.gather(*added) == [1, 2]
    assert await occupied


def test_a_store_with_too_much_waiting_refuses_more(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert WAITING == 4096
    monkeypatch.setattr(store, "_places", threading.BoundedSemaphore(1))
    free, begun = threading.Event(), threading.Event()

    def occupy(_: UnitOfWork) -> None:
        begun.set()
        free.wait(10)

    with ThreadPoolExecutor(1) as threads:
        occupied = threads.submit(store.write_sync, occupy)
        begun.wait(10)
        with pytest.raises(StoreError, match="too many"):
            store.write_sync(_add, 1)
        free.set()
        occupied.result()
    assert store.write_sync(_add, 2) == 2


@pytest.mark.spec("SR-D2")
def test_no_error_shows_a_value_of_a_row(store: Store) -> None:
    secret = "Amira Haddad"

    def collide(uow: UnitOfWork) -> None:
        with uow:
            for _ in range(2):
                uow.inbox.add(
                    SAECKINGEN,
                    message_id(1),
                    position=position(),
                    type=secret,
                    jws=secret,
                    result=secret,
                    transfer=None,
                    at=NOON,
                )

    def misfit(uow: UnitOfWork) -> None:
        with uow:
            uow.outbound.add(outbound(1, last_entry=secret.encode()))

    for use_case, expected in ((collide, ConflictError), (misfit, UsageError)):
        with pytest.raises(expected) as caught:
            store.write_sync(use_case)
        text = "".join(traceback.format_exception(caught.value)) + repr(caught.value)
        assert secret not in text
        assert SAECKINGEN not in text
        assert secret.encode().hex() not in text


def test_a_store_that_closes_waits_for_whoever_still_reads_in_another_thread(
    store: Store,
) -> None:
    begun, ended = threading.Event(), list[object]()

    def look(uow: SqlUnitOfWork) -> None:
        begun.set()
        time.sleep(0.3)
        ended.append(uow.outbound.find(transfer_id(1)))

    thread = threading.Thread(target=store.read_sync, args=(look,))
    thread.start()
    begun.wait(5)
    store.close()
    assert ended == [None]
    thread.join()
