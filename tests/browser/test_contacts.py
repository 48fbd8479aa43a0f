"""The caseworker's day in a real browser: keys and taps counted, a line that breaks."""

import re
import secrets
from dataclasses import dataclass
from datetime import timedelta

import pytest
import pytest_asyncio
from playwright.async_api import Page, expect

from node.accounts.session import IDLE
from node.casework import cases
from node.ids import RecordId
from tests.support.chromium import NEEDED, axe
from tests.support.offers import put_offer
from tests.support.office import open_office
from tests.support.pair import CLERK

SMALL_TARGETS = """least => [...document.querySelectorAll(
  'main a[href], main button, main input:not([type=hidden]), main select, main summary')]
  .filter(e => e.offsetParent !== null && !e.closest('p, td, th, .entry'))
  .map(e => [e, (e.labels && e.labels[0] || e).getBoundingClientRect(),
             e.getBoundingClientRect()])
  .filter(([, label, box]) => Math.max(label.height, box.height) < least
                           || Math.max(label.width, box.width) < least)
  .map(([e]) => e.outerHTML.slice(0, 160))"""
KEY_S, DECISION_S = 0.28, 1.35

pytestmark = [
    *NEEDED,
    pytest.mark.asyncio(loop_scope="module"),
]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def office(tmp_path_factory):
    async with open_office(tmp_path_factory.mktemp("office")) as office:
        yield office


@pytest.fixture
def origin(office):
    return f"http://wehr.localhost:{office.client.server.port}"


def person(office, household=None):
    """Somebody whom three letters find, and nobody else."""
    name = "".join(chr(97 + b % 26) for b in secrets.token_bytes(8)).capitalize()
    values = {"family_name": name, "given_names": "Lina", "birth_date": "1991-02-03"}
    return office.node.store.write_sync(
        cases.open_case, office.node.office, values, by=CLERK, household=household
    ), name


def contacts(office, case):
    found = office.node.store.read_sync(lambda uow: uow.cases.content(case))
    return found.of("contact")


async def enter(chromium, origin, *, who="Demo c", **look) -> Page:
    context = await chromium.new_context(
        **{"viewport": {"width": 1280, "height": 900}, **look}
    )
    page = await context.new_page()
    await page.goto(origin + "/login")
    await page.get_by_role("button", name=who).click()
    await expect(page.get_by_role("button", name="Abmelden")).to_be_visible()
    return page


def topic(page, words):
    """The chip of a main topic."""
    return page.get_by_role("group", name="Worum ging es").get_by_role(
        "radio", name=words
    )


@dataclass
class Hands:
    """A keyboard that counts, a chord as one press."""

    page: Page
    presses: int = 0

    async def press(self, *keys):
        for key in keys:
            await self.page.keyboard.press(key)
            self.presses += 1


# ---- Counting --------------------------------------------------------------------------


@pytest.mark.spec("SC-26", "DO-12")
async def test_a_contact_takes_at_most_12_keys_besides_the_note(
    chromium, origin, office
):
    case, name = person(office)
    page = await enter(chromium, origin)
    hands = Hands(page)
    await hands.press("n")
    await expect(page.get_by_label("Mit wem?")).to_be_focused()
    await hands.press(*name[:3].lower())
    await expect(page.locator("#hits a").first).to_be_visible()
    if name not in await page.locator("#hits").inner_text():
        pytest.fail("three letters do not find the person")
    await hands.press("Enter")
    await expect(page.get_by_role("heading", level=1)).to_contain_text("Kontakt mit")
    await hands.press("5", "Tab", "Tab", "4", "Control+Enter")
    await expect(page.get_by_text("Gespeichert: Telefon")).to_be_visible()
    [entry] = contacts(office, case)
    assert entry.values["form"] == "phone"
    assert entry.values["topics"] == ["04"]
    assert entry.values["minutes"] == 15
    assert hands.presses <= 12
    # Decisions: whom, how, what about.
    assert hands.presses * KEY_S + 3 * DECISION_S <= 15


@pytest.mark.spec("SC-26")
async def test_from_the_case_page_it_takes_at_most_6_keys(chromium, origin, office):
    case, _ = person(office)
    page = await enter(chromium, origin)
    await page.goto(f"{origin}/cases/{case}")
    hands = Hands(page)
    await hands.press("n")
    await expect(page.get_by_role("heading", level=1)).to_contain_text("Kontakt mit")
    await hands.press("6", "Tab", "Tab", "4", "Control+Enter")
    await expect(page.get_by_text("Gespeichert: Video")).to_be_visible()
    assert contacts(office, case)[0].values["topics"] == ["04"]
    assert hands.presses <= 6


@pytest.mark.spec("SC-26", "DO-12")
@pytest.mark.parametrize("scripts", [True, False])
async def test_on_a_phone_a_contact_takes_at_most_6_taps(
    chromium, origin, office, scripts
):
    case, name = person(office)
    contact = cases.Contact(
        cases=(case,),
        epochs={case: 1},
        values={"date": "2026-01-02", "minutes": 5, "form": "email", "kind": "contact"},
    )
    office.node.store.write_sync(
        cases.record_contact, office.node.office, contact, by=CLERK
    )
    page = await enter(
        chromium,
        origin,
        viewport={"width": 360, "height": 740},
        has_touch=True,
        is_mobile=True,
        java_script_enabled=scripts,
    )
    taps = [
        page.get_by_role("navigation", name="Schnell erfassen").get_by_role("link"),
        page.get_by_role("link", name=re.compile(name)),
        page.get_by_role("group", name="Wie?").get_by_role("radio", name="Telefon"),
        topic(page, "Wohnen"),
        page.get_by_role("button", name="Speichern", exact=True),
    ]
    for target in taps:
        await target.first.tap()
    await expect(page.get_by_text("Gespeichert: Telefon")).to_be_visible()
    assert len(contacts(office, case)) == 2
    assert len(taps) <= 6


# ---- Keys ------------------------------------------------------------------------------


@pytest.mark.spec("SC-18")
async def test_single_keys_do_nothing_inside_fields(chromium, origin, office):
    case, _ = person(office)
    page = await enter(chromium, origin)
    await page.goto(f"{origin}/contacts/new?case={case}")
    note = page.get_by_label("Notiz")
    await note.press_sequentially("n/?1")
    assert await note.input_value() == "n/?1"
    assert page.url.endswith(case)
    assert not await page.locator("#keys").evaluate("e => e.open")


@pytest.mark.spec("SC-18")
async def test_digits_choose_only_among_the_choices(chromium, origin, office):
    case, _ = person(office)
    page = await enter(chromium, origin)
    await page.goto(f"{origin}/contacts/new?case={case}")
    await page.locator("main").focus()
    # No other test visits anybody at home, so this form is not the one chosen before.
    form = page.get_by_label("3Hausbesuch")
    await page.keyboard.press("3")
    assert not await form.is_checked()
    await page.locator('[name="topic"]').first.focus()
    await page.keyboard.press("3")
    assert await topic(page, "Ausbildung").is_checked()
    assert not await form.is_checked()


@pytest.mark.spec("SC-18")
async def test_single_keys_vanish_when_switched_off(chromium, origin):
    page = await enter(chromium, origin)
    await page.keyboard.press("?")
    await expect(page.locator("#keys summary")).to_be_focused()
    await page.goto(origin + "/accounts/me")
    await _wish(page, single_keys=False)
    await page.goto(origin + "/work")
    for key in ("n", "/", "?"):
        await page.keyboard.press(key)
    await page.wait_for_timeout(300)
    assert page.url == origin + "/work"
    assert await page.locator("#keys").count() == 0
    await page.goto(origin + "/accounts/me")
    await _wish(page, single_keys=True)


async def _wish(page, *, single_keys):
    await page.get_by_label("Einzelne Tasten als Kürzel").set_checked(single_keys)
    await page.get_by_role("button", name="Speichern").first.click()
    await expect(page.locator(".saved")).to_be_visible()


@pytest.mark.spec("SC-18")
async def test_no_key_decides_about_an_offer(chromium, origin, office):
    transfer = put_offer(office.node)
    page = await enter(chromium, origin, who="Demo a")
    await page.goto(f"{origin}/inbox/{transfer}")
    await expect(page.get_by_role("button", name="Annehmen").first).to_be_visible()
    sent = []
    page.on("request", lambda r: r.method == "POST" and sent.append(r.url))
    for key in "abcdefghijklmnopqrstuvwxyz0123456789/?":
        await page.keyboard.press(key)
    await page.wait_for_timeout(300)
    assert sent == []
    assert page.url == f"{origin}/inbox/{transfer}"


@pytest.mark.spec("SC-18")
async def test_the_slash_goes_to_the_search_from_everywhere(chromium, origin):
    page = await enter(chromium, origin)
    await page.keyboard.press("/")
    await expect(page.get_by_label("Person suchen")).to_be_focused()
    await page.locator("main").focus()
    await page.keyboard.press("/")
    await expect(page.get_by_label("Person suchen")).to_be_focused()
    assert await page.get_by_label("Person suchen").input_value() == ""


@pytest.mark.spec("SC-16", "SC-23")
async def test_hits_appear_while_somebody_types_and_enter_opens_the_first(
    chromium, origin, office
):
    case, name = person(office)
    page = await enter(chromium, origin)
    seen = []
    page.on("request", lambda request: seen.append(request.url))
    await page.goto(origin + "/cases")
    await page.get_by_label("Person suchen").press_sequentially(name)
    await expect(page.locator("#hits a")).to_have_count(1)
    await expect(page.locator("#hits-count")).to_have_text("1 Person gefunden.")
    await page.keyboard.press("Enter")
    await page.wait_for_url(f"{origin}/cases/{case}")
    assert [url for url in seen if name in url] == []


# ---- Nothing typed is lost -------------------------------------------------------------


@pytest.mark.spec("SC-27")
async def test_what_was_typed_is_offered_after_the_tab_was_closed(
    chromium, origin, office
):
    case, _ = person(office)
    page = await enter(chromium, origin)
    await page.goto(f"{origin}/contacts/new?case={case}")
    await page.get_by_label("Notiz").press_sequentially("Bescheid kam")
    await expect(page.get_by_text("Entwurf gesichert.")).to_be_visible()
    again = await page.context.new_page()
    await page.close()
    await again.goto(f"{origin}/contacts/new?case={case}")
    await expect(again.get_by_label("Notiz")).to_have_value("Bescheid kam")
    await expect(again.get_by_text("ist eingetragen")).to_be_visible()
    assert contacts(office, case) == ()


@pytest.mark.spec("SC-27")
async def test_leaving_the_page_before_the_pause_keeps_the_words(
    chromium, origin, office
):
    case, _ = person(office)
    page = await enter(chromium, origin)
    await page.goto(f"{origin}/contacts/new?case={case}")
    await page.get_by_label("Notiz").press_sequentially("schnell weg")
    await page.goto(origin + "/work")
    await page.wait_for_timeout(300)
    await page.goto(f"{origin}/contacts/new?case={case}")
    await expect(page.get_by_label("Notiz")).to_have_value("schnell weg")


@pytest.mark.spec("SC-14")
async def test_a_lost_line_says_so_and_saving_works_when_it_is_back(
    chromium, origin, office
):
    case, _ = person(office)
    page = await enter(chromium, origin)
    await page.goto(f"{origin}/contacts/new?case={case}")
    await topic(page, "Wohnen").click()
    await page.get_by_label("Notiz").fill("Nichts davon geht verloren")
    await page.route("**/*", lambda route: route.abort())
    await page.get_by_role("button", name="Speichern", exact=True).click()
    line = page.get_by_role("status").filter(has_text="Keine Verbindung.")
    await expect(line).to_be_visible()
    note = page.get_by_label("Notiz")
    await expect(note).to_have_value("Nichts davon geht verloren")
    # The line lies over nothing that is being written.
    await note.focus()
    field, over = await note.bounding_box(), await line.bounding_box()
    assert field["y"] + field["height"] <= over["y"]
    await page.unroute("**/*")
    await line.get_by_role("button", name="Erneut versuchen").click()
    await expect(page.get_by_text("Gespeichert: ")).to_be_visible()
    [entry] = contacts(office, case)
    assert entry.text("note") == "Nichts davon geht verloren"


@pytest.mark.spec("SC-13")
async def test_the_session_line_appears_two_minutes_before_the_end_and_extends(
    chromium, origin, office
):
    page = await enter(chromium, origin)
    await page.clock.install()
    await page.goto(origin + "/work")
    minutes = int(IDLE.total_seconds() // 60)
    await page.clock.fast_forward(f"{minutes - 3}:59")
    line = page.get_by_role("status").filter(has_text="In 2 Minuten")
    await expect(line).to_have_count(0)
    await page.clock.fast_forward("00:02")
    await expect(line).to_be_visible()
    office.clock.offset += timedelta(minutes=minutes - 2)
    await line.get_by_role("button", name="Angemeldet bleiben").click()
    await expect(line).to_have_count(0)
    office.clock.offset += timedelta(minutes=minutes - 2)
    await page.goto(origin + "/work")
    await expect(page.get_by_role("heading", level=1)).to_have_text("Arbeitsvorrat")
    office.clock.offset = timedelta()


# ---- How it looks ----------------------------------------------------------------------


@pytest.mark.spec("SC-2", "SC-3", "SC-4", "SC-5", "SC-8")
@pytest.mark.parametrize(
    ("scheme", "width", "least"), [("light", 1280, 24), ("dark", 320, 44)]
)
async def test_the_pages_of_the_day_are_accessible(
    chromium, origin, office, scheme, width, least
):
    household = RecordId(secrets.token_hex(16))
    case, name = person(office, household=household)
    person(office, household=household)
    due = cases.new_record(
        office.node.office,
        case,
        "follow_up",
        {"due": "2026-01-02", "source": "contact", "text": "Bescheid da?"},
        by=CLERK.account,
    )
    office.node.store.write_sync(
        cases.save_record, office.node.office, due, epoch=1, by=CLERK
    )
    contact = cases.Contact(
        cases=(case,),
        epochs={case: 1},
        values={"date": "2026-01-02", "minutes": 5, "form": "email", "kind": "contact"},
    )
    entry = office.node.store.write_sync(
        cases.record_contact, office.node.office, contact, by=CLERK
    )
    page = await enter(
        chromium,
        origin,
        color_scheme=scheme,
        # Tall, so that the bar at the foot of a phone lies over nothing axe measures.
        viewport={"width": width, "height": 6000},
    )
    said, elsewhere, found = [], [], []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on(
        "request",
        lambda r: r.url.startswith((origin, "data:")) or elsewhere.append(r.url),
    )
    for path in (
        "/work",
        "/cases",
        "/cases?due=clock",
        "/contacts/new",
        f"/contacts/new?case={case}",
        f"/contacts/{entry}?case={case}",
        f"/cases/{case}",
        "/accounts/me",
    ):
        await page.goto(origin + path)
        for details in await page.locator("main details > summary").all():
            await details.click()
        found += [(path, f) for f in await axe(page)]
        if await page.evaluate("document.documentElement.scrollWidth") > width:
            found.append((path, "wider than the screen"))
        found += [(path, f) for f in await page.evaluate(SMALL_TARGETS, least)]
        if name in await page.title():
            found.append((path, "a name in the title"))
    assert found == []
    assert said == []
    assert elsewhere == []
