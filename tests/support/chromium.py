"""The browser of the tests, and what axe finds on a page."""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import pytest
from playwright.async_api import Browser, Page, async_playwright

_CHROMIUM: Final = shutil.which("chromium")
NEEDED: Final = [
    pytest.mark.browser,
    pytest.mark.skipif(_CHROMIUM is None, reason="no chromium on this machine"),
]

_AXE: Final = (
    Path(__file__).parents[1] / "browser" / "vendor" / "axe.min.js"
).read_text()
_TAGS: Final = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
_FINDINGS: Final = """tags => axe.run(document, {runOnly: tags}).then(r =>
  r.violations.map(v => v.id + ' ' + v.nodes.map(n => n.html.slice(0, 160)).join(' | ')))"""


@asynccontextmanager
async def launched() -> AsyncIterator[Browser]:
    """The browser, until it is left."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=_CHROMIUM, args=["--no-sandbox"]
        )
        yield browser
        await browser.close()


async def axe(page: Page) -> list[str]:
    """What is not accessible on a page, with the elements."""
    await page.evaluate(_AXE)
    found: list[str] = await page.evaluate(_FINDINGS, _TAGS)
    return found
