"""S3 before a real node: found in any spelling, and no more of a colleague's case."""

import json
import re
import secrets
from datetime import timedelta
from urllib.parse import quote

import pytest
import pytest_asyncio

from node.accounts.model import Role
from node.accounts.policy import Actor
from node.cases.days import local_day
from node.casework import cases
from node.ids import AccountId
from tests.support.browser_by_hand import words
from tests.support.office import open_office
from tests.support.pair import APPROVER, CLERK

pytestmark = pytest.mark.asyncio(loop_scope="module")
TAGS = re.compile(r"<[^>]+>")
OTHER = Actor(AccountId("d" * 32), frozenset({Role.CASEWORKER}))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def office(tmp_path_factory):
    async with open_office(tmp_path_factory.mktemp("office")) as office:
        office.hire(OTHER, "Demo Andere")
        for given, family, birth, more in (
            ("Mohammed", "Demo-Ahorn", "1994-03-07", {}),
            ("Jürgen", "Müller", "1960-12-03", {}),
            ("Fatima", "Demo-Palme", "1988-01-01", {"case_number": "IM 17/2026"}),
            ("Tesfaye", "Demo-Akazie", "1979-05-05", {}),
        ):
            _open(office, given, family, birth, **more)
        _open(
            office, "Khaled", "Demo-Zeder", "1990-02-02",
            name_other_script=[{"tag": "ar-Arab", "text": "خالد"}],
        )  # fmt: skip
        _open(office, "Geheim", "Demo-Kollegin", "1977-07-07", by=OTHER)
        yield office


@pytest_asyncio.fixture(loop_scope="module")
async def browser(office):
    return await office.enter(CLERK)


def _open(office, given, family, birth, by=CLERK, **more):
    values = {"given_names": given, "family_name": family, "birth_date": birth, **more}
    return office.node.store.write_sync(
        cases.open_case, office.node.office, values, by=by
    )


async def search(browser, text):
    token = (await browser.get("/cases")).form_token
    answer = await browser.post("/cases/search", token, text=text)
    assert answer.status == 303
    return answer, await browser.get(answer.location)


async def find(browser, text, path="/cases/find"):
    token = (await browser.get("/cases")).form_token
    return json.loads((await browser.post(path, token, text=text)).text)


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("Muhamad", "Mohammed Demo-Ahorn"),
        ("moh", "Mohammed Demo-Ahorn"),
        ("Ahorn Mohamed", "Mohammed Demo-Ahorn"),
        ("Mueller", "Jürgen Müller"),
        ("Muller", "Jürgen Müller"),
        ("Juergen", "Jürgen Müller"),
        ("محمد", "Mohammed Demo-Ahorn"),
        ("خالد", "Khaled Demo-Zeder"),
        ("Chaled", "Khaled Demo-Zeder"),
        ("ተስፋዬ", "Tesfaye Demo-Akazie"),
        ("7.3.1994", "Mohammed Demo-Ahorn"),
        ("1994-03-07", "Mohammed Demo-Ahorn"),
        ("IM 17/2026", "Fatima Demo-Palme"),
    ],
)
@pytest.mark.spec("SC-23")
async def test_a_person_is_found_as_they_are_spelt(browser, typed, name):
    _, page = await search(browser, typed)
    assert name in words(page)
    assert re.search(r'role="status"[^>]*>\s*1 Person', page.text)
    found = await find(browser, typed)
    assert [hit["name"] for hit in found["people"]] == [name]
    assert found["said"] == "1 Person gefunden."


@pytest.mark.parametrize("typed", ["xqzw", "31.12.1999", "IM 18/2026"])
@pytest.mark.spec("SC-23")
async def test_nobody_is_found_and_a_case_can_be_opened(browser, typed):
    _, page = await search(browser, typed)
    assert "Niemand" in words(page)
    assert "/cases/new?s=" in page.text
    assert (await find(browser, typed))["people"] == []


@pytest.mark.spec("SC-23")
async def test_of_a_colleagues_case_only_name_birth_year_and_caseworker_show(browser):
    _, page = await search(browser, "Kollegin")
    row = re.search(
        r"<tr[^>]*>(?:(?!<tr).)*Demo-Kollegin.*?</tr>", page.text, re.DOTALL
    )
    cells = re.findall(r'class="cell__value">(.*?)</span>', row[0], re.DOTALL)
    shown = [cell for c in cells if (cell := TAGS.sub("", c).strip())]
    assert shown == ["Geheim Demo-Kollegin", "1977", "Demo Andere · Notfallzugriff"]
    links = re.findall(r'href="([^"]*)"', row[0])
    assert [link.rpartition("/")[2] for link in links] == ["emergency"]
    [hit] = (await find(browser, "Kollegin"))["people"]
    assert hit == {
        "href": "",
        "name": "Geheim Demo-Kollegin",
        "more": "1977 · Demo Andere",
    }


async def test_a_contact_is_offered_for_own_people_only(browser):
    assert (await find(browser, "Kollegin", "/contacts/find"))["people"] == []
    [hit] = (await find(browser, "Ahorn", "/contacts/find"))["people"]
    assert hit["href"].startswith("/contacts/new?case=")


@pytest.mark.spec("SC-16")
async def test_what_was_typed_is_in_no_address(browser):
    answer, page = await search(browser, "Mohammed")
    assert re.fullmatch(r"/cases\?s=[0-9a-f]{16}", answer.location)
    assert "Mohammed" not in re.search(r"<title>(.*?)</title>", page.text)[1]


@pytest.mark.spec("SC-16")
async def test_a_search_of_another_session_is_nobodys(office, browser):
    answer, _ = await search(browser, "Mohammed")
    other = await office.enter(OTHER)
    assert "Mohammed" not in words(await other.get(answer.location))


@pytest.mark.parametrize("path", ["/cases/find", "/contacts/find"])
async def test_other_roles_find_nobody(office, path):
    other = await office.enter(APPROVER)
    token = (await other.get("/inbox")).form_token
    assert (await other.post(path, token, text="Mohammed")).status == 403


async def test_who_is_threatened_is_found_by_their_caseworker_only(office, browser):
    name = f"Demo-Schutz{secrets.token_hex(3)}"
    case = _open(office, "Nele", name, "1991-01-01", by=OTHER)
    made = cases.new_record(
        office.node.office, case, "protection", {"protection": "threatened"},
        by=OTHER.account,
    )  # fmt: skip
    office.node.store.write_sync(
        cases.save_record, office.node.office, made, epoch=1, by=OTHER
    )
    assert (await find(browser, name))["people"] == []
    assert name not in words(await browser.get("/cases?of=all"))
    own = await office.enter(OTHER)
    assert len((await find(own, name))["people"]) == 1


# ---- Filters ---------------------------------------------------------------------------


async def test_filters_narrow_the_own_list_and_the_count_says_so(office, browser):
    case = _open(office, "Ida", "Demo-Filter", "1992-02-02")
    for kind, values in (
        ("care_status", {"care_status": "declined", "valid_from": "2026-01-01"}),
        (
            "plan",
            {
                "status": "in_force",
                "start": "2026-01-01",
                "review_due": local_day(office.clock.now()).isoformat(),
            },
        ),
    ):
        made = cases.new_record(
            office.node.office, case, kind, values, by=CLERK.account
        )
        office.node.store.write_sync(
            cases.save_record, office.node.office, made, epoch=1, by=CLERK
        )
    for address in ("/cases?status=declined", "/cases?due=plan"):
        page = words(await browser.get(address))
        assert "1 Person." in page
        assert "Demo-Filter" in page
        assert "Demo-Ahorn" not in page
    both = words(await browser.get("/cases?status=declined&due=clock"))
    assert "Zu dieser Auswahl gehört niemand." in both


@pytest.mark.parametrize("query", ["status=nonsense", "due=nonsense", "page=999"])
async def test_what_is_no_choice_filters_nothing(browser, query):
    assert "Demo-Ahorn" in words(await browser.get(f"/cases?{query}"))


@pytest.mark.spec("SC-23")
async def test_the_list_of_all_cannot_be_asked_for_a_colleagues_status(office, browser):
    everybody = words(await browser.get("/cases?of=all&status=declined"))
    assert "Demo-Kollegin" in everybody
    assert "Demo-Ahorn" in everybody


async def test_the_clock_filter_holds_90_days_left_and_not_91(office, browser):
    on = local_day(office.clock.now())
    for left in (90, 91):
        last = on + timedelta(days=left)
        start = last.replace(year=last.year - 3) + timedelta(days=1)
        _open(
            office, "Rest", f"Demo-Uhr{left}", "1990-01-01",
            counselling_start=start.isoformat(),
        )  # fmt: skip
    page = words(await browser.get("/cases?due=clock"))
    assert "Demo-Uhr90" in page
    assert "Demo-Uhr91" not in page


# ---- Short cuts ------------------------------------------------------------------------


@pytest.mark.spec("SC-18")
async def test_single_keys_are_switched_off_for_this_account_alone(office, browser):
    page = await browser.get("/accounts/me")
    assert 'data-keys="yes"' in page.text
    await browser.post("/accounts/me", page.form_token, language="de", theme="system")
    assert 'data-keys="yes"' not in (await browser.get("/work")).text
    other = await office.enter(OTHER)
    assert 'data-keys="yes"' in (await other.get("/work")).text
    page = await browser.get("/accounts/me")
    await browser.post(
        "/accounts/me",
        page.form_token,
        language="de",
        theme="system",
        single_keys="yes",
    )
    assert 'data-keys="yes"' in (await browser.get("/work")).text


@pytest.mark.spec("SR-B8")
async def test_a_sign_of_life_needs_a_session(office, browser):
    assert (await browser.get("/session")).status == 204
    stranger = type(browser)(office.client)
    assert (await stranger.get("/session")).status == 303


# ---- Sorted ----------------------------------------------------------------------------


def order(page, *names):
    """The names in the order in which the list shows them."""
    table = page.text[page.text.index("<tbody") :]
    return sorted(
        (n for n in names if n in table), key=lambda name, t=table: t.index(name)
    )


BORN = ["Müller", "Demo-Akazie", "Demo-Palme", "Demo-Zeder", "Demo-Ahorn"]


async def test_a_link_in_the_head_sorts_and_the_address_remembers_it(browser):
    plain = await browser.get("/cases")
    assert 'href="/cases?of=mine&amp;sort=born"' in plain.text
    up = await browser.get("/cases?of=mine&sort=born")
    assert order(up, *BORN) == BORN
    assert 'aria-sort="ascending"' in up.text
    down_address = "/cases?of=mine&sort=-born"
    assert f'href="{down_address.replace("&", "&amp;")}"' in up.text
    down = await browser.get(down_address)
    assert order(down, *BORN) == BORN[::-1]
    assert 'aria-sort="descending"' in down.text
    assert down.text.count("aria-sort") == 1


async def test_the_form_sorts_too_and_filters_stay(office, browser):
    case = _open(office, "Uta", "Demo-Sortiert", "1991-01-01")
    values = {"care_status": "not_reached", "valid_from": "2026-01-01"}
    made = cases.new_record(
        office.node.office, case, "care_status", values, by=CLERK.account
    )
    office.node.store.write_sync(
        cases.save_record, office.node.office, made, epoch=1, by=CLERK
    )
    page = await browser.get("/cases?of=mine&status=not_reached&sort=-name")
    assert 'name="sort"' in page.text
    assert "status=not_reached&amp;sort=born" in page.text
    assert 'aria-sort="descending"' in page.text


@pytest.mark.parametrize("sort", ["-", "--born", "sort", "born-", "worker", "é", ""])
async def test_what_is_no_order_sorts_by_name(browser, sort):
    page = await browser.get(f"/cases?of=mine&sort={quote(sort)}")
    plain = await browser.get("/cases?of=mine")
    assert page.status == 200
    assert order(page, *BORN) == order(plain, *BORN)


@pytest.mark.spec("SC-23")
@pytest.mark.parametrize("sort", ["status", "-contact", "plan"])
async def test_nothing_of_a_colleague_shows_by_an_order(browser, sort):
    page = await browser.get(f"/cases?of=all&sort={sort}")
    names = [*BORN, "Demo-Kollegin"]
    assert order(page, *names) == order(await browser.get("/cases?of=all"), *names)
    assert f"sort={sort}" not in page.text
    by_worker = await browser.get("/cases?of=all&sort=worker")
    assert order(by_worker, *names)[0] == "Demo-Kollegin"


# ---- Saved views -----------------------------------------------------------------------


async def keep(browser, name, view="of=mine&sort=-born"):
    page = await browser.get(f"/cases?{view}")
    return await browser.post("/cases/views", page.form_token, name=name, view=view)


async def test_a_view_is_kept_used_replaced_and_forgotten(office, browser):
    done = await keep(browser, "Jüngste zuerst")
    assert done.location == "/cases?of=mine&sort=-born"
    listed = await browser.get("/cases")
    assert "Jüngste zuerst" in words(listed)
    assert 'href="/cases?of=mine&amp;sort=-born"' in listed.text
    await keep(browser, "Jüngste zuerst", "of=mine&status=declined")
    listed = await browser.get("/cases")
    assert 'href="/cases?of=mine&amp;status=declined"' in listed.text
    other = await office.enter(OTHER)
    assert "Jüngste zuerst" not in words(await other.get("/cases"))
    await other.post(
        "/cases/views/drop",
        (await other.get("/cases")).form_token,
        name="Jüngste zuerst",
    )
    assert "Jüngste zuerst" in words(await browser.get("/cases"))
    gone = await browser.post(
        "/cases/views/drop", listed.form_token, name="Jüngste zuerst"
    )
    assert gone.location == "/cases"
    assert "Jüngste zuerst" not in words(await browser.get("/cases"))


@pytest.mark.parametrize("name", ["", "   ", "x" * 41])
async def test_a_view_needs_a_name_that_fits(browser, name):
    answer = await keep(browser, name)
    assert answer.status == 422
    assert "Fehler:" in answer.text
    assert 'aria-sort="descending"' in answer.text


async def test_nobody_keeps_more_views_than_a_page_shows(office):
    browser = await office.enter(OTHER)
    for number in range(12):
        assert (await keep(browser, f"Ansicht {number}")).status == 303
    assert (await keep(browser, "noch eine")).status == 422
    assert (await keep(browser, "Ansicht 3", "of=gone")).status == 303


@pytest.mark.spec("SC-23")
@pytest.mark.parametrize(
    ("view", "kept"),
    [
        ("s=0123&text=Demo-Ahorn", "of=mine"),
        ("of=all&status=declined&sort=plan", "of=all"),
        ("of=https://x.example&page=7", "of=mine"),
        ("of=mine&due=plan&due=clock", "of=mine&due=clock"),
        ("%00", "of=mine"),
    ],
)
async def test_only_filters_and_order_are_kept_of_an_address(browser, view, kept):
    page = await browser.get("/cases")
    done = await browser.post("/cases/views", page.form_token, name="Rest", view=view)
    assert done.location == f"/cases?{kept}"
