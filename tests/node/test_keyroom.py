"""A node's keys on its own disk: made in time, written whole, used when listed, erased."""

import asyncio
import secrets
import shutil
import threading
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select

from node.crypto.keyfile import lock_keyring
from node.crypto.keys import OpeningKey, SigningKey
from node.directoryjob import BEHIND, STALE, Library, Rumours
from node.errors import ConfigError, DirectoryExpiredError, NodeError
from node.federation.changes import rotate
from node.federation.registrar import Retirement, publish, retire
from node.federation.sheetfetch import fetch_sheets
from node.keycabinet import KeyCabinet
from node.keyroom import FOREIGN_SHEET
from node.store.casetables import task
from node.sync.limits import MIB
from node.trust.keylife import KEM_AHEAD, KEM_LIFE, KEM_OPEN
from node.trust.keysheet import Limits, open_sheet, peek_sheet, sign_sheet
from node.trust.member import Purpose
from node.trust.rotation import RotationRequest
from tests.support.pair import SAECKINGEN, WEHR, running
from tests.support.town import make_town, seed
from tests.support.years import two_over_years

DAY = timedelta(days=1)
MASTER = seed("master")


@pytest.fixture
async def years(tmp_path):
    async with two_over_years(tmp_path, worker=False) as made:
        yield made


def by_hand(years, *nodes):
    """The operator lists what lies in the folders ``outgoing/``."""
    sheets = [
        node.key_room.place.read_text()
        for node in nodes or years.nodes.values()
        if node.key_room.place.exists()
    ]
    publish(years.published, years.keys, at=years.now(), sheets=sheets)
    years.refresh()


def open_tasks(node, kind):
    def read(uow):
        found = uow._work.rows(select(task.c.kind, task.c.settled_at))
        return [row.kind for row in found if row.settled_at is None]

    return node.store.read_sync(read).count(kind)


# The key file.


@pytest.fixture
def cabinet(tmp_path):
    path = tmp_path / "node.keys"
    ring = make_town().keyring
    path.write_bytes(lock_keyring(ring.encode(), MASTER, drawn))
    return KeyCabinet(path, MASTER, drawn)


def drawn(size):
    return secrets.token_bytes(size)


def added(name):
    def decide(ring):
        return replace(
            ring, openings={**ring.openings, name: OpeningKey(seed("opening", name))}
        )

    return decide


def test_another_process_sees_the_new_keys(cabinet, tmp_path):
    other = KeyCabinet(tmp_path / "node.keys", MASTER, drawn)
    cabinet.change(added("k2"))
    assert set(other().openings) == {"k1", "k2"}


def test_two_writers_lose_nothing(cabinet, tmp_path):
    other = KeyCabinet(tmp_path / "node.keys", MASTER, drawn)
    threads = [
        threading.Thread(target=one.change, args=(added(f"k{n}"),))
        for n, one in enumerate([cabinet, other] * 6, start=2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(other().openings) == {f"k{n}" for n in range(1, 14)}


def test_the_former_file_holds_nothing_any_more(cabinet, tmp_path):
    path = tmp_path / "node.keys"
    with path.open("rb") as former:
        before = former.read()
        cabinet.change(added("k2"))
        former.seek(0)
        assert former.read() == bytes(len(before))
    assert path.stat().st_mode & 0o077 == 0


def test_a_decision_that_fails_changes_nothing(cabinet, tmp_path):
    before = (tmp_path / "node.keys").read_bytes()

    def decide(_ring):
        raise ConfigError("no")

    with pytest.raises(ConfigError):
        cabinet.change(decide)
    assert (tmp_path / "node.keys").read_bytes() == before
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith(".keys-")] == []


@pytest.mark.parametrize("damage", [b"", b"nonsense", bytes(400)])
def test_a_damaged_key_file_is_told(cabinet, tmp_path, damage):
    (tmp_path / "node.keys").write_bytes(damage)
    with pytest.raises(ConfigError):
        cabinet()


def test_a_key_file_of_another_master_key_is_told(cabinet, tmp_path):
    with pytest.raises(ConfigError):
        KeyCabinet(tmp_path / "node.keys", seed("other"), drawn)


def test_what_waits_survives_the_file(cabinet):
    key = SigningKey(seed("next"))
    cabinet.change(lambda ring: replace(ring, pending={"sig": ("s2", key)}))
    assert cabinet().pending == {"sig": ("s2", key)}
    assert "s2" not in repr(cabinet())


# Sealing keys.


async def test_nothing_happens_before_its_time(years):
    years.clock.offset += KEM_LIFE - KEM_AHEAD - DAY
    before = years.wehr.office.keyring
    years.wehr.key_room.keep()
    assert years.wehr.office.keyring == before
    assert not years.wehr.key_room.place.exists()


async def test_the_next_key_is_made_in_time_and_signed_by_the_sheet_key(years):
    room = years.wehr.key_room
    years.clock.offset += KEM_LIFE - KEM_AHEAD + DAY
    room.keep()
    sheet = open_sheet(
        room.place.read_text(), years.wehr.office.directory().member(WEHR)
    )
    old, new = sheet.kem
    assert (sheet.serial, old.kid, new.kid) == (2, "k1", "k2")
    assert new.nbf - years.now() >= 14 * DAY
    assert new.nbf < old.seal_until
    assert new.seal_until - new.nbf == KEM_LIFE
    assert new.open_until - new.seal_until == KEM_OPEN
    assert years.wehr.office.keyring.openings["k2"].public == new.key


async def test_a_key_that_a_crash_left_without_a_sheet_is_used(years):
    room = years.wehr.key_room
    years.clock.offset += KEM_LIFE - KEM_AHEAD + DAY
    room._make_kem(room.sheet())
    left = years.wehr.office.keyring.openings["k2"]
    room.keep()
    assert set(years.wehr.office.keyring.openings) == {"k1", "k2"}
    assert room.sheet().kem[-1].key == left.public


async def test_an_erased_key_is_gone_from_the_file_and_the_sheet(years):
    room = years.wehr.key_room
    for days in (70, 42):
        years.clock.offset += days * DAY
        room.keep()
    assert set(years.wehr.office.keyring.openings) == {"k2"}
    assert [entry.kid for entry in room.sheet().kem] == ["k2"]


async def test_a_node_that_slept_for_a_year_has_a_key_at_once(years):
    years.clock.offset += 400 * DAY
    years.wehr.key_room.keep()
    (only,) = years.wehr.key_room.sheet().kem
    assert only.kid == "k2"
    assert only.may_seal(years.now())


async def test_a_new_address_makes_a_new_sheet(years):
    room = years.wehr.key_room
    room._url = "http://wehr.localhost:9/"
    room.keep()
    assert (room.sheet().serial, room.sheet().url) == (2, "http://wehr.localhost:9/")


async def test_other_limits_in_the_settings_make_a_new_sheet(years):
    room = years.wehr.key_room
    room._office = replace(room._office, packet_bytes=200 * MIB, document_bytes=MIB)
    room.keep()
    sheet = room.sheet()
    assert (sheet.serial, sheet.limits) == (2, Limits(200 * MIB, MIB))


@pytest.mark.spec("HO-98", "DIR-7")
async def test_a_sheet_in_our_name_that_is_not_ours_is_an_alarm(years):
    node = years.wehr
    room, ring = node.key_room, node.office.keyring
    theirs = OpeningKey(seed("thief"))
    sheet = room.sheet()
    entry = replace(sheet.kem[0], kid="k9", key=theirs.public)
    forged = replace(sheet, serial=9, kem=(*sheet.kem, entry))
    text = sign_sheet(forged, ring.sheet, kid=ring.sheet_kid)
    publish(years.published, years.keys, at=years.now(), sheets=[text])
    years.refresh()
    room.keep()
    assert open_tasks(node, FOREIGN_SHEET) == 1
    # The next own sheet is newer than the forged one, and without its key.
    years.clock.offset += KEM_LIFE - KEM_AHEAD + DAY
    room.keep()
    assert room.sheet().serial == 10
    assert "k9" not in {entry.kid for entry in room.sheet().kem}
    by_hand(years, node)
    room.keep()
    assert open_tasks(node, FOREIGN_SHEET) == 0


# Statement and sheet keys.


@pytest.mark.spec("DIR-16")
async def test_a_new_statement_key_is_used_a_day_after_it_was_listed(years):
    node = years.wehr
    path = node.key_room.prepare(Purpose.SIGN)
    assert node.key_room.prepare(Purpose.SIGN) == path
    request = RotationRequest.parse(path.read_bytes())
    node.key_room.keep()
    assert node.office.keyring.sign_kid == "s1"
    rotate(years.tools(), request)
    years.refresh()
    node.key_room.keep()
    assert node.office.keyring.sign_kid == "s1"
    years.clock.offset += DAY + timedelta(seconds=1)
    node.key_room.keep()
    ring = node.office.keyring
    assert (ring.sign_kid, str(ring.sign.public), ring.pending) == (
        "s2",
        request.key,
        {},
    )
    assert not path.exists()


async def test_a_retired_key_is_replaced_at_once_by_one_that_waits(years):
    node = years.wehr
    request = node.key_room.prepare(Purpose.SIGN)
    rotate(years.tools(), RotationRequest.parse(request.read_bytes()))
    years.refresh()
    node.key_room.keep()
    assert node.office.keyring.sign_kid == "s1"
    target = Retirement(WEHR, "s1", "stolen")
    retire(years.published, years.keys, target=target, at=years.now())
    years.refresh()
    node.key_room.keep()
    assert node.office.keyring.sign_kid == "s2"


async def test_a_new_sheet_key_signs_a_new_sheet(years):
    node = years.wehr
    request = node.key_room.prepare(Purpose.SHEET)
    rotate(years.tools(), RotationRequest.parse(request.read_bytes()))
    years.refresh()
    years.clock.offset += DAY + timedelta(seconds=1)
    node.key_room.keep()
    by_hand(years, node)
    assert years.saeckingen.office.directory().sheet(WEHR).serial == 2
    assert years.saeckingen.office.directory().faults == ()


@pytest.mark.parametrize("use", [Purpose.LOG, Purpose.WITNESS, Purpose.SEAL])
async def test_other_keys_are_not_rotated_by_a_request_here(years, use):
    with pytest.raises(ConfigError):
        years.wehr.key_room.prepare(use)


# Offering and fetching sheets.


@pytest.mark.spec("DIR-6")
async def test_the_operator_fetches_new_sheets_and_a_dead_member_holds_up_nobody(
    tmp_path,
):
    async with two_over_years(tmp_path, worker=False) as years:
        years.clock.offset += KEM_LIFE - KEM_AHEAD + DAY
        for node in years.nodes.values():
            node.key_room.keep()
        async with running(years.wehr):
            asked = await asyncio.to_thread(fetch_sheets, years.published)
    answers = {one.member: (one.code, one.sheet is not None) for one in asked}
    assert answers == {WEHR: (None, True), SAECKINGEN: ("unreachable", False)}


async def test_a_sheet_that_nobody_of_the_member_signed_is_not_fetched(tmp_path):
    async with two_over_years(tmp_path, worker=False) as years:
        room, ring = years.wehr.key_room, years.wehr.office.keyring
        forged = replace(room.sheet(), serial=5)
        text = sign_sheet(forged, ring.sign, kid=ring.sheet_kid)
        room.place.parent.mkdir()
        room.place.write_text(text)
        async with running(years.wehr):
            asked = await asyncio.to_thread(fetch_sheets, years.published)
    assert {o.member: o.code for o in asked}[WEHR] == "bad-signature"
    assert peek_sheet(text).serial == 5


# Age.


@pytest.mark.spec("HO-121")
async def test_an_ended_directory_stops_new_packets_and_says_so(years):
    node = years.wehr
    years.clock.offset += timedelta(hours=25)
    node.refresh_directory._tell()
    assert open_tasks(node, STALE) == 1
    years.clock.offset += 8 * DAY
    with pytest.raises(DirectoryExpiredError):
        node.refresh_directory()
    with pytest.raises(DirectoryExpiredError):
        node.office.directory().sealing_key(SAECKINGEN, years.now())
    by_hand(years)
    assert open_tasks(node, STALE) == 0


async def test_a_peer_that_knows_more_for_an_hour_is_an_alarm(years):
    node = years.wehr
    ours = node.office.directory().timestamp_version
    node.office.newer(SAECKINGEN, ours)
    assert node.office.behind() is None
    node.office.newer(None, ours + 5)
    years.clock.offset += timedelta(hours=2)
    assert node.office.behind() is None
    node.office.newer(SAECKINGEN, ours + 1)
    years.clock.offset += timedelta(minutes=59)
    node.refresh_directory()
    assert node.office.behind() is None
    years.clock.offset += timedelta(minutes=1)
    node.refresh_directory()
    assert node.office.behind() == SAECKINGEN
    assert open_tasks(node, BEHIND) == 1
    publish(years.published, years.keys, at=years.now())
    node.refresh_directory()
    assert node.office.behind() is None
    assert open_tasks(node, BEHIND) == 0
    assert Rumours(Library(), years.clock).behind() is None


async def test_the_directory_is_carried_on_a_stick(years, tmp_path):
    node = years.wehr
    publish(years.published, years.keys, at=years.now())
    stick = tmp_path / "stick"
    years.saeckingen.refresh_directory()
    own = tmp_path / "bad-saeckingen" / "directory"
    for part in ("targets", "metadata"):
        shutil.copytree(own / part, stick / part)
    before = node.office.directory().timestamp_version
    node.refresh_directory.read_from(str(stick))
    assert node.office.directory().timestamp_version == before + 1
    with pytest.raises(NodeError):
        node.refresh_directory.read_from(str(tmp_path / "nothing"))
