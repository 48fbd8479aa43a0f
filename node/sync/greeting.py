"""Hello as the asker: the first word after a start, and catching up with a peer.

Enters: peers to greet. Leaves: what they remember of us, judged; what they have for us,
taken. Must never happen: statements taken before the first word; one silent peer holding up
the others' answers. Implements exchange-log 5.4 (LR-25), HO-84.
"""

import asyncio
from collections.abc import Collection
from contextlib import suppress
from typing import Final

import structlog

from node.errors import DeliveryError, PeerError, TrustError, UnknownNodeError
from node.exchangelog.standing import ENOUGH, Said, Standing
from node.ids import MemberId
from node.sync import delivery, failing, firstword, hello, quorum, witnessing
from node.sync.courier import Courier
from node.sync.office import Office

log = structlog.get_logger("worker")
FIRST_PAUSE_S: Final = 1.0
LAST_PAUSE_S: Final = 30.0
RENEW_S: Final = 1.0
GREETED: Final = 8
RENEW_WAIT_S: Final = 2.0
SILENT_S: Final = 60.0
FAILURES = (DeliveryError, TrustError, PeerError)


async def greet(courier: Courier, peer: MemberId) -> bool:
    """Say hello, and take what the peer has for us (HO-84).

    Returns:
        Whether the peer answered.
    """
    try:
        answer = await courier.transport.hello(peer)
        if await _judge(courier, answer.said.note) is Said.AHEAD:
            return True
        await courier.run.write(hello.hear, courier.office, peer, answer.said)
        await delivery.take_greeting(courier, peer, answer.waiting)
    except FAILURES as error:
        await courier.run.write(failing.note_failure, courier.office, peer, error)
        return False
    return True


class FirstWord:
    """The first word after one start of a leader (exchange-log 5.4, SR-R4)."""

    def __init__(self, courier: Courier) -> None:
        """Nobody was asked yet."""
        self._courier = courier
        self._said: dict[MemberId, Said] = {}
        self._asking: set[MemberId] = set()
        self._given = asyncio.Event()
        self._called = asyncio.Event()
        self._renewed_at = -RENEW_S
        self._silent_until: dict[MemberId, float] = {}

    async def given(self) -> set[MemberId]:
        """Wait until the node may speak; gives those who answered, or whom to greet.

        Who never met anybody greets a few: somebody may remember it all the same. Not
        everybody, for in a Land whose towns all start that would be the square of their
        number; who remembers us and was not asked shows it at the first contact (ADR 0048).
        """
        await self._given.wait()
        if self._said:
            return set(self._said)
        return set(await self._likeliest(at_most=GREETED))

    def called(self) -> None:
        """A peer called us: it is there, so it is asked again at once."""
        self._called.set()

    async def ask(self) -> None:
        """Ask until the node may speak, or must not; a silent peer holds up nobody."""
        pause_s = FIRST_PAUSE_S
        async with asyncio.TaskGroup() as tasks:
            while await self._is_waiting():
                self._called.clear()
                run, office = self._courier.run, self._courier.office
                asked = await run.read(firstword.whom_to_ask, office)
                for peer in sorted(asked - self._said.keys() - self._asking):
                    tasks.create_task(self._ask(peer, asked))
                if not asked:
                    # Of those who were met nobody is listed any more.
                    await run.write(firstword.settle, office, asked, {})
                    continue
                waits = {
                    tasks.create_task(e.wait()) for e in (self._called, self._given)
                }
                _, late = await asyncio.wait(
                    waits, timeout=pause_s, return_when=asyncio.FIRST_COMPLETED
                )
                for wait in late:
                    wait.cancel()
                pause_s = min(2 * pause_s, LAST_PAUSE_S)

    async def renew(self) -> None:
        """Before a signature: has anybody seen a head of ours that we do not know?

        Two copies of one node that both speak would sign two histories. So whoever was
        met last is asked again, at most once a second and for two seconds; who is silent
        holds up nothing, and is left alone for a minute (LR-13, ADR 0026).
        """
        now = asyncio.get_running_loop().time()
        if not self._given.is_set() or now < self._renewed_at + RENEW_S:
            return
        self._renewed_at = now
        silent = {p for p, until in self._silent_until.items() if until > now}
        peers = await self._likeliest(silent=silent, at_most=ENOUGH)
        # Whoever has not answered in time was silent.
        self._silent_until |= dict.fromkeys(peers, now + SILENT_S)
        with suppress(TimeoutError):
            async with asyncio.timeout(RENEW_WAIT_S), asyncio.TaskGroup() as tasks:
                for peer in peers:
                    tasks.create_task(self._renew(peer))

    async def _likeliest(
        self, *, silent: Collection[MemberId] = (), at_most: int
    ) -> list[MemberId]:
        """Those that most likely remember us, but for the silent ones."""
        office = self._courier.office
        return await self._courier.run.read(
            firstword.by_last_meeting,
            office,
            witnesses=_witnesses(office),
            silent=silent,
            at_most=at_most,
        )

    async def _renew(self, peer: MemberId) -> None:
        try:
            answer = await self._courier.transport.hello(peer)
        except FAILURES as error:
            # Delivery notes it when it has something to send.
            log.info("not asked before signing", peer=peer, code=error.code)
            return
        del self._silent_until[peer]
        await _judge(self._courier, answer.said.note)

    async def _is_waiting(self) -> bool:
        stand = await self._courier.run.read(firstword.standing)
        match stand.standing:
            case Standing.SPEAKING:
                self._given.set()
            case Standing.QUARANTINE:
                log.error("reading only until `staffelstab recover`", code=stand.reason)
            case Standing.WAITING:
                return True
        return False

    async def _ask(self, peer: MemberId, asked: frozenset[MemberId]) -> None:
        self._asking.add(peer)
        try:
            await self._hear(peer, asked)
        except FAILURES as error:
            await self._courier.run.write(
                failing.note_failure, self._courier.office, peer, error
            )
        finally:
            self._asking.discard(peer)

    async def _hear(self, peer: MemberId, asked: frozenset[MemberId]) -> None:
        run, office = self._courier.run, self._courier.office
        note = (await self._courier.transport.hello(peer)).said.note
        self._said[peer] = await run.read(firstword.judge, office, note)
        proof = note if self._said[peer] is Said.AHEAD else None
        after = await run.write(
            firstword.settle, office, asked, dict(self._said), proof
        )
        if after is not Standing.WAITING:
            self._given.set() if after is Standing.SPEAKING else self._called.set()


def _witnesses(office: Office) -> set[MemberId]:
    """The members that cosign every head of ours by our policy."""
    try:
        policy = quorum.policy_of(office, office.member)
        asked = witnessing.parties(office, policy, {})
    except UnknownNodeError:
        return set()
    return {party.at for party in asked if isinstance(party.at, MemberId)}


async def _judge(courier: Courier, note: str | None) -> Said:
    """Judge a memory of us; quarantine if it shows that we are behind."""
    found = await courier.run.read(firstword.judge, courier.office, note)
    if found is Said.AHEAD and note is not None:
        await courier.run.write(firstword.fall_behind, courier.office, note)
    return found
