"""The pages of what comes after a handover, between two real nodes: SC-44, SC-63, flow J."""

from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import date, timedelta

import pytest

from node.accounts.model import Account, Role
from node.accounts.policy import Actor
from node.bootstrap import own_hands
from node.cases.model import Baton
from node.ids import AccountId
from tests.support.browser_by_hand import signed_in, words
from tests.support.handed import aftermath, agree, eventually, hand_over, outbound
from tests.support.pair import (
    APPROVER,
    CLERK,
    WEHR,
)
from tests.support.towns import two_desks

AUDITOR = Actor(AccountId("d" * 32), frozenset({Role.AUDITOR}))


class LaterClock:
    """The system's clock, moved on by a test."""

    def __init__(self, clock):
        self._clock = clock
        self.ahead = timedelta()

    def now(self):
        return self._clock.now() + self.ahead


def baton(node, case):
    return node.store.read_sync(lambda uow: uow.cases.file(case)).baton


def add_auditor(node):
    def add(uow):
        with uow:
            uow.accounts.add(
                Account(
                    id=AUDITOR.account,
                    login="demo-d",
                    name="Demo d",
                    roles=AUDITOR.roles,
                    active_from=date(2020, 1, 1),
                )
            )
            uow.commit()

    node.store.write_sync(add)


@asynccontextmanager
async def later_desks(folder):
    real = own_hands()
    hands = replace(real, clock=LaterClock(real.clock))
    async with two_desks(folder, hands) as (wehr, saeckingen, there, here):
        for node in (wehr, saeckingen):
            add_auditor(node)
        yield wehr, saeckingen, there, here


@pytest.mark.spec("SC-63", "FR-24", "DO-23")
async def test_a_withdrawal_is_answered_on_its_page_and_told_in_plain_words(tmp_path):
    async with later_desks(tmp_path) as (wehr, saeckingen, there, here):
        handed = await hand_over(wehr, saeckingen)
        clerk = await signed_in(there, CLERK)
        # Two clicks from the case: its consents, then the form; no step-up, no reason.
        page = await clerk.get(f"/cases/{handed.case}/consents")
        form = f"/consents/{handed.consent}/withdraw"
        assert f'href="{form}"' in page.text
        page = await clerk.get(form)
        assert "wird benachrichtigt und muss bis" in words(page)
        await clerk.post(form, page.form_token, how="spoken")
        await eventually(
            lambda: aftermath(saeckingen, handed.transfer, is_ours=False).open_notices
        )
        track = words(await clerk.get(f"/outbox/{handed.transfer}"))
        assert "wartet auf Antwort" in track
        assert "Endet von selbst" not in track

        approver = await signed_in(here, APPROVER)
        listed = await approver.get("/inbox")
        address = f"/inbox/{handed.transfer}/withdrawal"
        assert "Zu beantworten" in words(listed)
        assert address in listed.text
        desk = await signed_in(here, CLERK)
        assert address in (await desk.get("/work")).text
        page = await desk.get(address)
        unnamed = await desk.post(address, page.form_token, answer="kept")
        assert (unnamed.status, "Paragrafen nennen" in words(unnamed)) == (422, True)
        assert (await desk.post(address, page.form_token)).status == 422
        check = await desk.post(address, page.form_token, answer="erased")
        assert "Das kann nicht rückgängig gemacht werden." in words(check)
        assert baton(saeckingen, handed.case) is Baton.ACTIVE
        await desk.post(address, page.form_token, answer="erased", _sure="yes")
        assert baton(saeckingen, handed.case) is Baton.SHREDDED
        assert (await desk.get(f"/cases/{handed.case}")).status == 410
        again = await desk.post(address, page.form_token, answer="kept", paragraph="x")
        assert again.status == 409

        await eventually(
            lambda: not aftermath(wehr, handed.transfer, is_ours=True).open_notices
        )
        for told in (f"/outbox/{handed.transfer}", f"/consents/{handed.consent}"):
            assert "hat die Daten gelöscht." in words(await clerk.get(told))
        assert "Ein Widerruf wurde beantwortet." in words(await clerk.get("/work"))


@pytest.mark.spec("DO-23", "FR-24", "SC-63")
async def test_on_day_fifteen_both_auditors_and_the_approver_see_the_late_answer(
    tmp_path,
):
    async with later_desks(tmp_path) as (wehr, saeckingen, there, here):
        handed = await hand_over(wehr, saeckingen)
        clerk = await signed_in(there, CLERK)
        form = f"/consents/{handed.consent}/withdraw"
        page = await clerk.get(form)
        await clerk.post(form, page.form_token, how="written")
        await eventually(
            lambda: aftermath(saeckingen, handed.transfer, is_ours=False).open_notices
        )
        late = "Antworten auf Widerrufe sind überfällig"
        clients = ((wehr, there), (saeckingen, here))
        for _, client in clients:
            auditor = await signed_in(client, AUDITOR)
            assert late not in words(await auditor.get("/exchangelog"))

        wehr.office.clock.ahead = timedelta(days=14)
        for _, client in clients:
            auditor = await signed_in(client, AUDITOR)
            assert late not in words(await auditor.get("/exchangelog"))
        wehr.office.clock.ahead = timedelta(days=16)
        for _, client in clients:
            auditor = await signed_in(client, AUDITOR)
            seen = words(await auditor.get("/exchangelog"))
            assert late in seen
            assert handed.transfer.short in seen
        approver = await signed_in(here, APPROVER)
        assert "überfällig" in words(await approver.get("/inbox"))


@pytest.mark.spec("SC-44")
async def test_from_the_key_on_a_return_is_asked_for_and_answered_on_pages(tmp_path):
    async with later_desks(tmp_path) as (wehr, saeckingen, there, here):
        handed = await hand_over(wehr, saeckingen)
        clerk = await signed_in(there, CLERK)
        track = f"/outbox/{handed.transfer}"
        page = await clerk.get(track)
        assert f"{track}/ask-back" in page.text
        assert f"{track}/call-back" not in page.text
        page = await clerk.get(f"{track}/ask-back")
        await clerk.post(f"{track}/ask-back", page.form_token)
        assert "bittet um Rückgabe. wartet auf Antwort" in words(await clerk.get(track))
        assert f"{track}/ask-back" not in (await clerk.get(track)).text
        await eventually(
            lambda: aftermath(saeckingen, handed.transfer, is_ours=False).open_request
        )
        after = f"/inbox/{handed.transfer}/after"
        desk = await signed_in(here, CLERK)
        assert after in (await desk.get("/work")).text
        page = await desk.get(after)
        assert (
            await desk.post(f"/inbox/{handed.transfer}/keep", page.form_token)
        ).status == 422
        agree(saeckingen, handed.case, f"member:{WEHR}", epoch=2)
        onward = await desk.post(f"/inbox/{handed.transfer}/return", page.form_token)
        prepared = onward.headers["Location"]
        assert prepared.startswith("/relocations/")
        page = await desk.get(prepared)
        assert "Rückgabe" in words(page)
        back = prepared.removeprefix("/relocations/")
        assert outbound(saeckingen, back).recipient == WEHR
        # Asked twice, it is prepared once.
        twice = await desk.post(f"/inbox/{handed.transfer}/return", page.form_token)
        assert twice.status == 409


@pytest.mark.spec("DO-35", "HO-9")
async def test_a_correction_is_written_on_the_case_that_went_and_asked_for_there(
    tmp_path,
):
    async with later_desks(tmp_path) as (wehr, saeckingen, there, _):
        handed = await hand_over(wehr, saeckingen)
        clerk = await signed_in(there, CLERK)
        address = f"/cases/{handed.case}/notes"
        assert address in (await clerk.get(f"/cases/{handed.case}")).text
        page = await clerk.get(address)
        text = "Geburtsort ist Aleppo"
        missing = await clerk.post(address, page.form_token, text=text)
        assert missing.status == 422
        assert text in missing.text
        sent = await clerk.post(address, page.form_token, text=text, kind="correction")
        track = words(await clerk.get(sent.headers["Location"]))
        assert "Nachtrag" in track
        assert text in words(await clerk.get(f"/cases/{handed.case}"))
        assert saeckingen
