"""Kill -9 at every named point: the handover ends once, whole, at both ends.

The victim is a process of its own and dies at the point, without tidying up; the other node
lives on. Then the victim starts again, in this process, and people try again what they were
not answered. What must hold stands in ``tests/support/invariants.py``.
"""

from contextlib import AsyncExitStack

import pytest

from node.failpoints import Point
from node.ids import MemberId
from tests.support.pair import SAECKINGEN, WEHR
from tests.support.processes import Seat, local, process
from tests.support.story import Story

P = Point
SENDER = (
    P.RELOCATION_BEFORE_COMMIT,
    P.RELOCATION_AFTER_COMMIT,
    P.PERMIT_DECIDED,
    P.PACKET_PART_WRITTEN,
    P.PACKET_STORED,
    P.FREEZE_BEFORE_COMMIT,
    P.FREEZE_AFTER_COMMIT,
    P.UPLOAD_CONNECTED,
    P.RECEIPT_READ,
    P.DELIVERED_AFTER_COMMIT,
    P.GRANT_BEFORE_COMMIT,
    P.GRANT_AFTER_COMMIT,
    P.IMPORTED_RECEIVED,
    P.CLOSE_AFTER_COMMIT,
)
RECIPIENT = (
    P.WITNESS_STORED,
    P.WITNESS_ANSWERED,
    P.UPLOAD_VERIFIED,
    P.INBOX_AFTER_COMMIT,
    P.APPROVE_BEFORE_COMMIT,
    P.APPROVE_AFTER_COMMIT,
    P.GRANT_RECEIVED,
    P.PACKET_OPENED,
    P.IMPORT_ROW,
    P.IMPORT_BEFORE_COMMIT,
    P.IMPORT_AFTER_COMMIT,
)
BOTH = (P.CHECKPOINT_MARKED, P.CHECKPOINT_SIGNED, P.CHECKPOINT_STORED)
MOVES = [
    *((point, WEHR, 1) for point in SENDER),
    *((point, SAECKINGEN, 1) for point in RECIPIENT),
    *((point, member, 2) for point in BOTH for member in (WEHR, SAECKINGEN)),
]
WITHDRAWALS = [
    (P.WITHDRAW_BEFORE_COMMIT, WEHR, 1),
    (P.WITHDRAW_AFTER_COMMIT, WEHR, 1),
    (P.WITHDRAWN_RECEIVED, SAECKINGEN, 1),
]


def named(cases):
    return [
        pytest.param(point, member, nth, id=f"{point}-{member.split('-')[2]}")
        for point, member, nth in cases
    ]


async def kill_and_go_on(story: Story, point: Point, victim: MemberId, nth: int):
    folders = story.stage.folders
    other = next(member for member in folders if member != victim)
    async with AsyncExitStack() as stack:
        survivor = await stack.enter_async_context(local(folders[other]))
        seats: dict[MemberId, Seat] = {other: survivor}
        async with process(folders[victim], point, nth) as seat:
            seats[victim] = seat
            await story.until_killed(seats, seat)
        story.check()
        again = await stack.enter_async_context(local(folders[victim]))
        seats[victim] = again
        await story.until_over(seats)
        story.check(survivor, again, swept=True)


@pytest.mark.spec("API-1", "HO-13", "LR-6")
@pytest.mark.parametrize(("point", "victim", "nth"), named(MOVES))
async def test_a_handover_survives_a_kill_at_every_point(stage, point, victim, nth):
    await kill_and_go_on(Story(stage), point, victim, nth)


@pytest.mark.spec("HO-26")
@pytest.mark.parametrize(("point", "victim", "nth"), named(WITHDRAWALS))
async def test_a_withdrawal_survives_a_kill_at_every_point(stage, point, victim, nth):
    await kill_and_go_on(Story(stage, withdraws=True), point, victim, nth)
