"""One loop per peer, and the greetings: the shell around delivery.

Enters: wakes, contacts, the clock. Leaves: attempts, each at its time. Must never happen:
one dead peer slowing another (HO-80, P20); a contact known as anything but a wake. All
that is kept here is memory; a restart greets everybody it knows (HO-84).
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection
from contextlib import suppress
from typing import Any

from node.ids import MemberId
from node.sync import pacing
from node.sync.courier import Courier
from node.sync.delivery import deliver_due
from node.sync.greeting import greet
from node.sync.limits import PEERS_AT_ONCE
from node.sync.schedule import needs_hello

Guard = Callable[..., Awaitable[None]]
SPREAD_S = 60.0


class Rounds:
    """Whom to try when, for one process."""

    def __init__(self, courier: Courier) -> None:
        """Nobody was heard yet."""
        self._courier = courier
        self._clock = courier.office.clock
        self._slots = asyncio.Semaphore(PEERS_AT_ONCE)
        self._wakes = pacing.Wakes()
        self._silence_ended = asyncio.Event()

    def contact(self, peer: MemberId) -> None:
        """A verified request of this peer (HO-83)."""
        if self._wakes.contact(peer, self._clock.now()):
            self._silence_ended.set()

    async def serve(self, peer: MemberId, event: asyncio.Event, guard: Guard) -> None:
        """Deliver to one peer when it wakes us, or when its back-off lets us."""
        run = self._courier.run
        while True:
            if not event.is_set():
                now = self._clock.now()
                looks = (
                    await run.read(pacing.next_look, peer, now),
                    self._wakes.wait(peer, now),
                )
                delay = min((d for d in looks if d is not None), default=None)
                # Not wait_for: in Python 3.11 it may swallow the end of the worker.
                with suppress(TimeoutError):
                    async with asyncio.timeout(delay):
                        await event.wait()
            event.clear()
            woken = self._wakes.take(peer, self._clock.now())
            if woken or await run.read(pacing.may_try, peer, self._clock.now()):
                async with self._slots:
                    await guard(deliver_due, self._courier, peer)

    async def greet(self, peer: MemberId) -> None:
        """One hello, in turn with everything else that is sent."""
        async with self._slots:
            await greet(self._courier, peer)

    async def begin(self, asked: Collection[MemberId]) -> list[tuple[MemberId, float]]:
        """After the start: everybody we know, and after how many seconds.

        ``asked`` are there already; they come first.
        """
        due = await self._round(started=True)
        first = [(peer, 0.0) for peer in sorted(asked)]
        return first + [(peer, at) for peer, at in due if peer not in asked]

    async def after_silence(self, within_s: float) -> list[tuple[MemberId, float]]:
        """Whom to greet once nobody was heard for long, or is heard again after that."""
        with suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                await self._silence_ended.wait()
        if self._silence_ended.is_set() or await self._is_silent():
            self._silence_ended.clear()
            return await self._round()
        return []

    async def _is_silent(self) -> bool:
        told = await self._courier.run.read(pacing.last_heard)
        known = (told, self._wakes.heard_at, self._wakes.greeted_at)
        newest = max((at for at in known if at is not None), default=None)
        return needs_hello(newest, self._clock.now())

    async def _round(self, **how: Any) -> list[tuple[MemberId, float]]:
        now = self._clock.now()
        self._wakes.greeted_at = now
        found = await self._courier.run.read(pacing.to_greet, now, **how)
        pause = SPREAD_S / max(1, len(found.known))
        later = [(peer, place * pause) for place, peer in enumerate(found.known)]
        return [(peer, 0.0) for peer in found.waiting] + later
