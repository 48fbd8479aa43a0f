"""What people set in their system, and paper: SC-20. Going back after signing out: SC-15."""

import re

import pytest
import pytest_asyncio
from aiohttp.test_utils import TestServer
from playwright.async_api import expect

from node.bootstrap import web_app
from node.sync.release import release
from tests.support.chromium import NEEDED
from tests.support.handed import agree, set_off
from tests.support.office import AUDITOR, LEADER, open_office
from tests.support.pair import APPROVER, CLERK, SAECKINGEN, open_case

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    *NEEDED,
]

MOVES = """() => [...document.querySelectorAll('*')].filter(e =>
  ['', '::before', '::after'].some(p => {
    const s = getComputedStyle(e, p || null);
    const seconds = list => list.split(',').some(t => parseFloat(t) > 0);
    return (seconds(s.transitionDuration) && s.transitionProperty !== 'none')
      || (s.animationName !== 'none' && seconds(s.animationDuration));
  })).map(e => e.outerHTML.slice(0, 80))"""
# Badges and steps say their state in letters, whatever becomes of colours and masks.
WORDLESS = """() => [...document.querySelectorAll('.kern-badge, .tag, .step')]
  .filter(e => e.offsetParent !== null && !/\\p{L}/u.test(e.innerText))
  .map(e => e.outerHTML.slice(0, 80))"""
INVISIBLE = """() => [...document.querySelectorAll('.kern-badge *, .tag, .step__label')]
  .filter(e => e.innerText && getComputedStyle(e).color ===
    getComputedStyle(e.closest('main')).backgroundColor)
  .map(e => e.outerHTML.slice(0, 80))"""
ON_PAPER = """() => [...document.querySelectorAll(
  'nav, button, .kern-btn, [role=navigation], input[type=submit]')]
  .filter(e => e.getClientRects().length).map(e => e.outerHTML.slice(0, 100))"""
SPLIT = """() => [...document.querySelectorAll(
  'main tr, main li, main article, .kern-summary, .kern-alert')]
  .filter(e => e.getClientRects().length && getComputedStyle(e).breakInside !== 'avoid')
  .map(e => e.outerHTML.slice(0, 80))"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def wehr(tmp_path_factory):
    async with open_office(tmp_path_factory.mktemp("paper")) as office:
        port = office.node.settings.web_port
        server = TestServer(web_app(office.node), host="127.0.0.1", port=port)
        await server.start_server()
        office.origin = f"http://wehr.localhost:{port}"
        office.case = open_case(office.node, "Demo-Blatt")
        agree(office.node, office.case)
        office.held = set_off(
            office.node, open_case(office.node, "Demo-Halt"), SAECKINGEN
        )
        office.sent = set_off(office.node, office.case, SAECKINGEN)
        for transfer in (office.held, office.sent):
            await release(office.node.courier, transfer)
        yield office
        await server.close()


async def enter(browser, office, who, **look):
    context = await browser.new_context(**look)
    page = await context.new_page()
    await page.goto(office.origin + "/login")
    await page.locator(f'form:has([value="{who.account}"]) button').click()
    await expect(page.get_by_role("button", name="Abmelden")).to_be_visible()
    return page


def pages(office):
    """Where each role works, and the kinds of page: list, form, track, table, report."""
    case = f"/cases/{office.case}"
    yield CLERK, [
        "/work", "/cases", case, f"{case}/plan", f"{case}/details", f"{case}/consents",
        f"{case}/transfers", f"{case}/household", f"{case}/documents", "/contacts/new",
        "/outbox", f"/outbox/{office.sent}", f"/relocations/{office.held}", "/reports",
    ]  # fmt: skip
    yield APPROVER, ["/inbox", "/outbox", "/directory", "/exchangelog"]
    yield LEADER, ["/status", "/accounts", "/settings", "/directory"]
    yield AUDITOR, ["/exchangelog", "/reports"]


async def each(browser, office, **look):
    for who, paths in pages(office):
        page = await enter(browser, office, who, **look)
        for path in paths:
            answer = await page.goto(office.origin + path)
            assert answer.status == 200, path
            yield path, page
        await page.context.close()


@pytest.mark.spec("SC-20")
async def test_nothing_moves_for_who_wants_no_motion(chromium, wehr):
    found = []
    async for path, page in each(chromium, wehr, reduced_motion="reduce"):
        found += [(path, e) for e in await page.evaluate(MOVES)]
    assert found == []


@pytest.mark.spec("SC-20")
async def test_with_forced_colours_every_status_is_a_word(chromium, wehr):
    found, seen = [], 0
    async for path, page in each(chromium, wehr, forced_colors="active"):
        seen += await page.locator(".kern-badge, .step").count()
        found += [(path, e) for e in await page.evaluate(WORDLESS)]
        found += [(path, e) for e in await page.evaluate(INVISIBLE)]
    assert seen > 5
    assert found == []


@pytest.mark.spec("SC-20")
async def test_on_paper_stand_the_body_and_the_day_and_nothing_to_press(chromium, wehr):
    found = []
    today = wehr.clock.now().strftime("%d.%m.%Y")
    async for path, page in each(chromium, wehr):
        await page.emulate_media(media="print")
        found += [(path, e) for e in await page.evaluate(ON_PAPER)]
        found += [(path, e) for e in await page.evaluate(SPLIT)]
        shown = await page.locator("body").inner_text()
        if "Wehr" not in shown or not re.search(rf"gedruckt am {today}", shown):
            found.append((path, "neither body nor day"))
    assert found == []


@pytest.mark.spec("SC-15")
async def test_going_back_after_signing_out_shows_nothing_of_the_case(chromium, wehr):
    page = await enter(chromium, wehr, CLERK)
    await page.goto(f"{wehr.origin}/cases/{wehr.case}")
    await page.goto(f"{wehr.origin}/cases/{wehr.case}/plan")
    await page.get_by_role("button", name="Abmelden").click()
    await page.wait_for_url(re.compile("/login"))
    for _ in range(3):
        await page.go_back()
        assert "Demo-Blatt" not in await page.content()


@pytest.mark.spec("SC-15")
async def test_a_double_click_reload_and_going_back_record_one_contact(chromium, wehr):
    case = open_case(wehr.node, "Demo-Doppelt")
    page = await enter(chromium, wehr, CLERK)

    def contacts():
        content = wehr.node.store.read_sync(lambda uow: uow.cases.content(case))
        return len(content.of("contact"))

    before = contacts()
    await page.goto(f"{wehr.origin}/contacts/new?case={case}")
    await page.get_by_role("radio", name="Arbeit").check()
    await page.get_by_role("button", name="Speichern", exact=True).dblclick()
    # The second click may break off the first one's navigation, so none is waited for.
    await expect(page).to_have_url(
        re.compile(r"/contacts/new(?!.*case)|/cases/|/work"), timeout=30_000
    )
    assert contacts() == before + 1
    await page.reload()
    assert contacts() == before + 1
    await page.go_back()
    await page.wait_for_load_state()
    assert contacts() == before + 1
