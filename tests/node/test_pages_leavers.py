"""Closed cases of somebody who has left: seen by who assigns cases, before a real node."""

from dataclasses import replace
from datetime import timedelta

import pytest
import pytest_asyncio

from node.accounts.model import Deputyship, Role
from node.accounts.policy import Actor
from node.cases.days import local_day
from node.casework import deputies, staff
from node.casework.archiving import abandoned, offer_closed
from node.casework.deputies import HandOver
from node.ids import AccountId
from tests.support.browser_by_hand import words
from tests.support.closedcases import closed
from tests.support.office import AUDITOR, LEADER, STRANGER, open_office
from tests.support.pair import APPROVER, CLERK

pytestmark = pytest.mark.asyncio(loop_scope="module")
LEAVER = Actor(AccountId("1e" * 16), frozenset({Role.CASEWORKER}))
NOBODYS = "für die niemand zuständig ist"
BADGE = "Eingang (1)"


@pytest_asyncio.fixture(loop_scope="module")
async def office(tmp_path):
    """Each test ends accounts, so each has an office of its own."""
    async with open_office(tmp_path) as office:
        office.hire(LEAVER, "Demo-Gegangen", "gegangen")
        office.hire(STRANGER, "Demo-Fremd", "fremd")
        office.hear()
        yield office


@pytest.fixture
def case(office):
    """A closed case of the leaver that is to be offered to the archive."""
    case = closed(office, "Demo-Altfall")
    assign(office, CLERK, LEAVER, case)
    offer_closed(office.node.store, office.node.office)
    return case


def today(office):
    return local_day(office.clock.now())


def assign(office, owner, to, case):
    wish = HandOver(owner.account, to.account, frozenset({case}))
    write = office.node.store.write_sync
    write(deputies.hand_over, wish, today(office), by=LEADER)


def leave(office, who=LEAVER):
    write, now = office.node.store.write_sync, office.clock.now()
    write(staff.end_account, who.account, now, by=LEADER)


def stand_in(office, *, first=0, last=30):
    first, last = (today(office) + timedelta(days=days) for days in (first, last))
    deputyship = Deputyship(LEAVER.account, STRANGER.account, first, last)
    write = office.node.store.write_sync
    write(deputies.set_deputy, deputyship, today(office), by=LEADER)


def counts(office, by=APPROVER):
    found = office.node.store.read_sync(abandoned, today(office), by=by)
    return [(each.owner, each.name, each.cases) for each in found]


@pytest.mark.spec("DO-33", "SR-B8")
@pytest.mark.parametrize(("actor", "at"), [(APPROVER, "/inbox"), (LEADER, "/accounts")])
async def test_who_assigns_cases_sees_what_a_leaver_left_and_passes_it_on(
    office, case, actor, at
):
    leave(office)
    browser = await office.enter(actor)
    page = await browser.get(at)
    load = f"/accounts/{LEAVER.account}/caseload"
    assert NOBODYS in words(page)
    assert "1 abgeschlossener Fall ist dem Archiv anzubieten" in words(page)
    assert "Demo-Gegangen betreut keine Fälle mehr, und niemand vertritt." in words(
        page
    )
    assert f'href="{load}"' in page.text
    assert "Altfall" not in page.text
    form = await browser.get(load)
    done = await browser.post(
        load, form.form_token, to=str(STRANGER.account), cases=str(case)
    )
    assert done.status == 303
    assert NOBODYS not in words(await browser.get(at))
    stranger = await office.enter(STRANGER)
    assert f"/cases/{case}/archive" in (await stranger.get("/work?only=endings")).text


async def test_the_navigation_counts_it_until_it_is_passed_on(office, case):
    leave(office)
    approver = await office.enter(APPROVER)
    assert BADGE in words(await approver.get("/reports"))
    assign(office, LEAVER, STRANGER, case)
    assert BADGE not in words(await approver.get("/reports"))


async def test_nothing_is_said_while_the_caseworker_is_here(office, case):
    assert counts(office) == []
    approver = await office.enter(APPROVER)
    assert NOBODYS not in words(await approver.get("/inbox"))


async def test_nothing_is_said_while_a_deputy_stands_in(office, case):
    stand_in(office)
    leave(office)
    assert counts(office) == []
    stranger = await office.enter(STRANGER)
    assert f"/cases/{case}/archive" in (await stranger.get("/work?only=endings")).text


@pytest.mark.parametrize(("first", "last"), [(1, 30), (0, 0)])
async def test_a_deputy_of_other_days_does_not_count(office, case, first, last):
    stand_in(office, first=first, last=last)
    leave(office)
    office.clock.offset = timedelta(days=0 if first else 1)
    assert counts(office) == [(LEAVER.account, "Demo-Gegangen", 1)]


async def test_a_deputy_who_left_as_well_does_not_count(office, case):
    stand_in(office)
    leave(office)
    leave(office, STRANGER)
    assert counts(office) == [(LEAVER.account, "Demo-Gegangen", 1)]


async def test_who_has_no_caseload_any_more_counts_as_gone(office, case):
    def change(uow):
        with uow:
            account = uow.accounts.get(LEAVER.account)
            roles = frozenset({Role.APPROVER})
            uow.accounts.replace(replace(account, roles=roles))
            uow.commit()

    office.node.store.write_sync(change)
    assert counts(office) == [(LEAVER.account, "Demo-Gegangen", 1)]


async def test_a_leaver_without_such_cases_is_not_named(office):
    case = closed(office)
    assign(office, CLERK, LEAVER, case)
    leave(office)
    assert counts(office) == []


@pytest.mark.spec("DO-39")
@pytest.mark.parametrize("by", [CLERK, STRANGER, AUDITOR])
async def test_who_may_assign_nothing_is_told_nothing(office, case, by):
    leave(office)
    assert counts(office, by) == []
