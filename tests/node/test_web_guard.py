"""The door of the web application: headers, forgery, sessions, gate, failures."""

import re
from datetime import date, timedelta
from urllib.parse import urlencode

import pytest
import structlog
from aiohttp import web
from multidict import CIMultiDict, CIMultiDictProxy

from node.accounts.model import Role
from node.accounts.session import ABSOLUTE, IDLE, KEPT
from node.errors import (
    ConflictError,
    ForbiddenError,
    LogError,
    NotFoundError,
    StaleEpochError,
)
from node.ids import CaseId
from node.web import failures
from node.web.forms import Form
from node.web.frame import Route, page, path_id, see_other
from node.web.guard import MAX_FORM_BYTES, is_our_own, shows_token
from tests.support.browser_by_hand import Browser, browsing
from tests.support.web_stage import ANNA, BERT, ORIGIN, make_stage

SECRET = "Zahra Ahmadi"
FORM_HEADERS = {
    "Sec-Fetch-Site": "same-origin",
    "Content-Type": "application/x-www-form-urlencoded",
}
RAISED = {
    "/raise/absent": NotFoundError("case"),
    "/raise/forbidden": ForbiddenError("case.read"),
    "/raise/stale": StaleEpochError("epoch"),
    "/raise/conflict": ConflictError("version"),
    "/raise/log": LogError(SECRET),
    "/raise/bug": RuntimeError(SECRET),
}


async def _plain(request: web.Request) -> web.Response:
    return await page(request, "continue.html", to="/work")


async def _save(request: web.Request) -> web.Response:
    return await see_other(request, "/work", saved=f"Gespräch mit {SECRET} gespeichert")


async def _raise(request: web.Request) -> web.Response:
    raise RAISED[request.path]


async def _case(request: web.Request) -> web.Response:
    path_id(request, "case", CaseId)
    raise NotFoundError("case")


async def _moved(request: web.Request) -> web.Response:
    gone = failures.Handover("Bad Säckingen", date(2026, 12, 3), "/outbox/1")
    return failures.stale(request, gone)


ROUTES = [
    Route("GET", "/work", _plain),
    Route("POST", "/work", _save),
    Route("GET", "/cases/{case}", _case),
    Route("POST", "/moved", _moved),
    Route("GET", "/inbox", _plain, roles=frozenset({Role.APPROVER})),
    *(Route(method, path, _raise) for path in RAISED for method in ("GET", "POST")),
]


@pytest.fixture
def stage():
    return make_stage(ROUTES)


@pytest.fixture
async def browser(stage):
    async with browsing(stage) as browser:
        yield browser


def without_nonce(text):
    """The page without what is fresh on each answer."""
    return re.sub(r'nonce="[^"]+"', "", text)


async def post_raw(browser: Browser, headers, body: bytes, path: str = "/login"):
    return await browser.send("POST", path, headers=headers, body=body)


# ---- Headers ---------------------------------------------------------------------------


async def answer_of_each_kind(browser: Browser):
    door = await browser.get("/login")
    yield "page", door
    yield "absent", await browser.get("/nowhere")
    yield "forged", await browser.send("POST", "/login")
    yield "wrong method", await browser.send("PUT", "/login")
    yield "redirect", await browser.get("/work")
    yield "stale static", await browser.get("/static/0000/app.css")
    yield "invalid", await browser.post("/login", door.form_token, name="x")
    yield "signed out", await browser.post("/work", door.form_token)
    await browser.enter(ANNA)
    yield "bug", await browser.get("/raise/bug")
    yield "head", await browser.send("HEAD", "/work")


@pytest.mark.spec("SR-B1")
async def test_every_answer_carries_every_header(browser):
    nonces = set()
    async for kind, answer in answer_of_each_kind(browser):
        headers = answer.headers
        policy = headers["Content-Security-Policy"]
        nonce = re.search(r"script-src 'nonce-([A-Za-z0-9+/]{22}==)'", policy)
        assert nonce, kind
        assert nonce[1] not in nonces, kind
        nonces.add(nonce[1])
        for part in (
            "default-src 'none'", "style-src 'self'", "img-src 'self' data:",
            "font-src 'self'", "connect-src 'self'", "media-src 'self'",
            "form-action 'self'", "base-uri 'none'", "frame-ancestors 'none'",
            "require-trusted-types-for 'script'", "trusted-types 'none'",
        ):  # fmt: skip
            assert part in policy.split("; "), (kind, part)
        assert headers["Strict-Transport-Security"] == (
            "max-age=63072000; includeSubDomains"
        )
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "same-origin"
        assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
        assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
        assert headers["Cross-Origin-Embedder-Policy"] == "require-corp"
        assert headers["Cache-Control"] == "no-store", kind
        assert "camera=()" in headers["Permissions-Policy"]
        assert "clipboard-write=(self)" in headers["Permissions-Policy"]
        assert "Server" not in headers, kind


@pytest.mark.spec("SR-B1")
async def test_static_files_may_be_kept_for_ever_and_nothing_else(browser):
    door = await browser.get("/login")
    address = re.search(r'href="(/static/[^"]+/app\.css)"', door.text)
    assert address
    style = await browser.get(address[1])
    assert style.status == 200
    assert style.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert style.headers["X-Content-Type-Options"] == "nosniff"
    assert "Set-Cookie" not in style.headers


@pytest.mark.parametrize(
    "path",
    ["../../app.py", "%2e%2e/app.py", "vendor", "vendor/kern/LICENSE.md", "x.css"],
)
async def test_static_files_are_a_list_not_a_folder(browser, path):
    door = await browser.get("/login")
    folder = re.search(r'href="(/static/[0-9a-f]+/)app\.css"', door.text)
    assert folder
    assert (await browser.get(folder[1] + path)).status == 404


# ---- Forgery ---------------------------------------------------------------------------


@pytest.mark.spec("SR-B3")
@pytest.mark.parametrize(
    ("headers", "ours"),
    [
        ([("Sec-Fetch-Site", "same-origin")], True),
        ([("Origin", ORIGIN)], True),
        ([("Sec-Fetch-Site", "same-origin"), ("Origin", ORIGIN)], True),
        ([], False),
        ([("Sec-Fetch-Site", "none")], False),
        ([("Sec-Fetch-Site", "same-site")], False),
        ([("Sec-Fetch-Site", "cross-site")], False),
        ([("Sec-Fetch-Site", "cross-site"), ("Origin", ORIGIN)], False),
        ([("Sec-Fetch-Site", "")], False),
        ([("Sec-Fetch-Site", "Same-Origin")], False),
        ([("Sec-Fetch-Site", "same-origin"), ("Sec-Fetch-Site", "same-origin")], False),
        ([("Origin", "null")], False),
        ([("Origin", ORIGIN + "/")], False),
        ([("Origin", ORIGIN + "0")], False),
        ([("Origin", ORIGIN.replace("http:", "https:"))], False),
        ([("Origin", "http://evil.localhost:8401")], False),
        ([("Origin", ORIGIN), ("Origin", ORIGIN)], False),
        ([("Referer", ORIGIN + "/login")], False),
    ],
)
def test_a_request_is_ours_when_the_browser_says_so(headers, ours):
    assert is_our_own(CIMultiDictProxy(CIMultiDict(headers)), ORIGIN) is ours


@pytest.mark.spec("SR-B3")
@pytest.mark.parametrize(
    ("sent", "passes"),
    [
        (("abc",), True),
        ((), False),
        (("",), False),
        (("abd",), False),
        (("abc", "abc"), False),
        (("ab\u00e7",), False),
    ],
)
def test_a_form_shows_the_token_of_its_session_exactly_once(sent, passes):
    form = Form({"_token": sent} if sent else {})
    assert shows_token(form, "abc") is passes


@pytest.mark.spec("SR-B3")
async def test_a_form_without_token_is_refused_though_the_browser_vouches(browser):
    await browser.get("/login")
    answer = await post_raw(browser, FORM_HEADERS, b"name=x&password=y")
    assert answer.status == 403


@pytest.mark.spec("SR-B3")
async def test_a_token_is_refused_though_right_if_the_browser_does_not_vouch(browser):
    door = await browser.get("/login")
    body = urlencode({"_token": door.form_token, "name": "x"}).encode()
    for site in ({}, {"Sec-Fetch-Site": "cross-site"}, {"Origin": "null"}):
        headers = {"Content-Type": FORM_HEADERS["Content-Type"], **site}
        assert (await post_raw(browser, headers, body)).status == 403


@pytest.mark.spec("SR-B3")
async def test_the_token_of_another_session_is_refused(stage, browser):
    theirs = (await browser.get("/login")).form_token
    browser.cookie = ""
    await browser.get("/login")
    assert (await browser.post("/login", theirs, name="x")).status == 403


@pytest.mark.spec("SR-B3")
async def test_the_token_of_the_sign_in_page_is_worth_nothing_afterwards(browser):
    before = (await browser.get("/login")).form_token
    await browser.enter(ANNA)
    assert (await browser.post("/work", before)).status == 403


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        ({"Content-Type": "multipart/form-data; boundary=x"}, b"--x--", 415),
        ({"Content-Type": "application/json"}, b"{}", 415),
        ({"Content-Type": "text/plain"}, b"_token=1", 415),
        ({"Content-Encoding": "gzip"}, b"\x1f\x8b", 415),
        ({}, b"a=%FF", 400),
        ({}, b"a=%00", 400),
        ({}, b"a=" + b"x" * MAX_FORM_BYTES, 413),
    ],
    ids=["parts", "json", "text", "compressed", "not-utf-8", "nul", "large"],
)
async def test_a_body_that_no_form_of_ours_sends_is_refused(
    browser, headers, body, status
):
    answer = await post_raw(browser, {**FORM_HEADERS, **headers}, body)
    assert answer.status == status


# ---- Sessions --------------------------------------------------------------------------


@pytest.mark.spec("SR-B2")
async def test_the_cookie_is_for_this_host_and_out_of_reach_of_scripts(browser):
    cookie = (await browser.get("/login")).headers["Set-Cookie"]
    assert re.match(r"__Host-sid=[A-Za-z0-9_-]{43}; ", cookie)
    assert {"Secure", "HttpOnly", "SameSite=Strict", "Path=/"} <= set(
        cookie.split("; ")
    )
    assert "Domain" not in cookie


@pytest.mark.spec("SR-B2")
async def test_nothing_is_stored_before_somebody_signs_in(stage, browser):
    await browser.get("/login")
    await browser.get("/nowhere")
    assert stage.sessions.rows == {}


@pytest.mark.spec("SR-B2")
async def test_signing_in_gives_a_new_id_and_stores_its_hash_only(stage, browser):
    await browser.get("/login")
    before = browser.cookie
    answer = await browser.enter(ANNA)
    assert (answer.status, answer.location) == (303, "/work")
    assert browser.cookie != before
    [row] = stage.sessions.rows.values()
    assert browser.cookie.encode() not in repr(row).encode()
    browser.cookie = before
    assert (await browser.get("/work")).status == 303


@pytest.mark.spec("SR-B2")
async def test_a_cookie_chosen_by_somebody_else_never_becomes_a_session(stage, browser):
    browser.cookie = planted = "A" * 43
    await browser.enter(ANNA)
    assert browser.cookie != planted
    browser.cookie = planted
    assert (await browser.get("/work")).location.startswith("/login")


@pytest.mark.parametrize(
    "cookie", ["", "x", "A" * 42, "A" * 44, '"quoted"', "A" * 5000]
)
async def test_a_malformed_cookie_is_replaced(browser, cookie):
    browser.cookie = cookie
    assert (await browser.get("/login")).status == 200
    assert re.fullmatch(r"[A-Za-z0-9_-]{43}", browser.cookie)
    assert browser.cookie != cookie


@pytest.mark.spec("SR-B2")
async def test_a_session_ends_after_fifteen_idle_minutes(stage, browser):
    await browser.enter(ANNA)
    stage.clock.move(IDLE)
    assert (await browser.get("/work")).status == 303
    assert stage.sessions.rows == {}


@pytest.mark.spec("SR-B2")
async def test_a_busy_session_ends_after_eight_hours(stage, browser):
    await browser.enter(ANNA)
    for _ in range(47):
        stage.clock.move(timedelta(minutes=10))
        assert (await browser.get("/work")).status == 200
    stage.clock.move(ABSOLUTE - 47 * timedelta(minutes=10))
    assert (await browser.get("/work")).status == 303


@pytest.mark.spec("SR-B2")
async def test_signing_out_ends_the_session_at_once_and_clears_the_browser(
    stage, browser
):
    await browser.enter(ANNA)
    token, cookie = (await browser.get("/work")).form_token, browser.cookie
    answer = await browser.post("/logout", token)
    assert answer.status == 303
    assert answer.headers["Clear-Site-Data"] == '"cache", "cookies", "storage"'
    assert stage.sessions.rows == {}
    browser.cookie = cookie
    assert (await browser.get("/work")).status == 303


@pytest.mark.spec("SR-B2")
async def test_a_session_that_was_ended_is_not_revived_by_a_late_request(
    stage, browser
):
    await browser.enter(ANNA)
    [row] = stage.sessions.rows.values()
    stage.sessions.rows.clear()
    await stage.sessions.update(row)
    assert stage.sessions.rows == {}


@pytest.mark.spec("SC-65")
async def test_an_account_that_may_no_longer_work_here_is_out_at_once(stage, browser):
    await browser.enter(ANNA)
    stage.people.people.remove(ANNA)
    assert (await browser.get("/work")).status == 303
    assert stage.sessions.rows == {}


@pytest.mark.spec("SR-K1")
async def test_what_a_session_remembers_cannot_be_read_in_the_store(stage, browser):
    await browser.enter(ANNA)
    token = (await browser.get("/work")).form_token
    assert (await browser.post("/work", token)).status == 303
    [row] = stage.sessions.rows.values()
    assert SECRET.encode() not in row.sealed_values
    assert SECRET in (await browser.get("/work")).text
    assert SECRET not in (await browser.get("/work")).text


# ---- Gate ------------------------------------------------------------------------------


@pytest.mark.spec("SR-B8")
async def test_whoever_has_not_signed_in_is_sent_to_the_door_and_back(browser):
    answer = await browser.get("/work?only=today")
    assert answer.status == 303
    assert answer.location.startswith("/login?next=/work")
    door = await browser.get(answer.location)
    assert 'value="/work?only=today"' in door.text
    assert (
        await browser.enter(ANNA, "/work?only=today")
    ).location == "/work?only=today"


@pytest.mark.parametrize(
    "onward",
    [
        "//evil.example", "/\\evil.example", "https://evil.example", "/\t/evil.example",
        "javascript:alert(1)", "evil", "/..//evil.example", "/work//evil.example",
        "/a\r\nX: y", "/ä", "/", "/?next=//evil.example", "/work@evil.example",
    ],
)  # fmt: skip
async def test_the_door_leads_nowhere_but_into_the_house(browser, onward):
    assert (await browser.enter(ANNA, onward)).location == "/work"


async def late(stage, browser, **fields):
    """Somebody sends a form when the session is over."""
    await browser.enter(ANNA)
    token = (await browser.get("/work")).form_token
    stage.clock.move(IDLE + timedelta(minutes=1))
    return await browser.post("/work", token, **fields)


@pytest.mark.spec("SC-13")
async def test_a_form_that_comes_too_late_comes_back_after_the_sign_in(stage, browser):
    answer = await late(stage, browser, note="Bitte morgen anrufen")
    assert (answer.status, answer.location) == (303, "/login?late=1")
    [kept] = stage.sessions.forms.values()
    assert b"morgen" not in kept.sealed
    assert "30 Minuten" in (await browser.get(answer.location)).text
    # The page of this stage has no form to fill, so the texts have a page of their own.
    assert (await browser.enter(ANNA)).location == "/work"
    assert (await browser.get("/work")).location == "/kept"
    page = await browser.get("/kept")
    assert "Bitte morgen anrufen" in page.text
    sent = await browser.post("/work", page.form_token, note="Bitte morgen anrufen")
    assert (sent.status, sent.location) == (303, "/work")
    assert (await browser.get("/work")).status == 200
    assert (await browser.get("/kept")).status == 404


@pytest.mark.spec("SC-13")
async def test_a_kept_form_is_for_its_own_account_only(stage, browser):
    await late(stage, browser, note="Bitte morgen anrufen")
    assert (await browser.enter(BERT)).location == "/inbox"
    assert (await browser.get("/kept")).status == 404
    assert "morgen" not in (await browser.get("/inbox")).text
    assert stage.sessions.forms == {}


@pytest.mark.spec("SC-13")
async def test_a_kept_form_is_gone_after_half_an_hour(stage, browser):
    await late(stage, browser, note="Bitte morgen anrufen")
    stage.clock.move(KEPT)
    assert (await browser.enter(ANNA)).location == "/work"
    assert (await browser.get("/work")).status == 200


@pytest.mark.spec("SC-13")
async def test_another_browser_does_not_get_the_kept_form(stage, browser):
    await late(stage, browser, note="Bitte morgen anrufen")
    browser.cookie = ""
    assert (await browser.enter(ANNA)).location == "/work"
    assert (await browser.get("/work")).status == 200


async def test_a_form_without_any_session_shows_its_text_at_once(browser):
    token = (await browser.get("/login")).form_token
    answer = await browser.post("/work", token, note="Bitte morgen anrufen")
    assert answer.status == 401
    assert "Bitte morgen anrufen" in answer.text


async def test_a_link_from_elsewhere_shows_one_button_and_keeps_the_session(browser):
    await browser.enter(ANNA)
    cookie = browser.cookie
    browser.cookie = ""  # a Strict cookie stays at home
    answer = await browser.get("/work", site="cross-site")
    assert answer.status == 200
    assert 'href="/work"' in answer.text
    assert "Set-Cookie" not in answer.headers
    browser.cookie = cookie
    assert (await browser.get("/work")).status == 200


@pytest.mark.spec("SR-B8")
async def test_the_wrong_role_is_told_which_role_may(browser):
    await browser.enter(ANNA)
    answer = await browser.get("/inbox")
    assert answer.status == 403
    assert "Freigabe" in answer.text


async def test_the_right_role_comes_in(browser):
    assert (await browser.enter(BERT)).location == "/inbox"
    assert (await browser.get("/inbox")).status == 200


@pytest.mark.spec("SR-B5")
async def test_a_wrong_name_and_a_wrong_password_look_the_same(browser):
    token = (await browser.get("/login")).form_token
    known = await browser.post("/login", token, name=ANNA.name, password="x")
    nobody = await browser.post("/login", token, name="Nora Niemand", password="x")
    assert (known.status, nobody.status) == (422, 422)
    expected = known.text.replace(f'value="{ANNA.name}"', 'value="Nora Niemand"')
    assert without_nonce(nobody.text) == without_nonce(expected)


@pytest.mark.spec("SC-10")
async def test_an_incomplete_sign_in_says_what_is_missing_and_keeps_the_name(browser):
    token = (await browser.get("/login")).form_token
    answer = await browser.post("/login", token, name="Anna")
    assert answer.status == 422
    assert "<title>Fehler: " in answer.text
    assert 'value="Anna"' in answer.text
    assert 'href="#f-password"' in answer.text
    assert 'aria-invalid="true"' in answer.text


async def test_outside_the_demo_nobody_enters_by_a_button():
    async with browsing(make_stage(ROUTES, demo=False)) as browser:
        door = await browser.get("/login")
        assert "DEMO" not in door.text
        answer = await browser.post("/login/demo", door.form_token, account=ANNA.id)
        assert answer.status == 404


async def test_in_the_demo_an_invented_person_enters_by_a_button(browser):
    door = await browser.get("/login")
    assert "erfundene Daten" in door.text
    answer = await browser.post("/login/demo", door.form_token, account=ANNA.id)
    assert answer.location == "/work"


@pytest.mark.parametrize("account", ["", "x", "0" * 32])
async def test_the_button_takes_no_other_account(browser, account):
    token = (await browser.get("/login")).form_token
    assert (await browser.post("/login/demo", token, account=account)).status == 404


# ---- Failures --------------------------------------------------------------------------


@pytest.mark.spec("SR-B9")
async def test_absent_foreign_and_misspelt_answer_byte_for_byte_alike(browser):
    await browser.enter(ANNA)
    # Each answer has a nonce of its own; nothing else may differ.
    bodies = {
        re.sub(rb'nonce="[^"]+"', b"", (await browser.get(path)).body)
        for path in ("/nowhere", "/raise/absent", "/cases/x", f"/cases/{'0' * 32}")
    }
    assert len(bodies) == 1


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/raise/forbidden", 403),
        ("/raise/stale", 409),
        ("/raise/conflict", 409),
        ("/raise/log", 500),
        ("/raise/bug", 500),
    ],
)
async def test_an_error_of_a_use_case_becomes_a_page(browser, path, status):
    await browser.enter(ANNA)
    answer = await browser.get(path)
    assert answer.status == status
    assert SECRET not in answer.text
    assert "Traceback" not in answer.text


async def test_a_refused_action_names_the_roles_that_may(browser):
    await browser.enter(BERT)
    assert (
        "<strong>Fachkraft, Freigabe</strong>"
        in (await browser.get("/raise/forbidden")).text
    )


@pytest.mark.parametrize(
    "path", ["/raise/stale", "/raise/conflict", "/raise/bug", "/moved"]
)
async def test_no_failure_loses_what_was_typed(browser, path):
    await browser.enter(ANNA)
    token = (await browser.get("/work")).form_token
    answer = await browser.post(path, token, note="Erste Zeile\nzweite <Zeile>")
    assert "Erste Zeile\nzweite &lt;Zeile&gt;" in answer.text


@pytest.mark.spec("SC-12")
async def test_a_stale_page_names_the_place_and_the_day(browser):
    await browser.enter(ANNA)
    token = (await browser.get("/work")).form_token
    answer = await browser.post("/moved", token, note="x")
    assert answer.status == 409
    assert "wurde am 03.12.2026 an Bad Säckingen übergeben" in answer.text
    assert 'href="/outbox/1"' in answer.text


@pytest.mark.spec("SR-B12", "SR-D1")
async def test_a_failure_shows_a_code_and_a_number_and_the_log_no_more(browser):
    await browser.enter(ANNA)
    with structlog.testing.capture_logs() as lines:
        answer = await browser.get("/raise/log")
    [line] = lines
    assert set(line) == {
        "event", "log_level", "code", "trace", "method", "route", "exc_info"
    }  # fmt: skip
    assert (line["code"], line["route"]) == ("log", "/raise/log")
    assert line["trace"] in answer.text
    assert ">log<" in answer.text


@pytest.mark.spec("SR-D1")
async def test_the_log_names_the_route_and_never_the_address(browser):
    await browser.enter(ANNA)
    with structlog.testing.capture_logs() as lines:
        await browser.send(
            "POST", "/work?note=geheim", headers=FORM_HEADERS, body=b"a=1"
        )
    assert [line["route"] for line in lines] == ["/work"]
    assert "geheim" not in repr(lines)


@pytest.mark.spec("SC-5")
async def test_titles_hold_page_body_and_product_and_no_person(browser):
    await browser.enter(ANNA)
    title = re.search("<title>(.*)</title>", (await browser.get("/work")).text)
    assert title
    assert title[1] == "Weiter · Stadt Wehr · Staffelstab"
