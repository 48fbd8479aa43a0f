"""S1: in by a passkey, or by a password and a code; locked, proven again, and out."""

import re
import secrets
from datetime import timedelta

import pytest

from node.accounts.model import Role
from node.accounts.session import PROOF_LIFE
from node.errors import InputError
from tests.support.browser_by_hand import Browser, words
from tests.support.office import LEADER
from tests.support.softkey import SoftKey
from tests.support.waysin import (
    codes,
    forget_wrong_tries,
    hidden,
    options,
    secret,
    somebody,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")
LOCKED = re.compile(r"gesperrt bis \d\d:\d\d Uhr. Ein Passkey geht weiterhin")


@pytest.fixture
def office(opened):
    opened.clock.offset = timedelta()
    forget_wrong_tries(opened)
    return opened


@pytest.fixture
def browser(office):
    return Browser(office.client)


def login():
    return f"u{secrets.token_hex(4)}"


# ---- Password and code -----------------------------------------------------------------


@pytest.mark.spec("SR-B4", "SC-21")
async def test_a_password_and_a_code_let_somebody_in(office, browser):
    person = await somebody(office, login())
    answer = await person.enter(browser, person.code(1))
    assert (answer.status, answer.location) == (303, "/inbox")


@pytest.mark.spec("SR-B4")
async def test_a_password_alone_opens_nothing(office, browser):
    person = await somebody(office, login())
    page = await person.first_step(browser)
    assert page.status == 200
    assert (await browser.get("/inbox")).status == 303
    assert (await person.second_step(browser, page, "")).status == 422
    assert (await browser.get("/inbox")).status == 303


@pytest.mark.spec("SR-B4")
async def test_a_code_is_taken_once(office, browser):
    person = await somebody(office, login())
    assert (await person.enter(browser, person.code(1))).status == 303
    again = await person.enter(Browser(office.client), person.code(1))
    assert again.status == 422
    # Nor one from before the last that was used.
    assert (await person.enter(Browser(office.client), person.code(0))).status == 422


@pytest.mark.spec("SR-B4")
@pytest.mark.parametrize("steps", [-2, 2, 20])
async def test_a_code_of_another_time_is_refused(office, browser, steps):
    person = await somebody(office, login())
    office.clock.offset = timedelta(minutes=5)
    assert (await person.enter(browser, person.code(steps))).status == 422


@pytest.mark.spec("SR-B4")
async def test_the_second_step_of_another_browser_is_refused(office, browser):
    person, other = await somebody(office, login()), Browser(office.client)
    note = hidden(await person.first_step(browser), "_note")
    door = await other.get("/login")
    answer = await other.post(
        "/login/code", door.form_token, code=person.code(1), _note=note
    )
    assert (answer.status, answer.location) == (303, "/login")
    assert (await other.get("/inbox")).status == 303


@pytest.mark.spec("SR-B4")
async def test_the_second_step_waits_a_quarter_of_an_hour(office, browser):
    person = await somebody(office, login())
    page = await person.first_step(browser)
    office.clock.offset = timedelta(minutes=15)
    answer = await person.second_step(browser, page, person.code())
    assert (answer.status, answer.location) == (303, "/login")


@pytest.mark.spec("SR-B4")
async def test_each_recovery_code_opens_once_and_is_stored_as_a_digest(office, browser):
    person = await somebody(office, login())
    assert len(set(person.codes)) == 10
    assert (await person.enter(browser, person.codes[3].lower())).status == 303
    assert (await person.enter(Browser(office.client), person.codes[3])).status == 422
    # The codes of somebody else open nothing here.
    other = await somebody(office, login())
    assert (await person.enter(Browser(office.client), other.codes[0])).status == 422
    folder = office.node.settings.folder
    stored = b"".join(path.read_bytes() for path in folder.glob("node.db*"))
    for code in person.codes:
        assert code.encode() not in stored
    assert person.secret.encode() not in stored


# ---- Wrong, and locked -----------------------------------------------------------------


@pytest.mark.spec("SR-B5", "SC-21")
async def test_wrong_name_and_wrong_password_get_the_same_sentence(office, browser):
    person = await somebody(office, login())
    wrong = await person.first_step(browser, password="Falscher Regenschirm 77")
    person.account = type(person.account)(
        **{**{s: getattr(person.account, s) for s in person.account.__slots__},
           "login": login()}
    )  # fmt: skip
    nobody = await person.first_step(browser)
    assert wrong.status == nobody.status == 422
    sentence = "Name, Passwort oder Code stimmt nicht."
    assert sentence in words(wrong)
    assert sentence in words(nobody)


@pytest.mark.spec("SR-B5", "SC-21")
async def test_a_lock_shows_its_time_and_leaves_passkeys_working(office, browser):
    person = await somebody(office, login(), with_passkey=True)
    for n in range(10):
        # Past the growing delay of each try, within the quarter of an hour.
        office.clock.offset = timedelta(seconds=60 * n)
        await person.first_step(browser, password="Falscher Regenschirm 77")
    assert LOCKED.search(words(await person.first_step(browser)))
    assert (await person.touch(browser)).status == 303


@pytest.mark.spec("SR-B5", "SC-21")
async def test_a_name_nobody_has_is_locked_with_the_same_words(office, browser):
    name = login()
    door = await browser.get("/login")
    for n in range(11):
        office.clock.offset = timedelta(seconds=60 * n)
        answer = await browser.post(
            "/login", door.form_token, name=name, password="Regenschirm im Mai"
        )
    assert LOCKED.search(words(answer))


@pytest.mark.spec("SR-B5")
async def test_thirty_wrong_tries_of_one_address_lock_it_whatever_the_names(
    office, browser
):
    person = await somebody(office, login(), with_passkey=True)
    door = await browser.get("/login")
    for n in range(31):
        office.clock.offset = timedelta(seconds=28 * n)
        answer = await browser.post(
            "/login", door.form_token, name=login(), password="Regenschirm im Mai"
        )
    assert LOCKED.search(words(answer))
    assert (await person.touch(browser)).status == 303


@pytest.mark.spec("SR-B5")
async def test_wrong_codes_lock_like_wrong_passwords(office, browser):
    person = await somebody(office, login())
    page = await person.first_step(browser)
    for n in range(10):
        office.clock.offset = timedelta(seconds=60 * n)
        answer = await person.second_step(browser, page, "000000")
        assert answer.status == 422
    assert LOCKED.search(words(await person.second_step(browser, page, person.code())))


@pytest.mark.spec("SC-21")
async def test_the_fields_can_be_filled_and_pasted(browser):
    page = await browser.get("/login")
    for name in ("username webauthn", "current-password"):
        assert f'autocomplete="{name}"' in page.text
    assert "onpaste" not in page.text


# ---- Passkeys --------------------------------------------------------------------------


@pytest.mark.spec("SR-B4", "SC-21")
async def test_a_passkey_lets_somebody_in_without_a_name(office, browser):
    person = await somebody(office, login(), with_passkey=True)
    asked = options(await browser.get("/login"))
    assert '"userVerification": "required"' in asked
    assert '"allowCredentials": []' in asked
    answer = await person.touch(browser)
    assert (answer.status, answer.location) == (303, "/inbox")


@pytest.mark.spec("SR-B4")
@pytest.mark.parametrize(
    "change",
    [
        {"origin": "http://wehr.localhost:1"},
        {"origin": "https://evil.example"},
        {"verifies": False},
        {"id": b"never seen"},
        {"key": SoftKey("").key},
        {"count": 0},
        {"count": -1},
    ],
    ids=["port", "site", "unverified", "unknown", "forged", "counter", "back"],
)
async def test_a_passkey_that_is_not_good_is_refused(office, browser, change):
    person = await somebody(office, login(), with_passkey=True)
    assert (await person.touch(Browser(office.client))).status == 303
    for name, value in change.items():
        setattr(person.key, name, value)
    answer = await person.touch(browser)
    assert answer.status == 422
    assert (await browser.get("/inbox")).status == 303


@pytest.mark.spec("SR-B4")
async def test_an_answer_of_a_passkey_is_good_once_and_here(office, browser):
    person, other = (
        await somebody(office, login(), with_passkey=True),
        Browser(office.client),
    )
    door = await browser.get("/login")
    said = person.key.get(options(door))
    # Another browser has another challenge.
    there = await other.get("/login")
    stolen = await other.post("/login/passkey", there.form_token, _passkey=said)
    assert stolen.status == 422
    cookie, token = browser.cookie, door.form_token
    first = await browser.post("/login/passkey", token, _passkey=said)
    assert first.status == 303
    browser.cookie = cookie
    again = await browser.post("/login/passkey", token, _passkey=said)
    assert again.status == 422


@pytest.mark.spec("SR-B4")
async def test_an_answer_to_an_old_challenge_is_refused(office, browser):
    person = await somebody(office, login(), with_passkey=True)
    door = await browser.get("/login")
    said = person.key.get(options(door))
    office.clock.offset = timedelta(minutes=10)
    answer = await browser.post("/login/passkey", door.form_token, _passkey=said)
    assert answer.status == 422


@pytest.mark.parametrize("said", ["", "{}", "[]", "null", '{"id": 7}', "x" * 20_000])
async def test_what_is_no_answer_of_a_passkey_is_refused(browser, said):
    door = await browser.get("/login")
    answer = await browser.post("/login/passkey", door.form_token, _passkey=said)
    assert answer.status == 422


# ---- Mein Konto ------------------------------------------------------------------------


async def add_passkey(office, browser, label="Zweiter"):
    page = await browser.get("/accounts/me")
    key = SoftKey(office.node.settings.web_url, id=secrets.token_bytes(16))
    answer = await browser.post(
        "/accounts/me/passkeys",
        page.form_token,
        label=label,
        _passkey=key.create(options(page, "create")),
    )
    return answer, key


@pytest.mark.spec("SR-B4")
async def test_passkeys_have_names_and_the_last_way_in_stays(office, browser):
    person = await somebody(office, login(), with_passkey=True)
    await person.touch(browser)
    assert (await add_passkey(office, browser))[0].status == 303
    page = await browser.get("/accounts/me")
    assert {"Prüfschlüssel", "Zweiter"} <= set(
        re.findall(r"<bdi[^>]*>([^<]+)", page.text)
    )
    first, second = re.findall(r'name="passkey" value="([0-9a-f]+)"', page.text)
    gone = await browser.post(
        "/accounts/me/passkeys/end", page.form_token, passkey=first
    )
    assert gone.status == 303
    last = await browser.post(
        "/accounts/me/passkeys/end", page.form_token, passkey=second
    )
    assert last.status == 409
    assert "letzter Zugangsweg" in words(last)
    assert (await person.touch(Browser(office.client))).status == 422


@pytest.mark.parametrize("label", ["", "  ", "x" * 61])
async def test_a_passkey_needs_a_name(office, browser, label):
    person = await somebody(office, login(), with_passkey=True)
    await person.touch(browser)
    assert (await add_passkey(office, browser, label))[0].status == 422


async def test_nobody_removes_the_passkey_of_somebody_else(office, browser):
    mine = await somebody(office, login(), with_passkey=True)
    theirs = await somebody(office, login(), with_passkey=True)
    await mine.touch(browser)
    page = await browser.get("/accounts/me")
    answer = await browser.post(
        "/accounts/me/passkeys/end", page.form_token, passkey=theirs.key.id.hex()
    )
    assert answer.status == 404
    assert (await theirs.touch(Browser(office.client))).status == 303


@pytest.mark.spec("SR-B4")
async def test_a_new_password_ends_the_old_app_and_codes(office, browser):
    person = await somebody(office, login(), with_passkey=True)
    await person.touch(browser)
    page = await browser.get("/accounts/me/password")
    person.secret, note = secret(page), hidden(page, "_note")
    done = await browser.post(
        "/accounts/me/password",
        page.form_token,
        password=person.password,
        again=person.password,
        code=person.code(),
        _note=note,
    )
    assert len(codes(done)) == 10
    fresh = await browser.post("/accounts/me/codes", done.form_token)
    assert not set(codes(fresh)) & set(codes(done))
    old = await person.enter(Browser(office.client), codes(done)[0])
    new = await person.enter(Browser(office.client), codes(fresh)[0])
    assert (old.status, new.status) == (422, 303)
    ended = await browser.post("/accounts/me/password/end", done.form_token)
    assert ended.status == 303
    assert (await person.first_step(Browser(office.client))).status == 422


@pytest.mark.spec("SC-13", "SR-B4")
async def test_a_password_is_neither_kept_nor_carried_through_a_proof(office, browser):
    person = await somebody(office, login(), with_passkey=True)
    await person.touch(browser)
    page = await browser.get("/accounts/me/password")
    typed = {"password": "Sieben Kacheln regnen", "again": "Sieben Kacheln regnen"}
    office.clock.offset = PROOF_LIFE
    asked = await browser.post("/accounts/me/password", page.form_token, **typed)
    assert "Bitte bestätigen Sie" in words(asked)
    assert "Kacheln" not in asked.text
    office.clock.offset = timedelta(minutes=25)
    late = await browser.post("/accounts/me/password", page.form_token, **typed)
    assert late.location == "/login?late=1"
    back = await person.touch(browser)
    assert "Kacheln" not in (await browser.get(back.location)).text
    begun = await browser.post(
        "/accounts/me/password/begin", (await browser.get("/accounts/me")).form_token
    )
    assert begun.location == "/accounts/me/password"


async def test_without_a_password_there_are_no_codes_to_make(office, browser):
    person = await somebody(office, login(), with_passkey=True)
    await person.touch(browser)
    page = await browser.get("/accounts/me")
    answer = await browser.post("/accounts/me/codes", page.form_token)
    assert answer.status == 404


async def test_language_look_and_keys_are_kept(office, browser):
    person = await somebody(office, login(), with_passkey=True)
    await person.touch(browser)
    page = await browser.get("/accounts/me")
    answer = await browser.post(
        "/accounts/me", page.form_token, language="en", theme="dark"
    )
    assert answer.status == 303
    page = await browser.get("/accounts/me")
    assert "My account" in page.text
    assert 'data-kern-theme="dark"' in page.text
    account = office.node.store.read_sync(
        lambda uow: uow.accounts.get(person.account.id)
    )
    assert (account.language, account.theme, account.single_keys) == (
        "en", "dark", False,
    )  # fmt: skip
    wrong = await browser.post(
        "/accounts/me", page.form_token, language="xx", theme="dark"
    )
    assert wrong.status == 400


# ---- A proof between a button and its effect -------------------------------------------


async def stale(office, browser, person):
    """Signed in more than five minutes ago, at the form that invites somebody."""
    await person.touch(browser)
    office.clock.offset = PROOF_LIFE
    page = await browser.get("/accounts/new")
    fields = {"name": "Ida Beleg", "login": login(), "roles": "auditor"}
    return page, fields


def known(office, fields):
    return office.node.store.read_sync(
        lambda uow: uow.accounts.by_login(fields["login"])
    )


@pytest.mark.spec("SR-B7", "SC-51")
async def test_what_weighs_asks_again_and_then_happens_with_all_that_was_typed(
    office, browser
):
    person = await somebody(office, login(), Role.ADMINISTRATOR, with_passkey=True)
    page, fields = await stale(office, browser, person)
    asked = await browser.post("/accounts/new", page.form_token, **fields)
    assert "Bitte bestätigen Sie, dass Sie es sind" in words(asked)
    assert known(office, fields) is None
    cookie = browser.cookie
    done = await browser.post(
        "/accounts/new",
        asked.form_token,
        **fields,
        _proof="passkey",
        _passkey=person.key.get(options(asked)),
    )
    assert "/setup/" in done.text
    assert known(office, fields).name == "Ida Beleg"
    # A new id (SR-B2), and the proof holds for the next five minutes.
    assert browser.cookie != cookie
    again = {**fields, "login": login()}
    page = await browser.get("/accounts/new")
    assert "/setup/" in (
        await browser.post("/accounts/new", page.form_token, **again)
    ).text  # fmt: skip


@pytest.mark.spec("SR-B7")
async def test_a_password_and_a_code_are_a_proof_too(office, browser):
    person = await somebody(office, login(), Role.ADMINISTRATOR)
    await person.enter(browser, person.code(1))
    office.clock.offset = PROOF_LIFE
    page = await browser.get("/accounts/new")
    fields = {"name": "Ida Beleg", "login": login(), "roles": "auditor"}
    half = await browser.post(
        "/accounts/new",
        page.form_token,
        **fields,
        _proof="password",
        _proof_password=person.password,
    )
    assert half.status == 422
    assert known(office, fields) is None
    assert person.password not in half.text
    done = await browser.post(
        "/accounts/new",
        half.form_token,
        **fields,
        _proof="password",
        _proof_password=person.password,
        _proof_code=person.code(),
    )
    assert "/setup/" in done.text


@pytest.mark.spec("SR-B7", "SC-51")
async def test_cancelling_returns_to_the_filled_page(office, browser):
    person = await somebody(office, login(), Role.ADMINISTRATOR, with_passkey=True)
    page, fields = await stale(office, browser, person)
    asked = await browser.post("/accounts/new", page.form_token, **fields)
    back = await browser.post(
        "/accounts/new", asked.form_token, **fields, _proof="cancel"
    )
    assert (back.status, back.location) == (303, "/accounts/new")
    page = await browser.get("/accounts/new")
    assert 'value="Ida Beleg"' in page.text
    assert known(office, fields) is None


@pytest.mark.spec("SR-B7")
@pytest.mark.parametrize(
    "proof", ["", "passkey", "password", "yes", "wrong key", "old challenge"]
)
async def test_without_a_good_proof_nothing_happens(office, browser, proof):
    person = await somebody(office, login(), Role.ADMINISTRATOR, with_passkey=True)
    other = await somebody(office, login(), Role.ADMINISTRATOR, with_passkey=True)
    page, fields = await stale(office, browser, person)
    asked = await browser.post("/accounts/new", page.form_token, **fields)
    extra = {"_proof": proof, "_proof_password": "x", "_proof_code": "000000"}
    if proof == "wrong key":
        # A passkey that is good, of somebody else.
        extra |= {"_proof": "passkey", "_passkey": other.key.get(options(asked))}
    if proof == "old challenge":
        door = await Browser(office.client).get("/login")
        extra |= {"_proof": "passkey", "_passkey": person.key.get(options(door))}
    await browser.post("/accounts/new", asked.form_token, **fields, **extra)
    assert known(office, fields) is None


@pytest.mark.spec("SR-B7")
async def test_in_the_demo_one_button_is_the_proof(office):
    browser = await office.enter(LEADER)
    office.clock.offset = PROOF_LIFE
    page = await browser.get("/accounts/new")
    fields = {"name": "Ida Beleg", "login": login(), "roles": "auditor"}
    await browser.post("/accounts/new", page.form_token, **fields)
    assert known(office, fields) is None
    done = await browser.post("/accounts/new", page.form_token, **fields, _proof="demo")
    assert "/setup/" in done.text


@pytest.mark.spec("SR-B2")
async def test_a_proof_does_not_prolong_the_eight_hours(office, browser):
    person = await somebody(office, login(), Role.ADMINISTRATOR, with_passkey=True)
    await person.touch(browser)
    for minutes in range(14, 8 * 60, 14):
        office.clock.offset = timedelta(minutes=minutes)
        page = await browser.get("/accounts/new")
        assert page.status == 200, minutes
        if minutes % 140 == 0:
            await browser.post("/accounts/new", page.form_token, name="", _proof="demo")
    office.clock.offset = timedelta(hours=8, seconds=1)
    assert (await browser.get("/accounts/new")).status == 303


# ---- The office keeps going ------------------------------------------------------------


@pytest.mark.spec("SC-13")
async def test_a_form_sent_after_the_session_is_back_in_its_page_and_can_be_saved(
    office, browser
):
    person = await somebody(office, login(), Role.ADMINISTRATOR, with_passkey=True)
    await person.touch(browser)
    page = await browser.get("/accounts/new")
    fields = {"name": "Ida Beleg", "login": login(), "roles": "auditor"}
    office.clock.offset = timedelta(minutes=16)
    late = await browser.post("/accounts/new", page.form_token, **fields)
    assert late.location == "/login?late=1"
    assert (await person.touch(browser)).location == "/accounts/new"
    page = await browser.get("/accounts/new")
    assert 'value="Ida Beleg"' in page.text
    assert "noch nicht gespeichert" in words(page)
    done = await browser.post("/accounts/new", page.form_token, **fields)
    assert "/setup/" in done.text
    assert "Ida Beleg" not in (await browser.get("/accounts/new")).text


async def test_ten_passkeys_are_enough(office):
    from node.accounts.passkey import Passkey
    from node.casework.ownaccount import add_passkey as add

    person = await somebody(office, login(), with_passkey=True)
    for n in range(10):
        key = Passkey(
            bytes([n]) * 20, person.account.id, "x", b"k", 0, office.clock.now()
        )
        if n < 9:
            office.node.store.write_sync(add, key)
    with pytest.raises(InputError):
        office.node.store.write_sync(add, key)
