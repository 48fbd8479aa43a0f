"""A peer away for 13 days, and what a peer that is there may not hold up (issue 4)."""

import asyncio
from datetime import timedelta

import pytest

from node.bootstrap import build_node
from node.config import load_settings
from node.errors import RejectedError
from node.ids import MemberId
from node.sync import failing, pacing, rounds, sender
from node.sync.delivery import deliver_due
from node.sync.logbook import Who
from node.sync.schedule import next_attempt
from node.sync.transfer import Inbound, Outbound
from tests.support.desk import CLERK
from tests.support.lonely import Dead, lonely
from tests.support.pair import SAECKINGEN, running, until

DAYS = 13


def due(town):
    return town.node.store.read_sync(lambda uow: uow.outbox.due(SAECKINGEN))


def outbound(town, transfer):
    return town.node.store.read_sync(lambda uow: uow.outbound.get(transfer))


def may_try(town):
    return town.node.store.read_sync(pacing.may_try, SAECKINGEN, town.clock.now())


async def stay_away(town, courier):
    """The peer is away, and something wakes the queue all the time."""
    end = town.clock.now() + timedelta(days=DAYS)
    while town.clock.now() < end:
        assert may_try(town)
        assert not await deliver_due(courier, SAECKINGEN)
        assert not may_try(town)
        at = due(town).next_attempt_at
        town.clock.offset += at - town.clock.now() + timedelta(milliseconds=1)


@pytest.mark.spec("HO-82", "HO-84", "HO-85")
async def test_after_thirteen_days_all_is_delivered_by_itself_oldest_first(tmp_path):
    async with lonely(tmp_path) as town:
        dead = Dead()
        courier = town.without_wire(dead)
        await town.meet()
        for number in range(3):
            await town.send(f"Demo-Ulme-{number}")
            town.clock.offset += timedelta(minutes=1)
        await stay_away(town, courier)
        assert 250 < dead.tries <= 450
        states = {outbound(town, transfer).state for transfer in town.transfers}
        assert states == {Outbound.QUEUED}
        # The node goes on with its attempts; the next one lies up to an hour ahead.
        async with running(town.node):
            failures = due(town).failures
            await until(lambda: due(town).failures > failures)
            assert not may_try(town)
            before = town.clock.now()
            folder = town.folders[SAECKINGEN]
            async with (
                build_node(load_settings(folder), town.hands) as there,
                running(there),
            ):

                def found():
                    return [
                        there.store.read_sync(lambda uow, t=t: uow.inbound.find(t))
                        for t in town.transfers
                    ]

                await until(
                    lambda: all(f and f.state is Inbound.WAITING for f in found())
                )
                assert town.clock.now() - before <= timedelta(minutes=5)
                offered = [transfer.offered_at for transfer in found()]
                assert offered == sorted(offered)


@pytest.mark.spec("HO-83")
async def test_wakes_of_a_contact_count_once_a_minute(tmp_path):
    async with lonely(tmp_path) as town:
        wakes = pacing.Wakes()
        now = town.clock.now()
        assert not wakes.contact(SAECKINGEN, now)
        assert wakes.take(SAECKINGEN, now)
        assert not wakes.take(SAECKINGEN, now)
        early = now + timedelta(seconds=59)
        wakes.contact(SAECKINGEN, early)
        assert not wakes.take(SAECKINGEN, early)
        # An early one is not forgotten: it counts when the minute is over.
        assert wakes.wait(SAECKINGEN, early) == 1
        late = now + timedelta(seconds=60)
        assert wakes.take(SAECKINGEN, late)
        assert not wakes.take(SAECKINGEN, late)
        # After half an hour of silence of all, one sign of life wakes the others as well.
        assert wakes.contact(SAECKINGEN, now + timedelta(minutes=32))


@pytest.mark.spec("HO-80")
@pytest.mark.spec("P20")
async def test_dead_peers_slow_no_other(tmp_path, monkeypatch):
    async with lonely(tmp_path) as town:
        silent = [MemberId(f"0833711{n}-stadt-still") for n in range(9)]
        delivered = asyncio.Event()

        async def deliver(_, peer):
            if peer in silent:
                await asyncio.Event().wait()
            delivered.set()

        monkeypatch.setattr(rounds, "deliver_due", deliver)
        made = rounds.Rounds(town.courier)

        async def guard(job, *args):
            await job(*args)

        async with asyncio.TaskGroup() as tasks:
            serving = []
            for peer in (*silent, SAECKINGEN):
                event = asyncio.Event()
                event.set()
                serving.append(tasks.create_task(made.serve(peer, event, guard)))
            await asyncio.wait_for(delivered.wait(), 5)
            for task in serving:
                task.cancel()


@pytest.mark.spec("HO-85")
async def test_a_statement_row_ends_by_no_clock(tmp_path):
    async with lonely(tmp_path) as town:
        await town.send()
        waits = lambda uow: len(uow.outbox.statements(SAECKINGEN, 9))  # noqa: E731
        before = town.node.store.read_sync(waits)
        assert before > 0
        since = town.clock.now()
        for years in (1, 5, 30):
            town.clock.offset = timedelta(days=366 * years)
            now = town.clock.now()
            assert town.node.store.read_sync(waits) == before
            next_at = next_attempt(10**6, now, jitter=1, failing_since=since)
            assert next_at <= now + timedelta(days=1)


@pytest.mark.spec("HO-85")
async def test_a_recall_given_up_is_parked_and_goes_out_at_the_next_hello(tmp_path):
    async with lonely(tmp_path) as town:
        folder = town.folders[SAECKINGEN]
        await town.meet()
        transfer = await town.send()
        town.node.store.write_sync(
            sender.call_back,
            town.node.office,
            transfer,
            who=Who("caseworker", CLERK.account),
        )
        town.node.publisher.publish()
        waits = lambda: town.node.store.read_sync(  # noqa: E731
            lambda uow: uow.outbox.waits_for(SAECKINGEN)
        )
        await deliver_due(town.without_wire(Dead()), SAECKINGEN)
        assert waits()
        town.clock.offset += timedelta(days=29)
        # The offer stands before its recall in the chain and is as void as that.
        town.node.store.write_sync(sender.expire, town.node.office, transfer)
        assert outbound(town, transfer).state is Outbound.RECALLED
        assert not waits()
        look = town.node.store.read_sync(pacing.next_look, SAECKINGEN, town.clock.now())
        assert look is None
        async with (
            running(town.node),
            build_node(load_settings(folder), town.hands) as there,
            running(there),
        ):

            def state():
                found = there.store.read_sync(lambda uow: uow.inbound.find(transfer))
                return found and found.state

            # It greets whom it met; nobody here would have tried by himself.
            await until(lambda: state() in {Inbound.RECALLED, Inbound.REJECTED})


def refuse(town, row, code="id-conflict", *, cure=False):
    error = RejectedError(code, can_retry=cure)
    town.node.store.write_sync(failing.note_refusal, town.node.office, row, error)


@pytest.mark.spec("P20")
async def test_a_container_that_fails_twenty_times_is_parked_and_shown(tmp_path):
    async with lonely(tmp_path) as town:
        first, second = await town.send("Demo-Ulme"), await town.send("Demo-Erle")
        store, now = town.node.store, town.clock.now
        store.write_sync(acknowledge, now())

        def rows(at):
            found = store.read_sync(lambda uow: uow.outbox.packets(SAECKINGEN, 9, at))
            return [row.transfer for row in found]

        far = now() + timedelta(days=99)
        for number in range(1, 21):
            (row,) = [
                row
                for row in store.read_sync(
                    lambda uow: uow.outbox.packets(SAECKINGEN, 9)
                )
                if row.transfer == first
            ]
            assert row.failures == number - 1
            refuse(town, row)
            assert first not in rows(now())
            assert (first in rows(far)) is (number < 20)
            assert second in rows(now())
        assert store.read_sync(lambda uow: uow.outbox.parked()) == [
            (first, "id-conflict")
        ]
        assert due(town).failures == 0


@pytest.mark.spec("P20")
async def test_what_time_can_cure_is_never_parked(tmp_path):
    async with lonely(tmp_path) as town:
        await town.send()
        store = town.node.store
        store.write_sync(acknowledge, town.clock.now())
        for _ in range(40):
            (row,) = store.read_sync(lambda uow: uow.outbox.packets(SAECKINGEN, 9))
            refuse(town, row, "no-space", cure=True)
        assert store.read_sync(lambda uow: uow.outbox.parked()) == []


def acknowledge(uow, at):
    with uow:
        uow.outbox.acknowledge_through(SAECKINGEN, 1, 99, at)
        uow.commit()
