"""S1 and S14 in a real browser: axe finds nothing, nothing scrolls sideways."""

import pytest

from node.accounts.session import PROOF_LIFE
from tests.browser.test_shell import SMALL_TARGETS
from tests.support.chromium import NEEDED, axe, launched
from tests.support.office import open_office
from tests.support.pair import CLERK, open_case, running
from tests.support.waysin import invited

pytestmark = NEEDED


async def visit(page, origin, office):
    """Every page of the room, from outside and from inside."""
    _, link = invited(office, f"neu{page.viewport_size['width']}")
    for path in ("/login", "/login?late=1", f"/setup/{link}"):
        await page.goto(origin + path)
        yield path
    await page.goto(origin + "/login")
    await page.get_by_role("button", name="Demo-Leitung").click()
    await page.wait_for_url(origin + "/status")
    clerk = f"/accounts/{CLERK.account}"
    for path in (
        "/accounts", "/accounts/me", "/accounts/me/password", "/accounts/new",
        "/accounts/changes", "/deputies", f"{clerk}/roles", f"{clerk}/reset",
        f"{clerk}/caseload",
    ):  # fmt: skip
        await page.goto(origin + path)
        yield path
    await page.goto(origin + f"{clerk}/reset")
    office.clock.offset += PROOF_LIFE
    await page.get_by_role("button", name="Zurücksetzen beantragen").click()
    await page.get_by_role("heading", name="Bitte bestätigen Sie").wait_for()
    yield "the proof"
    await page.get_by_role("button", name="Ja, ich bin es (Demo)").click()
    await page.wait_for_url(origin + "/accounts/changes")
    await page.locator("a[href^='/accounts/changes/']").first.click()
    yield "a change"


@pytest.mark.spec("SC-2", "SC-3", "SC-4")
@pytest.mark.parametrize(
    ("scheme", "width", "least"), [("light", 1280, 24), ("dark", 320, 44)]
)
async def test_the_pages_of_accounts_are_for_everybody(tmp_path, scheme, width, least):
    async with (
        open_office(tmp_path) as office,
        running(office.node, worker=False),
        launched() as chromium,
    ):
        open_case(office.node)
        context = await chromium.new_context(
            color_scheme=scheme, viewport={"width": width, "height": 900}
        )
        page = await context.new_page()
        async for path in visit(page, office.node.settings.web_url, office):
            found = await axe(page)
            assert found == [], path
            wide = await page.evaluate("document.documentElement.scrollWidth")
            assert wide <= width, path
            assert await page.evaluate(SMALL_TARGETS, least) == [], path
