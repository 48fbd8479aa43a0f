"""Taking a list in by a real browser: access at every step, and the way without scripts."""

import shutil
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp.test_utils import TestServer
from playwright.async_api import async_playwright

from node.bootstrap import build_node, own_hands, web_app
from node.config import load_settings
from tests.support import uglyfiles as ugly
from tests.support.pair import WEHR, add_staff, found_pair

CHROMIUM = shutil.which("chromium")
AXE = (Path(__file__).parent / "vendor" / "axe.min.js").read_text()
AXE_TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine"),
]

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
    async with town(tmp_path / "towns") as origin, async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox"]
        )
        page = await browser.new_page(
            color_scheme=scheme, viewport={"width": width, "height": 2400}
        )
        async for step in steps(page, origin, tmp_path):
            await page.evaluate(AXE)
            found = await page.evaluate(
                "tags => axe.run({runOnly: tags}).then(r => r.violations.map("
                "v => v.id + ': ' + v.nodes.map(n => n.html).join(' | ')))",
                AXE_TAGS,
            )
            assert found == [], step
            wide = await page.evaluate("document.documentElement.scrollWidth")
            assert wide <= width, step
        await browser.close()


@pytest.mark.spec("SC-7", "SC-64")
async def test_a_list_is_taken_in_and_back_without_scripts(tmp_path):
    (tmp_path / "matrix.xlsx").write_bytes(ugly.matrix_xlsx())
    (tmp_path / "liste.xlsx").write_bytes(ugly.table_xlsx(*ROWS))
    async with town(tmp_path / "towns") as origin, async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox"]
        )
        context = await browser.new_context(java_script_enabled=False)
        page = await context.new_page()
        seen = [step async for step in steps(page, origin, tmp_path)]
        await browser.close()
    assert seen[-1] == "undone"
