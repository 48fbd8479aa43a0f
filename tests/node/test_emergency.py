"""Notfallzugriff: three hours, a reason, on record; and nothing leaves."""

import re
import secrets
from dataclasses import replace
from datetime import timedelta

import pytest

from node.accounts.emergency import EMERGENCY_LIFE, open_cases
from node.accounts.model import Role
from node.accounts.policy import Actor
from node.casework import cases, emergencies, relocations
from node.casework.emergencies import Wish
from node.errors import ForbiddenError, InputError, NotFoundError
from node.ids import AccountId, CaseId, Hex128, TransferId
from tests.support.browser_by_hand import words
from tests.support.desk import relocate
from tests.support.office import LEADER
from tests.support.pair import APPROVER, CLERK, open_case

pytestmark = pytest.mark.asyncio(loop_scope="module")
COLLEAGUE = Actor(AccountId("c1" * 16), frozenset({Role.CASEWORKER}))
THIRD = Actor(AccountId("c2" * 16), frozenset({Role.CASEWORKER}))
COLLEAGUES = [(COLLEAGUE, "Demo-Carla"), (THIRD, "Demo-Doris")]
REASON = "Klientin steht am Tresen, Fachkraft krank"


@pytest.fixture
def case(office):
    return open_case(office.node, f"Demo-{secrets.token_hex(3)}")


def protect(office, case, kind="address_blocked"):
    record = cases.new_record(
        office.node.office,
        case,
        "protection",
        {"protection": kind, "concerns_text": "Geheimer Grund"},
        by=CLERK.account,
    )
    office.node.store.write_sync(
        cases.save_record, office.node.office, record, epoch=1, by=CLERK
    )


async def broken(office, case, *, protection=False, reason=REASON):
    browser = await office.enter(COLLEAGUE)
    page = await browser.get(f"/cases/{case}/emergency")
    fields = {"protection": "yes"} if protection else {}
    answer = await browser.post(
        f"/cases/{case}/emergency", page.form_token, reason=reason, **fields
    )
    return browser, answer


@pytest.mark.spec("DO-41", "SR-D5")
async def test_a_reason_opens_a_colleagues_case_to_read_for_three_hours(office, case):
    browser, answer = await broken(office, case)
    assert (answer.status, answer.location) == (303, f"/cases/{case}")
    page = await browser.get(f"/cases/{case}")
    assert page.status == 200
    assert re.search(r"Notfallzugriffe? auf \d+ F(all|älle) l", words(page))
    office.clock.offset = EMERGENCY_LIFE - timedelta(seconds=5)
    browser = await office.enter(COLLEAGUE)
    assert (await browser.get(f"/cases/{case}")).status == 200
    office.clock.offset = EMERGENCY_LIFE + timedelta(seconds=1)
    browser = await office.enter(COLLEAGUE)
    assert (await browser.get(f"/cases/{case}")).status == 404


@pytest.mark.spec("DO-41")
@pytest.mark.parametrize("reason", ["", "   ", "x" * 501])
async def test_without_a_reason_nothing_opens(office, case, reason):
    browser, answer = await broken(office, case, reason=reason)
    assert answer.status == 422
    assert (await browser.get(f"/cases/{case}")).status == 404


@pytest.mark.spec("DO-41", "SR-D5")
async def test_the_caseworker_is_told_and_the_reason_is_on_record(office, case):
    await broken(office, case)
    owner = await office.enter(CLERK)
    work = await owner.get("/work")
    assert "Der Fall wurde durch Notfallzugriff geöffnet." in words(work)
    lines = office.node.store.read_sync(lambda uow: uow.read_log.of_case(case))
    [line] = [line for line in lines if line.action == "break_glass"]
    assert (line.account, line.reason) == (COLLEAGUE.account, REASON)


@pytest.mark.spec("DO-41")
async def test_inside_nothing_can_be_changed_and_nothing_leaves(office, case):
    browser, _ = await broken(office, case)
    page = await browser.get(f"/cases/{case}")
    assert f"/contacts/new?case={case}" not in page.text
    actor = replace(COLLEAGUE, emergencies=frozenset({case}))
    read, write = office.node.store.read_sync, office.node.store.write_sync
    for action in (
        "case.edit", "case.print", "contact.record", "plan.agree", "consent.record",
        "relocation.record", "transfer.prepare", "transfer.send", "rights.export",
        "case.assign", "protection.set", "merge",
    ):  # fmt: skip
        with pytest.raises((NotFoundError, ForbiddenError)):
            read(cases.own_case, actor, case, action)
    transfer = relocate(office.node, "08337096", case)
    ticked = relocations.Confirmation({case: (frozenset({"K01"}), frozenset())})
    with pytest.raises(NotFoundError):
        write(relocations.confirm, TransferId(transfer), ticked, by=actor)
    assert (await browser.get(f"/relocations/{transfer}")).status == 404
    token = (await browser.get("/cases")).form_token
    sent = await browser.post(f"/relocations/{transfer}", token)
    assert sent.status in {403, 404}
    note = await browser.post(f"/cases/{case}/plan", token)
    assert note.status in {403, 404}


@pytest.mark.spec("DO-41")
async def test_what_protects_stays_shut_until_a_second_caseworker_agrees(office, case):
    protect(office, case)
    browser, _ = await broken(office, case, protection=True)
    shut = await browser.get(f"/cases/{case}")
    owner = await (await office.enter(CLERK)).get(f"/cases/{case}")
    word = "Adresse nicht nennen"
    assert word in owner.text
    assert word not in shut.text
    # The one who asked cannot agree; neither can another role.
    found = office.node.store.read_sync(
        emergencies.waiting, office.clock.now(), by=THIRD
    )
    [number] = [each.emergency.id for each in found if each.emergency.case == case]
    token = (await browser.get("/cases")).form_token
    assert (await browser.post(f"/emergencies/{number}", token)).status == 403
    for actor in (APPROVER, LEADER):
        other = await office.enter(actor)
        page = await other.get("/accounts/me")
        answer = await other.post(f"/emergencies/{number}", page.form_token)
        assert answer.status == 403
    second = await office.enter(THIRD)
    page = await second.get("/emergencies")
    assert REASON in words(page)
    done = await second.post(f"/emergencies/{number}", page.form_token)
    assert done.status == 303
    assert word in (await browser.get(f"/cases/{case}")).text
    # Agreeing opens the case for who asked, not for who agreed.
    assert (await second.get(f"/cases/{case}")).status == 404


async def test_nobody_agrees_to_what_was_not_asked_or_is_over(office, case):
    await broken(office, case)
    long_ago = office.clock.now() - timedelta(hours=1)
    [one] = office.node.store.read_sync(
        lambda uow: uow.emergencies.of_case(case, long_ago)
    )
    write = office.node.store.write_sync
    with pytest.raises(NotFoundError):
        write(emergencies.agree, office.node.office, one.id, by=THIRD)
    wish = Wish(Hex128.of(secrets.token_bytes(16)), case, REASON, asks_second=True)
    made = write(emergencies.open_case, office.node.office, wish, by=COLLEAGUE)
    office.clock.offset = EMERGENCY_LIFE
    with pytest.raises(NotFoundError):
        write(emergencies.agree, office.node.office, made.id, by=THIRD)


@pytest.mark.spec("DO-41", "SR-B9")
async def test_a_threatened_persons_case_looks_like_one_that_is_not_there(office, case):
    protect(office, case, "threatened")
    browser = await office.enter(COLLEAGUE)
    there = await browser.get(f"/cases/{case}/emergency")
    never = await browser.get(f"/cases/{CaseId.of(bytes(16))}/emergency")
    assert (there.status, never.status) == (404, 404)
    assert words(there) == words(never)


@pytest.mark.parametrize("actor", [APPROVER, LEADER, Actor(is_operator=True)])
async def test_no_other_role_has_an_emergency(office, case, actor):
    wish = Wish(Hex128.of(secrets.token_bytes(16)), case, REASON)
    with pytest.raises(ForbiddenError):
        office.node.store.write_sync(
            emergencies.open_case, office.node.office, wish, by=actor
        )


async def test_the_own_case_needs_none(office, case):
    wish = Wish(Hex128.of(secrets.token_bytes(16)), case, REASON)
    with pytest.raises(NotFoundError):
        office.node.store.write_sync(
            emergencies.open_case, office.node.office, wish, by=CLERK
        )
    with pytest.raises(InputError):
        office.node.store.write_sync(
            emergencies.open_case,
            office.node.office,
            replace(wish, reason=" "),
            by=CLERK,
        )


async def test_an_access_is_for_one_account_and_not_before_its_time(office, case):
    wish = Wish(Hex128.of(secrets.token_bytes(16)), case, REASON)
    made = office.node.store.write_sync(
        emergencies.open_case, office.node.office, wish, by=COLLEAGUE
    )
    at = made.opened_at
    assert open_cases([made], COLLEAGUE.account, at) == {case: False}
    assert open_cases([made], THIRD.account, at) == {}
    assert open_cases([made], COLLEAGUE.account, made.ends_at) == {}
    early = at - timedelta(microseconds=1)
    assert open_cases([made], COLLEAGUE.account, early) == {}


async def test_the_list_of_persons_leads_there(office, case):
    browser = await office.enter(COLLEAGUE)
    page = await browser.get("/cases?of=all")
    assert f'href="/cases/{case}/emergency"' in page.text
    own = await (await office.enter(CLERK)).get("/cases?of=all")
    assert f"/cases/{case}/emergency" not in own.text
