"""Reports in a real browser: three clicks, readable when narrow, dark and on paper."""

import pytest
import pytest_asyncio
from aiohttp.test_utils import TestServer

from node.bootstrap import build_node, own_hands, web_app
from node.config import load_settings
from node.demo.residents import REFERENCE
from node.demo.seed import seed_funding, seed_town
from tests.support.chromium import NEEDED, axe
from tests.support.pair import WEHR, found_pair
from tests.support.townfolk import demo

PAGES = ("/reports", "/reports/land", "/reports/gespraeche", "/reports/land/narrative")

pytestmark = [*NEEDED, pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(loop_scope="module")
async def origin(tmp_path):
    folder = found_pair(tmp_path, own_hands())[WEHR]
    settings = load_settings(folder)
    async with build_node(settings) as node:
        seed_town(node.store, node.office, demo().wehr)
        seed_funding(node.store, node.office, demo().wehr, REFERENCE)
        port = settings.web_port
        server = TestServer(web_app(node), host="127.0.0.1", port=port)
        await server.start_server()
        yield settings.web_url
        await server.close()


async def enter(page, origin):
    await page.goto(origin + "/login")
    person = page.locator("form.person", has_text="Fachkraft")
    await person.get_by_role("button").first.click()
    await page.wait_for_url(origin + "/work")


@pytest.mark.spec("SC-59", "SC-7")
async def test_three_clicks_without_scripts_give_the_file(chromium, origin):
    context = await chromium.new_context(java_script_enabled=False)
    page = await context.new_page()
    await enter(page, origin)
    await page.get_by_role("link", name="Berichte", exact=True).click()
    await page.get_by_role("link", name="Nachweis für das Land").click()
    async with page.expect_download() as waiting:
        await page.get_by_role("link", name="Als Excel herunterladen").click()
    file = await waiting.value
    assert file.suggested_filename == "auswertung-zeitraum.xlsx"


@pytest.mark.spec("SC-60", "SC-2")
@pytest.mark.parametrize(
    ("width", "scheme"), [(1280, "light"), (320, "light"), (1280, "dark")]
)
async def test_reports_are_accessible_narrow_and_dark(chromium, origin, width, scheme):
    context = await chromium.new_context(
        viewport={"width": width, "height": 800}, color_scheme=scheme
    )
    page = await context.new_page()
    await enter(page, origin)
    for path in PAGES:
        await page.goto(origin + path)
        over = await page.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        assert over <= 0, path
        for picture in await page.get_by_role("img").all():
            box = await picture.bounding_box()
            assert box
            assert box["x"] + box["width"] <= width
            size = await picture.evaluate(
                "e => 14 * e.getBoundingClientRect().width / e.viewBox.baseVal.width"
            )
            assert size >= 11
        assert await axe(page) == [], path


@pytest.mark.spec("SC-60")
async def test_on_paper_pictures_and_tables_stand_and_buttons_do_not(chromium, origin):
    page = await chromium.new_page()
    await enter(page, origin)
    await page.goto(origin + "/reports/land")
    await page.emulate_media(media="print")
    assert await page.get_by_role("img").first.is_visible()
    assert await page.get_by_role("cell", name="301").is_visible()
    assert await page.get_by_text("So gezählt:").first.is_visible()
    for name in ("Als Excel herunterladen", "Meine Fälle darin"):
        assert not await page.get_by_role("link", name=name).first.is_visible()
