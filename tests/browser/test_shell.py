"""The shell in a real browser: sign-in over plain HTTP, access, sizes, nothing from outside."""

import pytest
import pytest_asyncio
from aiohttp.test_utils import TestServer, unused_port

from tests.support.chromium import NEEDED, axe
from tests.support.style_page import stage

PAGES = ["/style", "/nowhere", "/work"]

pytestmark = [*NEEDED, pytest.mark.asyncio(loop_scope="module")]

SMALL_TARGETS = """least => [...document.querySelectorAll(
  'a[href], button, input:not([type=hidden]), select, textarea, summary')]
  .filter(e => e.offsetParent !== null && !e.closest('p, li, dd, .skip'))
  .map(e => [e, (e.labels && e.labels[0] || e).getBoundingClientRect(),
             e.getBoundingClientRect()])
  .filter(([, label, box]) => Math.max(label.height, box.height) < least
                           || Math.max(label.width, box.width) < least)
  .map(([e]) => e.outerHTML.slice(0, 120))"""


@pytest_asyncio.fixture(loop_scope="module")
async def origin():
    port = unused_port()
    address = f"http://wehr.localhost:{port}"
    server = TestServer(stage(address).app, host="127.0.0.1", port=port)
    await server.start_server()
    yield address
    await server.close()


async def enter(page, origin):
    await page.goto(origin + "/login")
    await page.get_by_role("button", name="Anmelden als Anna Beispiel").click()
    await page.wait_for_url(origin + "/work")


async def visit(page, origin):
    """Every page of the shell: the door from outside, the others from inside."""
    await page.goto(origin + "/login")
    yield "/login"
    await enter(page, origin)
    for path in PAGES:
        await page.goto(origin + path)
        yield path


@pytest.mark.spec("SR-B2", "SC-7")
async def test_signing_in_and_out_works_without_scripts_on_a_localhost_name(
    chromium, origin
):
    context = await chromium.new_context(java_script_enabled=False)
    page = await context.new_page()
    await enter(page, origin)
    [cookie] = await context.cookies()
    assert (cookie["name"], cookie["secure"], cookie["httpOnly"], cookie["sameSite"]) == (
        "__Host-sid", True, True, "Strict",
    )  # fmt: skip
    await page.get_by_role("button", name="Abmelden").click()
    await page.wait_for_url(origin + "/login?bye=1")
    assert await page.get_by_text("Sie sind abgemeldet.").is_visible()
    await page.goto(origin + "/work")
    assert page.url.startswith(origin + "/login")


@pytest.mark.spec("SC-2")
@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 320)])
async def test_axe_finds_nothing(chromium, origin, scheme, width):
    context = await chromium.new_context(
        color_scheme=scheme, viewport={"width": width, "height": 900}
    )
    page = await context.new_page()
    async for path in visit(page, origin):
        result = await axe(page)
        assert result == [], path


@pytest.mark.spec("SC-3")
async def test_no_page_scrolls_sideways_on_the_narrowest_screen(chromium, origin):
    page = await chromium.new_page(viewport={"width": 320, "height": 700})
    async for path in visit(page, origin):
        assert await page.evaluate("document.documentElement.scrollWidth") <= 320, path


@pytest.mark.spec("SC-4")
@pytest.mark.parametrize(("width", "least"), [(1280, 24), (360, 44)])
async def test_what_can_be_touched_is_large_enough(chromium, origin, width, least):
    page = await chromium.new_page(viewport={"width": width, "height": 800})
    async for path in visit(page, origin):
        assert await page.evaluate(SMALL_TARGETS, least) == [], path


@pytest.mark.spec("SC-8")
async def test_nothing_comes_from_elsewhere_and_the_console_stays_silent(
    chromium, origin
):
    page = await chromium.new_page()
    said, asked = [], []
    page.on("console", lambda message: said.append(message.text))
    page.on("request", lambda request: asked.append(request.url))
    await enter(page, origin)
    for path in ("/login", "/style", "/work"):
        await page.goto(origin + path)
    assert said == []
    assert [url for url in asked if not url.startswith(origin + "/")] == []


@pytest.mark.spec("SC-5")
async def test_the_skip_link_is_the_first_stop_and_leads_to_the_content(
    chromium, origin
):
    page = await chromium.new_page()
    await page.goto(origin + "/nowhere")
    await page.keyboard.press("Tab")
    assert await page.evaluate("document.activeElement.className") == "skip"
    await page.keyboard.press("Enter")
    assert await page.evaluate("document.activeElement.id") == "content"


@pytest.mark.spec("SC-10")
async def test_an_invalid_form_puts_the_focus_on_its_summary(chromium, origin):
    page = await chromium.new_page()
    await page.goto(origin + "/login")
    await page.get_by_label("Name").fill("Anna")
    await page.get_by_role("button", name="Weiter zum Code").click()
    summary = page.get_by_role("group", name="Bitte sehen Sie 1 Angabe noch einmal an")
    assert await summary.evaluate("e => e === document.activeElement")
    await summary.get_by_role("link").click()
    assert await page.evaluate("document.activeElement.id") == "f-password"
    assert await page.get_by_label("Name").input_value() == "Anna"


@pytest.mark.spec("SC-19")
async def test_a_first_view_is_light(chromium, origin):
    page = await chromium.new_page()
    session = await page.context.new_cdp_session(page)
    await session.send("Network.enable")
    sizes = []
    session.on(
        "Network.loadingFinished", lambda e: sizes.append(e["encodedDataLength"])
    )
    await page.goto(origin + "/login", wait_until="networkidle")
    assert sum(sizes) <= 180 * 1024
