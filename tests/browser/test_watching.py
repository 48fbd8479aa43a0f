"""An open page of a handover looks after itself, and moves nothing under the hand: SC-17."""

import re
from datetime import timedelta

import pytest
import pytest_asyncio
from aiohttp.test_utils import TestServer
from playwright.async_api import expect

from node.bootstrap import web_app
from node.casework.relocations import call_back
from node.sync.release import release
from tests.support.caseoffice import person
from tests.support.chromium import NEEDED
from tests.support.handed import agree, set_off
from tests.support.office import open_office
from tests.support.pair import CLERK, SAECKINGEN

SAID = "#live-said"

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    *NEEDED,
]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def wehr(tmp_path_factory):
    async with open_office(tmp_path_factory.mktemp("watching")) as office:
        port = office.node.settings.web_port
        server = TestServer(web_app(office.node), host="127.0.0.1", port=port)
        await server.start_server()
        office.origin = f"http://wehr.localhost:{port}"
        yield office
        await server.close()


async def enter(browser, office, **look):
    context = await browser.new_context(**look)
    page = await context.new_page()
    await page.clock.install()
    await page.goto(office.origin + "/login")
    await page.get_by_role("button", name="Demo c").click()
    await page.wait_for_url(office.origin + "/work")
    return page


async def queued(office):
    case = person(office, "Demo-Weg", birth_date="1990-05-04")
    agree(office.node, case)
    transfer = set_off(office.node, case, SAECKINGEN)
    await release(office.node.courier, transfer)
    return transfer


async def a_poll(page):
    """Let 15 seconds pass and the answer come; gives its status."""
    async with page.expect_response(re.compile("/outbox/")) as answer:
        await page.clock.run_for(15_000)
    return (await answer.value).status


@pytest.mark.spec("SC-17")
async def test_a_step_is_shown_and_said_once_while_focus_and_scroll_stay(
    chromium, wehr
):
    transfer = await queued(wehr)
    page = await enter(chromium, wehr, viewport={"width": 360, "height": 500})
    problems = []
    page.on("console", lambda m: problems.append(m.text) if m.type == "error" else None)
    page.on("pageerror", lambda e: problems.append(str(e)))
    await page.goto(f"{wehr.origin}/outbox/{transfer}")
    here = page.get_by_role("main").get_by_role("link", name="Weg")
    await here.focus()
    await here.scroll_into_view_if_needed()
    await expect(here).to_be_in_viewport(ratio=1)
    top = (await here.bounding_box())["y"]
    assert await a_poll(page) == 204
    assert await page.locator(SAID).inner_text() == ""
    wehr.node.store.write_sync(call_back, wehr.node.office, transfer, by=CLERK)
    assert await a_poll(page) == 200
    await expect(page.locator("[data-live]")).to_contain_text("zurückgerufen")
    told = "Wird zurückgerufen. Der Inhalt bleibt dort für immer unlesbar."
    assert await page.locator(SAID).inner_text() == told
    assert await page.locator(SAID).get_attribute("role") == "status"
    await expect(here).to_be_focused()
    assert abs((await here.bounding_box())["y"] - top) <= 1
    # Nothing goes on any more: not a node of the page changes, nothing is said again.
    await page.evaluate(
        "new MutationObserver(r => window.moved = r.length)"
        ".observe(document.body, {subtree: true, childList: true, characterData: true})"
    )
    assert await a_poll(page) == 204
    assert await page.evaluate("window.moved") is None
    assert problems == []


@pytest.mark.spec("SC-17")
async def test_what_somebody_is_just_reading_by_keyboard_changes_when_they_have_left(
    chromium, wehr
):
    transfer = await queued(wehr)
    page = await enter(chromium, wehr)
    await page.goto(f"{wehr.origin}/outbox/{transfer}")
    region = page.locator("[data-live]")
    await region.evaluate("e => { e.tabIndex = -1; e.focus() }")
    before = await region.inner_html()
    wehr.node.store.write_sync(call_back, wehr.node.office, transfer, by=CLERK)
    assert await a_poll(page) == 200
    assert await region.inner_html() == before
    await expect(region).to_be_focused()
    await region.evaluate("e => e.blur()")
    assert await a_poll(page) == 200
    await expect(region).to_contain_text("zurückgerufen")


@pytest.mark.spec("SC-17", "SR-B2")
async def test_a_page_that_watches_keeps_nobody_signed_in(chromium, wehr):
    transfer = await queued(wehr)
    page = await enter(chromium, wehr)
    await page.goto(f"{wehr.origin}/outbox/{transfer}")
    before = wehr.clock.offset
    try:
        for _ in range(4):
            wehr.clock.offset += timedelta(minutes=4)
            await a_poll(page)
        answer = await page.goto(f"{wehr.origin}/outbox/{transfer}")
        assert "/login" in answer.url
    finally:
        wehr.clock.offset = before
