"""The device in a client's hands, in a real browser: Dari, Tigrinya, German, Arabic."""

from contextlib import asynccontextmanager

import pytest
from playwright.async_api import expect

from node.cases.consenttext import TONGUES, shipped_text
from node.demo.show import free_ports, prepare, ready, start
from tests.support.chromium import NEEDED, axe, launched
from tests.support.story_one import Look, enter

WIDER = "document.documentElement.scrollWidth - window.innerWidth"
# Where the first line of an element begins, seen from the edges of its box.
AT_EDGE = """node => { const r = document.createRange(); r.selectNodeContents(node);
  const line = r.getClientRects()[0], box = node.getBoundingClientRect();
  return {right: box.right - line.right, left: line.left - box.left}; }"""
LOADED = """family => document.fonts.ready.then(() =>
  [...document.fonts].some(f => f.family.includes(family) && f.status === 'loaded'))"""
SCRIPTS = {"prs": "Noto Naskh Arabic", "ti": "Noto Sans Ethiopic", "de": "Noto Sans"}

pytestmark = [
    *NEEDED,
    pytest.mark.slow,
]


@asynccontextmanager
async def one_town(folder):
    """Wehr of the demo, alone: asking for consent needs no other office."""
    federation = await prepare(folder, ports=free_ports(4), seed=1)
    process = start(federation.data(federation.wehr))
    try:
        await ready(federation.wehr, process)
        yield federation.wehr.web_url
    finally:
        process.terminate()
        process.wait(20)


async def give_away(page, origin):
    """From the case to the first page of the kiosk; gives the consents' address."""
    await page.goto(origin + "/cases")
    await page.get_by_role("main").get_by_role("textbox").first.fill("Farid Birke")
    await page.keyboard.press("Enter")
    await page.get_by_role("link", name="Farid Demo-Birke").click()
    case = page.url.split("?")[0]
    await page.goto(case + "/consents")
    await page.get_by_role("link", name="Gerät übergeben").click()
    await page.get_by_role("radio").first.check()
    await page.get_by_role("button", name="Gerät übergeben").click()
    await page.wait_for_url("**/kiosk/language")
    return case + "/consents"


async def to_the_end(page, tag, look):
    """Every page up to the thanks, each looked at; yes to all."""
    german, own = shipped_text("de"), shipped_text(tag)
    await look(page)
    await page.locator(f'button[value="{tag}"]').click()
    while not page.url.endswith("/sign"):
        await look(page)
        yes = page.locator('button[value="yes"]')
        onward = yes if await yes.count() else page.locator("main form button").last
        await onward.click()
    await look(page)
    assert own.text("sign.text") in await page.inner_text("main")
    assert german.text("sign.text") in await page.inner_text("main")
    field = await page.locator("#signature").bounding_box()
    await page.mouse.move(field["x"] + 20, field["y"] + 20)
    await page.mouse.down()
    for step in range(12):
        await page.mouse.move(field["x"] + 20 + 9 * step, field["y"] + 20 + 5 * step)
    await page.mouse.up()
    await page.locator("#by-finger button").click()
    await page.wait_for_url("**/kiosk/thanks")
    await look(page)


async def record(page, tag, look):
    """The staff take the device back and record what was signed."""
    await page.get_by_role("link", name="Für die Fachkraft").click()
    await look(page)
    await page.get_by_role("button", name="Ja, ich bin es").click()
    await look(page)
    await page.get_by_label("Dolmetschen").fill("Demo-Dolmetscherin")
    await page.get_by_role("button", name="Einwilligung festhalten").click()
    await expect(page.get_by_text("Die Einwilligung ist festgehalten.")).to_be_visible()
    await expect(page.get_by_text("Unterschrift zur Einwilligung")).to_be_visible()
    await look(page)
    await page.get_by_role("link", name="Kopie für die Person drucken").click()
    assert shipped_text(tag).text("copy.withdraw") in await page.inner_text("main")
    await look(page)


@pytest.mark.spec("SC-2", "SC-3", "SC-8", "SC-34", "SC-35", "SC-40")
@pytest.mark.parametrize(
    ("tag", "width"), [("prs", 1280), ("ti", 360), ("de", 1280), ("ar", 360)]
)
async def test_a_person_is_asked_and_signs_in_their_own_language(tmp_path, tag, width):
    found = []

    async def look_at_any(page):
        where = page.url.rsplit("/", 1)[1]
        found.extend((where, f) for f in await axe(page))
        if await page.evaluate(WIDER) > 0:
            found.append((where, "wider than the screen"))
        if await page.locator("[style], [onclick]").count():
            found.append((where, "an inline style or handler"))
        if await page.get_by_role("heading", level=1).count() != 1:
            found.append((where, "not one h1"))

    async def look(page):
        where = page.url.rsplit("/", 1)[1]
        await look_at_any(page)
        small = await page.locator(".pair__own").evaluate_all(
            "n => n.filter(e => parseFloat(getComputedStyle(e).fontSize) < 20).length"
        )
        if small:
            found.append((where, "own language below 20 px"))
        family = SCRIPTS.get(tag, "Noto Naskh Arabic")
        if where != "language" and not await page.evaluate(LOADED, family):
            found.append((where, f"{family} is not loaded"))

    async with one_town(tmp_path / "town") as origin, launched() as browser:
        # Tall, so that the bar at the foot of a phone lies over nothing axe measures.
        tall = Look(width=width, height=4000)
        page = await enter(browser, origin, "Fachkraft", tall)
        page.on(
            "console", lambda m: found.append(m.text) if m.type == "error" else None
        )
        await give_away(page, origin)
        await to_the_end(page, tag, look)
        await record(page, tag, look_at_any)
    assert found == []


@pytest.mark.spec("SC-34", "SC-36", "SC-7")
async def test_going_back_reloading_and_typing_an_address_stay_in_the_kiosk(tmp_path):
    async with one_town(tmp_path / "town") as origin, launched() as browser:
        page = await enter(browser, origin, "Fachkraft", Look(scripts=False))
        consents = await give_away(page, origin)
        await page.locator('button[value="fa"]').click()
        for _ in range(4):
            await page.go_back()
            assert page.url.startswith(origin + "/kiosk/")
            assert "Birke" not in await page.content()
        for address in (consents, origin + "/work", origin + "/login", origin + "/"):
            await page.goto(address)
            assert page.url == origin + "/kiosk/language"
            await page.reload()
            assert page.url == origin + "/kiosk/language"
            assert "Demo" not in (await page.inner_text("main"))
        await page.locator('button[value="fa"]').click()
        await page.locator("main form button").last.click()
        await page.locator("main form button").last.click()
        boxes = [
            await page.locator(f'button[value="{said}"]').bounding_box()
            for said in ("yes", "no")
        ]
        assert boxes[0]["width"] == boxes[1]["width"] > 0
        assert boxes[0]["height"] == boxes[1]["height"] >= 44
        looks = [
            await page.locator(f'button[value="{said}"]').evaluate(
                "n => { const s = getComputedStyle(n);"
                " return [s.color, s.backgroundColor, s.fontWeight, s.borderColor]; }"
            )
            for said in ("yes", "no")
        ]
        assert looks[0] == looks[1]
        # Without a script nobody can draw; paper and a witness stand on the same page.
        while not page.url.endswith("/check"):
            await page.locator('button[value="yes"]').click()
        await page.locator("main form button").last.click()
        await expect(page.locator("#by-finger")).to_be_hidden()
        await expect(page.locator('button[value="paper"]')).to_be_visible()
        await page.locator('button[value="mark"]').click()
        assert page.url == origin + "/kiosk/thanks"


@pytest.mark.spec("SC-72")
async def test_a_page_from_right_to_left_begins_at_the_right_edge(tmp_path):
    async with one_town(tmp_path / "town") as origin, launched() as browser:
        page = await enter(browser, origin, "Fachkraft", Look())
        await give_away(page, origin)
        await page.locator('button[value="ar"]').click()
        for block in await page.locator(".pair__own p").all():
            edge = await block.evaluate(AT_EDGE)
            assert edge["right"] < 2, edge
        bar = page.locator(".pair--draft")
        borders = await bar.evaluate(
            "n => [getComputedStyle(n).borderRightWidth,"
            " getComputedStyle(n).borderLeftWidth]"
        )
        assert borders == ["4px", "0px"]
        arrow = page.locator(".kiosk__ways span").first
        assert "-1" in await arrow.evaluate("n => getComputedStyle(n).transform")
        await page.locator("main form button").last.click()
        day = page.locator("bdi[dir=ltr]").first
        assert (await day.inner_text()).count(".") == 2
        assert await day.evaluate("n => getComputedStyle(n).direction") == "ltr"
        # The design system's own parts, which say left where they mean the start.
        await page.evaluate(
            """() => { const f = document.createElement('fieldset');
            f.className = 'kern-fieldset kern-fieldset--error';
            const l = document.createElement('legend'); l.textContent = 'م';
            const t = document.createElement('table'); t.className = 'kern-table';
            const c = t.createCaption(); c.textContent = 'م';
            const d = t.insertRow().insertCell(); d.className = 'kern-table__cell';
            d.textContent = 'م'; f.append(l, t);
            document.querySelector('main').append(f); }"""
        )
        for name in ("legend", "caption", "td"):
            aligned = page.locator(f"main {name}").last
            style = await aligned.evaluate("n => getComputedStyle(n).textAlign")
            assert style == "right", name
        widths = await page.locator("main fieldset").last.evaluate(
            "n => [getComputedStyle(n).borderRightWidth,"
            " getComputedStyle(n).borderLeftWidth]"
        )
        assert widths == ["4px", "0px"]


@pytest.mark.spec("SC-35")
async def test_every_language_is_offered_in_its_own_script_and_font(tmp_path):
    async with one_town(tmp_path / "town") as origin, launched() as browser:
        page = await enter(browser, origin, "Fachkraft", Look())
        await give_away(page, origin)
        for tag, tongue in TONGUES.items():
            own = page.locator(f'button[value="{tag}"] span').first
            assert await own.inner_text() == tongue.name
            assert await own.get_attribute("lang") == tag
            family = await own.evaluate("n => getComputedStyle(n).fontFamily")
            assert family.startswith('"Noto')
        for family in set(SCRIPTS.values()):
            assert await page.evaluate(LOADED, family)
