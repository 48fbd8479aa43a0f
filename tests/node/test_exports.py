"""Sealed exports, from the move to the receipt code, at a real node without a peer."""

import pytest
import pytest_asyncio

from node.casework import exports
from node.sync.transfer import Outbound
from tests.support.exporting import town
from tests.support.pair import CLERK

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def wehr(tmp_path_factory):
    async with town(tmp_path_factory.mktemp("wehr")) as there:
        yield there


async def test_a_case_goes_as_a_sealed_file_and_is_handed_over_by_the_code(wehr):
    transfer = await wehr.sealed()
    assert wehr.outbound(transfer).state is Outbound.EXPORTED
    wehr.tell(transfer)
    opened = wehr.seal.open(wehr.file(transfer), wehr.seal.words)
    import io
    import zipfile

    archive = zipfile.ZipFile(io.BytesIO(opened))
    print(archive.namelist())
    text = archive.read("quittung.txt").decode()
    open("/tmp/brief.html", "wb").write(archive.read("brief.html"))
    code = text.split("Code:")[1].split("\r\n")[0]
    after = wehr.node.store.write_sync(
        exports.acknowledge, wehr.node.office, transfer, code=code, by=CLERK
    )
    assert after.state is Outbound.CLOSED
