"""Handing over by law instead of consent: two people, the gate, an objection (FR-21)."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest
import pytest_asyncio

from node.accounts.model import Role
from node.accounts.policy import Actor
from node.cases.consent import Basis
from node.casework import statutes
from node.casework.consents import withdraw_consent
from node.casework.relocations import Confirmation, confirm, forecast, second
from node.casework.settings import end_statute
from node.casework.statutes import DECLINED, TASK
from node.errors import (
    ConflictError,
    ForbiddenError,
    InputError,
    NotFoundError,
    StaleEpochError,
)
from node.ids import AccountId, RecordId
from node.sync.permission import recipient_of
from node.sync.release import release
from node.sync.transfer import Outbound
from tests.support.browser_by_hand import words
from tests.support.bylaw import (
    CODE,
    NONE,
    SCOPE,
    TITLE,
    ask,
    decide,
    in_use,
    put_in_force,
    wish_of,
)
from tests.support.caseoffice import send
from tests.support.handed import agree as consent_to
from tests.support.handed import outbound, set_off
from tests.support.office import AUDITOR, BOTH, LEADER, STRANGER, open_office
from tests.support.pair import APPROVER, CLERK, SAECKINGEN, SECOND, open_case
from tests.support.twins import content_of

pytestmark = pytest.mark.asyncio(loop_scope="module")
OTHER_LEADER = Actor(AccountId("2ead" * 8), frozenset({Role.ADMINISTRATOR}))
CLASS = "class:responsible_at_new_place"
LEADERS = (LEADER, OTHER_LEADER)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def opened(tmp_path_factory):
    async with open_office(tmp_path_factory.mktemp("office")) as office:
        office.hire(OTHER_LEADER, "Demo-Zweite", "zweite")
        office.hire(STRANGER, "Demo-Fremd", "fremd")
        office.hire(BOTH, "Demo-Beides", "beides")
        put_in_force(office.node, LEADERS)
        yield office


def is_open(node, kind, case):
    return node.store.read_sync(lambda uow: uow.tasks.is_open(kind, case=case))


# ---- The pages -------------------------------------------------------------------------


@pytest.mark.spec("DO-32", "FR-21", "SR-B7")
async def test_one_asks_another_agrees_and_the_card_names_the_paragraph(office):
    case = open_case(office.node, "Demo-Paragraf")
    clerk, approver = await office.enter(CLERK), await office.enter(APPROVER)
    here = f"/cases/{case}/statute"
    assert here in (await clerk.get(f"/cases/{case}/consents")).text
    page = await clerk.get(here)
    assert f"{TITLE} ({CODE})" in words(page)
    assert " checked" not in page.text
    until = f"{office.clock.now() + timedelta(days=30):%d.%m.%Y}"
    sent = {
        "statute": CODE,
        "recipient": CLASS,
        "categories": "K01",
        "reason": "Wechsel kraft Gesetzes",
        "valid_until": until,
    }
    for field, wrong in (
        ("statute", "SGB-X-1"),
        ("recipient", "member:niemand"),
        ("categories", "K10"),
        ("reason", "  "),
        ("reason", "x" * 4001),
        ("valid_until", "morgen"),
        ("valid_until", "01.01.2020"),
        ("valid_until", "01.01.2099"),
    ):
        answer = await send(clerk, page, here, **{**sent, field: wrong})
        assert answer.status == 422, field
        assert "Fehler:" in answer.text
    done = await send(clerk, page, here, **sent)
    assert done.location == here
    shown = words(await clerk.get(here))
    assert "Eine zweite Person ist gefragt" in shown
    assert "Wechsel kraft Gesetzes" in shown

    inbox = await approver.get("/inbox")
    assert f"{here}/second" in inbox.text
    assert "Demo-Paragraf" not in inbox.text
    page = await approver.get(f"{here}/second")
    for text in ("Demo-Paragraf", TITLE, "Wechsel kraft Gesetzes", until):
        assert text in words(page)
    assert "Bewerbung besprochen" not in page.text
    answer = await send(approver, page, f"{here}/second", answer="yes")
    assert answer.location == "/inbox"
    assert f"{here}/second" not in (await approver.get("/inbox")).text
    assert (await approver.get(f"{here}/second")).status == 404

    cards = await clerk.get(f"/cases/{case}/consents")
    assert f"ohne Einwilligung, {CODE}" in words(cards)
    (basis,) = consents_of(office.node, case)
    whole = await clerk.get(f"/consents/{basis.id}")
    for text in (TITLE, "Wechsel kraft Gesetzes", "Demo a", "Demo c"):
        assert text in words(whole)
    assert (await clerk.get(f"/consents/{basis.id}/copy")).status == 404
    assert (await clerk.get(f"/consents/{basis.id}/copy.pdf")).status == 404


def consents_of(node, case):
    return node.store.read_sync(lambda uow: uow.consents.of_case(case))


async def test_the_second_person_may_say_no_and_who_asked_learns_it(office):
    case = open_case(office.node, "Demo-Nein")
    ask(office.node, case)
    approver, clerk = await office.enter(APPROVER), await office.enter(CLERK)
    page = await approver.get(f"/cases/{case}/statute/second")
    await send(approver, page, f"/cases/{case}/statute/second", answer="no")
    assert consents_of(office.node, case) == []
    assert content_of(office.node, case).of(statutes.USE) == ()
    assert is_open(office.node, DECLINED, case)
    assert "Rechtsgrundlage nicht zugestimmt" in words(
        await clerk.get("/work?only=news")
    )


async def test_who_asked_takes_it_back(office):
    case = open_case(office.node)
    ask(office.node, case)
    clerk = await office.enter(CLERK)
    page = await clerk.get(f"/cases/{case}/statute")
    back = f"/cases/{case}/statute/back"
    assert (await clerk.post(back, page.form_token)).status == 303
    with pytest.raises(NotFoundError):
        wish_of(office.node, case)
    assert not is_open(office.node, TASK, case)
    assert (await clerk.post(back, page.form_token)).status == 404


# ---- Who and what ----------------------------------------------------------------------


@pytest.mark.spec("DO-32", "SR-B8")
async def test_nobody_records_a_basis_alone_and_no_other_role_is_second(office, node):
    case = open_case(node)
    node.store.write_sync(give, case, BOTH.account)
    ask(node, case, by=BOTH)
    for by in (BOTH, CLERK, LEADER, AUDITOR, Actor(AccountId("e" * 32))):
        with pytest.raises(ForbiddenError):
            decide(node, case, by=by)
    assert consents_of(node, case) == []
    assert decide(node, case, by=SECOND).second == SECOND.account


def give(uow, case, account):
    with uow:
        file = uow.cases.file(case)
        uow.cases.replace(file, replace(file, caseworker=account))
        uow.commit()


@pytest.mark.spec("SR-B9")
@pytest.mark.parametrize(
    ("by", "error"),
    [
        (STRANGER, NotFoundError),
        (APPROVER, ForbiddenError),
        (LEADER, ForbiddenError),
        (AUDITOR, ForbiddenError),
    ],
)
async def test_nobody_but_whose_case_it_is_asks(node, by, error):
    case = open_case(node)
    with pytest.raises(error):
        ask(node, case, by=by)
    ask(node, case)
    with pytest.raises(NotFoundError):
        node.store.write_sync(statutes.take_back, node.office, case, by=STRANGER)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"statute": "SGB-X-1"}, "statute"),
        ({"recipient": "ags:08"}, "recipient"),
        ({"recipient": "member:08337116-stadt-wehr"}, "recipient"),
        ({"recipient": ""}, "recipient"),
        ({"categories": NONE}, "categories"),
        ({"categories": frozenset({"K01", "K99"})}, "categories"),
        ({"documents": frozenset({RecordId("d" * 32)})}, "documents"),
        ({"valid_until": None}, "valid_until"),
        ({"reason": "\n"}, "reason"),
    ],
)
async def test_half_a_basis_is_refused(node, changes, field):
    with pytest.raises(InputError) as refused:
        ask(node, open_case(node), **changes)
    assert refused.value.field == field


async def test_another_wish_than_the_one_that_was_shown_is_not_agreed_to(node):
    case = open_case(node)
    ask(node, case)
    shown = wish_of(node, case).record.id
    ask(node, case, reason="anders begründet")
    with pytest.raises(ConflictError):
        decide(node, case, seen=shown)
    assert decide(node, case).basis is Basis.STATUTE


async def test_after_seven_days_a_wish_counts_no_more(office, node):
    case = open_case(node)
    ask(node, case)
    shown = wish_of(node, case).record.id
    office.clock.offset = timedelta(days=7, minutes=1)
    with pytest.raises(NotFoundError):
        decide(node, case, seen=shown)


async def test_a_paragraph_that_ended_meanwhile_is_not_agreed_to(office, node):
    number = put_in_force(node, LEADERS, "SGB-II-36a", "§ 36a Zweites Buch")
    case = open_case(node)
    ask(node, case, statute="SGB-II-36a")
    node.store.write_sync(end_statute, number, at=office.clock.now(), by=LEADER)
    node.store.read_sync(node.read_town)
    approver = await office.enter(APPROVER)
    page = await approver.get(f"/cases/{case}/statute/second")
    answer = await send(approver, page, f"/cases/{case}/statute/second", answer="yes")
    assert answer.status == 409
    assert "niemand mehr zustimmen" in words(answer)
    assert consents_of(node, case) == []


async def test_a_case_that_moved_meanwhile_gets_no_basis(node):
    case = open_case(node)
    consent_to(node, case)
    ask(node, case)
    await release(node.courier, set_off(node, case, SAECKINGEN))
    with pytest.raises(StaleEpochError):
        decide(node, case)


# ---- What it does to a handover --------------------------------------------------------


@pytest.mark.spec("DO-32", "FR-17", "FR-21", "FR-25")
async def test_it_lets_a_handover_go_by_two_people_and_never_by_itself(node):
    case, basis = in_use(node)
    transfer = set_off(node, case, SAECKINGEN)
    await release(node.courier, transfer)
    held = outbound(node, transfer)
    assert held.state is Outbound.HELD
    scope = {case: (frozenset({"K01", "K10"}), NONE)}
    node.store.write_sync(confirm, transfer, Confirmation(scope), by=CLERK)
    await release(node.courier, transfer)
    assert outbound(node, transfer).state is Outbound.HELD
    members = outbound(node, transfer).members
    with pytest.raises(ForbiddenError):
        node.store.write_sync(second, transfer, members=members, by=CLERK)
    node.store.write_sync(second, transfer, members=members, by=APPROVER)
    await release(node.courier, transfer)
    sent = outbound(node, transfer)
    assert sent.state is Outbound.QUEUED
    assert sent.members[0].basis == f"statute:{CODE}" == basis.ground


@pytest.mark.spec("FR-21")
async def test_more_than_the_law_names_is_withheld(node):
    case, _ = in_use(node)
    transfer = set_off(node, case, SAECKINGEN)
    recipient = recipient_of(node.office, outbound(node, transfer))
    seen = node.store.read_sync(forecast, node.office, [case], recipient, by=CLERK)
    assert seen.coverage[case].covered == SCOPE
    assert seen.coverage[case].needs_second
    assert not seen.going
    scope = {case: (frozenset({"K01", "K11"}), NONE)}
    node.store.write_sync(confirm, transfer, Confirmation(scope), by=CLERK)
    members = outbound(node, transfer).members
    node.store.write_sync(second, transfer, members=members, by=APPROVER)
    await release(node.courier, transfer)
    assert outbound(node, transfer).state is Outbound.HELD


async def queued(node, case):
    transfer = set_off(node, case, SAECKINGEN)
    node.store.write_sync(
        confirm, transfer, Confirmation({case: (SCOPE, NONE)}), by=CLERK
    )
    members = outbound(node, transfer).members
    node.store.write_sync(second, transfer, members=members, by=APPROVER)
    await release(node.courier, transfer)
    assert outbound(node, transfer).state is Outbound.QUEUED
    return transfer


@pytest.mark.spec("FR-21", "HO-34")
async def test_an_objection_stops_what_rests_on_it_and_no_other_persons_handover(
    office,
):
    node = office.node
    case, basis = in_use(node)
    other, _ = in_use(node)
    mine, theirs = await queued(node, case), await queued(node, other)
    clerk = await office.enter(CLERK)
    here = f"/consents/{basis.id}/withdraw"
    assert here in (await clerk.get(f"/cases/{case}/consents")).text
    page = await clerk.get(here)
    assert "Widerspruch aufnehmen" in words(page)
    assert "wird gestoppt" in words(page)
    assert CODE in words(page)
    answer = await send(clerk, page, here, how="spoken")
    assert answer.status == 303
    assert outbound(node, mine).state is not Outbound.QUEUED
    assert outbound(node, theirs).state is Outbound.QUEUED
    assert "widersprochen" in words(await clerk.get(f"/cases/{case}/consents"))
    # Until two people have decided anew nothing leaves.
    again = set_off(node, case, SAECKINGEN)
    recipient = recipient_of(node.office, outbound(node, again))
    seen = node.store.read_sync(forecast, node.office, [case], recipient, by=CLERK)
    assert seen.coverage[case].reason is not None
    ask(node, case)
    decide(node, case)
    seen = node.store.read_sync(forecast, node.office, [case], recipient, by=CLERK)
    assert seen.coverage[case].reason is None


@pytest.mark.spec("DO-32")
async def test_the_log_names_paragraph_and_both_people_and_the_reason_never_travels(
    node,
):
    _, basis = in_use(node, reason="Nur für uns bestimmt")
    shown = node.store.read_sync(lambda uow: uow.log.opening(basis.entry))
    entry = json.loads(shown[1 + 32 :])
    assert entry["basis"] == f"statute:{CODE}"
    assert entry["actor"]
    assert entry["second"]
    assert entry["actor"] != entry["second"]
    assert "Nur für uns" not in basis.evidence.decode()
    assert json.loads(basis.evidence)["statute"] == CODE


async def test_a_basis_is_objected_to_once(node):
    _, basis = in_use(node)
    node.store.write_sync(
        withdraw_consent, node.office, basis.id, how="spoken", by=APPROVER
    )
    with pytest.raises(InputError):
        node.store.write_sync(
            withdraw_consent, node.office, basis.id, how="spoken", by=APPROVER
        )
