"""A program inside one caseload: it sees no more than its caseworker, and writes once."""

import asyncio
import json
import re
from dataclasses import replace
from datetime import date, timedelta

import pytest
import pytest_asyncio

from node.accounts.model import Role, Scope
from node.accounts.policy import Actor
from node.api.gate import FAILURES_PER_ADDRESS, PACE
from node.api.operations import BASE, OPERATIONS
from node.cases.model import Baton
from node.casework.cases import new_record, save_record
from node.casework.cases import open_case as open_new_case
from node.casework.staff import TokenWish, issue_token
from node.errors import InputError
from node.ids import AccountId
from tests.support.office import LEADER, open_office
from tests.support.pair import CLERK, SAECKINGEN, open_case

pytestmark = pytest.mark.asyncio(loop_scope="module")
CASES, CONTACTS = "/api/v1/cases", "/api/v1/contacts"
OTHER = Actor(AccountId("07e4" * 8), frozenset({Role.CASEWORKER}))
ABSENT = "0" * 32


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def opened(tmp_path_factory):
    async with open_office(tmp_path_factory.mktemp("office")) as office:
        office.hire(OTHER, "Demo-Kollegin")
        yield office


@pytest.fixture
def office(opened):
    opened.clock.offset += PACE
    return opened


@pytest.fixture
def token(office):
    return office.token_for(CLERK, Scope.CASES_READ, Scope.CONTACTS_WRITE)


def told(answer):
    return json.loads(answer.body)


def problem(answer):
    assert answer.headers["Content-Type"] == "application/problem+json"
    return answer.status, told(answer)["code"]


def contact(case, **changes):
    asked = {
        "case": case,
        "date": "2026-11-20",
        "form": "phone",
        "kind": "talk",
        "topics": ["04.1"],
        "minutes": 15,
        "note": "Rückruf vereinbart",
    }
    return asked | changes


async def tag(office, token, case):
    return (await office.call("GET", f"{CASES}/{case}", token=token)).headers["ETag"]


async def send(office, token, body, match, key="k-1"):
    headers = {"Idempotency-Key": key}
    if match is not None:
        headers["If-Match"] = match
    return await office.call("POST", CONTACTS, token=token, body=body, headers=headers)


def contacts_of(office, case):
    read = office.node.store.read_sync
    return read(lambda uow: uow.cases.content(case).of("contact"))


def change_file(office, case, **changes):
    def change(uow):
        with uow:
            file = uow.cases.file(case)
            uow.cases.replace(file, replace(file, **changes))
            uow.commit()

    office.node.store.write_sync(change)


# ---- What it sees ----------------------------------------------------------------------


@pytest.mark.spec("DO-39", "SR-B11")
async def test_a_program_reads_a_case_of_its_caseworker_and_the_look_is_written_down(
    office, token
):
    case = open_case(office.node, "Demo-Weide")
    answer = await office.call("GET", f"{CASES}/{case}", token=token)
    assert answer.status == 200
    assert told(answer)["family_name"] == "Demo-Weide"
    # No address, no note, no goal: what a calendar needs.
    assert b"Bewerbung" not in answer.body
    looks = office.node.store.read_sync(lambda uow: uow.read_log.of_case(case))
    assert (looks[-1].account, looks[-1].action) == (CLERK.account, "api.case.read")


async def test_a_case_that_did_not_change_is_not_sent_again(office, token):
    case = open_case(office.node)
    known = await tag(office, token, case)
    headers = {"If-None-Match": known}
    again = await office.call("GET", f"{CASES}/{case}", token=token, headers=headers)
    assert (again.status, again.body) == (304, b"")


@pytest.mark.spec("DO-39")
async def test_the_list_holds_the_own_caseload_alone_page_by_page(office, token):
    own = {open_case(office.node, f"Demo-{n}") for n in range(3)}
    person = {"family_name": "Demo-Fremd", "given_names": "X"}
    office.node.store.write_sync(open_new_case, office.node.office, person, by=OTHER)
    found, after = [], ""
    while True:
        page = await office.call("GET", f"{CASES}?limit=2{after}", token=token)
        assert len(told(page)["cases"]) <= 2
        found += told(page)["cases"]
        if told(page)["next"] is None:
            break
        office.clock.offset += PACE
        after = f"&after={told(page)['next']}"
    numbers = [line["id"] for line in found]
    assert numbers == sorted(set(numbers))
    assert own <= set(numbers)
    assert "Demo-Fremd" not in {line["family_name"] for line in found}


@pytest.mark.spec("DO-39", "SR-B9")
async def test_what_is_not_for_the_program_is_absent_in_one_way(office, token):
    node = office.node
    foreign = node.store.write_sync(
        open_new_case, node.office, {"family_name": "Demo-Fremd"}, by=OTHER
    )
    gone = open_case(node)
    change_file(office, gone, baton=Baton.HANDED_OVER, handed_to=SAECKINGEN)
    locked = open_case(node)
    change_file(office, locked, restricted_on=date(2026, 11, 1))
    hidden = []
    for flag in ("threatened", "address_blocked"):
        case = open_case(node)
        made = new_record(
            node.office, case, "protection", {"protection": flag}, by=CLERK.account
        )
        node.store.write_sync(save_record, node.office, made, epoch=1, by=CLERK)
        hidden.append(case)
    absent = (foreign, gone, locked, *hidden, ABSENT, "x", "%00")
    answers = [await office.call("GET", f"{CASES}/{n}", token=token) for n in absent]
    assert {problem(answer) for answer in answers} == {(404, "not-found")}
    for number, case in enumerate((foreign, gone, locked, *hidden)):
        answer = await send(office, token, contact(case), '"1.3"', f"n-{number}")
        assert problem(answer) == (404, "not-found")
    listed = told(await office.call("GET", CASES, token=token))["cases"]
    assert not {line["id"] for line in listed} & set(absent)


@pytest.mark.parametrize(
    "query",
    [
        "limit=0", "limit=101", "limit=x", "limit=1&limit=2", "after=", "name=Demo",
        "after=AAAAAAAAAAAAAAAAAAAAA", "after=AAAAAAAAAAAAAAAAAAAAAB", "after=%C3%BC",
    ],
)  # fmt: skip
async def test_a_query_of_another_form_is_refused(office, token, query):
    answer = await office.call("GET", f"{CASES}?{query}", token=token)
    assert problem(answer) == (400, "query")


# ---- Whose token it is -----------------------------------------------------------------


@pytest.mark.spec("DO-39")
@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda o: o.name)
async def test_each_operation_is_open_to_its_scope_and_to_no_other(office, operation):
    path = BASE + re.sub(r"{\w+}", ABSENT, operation.path)
    for scope in Scope:
        office.clock.offset += PACE
        of_one = scope in {Scope.CASES_READ, Scope.CONTACTS_WRITE}
        made = office.token_for(CLERK, scope) if of_one else office.token(scope)
        body = {} if operation.method == "POST" else None
        answer = await office.call(operation.method, path, token=made, body=body)
        is_refused = answer.status == 403
        assert is_refused == (scope is not operation.scope), (operation.name, scope)


@pytest.mark.spec("DO-39", "DO-40")
async def test_nobody_makes_a_token_of_a_caseload_for_themselves(office):
    for scope in (Scope.CASES_READ, Scope.CONTACTS_WRITE):
        wish = TokenWish(
            "x", frozenset({scope}), office.clock.now() + timedelta(days=1)
        )
        with pytest.raises(InputError):
            office.node.store.write_sync(issue_token, wish, bytes(32), by=LEADER)


@pytest.mark.spec("DO-39")
async def test_a_token_ends_with_the_work_of_its_caseworker(office):
    made = office.token_for(OTHER, Scope.CASES_READ)
    assert (await office.call("GET", CASES, token=made)).status == 200

    def change(uow, roles):
        with uow:
            account = uow.accounts.get(OTHER.account)
            uow.accounts.replace(replace(account, roles=roles))
            uow.commit()

    change_to = office.node.store.write_sync
    change_to(change, frozenset({Role.APPROVER}))
    assert problem(await office.call("GET", CASES, token=made)) == (401, "token")
    change_to(change, OTHER.roles)
    assert (await office.call("GET", CASES, token=made)).status == 200


# ---- What it records -------------------------------------------------------------------


@pytest.mark.spec("DO-39", "FR-6")
async def test_a_contact_is_recorded_under_the_caseworkers_name(office, token):
    case = open_case(office.node)
    seen = await tag(office, token, case)
    answer = await send(office, token, contact(case), seen, "c-1")
    assert answer.status == 201
    entry = contacts_of(office, case)[-1]
    assert (str(entry.id), entry.recorded_by) == (told(answer)["id"], CLERK.account)
    assert entry.text("note") == "Rückruf vereinbart"
    assert answer.headers["ETag"] == await tag(office, token, case) != seen


@pytest.mark.spec("SR-F7")
async def test_the_same_contact_again_is_one_entry_and_one_answer(office, token):
    case = open_case(office.node)
    seen, body = await tag(office, token, case), contact(case)
    answers = await asyncio.gather(
        *(send(office, token, body, seen, "c-2") for _ in range(4))
    )
    later = await send(office, token, body, seen, "c-2")
    assert {a.status for a in answers} <= {200, 201}
    assert later.status == 200
    assert len({a.body for a in (*answers, later)}) == 1
    assert len(contacts_of(office, case)) == 2


@pytest.mark.spec("SR-F7")
async def test_one_key_with_another_contact_is_a_conflict(office, token):
    case = open_case(office.node)
    await send(office, token, contact(case), await tag(office, token, case), "c-3")
    other = contact(case, minutes=30)
    answer = await send(office, token, other, await tag(office, token, case), "c-3")
    assert problem(answer) == (409, "id-conflict")
    assert len(contacts_of(office, case)) == 2


async def test_an_answer_stays_the_same_after_the_case_went_elsewhere(office, token):
    case = open_case(office.node)
    seen = await tag(office, token, case)
    first = await send(office, token, contact(case), seen, "c-4")
    change_file(office, case, baton=Baton.HANDED_OVER, handed_to=SAECKINGEN)
    again = await send(office, token, contact(case), seen, "c-4")
    assert (again.status, again.body) == (200, first.body)
    assert "ETag" not in again.headers


@pytest.mark.spec("HO-4")
@pytest.mark.parametrize(
    ("match", "expected"),
    [
        (None, (428, "match-missing")),
        ("*", (412, "match")),
        ('"1.1"', (412, "match")),
        ('"2.2"', (412, "match")),
        ("1.2", (412, "match")),
        ('W/"1.2"', (412, "match")),
        ('"1.2", "1.3"', (412, "match")),
    ],
)
async def test_without_the_case_as_it_is_nothing_is_recorded(
    office, token, match, expected
):
    case = open_case(office.node)
    answer = await send(office, token, contact(case), match)
    assert problem(answer) == expected
    assert len(contacts_of(office, case)) == 1


@pytest.mark.spec("HO-4")
async def test_a_case_that_changed_since_the_program_looked_is_not_written(
    office, token
):
    case = open_case(office.node)
    seen = await tag(office, token, case)
    node = office.node
    made = new_record(node.office, case, "follow_up", {"due": "2026-12-01"}, by=None)
    node.store.write_sync(save_record, node.office, made, epoch=1, by=CLERK)
    assert problem(await send(office, token, contact(case), seen)) == (412, "match")
    # The key is not used up: read again, send again.
    fresh = await tag(office, token, case)
    assert (await send(office, token, contact(case), fresh)).status == 201


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"case": "x"}, "/case"),
        ({"date": "20.11.2026"}, "/date"),
        ({"date": "2999-01-01"}, "/date"),
        ({"form": "carrier_pigeon"}, "/form"),
        ({"kind": "chat"}, "/kind"),
        ({"topics": []}, "/topics"),
        ({"topics": ["Miete"]}, "/topics/0"),
        ({"minutes": 0}, "/minutes"),
        ({"minutes": "15"}, "/minutes"),
        ({"minutes": 601}, "/minutes"),
        ({"note": "x" * 2001}, "/note"),
        ({"caseworker": "Ahmadi"}, ""),
    ],
)
async def test_a_wrong_member_is_named_and_never_echoed(office, token, change, pointer):
    answer = await send(office, token, contact(ABSENT) | change, '"1.1"')
    assert problem(answer) == (422, "input")
    assert pointer in {fault["pointer"] for fault in told(answer)["errors"]}
    assert b"Ahmadi" not in answer.body
    assert b"pigeon" not in answer.body


async def test_reading_alone_does_not_record_and_recording_alone_does_not_read(office):
    case = open_case(office.node)
    reads = office.token_for(CLERK, Scope.CASES_READ)
    writes = office.token_for(CLERK, Scope.CONTACTS_WRITE)
    assert problem(await send(office, reads, contact(case), '"1.2"'))[0] == 403
    assert problem(await office.call("GET", f"{CASES}/{case}", token=writes))[0] == 403


# ---- The status ------------------------------------------------------------------------


async def test_the_status_tells_checks_by_code_and_nobody(office):
    made = office.token(Scope.METRICS_READ)
    answer = await office.call("GET", "/api/v1/status", token=made)
    assert answer.status == 200
    assert {"check": "backup", "level": "fault"} in told(answer)["checks"]
    assert told(answer)["ready"] is False
    assert b"Stadt" not in answer.body


async def test_a_guessing_address_waits_here_too(office, token):
    for _ in range(FAILURES_PER_ADDRESS):
        assert problem(await office.call("GET", CASES))[0] == 401
    assert problem(await office.call("GET", CASES, token=token)) == (429, "rate")
