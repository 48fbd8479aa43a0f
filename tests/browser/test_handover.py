"""Story 1 in a real browser between two real processes, scripts off and on."""

import pytest

from tests.support.chromium import NEEDED, axe, launched
from tests.support.story_one import Look, two_towns, walk

WIDER_THAN_SCREEN = "document.documentElement.scrollWidth - window.innerWidth"

pytestmark = NEEDED


async def walked(tmp_path, look, stop):
    async with (
        two_towns(tmp_path / "towns") as towns,
        launched() as browser,
    ):
        await walk(browser, towns, stop, look)


@pytest.mark.slow
@pytest.mark.spec("SC-7", "SC-46")
async def test_a_family_moves_without_scripts_and_no_name_shows_before_both_said_yes(
    tmp_path,
):
    seen = {}

    async def stop(name, page):
        seen[name] = await page.content()

    await walked(tmp_path, Look(scripts=False), stop)
    assert "Demo-Birke" in seen["case"]
    assert "Farid" not in seen["inbox"] + seen["offer"]
    assert "Birke" not in seen["inbox"] + seen["offer"]
    assert "Birke" not in seen["log"] + seen["verdict"]


@pytest.mark.slow
@pytest.mark.spec("SC-2", "SC-3", "SC-5", "SC-8")
async def test_every_page_of_the_story_is_accessible_and_stays_at_home(tmp_path):
    found, elsewhere = [], []

    def watch(request):
        if ".localhost:" not in request.url and not request.url.startswith("data:"):
            elsewhere.append(request.url)

    async def stop(name, page):
        page.context.on("request", watch)
        found.extend((name, f) for f in await axe(page))
        if await page.evaluate(WIDER_THAN_SCREEN) > 0:
            found.append((name, "wider than the screen"))
        if await page.get_by_role("heading", level=1).count() != 1:
            found.append((name, "not one h1"))
        if "Birke" in await page.title():
            found.append((name, "a name in the title"))

    # Tall, so that the bar at the foot of a phone lies over nothing axe measures.
    await walked(tmp_path, Look(width=320, height=6000), stop)
    assert found == []
    assert elsewhere == []
