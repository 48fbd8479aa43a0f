"""Two towns under a district's policy, with witnesses outside, honest and hostile."""

import secrets
from contextlib import asynccontextmanager

import pytest

from node.bootstrap import Hands, build_node
from node.config import load_settings
from node.exchangelog.kinds import EntryType
from node.failpoints import NoFailpoints
from node.federation.registrar import set_policy
from node.sync import quorum
from node.sync.rows import Wake
from node.sync.transfer import Inbound
from tests.e2e.test_spine import inbound, relocate
from tests.support.office import MovingClock
from tests.support.pair import (
    SAECKINGEN,
    WEHR,
    add_staff,
    found_pair,
    give_consent,
    open_case,
    running,
    until,
)
from tests.support.witness_server import HOSTILE, OutsideWitness, outside


class Stage:
    """Both towns run, under the policy that the test published."""

    def __init__(self, wehr, saeckingen, clock, publish):
        self.wehr, self.saeckingen, self.clock = wehr, saeckingen, clock
        self.publish = publish
        self.transfer = None

    def send(self):
        case = open_case(self.wehr)
        give_consent(self.wehr, case)
        self.transfer = relocate(self.wehr, case).transfer
        return self.transfer

    @property
    def state(self):
        found = inbound(self.saeckingen, self.transfer)
        return found.state if found else None

    @property
    def waits(self):
        return self.wehr.store.read_sync(lambda uow: uow.quorums.waiting(self.transfer))

    @property
    def shown(self):
        return self.saeckingen.store.read_sync(
            lambda uow: uow.quorums.shown(self.transfer)
        )

    def try_again(self):
        self.wehr.worker.notice(Wake.DELIVER, str(SAECKINGEN))

    def entries(self, node, kind):
        lines = node.store.read_sync(lambda uow: uow.log_view.lines(0))
        return [line for line in lines if line.type is kind]


@asynccontextmanager
async def towns(folder, policy):
    clock = MovingClock()
    hands = Hands(clock, secrets.token_bytes, NoFailpoints())
    folders = found_pair(folder, hands)

    def publish(content):
        set_policy(
            folder / "directory",
            [folder / "directory-keys"],
            prefix="08337",
            content=content.encode(),
            at=clock.now(),
        )

    publish(policy)
    async with (
        build_node(load_settings(folders[WEHR]), hands) as wehr,
        build_node(load_settings(folders[SAECKINGEN]), hands) as saeckingen,
        running(wehr),
        running(saeckingen),
    ):
        add_staff(wehr)
        add_staff(saeckingen)
        yield Stage(wehr, saeckingen, clock, publish)


@pytest.mark.spec("LR-20")
async def test_a_packet_leaves_once_its_quorum_is_met(tmp_path):
    first, second = OutsideWitness(1), OutsideWitness(2)
    async with outside(first, second):
        policy = f"{first.line}{second.line}group aussen all O1 O2\nquorum aussen\n"
        async with towns(tmp_path, policy) as stage:
            stage.send()
            await until(lambda: stage.state is Inbound.WAITING)
            assert stage.shown == quorum.MET
            assert (first.asked > 0, second.asked > 0) == (True, True)
            changed = stage.entries(stage.wehr, EntryType.POLICY_CHANGED)
            assert len(changed) == 1


@pytest.mark.spec("EL-12")
@pytest.mark.parametrize("hostile", HOSTILE, ids=lambda answer: answer.__name__)
async def test_a_hostile_witness_is_harmless(tmp_path, hostile):
    good, bad = OutsideWitness(1), OutsideWitness(2, hostile)
    async with outside(good, bad):
        policy = f"{good.line}{bad.line}group aussen any O1 O2\nquorum aussen\n"
        async with towns(tmp_path, policy) as stage:
            stage.send()
            await until(lambda: stage.state is Inbound.WAITING)
            names = stage.wehr.store.read_sync(
                lambda uow: {w.name for w in uow.log_rows.standing().witnessed}
            )
            assert good.key.name in names
            assert bad.key.name not in names
            assert bad.asked > 0
