"""A flood from strangers and from one member beside an honest one (AS-15, counts only)."""

import asyncio
from collections import Counter

import pytest

from node.bootstrap import build_node
from node.config import load_settings
from node.sync import limits
from tests.hostile.test_listener import node
from tests.support.flooding import Flood

__all__ = ["node"]


@pytest.mark.spec("SR-F3", "SR-F4")
async def test_an_honest_peer_is_served_while_others_flood(node, tmp_path):
    # The node's own key floods as any member's would; the other town is honest.
    there = load_settings(tmp_path / "bad-saeckingen")
    async with build_node(there, None) as honest:
        flood = Flood(node, member=node, honest=honest)
        seen, served = await flood.run(requests=900, honest_requests=25)
    assert served == Counter({200: 25})
    assert not any(status and status >= 500 for status in seen), seen
    # Strangers heard that they are too fast, and the flooding member as well.
    assert seen[429] > 0
    assert len(asyncio.all_tasks()) < 40


@pytest.mark.spec("HO-67")
async def test_a_full_table_of_nonces_holds_up_who_filled_it(
    node, tmp_path, monkeypatch
):
    monkeypatch.setattr(limits, "NONCES", 40)
    there = load_settings(tmp_path / "bad-saeckingen")
    async with build_node(there, None) as honest:
        flood = Flood(node, member=node, honest=honest)
        statuses = [await flood.hello(honest) for _ in range(60)]
    assert statuses[:40] == [200] * 40
    assert set(statuses[40:]) == {429}
