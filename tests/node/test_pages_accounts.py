"""S14 and the operator's way in: links that work once, roles that fit, sessions that end."""

import json
import re
import secrets

import pytest
from typer.testing import CliRunner

from node.accounts.model import EXCLUDED, SETUP_LIFE, Bearer, Role
from node.accounts.policy import OPERATOR, Actor
from node.accounts.secondfactor import Authenticator
from node.bootstrap import own_hands
from node.casework import staff
from node.casework.ownaccount import NewPassword
from node.casework.staff import Invitation, Newcomer, TokenWish
from node.cli.app import app
from node.errors import ConflictError, ForbiddenError, InputError, NotFoundError
from node.ids import AccountId
from node.web.pages.accounts import CHOICES
from tests.support.browser_by_hand import Browser, words
from tests.support.office import AUDITOR, LEADER, open_office
from tests.support.pair import APPROVER, CLERK, WEHR, found_pair
from tests.support.waysin import GOOD, Person, invited, set_up, somebody

pytestmark = pytest.mark.asyncio(loop_scope="module")


def password(office, account):
    return office.node.store.read_sync(lambda uow: uow.accounts.password(account.id))


# ---- Links -----------------------------------------------------------------------------


@pytest.mark.spec("SR-B6")
async def test_a_link_sets_one_password_and_then_the_person_signs_in(office):
    account, link = invited(office, "nora")
    done, secret = await set_up(office, link)
    assert "Ihr Zugang ist eingerichtet" in words(done)
    nora = Person(office, account, secret)
    # The code of the set-up is used; the next one opens.
    answer = await nora.enter(Browser(office.client), nora.code(1))
    assert (answer.status, answer.location) == (303, "/inbox")
    assert password(office, account).startswith("$argon2id$")
    again, _ = await set_up(office, link)
    assert (again.status, "gilt nicht mehr" in words(again)) == (404, True)


@pytest.mark.spec("SR-B6")
async def test_a_link_is_over_after_15_minutes_and_looks_like_one_never_made(office):
    account, link = invited(office, "spaet")
    office.clock.offset = SETUP_LIFE
    late, _ = await set_up(office, link)
    never, _ = await set_up(office, Bearer.of(bytes(32)))
    wrong, _ = await set_up(office, "x")
    assert {page.status for page in (late, never, wrong)} == {404}
    assert words(late) == words(never) == words(wrong)
    assert password(office, account) is None


@pytest.mark.parametrize(
    ("text", "again", "code", "sentence"),
    [
        ("Kachel42", None, None, "mindestens 12 Zeichen"),
        ("x" * 257, None, None, "höchstens 256 Zeichen"),
        ("passwort1234567", None, None, "würden andere zuerst probieren"),
        (GOOD, GOOD + "!", None, "Beide Eingaben müssen gleich sein."),
        (GOOD, None, "000000", "Dieser Code passt nicht."),
        (GOOD, None, "abc", "Dieser Code passt nicht."),
    ],
)
async def test_a_refused_password_does_not_use_the_link_up(
    office, text, again, code, sentence
):
    account, link = invited(office, f"p{secrets.token_hex(4)}")
    answer, _ = await set_up(office, link, text, again or "", code or "")
    assert answer.status == 422
    assert sentence in words(answer)
    assert text not in answer.text
    assert password(office, account) is None
    done, _ = await set_up(office, link)
    assert "Ihr Zugang ist eingerichtet" in words(done)


async def test_a_new_link_ends_the_one_before(office):
    account, first = invited(office, "zweimal")
    second = Bearer.of(secrets.token_bytes(32))
    office.node.store.write_sync(
        staff.invite_again,
        Invitation(account.id, second, office.clock.now()),
        by=LEADER,
    )
    assert (await set_up(office, first))[0].status == 404
    assert (await set_up(office, second))[0].status == 200


async def test_somebody_with_a_password_gets_no_new_link(office):
    account, link = invited(office, "fertig")
    await set_up(office, link)
    with pytest.raises(InputError):
        office.node.store.write_sync(
            staff.invite_again,
            Invitation(account.id, link, office.clock.now()),
            by=LEADER,
        )


# ---- The administrator -----------------------------------------------------------------


@pytest.mark.spec("SC-65")
async def test_an_administrator_invites_and_sees_the_link_once(office):
    browser = await office.enter(LEADER)
    page = await browser.get("/accounts/new")
    answer = await browser.post(
        "/accounts/new", page.form_token, name="Ida Neu", login="ida", roles="auditor"
    )
    found = re.search(r"/setup/([A-Za-z0-9_-]{43})", answer.text)
    assert found
    done, _ = await set_up(office, found[1])
    assert "Ihr Zugang ist eingerichtet" in words(done)
    again, _ = await set_up(office, found[1])
    assert again.status == 404
    listed = await browser.get("/accounts")
    assert "Ida Neu" in words(listed)
    assert found[1] not in listed.text


@pytest.mark.spec("SC-65", "DO-39")
async def test_no_choice_holds_a_pair_that_excludes_each_other(office):
    for roles in CHOICES.values():
        assert not any(pair <= roles for pair in EXCLUDED)
    browser = await office.enter(LEADER)
    page = await browser.get("/accounts/new")
    answer = await browser.post(
        "/accounts/new",
        page.form_token,
        name="Ida",
        login="ida2",
        roles="administrator,auditor",
    )
    assert answer.status == 422
    for pair in EXCLUDED:
        with pytest.raises(InputError):
            invited(office, f"x{secrets.token_hex(4)}", pair)


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"name": "", "login": "a", "roles": "auditor"}, "name"),
        ({"name": "A", "login": " ", "roles": "auditor"}, "login"),
        ({"name": "A", "login": "a"}, "roles"),
        ({"name": "A" * 201, "login": "lang", "roles": "auditor"}, "name"),
        ({"name": "A", "login": " DEMO-LEITUNG", "roles": "auditor"}, "login"),
    ],
)
async def test_a_wrong_invitation_is_named_at_its_field(office, fields, field):
    browser = await office.enter(LEADER)
    page = await browser.get("/accounts/new")
    answer = await browser.post("/accounts/new", page.form_token, **fields)
    assert answer.status == 422
    assert f'href="#f-{field}"' in answer.text


@pytest.mark.spec("SR-B8")
@pytest.mark.parametrize("actor", [CLERK, APPROVER, AUDITOR])
async def test_other_roles_manage_nobody(office, actor):
    browser = await office.enter(actor)
    page = await browser.get("/accounts")
    assert page.status == 403
    for path in ("/accounts/new", f"/accounts/{LEADER.account}/end"):
        answer = await browser.post(path, page.form_token, name="A", login="a")
        assert answer.status == 403
    with pytest.raises(ForbiddenError):
        office.node.store.write_sync(
            staff.end_account, APPROVER.account, office.clock.now(), by=actor
        )


@pytest.mark.spec("SR-B2", "SC-65")
async def test_who_leaves_is_out_within_one_request(office):
    leaver = await somebody(office, "geht")
    gone = Browser(office.client)
    await leaver.enter(gone, leaver.code(1))
    assert (await gone.get("/inbox")).status == 200
    browser = await office.enter(LEADER)
    page = await browser.get(f"/accounts/{leaver.account.id}/end")
    await browser.post(f"/accounts/{leaver.account.id}/end", page.form_token)
    assert (await gone.get("/inbox")).status == 303
    # Also somebody who began today, and on the same day.
    assert (await leaver.first_step(Browser(office.client))).status == 422


async def test_the_last_administrator_and_oneself_cannot_be_ended(office):
    browser = await office.enter(LEADER)
    page = await browser.get(f"/accounts/{LEADER.account}/end")
    answer = await browser.post(f"/accounts/{LEADER.account}/end", page.form_token)
    assert answer.status == 409
    other = Actor(AccountId("f" * 32), frozenset({Role.ADMINISTRATOR}))
    with pytest.raises(InputError, match="last_administrator"):
        office.node.store.write_sync(
            staff.end_account, LEADER.account, office.clock.now(), by=other
        )


# ---- The own account -------------------------------------------------------------------


@pytest.mark.spec("SR-B2")
async def test_the_own_sessions_are_listed_and_each_can_be_ended(office):
    here, there = await office.enter(CLERK), await office.enter(CLERK)
    page = await here.get("/accounts/me")
    assert "dieses Gerät" in words(page)
    keys = re.findall(r'name="session" value="([0-9a-f]{64})"', page.text)
    for key in keys:
        await here.post("/accounts/me/sessions", page.form_token, session=key)
    assert (await there.get("/accounts/me")).status == 303
    assert (await here.get("/accounts/me")).status == 200


async def test_the_session_of_somebody_else_is_not_ended(office):
    mine, other = await office.enter(CLERK), await office.enter(APPROVER)
    theirs = office.node.store.read_sync(lambda uow: uow.sessions.of(APPROVER.account))
    page = await mine.get("/accounts/me")
    for session in theirs:
        await mine.post(
            "/accounts/me/sessions", page.form_token, session=session.token_hash.hex()
        )
    assert (await other.get("/accounts/me")).status == 200
    wrong = await mine.post("/accounts/me/sessions", page.form_token, session="zz")
    assert wrong.status == 404


# ---- The operator ----------------------------------------------------------------------


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return found_pair(tmp_path_factory.mktemp("town"), own_hands())[WEHR]


def run(folder, *words):
    return CliRunner().invoke(app, ["account", *words, "--data", str(folder)])


@pytest.mark.spec("SR-B6")
async def test_the_operator_lets_one_administrator_in_and_no_second(folder):
    first = run(folder, "setup", "--login", "leitung", "--name", "Petra")
    assert first.exit_code == 0
    assert re.search(
        r"http://wehr\.localhost:\d+/setup/[A-Za-z0-9_-]{43}", first.output
    )
    # The link ran out: the same person gets another one, somebody else does too.
    again = run(folder, "setup", "--login", "LEITUNG", "--name", "Petra")
    assert again.exit_code == 0
    listed = json.loads(run(folder, "list", "--json").output)
    assert [a["login"] for a in listed["accounts"]] == ["leitung"]
    assert listed["accounts"][0]["set_up"] is False


@pytest.mark.spec("SR-B11")
async def test_a_token_is_shown_once_and_stored_as_digest_only(folder):
    made = run(
        folder, "token", "--scope", "relocations:write", "--label", "Meldewesen",
        "--days", "30",
    )  # fmt: skip
    token = re.search(r"[A-Za-z0-9_-]{43}", made.output)
    assert token
    listed = run(folder, "list")
    assert "Meldewesen" in listed.output
    assert token[0] not in listed.output
    assert token[0].encode() not in (folder / "node.db").read_bytes()


@pytest.mark.parametrize(
    "options",
    [
        ("--scope", "everything", "--label", "x", "--days", "1"),
        ("--scope", "relocations:write", "--label", "x", "--days", "0"),
        ("--scope", "relocations:write", "--label", "x", "--days", "401"),
        ("--scope", "relocations:write", "--label", " ", "--days", "1"),
        ("--label", "x", "--days", "1"),
    ],
)
async def test_a_wrong_token_is_not_made(folder, options):
    before = run(folder, "list", "--json").output
    assert run(folder, "token", *options).exit_code != 0
    assert run(folder, "list", "--json").output == before


async def test_a_folder_without_a_node_is_told(tmp_path):
    answer = run(tmp_path, "list")
    assert answer.exit_code != 0


@pytest.mark.spec("SR-B6")
async def test_with_an_administrator_who_can_sign_in_the_operator_adds_none(tmp_path):
    # An office of its own: a second administrator would let the first one be ended.
    async with open_office(tmp_path) as office:
        leader = (await somebody(office, "erste", Role.ADMINISTRATOR)).account
        fresh = Invitation(
            AccountId.of(bytes(16)), Bearer.of(bytes(32)), office.clock.now()
        )
        for login in ("zweite", leader.login):
            with pytest.raises(InputError, match="administrator_exists"):
                office.node.store.write_sync(
                    staff.invite_first,
                    Newcomer(login, "Zweite", frozenset({Role.ADMINISTRATOR})),
                    fresh,
                    by=OPERATOR,
                )


async def test_the_table_is_asked_by_each_use_case(office):
    write, at = office.node.store.write_sync, office.clock.now()
    wish = TokenWish("x", frozenset(), at)
    fresh = Invitation(AccountId.of(bytes(16)), Bearer.of(bytes(32)), at)
    newcomer = Newcomer("n", "N", frozenset({Role.AUDITOR}))
    for act in (
        lambda: write(staff.invite, newcomer, fresh, by=CLERK),
        lambda: write(staff.invite_first, newcomer, fresh, by=APPROVER),
        lambda: write(staff.invite_again, fresh, by=AUDITOR),
        lambda: write(staff.issue_token, wish, bytes(32), by=CLERK),
    ):
        with pytest.raises(ForbiddenError):
            act()
    with pytest.raises(InputError):
        write(staff.issue_token, wish, bytes(32), by=OPERATOR)
    with pytest.raises(NotFoundError):
        write(
            staff.set_up,
            bytes(32),
            NewPassword(GOOD, "x", "Wehr", Authenticator(LEADER.account, "A" * 32), ()),
            at,
        )
    with pytest.raises(ConflictError):
        write(
            staff.invite,
            Newcomer("demo-leitung", "N", newcomer.roles),
            fresh,
            by=LEADER,
        )
