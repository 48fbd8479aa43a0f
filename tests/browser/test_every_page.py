"""Every page of the product, found along its links: access, width, names, origins."""

import shutil
from pathlib import Path

import pytest
from playwright.async_api import async_playwright

from tests.support.story_one import Look, two_towns, walk
from tests.support.tour import ROLES, Sight, patterns, tour

CHROMIUM = shutil.which("chromium")
AXE = (Path(__file__).parent / "vendor" / "axe.min.js").read_text()
AXE_TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
FINDINGS = """tags => axe.run(document, {runOnly: tags}).then(r =>
  r.violations.map(v => v.id + ' ' + v.nodes.map(n => n.html.slice(0, 120)).join(' | ')))"""
FACTS = """() => ({
  lang: document.documentElement.lang,
  headings: document.querySelectorAll('h1').length,
  landmarks: ['header', 'nav', 'main', 'footer'].filter(n => !document.querySelector(n)),
  wider: document.documentElement.scrollWidth - window.innerWidth,
  inline: document.querySelectorAll('[style], [onclick], [onload], [onchange]').length,
})"""
INVENTED = ("Demo-", "Demoweg")

# What is there to be printed and handed over has no navigation.
SHEETS = {"/consents/{consent}/copy"}
# What no link leads to in the demo, and where its pages are tested instead.
ELSEWHERE = {
    "/": "leads on",
    "/login": "the tour starts there; test_shell.py",
    "/cases/{case}/for-the-person": "after a restriction; node/test_keeping_people.py",
    "/cases/{case}/notes": "after a handover; node/test_pages_aftermath.py",
    "/exchangelog/checks/{job}": "a job of a few seconds; test_auditor.py",
    "/exchangelog/sample.csv": "a form's answer; test_auditor.py",
    "/exports/{transfer}": "a body without a node; node/test_export_pages.py",
    "/exports/{transfer}/file": "a body without a node; node/test_export_pages.py",
    "/exports/{transfer}/letter": "a body without a node; node/test_export_pages.py",
    "/exports/{transfer}/words": "shown once; node/test_export_pages.py",
    "/inbox/{transfer}/withdrawal": "a withdrawal after import; unit/web",
    "/outbox/{transfer}/call-back": "before the grant only; unit/web",
    "/relocations/{transfer}": "under way for seconds; test_handover.py",
    "/setup/{token}": "a link by hand; node/test_pages_accounts.py",
}

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine"),
]


async def findings(sight: Sight) -> list[str]:
    page = sight.page
    await page.evaluate(AXE)
    found = await page.evaluate(FINDINGS, AXE_TAGS)
    facts = await page.evaluate(FACTS)
    title = await page.title()
    if facts["headings"] != 1:
        found.append(f"{facts['headings']} h1")
    is_sheet = sight.pattern in SHEETS
    if (facts["landmarks"] and not is_sheet) or not facts["lang"]:
        found.append(f"without {facts['landmarks'] or 'lang'}")
    if facts["wider"] > 0:
        found.append(f"{facts['wider']} px too wide")
    if facts["inline"]:
        found.append("inline style or handler")
    if any(word in page.url + title for word in INVENTED):
        found.append("a personal value in address or title")
    if "Staffelstab" not in title:
        found.append(f"title {title}")
    return [f"{sight.role} {sight.pattern}: {text}" for text in found]


async def _pass_by(name, page):
    """The story only prepares what the tour sees."""


@pytest.mark.spec("SC-1", "SC-2", "SC-3", "SC-5", "SC-8", "SC-16")
async def test_every_page_is_accessible_fits_a_phone_and_stays_at_home(tmp_path):
    found, foreign, opened = [], [], set()

    def watch(request):
        if ".localhost:" not in request.url and not request.url.startswith("data:"):
            foreign.append(request.url)

    async with two_towns(tmp_path / "towns") as towns, async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox"]
        )
        await walk(browser, towns, _pass_by, Look())
        # Tall, so that the bar at the foot of a phone lies over nothing axe measures.
        for origin, look in (
            (towns.wehr, Look(width=320, height=6000)),
            (towns.saeckingen, Look(scheme="dark")),
        ):
            for role in ROLES:
                async for sight in tour(browser, origin, look, role, opened=opened):
                    sight.page.on("request", watch)
                    sight.page.on("console", lambda m: found.append(m.text))
                    found.extend(await findings(sight))
        await browser.close()
    assert found == []
    assert foreign == []
    assert sorted(set(patterns()) - opened) == sorted(ELSEWHERE)
