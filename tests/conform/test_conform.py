"""The conformance check passes our own node, and finds a node with one check missing."""

import asyncio
import json
from contextlib import asynccontextmanager

import pytest
from typer.testing import CliRunner

from node.bootstrap import build_node, own_hands
from node.cli.app import app
from node.config import load_settings
from node.conform import handover, requests, run, statements, witness
from node.conform.bench import Bench
from node.conform.report import Outcome, Report
from node.conform.wire import Wire
from node.crypto.checkpoint import Checkpoint
from node.errors import ConfigError, UnknownNodeError
from node.exchangelog import witness as node_witness
from node.exchangelog.proof import Proven
from node.federation import listener, pace
from node.sync import chain, decision, limits, reception
from node.sync.transfer import Inbound
from tests.support.desk import relocate
from tests.support.pair import (
    AGS,
    APPROVER,
    SAECKINGEN,
    WEHR,
    add_staff,
    found_pair,
    give_consent,
    open_case,
    running,
)


@pytest.fixture
def folders(tmp_path, monkeypatch):
    monkeypatch.setattr(limits, "FAILED_PER_ADDRESS_S", 10_000)
    return found_pair(tmp_path, own_hands())


@asynccontextmanager
async def target(folders):
    """The implementation under test."""
    async with build_node(load_settings(folders[SAECKINGEN])) as node, running(node):
        add_staff(node)
        yield node


async def approving(node):
    """The approver there says yes to whatever waits."""
    while True:
        await asyncio.sleep(0.1)
        for transfer in node.store.read_sync(
            lambda uow: uow.inbound.in_states([Inbound.WAITING])
        ):
            node.store.write_sync(decision.approve, node.office, transfer, by=APPROVER)


@pytest.mark.spec(
    "API-2",
    "API-3",
    "API-4",
    "API-5",
    "API-11",
    "API-12",
    "API-20",
    "API-21",
    "API-22",
    "API-23",
    "API-24",
    "API-25",
)
@pytest.mark.spec(
    "HO-2",
    "HO-15",
    "HO-20",
    "HO-23",
    "HO-39",
    "HO-40",
    "HO-41",
    "HO-45",
    "HO-47",
    "HO-48",
    "HO-49",
    "HO-51",
    "HO-66",
    "HO-67",
    "HO-69",
    "HO-71",
    "HO-86",
    "HO-87",
)
@pytest.mark.spec("MSG-1", "MSG-2", "MSG-5", "MSG-6", "MSG-10", "MSG-11", "MSG-12")
@pytest.mark.spec("LR-10", "LR-14", "LR-15", "LR-16", "LR-20", "LR-30", "LIM-1")
@pytest.mark.spec("SR-F2", "OVR-2", "HO-59", "HO-68", "VER-1", "VER-2")
async def test_our_own_node_has_no_failure_as_recipient(folders, request):
    async with target(folders) as node:
        person = asyncio.get_running_loop().create_task(approving(node))
        settings, url = load_settings(folders[WEHR]), node.settings.peer_url
        # A run leaves the pair as good as it was; only ``last`` ends it.
        first = await run.check(settings, url, wait_s=20)
        report = await run.check(settings, url, wait_s=20, last=True)
        person.cancel()
    assert first.failed == ()
    assert [line.number for line in first.lines if line.outcome is Outcome.NOT_RUN] == [
        "MSG-12"
    ]
    assert report.failed == ()
    assert report.count(Outcome.NOT_RUN) == 0
    assert report.exit_code == 0
    assert len(report.lines) > 100
    proven = {n for mark in request.node.iter_markers("spec") for n in mark.args}
    assert {line.number for line in report.lines} <= proven


@pytest.mark.spec("API-6", "API-20", "API-21", "API-2", "HO-23", "HO-43", "HO-46")
@pytest.mark.spec("HO-48", "HO-66", "HO-67", "HO-70", "HO-75", "HO-81")
async def test_our_own_node_has_no_failure_as_sender(folders, request):
    async with target(folders) as node:
        case = open_case(node)
        give_consent(node, case)
        relocate(node, AGS[WEHR], str(case))
        settings, url = load_settings(folders[WEHR]), node.settings.peer_url
        report = await run.check(settings, url, wait_s=20, as_recipient=True)
    assert report.failed == ()
    assert report.exit_code == 0
    proven = {n for mark in request.node.iter_markers("spec") for n in mark.args}
    assert {line.number for line in report.lines} == proven


@pytest.mark.spec("API-7")
async def test_without_people_there_the_run_says_what_it_could_not_see(folders):
    async with (
        target(folders) as node,
        build_node(load_settings(folders[WEHR])) as us,
    ):
        bench = Bench(
            us, SAECKINGEN, Wire(us.office, SAECKINGEN, node.settings.peer_url)
        )
        await handover.send(bench)
        await statements.fork(bench)
    assert bench.report.failed == ()
    left_out = {
        line.number for line in bench.report.lines if line.outcome is Outcome.NOT_RUN
    }
    assert left_out == {"HO-23", "MSG-12"}
    assert bench.report.exit_code == 2


async def yes(*_, **__):
    return True


def nothing(*_, **__):
    return None


def taken(last, link, **_):
    return chain.Take()


def proven(*_, knowledge, **__):
    return Proven(knowledge.memory, advanced=False, proof=None, entry=None)


def unchecked(note, log_key):
    return Checkpoint.parse_body(note.split("\n\n")[0] + "\n")


FAULTS = [
    # what is switched off there; the checks that look; what they find
    (listener, "is_digested", yes, requests.bodies, {"HO-69"}),
    (pace.Pace, "check_nonce", nothing, requests.window, {"HO-67"}),
    (chain, "judge", taken, statements.chains, {"MSG-11", "HO-20"}),
    (reception, "check", proven, handover.send, {"LR-30"}),
    (node_witness, "open_checkpoint", unchecked, witness.statuses, {"LR-15"}),
]


@pytest.mark.spec("HO-12", "HO-67", "HO-69", "LR-15", "LR-30", "MSG-11")
@pytest.mark.parametrize(
    ("room", "name", "instead", "group", "found"),
    FAULTS,
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_a_node_with_one_check_switched_off_is_found(
    folders, monkeypatch, room, name, instead, group, found
):
    async with (
        target(folders) as node,
        build_node(load_settings(folders[WEHR])) as us,
    ):
        monkeypatch.setattr(room, name, instead)
        wire = Wire(us.office, SAECKINGEN, node.settings.peer_url)
        bench = Bench(us, SAECKINGEN, wire)
        await group(bench)
    assert found <= {line.number for line in bench.report.failed}


async def test_an_address_that_nobody_listed_is_no_target(folders):
    with pytest.raises(UnknownNodeError):
        await run.check(load_settings(folders[WEHR]), "http://other.example")


async def test_a_member_does_not_check_itself(folders):
    settings = load_settings(folders[WEHR])
    with pytest.raises(ConfigError):
        await run.check(settings, settings.peer_url)


async def test_a_node_that_is_not_there_fails_at_once(folders):
    url = load_settings(folders[SAECKINGEN]).peer_url
    report = await run.check(load_settings(folders[WEHR]), url)
    assert [line.number for line in report.failed] == ["API-20"]
    assert report.exit_code == 1


def commanded(*words):
    found = CliRunner().invoke(app, ["conform", *map(str, words)])
    return found.exit_code, found.stdout


def test_the_command_tells_each_line_and_says_so_with_its_exit_code(folders):
    url = load_settings(folders[SAECKINGEN]).peer_url
    code, said = commanded(url, "--folder", folders[WEHR])
    assert code == 1
    assert said.startswith("API-20  VERLETZT")
    assert "1 Prüfungen: 0 erfüllt, 1 VERLETZT, 0 nicht geprüft." in said
    code, said = commanded(url, "--folder", folders[WEHR], "--json")
    assert code == 1
    assert json.loads(said)["counts"] == {"ok": 0, "failed": 1, "not-run": 0}


def test_the_folder_of_a_node_in_service_is_not_used(folders):
    settings = folders[WEHR] / "node.toml"
    text = settings.read_text()
    assert "demo = true" in text
    settings.write_text(text.replace("demo = true", "demo = false"))
    url = load_settings(folders[SAECKINGEN]).peer_url
    assert commanded(url, "--folder", folders[WEHR])[0] == 3


def test_a_report_counts_what_was_not_run_as_incomplete():
    report = Report()
    report.judge("HO-1", "x", good=True, seen="y")
    assert (report.exit_code, report.lines[0].seen) == (0, "")
    report.skip("HO-2", "x", "why")
    assert report.exit_code == 2
    report.judge("HO-3", "x", good=False, seen="y")
    assert report.exit_code == 1
