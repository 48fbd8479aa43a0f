"""Pictures of the pages for `docs/screenshots/`, taken on one walk through story 1.

``make screenshots``. Two real towns, real Chromium, a desk's width and a phone's.
"""

import asyncio
import shutil
import tempfile
from pathlib import Path

from playwright.async_api import Page, async_playwright

from tests.support.story_one import Look, two_towns, walk

FOLDER = Path(__file__).parents[2] / "docs" / "screenshots"
PHONE = frozenset({"work", "case", "offer"})


async def _take(look: Look, only: frozenset[str] | None, ending: str) -> None:
    async def stop(name: str, page: Page) -> None:
        if only is None or name in only:
            await page.screenshot(path=FOLDER / f"{name}{ending}.png")

    with tempfile.TemporaryDirectory() as folder:
        async with two_towns(Path(folder) / "towns") as towns, async_playwright() as pw:
            browser = await pw.chromium.launch(
                executable_path=shutil.which("chromium"), args=["--no-sandbox"]
            )
            await walk(browser, towns, stop, look)
            await browser.close()


def main() -> None:
    """Take all pictures anew."""
    FOLDER.mkdir(exist_ok=True)
    asyncio.run(_take(Look(width=1200, height=860), None, ""))
    asyncio.run(_take(Look(width=390, height=800), PHONE, "-phone"))


if __name__ == "__main__":
    main()
