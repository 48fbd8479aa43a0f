"""Story 1 between two real nodes, from the move to the opened case, with keys alone: SC-6."""

import re
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta

import pytest
from playwright.async_api import expect

from node.bootstrap import build_node, own_hands
from node.config import load_settings
from node.sync.transfer import Inbound, Outbound
from tests.support.chromium import NEEDED, launched
from tests.support.handed import agree, share_home
from tests.support.pair import (
    SAECKINGEN,
    WEHR,
    add_staff,
    found_pair,
    open_case,
    running,
    until,
)

SHORT = re.compile(r"^[0-9A-Z]{4}-[0-9A-Z]{3}$")
FOCUSED = """() => {
  const e = document.activeElement;
  if (e === document.body) return ["", true];
  const box = e.getBoundingClientRect();
  const shown = getComputedStyle(e);
  const seen = box.width > 0 && (shown.outlineStyle !== "none" || shown.boxShadow !== "none");
  return [(e.labels?.[0] ?? e).innerText.trim().replace(/\\s+/g, ' '), seen];
}"""

pytestmark = NEEDED


@asynccontextmanager
async def towns(folder):
    """Both nodes with their pages at the addresses they were founded for."""
    hands = own_hands()
    folders = found_pair(folder, hands)
    async with AsyncExitStack() as stack:
        nodes = []
        for member in (WEHR, SAECKINGEN):
            settings = load_settings(folders[member])
            node = await stack.enter_async_context(build_node(settings, hands))
            await stack.enter_async_context(running(node))
            add_staff(node)
            nodes.append(node)
        yield nodes


class Keys:
    """Somebody without a mouse."""

    def __init__(self, page):
        self.page = page

    async def to(self, words):
        """Tab until the focus stands, visibly, on what has this name."""
        met = []
        for _ in range(90):
            await self.page.keyboard.press("Tab")
            name, is_seen = await self.page.evaluate(FOCUSED)
            met.append(name)
            if re.search(words, name):
                assert is_seen, f"the focus on {name} is not seen"
                return
        raise AssertionError(f"no way by keyboard to {words}: {met}")

    async def enter(self, words):
        """Go there and press Enter; the next page has come when this returns."""
        await self.to(words)
        async with self.page.expect_navigation():
            await self.page.keyboard.press("Enter")

    async def type(self, field, text):
        """Fill a field in."""
        await self.to(field)
        await self.page.keyboard.type(text)


async def sit_down(browser, origin, name):
    context = await browser.new_context(locale="de-DE")
    page = await context.new_page()
    await page.clock.install()
    await page.goto(origin + "/login")
    keys = Keys(page)
    await keys.enter(rf"Anmelden als {name}|^{name}")
    return page, keys


def family(node):
    """Two persons of one household who agreed."""
    people = [open_case(node, name) for name in ("Demo-Birke", "Demo-Birnbaum")]
    share_home(node, *people)
    for case in people:
        agree(node, case)
    return people


def arrived(node):
    found = node.store.read_sync(lambda uow: uow.inbound.in_states([Inbound.WAITING]))
    return bool(found)


@pytest.mark.spec("SC-6")
async def test_a_move_is_recorded_and_opened_without_ever_touching_a_mouse(tmp_path):
    async with towns(tmp_path) as (wehr, saeckingen), launched() as browser:
        case, _ = family(wehr)
        clerk, keys = await sit_down(browser, wehr.settings.web_url, "Demo c")
        await keys.enter("^Personen$")
        await keys.enter("Demo-Birke")
        await keys.enter("^Wegzug$")
        await keys.type("Neuer Ort", "Bad Säckingen")
        day = wehr.office.clock.now().date() + timedelta(days=10)
        await keys.type("Tag des Umzugs", day.strftime("%d.%m.%Y"))
        await keys.enter("^Weiter")
        await keys.enter("Wegzug festhalten")
        await expect(clerk.get_by_text("Der Wegzug ist festgehalten.")).to_be_visible()

        moved = wehr.store.read_sync(lambda uow: uow.outbound.of_case(str(case)))[0]
        assert len(moved.members) == 2

        await until(lambda: arrived(saeckingen))
        approver, keys = await sit_down(browser, saeckingen.settings.web_url, "Demo a")
        await keys.enter(r"^Eingang")
        await keys.enter(SHORT.pattern)
        await keys.enter("Annehmen und Schlüssel anfordern")
        # Nobody presses anything any more.
        await until(
            lambda: (
                wehr.store.read_sync(lambda uow: uow.outbound.get(moved.id)).state
                is Outbound.CLOSED
            )
        )
        await approver.clock.run_for(15_000)
        await expect(approver.get_by_text("Geöffnet.").first).to_be_visible()
