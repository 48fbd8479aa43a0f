"""Pictures of the pages for `docs/screenshots/`: story 1 as people walk it, then every page.

``make screenshots``. Two real towns, real Chromium, a desk's width and a phone's. Pages of
the tour are named after their address: ``cases-case-plan.png`` is ``/cases/{case}/plan``.
"""

import asyncio
import re
import shutil
import tempfile
from pathlib import Path

from PIL import Image
from playwright.async_api import Page, async_playwright

from tests.support.story_one import Look, two_towns, walk
from tests.support.tour import ROLES, tour

FOLDER = Path(__file__).parents[2] / "docs" / "screenshots"
PAGES = FOLDER / "pages"
PHONE = frozenset({"work", "case", "offer"})
DESK, HAND = Look(width=1200, height=860), Look(width=390, height=800)


async def _take() -> None:
    with tempfile.TemporaryDirectory() as folder:
        async with two_towns(Path(folder) / "towns") as towns, async_playwright() as pw:
            browser = await pw.chromium.launch(
                executable_path=shutil.which("chromium"), args=["--no-sandbox"]
            )

            async def stop(name: str, page: Page) -> None:
                await page.screenshot(path=FOLDER / f"{name}.png")
                if name in PHONE:
                    await page.set_viewport_size(
                        {"width": HAND.width, "height": HAND.height}
                    )
                    await page.screenshot(path=FOLDER / f"{name}-phone.png")
                    await page.set_viewport_size(
                        {"width": DESK.width, "height": DESK.height}
                    )

            await walk(browser, towns, stop, DESK)
            taken: set[str] = set()
            for origin in (towns.wehr, towns.saeckingen):
                for role in ROLES:
                    for look, ending in ((DESK, ""), (HAND, "-phone")):
                        async for sight in tour(
                            browser, origin, look, role, opened=set()
                        ):
                            name = _name(sight.pattern) + ending
                            if name not in taken:
                                taken.add(name)
                                await sight.page.screenshot(
                                    path=PAGES / f"{name}.png", full_page=True
                                )
            await browser.close()


def _shrink() -> None:
    """A screen has few colours: a palette makes the files a quarter as large."""
    for path in FOLDER.rglob("*.png"):
        with Image.open(path) as picture:
            picture.convert("RGB").quantize(128).save(path, optimize=True)


def _name(pattern: str) -> str:
    return re.sub(r"[^a-z]+", "-", pattern).strip("-") or "start"


def main() -> None:
    """Take all pictures anew."""
    shutil.rmtree(PAGES, ignore_errors=True)
    PAGES.mkdir(parents=True)
    asyncio.run(_take())
    _shrink()


if __name__ == "__main__":
    main()
