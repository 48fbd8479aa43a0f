"""What must hold so that many nodes can live side by side: stopping, greeting, admitting."""

import asyncio
from pathlib import Path

import pytest

from node.bootstrap import build_node, own_hands
from node.config import load_settings
from node.errors import InputError, UnreachableError
from node.federation.registrar import admit_all, show
from node.sync import failing, firstword
from node.sync.greeting import GREETED, FirstWord
from node.trust.admission import AdmissionRequest
from node.trust.places import shipped_places
from tests.support.federation import Federation, found, present
from tests.support.landfound import found_land, read_towns
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
