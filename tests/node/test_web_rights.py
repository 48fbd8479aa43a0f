"""DO-39, DO-40: every address with every role, and nothing of a person for who manages.

The table below is the whole door: a page or an operation without a line here fails, and so
does a line without a page.
"""

import re
import secrets

import pytest
import pytest_asyncio

from node.accounts.model import EXCLUDED, Role, Scope
from node.accounts.programs import OF_A_CASELOAD
from node.api.gate import PACE
from node.api.operations import BASE, OPERATIONS
from node.casework import cases as casework
from node.ids import AccountId
from node.web.pages.everything import all_routes
from tests.support.browser_by_hand import Browser
from tests.support.desk import relocate
from tests.support.office import AUDITOR, LEADER, open_office
from tests.support.pair import APPROVER, CLERK, give_consent, open_case

pytestmark = pytest.mark.asyncio(loop_scope="module")

CW, AP, AD, AU = Role
# Who may come to an address at all, as chapter 6 and the page map of the screens say:
# "public" is everybody, "all" is everybody who signed in.
DOOR = """
GET / | public
GET /login | public
POST /login | public
POST /login/code | public
POST /login/passkey | public
POST /login/demo | public
POST /logout | public
GET /help | public
GET /help/{chapter} | public
GET /session | all
GET /kept | all
GET /setup/{token} | public
POST /setup/{token} | public
POST /setup/{token}/passkey | public
GET /work | AP CW
POST /work/done | CW
POST /work/aside | CW
GET /cases | CW
POST /cases/search | CW
GET /cases/new | CW
POST /cases/new | CW
GET /cases/{case} | CW
GET /cases/{case}/plan | CW
POST /cases/{case}/plan | CW
GET /cases/{case}/details | CW
GET /cases/{case}/household | CW
GET /cases/{case}/transfers | CW
GET /cases/{case}/notes | CW
POST /cases/{case}/notes | CW
GET /cases/{case}/for-the-person | CW
GET /cases/{case}/documents | CW
POST /cases/{case}/documents | CW
GET /cases/{case}/documents/{document} | CW
GET /consents/new | CW
POST /consents/new | CW
GET /cases/{case}/consents | CW
GET /consents/{consent} | CW
GET /consents/{consent}/withdraw | CW AP
POST /consents/{consent}/withdraw | CW AP
GET /contacts/new | CW
POST /contacts/search | CW
POST /contacts/new | CW
GET /relocations/new | CW
POST /relocations/new | CW
GET /relocations/{transfer} | CW AP
POST /relocations/{transfer} | CW
POST /relocations/{transfer}/second | CW AP
POST /relocations/{transfer}/discard | CW
GET /outbox | CW AP
GET /outbox/{transfer} | CW AP
GET /outbox/{transfer}/call-back | CW AP
POST /outbox/{transfer}/call-back | CW AP
GET /inbox/sealed | AP
POST /inbox/sealed | AP
GET /exports/{transfer} | CW AP
POST /exports/{transfer}/address | CW
POST /exports/{transfer}/paper | CW
GET /exports/{transfer}/file | CW
GET /exports/{transfer}/words | CW
POST /exports/{transfer}/words | CW
POST /exports/{transfer}/code | CW
POST /exports/{transfer}/claim | CW AP
POST /exports/{transfer}/confirm | CW AP
GET /exports/{transfer}/letter | CW
POST /exports/{transfer}/answer | CW
GET /outbox/{transfer}/ask-back | CW AP
POST /outbox/{transfer}/ask-back | CW AP
GET /inbox | AP
GET /inbox/{transfer} | AP
POST /inbox/{transfer}/names | AP
POST /inbox/{transfer}/approve | AP
POST /inbox/{transfer}/refuse | AP
GET /inbox/{transfer}/after | CW AP
GET /inbox/{transfer}/withdrawal | CW AP
POST /inbox/{transfer}/withdrawal | CW AP
POST /inbox/{transfer}/keep | CW AP
POST /inbox/{transfer}/return | CW AP
POST /inbox/{transfer}/forward | CW AP
POST /inbox/{transfer}/assign | AP
GET /exchangelog/erasures | AP AD AU
POST /exchangelog/erasures/holds | AP
POST /exchangelog/erasures/holds/{id}/release | AP
POST /exchangelog/erasures/orders | AP
POST /exchangelog/erasures/orders/{id}/confirm | AP AD
POST /exchangelog/erasures/orders/{id}/withdraw | AP AD
GET /exchangelog/witnesses | AP AD AU
POST /exchangelog/witnesses/{transfer}/ask | AD
POST /exchangelog/witnesses/{transfer}/confirm | AP
GET /exchangelog | AP AU
GET /exchangelog/list.csv | AP AU
POST /exchangelog/check | AP AU
GET /exchangelog/checks/{job} | AP AU
GET /exchangelog/{transfer} | AP AU
POST /exchangelog/{transfer}/check | AP AU
GET /exchangelog/access | AU
GET /exchangelog/access.csv | AU
GET /exchangelog/code | AP AU
POST /exchangelog/code | AP AU
GET /exchangelog/reconcile | AP AU
GET /exchangelog/reconcile/{peer} | AP AU
POST /exchangelog/reconcile/{peer}/ask | AP AU
GET /exchangelog/reconcile/{peer}/list.csv | AP AU
GET /exchangelog/sample | AP AU
GET /exchangelog/sample.csv | AP AU
GET /exchangelog/reveals | AP AU
GET /exchangelog/reveals/{kind}/{subject} | AP AU
POST /exchangelog/reveals/{kind}/{subject} | AP AU
POST /exchangelog/reveals/{wish} | AP AU
GET /exchangelog/{transfer}/evidence | AP AU
POST /exchangelog/{transfer}/evidence | AP AU
GET /accounts/me | all
POST /accounts/me | all
POST /accounts/me/sessions | all
POST /accounts/me/passkeys | all
POST /accounts/me/passkeys/end | all
POST /accounts/me/password/begin | all
GET /accounts/me/password | all
POST /accounts/me/password | all
POST /accounts/me/password/end | all
POST /accounts/me/codes | all
GET /accounts/changes | AP AD
GET /accounts/changes/{change} | AP AD
POST /accounts/changes/{change} | AP AD
GET /accounts/{account}/roles | AD
POST /accounts/{account}/roles | AD
GET /accounts/{account}/reset | AD
POST /accounts/{account}/reset | AD
GET /accounts | AD
GET /accounts/new | AD
POST /accounts/new | AD
POST /accounts/{account}/link | AD
GET /accounts/{account}/end | AD
POST /accounts/{account}/end | AD
GET /deputies | CW AP AD
POST /deputies | CW AP AD
POST /deputies/end | CW AP AD
GET /accounts/{account}/caseload | AP AD
POST /accounts/{account}/caseload | AP AD
GET /cases/{case}/emergency | CW
POST /cases/{case}/emergency | CW
GET /emergencies | CW
POST /emergencies/{emergency} | CW
GET /status | AD
POST /work/move | CW
POST /work/undo | CW
POST /cases/find | CW
POST /cases/views | CW
POST /cases/views/drop | CW
GET /cases/{case}/records/{record} | CW
GET /cases/{case}/details/{sheet} | CW
POST /cases/{case}/details/{sheet} | CW
GET /cases/{case}/details/{sheet}/{record} | CW
POST /cases/{case}/details/{sheet}/{record} | CW
POST /cases/{case}/details/{sheet}/{record}/void | CW
GET /cases/{case}/details/{sheet}/{record}/void | CW
GET /cases/{case}/household/join | CW
POST /cases/{case}/household/search | CW
POST /cases/{case}/household/join | CW
GET /cases/{case}/household/split | CW
POST /cases/{case}/household/split | CW
GET /cases/{case}/protection/{record} | CW
POST /cases/{case}/protection/{record} | CW
GET /cases/{case}/protection/{record}/second | CW
POST /cases/{case}/protection/{record}/second | CW
POST /cases/{case}/plan/begin | CW
GET /cases/{case}/plan/goals | CW
POST /cases/{case}/plan/goals | CW
POST /cases/{case}/plan/measures | CW
GET /cases/{case}/plan/begin | CW
GET /cases/{case}/plan/measures | CW
GET /cases/{case}/plan/end | CW
GET /cases/{case}/plan/agree | CW
POST /cases/{case}/plan/agree | CW
GET /cases/{case}/plan/review | CW
POST /cases/{case}/plan/review | CW
POST /cases/{case}/plan/end | CW
GET /cases/{case}/plan/versions/{number} | CW
GET /cases/{case}/plan/print | CW
GET /cases/{case}/plan/agreement.pdf | CW
GET /cases/{case}/rights | CW
GET /cases/{case}/access | CW
POST /cases/{case}/rights/corrections | CW
GET /cases/{case}/rights/corrections/{request} | CW
POST /cases/{case}/rights/corrections/{request} | CW
GET /cases/{case}/rights/restriction | CW
POST /cases/{case}/rights/restriction | CW
POST /cases/{case}/rights/restriction/lift | CW
GET /cases/{case}/rights/hold | CW
POST /cases/{case}/rights/hold | CW
POST /cases/{case}/rights/hold/lift | CW
GET /cases/{case}/rights/erasure | CW
POST /cases/{case}/rights/erasure | CW
POST /cases/{case}/rights/erasure/back | CW
GET /cases/{case}/archive | CW
POST /cases/{case}/archive | CW
GET /cases/{case}/statute | CW
POST /cases/{case}/statute | CW
POST /cases/{case}/statute/back | CW
GET /cases/{case}/statute/second | AP
POST /cases/{case}/statute/second | AP
GET /cases/{case}/erasure | AP
POST /cases/{case}/erasure | AP
GET /cases/{case}/rights/copy | CW
POST /cases/{case}/rights/copy | CW
GET /cases/{case}/rights/copy/{job} | CW
GET /cases/{case}/rights/copy/{job}/file | CW
POST /contacts/find | CW
POST /contacts/draft | CW
POST /contacts/draft/drop | CW
GET /contacts/{contact} | CW
POST /contacts/{contact} | CW
POST /contacts/{contact}/void | CW
GET /outbox/{transfer}/proof.pdf | AP CW
GET /consents/device | CW
POST /consents/device | CW
GET /consents/finish | CW
POST /consents/finish | CW
GET /consents/finish/paper | CW
GET /consents/{consent}/copy | CW
GET /consents/{consent}/copy.pdf | CW
POST /consents/{consent}/scan | CW
GET /kiosk | public
GET /kiosk/pause | public
GET /kiosk/return | public
POST /kiosk/return | public
POST /kiosk/end | public
GET /kiosk/nothing | public
POST /kiosk/nothing | public
GET /kiosk/thanks | public
GET /kiosk/recordings/{language}/{block} | public
GET /kiosk/{step} | public
POST /kiosk/{step} | public
GET /settings/consent-texts | AD
GET /settings/consent-texts/{language} | AD
POST /settings/consent-texts/{language} | AD
POST /settings/consent-texts/{language}/verify | AD
POST /settings/consent-texts/{language}/recording | AD
GET /inbox/{transfer}/match | AP CW
GET /cases/{case}/match | AP CW
POST /cases/{case}/match | AP CW
GET /cases/{case}/match/{other} | AP CW
POST /cases/{case}/match/{other} | AP CW
POST /cases/{case}/match/{other}/merge | AP CW
GET /cases/{case}/unmerge/{merge} | AP CW
POST /cases/{case}/unmerge/{merge} | AP CW
GET /cases/{case}/edits/{merge} | AP CW
POST /cases/{case}/edits/{merge} | AP CW
POST /reports/{report}/freeze | AP CW
GET /reports/snapshots/{snapshot} | all
GET /reports/snapshots/{snapshot}/csv | all
GET /reports/snapshots/{snapshot}/pdf | all
GET /reports | all
GET /reports/{report} | all
GET /reports/{report}/csv | all
GET /reports/{report}/xlsx | all
GET /reports/{report}/pdf | all
GET /reports/{report}/cases | CW
GET /reports/{report}/narrative | all
GET /directory | all
GET /directory/{body} | all
POST /directory/{body}/call | AD
POST /directory/{body}/suspend | AD
POST /directory/{body}/resume | AD
GET /notifications | all
POST /notifications | all
GET /settings | AD
GET /settings/contact | AD
POST /settings/contact | AD
POST /settings/contact/save | AD
GET /settings/delivery | AD
POST /settings/delivery | AD
POST /settings/delivery/save | AD
GET /settings/retention | AD
POST /settings/retention | AD
POST /settings/retention/save | AD
GET /settings/statutes | AD
POST /settings/statutes | AD
POST /settings/statutes/{statute}/agree | AD
GET /settings/statutes/{statute}/end | AD
POST /settings/statutes/{statute}/end | AD
GET /settings/programs | AD
GET /settings/programs/new | AD
POST /settings/programs/new | AD
GET /settings/programs/{key}/end | AD
POST /settings/programs/{key}/end | AD
GET /programs | CW
POST /programs/{grant}/fetch | CW
GET /programs/{key}/end | CW
POST /programs/{key}/end | CW
GET /settings/proof | AD
POST /settings/proof | AD
POST /settings/proof/template | AD
GET /settings/proof/cells | AD
POST /settings/proof/cells | AD
GET /settings/proof/trial | AD
GET /imports | CW
POST /imports | CW
GET /imports/{batch} | CW
POST /imports/{batch}/discard | CW
GET /imports/{batch}/file | CW
POST /imports/{batch}/file | CW
GET /imports/{batch}/columns | CW
POST /imports/{batch}/columns | CW
GET /imports/{batch}/values | CW
POST /imports/{batch}/values | CW
GET /imports/{batch}/trial | CW
GET /imports/{batch}/errors.xlsx | CW
GET /imports/{batch}/apply | CW
POST /imports/{batch}/apply | CW
GET /imports/{batch}/undo | CW
POST /imports/{batch}/undo | CW
"""
API = """
POST /api/v1/relocations | relocations:write
GET /api/v1/relocations/{relocation} | relocations:write
GET /api/v1/cases | cases:read
GET /api/v1/cases/{case} | cases:read
POST /api/v1/contacts | contacts:write
GET /api/v1/reports | reports:read
GET /api/v1/reports/{report} | reports:read
GET /api/v1/status | metrics:read
"""
SHORT = {"CW": CW, "AP": AP, "AD": AD, "AU": AU}
ACTORS = {
    "CW": CLERK,
    "AP": APPROVER,
    "AD": LEADER,
    "AU": AUDITOR,
}
PAIR = frozenset({CW, AP})
# They end the session that asks.
ENDING = {"/logout", "/login/demo"}


def declared():
    lines = (line.partition(" | ") for line in DOOR.strip().splitlines())
    return {address: frozenset(who.split()) for address, _, who in lines}


def may(who, roles):
    """What the table says of somebody with these roles."""
    return bool(
        who & {"public", "all"} or {SHORT[name] for name in who & set(SHORT)} & roles
    )


def path_of(route):
    """The address with ids that nobody has."""
    path = route.path
    while "{" in path:
        before, _, rest = path.partition("{")
        name, _, after = rest.partition("}")
        value = {"token": "A" * 43, "kind": "transfer"}.get(name, "0" * 31 + "7")
        path = before + value + after
    return path


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def opened(tmp_path_factory):
    async with open_office(tmp_path_factory.mktemp("office")) as office:
        office.node.store.write_sync(add_pair)
        yield office


BOTH = AccountId("ca" * 16)


def add_pair(uow):
    """Somebody who advises people and approves: the one pair that may be."""
    from datetime import date

    from node.accounts.model import Account

    with uow:
        uow.accounts.add(Account(BOTH, "beides", "Demo-Beides", PAIR, date(2020, 1, 1)))
        uow.commit()


async def test_each_address_has_a_line_and_each_line_an_address():
    served = {f"{route.method} {route.path}" for route in all_routes()}
    assert served - set(declared()) == set(), "say in the table who may come"
    assert set(declared()) - served == set(), "nobody serves this any more"


@pytest.mark.spec("DO-39", "SR-B8")
async def test_each_route_says_what_its_line_says():
    for route in all_routes():
        who = declared()[f"{route.method} {route.path}"]
        if route.is_public:
            assert who == {"public"}, route.path
        elif route.roles is None:
            assert who == {"all"}, route.path
        else:
            assert {SHORT[name] for name in who} == route.roles, route.path


# SR-B7: what asks who signed in long ago to show again who they are.
WEIGHS = """
POST /settings/statutes/{statute}/agree
POST /settings/programs/new
POST /programs/{grant}/fetch
POST /cases/{case}/rights/copy
POST /directory/{body}/suspend
POST /directory/{body}/resume
POST /cases/{case}/archive
POST /cases/{case}/statute
POST /cases/{case}/statute/second
POST /cases/{case}/erasure
POST /relocations/{transfer}/second
POST /exports/{transfer}/words
POST /exports/{transfer}/claim
POST /exports/{transfer}/confirm
POST /inbox/{transfer}/approve
POST /inbox/{transfer}/refuse
POST /exchangelog/erasures/orders
POST /exchangelog/erasures/orders/{id}/confirm
POST /exchangelog/witnesses/{transfer}/ask
POST /exchangelog/witnesses/{transfer}/confirm
POST /exchangelog/reveals/{wish}
POST /exchangelog/{transfer}/evidence
POST /accounts/me/passkeys
POST /accounts/me/passkeys/end
POST /accounts/me/password/begin
POST /accounts/me/password
POST /accounts/me/password/end
POST /accounts/me/codes
POST /accounts/changes/{change}
POST /accounts/{account}/roles
POST /accounts/{account}/reset
POST /accounts/new
POST /accounts/{account}/link
POST /accounts/{account}/end
POST /settings/statutes
"""


@pytest.mark.spec("SR-B7", "SC-51")
async def test_what_weighs_asks_for_a_proof_and_stopping_something_never_does():
    asking = {f"{r.method} {r.path}" for r in all_routes() if r.asks_proof}
    assert asking == set(WEIGHS.strip().splitlines())
    assert not any("call-back" in a or "withdraw" in a for a in asking)


async def ask(browser, route, token):
    path = path_of(route)
    if route.method == "GET":
        return await browser.get(path)
    if route.takes_file:
        return await browser.send(
            "POST",
            path,
            headers={
                "Sec-Fetch-Site": "same-origin",
                "Content-Type": "multipart/form-data; boundary=x",
            },
            body=f'--x\r\nContent-Disposition: form-data; name="_token"\r\n\r\n{token}\r\n'
            '--x\r\nContent-Disposition: form-data; name="words"\r\n\r\n\r\n'
            '--x\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
            "\r\n--x--\r\n".encode(),
        )
    return await browser.post(path, token)


def is_refused(answer):
    """403 that names the roles that may, as every page of this kind does."""
    return answer.status == 403


@pytest.mark.spec("DO-39", "SR-B8")
@pytest.mark.parametrize("name", ["CW", "AP", "AD", "AU", "CW+AP"])
async def test_every_address_answers_every_role_as_the_table_says(office, name):
    actor = ACTORS.get(name)
    roles = PAIR if actor is None else actor.roles
    if actor is None:
        actor = type(CLERK)(BOTH, PAIR)
    browser = await office.enter(actor)
    token = (await browser.get("/accounts/me")).form_token
    wrong = []
    for route in all_routes():
        if route.path in ENDING:
            continue
        answer = await ask(browser, route, token)
        allowed = may(declared()[f"{route.method} {route.path}"], roles)
        if is_refused(answer) is allowed or answer.status >= 500:
            wrong.append(f"{route.method} {route.path}: {answer.status}")
        at = answer.headers.get("Location", "")
        if at.startswith("/login"):
            assert route.is_public, route.path
    assert wrong == []


@pytest.mark.spec("DO-39", "SR-B8")
async def test_nobody_comes_anywhere_without_signing_in(office):
    browser = Browser(office.client)
    token = (await browser.get("/login")).form_token
    for route in all_routes():
        if route.path in ENDING:
            continue
        answer = await ask(browser, route, token)
        who = declared()[f"{route.method} {route.path}"]
        if who == {"public"}:
            assert answer.status < 500, route.path
        elif route.method == "GET":
            assert answer.status == 303, route.path
            assert answer.location.startswith("/login?next="), route.path
        else:
            assert answer.status == 401, route.path


@pytest.mark.spec("DO-39", "SR-B11")
def token_of(office, scope):
    """Of a caseload by two hands, of the town's own matters by one (ADR 0055)."""
    office.clock.offset += PACE
    if scope in OF_A_CASELOAD:
        return office.token_for(CLERK, scope)
    return office.token(scope)


async def test_every_operation_opens_to_its_scope_only(office):
    table = dict(line.split(" | ") for line in API.strip().splitlines())
    served = {f"{o.method} {BASE}{o.path}": o for o in OPERATIONS}
    assert set(served) == set(table)
    clerk = await office.enter(CLERK)
    for address, operation in served.items():
        assert operation.scope == table[address], address
        path = re.sub(r"{\w+}", "0" * 32, f"{BASE}{operation.path}")
        for scope in Scope:
            body = {} if operation.method == "POST" else None
            answer = await office.call(
                operation.method, path, token=token_of(office, scope), body=body
            )
            refused = answer.status == 403
            assert refused is (scope is not operation.scope), (address, scope)
        # A cookie opens nothing here.
        answer = await clerk.send(operation.method, path)
        assert answer.status in {401, 415}, address


async def test_pairs_that_exclude_each_other_are_all_but_one():
    assert {frozenset({a, b}) for a in Role for b in Role if a is not b} - EXCLUDED == {
        PAIR
    }


@pytest.mark.spec("DO-40", "SR-B8")
@pytest.mark.parametrize("actor", [LEADER, AUDITOR], ids=["administrator", "auditor"])
async def test_no_page_shows_who_manages_or_checks_anything_of_a_person(office, actor):
    marks = [f"Zeichen{secrets.token_hex(4)}" for _ in range(3)]
    case = open_case(office.node, marks[0], birth_place=marks[1])
    give_consent(office.node, case)
    note = casework.Contact(
        cases=(case,),
        epochs={case: 1},
        values={
            "date": "2026-11-03", "minutes": 30, "form": "office", "kind": "talk",
            "topics": ["04.1"],
        },
        note=marks[2],
    )  # fmt: skip
    office.node.store.write_sync(
        casework.record_contact, office.node.office, note, by=CLERK
    )
    transfer = relocate(office.node, "08337096", case)
    browser = await office.enter(actor)
    token = (await browser.get("/accounts/me")).form_token
    ids = {
        "{case}": case, "{transfer}": transfer, "{account}": str(CLERK.account),
        "{kind}": "transfer", "{subject}": transfer, "{token}": "A" * 43,
    }  # fmt: skip
    seen = 0
    for route in all_routes():
        if route.path in ENDING:
            continue
        path = route.path
        for name, value in ids.items():
            path = path.replace(name, value)
        if "{" in path or path.startswith(f"/accounts/{CLERK.account}/end"):
            path = path_of(route)
        if route.method == "GET":
            answer = await browser.get(path)
        else:
            answer = await browser.post(path, token)
        seen += answer.status == 200
        for mark in [*marks, "Amina"]:
            assert mark.encode() not in answer.body, route.path
    assert seen > 10
    # The same search finds them where they belong.
    clerk = await (await office.enter(CLERK)).get(f"/cases/{case}")
    assert marks[0].encode() in clerk.body
    assert marks[2].encode() in clerk.body
