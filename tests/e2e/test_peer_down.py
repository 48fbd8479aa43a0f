"""A handover to an office that cannot be reached: words while it waits, then no click."""

import re
from html import unescape

import pytest

from node.sync import decision
from node.sync.transfer import Inbound, Outbound
from tests.support.browser_by_hand import Browser, words
from tests.support.handed import agree, inbound, outbound, set_off
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

TAGS = re.compile(r"<[^>]+>")
MOMENT = r"\d\d\.\d\d\.\d{4}, \d\d:\d\d"
NO_LINE = re.compile(
    rf"Bad-Saeckingen ist seit {MOMENT} nicht erreichbar\. Nächster Versuch:? {MOMENT}\."
    r" Sie müssen nichts tun\."
)


def current(page):
    """The step of the track that is waited for."""
    step = re.search(r'<li[^>]*aria-current="step".*?</li>', page.text, re.DOTALL)
    return re.sub(r"\s+", " ", unescape(TAGS.sub(" ", step[0])))


def failed(node, transfer):
    row = node.store.read_sync(lambda uow: uow.readings.transfer(transfer))
    return row.due is not None and row.due.failures > 0


@pytest.mark.spec("SC-43")
async def test_the_page_says_since_when_and_until_and_it_goes_on_by_itself(tmp_path):
    async with (
        two_nodes(tmp_path, runs=False) as (wehr, saeckingen),
        running(wehr),
        before(wehr) as client,
    ):
        case = open_case(wehr)
        agree(wehr, case)
        transfer = set_off(wehr, case, SAECKINGEN)
        await until(lambda: failed(wehr, transfer))
        clerk = Browser(client)
        door = await clerk.get("/login")
        await clerk.post("/login/demo", door.form_token, account=str(CLERK.account))
        page = await clerk.get(f"/outbox/{transfer}")
        assert current(page).strip().startswith("Versandt")
        assert NO_LINE.search(current(page)), current(page)
        # From here on nobody at Wehr does anything.
        async with running(saeckingen):
            await until(lambda: inbound(saeckingen, transfer) is not None, 25)
            await until(lambda: inbound(saeckingen, transfer).state is Inbound.WAITING)
            page = await clerk.get(f"/outbox/{transfer}")
            assert not NO_LINE.search(words(page))
            saeckingen.store.write_sync(
                decision.approve, saeckingen.office, transfer, by=APPROVER
            )
            await until(lambda: outbound(wehr, transfer).state is Outbound.CLOSED)
        page = await clerk.get(f"/outbox/{transfer}")
        assert "Übernommen (erledigt)" in words(page)
        assert "Zuständig ist jetzt" in words(page)
