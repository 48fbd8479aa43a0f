"""Kill -9 at every step of an erasure and of the turn of a week key."""

import asyncio
import secrets
from datetime import timedelta

import pytest

from node.bootstrap import Hands, build_node
from node.clock import SystemClock
from node.config import load_settings
from node.crypto.casekey import wrapped_week
from node.crypto.checkpoint import ED25519, NoteKey
from node.exchangelog.audit import check_export
from node.exchangelog.entry import GroupName
from node.failpoints import NoFailpoints, Point
from tests.support import erasing_process
from tests.support.acts import rows
from tests.support.erasing_process import is_killed, week_keys
from tests.support.pair import WEHR, running, until

P = Point
STEPS = (P.ERASE_REGISTERED, P.ERASE_KEY_DESTROYED, P.ERASE_TIDIED, P.ERASE_BEFORE_DONE)
TURNS = (
    (P.WEEKKEY_WRITTEN, 7 * 24),
    (P.WEEKKEY_REWRAPPED_SOME, 7 * 24),
    (P.WEEKKEY_BEFORE_OLD_ERASED, 40 * 24),
)


async def at(folder, hours, act):
    """Something done at the node as it starts again, without failpoints."""
    clock = SystemClock(timedelta(hours=hours))
    hands = Hands(clock, secrets.token_bytes, NoFailpoints())
    async with build_node(load_settings(folder), hands) as node:
        return await asyncio.to_thread(act, node)


def report(node):
    key = NoteKey(node.office.log_origin, node.office.keyring.log.public, ED25519)
    return node.store.read_sync(lambda uow: check_export(uow.log_rows.export(key)))


def outcome(node):
    erasing_process.advance(node)
    found = report(node)
    states = [row[0] for row in rows(node.store, "SELECT state FROM log_erasure")]
    bodies = rows(node.store, "SELECT count(*) FROM log_erasing")[0][0]
    return str(found.verdict), found.checked.erased, states, bodies


@pytest.mark.spec("LR-38", "EL-4")
@pytest.mark.parametrize("point", [P.ERASE_INTENT, *STEPS])
async def test_an_erasure_survives_a_kill_at_every_step(stage, point):
    folder = stage.folders[WEHR]
    group = f"consent:{stage.case}"
    is_first = point is P.ERASE_INTENT
    killed = is_killed(folder, "order", group, point=point if is_first else None)
    assert killed is is_first
    if not is_first:
        assert is_killed(folder, "advance", point=point, hours=25)
    found = await at(folder, 50, outcome)
    assert found == ("verified", 1, ["done"], 0)
    again = await at(folder, 51, outcome)
    assert again == found


@pytest.mark.spec("LR-38")
async def test_a_running_node_erases_by_itself(stage):
    folder = stage.folders[WEHR]
    await at(
        folder, 0, lambda node: erasing_process.order(node, f"consent:{stage.case}")
    )
    hands = Hands(SystemClock(timedelta(hours=25)), secrets.token_bytes, NoFailpoints())
    query = "SELECT count(*) FROM log_erasure WHERE state = 'done'"
    async with build_node(load_settings(folder), hands) as node, running(node):
        await until(lambda: rows(node.store, query)[0][0] == 1)
        assert str(report(node).verdict) == "verified"


@pytest.mark.spec("SR-K5")
@pytest.mark.parametrize(("point", "hours"), TURNS)
async def test_a_turn_of_week_keys_survives_a_kill(stage, point, hours):
    folder = stage.folders[WEHR]
    if point is P.WEEKKEY_BEFORE_OLD_ERASED:
        assert not is_killed(folder, "turn", hours=7 * 24)
    assert is_killed(folder, "turn", point=point, hours=hours)

    def every_key_opens(node):
        keys = week_keys(node)
        wrapped = [
            bytes(row[0])
            for table in ("log_key", "case_file", "consent")
            for row in rows(node.store, f"SELECT wrapped FROM {table}")
        ]
        assert wrapped
        assert all(keys.get(wrapped_week(blob)) is not None for blob in wrapped)
        assert str(report(node).verdict) == "verified"
        assert node.store.read_sync(lambda uow: uow.cases.content(stage.case)).of(
            "person"
        )
        return {wrapped_week(blob) for blob in wrapped}, keys.newest.week

    await at(folder, hours, every_key_opens)

    def go_on(node):
        erasing_process.turn(node)
        return every_key_opens(node)

    weeks, newest = await at(folder, hours, go_on)
    assert weeks == {newest}


async def test_consents_in_force_are_needed_until_their_end(stage):
    def look(node):
        today = node.office.clock.now().date()
        tag = node.store.read_sync(
            lambda uow: uow.keeping.tag(GroupName.of_consents(stage.case))
        )
        found = [
            list(node.store.read_sync(lambda uow, d=day: uow.keeping.consenting(d)))
            for day in (today, today + timedelta(days=400))
        ]
        return found == [[tag], []]

    assert await at(stage.folders[WEHR], 0, look)
