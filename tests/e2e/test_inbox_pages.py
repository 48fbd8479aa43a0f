"""The approver's page between two real nodes: names, the chain to opened, a recall."""

import re
from dataclasses import replace
from datetime import date, timedelta

import pytest

from node.bootstrap import build_node, own_hands
from node.cases.consent import GivenBy
from node.cases.relocation import Source
from node.casework.consents import Answer, record_consent, withdraw_consent
from node.casework.relocations import Move, record_relocation
from node.config import load_settings
from node.sync.transfer import Inbound
from node.trust.places import shipped_places
from tests.support.browser_by_hand import Browser
from tests.support.office import before
from tests.support.pair import (
    AGS,
    APPROVER,
    CLERK,
    SAECKINGEN,
    USUAL,
    WEHR,
    add_staff,
    found_pair,
    open_case,
    running,
    until,
)

TAGS = re.compile(r"<[^>]+>")


def words(page):
    return re.sub(r"\s+", " ", TAGS.sub(" ", page.text))


def announced_consent(node, case):
    today = node.office.clock.now().date()
    answer = Answer(
        case=case,
        epoch=1,
        given_by=GivenBy.SELF,
        recipients=("class:responsible_at_new_place",),
        categories=USUAL,
        valid_until=today + timedelta(days=364),
        language="de",
        form="paper",
        text_version="1",
        evidence={"note": "Unterschrift liegt vor"},
    )
    return node.store.write_sync(
        record_consent, node.office, replace(answer, announce_by_name=True), by=CLERK
    )


def relocate(node, case):
    return node.store.write_sync(
        record_relocation,
        node.office,
        Move((case,), AGS[SAECKINGEN], date(2026, 12, 1), Source.FORM),
        by=CLERK,
        places=shipped_places(),
    ).transfer


def state(node, transfer):
    found = node.store.read_sync(lambda uow: uow.inbound.find(transfer))
    return found.state if found else None


async def enter(client):
    browser = Browser(client)
    door = await browser.get("/login")
    await browser.post("/login/demo", door.form_token, account=str(APPROVER.account))
    return browser


@pytest.mark.spec("SC-47", "SC-49", "SC-50")
async def test_the_page_goes_from_sealed_to_opened_and_a_withdrawal_keeps_it_shut(
    tmp_path,
):
    hands = own_hands()
    folders = found_pair(tmp_path, hands)
    async with (
        build_node(load_settings(folders[WEHR]), hands) as wehr,
        build_node(load_settings(folders[SAECKINGEN]), hands) as saeckingen,
        running(saeckingen),
        before(saeckingen) as client,
    ):
        for node in (wehr, saeckingen):
            add_staff(node)
        cases = [open_case(wehr, "Demo-Ulme"), open_case(wehr, "Demo-Linde")]
        given = [announced_consent(wehr, case) for case in cases]
        stays, comes = [relocate(wehr, case) for case in cases]
        browser = await enter(client)
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
            withdraw_consent, wehr.office, given[0].id, how="spoken", by=CLERK
        )
        async with running(wehr):
            await until(lambda: state(saeckingen, comes) is Inbound.CLOSED)
            await until(lambda: state(saeckingen, stays) is Inbound.RECALLED)
        opened = words(await browser.get(f"/inbox/{comes}"))
        assert "Geöffnet. Was übergeben wurde, ist jetzt hier" in opened
        kept_shut = words(await browser.get(f"/inbox/{stays}"))
        assert "Der Inhalt bleibt für immer unlesbar." in kept_shut
        assert saeckingen.store.read_sync(lambda u: u.cases.find_file(cases[0])) is None
