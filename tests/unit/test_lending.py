"""Threads that several stores share: each store waits for its own work alone."""

from concurrent.futures import CancelledError, ThreadPoolExecutor
from threading import Event, Thread

import pytest

from node.store.lending import LentThreads


def test_a_store_that_closes_waits_for_its_own_reads() -> None:
    going = Event()
    with ThreadPoolExecutor(2) as pool:
        lent = LentThreads(pool)
        read = lent.submit(going.wait, 10)
        closing = Thread(target=lent.shutdown)
        closing.start()
        closing.join(0.1)
        assert closing.is_alive()
        going.set()
        closing.join(10)
        assert not closing.is_alive()
        assert read.done()


def test_a_store_that_closes_waits_for_nobody_elses_reads() -> None:
    going = Event()
    with ThreadPoolExecutor(2) as pool:
        other = LentThreads(pool).submit(going.wait, 10)
        LentThreads(pool).shutdown()
        assert not other.done()
        going.set()


def test_the_others_go_on_after_one_store_closed() -> None:
    with ThreadPoolExecutor(1) as pool:
        one, other = LentThreads(pool), LentThreads(pool)
        one.shutdown()
        assert other.submit(int, "7").result(10) == 7


def test_reads_that_did_not_begin_can_be_called_off() -> None:
    going = Event()
    with ThreadPoolExecutor(1) as pool:
        lent = LentThreads(pool)
        first, second = lent.submit(going.wait, 10), lent.submit(int, "7")
        lent.shutdown(wait=False, cancel_futures=True)
        going.set()
        assert first.result(10) is True
        with pytest.raises(CancelledError):
            second.result(10)
