"""Two towns under a district's policy, with witnesses outside, honest and hostile."""

import asyncio
import json
import secrets
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
from typer.testing import CliRunner

from node.accounts.policy import Actor
from node.bootstrap import Hands, build_node
from node.cli.app import app
from node.config import load_settings
from node.errors import (
    ForbiddenError,
    InputError,
    NotFoundError,
    RejectedError,
    TransitionError,
)
from node.exchangelog.bundle import read_files
from node.exchangelog.kinds import EntryType
from node.exchangelog.policy import cosigners
from node.failpoints import NoFailpoints
from node.federation.registrar import set_policy
from node.report.bundlecheck import check_bundle
from node.sync import quorum
from node.sync.override import ask_override, confirm_override
from node.sync.transfer import Inbound, Outbound
from tests.node.evidence_stage import bundle_of
from tests.support.handed import inbound, outbound, set_off
from tests.support.office import AUDITOR, LEADER, MovingClock, add_more
from tests.support.pair import (
    APPROVER,
    CLERK,
    SAECKINGEN,
    WEHR,
    add_staff,
    found_pair,
    give_consent,
    open_case,
    running,
    until,
)
from tests.support.witness_server import (
    HOSTILE,
    OutsideWitness,
    no_service,
    outside,
)


class Stage:
    """Both towns run, under the policy that the test published."""

    def __init__(self, wehr, saeckingen, clock, publish):
        self.wehr, self.saeckingen, self.clock = wehr, saeckingen, clock
        self.publish = publish
        self.transfer = None
        self._sent = 0

    def send(self):
        self._sent += 1
        case = open_case(self.wehr, f"Demo-Ulme-{self._sent}")
        give_consent(self.wehr, case)
        self.transfer = set_off(self.wehr, case, SAECKINGEN)
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

    def entries(self, node, kind):
        lines = node.store.read_sync(lambda uow: uow.log_view.lines(0))
        return [line for line in lines if line.type is kind]


@asynccontextmanager
async def towns(folder, policy, *, accept_override=True):
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
    if not accept_override:
        file = folders[SAECKINGEN] / "node.toml"
        file.write_text(file.read_text() + "accept_override = false\n")
    async with (
        build_node(load_settings(folders[WEHR]), hands) as wehr,
        build_node(load_settings(folders[SAECKINGEN]), hands) as saeckingen,
        running(wehr),
        running(saeckingen),
    ):
        add_staff(wehr)
        add_staff(saeckingen)
        wehr.store.write_sync(add_more)
        yield Stage(wehr, saeckingen, clock, publish)


@pytest.mark.spec("LR-20", "WIT-6", "WIT-7", "WIT-11")
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
            # The receipt is an entry as well; its answer comes after the packet is kept.
            await until(
                lambda: outbound(stage.wehr, stage.transfer).state is Outbound.DELIVERED
            )
            # The evidence names the district's rule, and keeps to it.
            await asyncio.to_thread(stage.wehr.publisher.publish)
            raw = bundle_of(stage.wehr, stage.transfer).raw
            rule = read_files(raw)["policy.txt"].decode()
            assert rule.startswith(policy)
            codes = {finding[0] for finding in check_bundle(raw).findings}
            assert not {"below_quorum", "pair_only", "file_bad"} & codes
            # A witness that lost its memory names its size, and is asked once more.
            first.sizes.clear()
            stage.send()
            await until(lambda: stage.state is Inbound.WAITING)
            assert first.sizes == second.sizes


@pytest.mark.spec("EL-12", "WIT-9")
@pytest.mark.spec("LR-22")
async def test_hostile_witnesses_are_harmless_side_by_side(tmp_path):
    good = OutsideWitness(1)
    bad = [OutsideWitness(number, answer) for number, answer in enumerate(HOSTILE, 2)]
    async with outside(good, *bad):
        lines = "".join(witness.line for witness in (good, *bad))
        names = " ".join(f"O{witness.number}" for witness in (good, *bad))
        policy = f"{lines}group aussen any {names}\nquorum aussen\n"
        async with towns(tmp_path, policy) as stage:
            stage.send()
            await until(lambda: stage.state is Inbound.WAITING)
            cosigned = stage.wehr.store.read_sync(
                lambda uow: {item.name for item in uow.heads.cosigned()}
            )
            assert good.key.name in cosigned
            assert not cosigned & {witness.key.name for witness in bad}
            assert all(witness.asked > 0 for witness in bad)
            due = stage.wehr.store.read_sync(lambda uow: uow.outbox.due(SAECKINGEN))
            assert due.failures == 0


@pytest.mark.spec("LR-21", "WIT-12")
async def test_no_container_comes_in_before_its_senders_quorum_is_shown(tmp_path):
    away = OutsideWitness(1, no_service)
    async with outside(away), towns(tmp_path, f"{away.line}quorum O1\n") as stage:
        stage.send()
        await until(lambda: stage.waits is not None)
        # A sender that knows of no policy would send at once.
        recipient = stage.saeckingen.office.directory().witness_key(SAECKINGEN)
        head = stage.wehr.store.read_sync(lambda uow: uow.log.newest())
        assert cosigners(head.note, [recipient])
        row = stage.wehr.store.read_sync(lambda uow: uow.outbox.packets(SAECKINGEN, 1))[
            0
        ]
        courier = stage.wehr.courier
        with pytest.raises(RejectedError, match="log-unproven"):
            await courier.transport.send_packet(
                SAECKINGEN, row, lambda: courier.files.read(row.digest)
            )
        assert stage.state is Inbound.ANNOUNCED


@pytest.mark.spec("LR-24", "WIT-14")
@pytest.mark.spec("EL-12")
async def test_two_people_send_one_transfer_without_its_quorum(tmp_path):
    away = OutsideWitness(1, no_service)
    async with outside(away), towns(tmp_path, f"{away.line}quorum O1\n") as stage:
        transfer = stage.send()
        await until(lambda: stage.waits is not None)
        waits, wehr = stage.waits, stage.wehr
        assert (waits.got, waits.needed, waits.missing) == (0, 1, (away.key.name,))
        due = wehr.store.read_sync(lambda uow: uow.outbox.due(SAECKINGEN))
        assert due.failures == 0

        def ask(by=LEADER, code="urgent"):
            now = stage.clock.now()
            wehr.store.write_sync(ask_override, now, transfer, code=code, by=by)

        def confirm(by=APPROVER):
            wehr.store.write_sync(confirm_override, wehr.office, transfer, by=by)

        with pytest.raises(TransitionError):
            ask()
        stage.clock.offset += timedelta(hours=5)
        for wrong in (APPROVER, CLERK, AUDITOR):
            with pytest.raises(ForbiddenError):
                ask(wrong)
        with pytest.raises(InputError):
            ask(code="because")
        with pytest.raises(TransitionError):
            confirm()
        ask()
        both = Actor(LEADER.account, LEADER.roles | APPROVER.roles)
        for wrong in (LEADER, CLERK, both):
            with pytest.raises(ForbiddenError):
                confirm(wrong)
        assert stage.waits.override is None
        confirm()
        with pytest.raises((TransitionError, NotFoundError)):
            confirm()
        await until(lambda: stage.state is Inbound.WAITING)
        assert stage.shown == quorum.OVERRIDDEN
        (received,) = stage.entries(stage.saeckingen, EntryType.TRANSFER_RECEIVED)
        assert received.outcome == "overridden"
        (entry,) = stage.entries(wehr, EntryType.OPERATOR_OVERRIDE)
        assert (entry.outcome, entry.transfer) == ("urgent", transfer)
        await until(lambda: stage.waits is None)


@pytest.mark.spec("LR-24", "WIT-16")
async def test_a_body_may_refuse_overrides(tmp_path):
    away = OutsideWitness(1, no_service)
    async with outside(away):
        policy = f"{away.line}quorum O1\n"
        async with towns(tmp_path, policy, accept_override=False) as stage:
            transfer, wehr = stage.send(), stage.wehr
            await until(lambda: stage.waits is not None)
            stage.clock.offset += timedelta(hours=5)
            now = stage.clock.now()
            wehr.store.write_sync(ask_override, now, transfer, code="urgent", by=LEADER)
            wehr.store.write_sync(confirm_override, wehr.office, transfer, by=APPROVER)
            await until(lambda: stage.shown == quorum.OVERRIDDEN)
            await until(
                lambda: (
                    wehr.store.read_sync(lambda uow: uow.outbox.packets(SAECKINGEN, 1))[
                        0
                    ].code
                    == "log-unproven"
                )
            )
            assert stage.state is Inbound.ANNOUNCED


@pytest.mark.spec("EL-16")
async def test_one_cycle_of_watching_sees_both_logs_and_what_waits(tmp_path):
    away = OutsideWitness(1, no_service)
    async with outside(away), towns(tmp_path, f"{away.line}quorum O1\n") as stage:
        transfer = stage.send()
        await until(lambda: stage.waits is not None)
        data = ["--data", str(stage.wehr.settings.folder), "--json"]

        def run(*words):
            done = CliRunner().invoke(app, ["log", *words, *data])
            return done.exit_code, json.loads(done.output)

        code, told = await asyncio.to_thread(run, "watch")
        assert (code, told["alarms"]) == (0, [])
        assert [log["seen"] for log in told["logs"]] == ["first", "first"]
        code, told = await asyncio.to_thread(run, "watch")
        assert {log["seen"] for log in told["logs"]} <= {"same", "grew"}
        code, told = await asyncio.to_thread(run, "witnesses")
        assert [line["transfer"] for line in told["waiting"]] == [transfer]
        code, told = await asyncio.to_thread(run, "policy")
        assert told["policy"] == "policy/08337"
        # It remembers a head that is no head of this log: the log was rewritten.
        place = stage.wehr.settings.folder / "state" / "watch.json"
        kept = json.loads(place.read_text())
        for head in kept["heads"].values():
            head["root"] = "00" * 32
        place.write_text(json.dumps(kept))
        stage.wehr.publisher.publish()
        code, told = await asyncio.to_thread(run, "watch")
        assert code in {1, 4}
        assert {log["seen"] for log in told["logs"]} & {"fork", "unshown"}
        # What was wrong is not remembered: the next cycle tells it again.
        assert (await asyncio.to_thread(run, "watch"))[0] == code
