"""Zeugen: who may look, who asks, who confirms, and what each of them sees."""

from datetime import timedelta

import pytest

from node.exchangelog.policy import Standing
from node.sync.quorum import note_waits
from node.sync.transfer import Outbound
from tests.support.office import AUDITOR, LEADER, open_office
from tests.support.pair import APPROVER, CLERK
from tests.support.transfers import outbound, transfer_id

PAGE = "/exchangelog/witnesses"
T = transfer_id()


@pytest.fixture
async def office(tmp_path):
    async with open_office(tmp_path) as opened:
        yield opened


def let_wait(office, hours):
    """A container of ours that has waited for so many hours."""
    standing = Standing(
        floor=True, got=1, needed=2, missing=("aussen.example/witness",)
    )
    at = office.clock.now() - timedelta(hours=hours)

    def add(uow):
        with uow:
            uow.outbound.add(outbound(state=Outbound.QUEUED))
            uow.commit()

    office.node.store.write_sync(add)
    office.node.store.write_sync(note_waits, {T: standing}, at)


@pytest.mark.spec("SR-B8")
@pytest.mark.parametrize("actor", [AUDITOR, APPROVER, LEADER])
async def test_three_roles_see_the_witnesses(office, actor):
    page = await (await office.enter(actor)).get(PAGE)
    assert page.status == 200
    assert "Es gilt keine Zeugenregel" in page.text


@pytest.mark.spec("SR-B8")
async def test_a_caseworker_does_not(office):
    assert (await (await office.enter(CLERK)).get(PAGE)).status == 403


@pytest.mark.spec("LR-24")
async def test_before_four_hours_nobody_is_offered_an_override(office):
    let_wait(office, 3)
    page = await (await office.enter(LEADER)).get(PAGE)
    assert "wartet auf Zeugen (1 von 2)" in page.text
    assert "aussen.example/witness" in page.text
    assert f"{PAGE}/{T}/ask" not in page.text
    answer = await (await office.enter(LEADER)).post(
        f"{PAGE}/{T}/ask", page.form_token, code="urgent"
    )
    assert answer.status in {403, 409}


@pytest.mark.spec("LR-24")
async def test_one_asks_and_another_confirms(office):
    let_wait(office, 5)
    leader, approver = await office.enter(LEADER), await office.enter(APPROVER)
    page = await leader.get(PAGE)
    assert "zu lange" in page.text
    ask, confirm = f"{PAGE}/{T}/ask", f"{PAGE}/{T}/confirm"
    wrong = await leader.post(ask, page.form_token, code="because")
    assert wrong.status == 422
    assert (await leader.post(ask, page.form_token, code="urgent")).status == 303
    assert (await leader.post(confirm, page.form_token)).status == 403
    page = await approver.get(PAGE)
    assert "Grund: Die Person kann nicht warten" in page.text
    assert (await approver.post(confirm, page.form_token)).status == 303
    assert "Zwei Personen haben entschieden" in (await approver.get(PAGE)).text
    assert (await approver.post(confirm, page.form_token)).status == 409


@pytest.mark.spec("LR-24")
async def test_who_may_not_ask_is_refused(office):
    let_wait(office, 5)
    for actor in (APPROVER, AUDITOR, CLERK):
        browser = await office.enter(actor)
        page = await browser.get("/accounts/me")
        answer = await browser.post(f"{PAGE}/{T}/ask", page.form_token, code="urgent")
        assert answer.status == 403


@pytest.mark.spec("EL-16")
async def test_the_status_is_red_after_four_hours_of_waiting(office):
    let_wait(office, 5)
    page = await (await office.enter(LEADER)).get("/status")
    assert "wartet seit" in page.text
    assert "Sehen Sie unter „Zeugen“ nach" in page.text


@pytest.mark.spec("LR-20")
async def test_the_handovers_page_says_what_it_waits_for(office):
    let_wait(office, 5)
    page = await (await office.enter(APPROVER)).get(f"/outbox/{T}")
    assert "wartet auf Zeugen (1 von 2)" in page.text
    assert "seit mehr als vier Stunden" in page.text
    listed = await (await office.enter(APPROVER)).get("/outbox")
    assert "Wartet auf Zeugen (1 von 2)" in listed.text
