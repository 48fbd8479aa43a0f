"""Taking a list in by a real browser: access at every step, and the way without scripts."""

from contextlib import asynccontextmanager

import pytest
from aiohttp.test_utils import TestServer

from node.bootstrap import build_node, own_hands, web_app
from node.config import load_settings
from tests.support import uglyfiles as ugly
from tests.support.chromium import NEEDED, axe, launched
from tests.support.pair import WEHR, add_staff, found_pair

pytestmark = NEEDED

ROWS = (
    ("Nachname", "Vorname", "Geburtsdatum", "Status", "Ort"),
    ("DEMO-BIRKE", "Farid", "01.02.1990", "Duldg.", "Wehr"),
    ("Demo-Linde", "Samira", "31.02.1990", "Duldung", "Wehr"),
    ("Demo-Eiche", "Abel", "1.1.1999", "irgendwas", "Nirgendwo"),
)


@asynccontextmanager
async def town(folder):
    settings = load_settings(found_pair(folder, own_hands())[WEHR])
    async with build_node(settings) as node:
        add_staff(node)
        server = TestServer(web_app(node), host="127.0.0.1", port=settings.web_port)
        await server.start_server()
        yield settings.web_url
        await server.close()


async def steps(page, origin, files):
    """Every page of the way, by buttons and links alone."""
    await page.goto(origin + "/login")
    await page.get_by_role("button", name="Demo c").first.click()
    await page.goto(origin + "/imports")
    yield "empty"
    await page.get_by_role("button", name="Diese Liste lesen").click()
    yield "invalid"
    await page.locator("input[type=file]").set_input_files(files / "matrix.xlsx")
    await page.get_by_role("button", name="Diese Liste lesen").click()
    await page.get_by_role("link", name="Datei").click()
    yield "months"
    await page.goto(origin + "/imports")
    await page.locator("input[type=file]").set_input_files(files / "liste.xlsx")
    await page.get_by_role("button", name="Diese Liste lesen").click()
    yield "steps"
    await page.get_by_role("link", name="Spalten zuordnen").click()
    yield "columns"
    await page.get_by_role("button", name="Weiter: Werte").click()
    yield "values"
    await page.get_by_role("button", name="Weiter: Probelauf").click()
    yield "trial"
    await page.get_by_role("link", name="Weiter: Übernehmen").click()
    yield "apply"
    await page.get_by_role("button", name="Liste übernehmen").click()
    await page.get_by_text("Übernommen: 2 neue Personen").wait_for()
    yield "done"
    await page.get_by_role("link", name="Alles rückgängig machen").click()
    yield "undo"
    await page.get_by_role("button", name="Alles rückgängig machen").click()
    await page.get_by_text(
        "Alles aus dieser Liste wurde rückgängig gemacht."
    ).wait_for()
    yield "undone"


@pytest.mark.spec("SC-2", "SC-3", "SC-64")
@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 320)])
async def test_axe_finds_nothing_on_the_way_of_a_list(tmp_path, scheme, width):
    (tmp_path / "matrix.xlsx").write_bytes(ugly.matrix_xlsx())
    (tmp_path / "liste.xlsx").write_bytes(ugly.table_xlsx(*ROWS))
    async with town(tmp_path / "towns") as origin, launched() as browser:
        page = await browser.new_page(
            color_scheme=scheme, viewport={"width": width, "height": 2400}
        )
        async for step in steps(page, origin, tmp_path):
            found = await axe(page)
            assert found == [], step
            wide = await page.evaluate("document.documentElement.scrollWidth")
            assert wide <= width, step


@pytest.mark.spec("SC-7", "SC-64")
async def test_a_list_is_taken_in_and_back_without_scripts(tmp_path):
    (tmp_path / "matrix.xlsx").write_bytes(ugly.matrix_xlsx())
    (tmp_path / "liste.xlsx").write_bytes(ugly.table_xlsx(*ROWS))
    async with town(tmp_path / "towns") as origin, launched() as browser:
        context = await browser.new_context(java_script_enabled=False)
        page = await context.new_page()
        seen = [step async for step in steps(page, origin, tmp_path)]
    assert seen[-1] == "undone"
