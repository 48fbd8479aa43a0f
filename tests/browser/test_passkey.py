"""SC-21 in a real browser: a passkey is made at a set-up link and opens by one touch."""

import secrets

import pytest

from node.accounts.model import Role
from node.accounts.session import PROOF_LIFE
from tests.support.chromium import NEEDED
from tests.support.office import open_office
from tests.support.pair import running
from tests.support.waysin import invited

pytestmark = [*NEEDED, pytest.mark.asyncio(loop_scope="module")]
AUTHENTICATOR = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
}


async def with_authenticator(chromium, **changes):
    """A page whose browser has a passkey store of its own."""
    context = await chromium.new_context()
    page = await context.new_page()
    said = []
    page.on("console", lambda message: said.append(message.text))
    session = await context.new_cdp_session(page)
    await session.send("WebAuthn.enable")
    made = await session.send(
        "WebAuthn.addVirtualAuthenticator", {"options": {**AUTHENTICATOR, **changes}}
    )
    return page, session, made["authenticatorId"], said


async def set_up(page, origin, link):
    await page.goto(f"{origin}/setup/{link}")
    await page.get_by_label("Name dieses Passkeys").fill("Laptop im Büro")
    await page.get_by_role("button", name="Passkey einrichten").click()
    await page.get_by_role("heading", name="Ihr Zugang ist eingerichtet").wait_for()


@pytest.mark.spec("SC-21", "SR-B4")
async def test_a_passkey_is_made_and_then_opens_with_one_touch(tmp_path, chromium):
    async with open_office(tmp_path) as office, running(office.node, worker=False):
        origin = office.node.settings.web_url
        _, link = invited(office, "mila", frozenset({Role.CASEWORKER}))
        page, session, keys, said = await with_authenticator(chromium)
        await set_up(page, origin, link)
        await page.get_by_role("link", name="Anmelden").click()
        await page.get_by_role("button", name="Mit Passkey anmelden").click()
        await page.wait_for_url(origin + "/work")
        # A second one under Mein Konto, made by the same touch; both have names.
        await page.goto(origin + "/accounts/me")
        assert await page.get_by_text("Laptop im Büro", exact=True).is_visible()
        stored = await session.send(
            "WebAuthn.getCredentials", {"authenticatorId": keys}
        )
        assert [c["isResidentCredential"] for c in stored["credentials"]] == [True]
        # A finger that is not the owner's: nothing opens, and the page says so.
        await page.get_by_role("button", name="Abmelden").click()
        await session.send(
            "WebAuthn.setUserVerified",
            {"authenticatorId": keys, "isUserVerified": False},
        )
        await page.get_by_role("button", name="Mit Passkey anmelden").click()
        await page.get_by_text("Der Passkey hat nicht geantwortet.").wait_for()
        assert page.url.startswith(origin + "/login")
        # Chromium tells of what signing out cleared; nothing else is said.
        assert [text for text in said if "Clear-Site-Data" not in text] == []


@pytest.mark.spec("SC-21")
async def test_without_scripts_the_passkey_is_absent_and_the_password_is_there(
    tmp_path, chromium
):
    async with open_office(tmp_path) as office, running(office.node, worker=False):
        origin = office.node.settings.web_url
        context = await chromium.new_context(java_script_enabled=False)
        page = await context.new_page()
        await page.goto(origin + "/login")
        passkey = page.get_by_role("button", name="Mit Passkey anmelden")
        assert await passkey.count() == 0
        assert await page.get_by_role("button", name="Weiter zum Code").is_visible()


@pytest.mark.spec("SC-51", "SR-B7")
async def test_a_touch_confirms_what_weighs(tmp_path, chromium):
    async with open_office(tmp_path) as office, running(office.node, worker=False):
        origin = office.node.settings.web_url
        _, link = invited(office, "resi", frozenset({Role.ADMINISTRATOR}))
        page, *_ = await with_authenticator(chromium)
        await set_up(page, origin, link)
        await page.goto(origin + "/login")
        await page.get_by_role("button", name="Mit Passkey anmelden").click()
        await page.wait_for_url(origin + "/status")
        await page.goto(origin + "/accounts/new")
        await page.get_by_label("Vor- und Nachname").fill("Ida Beleg")
        await page.get_by_label("Benutzername").fill(secrets.token_hex(4))
        await page.get_by_label("Prüfung").check()
        office.clock.offset = office.clock.offset + PROOF_LIFE
        await page.get_by_role("button", name="Link erstellen").click()
        await page.get_by_role("heading", name="Bitte bestätigen Sie").wait_for()
        await page.get_by_role("button", name="Mit Passkey bestätigen").click()
        await page.get_by_label("Link", exact=True).wait_for()
