"""The approver's page between two real nodes: names, the chain to opened, a recall."""

import pytest

from node.casework.consents import withdraw_consent
from node.ids import ConsentId
from node.sync.transfer import Inbound
from tests.support.browser_by_hand import signed_in, words
from tests.support.handed import agree, set_off
from tests.support.office import before
from tests.support.pair import (
    APPROVER,
    CLERK,
    SAECKINGEN,
    open_case,
    running,
    until,
)
from tests.support.towns import two_nodes


def state(node, transfer):
    found = node.store.read_sync(lambda uow: uow.inbound.find(transfer))
    return found.state if found else None


@pytest.mark.spec("SC-47", "SC-49", "SC-50")
async def test_the_page_goes_from_sealed_to_opened_and_a_withdrawal_keeps_it_shut(
    tmp_path,
):
    async with (
        two_nodes(tmp_path, runs=False) as (wehr, saeckingen),
        running(saeckingen),
        before(saeckingen) as client,
    ):
        cases = [open_case(wehr, "Demo-Ulme"), open_case(wehr, "Demo-Linde")]
        given = [agree(wehr, case, announce_by_name=True) for case in cases]
        stays, comes = [set_off(wehr, case, SAECKINGEN) for case in cases]
        browser = await signed_in(client, APPROVER)
        async with running(wehr):
            for transfer in (stays, comes):
                await until(lambda t=transfer: state(saeckingen, t) is Inbound.WAITING)
        # Wehr is switched off from here on.
        page = await browser.get(f"/inbox/{stays}")
        assert "Demo-Ulme" not in page.text
        shown = await browser.post(f"/inbox/{stays}/names", page.form_token)
        assert "Amina Demo-Ulme" in words(shown)
        assert "1990-05-04" in words(shown)
        assert "Demo-Ulme" not in (await browser.get(f"/inbox/{stays}")).text
        await browser.post(f"/inbox/{stays}/approve", page.form_token, take="K11")
        await browser.post(f"/inbox/{comes}/approve", page.form_token, take="K11")
        waiting = words(await browser.get(f"/inbox/{stays}"))
        assert "Schlüssel angefordert um" in waiting
        # The person changes their mind before the key is handed over.
        wehr.store.write_sync(
            withdraw_consent, wehr.office, ConsentId(given[0]), how="spoken", by=CLERK
        )
        async with running(wehr):
            await until(lambda: state(saeckingen, comes) is Inbound.CLOSED)
            await until(lambda: state(saeckingen, stays) is Inbound.RECALLED)
        opened = words(await browser.get(f"/inbox/{comes}"))
        assert "Geöffnet. Was übergeben wurde, ist jetzt hier" in opened
        kept_shut = words(await browser.get(f"/inbox/{stays}"))
        assert "Der Inhalt bleibt für immer unlesbar." in kept_shut
        assert saeckingen.store.read_sync(lambda u: u.cases.find_file(cases[0])) is None
