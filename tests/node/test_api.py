"""The town's own software before a real node: tokens, strictness, repetition, the document."""

import asyncio
import gzip
import json
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from yarl import URL

from node.accounts.model import Bearer, Scope
from node.api.app import DOCUMENT
from node.api.gate import FAILURES_PER_ADDRESS, PACE, REQUESTS_PER_TOKEN, Pace
from node.api.openapi import document
from node.api.operations import BASE, OPERATIONS
from node.api.problem import TABLE
from node.bootstrap import own_hands
from node.cases.model import Baton
from node.cases.relocation import Source
from node.casework.cases import new_record, save_record
from node.casework.cases import open_case as open_new_case
from node.casework.relocations import Move, record_relocation
from node.ids import RecordId, TransferId
from node.sync.limits import CASES_PER_TRANSFER, JSON_BODY_BYTES
from node.sync.transfer import Outbound
from node.trust.places import shipped_places
from tests.support.office import open_office
from tests.support.pair import (
    AGS,
    CLERK,
    SAECKINGEN,
    WEHR,
    found_pair,
    open_case,
)

PATH = "/api/v1/relocations"
ABSENT = "0" * 32


# One office for the whole module: every test has cases and a token of its own.
pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture
def office(opened):
    opened.clock.offset += PACE
    return opened


@pytest.fixture
def token(office):
    return office.token(Scope.RELOCATIONS_WRITE)


def move(*cases, **changes):
    asked = {"cases": list(cases), "ags": AGS[SAECKINGEN], "move_on": "2026-12-01"}
    return asked | changes


def problem(answer):
    assert answer.headers["Content-Type"] == "application/problem+json"
    told = json.loads(answer.body)
    assert told["status"] == answer.status
    assert told["type"] == f"/api/v1/problems/{told['code']}"
    assert len(told["trace"]) == 10
    return answer.status, told["code"]


def held(office, case):
    """The transfers of a case that wait for the gate."""
    found = office.node.store.read_sync(lambda uow: uow.outbound.of_case(case))
    return [transfer for transfer in found if transfer.state is Outbound.HELD]


# ---- What it does ----------------------------------------------------------------------


@pytest.mark.spec("FR-25", "FR-27")
async def test_a_register_message_prepares_a_transfer_that_is_held(office, token):
    case = open_case(office.node)
    answer = await office.call("POST", PATH, token=token, body=move(case))
    told = json.loads(answer.body)
    assert answer.status == 201
    assert told["routing"] == "routed"
    assert (told["recipient"], told["cases"]) == (SAECKINGEN, [case])
    transfer = office.node.store.read_sync(
        lambda uow: uow.outbound.get(TransferId(told["transfer"]))
    )
    assert (transfer.state, transfer.policy) == (Outbound.HELD, "auto")
    assert transfer.created_by is None
    shown = await office.call("GET", answer.headers["Location"], token=token)
    assert (shown.status, json.loads(shown.body)) == (200, told)


@pytest.mark.spec("FR-25", "SR-F7")
async def test_the_same_request_again_gives_the_same_answer_and_nothing_twice(
    office, token
):
    case = open_case(office.node)
    key = {"Idempotency-Key": "melde-17"}
    first = await office.call("POST", PATH, token=token, body=move(case), headers=key)
    # Another spelling of the same JSON is the same request.
    spaced = json.dumps(move(case), indent=2, sort_keys=True).encode()
    again = await office.call("POST", PATH, token=token, raw=spaced, headers=key)
    assert (first.status, again.status) == (201, 200)
    assert first.body == again.body
    assert len(held(office, case)) == 1


async def test_the_same_request_twice_at_once_takes_effect_once(office, token):
    case = open_case(office.node)
    key = {"Idempotency-Key": "melde-18"}
    answers = await asyncio.gather(
        *(
            office.call("POST", PATH, token=token, body=move(case), headers=key)
            for _ in range(5)
        )
    )
    assert {answer.status for answer in answers} <= {200, 201}
    assert len({answer.body for answer in answers}) == 1
    assert len(held(office, case)) == 1


@pytest.mark.spec("SR-F7")
async def test_one_key_with_another_request_is_a_conflict(office, token):
    case = open_case(office.node)
    key = {"Idempotency-Key": "melde-17"}
    await office.call("POST", PATH, token=token, body=move(case), headers=key)
    other = move(case, move_on="2026-12-02")
    answer = await office.call("POST", PATH, token=token, body=other, headers=key)
    assert problem(answer) == (409, "id-conflict")


async def test_keys_of_two_programs_do_not_meet(office, token):
    key = {"Idempotency-Key": "melde-17"}
    one, two = open_case(office.node), open_case(office.node, "Demo-Esche")
    other = office.token(Scope.RELOCATIONS_WRITE)
    first = await office.call("POST", PATH, token=token, body=move(one), headers=key)
    second = await office.call("POST", PATH, token=other, body=move(two), headers=key)
    assert (first.status, second.status) == (201, 201)


async def test_with_household_everybody_who_lives_there_moves(office, token):
    home = RecordId("d" * 32)
    cases = [
        office.node.store.write_sync(
            open_new_case,
            office.node.office,
            {"family_name": "Demo-Birke", "given_names": name},
            by=CLERK,
            household=home,
        )
        for name in ("Aron", "Bilen")
    ]
    alone = await office.call("POST", PATH, token=token, body=move(cases[0]))
    assert json.loads(alone.body)["cases"] == [cases[0]]
    asked = move(cases[1], household=True)
    answer = await office.call("POST", PATH, token=token, body=asked)
    # The first one is on the way already, so the household cannot go as one.
    assert problem(answer) == (409, "relocation-running")


@pytest.mark.spec("FR-27")
async def test_an_unknown_place_is_recorded_and_routes_nowhere(office, token):
    case = open_case(office.node)
    asked = move(case, ags="08999999")
    answer = await office.call("POST", PATH, token=token, body=asked)
    told = json.loads(answer.body)
    assert answer.status == 201
    assert (told["routing"], told["transfer"]) == ("unknown_ags", None)


async def test_a_move_inside_the_own_area_prepares_nothing(office, token):
    case = open_case(office.node)
    answer = await office.call(
        "POST", PATH, token=token, body=move(case, ags=AGS[WEHR])
    )
    told = json.loads(answer.body)
    assert (told["routing"], told["transfer"]) == ("own_area", None)


async def test_a_town_that_confirms_gets_a_transfer_that_waits_for_a_person(tmp_path):
    folders = found_pair(tmp_path, own_hands())
    settings = folders[WEHR] / "node.toml"
    settings.write_text(settings.read_text() + 'delivery = "confirm"\n')
    async with open_office(tmp_path, folders=folders) as office:
        case = open_case(office.node)
        token = office.token(Scope.RELOCATIONS_WRITE)
        await office.call("POST", PATH, token=token, body=move(case))
        [transfer] = held(office, case)
        assert transfer.policy == "confirm"


def by_name(*persons, **changes):
    asked = {"persons": list(persons), "ags": AGS[SAECKINGEN], "move_on": "2026-12-01"}
    return asked | changes


def person(family, given="Amina", born="1990-05-04"):
    return {"family_name": family, "given_names": given, "birth_date": born}


@pytest.mark.spec("FR-25")
async def test_a_person_is_found_by_exactly_this_name_and_birth_date(office, token):
    case = open_case(office.node, "Demo-Wacholder")
    asked = by_name(person("Demo-Wacholder"))
    answer = await office.call("POST", PATH, token=token, body=asked)
    assert answer.status == 201
    assert json.loads(answer.body)["cases"] == [case]


@pytest.mark.parametrize(
    "wrong",
    [
        person("Demo-Wacholder2"),
        person("demo-eibe"),
        person("Demo-Eibe", "Aminah"),
        person("Demo-Eibe", born="1990-05-05"),
        person("Demo-Eibe", born="1990-04-05"),
    ],
)
async def test_a_near_spelling_or_another_day_finds_nobody(office, token, wrong):
    open_case(office.node, "Demo-Eibe")
    answer = await office.call("POST", PATH, token=token, body=by_name(wrong))
    assert problem(answer) == (422, "input")
    assert json.loads(answer.body)["errors"] == [
        {"pointer": "/persons/0", "code": "not_found"}
    ]
    assert wrong["family_name"].encode() not in answer.body


async def test_two_people_of_one_name_and_day_are_never_guessed(office, token):
    for _ in range(2):
        open_case(office.node, "Demo-Zwilling")
    asked = by_name(person("Demo-Zwilling"))
    answer = await office.call("POST", PATH, token=token, body=asked)
    assert json.loads(answer.body)["errors"] == [
        {"pointer": "/persons/0", "code": "ambiguous"}
    ]


@pytest.mark.spec("FR-16")
async def test_somebody_who_is_threatened_is_found_by_no_program(office, token):
    case = open_case(office.node, "Demo-Mispel")
    flag = new_record(
        office.node.office,
        case,
        "protection",
        {"protection": "threatened"},
        by=CLERK.account,
    )
    office.node.store.write_sync(
        save_record, office.node.office, flag, epoch=1, by=CLERK
    )
    asked = by_name(person("Demo-Mispel"))
    answer = await office.call("POST", PATH, token=token, body=asked)
    assert json.loads(answer.body)["errors"] == [
        {"pointer": "/persons/0", "code": "not_found"}
    ]


@pytest.mark.parametrize("both", [True, False])
async def test_persons_come_by_number_or_by_name_but_one_of_both(office, token, both):
    asked = {"ags": AGS[SAECKINGEN], "move_on": "2026-12-01"}
    if both:
        asked |= {"cases": [ABSENT], "persons": [person("Demo-Eibe")]}
    answer = await office.call("POST", PATH, token=token, body=asked)
    assert json.loads(answer.body)["errors"] == [
        {"pointer": "", "code": "cases_or_persons"}
    ]


# ---- Who may ---------------------------------------------------------------------------


@pytest.mark.spec("SR-B11")
@pytest.mark.parametrize(
    "header",
    [
        {},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer short"},
        {"Authorization": f"Bearer {Bearer.of(bytes(32))}"},
        {"Authorization": f"Basic {Bearer.of(bytes(32))}"},
    ],
)
async def test_without_a_good_token_nothing_is_answered(office, header):
    for method, path in (("POST", PATH), ("GET", f"{PATH}/{ABSENT}")):
        answer = await office.call(method, path, headers=header)
        assert problem(answer) == (401, "token")
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.spec("SR-B11")
async def test_a_token_that_is_over_opens_nothing(office):
    token = office.token(Scope.RELOCATIONS_WRITE, days=0)
    answer = await office.call("POST", PATH, token=token, body=move(ABSENT))
    assert problem(answer) == (401, "token")


@pytest.mark.spec("SR-B11")
async def test_a_token_for_something_else_is_refused_before_anything_is_read(office):
    token = office.token(Scope.REPORTS_READ, Scope.METRICS_READ)
    answer = await office.call("POST", PATH, token=token, raw=b"{")
    assert problem(answer) == (403, "scope")


@pytest.mark.spec("SR-B11")
async def test_a_signed_in_browser_is_no_program(office):
    browser = await office.enter(CLERK)
    answer = await browser.get(f"{PATH}/{ABSENT}")
    assert problem(answer) == (401, "token")


@pytest.mark.spec("SR-B11")
async def test_no_answer_sets_a_cookie_and_every_answer_has_the_headers(office, token):
    for answer in (
        await office.call("GET", f"{PATH}/{ABSENT}", token=token),
        await office.call("GET", BASE + DOCUMENT),
        await office.call("GET", "/api/nowhere"),
    ):
        assert "Set-Cookie" not in answer.headers
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Cache-Control"] == "no-store"
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]


async def test_the_guards_of_the_pages_stay_with_the_pages(office, token):
    form = await office.call("POST", "/login", token=token, raw=b"{}")
    assert form.status == 403
    assert form.headers["Content-Type"].startswith("text/html")
    # No spelling of a page's address below /api/ reaches the page.
    for path in ("/api/login", "/api/%2E%2E/login", "/api//login", "/api"):
        url = URL(path, encoded=True)
        answer = await office.call("POST", url, token=token, raw=b"{}")
        assert problem(answer) == (404, "not-found"), path


@pytest.mark.spec("SR-B9")
async def test_what_a_caseworker_recorded_is_absent_for_programs(office, token):
    case = open_case(office.node)
    recorded = office.node.store.write_sync(
        record_relocation,
        office.node.office,
        Move((case,), AGS[SAECKINGEN], date(2026, 12, 1), Source.FORM),
        by=CLERK,
        places=shipped_places(),
    )
    answers = [
        await office.call("GET", f"{PATH}/{number}", token=token)
        for number in (recorded.id, ABSENT, "x", "%00")
    ]
    assert {problem(answer) for answer in answers} == {(404, "not-found")}


# ---- What is refused -------------------------------------------------------------------


@pytest.mark.spec("SR-P1")
@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'{"a":1,"a":2}',
        b'{"a":1.5}',
        b'{"a":NaN}',
        b'{"a":"\xff"}',
        b"\xef\xbb\xbf{}",
        b'{"a":' * 20 + b"1" + b"}" * 20,
    ],
)
async def test_what_is_not_one_strict_json_object_is_refused(office, token, raw):
    answer = await office.call("POST", PATH, token=token, raw=raw)
    assert problem(answer) == (400, "bad-syntax")


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"cases": []}, "/cases"),
        ({"cases": "0" * 32}, "/cases"),
        ({"cases": ["x"]}, "/cases/0"),
        ({"cases": [ABSENT, ABSENT]}, "/cases"),
        ({"cases": [f"{n:032x}" for n in range(CASES_PER_TRANSFER + 1)]}, "/cases"),
        ({"ags": "8337096"}, "/ags"),
        ({"ags": 8337096}, "/ags"),
        ({"ags": "99337096"}, "/ags"),
        ({"ags": "Bad Säckingen"}, "/ags"),
        ({"move_on": "01.12.2026"}, "/move_on"),
        ({"move_on": "2026-02-30"}, "/move_on"),
        ({"move_on": 1764547200}, "/move_on"),
        ({"household": "yes"}, "/household"),
        ({"household": 1}, "/household"),
        ({"surname": "Ahmadi"}, ""),
    ],
)
async def test_a_wrong_member_is_named_and_never_echoed(office, token, change, pointer):
    body = move(ABSENT) | change
    answer = await office.call("POST", PATH, token=token, body=body)
    assert problem(answer) == (422, "input")
    told = json.loads(answer.body)
    assert pointer in {fault["pointer"] for fault in told["errors"]}
    assert b"Ahmadi" not in answer.body
    assert b"surname" not in answer.body


@pytest.mark.parametrize("missing", ["ags", "move_on"])
async def test_a_missing_member_is_named(office, token, missing):
    body = move(ABSENT)
    del body[missing]
    answer = await office.call("POST", PATH, token=token, body=body)
    assert problem(answer) == (422, "input")
    assert json.loads(answer.body)["errors"] == [
        {"pointer": f"/{missing}", "code": "missing"}
    ]


async def test_a_case_that_was_never_here_is_absent(office, token):
    answer = await office.call("POST", PATH, token=token, body=move(ABSENT))
    assert problem(answer) == (404, "not-found")
    assert held(office, ABSENT) == []


async def test_a_case_on_its_way_is_not_moved_again(office, token):
    case = open_case(office.node)
    await office.call("POST", PATH, token=token, body=move(case))
    answer = await office.call("POST", PATH, token=token, body=move(case))
    assert problem(answer) == (409, "relocation-running")


@pytest.mark.spec("HO-4")
async def test_a_case_that_was_handed_over_is_not_moved(office, token):
    case = open_case(office.node)

    def hand_over(uow):
        with uow:
            file = uow.cases.file(case)
            gone = replace(file, baton=Baton.HANDED_OVER, handed_to=SAECKINGEN)
            uow.cases.replace(file, gone)
            uow.commit()

    office.node.store.write_sync(hand_over)
    answer = await office.call("POST", PATH, token=token, body=move(case))
    assert problem(answer) == (409, "stale-epoch")


@pytest.mark.parametrize("key", ["", "a b", "ü", "x" * 129, "a\tb"])
async def test_an_idempotency_key_of_another_form_is_refused(office, token, key):
    headers = {"Idempotency-Key": key}
    answer = await office.call(
        "POST", PATH, token=token, body=move(ABSENT), headers=headers
    )
    assert problem(answer) == (400, "idempotency-key")


async def test_a_body_over_the_limit_is_refused(office, token):
    for size in (JSON_BODY_BYTES + 1, 10 * JSON_BODY_BYTES):
        raw = b'{"a":"' + b"x" * size + b'"}'
        answer = await office.call("POST", PATH, token=token, raw=raw)
        assert problem(answer) == (413, "too-large")


async def test_a_body_over_the_limit_that_does_not_say_so_is_refused(office, token):
    async def chunks():
        for _ in range(20):
            yield b"x" * 10_000

    headers = {
        "Authorization": f"Bearer {token}",
        "Content-Type": "application/json",
        "Idempotency-Key": "k",
    }
    async with office.client.post(PATH, data=chunks(), headers=headers) as answer:
        assert answer.status == 413


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": "text/plain"},
        {"Content-Type": "application/x-www-form-urlencoded"},
        {"Content-Type": "application/json; charset=latin-1"},
        {"Content-Encoding": "gzip"},
    ],
)
async def test_another_media_type_or_coding_is_refused(office, token, headers):
    raw = json.dumps(move(ABSENT)).encode()
    if "Content-Encoding" in headers:
        raw = gzip.compress(raw)
    answer = await office.call("POST", PATH, token=token, raw=raw, headers=headers)
    assert problem(answer) == (415, "media-type")


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("PUT", PATH, (405, "method")),
        ("DELETE", f"{PATH}/{ABSENT}", (405, "method")),
        ("GET", "/api/v1/people", (404, "not-found")),
        ("GET", "/api/", (404, "not-found")),
    ],
)
async def test_other_methods_and_addresses_are_not_there(
    office, token, method, path, expected
):
    answer = await office.call(method, path, token=token)
    assert problem(answer) == expected
    assert ("Allow" in answer.headers) == (answer.status == 405)


async def test_who_calls_too_fast_must_wait(office, token):
    codes = [
        problem(await office.call("GET", f"{PATH}/{ABSENT}", token=token))
        for _ in range(REQUESTS_PER_TOKEN + 1)
    ]
    assert codes[-1] == (429, "rate")
    assert set(codes[:-1]) == {(404, "not-found")}


async def test_who_guesses_tokens_must_wait_also_with_a_good_one(office, token):
    for _ in range(FAILURES_PER_ADDRESS):
        assert problem(await office.call("GET", f"{PATH}/{ABSENT}"))[0] == 401
    answer = await office.call("GET", f"{PATH}/{ABSENT}", token=token)
    assert problem(answer) == (429, "rate")
    assert answer.headers["Retry-After"] == "2"


async def test_the_pace_forgets_the_oldest_subjects_and_stays_small():
    now, pace = datetime(2026, 1, 1, tzinfo=UTC), Pace(1)
    for number in range(3000):
        assert pace.count(b"%d" % number, now)
    assert not pace.count(b"2999", now)
    assert len(pace._seen) <= 1000


# ---- The document ----------------------------------------------------------------------


async def test_the_document_names_exactly_the_routes(office):
    answer = await office.call("GET", BASE + DOCUMENT)
    told = json.loads(answer.body)
    assert told == document(OPERATIONS)
    assert told["openapi"] == "3.1.0"
    promised = {
        (method.upper(), path)
        for path, item in told["paths"].items()
        for method in item
    }
    served = {
        (route.method, route.resource.canonical)
        for route in office.client.app.router.routes()
        if route.resource and route.resource.canonical.startswith(BASE)
    }
    sub = next(r for r in office.client.app.router.resources() if r.canonical == BASE)
    served |= {
        (route.method, route.resource.canonical) for route in sub if route.resource
    }
    served = {pair for pair in served if pair[0] != "HEAD"}
    assert served == promised | {("GET", BASE + DOCUMENT)}


async def test_every_promised_status_stands_in_the_problem_table():
    for item in document(OPERATIONS)["paths"].values():
        for operation in item.values():
            for status, answer in operation["responses"].items():
                if int(status) >= 400:
                    codes = answer["description"].split(", ")
                    assert {TABLE[code][0] for code in codes} == {int(status)}


async def test_every_reference_in_the_document_leads_somewhere():
    told = document(OPERATIONS)
    schemas = told["components"]["schemas"]

    def refs(value):
        if isinstance(value, dict):
            if "$ref" in value:
                yield value["$ref"]
            for item in value.values():
                yield from refs(item)
        elif isinstance(value, list):
            for item in value:
                yield from refs(item)

    found = set(refs(told))
    assert found
    assert {ref.removeprefix("#/components/schemas/") for ref in found} <= set(schemas)
