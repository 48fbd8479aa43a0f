"""S12: exchange with an office is suspended and resumed; what a new key looks like."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from node.casework.network import ASK_ABOUT_NEW, one_body
from node.casework.suspending import resume, suspend
from node.errors import ConflictError, ForbiddenError, InputError, NotFoundError
from node.ids import MemberId
from node.sync.release import release
from node.sync.transfer import Outbound
from node.trust.fingerprint import words_of
from tests.support.browser_by_hand import words
from tests.support.handed import agree, outbound, set_off
from tests.support.office import AUDITOR, LEADER
from tests.support.pair import APPROVER, CLERK, SAECKINGEN, WEHR, open_case

pytestmark = pytest.mark.asyncio(loop_scope="module")
BODY = f"/directory/{SAECKINGEN}"
WHY = "Schlüssel passt nicht zu den Wörtern"


@pytest.fixture
def office(opened):
    opened.clock.offset = timedelta()
    yield opened
    if standing(opened.node):
        go_on(opened.node)


def standing(node):
    return node.store.read_sync(lambda uow: uow.suspensions.standing(SAECKINGEN))


def stop(node, peer=SAECKINGEN, *, reason=WHY, by=LEADER):
    node.store.write_sync(suspend, node.office, peer, reason=reason, by=by)


def go_on(node, by=LEADER):
    node.store.write_sync(resume, node.office, SAECKINGEN, by=by)


@pytest.mark.spec("SC-66", "SR-B7")
async def test_an_administrator_suspends_with_a_reason_and_resumes(office):
    leader, clerk = await office.enter(LEADER), await office.enter(CLERK)
    page = await leader.get(BODY)
    for reason, status in (("", 422), ("  ", 422), ("x" * 201, 422), (WHY, 303)):
        answer = await leader.post(f"{BODY}/suspend", page.form_token, reason=reason)
        assert answer.status == status
        if status == 422:
            assert "Fehler:" in answer.text
    shown = words(await leader.get(BODY))
    assert WHY in shown
    assert "Demo-Leitung" in shown
    assert "von uns ausgesetzt" in words(await clerk.get("/directory"))
    others = await clerk.get(BODY)
    assert "kein Schlüssel geht dorthin" in words(others)
    assert WHY not in others.text
    assert "/resume" not in others.text
    page = await leader.get(BODY)
    assert (await leader.post(f"{BODY}/resume", page.form_token)).location == BODY
    assert standing(office.node) is None
    assert "nimmt teil" in words(await clerk.get(BODY))


@pytest.mark.parametrize("who", [CLERK, APPROVER, AUDITOR])
async def test_nobody_else_suspends_or_resumes(office, who):
    with pytest.raises(ForbiddenError):
        stop(office.node, by=who)
    stop(office.node)
    with pytest.raises(ForbiddenError):
        go_on(office.node, by=who)
    assert standing(office.node) is not None


@pytest.mark.parametrize("peer", [WEHR, MemberId("08337999-stadt-nirgends")])
async def test_only_another_office_of_the_directory_is_suspended(office, peer):
    with pytest.raises(NotFoundError):
        stop(office.node, peer)


async def test_nothing_is_suspended_twice_or_without_a_reason(office):
    with pytest.raises(InputError):
        stop(office.node, reason=" ")
    with pytest.raises(NotFoundError):
        go_on(office.node)
    stop(office.node)
    with pytest.raises(ConflictError):
        stop(office.node)


async def test_nothing_new_is_sealed_for_there_and_people_read_why(office):
    node = office.node
    case = open_case(node, "Demo-Aussetzen")
    agree(node, case)
    stop(node)
    transfer = set_off(node, case, SAECKINGEN)
    await release(node.courier, transfer)
    held = outbound(node, transfer)
    assert held.state is Outbound.HELD
    assert held.withheld == ((case, "peer-suspended"),)
    clerk = await office.enter(CLERK)
    assert "Austausch mit dieser Stelle ausgesetzt" in words(await clerk.get("/work"))
    body = node.store.read_sync(one_body, node.office, SAECKINGEN)
    assert body.waiting >= 1
    go_on(node)
    await release(node.courier, transfer)
    assert outbound(node, transfer).state is Outbound.QUEUED


async def test_the_log_says_who_was_suspended_and_keeps_the_reason_to_itself(office):
    node = office.node
    before = node.store.read_sync(lambda uow: uow.log_view.overview()).size
    stop(node)
    entry = node.store.read_sync(lambda uow: uow.log_view.entry_at(before))
    assert entry.more["target"] == f"suspended:{SAECKINGEN}"
    assert WHY not in json.dumps(dict(entry.more))


# ---- Keys ------------------------------------------------------------------------------


async def test_both_ends_read_the_same_words_of_a_key(office):
    directory = office.node.office.directory()
    clerk = await office.enter(CLERK)
    for member in (WEHR, SAECKINGEN):
        raw = directory.member(member).sig[-1].key.raw
        page = words(await clerk.get(f"/directory/{member}"))
        assert words_of(raw) in page
        assert "neuen Schlüssel" not in page


async def test_a_key_that_came_later_is_new_for_seven_days(office):
    node = office.node
    directory = node.office.directory()
    (first,) = directory.holdings.records[SAECKINGEN]
    known = replace(
        first,
        record=replace(first.record, sig=directory.member(WEHR).sig),
        first_seen_at=first.first_seen_at - timedelta(days=100),
    )
    directory.holdings.records[SAECKINGEN] = (known, first)
    try:
        clerk = await office.enter(CLERK)
        for days, is_new in ((0, True), (6, True), (7, False)):
            office.clock.offset = timedelta(days=days, minutes=5)
            body = node.store.read_sync(one_body, node.office, SAECKINGEN)
            assert body.key.is_new is is_new
            assert body.key.since == first.first_seen_at
        office.clock.offset = timedelta()
        assert "mit einem neuen Schlüssel" in words(await clerk.get(BODY))
        assert timedelta(days=7) == ASK_ABOUT_NEW
    finally:
        directory.holdings.records[SAECKINGEN] = (first,)
