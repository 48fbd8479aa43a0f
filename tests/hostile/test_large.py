"""Large content over a bad line: resumed by parts, in little memory, with quotas."""

import hashlib
import secrets
import time
import tracemalloc
from datetime import timedelta
from types import SimpleNamespace

import pytest

from node.bootstrap import Hands, build_node
from node.config import load_settings
from node.errors import ConflictError, OutcomeUnknownError, StoreError
from node.failpoints import NoFailpoints
from node.federation.sending import part_of
from node.store.files import SealedFiles
from node.store.incoming import Incoming
from node.sync import decision, limits, opening, sender, uploading
from node.sync.limits import MIB, PART_BYTES
from node.sync.logbook import Who
from node.sync.room import Room
from node.sync.rows import PacketRow
from node.sync.transfer import Inbound, Outbound
from node.web.filekinds import KindWatch
from tests.support import transfers as rows
from tests.support.desk import keep_document
from tests.support.faultproxy import FaultProxy
from tests.support.handed import inbound, outbound, set_off
from tests.support.largeends import behind_a_line, drawn
from tests.support.lonely import lonely
from tests.support.office import MovingClock
from tests.support.pair import (
    APPROVER,
    CLERK,
    SAECKINGEN,
    USUAL,
    WEHR,
    add_staff,
    found_pair,
    give_consent,
    open_case,
    running,
    until,
)

VALUES = {"doc_kind": "school", "media_type": "application/pdf", "title": "Z"}


@pytest.fixture
def hands():
    return Hands(MovingClock(), secrets.token_bytes, NoFailpoints())


def keep(node, case, size):
    """A document of random bytes, sealed while it is made; its digest."""
    digest = hashlib.sha256()
    document = keep_document(node, case, drawn(size, digest.update), VALUES)
    return document, digest.hexdigest()


def digests(node, case):
    def read(uow):
        found = []
        for record in uow.cases.content(case).of("document"):
            digest = hashlib.sha256()
            name = bytes.fromhex(record.text("digest"))
            for chunk in uow.cases.open_document(case, name):
                digest.update(chunk)
            found.append(digest.hexdigest())
        return sorted(found)

    return node.store.read_sync(read)


@pytest.mark.spec("HO-86", "HO-87", "HO-88")
async def test_forty_mebibytes_over_a_line_that_is_cut_again_and_again(tmp_path, hands):
    folders = found_pair(tmp_path, hands)
    port, behind = behind_a_line(folders[SAECKINGEN])
    async with (
        FaultProxy(port, behind, cut_after=7 * MIB) as line,
        build_node(load_settings(folders[WEHR]), hands) as wehr,
        build_node(load_settings(folders[SAECKINGEN]), hands) as there,
        running(wehr),
        running(there),
    ):
        for node in (wehr, there):
            add_staff(node)
        case = open_case(wehr)
        kept = [keep(wehr, case, 20 * MIB) for _ in range(2)]
        give_consent(wehr, case, USUAL | {"K13"}, frozenset(d for d, _ in kept))
        transfer = set_off(wehr, case, SAECKINGEN)

        def state():
            found = inbound(there, transfer)
            return found and found.state

        await until(lambda: state() is Inbound.WAITING, 60)
        assert line.cuts >= 5
        length = outbound(wehr, transfer).packet_bytes
        # Whatever else is said fits into one part by far.
        assert line.up <= length + (line.cuts + 1) * PART_BYTES
        there.store.write_sync(decision.approve, there.office, transfer, by=APPROVER)
        await until(lambda: outbound(wehr, transfer).state is Outbound.CLOSED, 60)
        assert digests(there, case) == sorted(digest for _, digest in kept)


@pytest.mark.spec("HO-81")
async def test_a_transfer_called_back_cuts_its_upload(tmp_path, hands):
    folders = found_pair(tmp_path, hands)
    port, behind = behind_a_line(folders[SAECKINGEN])
    async with (
        FaultProxy(port, behind, bytes_per_s=4 * MIB) as line,
        build_node(load_settings(folders[WEHR]), hands) as wehr,
        build_node(load_settings(folders[SAECKINGEN]), hands) as there,
        running(wehr),
        running(there),
    ):
        for node in (wehr, there):
            add_staff(node)
        case = open_case(wehr)
        document, _ = keep(wehr, case, 24 * MIB)
        give_consent(wehr, case, USUAL | {"K13"}, frozenset({document}))
        transfer = set_off(wehr, case, SAECKINGEN)
        await until(lambda: line.up > PART_BYTES, 30)
        wehr.store.write_sync(
            sender.call_back,
            wehr.office,
            transfer,
            who=Who("caseworker", CLERK.account),
        )
        # The recall goes between two parts, long before the upload would end.
        await until(lambda: outbound(wehr, transfer).state is Outbound.RECALLED, 30)
        assert line.up < 20 * MIB
        assert inbound(there, transfer).state is Inbound.RECALLED
        find = lambda uow: uow.uploads.find(transfer)  # noqa: E731
        assert there.store.read_sync(find) is None


@pytest.mark.spec("HO-76", "HO-77")
@pytest.mark.parametrize("size", [1000, 3 * MIB])
async def test_without_room_the_offer_is_taken_and_the_bytes_wait(
    tmp_path, hands, size, monkeypatch
):
    folders = found_pair(tmp_path, hands)
    async with (
        build_node(load_settings(folders[WEHR]), hands) as wehr,
        build_node(load_settings(folders[SAECKINGEN]), hands) as there,
    ):
        add_staff(wehr)
        room = [False]
        monkeypatch.setattr(SealedFiles, "has_room", lambda *_: room[0])
        async with running(wehr), running(there):
            case = open_case(wehr)
            document, _ = keep(wehr, case, size)
            give_consent(wehr, case, USUAL | {"K13"}, frozenset({document}))
            transfer = set_off(wehr, case, SAECKINGEN)

            def row():
                found = wehr.store.read_sync(
                    lambda uow: uow.outbox.packets(SAECKINGEN, 1)
                )
                return found[0] if found else None

            await until(lambda: (found := row()) and found.code == "no-space")
            assert inbound(there, transfer).state is Inbound.ANNOUNCED
            due = wehr.store.read_sync(lambda uow: uow.outbox.due(SAECKINGEN))
            assert due.failures == 0
            # Not a byte was kept, and the wish to wait is obeyed.
            at = wehr.store.read_sync(lambda uow: uow.outbox.next_packet_at(SAECKINGEN))
            assert at - hands.clock.now() > timedelta(minutes=9)
            room[0] = True
            hands.clock.offset += timedelta(minutes=11)
            wehr.worker.contact(SAECKINGEN)
            await until(lambda: inbound(there, transfer).state is Inbound.WAITING)


@pytest.mark.spec("HO-76")
async def test_a_peer_over_its_quota_waits_and_others_do_not(tmp_path, hands):
    folders = found_pair(tmp_path, hands)
    async with (
        build_node(load_settings(folders[WEHR]), hands) as wehr,
        build_node(load_settings(folders[SAECKINGEN]), hands) as there,
        running(wehr),
        running(there),
    ):
        add_staff(wehr)
        transfers = []
        for number in range(2):
            case = open_case(wehr, f"Demo-Ulme-{number}")
            give_consent(wehr, case)
            transfers.append(set_off(wehr, case, SAECKINGEN))
        await until(
            lambda: all(
                (found := inbound(there, t)) and found.state is Inbound.WAITING
                for t in transfers
            )
        )
        lengths = [outbound(wehr, t).packet_bytes for t in transfers]

        def unopened(besides):
            return there.store.read_sync(
                lambda uow: uow.uploads.unopened_from(WEHR, besides)
            )

        assert unopened("0" * 32) == (sum(lengths), 0)
        assert unopened(transfers[0]) == (lengths[1], 0)
        other = there.store.read_sync(
            lambda uow: uow.uploads.unopened_from(SAECKINGEN, "0" * 32)
        )
        assert other == (0, 0)


@pytest.mark.spec("HO-77")
async def test_an_upload_that_stands_for_a_week_is_forgotten(tmp_path, hands):
    async with lonely(tmp_path) as town:
        store = town.node.store
        now = town.clock.now()

        def begin(uow):
            with uow:
                uow.inbound.add(rows.inbound())
                uow.uploads.start(rows.transfer_id(), bytes(32), now)
                uow.commit()

        store.write_sync(begin)
        town.clock.offset += timedelta(days=6, hours=23)
        assert store.write_sync(uploading.forget_idle, town.node.office) == 0
        town.clock.offset += timedelta(hours=2)
        assert store.write_sync(uploading.forget_idle, town.node.office) == 1
        assert store.write_sync(uploading.forget_idle, town.node.office) == 0


def test_more_is_taken_where_the_recipient_says_so():
    assert Room().documents == limits.DOCUMENTS_BYTES
    large = Room(2048 * MIB, 1024 * MIB)
    assert large.documents == 2048 * MIB - limits.CONTENT_BYTES
    assert Room(MIB, MIB).documents < MIB


def test_an_upload_that_ends_early_leaves_no_file(tmp_path):
    files = SealedFiles(tmp_path)
    incoming = Incoming(files.keep)
    incoming.add(b"x" * 100_000)
    incoming.drop()
    failing = Incoming(lambda chunks: next(chunks).no_such_thing)
    failing.add(b"x")
    with pytest.raises((AttributeError, StoreError)):
        failing.finish()
    kept = Incoming(files.keep)
    kept.add(b"x" * 10)
    assert kept.finish().length == 10
    assert len([p for p in tmp_path.rglob("*") if p.is_file()]) == 1


def test_a_document_that_stops_arriving_is_given_up(tmp_path, monkeypatch):
    monkeypatch.setattr("node.store.incoming.PATIENCE_S", 0.05)
    incoming = Incoming(SealedFiles(tmp_path).keep)
    incoming.add(b"x")
    time.sleep(0.2)
    with pytest.raises(StoreError):
        incoming.add(b"x")
    incoming.drop()
    assert not [p for p in tmp_path.rglob("*") if p.is_file()]


@pytest.mark.parametrize(
    ("error", "dropped"),
    [(ConflictError("case"), True), (OutcomeUnknownError(), False)],
)
async def test_files_of_an_import_that_may_be_kept_stay(error, dropped):
    asked = []

    class Run:
        async def read(self, use_case, *_):
            asked.append(use_case.__name__)
            return object()

        async def file(self, *_):
            return object()

        async def write(self, *_):
            raise error

    courier = SimpleNamespace(
        run=Run(), files=None, office=SimpleNamespace(failpoints=NoFailpoints())
    )
    with pytest.raises(type(error)):
        await opening.open_and_import(courier, "0" * 32)
    assert ("_drop_staged" in asked) is dropped


@pytest.mark.spec("SR-U1")
def test_a_mark_of_macros_is_seen_across_portions():
    whole = b"PK\x03\x04" + b"-" * 500 + b"word/document.xml" + b"-" * 500
    bad = whole + b"vbaProject.bin"
    for content, good in ((whole, True), (bad, False)):
        for size in (1, 7, 100, 10_000):
            watch = KindWatch("brief.docx")
            for at in range(0, len(content), size):
                watch.feed(content[at : at + size])
            assert (watch.kind is not None) is good
    for content, good in (("schön".encode(), True), (b"\xc3", False), (b"a\0", False)):
        watch = KindWatch("brief.txt")
        for byte in content:
            watch.feed(bytes([byte]))
        assert (watch.kind is not None) is good


def test_sending_a_part_reads_a_part_and_not_the_container(tmp_path):
    files = SealedFiles(tmp_path)
    size = 24 * MIB
    name = files.keep(iter([bytes(MIB)] * 24)).name
    row = PacketRow(SAECKINGEN, "0" * 32, name, size, bytes(32))
    tracemalloc.start()
    part = part_of(
        lambda start=0: files.read(row.digest, start), size - PART_BYTES - 5, PART_BYTES
    )
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(part) == PART_BYTES
    assert peak < 3 * PART_BYTES
    rest = part_of(lambda start=0: files.read(name, start), size - 5, PART_BYTES)
    assert rest == bytes(5)
