"""A household moves between two towns that nobody can call, through their mailboxes."""

import asyncio
import secrets
from collections.abc import Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import delete, select

from node.bootstrap import Hands, build_node
from node.cases.model import Baton
from node.config import load_settings
from node.failpoints import NoFailpoints
from node.federation.relay import Counter
from node.ids import CaseId, TransferId
from node.store.casetables import task
from node.store.files import SealedFiles
from node.store.relaytables import relay_item, relay_queue
from node.sync import decision, relaying
from node.sync.greeting import greet
from node.sync.rows import Wake
from node.sync.transfer import Inbound, Outbound
from tests.support.desk import relocate
from tests.support.mailtowns import OTHER, RELAY, Mailed, found_mailed
from tests.support.office import MovingClock
from tests.support.pair import (
    AGS,
    APPROVER,
    SAECKINGEN,
    WEHR,
    add_staff,
    running,
    until,
)
from tests.support.staged import (
    CANARIES,
    consent_to_all,
    open_rich_case,
)

BOTH = {WEHR: (RELAY,), SAECKINGEN: (RELAY,)}


class Hoard(SealedFiles):
    """A shelf that forgets nothing, so that a test can look at all that ever lay there."""

    def remove(self, name: bytes) -> None:
        """Keep it."""


class Towns:
    """Nodes that can be stopped and started, with one clock for all."""

    def __init__(self, mailed: Mailed, clock: MovingClock) -> None:
        self.mailed = mailed
        self.clock = clock
        self.nodes = {}
        self._stacks = {}

    async def start(self, *members, shelf: Callable[[Path], SealedFiles] | None = None):
        for member in members:
            stack = self._stacks[member] = AsyncExitStack()
            hands = Hands(self.clock, secrets.token_bytes, NoFailpoints())
            settings = load_settings(self.mailed.folders[member])
            node = await stack.enter_async_context(build_node(settings, hands))
            if shelf is not None and node.relay is not None:
                files = shelf(settings.folder / "files" / "relay")
                node = replace(node, relay=Counter(files))
            self.nodes[member] = node
            await stack.enter_async_context(running(node))

    async def stop(self, *members):
        for member in members or [*self._stacks]:
            self.nodes.pop(member)
            await self._stacks.pop(member).aclose()

    @property
    def wehr(self):
        return self.nodes[WEHR]

    @property
    def saeckingen(self):
        return self.nodes[SAECKINGEN]

    def move_in(self, count: int = 1) -> tuple[TransferId, list[CaseId]]:
        """A household of so many leaves Wehr."""
        for member in (WEHR, SAECKINGEN):
            add_staff(self.nodes[member])
        cases = []
        for _ in range(count):
            cases.append(open_rich_case(self.wehr))
            consent_to_all(self.wehr, cases[-1])
        return self.leave(*cases), cases

    def leave(self, *cases: CaseId) -> TransferId:
        """They leave."""
        return TransferId(relocate(self.wehr, AGS[SAECKINGEN], *cases))

    def here(self, transfer):
        return self.wehr.store.read_sync(lambda uow: uow.outbound.get(transfer)).state

    def there(self, transfer):
        found = self.saeckingen.store.read_sync(lambda uow: uow.inbound.find(transfer))
        return found.state if found else None

    async def approved(self, transfer):
        await until(lambda: self.there(transfer) is Inbound.WAITING, 40)
        self.saeckingen.store.write_sync(
            decision.approve, self.saeckingen.office, transfer, by=APPROVER
        )

    async def closed(self, transfer):
        await until(lambda: self.here(transfer) is Outbound.CLOSED, 40)
        await until(lambda: self.there(transfer) is Inbound.CLOSED, 40)


@asynccontextmanager
async def towns(folder, mailboxes=BOTH):
    clock = MovingClock()
    hands = Hands(clock, secrets.token_bytes, NoFailpoints())
    found = Towns(found_mailed(folder, hands, mailboxes=mailboxes), clock)
    try:
        yield found
    finally:
        await found.stop()


def entries(node) -> int:
    return node.store.read_sync(lambda uow: uow.log.newest()).size


def all_bytes(folder: Path) -> list[tuple[Path, bytes]]:
    return [(p, p.read_bytes()) for p in folder.rglob("*") if p.is_file()]


@pytest.mark.spec("HO-89", "HO-91")
@pytest.mark.spec("API-50", "API-51", "DIR-30", "LR-22")
async def test_a_household_moves_and_the_relay_never_held_a_readable_byte(tmp_path):
    async with towns(tmp_path) as all_:
        await all_.start(RELAY, shelf=Hoard)
        await all_.start(WEHR, SAECKINGEN)
        transfer, cases = all_.move_in(2)
        await until(lambda: all_.there(transfer) is Inbound.WAITING)
        share_b = all_.wehr.store.read_sync(lambda uow: uow.secrets.share_b(transfer))
        await all_.approved(transfer)
        await all_.closed(transfer)
        for case in cases:
            here = all_.wehr.store.read_sync(lambda uow, c=case: uow.cases.file(c))
            there = all_.saeckingen.store.read_sync(
                lambda uow, c=case: uow.cases.file(c)
            )
            assert here.baton is Baton.HANDED_OVER
            assert (there.baton, there.epoch) == (Baton.ACTIVE, 2)
        folder = all_.nodes[RELAY].settings.folder
        await all_.stop(RELAY)
    items = all_bytes(folder / "files" / "relay")
    containers = [raw for _, raw in items if raw[16:20] == b"STFP"]
    letters = [raw for _, raw in items if raw[16:20] != b"STFP"]
    assert containers
    assert len(letters) > 8
    hidden = [*(text.encode() for text in CANARIES), share_b, transfer.encode()]
    for path, raw in all_bytes(folder):
        if "directory" not in path.parts:
            assert not [text for text in hidden[:-1] if text in raw], path
    for raw in letters:
        assert not [
            t for t in (*hidden, WEHR.encode(), SAECKINGEN.encode()) if t in raw
        ]
    for raw in containers:
        assert WEHR.encode() not in raw


async def test_a_town_that_can_be_called_and_one_that_cannot_hand_over(tmp_path):
    """Statements go out by mailbox one way, and straight the other way."""
    async with towns(tmp_path, {SAECKINGEN: (RELAY,)}) as all_:
        await all_.start(RELAY, WEHR, SAECKINGEN)
        transfer, _ = all_.move_in()
        await all_.approved(transfer)
        await all_.closed(transfer)


@pytest.mark.spec("HO-90")
async def test_items_that_come_again_change_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(relaying, "remove", lambda *_args, **_more: None)
    async with towns(tmp_path) as all_:
        await all_.start(RELAY, WEHR, SAECKINGEN)
        transfer, _ = all_.move_in()
        await all_.approved(transfer)
        await all_.closed(transfer)
        before = [entries(node) for node in (all_.wehr, all_.saeckingen)]
        await all_.stop(WEHR, SAECKINGEN)
        # Both read their whole mailbox again, everything in it for the second time.
        await all_.start(WEHR, SAECKINGEN)
        await asyncio.sleep(2)
        assert (all_.here(transfer), all_.there(transfer)) == ("closed", "closed")
        await until(
            lambda: [entries(n) for n in (all_.wehr, all_.saeckingen)] == before
        )
        refused = all_.saeckingen.store.read_sync(
            lambda uow: uow._work.rows(
                select(task.c.kind).where(task.c.kind == "statement.refused")
            )
        )
        assert refused == []


@pytest.mark.spec("HO-92")
async def test_what_a_relay_has_lost_goes_again_and_nobody_calls_it_delivered(tmp_path):
    async with towns(tmp_path) as all_:
        await all_.start(RELAY, WEHR, SAECKINGEN)
        add = all_.move_in
        await all_.stop(SAECKINGEN)
        await all_.start(SAECKINGEN)
        transfer, _ = add()
        await all_.stop(SAECKINGEN)
        relay = all_.nodes[RELAY]

        def lying():
            query = select(relay_item.c.id).where(relay_item.c.queue == SAECKINGEN)
            return relay.store.read_sync(lambda uow: uow._work.rows(query))

        await until(lambda: len(lying()) > 0)
        row = lambda: all_.wehr.store.read_sync(  # noqa: E731
            lambda uow: uow.readings.transfer(transfer)
        )
        await until(lambda: row().at_relay is not None)
        assert all_.here(transfer) is Outbound.QUEUED
        from node.report.track import Waits, track_of

        assert track_of(row()).waits is Waits.RELAY

        def lose(uow):
            with uow:
                uow._work.change(delete(relay_item))
                uow._work.change(delete(relay_queue))
                uow.commit()

        relay.store.write_sync(lose)
        await all_.stop(RELAY)
        await all_.start(RELAY)
        await all_.start(SAECKINGEN)
        await asyncio.sleep(1)
        assert all_.there(transfer) is None
        all_.clock.offset += relay_wait()
        # A clock that was set is noticed within a minute; here at once.
        all_.wehr.worker.notice(Wake.DELIVER, SAECKINGEN)
        await all_.approved(transfer)
        await all_.closed(transfer)


def relay_wait():
    from node.sync.limits import RELAY_FIRST_WAIT

    return RELAY_FIRST_WAIT * 1.1


def call_again(uow):
    """What lies at relays for Wehr goes once more."""
    with uow:
        uow.mail.hasten(WEHR, datetime.now(UTC))
        uow.commit()


@pytest.mark.spec("HO-92")
async def test_the_second_relay_is_tried_after_an_hour(tmp_path):
    boxes = {WEHR: (OTHER,), SAECKINGEN: (RELAY, OTHER)}
    async with towns(tmp_path, boxes) as all_:
        # The first relay never comes up.
        await all_.start(OTHER, WEHR, SAECKINGEN)
        transfer, _ = all_.move_in()
        due = lambda: all_.wehr.store.read_sync(  # noqa: E731
            lambda uow: uow.outbox.due(SAECKINGEN)
        )
        await until(lambda: due().failures > 0)
        all_.clock.offset += relay_wait() * 0.6
        # That it can write to us all the while says nothing about the way to it.
        heard = due().last_success_at
        all_.saeckingen.store.write_sync(call_again)
        await greet(all_.saeckingen.courier, WEHR)
        await until(lambda: due().last_success_at != heard)
        all_.wehr.worker.notice(Wake.DELIVER, SAECKINGEN)
        await until(lambda: due().failures > 0)
        assert all_.there(transfer) is None
        all_.clock.offset += relay_wait() * 0.4
        all_.wehr.worker.notice(Wake.DELIVER, SAECKINGEN)
        await all_.approved(transfer)
        await all_.closed(transfer)
