"""The case file in a real browser: access, narrow screens, three actions, no scripts."""

import re

import pytest
import pytest_asyncio
from aiohttp.test_utils import TestServer

from node.bootstrap import web_app
from node.casework import plans
from node.casework.records import Place, add_record
from node.ids import RecordId
from tests.support.chromium import NEEDED, axe
from tests.support.office import open_office
from tests.support.pair import CLERK, open_case

GOAL = RecordId("9" * 32)

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    *NEEDED,
]

# Links within sentences and lists are as high as their line.
SMALL_TARGETS = """least => [...document.querySelectorAll(
  'main a[href], main button, main input:not([type=hidden]), main select, main textarea,'
  + 'main summary')]
  .filter(e => e.offsetParent !== null && !e.closest('p, li > a, dd, th'))
  .map(e => [e, (e.labels && e.labels[0] || e).getBoundingClientRect(),
             e.getBoundingClientRect()])
  .filter(([, label, box]) => Math.max(label.height, box.height) < least)
  .map(([e]) => e.outerHTML.slice(0, 120))"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def wehr(tmp_path_factory):
    async with open_office(tmp_path_factory.mktemp("browser")) as office:
        node = office.node
        port = node.settings.web_port
        server = TestServer(web_app(node), host="127.0.0.1", port=port)
        await server.start_server()
        office.origin = f"http://wehr.localhost:{port}"
        yield office
        await server.close()


def a_case(office, name):
    """A case with a plan of one goal, a title, a flag and a member of the household."""
    node = office.node
    case = open_case(node, name)
    write = node.store.write_sync
    place = Place(case, RecordId("8" * 32), 1)
    idea = plans.Idea({"area": "04", "text": "Arbeit", "sign": "Vertrag"}, GOAL)
    write(plans.begin, node.office, place, [idea], by=CLERK)
    for number, kind, values in (
        ("1", "residence", {"residence": "zz-test", "valid_until": "2027-01-01"}),
        ("2", "protection", {"protection": "address_blocked"}),
        (
            "3",
            "measure",
            {"goal": str(GOAL), "text": "Lebenslauf", "status": "running"},
        ),
    ):
        place = Place(case, RecordId(number * 32), 1)
        write(add_record, node.office, place, kind, values, by=CLERK)
    return f"/cases/{case}"


def pages(case):
    return [
        case,
        *(f"{case}/{page}" for page in ("plan", "details", "household")),
        *(f"{case}/plan/{page}" for page in ("goals", "agree", "review", "print")),
        *(f"{case}/details/{sheet}" for sheet in ("home", "protection", "care")),
        f"{case}/details/residence/{'1' * 32}",
        f"{case}/details/goal/{GOAL}",
        f"{case}/protection/{'2' * 32}",
        f"{case}/records/{'1' * 32}",
        f"{case}/household/join",
    ]


async def enter(browser, office, **look):
    context = await browser.new_context(**look)
    page = await context.new_page()
    await page.goto(office.origin + "/login")
    await page.get_by_role("button", name="Demo c").click()
    await page.wait_for_url(office.origin + "/work")
    return page


@pytest.mark.spec("SC-2", "SC-3", "SC-4", "SC-5", "SC-8")
@pytest.mark.parametrize(
    ("scheme", "width", "least"), [("light", 1280, 24), ("dark", 320, 44)]
)
async def test_every_page_of_the_case_can_be_used_by_everybody(
    chromium, wehr, scheme, width, least
):
    case = a_case(wehr, "Demo-Weide")
    page = await enter(
        chromium,
        wehr,
        color_scheme=scheme,
        # So high that the bar at the thumb lies over nothing.
        viewport={"width": width, "height": 6000},
    )
    complaints = []
    page.on("console", lambda message: complaints.append(message.text))
    for path in pages(case):
        answer = await page.goto(wehr.origin + path)
        assert answer.status == 200, path
        result = await axe(page)
        assert result == [], path
        assert await page.evaluate("document.documentElement.scrollWidth") <= width
        small = await page.evaluate(SMALL_TARGETS, least)
        assert small == [], (path, small)
        assert await page.locator("h1").count() == 1
        assert "Weide" not in await page.title()
    assert complaints == []


@pytest.mark.spec("SC-25", "SC-7", "FR-9")
async def test_a_goal_is_put_off_in_three_actions_without_scripts(chromium, wehr):
    case = a_case(wehr, "Demo-Pappel")
    page = await enter(chromium, wehr, java_script_enabled=False)
    await page.goto(f"{wehr.origin}{case}/plan")
    listed = page.get_by_role("main").get_by_role("listitem")
    goal = listed.filter(has_text="Woran merken wir es?").first
    await goal.get_by_label("Status").select_option("postponed")
    await goal.get_by_role("button", name="Übernehmen").click()
    assert (await page.title()).startswith("Fehler:")
    assert await goal.get_by_label("Status").input_value() == "postponed"
    assert await page.locator("[aria-invalid=true]").count() == 1
    await page.goto(f"{wehr.origin}{case}/plan")
    await goal.get_by_label("Status").select_option("postponed")
    await goal.get_by_label("Grund").select_option("waiting_list")
    await goal.get_by_role("button", name="Übernehmen").click()
    saved = page.locator(".saved")
    assert "verschoben" in re.sub(r"\s+", " ", await saved.inner_text())


@pytest.mark.spec("SC-11", "SC-7")
async def test_two_tabs_are_settled_without_scripts(chromium, wehr):
    case = a_case(wehr, "Demo-Erle")
    first = await enter(chromium, wehr, java_script_enabled=False)
    second = await first.context.new_page()
    sheet = f"{wehr.origin}{case}/details/residence/{'1' * 32}"
    for page in (first, second):
        await page.goto(sheet)
    for page, authority in ((first, "Amt eins"), (second, "Amt zwei")):
        await page.get_by_label("Behörde").fill(authority)
        await page.get_by_role("button", name="Speichern").click()
    await second.get_by_role("heading", name="Jemand war schneller").wait_for()
    assert await second.get_by_text("Amt eins").is_visible()
    await second.get_by_role("button", name="Meine übernehmen").click()
    await second.goto(f"{wehr.origin}{case}/records/{'1' * 32}")
    assert await second.get_by_text("Amt eins").is_visible()
    assert await second.get_by_text("unbekannt: zz-test").first.is_visible()
