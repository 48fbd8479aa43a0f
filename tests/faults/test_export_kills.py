"""Kill -9 at the commit points of a sealed export: it is there once, whole, or not at all."""

import shutil
import signal

import pytest
import pytest_asyncio

from node.bootstrap import build_node, own_hands
from node.cases.model import Baton
from node.casework import exports, sealing
from node.config import load_settings
from node.failpoints import Point
from node.sync.transfer import Outbound
from tests.support.exporting import TOWN, QuickSeal, code_in, confirm, town
from tests.support.exportkills import die_at
from tests.support.pair import CLERK, WEHR, give_consent, open_case

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(120)]
P, S = Point, Outbound
LEFT = {
    P.EXPORT_STORED: S.HELD,
    P.EXPORT_BEFORE_COMMIT: S.HELD,
    P.EXPORT_AFTER_COMMIT: S.EXPORTED,
    P.TOLD_BEFORE_COMMIT: S.EXPORTED,
    P.TOLD_AFTER_COMMIT: S.TOLD,
    P.ACKNOWLEDGED_AFTER_COMMIT: S.CLOSED,
}
BATONS = {
    S.HELD: Baton.ACTIVE,
    S.EXPORTED: Baton.FROZEN,
    S.TOLD: Baton.GRANTED,
    S.CLOSED: Baton.HANDED_OVER,
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def prepared(tmp_path_factory):
    """A confirmed transfer to a place without a node; nothing is sealed yet."""
    folder = tmp_path_factory.mktemp("prepared")
    async with town(folder) as there:
        case = open_case(there.node)
        give_consent(there.node, case)
        transfer = there.held(case)
        there.node.store.write_sync(exports.address, transfer, TOWN, by=CLERK)
        confirm(there.node, transfer)
        data = there.folders[WEHR]
    return data, transfer


@pytest.mark.spec("P1", "P18", "I13")
@pytest.mark.parametrize("point", LEFT, ids=str)
async def test_what_a_kill_leaves_goes_on_to_the_same_end(prepared, tmp_path, point):
    template, transfer = prepared
    # The settings name the folder, so the copy takes its place.
    kept = tmp_path / "kept"
    shutil.copytree(template, kept)
    try:
        assert die_at(template, point, transfer) == -signal.SIGKILL
        async with build_node(load_settings(template), own_hands()) as node:
            await check_and_finish(node, transfer, LEFT[point])
    finally:
        shutil.rmtree(template)
        shutil.copytree(kept, template)


async def check_and_finish(node, transfer, left):
    read, write, office = node.store.read_sync, node.store.write_sync, node.office

    def stored():
        return read(lambda uow: uow.outbound.get(transfer))

    assert stored().state is left
    case = stored().members[0].case
    assert read(lambda uow: uow.cases.file(case)).baton is BATONS[left]
    words = read(lambda uow: uow.secrets.share_b(transfer))
    assert (words is None) is (left is S.HELD)
    seal = QuickSeal()
    if left is S.HELD:
        await sealing.release_any(node.courier, transfer, seal)
        words = seal.words.encode()
    if left is not S.CLOSED:
        write(exports.tell, office, transfer, name="Frau Beispiel", by=CLERK)
        file = read(exports.sealed_file, office, transfer, by=CLERK)
        content = b"".join(node.courier.files.read(file.name))
        code = code_in(content, words.decode())
        write(exports.acknowledge, office, transfer, code=code, by=CLERK)
    assert stored().state is S.CLOSED
    assert read(lambda uow: uow.cases.file(case)).baton is Baton.HANDED_OVER
    types = [line.type for line in read(lambda uow: uow.log_view.lines(0))]
    assert types.count("export.sealed") == 1
    assert types.count("export.acknowledged") == 1
