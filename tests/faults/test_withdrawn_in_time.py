"""A consent withdrawn before the key left: no key ever leaves, in whatever state it was.

Two real nodes; the sender is stopped in each state before the grant, the person takes the
consent back, both go on to their rest. Then the sender is put back to the day before, when
nobody had withdrawn, and goes on again.
"""

import asyncio
from contextlib import AsyncExitStack
from unittest.mock import patch

import pytest

from node.bootstrap import build_node, own_hands
from node.config import load_settings
from node.exchangelog.standing import Standing
from node.ids import AccountId
from node.recovering import Wish, recover
from node.sync import firstword, sender
from tests.support.desk import ACTS
from tests.support.pair import AGS, SAECKINGEN, WEHR, until
from tests.support.processes import local
from tests.support.restored import back_up, put_back
from tests.support.seen import look, spilled
from tests.support.staged import CANARIES
from tests.support.story import Story, entry_types

BEFORE_THE_KEY = ["queued", "delivered", "asked"]
AT_REST = {"recalling", "recalled", "cancelled", "absent", "held"}


async def bring_to(stage, story, state):
    """The handover in this state at a sender that stands still."""
    here, there = stage.folders[WEHR], stage.folders[SAECKINGEN]
    if state == "queued":
        async with local(here) as desk:
            await relocate(story, desk.node)
            await until(lambda: story.states[0] == "queued")
        return
    async with local(there) as far:
        async with local(here) as desk:
            await relocate(story, desk.node)
            await until(lambda: story.states == ("delivered", "waiting"))
        if state == "asked":
            # The sender's log may not speak just now, so the key waits.
            with patch.object(sender, "is_speaking", lambda _: False):
                async with local(here):
                    await far.act("approve", story.transfer)
                    await until(lambda: story.states[0] == "asked")


async def relocate(story, node):
    story.transfer = await asyncio.to_thread(
        ACTS["relocate"], node, AGS[SAECKINGEN], story.stage.case
    )
    story.relocated = True


async def go_on(stage, story):
    """Both nodes work, the recipient says yes to whatever it may, until nothing moves."""
    async with AsyncExitStack() as stack:
        there = await stack.enter_async_context(local(stage.folders[SAECKINGEN]))
        here = await stack.enter_async_context(local(stage.folders[WEHR]))
        await until(
            lambda: (
                here.node.store.read_sync(firstword.standing).standing
                is Standing.SPEAKING
            )
        )
        await until(lambda: story.states[0] in AT_REST)
        if story.states[1] == "waiting":
            await there.act("approve", story.transfer)
        await asyncio.sleep(1)
        return entry_types(here.node).get(story.transfer, [])


def nothing_readable(stage, story, entries):
    assert "granted" not in entries
    far = look(stage.folders[SAECKINGEN])
    assert far.rows("case_file") == far.rows("record") == []
    assert all(row["grant"] is None for row in far.rows("received_packet"))
    assert spilled(stage.folders[SAECKINGEN], CANARIES) == []
    assert story.states[1] in {"absent", "recalled"}
    for secret in look(stage.folders[WEHR]).rows("outbound_secret"):
        assert secret["share_b"] is None


@pytest.mark.spec("DO-22", "FR-24")
@pytest.mark.parametrize("state", BEFORE_THE_KEY)
async def test_who_withdraws_before_the_key_leaves_is_never_readable_there(
    stage, tmp_path, state
):
    story = Story(stage)
    wehr = stage.folders[WEHR]
    await bring_to(stage, story, state)
    assert story.states[0] == state
    back_up(wehr, tmp_path / "yesterday")
    async with build_node(load_settings(wehr), own_hands()) as node:
        await asyncio.to_thread(ACTS["withdraw"], node, stage.consent)
    nothing_readable(stage, story, await go_on(stage, story))

    put_back(tmp_path / "yesterday", wehr)
    async with local(stage.folders[SAECKINGEN]):
        two = Wish(AccountId("a" * 32), AccountId("b" * 32), new_log=True)
        found = await recover(load_settings(wehr), two)
        assert found.is_done, found
    nothing_readable(stage, story, await go_on(stage, story))


@pytest.mark.spec("DO-22")
async def test_who_withdraws_while_it_is_held_back_is_never_offered(stage):
    story = Story(stage)
    async with build_node(load_settings(stage.folders[WEHR]), own_hands()) as node:
        await relocate(story, node)
        await asyncio.to_thread(ACTS["withdraw"], node, stage.consent)
    entries = await go_on(stage, story)
    assert "offered" not in entries
    nothing_readable(stage, story, entries)
    assert story.states == ("held", "absent")
