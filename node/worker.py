"""What the node does by itself: release, publish, deliver, open, deadlines, directory.

Enters: wakes after commits, verified contacts of peers, and the clock. Leaves: use cases,
one after the other. Must never happen: a loop that dies silently; one dead peer slowing
another (P20); anything due that is known in memory alone: a restart finds it in the store.
Several processes of one node take turns by a lease.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from datetime import datetime
from functools import partial
from typing import Any, Final

import structlog

from node.casework import sealing
from node.casework.selfcheck import run_due
from node.duties import Duties
from node.errors import NodeError, TransitionError
from node.exchangelog.standing import Standing
from node.ids import MemberId, TransferId
from node.report.definition import definitions
from node.sync import opening, recipient, sender, uploading, witnessing
from node.sync.courier import Courier
from node.sync.deadlines import find_deadlines, find_due
from node.sync.greeting import FirstWord
from node.sync.ports import UnitOfWork
from node.sync.rounds import Rounds
from node.sync.rows import Wake

log = structlog.get_logger("worker")
POLL_S: Final = 1.0
MINUTE_S: Final = 60.0
HOUR_S: Final = 3600.0
BACKUP_S: Final = 600.0
COALESCE_S: Final = 0.02
AT_ONCE: Final = 8
COMPARE_S: Final = 2.0
HEARTBEAT_S: Final = 600.0


class Worker:
    """All loops of one process; ``run`` ends when it is cancelled."""

    def __init__(self, duties: Duties) -> None:
        """Prepare; nothing runs yet."""
        self._duties = duties
        self._courier = duties.courier
        self._office = duties.courier.office
        self._loop: asyncio.AbstractEventLoop | None = None
        self._tasks: asyncio.TaskGroup | None = None
        self._events: dict[Wake, asyncio.Event] = {w: asyncio.Event() for w in Wake}
        self._due: dict[Wake, set[str]] = {w: set() for w in Wake}
        self._peers: dict[MemberId, asyncio.Event] = {}
        self._rounds = Rounds(duties.courier)
        self._word = FirstWord(duties.courier)
        self._newer = asyncio.Event()
        self._opened = asyncio.Event()

    # -- Signals -------------------------------------------------------------------------

    def notice(self, what: Wake, key: str) -> None:
        """Something is due after a commit; may be called from any thread."""
        if self._loop is not None:
            # The loop closes before the store's last threads end; then a restart finds it.
            with suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._mark, what, key)

    def contact(self, peer: MemberId) -> None:
        """A verified request of this peer: it is there, so try at once (HO-83)."""
        self._rounds.contact(peer)
        self._word.called()
        self._mark(Wake.DELIVER, str(peer))

    def refresh_soon(self) -> None:
        """A peer may know a newer directory (HO-99); may be called from any thread."""
        if self._loop is not None:
            with suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._newer.set)

    def _mark(self, what: Wake, key: str) -> None:
        self._due[what].add(key)
        self._events[what].set()

    async def _taken(self, what: Wake) -> set[str]:
        """What became due since the last call; waits for something."""
        await self._events[what].wait()
        self._events[what].clear()
        due, self._due[what] = self._due[what], set()
        return due

    # -- Life ----------------------------------------------------------------------------

    async def run(self) -> None:
        """Lead when the lease is ours, until cancelled."""
        self._loop = asyncio.get_running_loop()
        # Whoever leads: each process shows reports, from a memory of its own.
        ahead = self._loop.create_task(self._count_ahead())
        try:
            while True:
                if await self._lead():
                    await self._work()
                await asyncio.sleep(POLL_S)
        finally:
            ahead.cancel()
            with suppress(asyncio.CancelledError):
                await ahead

    async def _lead(self) -> bool:
        if self._duties.shared:
            await self._courier.run.read(self._duties.read_town)
        now = self._office.clock.now()
        return await self._courier.run.write(
            _take_lease, self._duties.holder, now, now + self._duties.lease
        )

    async def _work(self) -> None:
        """Run all loops side by side until the lease is lost or the process stops."""
        self._word = FirstWord(self._courier)
        await asyncio.to_thread(self._duties.begin)
        with suppress(_LeaseLost):
            try:
                async with asyncio.TaskGroup() as tasks:
                    self._tasks = tasks
                    for loop in (
                        self._keep_lease,
                        self._first_word,
                        self._publish,
                        self._deliver,
                        self._fetch_mail,
                        self._release,
                        self._open,
                        self._compare,
                        self._every_minute,
                        self._heartbeat,
                        self._witness,
                        self._directory,
                        self._every_hour,
                        partial(self._repeat, self._duties.back_up, BACKUP_S),
                        partial(self._repeat, self._duties.send_notices, MINUTE_S),
                    ):
                        tasks.create_task(loop())
            except* _LeaseLost:
                raise _LeaseLost from None
            finally:
                self._tasks = None
                self._peers.clear()

    async def _keep_lease(self) -> None:
        """Renew the lease; where several processes serve, look for their work as well."""
        await self._find_due()
        renew_at = 0.0
        while True:
            await asyncio.sleep(POLL_S)
            renew_at += POLL_S
            if self._duties.shared:
                await self._find_due()
            if renew_at >= self._duties.lease.total_seconds() / 3:
                renew_at = 0.0
                if not await self._lead():
                    raise _LeaseLost

    async def _find_due(self) -> None:
        """What a restart or another process left to do: all of it is in the store."""
        found = await self._courier.run.read(find_due)
        for what, key in found:
            self._mark(what, key)

    async def _first_word(self) -> None:
        """Until others have had the first word nothing leaves; then all is due (SR-R4)."""
        while True:
            await self._guard(self._word.ask)
            if await self._courier.run.read(_is_settled):
                return
            await asyncio.sleep(POLL_S)

    # -- Loops ---------------------------------------------------------------------------

    async def _publish(self) -> None:
        """Sign what is committed, at once when a statement waits for it (LR-10).

        Where more came while the last was signed, what comes next is signed with it.
        """
        while True:
            is_busy = self._events[Wake.PUBLISH].is_set()
            waiting = await self._taken(Wake.PUBLISH)
            if is_busy:
                await asyncio.sleep(COALESCE_S)
            waiting |= self._due[Wake.PUBLISH]
            await self._guard(self._publish_once)
            for peer in waiting - {""}:
                self._mark(Wake.DELIVER, peer)

    async def _publish_once(self) -> None:
        await self._word.renew()
        await asyncio.to_thread(self._duties.publish)

    async def _deliver(self) -> None:
        """One loop per peer, so that a dead one slows nobody (HO-80)."""
        while True:
            for peer in await self._taken(Wake.DELIVER):
                member = MemberId(peer)
                event = self._peers.get(member)
                if event is None:
                    event = self._peers[member] = asyncio.Event()
                    assert self._tasks is not None
                    job = self._rounds.serve(member, event, self._guard)
                    self._tasks.create_task(job)
                event.set()

    async def _fetch_mail(self) -> None:
        while self._duties.fetch_mail is not None:
            await self._guard(self._duties.fetch_mail, self.contact)
            await asyncio.sleep(MINUTE_S)

    async def _release(self) -> None:
        paper = self._duties.print_letter
        await self._each(Wake.RELEASE, partial(sealing.release_any, print_letter=paper))

    async def _open(self) -> None:
        await self._each(Wake.OPEN, self._open_one)

    async def _open_one(self, courier: Courier, transfer: TransferId) -> None:
        await opening.open_and_import(courier, transfer)
        self._opened.set()

    async def _compare(self) -> None:
        """Who may be here twice: after openings, several at once, and hourly (SC-55)."""
        while True:
            await self._in_thread(self._duties.match)
            await asyncio.sleep(COMPARE_S)
            with suppress(TimeoutError):
                async with asyncio.timeout(HOUR_S):
                    await self._opened.wait()
            self._opened.clear()

    async def _each(
        self, what: Wake, job: Callable[[Courier, TransferId], Awaitable[None]]
    ) -> None:
        """Do what is due for several transfers side by side, never twice for one."""
        slots = asyncio.Semaphore(AT_ONCE)
        running: set[str] = set()
        again: set[str] = set()

        async def once(key: str) -> None:
            await self._guard(job, self._courier, TransferId(key))
            slots.release()
            running.discard(key)
            if key in again:
                again.discard(key)
                self._mark(what, key)

        while True:
            for key in await self._taken(what):
                if key in running:
                    again.add(key)
                    continue
                await slots.acquire()
                running.add(key)
                assert self._tasks is not None
                self._tasks.create_task(once(key))

    async def _every_minute(self) -> None:
        while True:
            await self._guard(self._deadlines)
            await self._in_thread(self._duties.erase_entries)
            await self._guard(
                run_due, self._courier.run, self._office, self._duties.mark
            )
            await asyncio.sleep(MINUTE_S)
            await self._guard(self._find_due)

    async def _deadlines(self) -> None:
        """Expiry, erasure and notices by the own clock (handover 10.3)."""
        now = self._office.clock.now()
        run = self._courier.run
        for what, transfer, day in await run.read(find_deadlines, now):
            with suppress(TransitionError):
                match what:
                    case "outbound":
                        await run.write(sender.expire, self._office, transfer)
                    case "inbound":
                        await run.write(recipient.expire, self._office, transfer)
                    case "ask":
                        await run.write(sender.grant, self._office, transfer)
                    case _:
                        await run.write(recipient.remind, transfer, now, day)

    async def _heartbeat(self) -> None:
        """Greet after the start and after a silence of all peers; publish now and then.

        At first also those who gave the first word: what they had for us had to wait.
        """
        assert self._tasks is not None
        asked = await self._word.given()
        await self._guard(self._find_due)
        due = await self._rounds.begin(asked)
        beat = 0.0
        while True:
            for peer, after_s in due:
                self._tasks.create_task(self._greet(peer, after_s))
            due = await self._rounds.after_silence(MINUTE_S)
            beat += MINUTE_S
            if beat >= HEARTBEAT_S:
                beat = 0.0
                self._mark(Wake.PUBLISH, "")

    async def _greet(self, peer: MemberId, after_s: float) -> None:
        """Side by side, so that a dead peer keeps nobody waiting."""
        await asyncio.sleep(after_s)
        await self._guard(self._rounds.greet, peer)
        self._mark(Wake.DELIVER, str(peer))

    async def _witness(self) -> None:
        """Others cosign as well: after a cosigned packet, and every ten minutes (LR-23)."""
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(HEARTBEAT_S):
                    await self._taken(Wake.WITNESS)
            # What woke us may not be signed yet; nothing that waits is that urgent.
            await asyncio.sleep(POLL_S)
            await self._guard(witnessing.ask_others, self._courier)

    async def _directory(self) -> None:
        while True:
            self._newer.clear()
            await self._in_thread(self._duties.refresh_directory)
            # HO-99: whatever peers say, at most one refresh a minute.
            await asyncio.sleep(MINUTE_S)
            with suppress(TimeoutError):
                async with asyncio.timeout(self._duties.directory_every_s - MINUTE_S):
                    await self._newer.wait()

    async def _every_hour(self) -> None:
        while True:
            write, todo = self._courier.run.write, self._duties
            await self._guard(write, uploading.forget_idle, self._office)
            for duty in (
                todo.sweep,
                todo.erase_sources,
                todo.offer_closed,
                todo.end_records,
                todo.turn_week,
            ):
                await self._in_thread(duty)
            await asyncio.sleep(HOUR_S)

    async def _count_ahead(self) -> None:
        """After the start, and anew when a day has passed; ends between two reports."""
        while self._duties.count_ahead is not None:
            for report in definitions():
                await self._in_thread(partial(self._duties.count_ahead, report.id))
            await asyncio.sleep(HOUR_S)

    async def _repeat(self, duty: Callable[[], None] | None, pause_s: float) -> None:
        while duty is not None:
            await self._in_thread(duty)
            await asyncio.sleep(pause_s)

    async def _in_thread(self, duty: Callable[[], object]) -> None:
        await self._guard(asyncio.to_thread, duty)

    async def _guard(
        self,
        job: Callable[..., Awaitable[Any]] | Callable[..., Coroutine[Any, Any, Any]],
        *args: object,
    ) -> None:
        """Run one job; whatever it raises is logged by its code and tried again later."""
        kind = _name(args[0] if job is asyncio.to_thread else job)
        try:
            await job(*args)
        except NodeError as error:
            log.warning("job failed", code=error.code, kind=kind)
        except Exception as error:
            log.error("job broke", exc_info=error, kind=kind)  # noqa: TRY400


class _LeaseLost(Exception):  # noqa: N818 - a signal, not an error
    """Another process of this node leads now."""


def _name(job: object) -> str:
    return str(getattr(job, "__name__", type(job).__name__)).strip("_")


def _is_settled(uow: UnitOfWork) -> bool:
    with uow:
        return uow.stands.read().standing is not Standing.WAITING


def _take_lease(uow: UnitOfWork, holder: str, at: datetime, until: datetime) -> bool:
    with uow:
        taken = uow.leases.take("worker", holder, at=at, until=until)
        uow.commit()
    return taken
