"""Captured requests sent again: right node, wrong node, 400 days later: nothing (AS-14)."""

import secrets
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta

import pytest

from node.bootstrap import Hands, build_node
from node.config import load_settings
from node.failpoints import NoFailpoints
from node.serving import listen
from node.sync import decision, limits
from node.sync.transfer import Inbound, Outbound
from tests.support.faultproxy import FaultProxy
from tests.support.handed import inbound, outbound, set_off
from tests.support.office import MovingClock
from tests.support.pair import (
    APPROVER,
    SAECKINGEN,
    WEHR,
    add_staff,
    found_pair,
    free_ports,
    give_consent,
    open_case,
    running,
    until,
)
from tests.support.rawpeer import exchange, requests_in


def behind(folder):
    (port,) = free_ports(1)
    settings = load_settings(folder)
    file = folder / "node.toml"
    file.write_text(
        file.read_text().replace(
            f"peer_port = {settings.peer_port}", f"peer_port = {port}"
        )
    )
    return settings.peer_port, port


def everything(node):
    """What a request can change: transfers, inbox, chains, cases, log."""

    def look(uow):
        states = [*Inbound], [*Outbound]
        return (
            [uow.inbound.get(t) for t in uow.inbound.in_states(states[0])],
            [uow.outbound.get(t) for t in uow.outbound.in_states(states[1])],
            [
                (
                    uow.chains.last_in(p),
                    uow.chains.last_out(p),
                    uow.chains.quarantined(p),
                )
                for p in (WEHR, SAECKINGEN)
            ],
            uow.cases.all_files(),
            len(uow.log_view.lines(0)),
        )

    return node.store.read_sync(look)


@pytest.mark.spec("HO-20", "HO-67")
async def test_replays_have_no_effect_today_or_in_400_days(tmp_path, monkeypatch):
    # Each one is to be looked at, none refused for coming too fast.
    monkeypatch.setattr(limits, "FAILED_PER_ADDRESS_S", 10**6)
    clock = MovingClock()
    hands = Hands(clock, secrets.token_bytes, NoFailpoints())
    folders = found_pair(tmp_path, hands)
    lines = {m: behind(folders[m]) for m in (WEHR, SAECKINGEN)}
    async with (
        FaultProxy(*lines[WEHR], heard=[]) as to_wehr,
        FaultProxy(*lines[SAECKINGEN], heard=[]) as to_there,
        build_node(load_settings(folders[WEHR]), hands) as wehr,
        build_node(load_settings(folders[SAECKINGEN]), hands) as there,
    ):
        async with running(wehr), running(there):
            for node in (wehr, there):
                add_staff(node)
            for number in range(3):
                case = open_case(wehr, f"Demo-Ulme-{number}")
                give_consent(wehr, case)
                transfer = set_off(wehr, case, SAECKINGEN)
                await until(
                    lambda t=transfer: (
                        (found := inbound(there, t)) and found.state is Inbound.WAITING
                    )
                )
                there.store.write_sync(
                    decision.approve, there.office, transfer, by=APPROVER
                )
                await until(
                    lambda t=transfer: outbound(wehr, t).state is Outbound.CLOSED
                )
                await until(
                    lambda t=transfer: inbound(there, t).state is Inbound.CLOSED
                )
        captured = [
            raw
            for proxy in (to_wehr, to_there)
            for flow in proxy.heard
            for raw in requests_in(bytes(flow))
            if b"/staffelstab/1/" in raw.split(b"\r\n", 1)[0]
        ]
        assert len(captured) > 20
        seen = set()
        async with listening(wehr), listening(there):
            for days in (0, 0, 400):
                clock.offset += timedelta(days=days)
                for node in (wehr, there):
                    before = everything(node)
                    for raw in captured:
                        clock.offset += timedelta(milliseconds=1)
                        status, body = await exchange(node, raw)
                        seen.add(status)
                        # After a restart nonces are forgotten (ADR 0013): then the
                        # stored answer comes again, for as long as a signature lives.
                        assert status is None or status < 500, body
                        assert not days or status is None or status >= 400, body
                    assert everything(node) == before
        assert seen >= {400, 401, 409}, seen


@asynccontextmanager
async def listening(node):
    """Its doors alone: no worker changes anything beside the replays."""
    async with AsyncExitStack() as stack:
        await listen(node, stack)
        yield
