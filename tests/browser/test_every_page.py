"""Every page of the product, found along its links: access, width, names, origins."""

from pathlib import Path

import pytest

from tests.support.chromium import NEEDED, axe, launched
from tests.support.story_one import Look, two_towns, walk
from tests.support.tour import ROLES, Sight, patterns, tour

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
# What no link of the tour leads to, and whose tests open it.
ELSEWHERE = {
    "/": "browser/test_shell.py",
    "/accounts/changes/{change}": "node/test_account_changes.py",
    "/accounts/me/password": "node/test_signin.py",
    "/accounts/{account}/reset": "node/test_account_changes.py",
    "/cases/{case}/archive": "node/test_pages_archiving.py",
    "/cases/{case}/details/{sheet}/{record}/void": "node/test_pages_case.py",
    "/cases/{case}/edits/{merge}": "node/test_pages_matching.py",
    "/cases/{case}/emergency": "node/test_emergency.py",
    "/cases/{case}/erasure": "node/test_pages_earlyerasure.py",
    "/cases/{case}/for-the-person": "node/test_pages_earlyerasure.py",
    "/cases/{case}/match/{other}": "node/test_pages_matching.py",
    "/cases/{case}/notes": "e2e/test_aftermath_pages.py",
    "/cases/{case}/plan/begin": "node/test_pages_plan.py",
    "/cases/{case}/plan/end": "node/test_pages_plan.py",
    "/cases/{case}/plan/measures": "node/test_pages_plan.py",
    "/cases/{case}/protection/{record}": "node/test_pages_case.py",
    "/cases/{case}/protection/{record}/second": "node/test_pages_case.py",
    "/cases/{case}/records/{record}": "node/test_pages_case.py",
    "/cases/{case}/rights/copy/{job}": "node/test_pages_rights.py",
    "/cases/{case}/rights/copy/{job}/file": "node/test_pages_rights.py",
    "/cases/{case}/rights/corrections/{request}": "node/test_pages_rights.py",
    "/cases/{case}/statute": "node/test_pages_legalbasis.py",
    "/cases/{case}/statute/second": "node/test_pages_legalbasis.py",
    "/cases/{case}/unmerge/{merge}": "node/test_pages_matching.py",
    "/consents/finish": "node/test_pages_kiosk.py",
    "/consents/finish/paper": "node/test_pages_kiosk.py",
    "/emergencies": "node/test_emergency.py",
    "/exchangelog/checks/{job}": "node/test_auditing_pages.py",
    "/exchangelog/sample.csv": "node/test_auditing_pages.py",
    "/exports/{transfer}": "node/test_export_pages.py",
    "/exports/{transfer}/file": "node/test_export_pages.py",
    "/exports/{transfer}/letter": "node/test_export_pages.py",
    "/exports/{transfer}/words": "node/test_export_pages.py",
    "/imports/{batch}": "browser/test_lists.py",
    "/imports/{batch}/apply": "browser/test_lists.py",
    "/imports/{batch}/columns": "browser/test_lists.py",
    "/imports/{batch}/errors.xlsx": "node/test_pages_imports.py",
    "/imports/{batch}/file": "browser/test_lists.py",
    "/imports/{batch}/trial": "browser/test_lists.py",
    "/imports/{batch}/undo": "browser/test_lists.py",
    "/imports/{batch}/values": "browser/test_lists.py",
    "/inbox/{transfer}/match": "node/test_pages_matching.py",
    "/inbox/{transfer}/withdrawal": "e2e/test_aftermath_pages.py",
    "/kept": "node/test_signin.py",
    "/kiosk": "browser/test_kiosk.py",
    "/kiosk/nothing": "browser/test_kiosk.py",
    "/kiosk/pause": "node/test_pages_kiosk.py",
    "/kiosk/recordings/{language}/{block}": "node/test_pages_consent_texts.py",
    "/kiosk/return": "browser/test_kiosk.py",
    "/kiosk/thanks": "browser/test_kiosk.py",
    "/kiosk/{step}": "browser/test_kiosk.py",
    "/login": "browser/test_shell.py",
    "/outbox/{transfer}/call-back": "e2e/test_aftermath_pages.py",
    "/programs/{key}/end": "node/test_pages_settings.py",
    "/relocations/{transfer}": "node/test_pages_moves.py",
    "/reports/snapshots/{snapshot}": "node/test_pages_reports.py",
    "/reports/snapshots/{snapshot}/csv": "node/test_pages_reports.py",
    "/reports/snapshots/{snapshot}/pdf": "node/test_pages_reports.py",
    "/session": "node/test_pages_people.py",
    "/settings/programs/{key}/end": "node/test_pages_settings.py",
    "/settings/proof/cells": "node/test_pages_proof.py",
    "/settings/proof/trial": "node/test_pages_proof.py",
    "/settings/statutes/{statute}/end": "node/test_pages_settings.py",
    "/setup/{token}": "node/test_pages_accounts.py",
}

pytestmark = [
    *NEEDED,
    pytest.mark.slow,
]


async def findings(sight: Sight) -> list[str]:
    page = sight.page
    found = await axe(page)
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

    async with two_towns(tmp_path / "towns") as towns, launched() as browser:
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
    assert found == []
    assert foreign == []
    assert sorted(set(patterns()) - opened) == sorted(ELSEWHERE)


def test_what_the_tour_does_not_reach_is_opened_by_the_test_that_is_named():
    tests = Path(__file__).parents[1]
    for pattern, name in ELSEWHERE.items():
        fixed = [part for part in pattern.split("/") if part and "{" not in part]
        assert "/".join(fixed[-1:]) in (tests / name).read_text(), pattern
