"""S2 before a real node: what is due, in which order, and one button to settle it."""

import re
from datetime import timedelta

import pytest
import pytest_asyncio

from node.cases.days import local_day
from node.casework import cases
from node.casework.reporting import change_settings
from node.report.snapshot import ReportSettings
from node.web.workgroups import DONE, MOVE, UNDO
from tests.support.browser_by_hand import words
from tests.support.offers import put_offer
from tests.support.office import AUDITOR, LEADER, open_office
from tests.support.pair import APPROVER, CLERK

pytestmark = pytest.mark.asyncio(loop_scope="module")
GROUP = re.compile(r'<section aria-labelledby="group-(\w+)">(.*?)</section>', re.DOTALL)
ROW = re.compile(r'<li class="task[^"]*">(.*?)</li>', re.DOTALL)
COUNT = re.compile(r'href="/work\?only=(\w+)"[^>]*>[^<]*<span[^>]*>\((\d+)\)')
HIDDEN = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)">')


@pytest_asyncio.fixture(loop_scope="module")
async def office(tmp_path):
    async with open_office(tmp_path) as office:
        yield office


@pytest_asyncio.fixture(loop_scope="module")
async def browser(office):
    return await office.enter(CLERK)


def groups(page):
    return {
        name: [words(r) for r in ROW.findall(body)]
        for name, body in GROUP.findall(page.text)
    }


def today(office):
    return local_day(office.clock.now())


def person(office, name, **fields):
    values = {"family_name": name, "given_names": "Lina", **fields}
    return office.node.store.write_sync(
        cases.open_case, office.node.office, values, by=CLERK
    )


def put(office, case, kind, **values):
    made = cases.new_record(office.node.office, case, kind, values, by=CLERK.account)
    office.node.store.write_sync(
        cases.save_record, office.node.office, made, epoch=1, by=CLERK
    )
    return made.id


def due(office, name, days):
    case = person(office, name)
    day = (today(office) + timedelta(days=days)).isoformat()
    return case, put(office, case, "follow_up", due=day, source="contact", text=name)


def talk(office, case, days=0, kind="talk"):
    day = (today(office) - timedelta(days=days)).isoformat()
    values = {
        "date": day, "minutes": 30, "form": "office", "kind": kind, "topics": ["04"],
    }  # fmt: skip
    contact = cases.Contact(cases=(case,), epochs={case: 1}, values=values)
    office.node.store.write_sync(
        cases.record_contact, office.node.office, contact, by=CLERK
    )


async def press(browser, page, label):
    """Send the first form whose button says so."""
    for form in re.findall(r"<form.*?</form>", page.text, re.DOTALL):
        action = re.search(r'action="([^"]+)"', form)[1]
        if label in words(form):
            fields = dict(HIDDEN.findall(form))
            return await browser.post(action, fields.pop("_token"), **fields)
    raise AssertionError(label)


# ---- Order and counts ------------------------------------------------------------------


@pytest.mark.spec("SC-22")
async def test_overdue_comes_before_today_and_today_before_later(office, browser):
    for name, days in (("Demo-Morgen", 1), ("Demo-Heute", 0), ("Demo-Gestern", -1)):
        due(office, name, days)
    due(office, "Demo-Fern", 8)
    page = await browser.get("/work")
    found = groups(page)
    assert ["Demo-Gestern" in found["due"][0], "Demo-Heute" in found["due"][1]] == [
        True,
        True,
    ]
    assert "überfällig" in found["due"][0]
    assert "überfällig" not in found["due"][1]
    assert ["Demo-Morgen" in row for row in found["later"]] == [True]
    assert "Demo-Fern" not in page.text
    assert list(found).index("due") < list(found).index("later")


@pytest.mark.spec("SC-22", "DO-6")
async def test_the_clock_group_holds_90_days_left_and_not_91(office, browser):
    on = today(office)
    for left in (90, 91, 0, -1):
        last = on + timedelta(days=left)
        start = last.replace(year=last.year - 3) + timedelta(days=1)
        person(office, f"Demo-Rest{left}", counselling_start=start.isoformat())
    rows = groups(await browser.get("/work"))["clock"]
    assert ["Demo-Rest0" in rows[0], "Demo-Rest90" in rows[1], len(rows)] == [
        True,
        True,
        2,
    ]


@pytest.mark.spec("SC-22")
async def test_a_count_filters_to_exactly_that_many_rows(office, browser):
    for number in range(7):
        due(office, f"Demo-Eins{number}", 0)
    due(office, "Demo-Zwei", 3)
    page = await browser.get("/work")
    counts = dict(COUNT.findall(page.text))
    assert counts == {"due": "7", "later": "1"}
    assert len(groups(page)["due"]) == 5
    for name, count in counts.items():
        found = groups(await browser.get(f"/work?only={name}"))
        assert {group: len(rows) for group, rows in found.items()} == {name: int(count)}


async def test_an_unknown_filter_shows_everything(office, browser):
    due(office, "Demo-Da", 0)
    assert "due" in groups(await browser.get("/work?only=nothing"))


async def test_nothing_due_says_so_and_names_the_next_day(office, browser):
    _, _ = due(office, "Demo-Spaeter", 20)
    page = await browser.get("/work")
    assert groups(page) == {}
    day = (today(office) + timedelta(days=20)).strftime("%d.%m.%Y")
    assert f"Nächster Termin: {day}" in words(page)


async def test_an_approver_sees_offers_to_decide_and_no_name(office):
    transfer = put_offer(office.node)
    approver = await office.enter(APPROVER)
    page = await approver.get("/work")
    [row] = groups(page)["incoming"]
    assert transfer.short in row
    assert "2 Personen" in row
    assert "Diesen Monat" not in page.text


async def test_a_caseworker_sees_no_offer(office, browser):
    put_offer(office.node)
    assert "incoming" not in groups(await browser.get("/work"))


@pytest.mark.parametrize("actor", [LEADER, AUDITOR])
async def test_other_roles_have_no_worklist(office, actor):
    other = await office.enter(actor)
    assert (await other.get("/work")).status == 403


# ---- Follow-ups ------------------------------------------------------------------------


def follow_up(office, case, record):
    return office.node.store.read_sync(lambda uow: uow.cases.record(case, record))


async def test_done_takes_one_button_and_is_taken_back_by_another(office, browser):
    case, record = due(office, "Demo-Fertig", -3)
    answer = await press(browser, await browser.get("/work"), "Erledigt")
    assert answer.location == "/work"
    page = await browser.get("/work")
    assert groups(page) == {}
    assert follow_up(office, case, record).text("done_on") == today(office).isoformat()
    await press(browser, page, "Rückgängig")
    assert "done_on" not in follow_up(office, case, record).values
    assert "Demo-Fertig" in groups(await browser.get("/work"))["due"][0]


async def test_a_week_later_counts_from_today_and_is_taken_back(office, browser):
    case, record = due(office, "Demo-Alt", -40)
    before = follow_up(office, case, record).text("due")
    await press(browser, await browser.get("/work"), "1 Woche später")
    day = today(office) + timedelta(days=7)
    assert follow_up(office, case, record).text("due") == day.isoformat()
    page = await browser.get("/work")
    assert f"Verschoben auf den {day.strftime('%d.%m.%Y')}" in words(page)
    await press(browser, page, "Rückgängig")
    assert follow_up(office, case, record).text("due") == before


async def test_the_way_back_is_shown_once(office, browser):
    due(office, "Demo-Einmal", 0)
    await press(browser, await browser.get("/work"), "Erledigt")
    assert "Rückgängig" in words(await browser.get("/work"))
    assert "Rückgängig" not in words(await browser.get("/work"))


@pytest.mark.parametrize("path", [DONE, MOVE, UNDO])
async def test_only_follow_ups_are_changed_here(office, browser, path):
    case = person(office, "Demo-Anders")
    other = put(office, case, "language", language="de", lang_kind="spoken")
    due(office, "Demo-Token", 0)
    token = (await browser.get("/work")).form_token
    for fields in (
        {"case": case, "record": other, "due": "2026-12-01"},
        {"case": case, "record": "0" * 32, "due": "2026-12-01"},
        {"case": "0" * 32, "record": other, "due": "2026-12-01"},
        {"case": "x", "record": "y"},
    ):
        assert (await browser.post(path, token, **fields)).status == 404
    assert "due" not in follow_up(office, case, other).values


async def test_a_colleagues_follow_up_cannot_be_settled(office):
    case, record = due(office, "Demo-Meins", 0)
    other = await office.enter(APPROVER)
    token = (await other.get("/work")).form_token
    answer = await other.post(DONE, token, case=case, record=record)
    assert answer.status == 403
    assert "done_on" not in follow_up(office, case, record).values


# ---- This month ------------------------------------------------------------------------


@pytest.mark.spec("DO-2")
async def test_the_care_rate_needs_a_status_and_a_contact_in_twelve_months(
    office, browser
):
    for name, status, days in (
        ("Demo-Ja", "cared_for", 1),
        ("Demo-LangeHer", "cared_for", 370),
        ("Demo-OhneKontakt", "cared_for", None),
        ("Demo-Lehntab", "declined", 1),
    ):
        case = person(office, name)
        put(office, case, "care_status", care_status=status, valid_from="2024-01-01")
        if days is not None:
            talk(office, case, days)
    page = words(await browser.get("/work"))
    assert "25 % (1 von 4)" in page.replace("\u00a0", " ")
    assert "so gezählt" in page


@pytest.mark.spec("DO-2", "FR-5")
async def test_the_window_of_the_care_rate_is_the_one_of_the_reports(office, browser):
    case = person(office, "Demo-LangeHer")
    put(office, case, "care_status", care_status="cared_for", valid_from="2024-01-01")
    talk(office, case, 370)
    assert "0 % (0 von 1)" in words(await browser.get("/work")).replace("\u00a0", " ")
    settings = ReportSettings(today(office), today(office), 24)
    office.node.store.write_sync(
        change_settings, office.node.office, settings, by=LEADER
    )
    assert "100 % (1 von 1)" in words(await browser.get("/work")).replace("\u00a0", " ")


@pytest.mark.spec("DO-3", "FR-8")
async def test_the_month_counts_talks_and_contacts_apart(office, browser):
    case = person(office, "Demo-Zahl")
    talk(office, case)
    talk(office, case, kind="contact")
    talk(office, case, kind="attempt")
    page = words(await browser.get("/work"))
    assert "Gespräche 1 Andere Kontakte 1" in page


@pytest.mark.spec("SC-60")
async def test_the_chart_has_title_description_and_a_table_with_equal_numbers(
    office, browser
):
    case = person(office, "Demo-Bild")
    talk(office, case)
    page = (await browser.get("/work")).text
    chart = re.search(r"<figure.*?</figure>", page, re.DOTALL)[0]
    drawn = re.findall(r'class="chart__value"[^>]*>([^<]+)<', chart)
    listed = re.findall(r"cell--numeric[^>]*><span[^>]*>([^<]+)<", chart)
    assert drawn == listed
    assert drawn[-1] == "1"
    assert len(drawn) == 6
    assert "<title" in chart
    assert "<desc" in chart
    assert "style=" not in chart
