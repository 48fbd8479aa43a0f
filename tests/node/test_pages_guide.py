"""The users' guide inside the program: whole, for everybody, nothing but the guide."""

import re

import pytest

from node.web.handbook import chapters, help_for
from node.web.pages.everything import all_routes
from tests.support.browser_by_hand import Browser, words
from tests.support.pair import CLERK
from tests.support.sources import ROOT

HANDBOOK = ROOT / "docs" / "handbuch"
LINKS = re.compile(r'href="([^"]+)"')


def test_the_program_shows_every_chapter_of_the_handbook():
    files = {path.stem for path in HANDBOOK.glob("*.md")}
    assert {name or "README" for name in chapters()} == files


def test_every_page_has_help_that_exists():
    for route in all_routes():
        address = re.sub(r"\{[^}]*\}", "x", route.path)
        assert help_for(address).removeprefix("/help").lstrip("/") in chapters(), (
            address
        )


@pytest.mark.parametrize(
    ("address", "chapter"),
    [
        ("/cases", "personen"),
        ("/cases/00000000-0000-7000-8000-000000000000", "akte"),
        ("/cases/00000000-0000-7000-8000-000000000000/plan/goals", "plan"),
        ("/consents/00000000-0000-7000-8000-000000000000/withdraw", "rechte"),
        ("/inbox/sealed", "versiegelte-datei"),
        ("/accounts/me", "konto"),
        ("/accounts", "verwaltung"),
    ],
)
def test_help_begins_with_the_chapter_about_the_page(address, chapter):
    assert help_for(address) == f"/help/{chapter}"


def test_a_page_that_no_chapter_is_about_leads_to_the_first_one():
    assert help_for("/") == "/help"
    assert help_for("/helpful") == "/help"


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("name", chapters(), ids=lambda name: name or "first")
async def test_who_is_not_signed_in_reads_every_word_of_it(office, name):
    page = await Browser(office.client).get(f"/help/{name}".rstrip("/"))
    assert page.status == 200
    said = words(page)
    text = (HANDBOOK / f"{name or 'README'}.md").read_text("utf-8")
    text = re.sub(r"^!\[.*$", "", text, flags=re.MULTILINE)
    text = re.sub(r"\]\([^)]*\)", "", text)
    missing = set(re.findall(r"\w{3,}", text)) - set(re.findall(r"\w+", said))
    assert missing == set()


@pytest.mark.asyncio(loop_scope="module")
async def test_its_links_lead_to_chapters_and_its_pictures_stay_away(office):
    known = {f"/help/{name}".rstrip("/") for name in chapters()}
    for name in chapters():
        page = await Browser(office.client).get(f"/help/{name}".rstrip("/"))
        book = page.text.partition("<article")[2].partition("</article>")[0]
        assert set(LINKS.findall(book)) <= known
        assert "<img" not in book
        assert "![" not in book


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("name", ["nothing", "README", "wegzug.md", "..%2fspec"])
async def test_an_address_without_a_chapter_is_not_found(office, name):
    assert (await Browser(office.client).get(f"/help/{name}")).status == 404


@pytest.mark.asyncio(loop_scope="module")
async def test_each_page_leads_to_help_access_and_data_protection(office):
    browser = await office.enter(CLERK)
    page = await browser.get("/work")
    foot = page.text.partition('class="foot"')[2]
    assert LINKS.findall(foot)[:3] == [
        "/help/arbeitsvorrat",
        "/help/barrierefreiheit",
        "/help/datenschutz",
    ]
