"""S14: what two administrators decide, deputies with dates, the caseload of a leaver."""

import re
import secrets
from datetime import timedelta

import pytest
import pytest_asyncio

from node.accounts.changes import CHANGE_LIFE, ChangeKind
from node.accounts.model import Deputyship, Role
from node.accounts.policy import Actor
from node.casework import deputies, staffchanges
from node.casework.cases import own_case
from node.errors import ConflictError, ForbiddenError, InputError, NotFoundError
from node.ids import AccountId, Hex128
from node.web.pages.deputies import number_of
from tests.support.browser_by_hand import Browser, words
from tests.support.office import AUDITOR, LEADER, open_office
from tests.support.pair import APPROVER, CLERK, open_case
from tests.support.waysin import set_up, somebody

pytestmark = pytest.mark.asyncio(loop_scope="module")
SECOND_LEADER = Actor(AccountId("1eaf" * 8), frozenset({Role.ADMINISTRATOR}))
OTHER_CLERK = Actor(AccountId("c1" * 16), frozenset({Role.CASEWORKER}))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def opened(tmp_path_factory):
    async with open_office(tmp_path_factory.mktemp("office")) as office:
        for actor, name in (
            (SECOND_LEADER, "Demo-Zweite"),
            (OTHER_CLERK, "Demo-Carla"),
        ):
            office.hire(actor, name, name)
        yield office


def today(office):
    return office.clock.now().date()


def account(office, number):
    return office.node.store.read_sync(lambda uow: uow.accounts.get(number))


# ---- Four eyes -------------------------------------------------------------------------


async def asked(office, person, *, roles="auditor"):
    """One administrator asked for new roles; the address of the change."""
    first = await office.enter(LEADER)
    page = await first.get(f"/accounts/{person.id}/roles")
    answer = await first.post(
        f"/accounts/{person.id}/roles", page.form_token, roles=roles
    )
    assert answer.status == 303, words(answer)
    return first, newest(office)


def newest(office):
    long_ago = office.clock.now() - timedelta(days=30)
    return office.node.store.read_sync(lambda uow: uow.changes.since(long_ago))[0].id


@pytest.mark.spec("SC-33", "SR-B7", "DO-39")
async def test_roles_change_when_a_second_administrator_has_seen_the_same(office):
    person = await somebody(office, f"r{secrets.token_hex(3)}")
    inside = Browser(office.client)
    await person.enter(inside, person.code(1))
    first, change = await asked(office, person.account)
    mine = await first.get(f"/accounts/changes/{change}")
    assert "Das haben Sie selbst beantragt" in words(mine)
    assert f'action="/accounts/changes/{change}"' not in mine.text
    assert account(office, person.account.id).roles == {Role.APPROVER}
    second = await office.enter(SECOND_LEADER)
    theirs = await second.get(f"/accounts/changes/{change}")
    facts = words(mine).split("Für wen")[1].split("Das haben Sie")[0]
    assert facts in words(theirs)
    done = await second.post(f"/accounts/changes/{change}", theirs.form_token)
    assert done.status == 303
    assert account(office, person.account.id).roles == {Role.AUDITOR}
    # A new id at a change of roles (SR-B2).
    assert (await inside.get("/accounts/me")).status == 303


@pytest.mark.spec("SC-33")
async def test_nobody_is_their_own_second_person(office):
    person = await somebody(office, f"r{secrets.token_hex(3)}")
    first, change = await asked(office, person.account)
    page = await first.get("/accounts/changes")
    answer = await first.post(f"/accounts/changes/{change}", page.form_token)
    assert answer.status == 403
    assert account(office, person.account.id).roles == {Role.APPROVER}


@pytest.mark.spec("SC-33")
async def test_after_seven_days_a_change_has_lapsed(office):
    person = await somebody(office, f"r{secrets.token_hex(3)}")
    _, change = await asked(office, person.account)
    office.clock.offset = CHANGE_LIFE
    second = await office.enter(SECOND_LEADER)
    page = await second.get("/accounts/changes")
    assert person.account.name not in words(page)
    assert (await second.get(f"/accounts/changes/{change}")).status == 404
    answer = await second.post(
        f"/accounts/changes/{change}", (await second.get("/accounts/new")).form_token
    )
    assert answer.status == 404


@pytest.mark.spec("SC-33")
async def test_what_looks_otherwise_by_now_is_not_confirmed(office):
    person = await somebody(office, f"r{secrets.token_hex(3)}")
    _, change = await asked(office, person.account)
    office.node.store.write_sync(end_password, person.account.id)
    second = await office.enter(SECOND_LEADER)
    page = await second.get(f"/accounts/changes/{change}")
    assert "hat sich inzwischen geändert" in words(page)
    token = (await second.get("/accounts/new")).form_token
    answer = await second.post(f"/accounts/changes/{change}", token)
    assert answer.status == 409
    assert account(office, person.account.id).roles == {Role.APPROVER}


def end_password(uow, number):
    with uow:
        uow.ways.end_password(number)
        uow.commit()


@pytest.mark.spec("SC-33", "SR-B6")
async def test_two_administrators_reset_the_ways_in_and_a_new_link_is_shown_once(
    office,
):
    person = await somebody(office, f"r{secrets.token_hex(3)}")
    first = await office.enter(LEADER)
    page = await first.get(f"/accounts/{person.account.id}/reset")
    asked_for = await first.post(
        f"/accounts/{person.account.id}/reset", page.form_token
    )
    assert asked_for.status == 303
    # Nothing has happened yet.
    assert (await person.enter(Browser(office.client), person.code(1))).status == 303
    change = newest(office)
    second = await office.enter(SECOND_LEADER)
    page = await second.get(f"/accounts/changes/{change}")
    done = await second.post(f"/accounts/changes/{change}", page.form_token)
    link = done.text.split("/setup/")[1][:43]
    assert (await person.first_step(Browser(office.client))).status == 422
    again, _ = await set_up(office, link)
    assert again.status == 200
    assert link not in (await second.get("/accounts/changes")).text


@pytest.mark.spec("SC-33")
async def test_an_approver_may_be_the_second_person_and_is_told(office):
    person = await somebody(office, f"r{secrets.token_hex(3)}")
    _, change = await asked(office, person.account)
    second = await office.enter(APPROVER)
    told = words(await second.get("/inbox"))
    assert re.search("warte[tn] auf Sie als zweite Person", told)
    page = await second.get(f"/accounts/changes/{change}")
    done = await second.post(f"/accounts/changes/{change}", page.form_token)
    assert done.status == 303
    assert account(office, person.account.id).roles == {Role.AUDITOR}
    wish = staffchanges.Wish(Hex128.of(bytes(16)), CLERK.account, ChangeKind.WAYS)
    with pytest.raises(ForbiddenError):
        office.node.store.write_sync(
            staffchanges.ask, wish, office.clock.now(), by=APPROVER
        )


@pytest.mark.spec("SC-33")
async def test_nobody_confirms_a_change_of_the_own_account(office):
    wish = staffchanges.Wish(
        Hex128.of(secrets.token_bytes(16)), APPROVER.account, ChangeKind.WAYS
    )
    change = office.node.store.write_sync(
        staffchanges.ask, wish, office.clock.now(), by=LEADER
    )
    browser = await office.enter(APPROVER)
    page = await browser.get(f"/accounts/changes/{change.id}")
    assert "Es geht um Ihren eigenen Zugang" in words(page)
    token = (await browser.get("/accounts/me")).form_token
    answer = await browser.post(f"/accounts/changes/{change.id}", token)
    assert answer.status == 403


@pytest.mark.parametrize("actor", [CLERK, AUDITOR, Actor(is_operator=True)])
async def test_no_other_role_asks_or_confirms(office, actor):
    write, at = office.node.store.write_sync, office.clock.now()
    wish = staffchanges.Wish(Hex128.of(bytes(16)), CLERK.account, ChangeKind.WAYS)
    with pytest.raises(ForbiddenError):
        write(staffchanges.ask, wish, at, by=actor)
    with pytest.raises(ForbiddenError):
        office.node.store.read_sync(staffchanges.waiting, at, by=actor)


@pytest.mark.spec("SC-65", "DO-39")
@pytest.mark.parametrize(
    ("wish", "reason"),
    [
        ({"account": LEADER.account, "kind": ChangeKind.WAYS}, "same_person"),
        ({"roles": frozenset({Role.CASEWORKER})}, "same"),
        ({"roles": frozenset({Role.CASEWORKER, Role.AUDITOR})}, "excluded"),
        ({"roles": frozenset({Role.ADMINISTRATOR, Role.APPROVER})}, "excluded"),
        ({"roles": frozenset()}, "missing"),
        (
            {
                "account": SECOND_LEADER.account,
                "roles": frozenset({Role.AUDITOR}),
            },
            "last_administrator",
        ),
    ],
)
async def test_what_must_not_be_cannot_be_asked_for(office, wish, reason):
    made = staffchanges.Wish(
        **{
            "id": Hex128.of(secrets.token_bytes(16)),
            "account": CLERK.account,
            "kind": ChangeKind.ROLES,
            **wish,
        }
    )
    with pytest.raises(InputError, match=reason):
        office.node.store.write_sync(
            staffchanges.ask, made, office.clock.now(), by=LEADER
        )


@pytest.mark.spec("SC-65")
async def test_pairs_that_exclude_each_other_are_not_offered_and_the_page_says_why(
    office,
):
    browser = await office.enter(LEADER)
    for path in ("/accounts/new", f"/accounts/{CLERK.account}/roles"):
        page = await browser.get(path)
        assert "Wer prüft, darf nicht handeln" in words(page)
    answer = await browser.post(
        f"/accounts/{CLERK.account}/roles", page.form_token, roles="caseworker,auditor"
    )
    assert answer.status == 422


async def test_a_change_that_was_confirmed_is_not_confirmed_again(office):
    person = await somebody(office, f"r{secrets.token_hex(3)}")
    _, change = await asked(office, person.account)

    def twice(uow):
        with uow:
            uow.changes.confirm(change, SECOND_LEADER.account, office.clock.now())
            with pytest.raises(ConflictError):
                uow.changes.confirm(change, SECOND_LEADER.account, office.clock.now())

    office.node.store.write_sync(twice)


# ---- Deputies --------------------------------------------------------------------------


def deputise(office, *, first=0, last=0, owner=CLERK, by=CLERK):
    day = today(office)
    wish = Deputyship(
        owner.account,
        OTHER_CLERK.account,
        day + timedelta(days=first),
        day + timedelta(days=last),
    )
    office.node.store.write_sync(deputies.set_deputy, wish, day, by=by)
    return wish


def end(office, wish):
    office.node.store.write_sync(deputies.end_deputy, wish, by=LEADER)


@pytest.mark.spec("DO-39")
async def test_a_deputy_sees_and_edits_the_cases_during_these_days_only(office):
    case = open_case(office.node, "Demo-Vertretung")
    browser = await office.enter(OTHER_CLERK)
    assert (await browser.get(f"/cases/{case}")).status == 404
    wish = deputise(office, first=1, last=2)
    assert (await browser.get(f"/cases/{case}")).status == 404
    end(office, wish)
    wish = deputise(office)
    page = await browser.get(f"/cases/{case}")
    assert page.status == 200
    assert f"/contacts/new?case={case}" in page.text
    assert "Demo-Vertretung" in (await browser.get("/cases")).text
    # As long as the day lasts, and without anybody's doing no longer.
    office.clock.offset = timedelta(days=1)
    browser = await office.enter(OTHER_CLERK)
    assert (await browser.get(f"/cases/{case}")).status == 404
    office.clock.offset = timedelta()
    end(office, wish)
    browser = await office.enter(OTHER_CLERK)
    assert (await browser.get(f"/cases/{case}")).status == 404


@pytest.mark.spec("DO-39")
async def test_a_caseworker_speaks_of_the_own_absence_only(office):
    with pytest.raises(ForbiddenError):
        deputise(office, owner=CLERK, by=OTHER_CLERK)
    for by in (APPROVER, LEADER):
        end(office, deputise(office, by=by))
    with pytest.raises(ForbiddenError):
        deputise(office, by=AUDITOR)
    browser = await office.enter(OTHER_CLERK)
    page = await browser.get("/deputies")
    day = today(office).isoformat()
    # What the page does not offer: somebody else as the absent one.
    answer = await browser.post(
        "/deputies",
        page.form_token,
        owner=str(CLERK.account),
        deputy=str(OTHER_CLERK.account),
        first_day=day,
        last_day=day,
    )
    assert answer.status == 422
    assert "jemand anderen" in words(answer)


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"deputy": ""}, "deputy"),
        ({"deputy": str(APPROVER.account)}, "deputy"),
        ({"deputy": "f" * 32}, "deputy"),
        ({"first_day": "morgen"}, "first_day"),
        ({"last_day": ""}, "last_day"),
        ({"last_day": "2020-01-01", "first_day": "2020-01-01"}, "last_day"),
    ],
)
async def test_a_wrong_absence_is_named_at_its_field(office, fields, field):
    browser = await office.enter(CLERK)
    page = await browser.get("/deputies")
    day = today(office).isoformat()
    sent = {"deputy": str(OTHER_CLERK.account), "first_day": day, "last_day": day}
    answer = await browser.post("/deputies", page.form_token, **{**sent, **fields})
    assert answer.status == 422
    assert f'href="#f-{field}"' in answer.text


async def test_an_absence_is_entered_and_ended_on_its_page(office):
    browser = await office.enter(CLERK)
    page = await browser.get("/deputies")
    day = today(office)
    shown = f"{day.day}.{day.month}.{day.year}"
    done = await browser.post(
        "/deputies",
        page.form_token,
        deputy=str(OTHER_CLERK.account),
        first_day=shown,
        last_day=shown,
    )
    assert done.status == 303
    page = await browser.get("/deputies")
    assert "läuft" in words(page)
    await browser.post(
        "/deputies/end",
        page.form_token,
        owner=str(CLERK.account),
        deputy=str(OTHER_CLERK.account),
        first_day=day.isoformat(),
    )
    assert "Niemand vertritt jemanden" in words(await browser.get("/deputies"))


# ---- The caseload of a leaver ----------------------------------------------------------


@pytest.mark.spec("DO-40", "SR-B8")
@pytest.mark.parametrize("actor", [LEADER, APPROVER])
async def test_a_caseload_goes_to_another_desk_by_number(office, actor):
    case = open_case(office.node, "Demo-Erbstueck")
    browser = await office.enter(actor)
    at = f"/accounts/{CLERK.account}/caseload"
    page = await browser.get(at)
    assert number_of(case) in page.text
    assert "Erbstueck" not in page.text
    assert "Amina" not in page.text
    done = await browser.post(
        at, page.form_token, to=str(OTHER_CLERK.account), cases=str(case)
    )
    assert done.status == 303
    read = office.node.store.read_sync
    assert read(own_case, OTHER_CLERK, case, "case.read").caseworker == (
        OTHER_CLERK.account
    )
    with pytest.raises(NotFoundError):
        read(own_case, CLERK, case, "case.read")
    # Sent again: it is no longer there, and stays where it is.
    again = await browser.post(
        at, page.form_token, to=str(OTHER_CLERK.account), cases=str(case)
    )
    assert again.status == 303


@pytest.mark.parametrize(
    ("to", "chosen"),
    [("", True), (str(APPROVER.account), True), (str(CLERK.account), True),
     (str(OTHER_CLERK.account), False), ("f" * 32, True)],
)  # fmt: skip
async def test_a_caseload_goes_to_no_desk_that_is_none(office, to, chosen):
    case = open_case(office.node, "Demo-Bleibt")
    browser = await office.enter(LEADER)
    at = f"/accounts/{CLERK.account}/caseload"
    page = await browser.get(at)
    fields = {"to": to} | ({"cases": str(case)} if chosen else {})
    assert (await browser.post(at, page.form_token, **fields)).status == 422
    file = office.node.store.read_sync(own_case, CLERK, case, "case.read")
    assert file.caseworker == CLERK.account


@pytest.mark.spec("DO-39")
async def test_a_caseworker_hands_over_nobodys_caseload(office):
    case = open_case(office.node, "Demo-Fremd")
    wish = deputies.HandOver(CLERK.account, OTHER_CLERK.account, frozenset({case}))
    for actor in (CLERK, OTHER_CLERK, AUDITOR):
        with pytest.raises(ForbiddenError):
            office.node.store.write_sync(
                deputies.hand_over, wish, today(office), by=actor
            )
