"""A file sealed for a town without a node, taken in when the town has one (HO-117)."""

import asyncio
import secrets

import pytest
import pytest_asyncio

from node.bootstrap import Hands, build_node
from node.cases.model import Baton
from node.casework import exports, sealedimport
from node.casework.sealedimport import Done, File, Refused
from node.config import load_settings
from node.errors import ForbiddenError, InputError, PacketUnreadableError
from node.failpoints import NoFailpoints
from node.ids import Ags
from node.sync import exportend
from node.sync.exportports import Address
from node.sync.transfer import Outbound
from tests.support.exporting import code_in, town
from tests.support.pair import (
    APPROVER,
    CLERK,
    SAECKINGEN,
    add_staff,
    join,
    running,
    until,
)
from tests.support.quickage import quick_age

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(120)]
LAUFENBURG = Address("Stadt Laufenburg", ("Hauptstraße 30",), Ags("08337059"))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def both(tmp_path_factory):
    """Wehr has sealed files; then Bad Säckingen joins, and both can talk."""
    async with town(tmp_path_factory.mktemp("both")) as wehr:
        files = {
            "told": await made(wehr, told=True),
            "closed": await made(wehr, told=True, closed=True),
            "elsewhere": await made(wehr, told=True, to=LAUFENBURG),
            "untold": await made(wehr, told=False),
            "early": await made(wehr, told=False),
            "friend": await made(wehr, told=True),
            "again": await made(wehr, told=True),
        }
        hands = Hands(wehr.clock, secrets.token_bytes, NoFailpoints())
        await asyncio.to_thread(join, wehr.folder, SAECKINGEN, hands)
        folder = wehr.folders[SAECKINGEN]
        async with build_node(load_settings(folder), hands) as saeckingen:
            add_staff(saeckingen)
            for node in (wehr.node, saeckingen):
                await asyncio.to_thread(node.refresh_directory)
            async with running(wehr.node), running(saeckingen):
                yield wehr, saeckingen, files


async def made(wehr, *, told, closed=False, to=None):
    """A sealed file: its transfer, the bytes, the words."""
    transfer = await (wehr.sealed(to) if to else wehr.sealed())
    content = wehr.file(transfer)
    words = wehr.seal.words
    if told:
        wehr.tell(transfer)
    if closed:
        wehr.node.store.write_sync(
            exports.acknowledge,
            wehr.node.office,
            transfer,
            code=code_in(content, words),
            by=CLERK,
        )
    return transfer, content, words


def take(node, content, words, by=APPROVER):
    file = File(content)
    opened = sealedimport.open_file(node.office, file, words)
    return node.store.write_sync(sealedimport.take_in, node.office, file, opened, by=by)


def file_of(node, case):
    return node.store.read_sync(lambda uow: uow.cases.find_file(case))


def case_of(wehr, transfer):
    return wehr.outbound(transfer).members[0].case


@pytest.mark.spec("HO-117", "TRF-47", "TRF-48")
@pytest.mark.parametrize("which", ["told", "closed"])
async def test_the_case_is_at_home_there_once_and_the_sender_knows(both, which):
    wehr, saeckingen, files = both
    transfer, content, words = files[which]
    case = case_of(wehr, transfer)
    done = await asyncio.to_thread(take, saeckingen, content, words)
    assert done == Done((case,))
    there = file_of(saeckingen, case)
    assert (there.baton, there.epoch) == (Baton.ACTIVE, 2)
    await until(lambda: wehr.outbound(transfer).state is Outbound.CLOSED)
    assert file_of(wehr.node, case).baton is Baton.HANDED_OVER
    # The answer is taken, not refused.
    await until(
        lambda: not saeckingen.store.read_sync(lambda u: u.outbox.waiting_peers())
    )
    assert refusals(wehr.node, transfer) == 0


def refusals(node, transfer):
    tasks = node.store.read_sync(lambda uow: uow.readings.tasks())
    kinds = [(task.kind, task.transfer) for task in tasks]
    return kinds.count(("statement.refused", transfer))


@pytest.mark.spec("HO-117")
async def test_the_same_file_again_changes_nothing(both):
    wehr, saeckingen, files = both
    transfer, content, words = files["again"]
    case = case_of(wehr, transfer)
    await asyncio.to_thread(take, saeckingen, content, words)
    before = file_of(saeckingen, case)
    assert await asyncio.to_thread(take, saeckingen, content, words) == Done(
        (), again=True
    )
    assert file_of(saeckingen, case) == before


@pytest.mark.spec("HO-117")
async def test_a_file_for_another_town_is_not_taken_in(both):
    wehr, saeckingen, files = both
    transfer, content, words = files["elsewhere"]
    done = await asyncio.to_thread(take, saeckingen, content, words)
    assert done is Refused.NOT_FOR_US
    assert file_of(saeckingen, case_of(wehr, transfer)) is None


@pytest.mark.spec("HO-117")
async def test_other_words_and_a_changed_byte_take_nothing_in(both):
    wehr, saeckingen, files = both
    transfer, content, words = files["untold"]
    changed = content[:-1] + bytes([content[-1] ^ 1])
    for sealed, typed in ((content, words + "x"), (changed, words)):
        with pytest.raises(InputError):
            await asyncio.to_thread(take, saeckingen, sealed, typed)
    assert file_of(saeckingen, case_of(wehr, transfer)) is None


@pytest.mark.spec("HO-117")
async def test_only_an_approver_takes_a_file_in(both):
    wehr, saeckingen, files = both
    transfer, content, words = files["untold"]
    with pytest.raises(ForbiddenError):
        await asyncio.to_thread(take, saeckingen, content, words, CLERK)
    assert file_of(saeckingen, case_of(wehr, transfer)) is None


async def test_what_opens_and_is_no_export_is_refused(both):
    _, saeckingen, _ = both
    with pytest.raises(PacketUnreadableError):
        sealedimport.open_file(saeckingen.office, File(quick_age(b"x", "a-b")), "a b")


@pytest.mark.spec("HO-117")
async def test_imported_before_the_words_were_told_is_refused_at_the_sender(both):
    """Somebody who opened it without being told is not believed; people must look."""
    wehr, saeckingen, files = both
    transfer, content, words = files["early"]
    await asyncio.to_thread(take, saeckingen, content, words)
    await until(lambda: refusals(wehr.node, transfer) == 1)
    assert wehr.outbound(transfer).state is Outbound.EXPORTED


@pytest.mark.spec("LR-32")
async def test_a_member_that_cosigned_lets_the_next_file_leave(both):
    wehr, saeckingen, files = both
    _, content, words = files["friend"]
    await asyncio.to_thread(take, saeckingen, content, words)
    await until(lambda: bool(wehr.node.store.read_sync(lambda u: u.outbox.met_last(1))))
    transfer = await wehr.sealed(LAUFENBURG)
    await until(lambda: may_leave(wehr, transfer))
    assert wehr.file(transfer)


def may_leave(wehr, transfer):
    return wehr.node.store.read_sync(
        lambda uow: exportend.may_leave(
            uow, wehr.node.office, uow.outbound.get(transfer)
        )
    )
