"""Story 1 as people click it: a family moves from Wehr to Bad Säckingen.

Each stop has a name and a page, so that one walk serves tests and pictures. Elements are
found by role and name, as people find them.
"""

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Literal

from playwright.async_api import Browser, Locator, Page, expect

from node.demo.show import free_ports, prepare, running

Stop = Callable[[str, Page], Awaitable[None]]
SHORT = re.compile(r"^[0-9A-Z]{4}-[0-9A-Z]{3}$")
TRIES, PAUSE_MS = 40, 500


@dataclass(frozen=True)
class Towns:
    """Where the pages of both towns answer."""

    wehr: str
    saeckingen: str


@dataclass(frozen=True)
class Look:
    """How the walkers look at pages."""

    scripts: bool = True
    width: int = 1280
    height: int = 900
    scheme: Literal["light", "dark"] = "light"


@asynccontextmanager
async def two_towns(folder: Path) -> AsyncIterator[Towns]:
    """The demo's towns, as two processes of their own."""
    federation = await prepare(folder, ports=free_ports(4), seed=1)
    async with running(federation):
        yield Towns(federation.wehr.web_url, federation.saeckingen.web_url)


async def enter(browser: Browser, origin: str, role: str, look: Look) -> Page:
    """A browser of its own, signed in with the demo's button for a role."""
    context = await browser.new_context(
        java_script_enabled=look.scripts,
        locale="de-DE",
        color_scheme=look.scheme,
        viewport={"width": look.width, "height": look.height},
    )
    page = await context.new_page()
    await page.goto(origin + "/login")
    lines = (await page.inner_text("main")).split("\n")
    at = next(i for i, line in enumerate(lines) if line.strip() == role)
    name = next(line for line in reversed(lines[:at]) if line.startswith("Demo "))
    await page.get_by_role("button", name=name).click()
    await expect(page.get_by_role("button", name="Abmelden")).to_be_visible()
    return page


async def walk(browser: Browser, towns: Towns, stop: Stop, look: Look) -> None:
    """Walk the story from the work queue to the auditor's verdict."""
    clerk = await enter(browser, towns.wehr, "Fachkraft", look)
    await stop("work", clerk)
    await _record_move(clerk, towns, stop)
    approver = await enter(browser, towns.saeckingen, "Freigabe", look)
    await _approve(approver, towns, stop)
    await clerk.goto(towns.wehr + "/outbox?only=closed")
    await stop("outbox", clerk)
    await clerk.get_by_role("main").locator('a[href^="/outbox/"]').first.click()
    await expect(clerk.get_by_text("Übernommen").first).to_be_visible()
    await stop("track", clerk)
    auditor = await enter(browser, towns.wehr, "Prüfung", look)
    await stop("log", auditor)
    await auditor.get_by_role("link", name=SHORT).first.click()
    await auditor.get_by_role("button", name="prüfen").first.click()
    await expect(auditor.get_by_text("Beide Seiten sagen dasselbe.")).to_be_visible()
    await stop("verdict", auditor)


async def _record_move(page: Page, towns: Towns, stop: Stop) -> None:
    await page.goto(towns.wehr + "/cases")
    await stop("cases", page)
    search = page.get_by_role("main").get_by_role("textbox").first
    await search.fill("Farid Birke")
    await page.keyboard.press("Enter")
    await page.get_by_role("link", name="Farid Demo-Birke").click()
    await stop("case", page)
    await page.get_by_role("link", name="Wegzug").click()
    await page.get_by_label("Neuer Ort").fill("Bad Säckingen")
    day = date.today() + timedelta(days=10)  # noqa: DTZ011 - what a person would type
    await page.get_by_label("Tag des Umzugs").fill(day.strftime("%d.%m.%Y"))
    await stop("move", page)
    await page.get_by_role("button", name="Weiter").click()
    await stop("move-check", page)
    await page.get_by_role("button", name="Wegzug festhalten").click()
    await expect(page.get_by_text("Der Wegzug ist festgehalten.")).to_be_visible()
    await stop("moved", page)


async def _approve(page: Page, towns: Towns, stop: Stop) -> None:
    offer = page.get_by_role("main").get_by_role("link", name=SHORT).first
    await _until(page, towns.saeckingen + "/inbox", offer)
    await stop("inbox", page)
    await offer.click()
    sealed = page.get_by_text("Niemand hier kann den Inhalt lesen.")
    await expect(sealed).to_be_visible()
    await stop("offer", page)
    await page.get_by_role("button", name="Annehmen und Schlüssel anfordern").click()
    await _until(page, page.url, page.get_by_text("Wer kümmert sich?"))
    await stop("opened", page)


async def _until(page: Page, url: str, shown: Locator) -> None:
    """Reload a page, as people do, until it shows something."""
    for _ in range(TRIES):
        await page.goto(url)
        if await shown.count():
            return
        await page.wait_for_timeout(PAUSE_MS)
    await expect(shown).to_be_visible()
