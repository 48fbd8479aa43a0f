"""What must hold so that many nodes can live side by side: stopping, greeting, admitting."""

import asyncio
import shutil
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from node.bootstrap import build_node, own_hands
from node.config import load_settings
from node.errors import InputError, UnreachableError
from node.federation.registrar import admit_all, set_policy, show
from node.ids import Ags
from node.sync import failing, firstword
from node.sync.greeting import GREETED, FirstWord
from node.trust.admission import AdmissionRequest
from node.trust.places import shipped_places
from tests.support.federation import Federation, found, present
from tests.support.landfound import Land, Seat, found_land, read_towns
from tests.support.pair import SAECKINGEN, WEHR, found_pair
from tests.support.town import make_town

TOWNS = 12


@pytest.mark.parametrize("steps", range(5))
async def test_a_worker_told_to_stop_stops_whatever_else_happens_at_that_moment(
    tmp_path: Path, steps: int
) -> None:
    hands = own_hands()
    folder = found_pair(tmp_path, hands)[WEHR]
    async with build_node(load_settings(folder), hands) as node:
        # After a failure the next attempt has its time: two things can end the waiting.
        failed = UnreachableError("test")
        await node.run.write(failing.note_failure, node.office, SAECKINGEN, failed)
        woken = asyncio.Event()
        serving = asyncio.get_running_loop().create_task(
            node.worker._rounds.serve(SAECKINGEN, woken, node.worker._guard)
        )
        await asyncio.sleep(0.05)
        woken.set()
        for _ in range(steps):
            await asyncio.sleep(0)
        serving.cancel()
        await asyncio.wait({serving}, timeout=2)
        stopped = serving.cancelled()
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)
        assert stopped


@pytest.mark.spec("LR-25")
async def test_a_node_that_met_nobody_greets_a_few_and_not_the_same_as_others(
    tmp_path: Path,
) -> None:
    land = await asyncio.to_thread(found_land, tmp_path, read_towns(None, TOWNS, 1))
    greeted: list[set[str]] = []
    for seat in land.seats[:3]:
        async with build_node(load_settings(seat.folder)) as node:
            order = await node.run.read(firstword.by_last_meeting, node.office)
            assert set(order) == {s.member for s in land.seats} - {seat.member}
            word = FirstWord(node.courier)
            word._given.set()
            greeted.append({str(peer) for peer in await word.given()})
            assert greeted[-1] == set(order[:GREETED])
    assert {len(some) for some in greeted} == {GREETED}
    assert len({frozenset(some) for some in greeted}) > 1


@pytest.fixture(scope="module")
def wide(tmp_path_factory: pytest.TempPathFactory) -> Land:
    """Three towns of one Kreis and nine of another; Wehr's policy has a witness there."""
    folder = tmp_path_factory.mktemp("wide")
    far = {Ags(f"08315{n:03}"): f"Ort {n}" for n in range(1, 10)}
    near = dict(list(read_towns(None, 0, 1).items())[:3])
    land = found_land(folder, near | far)
    witness = next(m for m in show(land.published)[1] if m.id == land.seats[-1].member)
    key = witness.witness.newest
    text = f"witness W1 {key}\ngroup all 1 W1\nquorum all\n"
    keys = [folder / "directory-keys", folder / "kreis-keys" / "08337"]
    place = near_one(land).ags
    set_policy(land.published, keys, prefix=place, content=text.encode(), at=present())
    return land


def near_one(land: Land) -> Seat:
    return next(seat for seat in land.seats if seat.ags.kreis == "08337")


@pytest.mark.spec("LR-25")
async def test_first_greeted_is_who_most_likely_remembers_us(wide: Land) -> None:
    seat = near_one(wide)
    near = {s.member for s in wide.seats if s.ags.kreis == "08337"} - {seat.member}
    async with build_node(load_settings(seat.folder)) as node:
        order = await FirstWord(node.courier)._likeliest(at_most=99)
    assert order[0] == wide.seats[-1].member
    assert set(order[1:3]) == near
    assert len(order) == len(wide.seats) - 1


async def test_without_a_directory_nobody_is_likelier_than_another(
    tmp_path: Path,
) -> None:
    land = await asyncio.to_thread(found_land, tmp_path, read_towns(None, 2, 1))
    shutil.rmtree(land.published)
    async with build_node(load_settings(land.seats[0].folder)) as node:
        assert await FirstWord(node.courier)._likeliest(at_most=99) == []


async def test_a_node_at_work_keeps_its_lease(tmp_path: Path) -> None:
    hands = own_hands()
    folder = found_pair(tmp_path, hands)[WEHR]
    async with build_node(load_settings(folder), hands) as node:
        # Half a lease would be over before the third look, were it not renewed.
        short = replace(node.worker._duties, lease=timedelta(seconds=1.5))
        node.worker._duties = short
        working = asyncio.get_running_loop().create_task(node.worker.run())
        await asyncio.sleep(2.6)
        at = hands.clock.now()
        assert await node.run.read(lambda uow: uow.run.is_led(at))
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)


def asked(federation: Federation, *names: str) -> list[AdmissionRequest]:
    towns = [make_town(name) for name in names]
    return [AdmissionRequest.parse(town.request(federation.at)) for town in towns]


def admit(federation: Federation, requests: list[AdmissionRequest]) -> None:
    admit_all(
        federation.folder,
        [federation.keys],
        requests=requests,
        places=shipped_places(),
        at=present(),
    )


def test_several_bodies_are_admitted_at_once(tmp_path: Path) -> None:
    federation = found(tmp_path)
    admit(federation, asked(federation, WEHR, SAECKINGEN))
    assert {m.id for m in show(federation.folder)[1]} == {WEHR, SAECKINGEN}
    assert len(federation.refresh().members()) == 2


def test_of_several_bodies_all_are_admitted_or_none(tmp_path: Path) -> None:
    federation = found(tmp_path)
    (good,) = asked(federation, SAECKINGEN)
    (strange,) = asked(federation, "08311000-stadt-freiburg")
    with pytest.raises(InputError):
        admit(federation, [good, strange])
    assert show(federation.folder)[1] == []


def test_two_bodies_of_one_request_never_share_a_place(tmp_path: Path) -> None:
    federation = found(tmp_path)
    (one,) = asked(federation, WEHR)
    with pytest.raises(InputError):
        admit(federation, [one, one])
    assert show(federation.folder)[1] == []
