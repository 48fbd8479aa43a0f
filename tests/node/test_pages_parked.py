"""A packet that was put aside is shown to whoever can act (P20)."""

from datetime import timedelta

import pytest

from node.errors import RejectedError
from node.sync.failing import note_refusal
from node.sync.transfer import Outbound
from tests.support.office import open_office
from tests.support.pair import APPROVER
from tests.support.transfers import NOON, outbound, packet, transfer_id

SAID = "Die andere Stelle kann diese Sendung nicht annehmen"


@pytest.fixture
async def office(tmp_path):
    async with open_office(tmp_path) as opened:
        yield opened


def queue(uow):
    with uow:
        uow.outbound.add(
            outbound(state=Outbound.QUEUED, expires_at=NOON + timedelta(days=14))
        )
        uow.outbox.add_packet(packet())
        uow.commit()


@pytest.mark.spec("P20")
async def test_a_packet_put_aside_says_so_on_its_page_and_not_a_failure_before(office):
    store, error = office.node.store, RejectedError("id-conflict", can_retry=False)
    store.write_sync(queue)
    browser = await office.enter(APPROVER)
    for failures in range(19):
        store.write_sync(
            note_refusal, office.node.office, packet(failures=failures), error
        )
    assert SAID not in (await browser.get(f"/outbox/{transfer_id()}")).text
    store.write_sync(note_refusal, office.node.office, packet(failures=19), error)
    page = await browser.get(f"/outbox/{transfer_id()}")
    assert page.status == 200
    assert SAID in page.text
    assert "id-conflict" in page.text
    # Until the key is handed out it ends by itself.
    assert "Endet von selbst am" in page.text
