"""Keys come and go for years while cases are on their way; nothing fails in flight."""

import asyncio
from datetime import timedelta

import pytest

from node.sync.transfer import Outbound
from node.trust.keylife import KEM_AHEAD, KEM_LAST, KEM_LIFE
from node.trust.member import Purpose
from tests.support.desk import approve, relocate
from tests.support.handed import until_waiting
from tests.support.pair import AGS, SAECKINGEN, give_consent, open_case, until
from tests.support.years import outbound, two_over_years

DAY = timedelta(days=1)
ROTATIONS = 20


def kinds_of_keys(node):
    ring = node.office.keyring
    sheet = node.key_room.sheet()
    return set(ring.openings), {entry.kid for entry in sheet.kem}


async def send(years, number):
    """A case leaves, and waits at the other side."""
    case = await asyncio.to_thread(open_case, years.wehr, f"Demo-{number}")
    await asyncio.to_thread(give_consent, years.wehr, case)
    transfer = await asyncio.to_thread(relocate, years.wehr, AGS[SAECKINGEN], case)
    await until_waiting(years.saeckingen, transfer)
    await until(lambda: outbound(years.wehr, transfer).state is Outbound.DELIVERED)
    return transfer


async def finish(years, transfer):
    """The other side opens it, whatever keys there are by now."""
    await asyncio.to_thread(approve, years.saeckingen, transfer)
    await until(lambda: outbound(years.wehr, transfer).state is Outbound.CLOSED)


@pytest.mark.spec("HO-110")
async def test_twenty_rotations_with_cases_under_way(tmp_path):
    async with two_over_years(tmp_path) as years:
        later = lambda days: asyncio.to_thread(years.later, days * DAY)  # noqa: E731
        sealed_to = []
        for number in range(ROTATIONS):
            sheet = years.saeckingen.key_room.sheet()
            last = max(sheet.kem, key=lambda entry: entry.nbf)
            # The new key is made, listed, and a week later its sheet counts.
            await asyncio.to_thread(
                years.later, last.seal_until - KEM_AHEAD - years.now() + DAY
            )
            if number % 4 == 3:
                await asyncio.to_thread(years.renew)
                for node in years.nodes.values():
                    await asyncio.to_thread(
                        years.rotate, node, Purpose.SIGN, Purpose.SHEET
                    )
                await asyncio.to_thread(years.refresh)
            if number % 2:
                await later(18)
                continue
            await later(8)
            transfer = await send(years, number)
            sealed_to.append(outbound(years.wehr, transfer).kem_kid)
            # Meanwhile the next one begins; what waits opens with the former.
            await later(10)
            await finish(years, transfer)
        assert sealed_to == [f"k{n}" for n in range(1, ROTATIONS + 1, 2)]
        ring = years.saeckingen.office.keyring
        assert (ring.sign_kid, ring.sheet_kid) == ("s6", "h6")
        await later(30)
        on_disk, listed = kinds_of_keys(years.saeckingen)
        assert on_disk == listed == {f"k{ROTATIONS + 1}"}


@pytest.mark.spec("DIR-15")
async def test_a_key_that_an_open_transfer_needs_outlives_its_end_a_little(tmp_path):
    async with two_over_years(tmp_path) as years:
        (first,) = years.saeckingen.key_room.sheet().kem
        later = lambda by: asyncio.to_thread(years.later, by)  # noqa: E731
        await later(KEM_LIFE - KEM_AHEAD + DAY)
        transfer = await send(years, 0)
        assert outbound(years.wehr, transfer).kem_kid == "k1"
        # Nobody decides, and the worker's own deadline has not come round yet.
        await later(first.open_until - years.now() + DAY)
        assert set(years.saeckingen.office.keyring.openings) == {"k1", "k2"}
        await later(first.nbf + KEM_LAST - years.now() + DAY)
        assert set(years.saeckingen.office.keyring.openings) == {"k2"}


@pytest.mark.spec("DIR-17")
async def test_the_log_tells_of_every_key(tmp_path):
    async with two_over_years(tmp_path, worker=False) as years:
        # Without a worker nobody listens; the operator gets the sheets by hand.
        years.list_sheets = lambda: None
        for days in (70, 50):
            years.clock.offset += days * DAY
            years.wehr.key_room.keep()
        lines = years.wehr.store.read_sync(lambda uow: uow.log_view.lines(0))
        kinds = [str(line.type) for line in lines]
        assert [kind for kind in kinds if kind.startswith("key.")] == [
            "key.added",
            "key.retired",
        ]
        years.wehr.key_room.keep()
        again = years.wehr.store.read_sync(lambda uow: uow.log_view.lines(0))
        assert len(again) == len(lines)
