"""S13: reports over HTTP on the invented town, at the day whose numbers are known."""

import io
import re
import secrets
from datetime import date, timedelta
from html import unescape

import openpyxl
import pypdfium2
import pytest
import pytest_asyncio

from node.accounts.policy import Actor
from node.cases.days import local_day
from node.cases.model import Baton, CaseFile, Origin, Record
from node.cases.tally import tally_of
from node.casework import cases, reporting
from node.casework.reporting import Wish
from node.demo.residents import REFERENCE
from node.demo.seed import seed_funding, seed_town
from node.errors import ForbiddenError, InputError, PrinterError
from node.ids import CaseId, Hex128, RecordId
from node.report.definition import LAND, Audience, definition
from node.report.suppress import hidden_cells
from node.report.tables import TOTAL
from tests.support.browser_by_hand import words
from tests.support.office import AUDITOR, LEADER, open_office
from tests.support.pair import APPROVER, SAECKINGEN
from tests.support.papers import HAS_PANGO, text_of
from tests.support.townfolk import demo

needs_pango = pytest.mark.skipif(not HAS_PANGO, reason="no pango on this machine")

pytestmark = pytest.mark.asyncio(loop_scope="module")
TAGS = re.compile(r"<[^>]+>")
DAYS = "from=02.05.2018&to=15.03.2021"
FIRST = date(2018, 5, 2)
WORKER = next(a for a in demo().wehr.accounts if a.login == "fachkraft")
CLERK = Actor(WORKER.id, WORKER.roles)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def office(tmp_path_factory):
    async with open_office(tmp_path_factory.mktemp("office")) as opened:
        seed_town(opened.node.store, opened.node.office, demo().wehr)
        yield opened


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser(office):
    return await office.enter(CLERK)


@pytest_asyncio.fixture(loop_scope="module")
async def busy(tmp_path):
    """An office of its own, for tests that change what is counted."""
    async with open_office(tmp_path) as opened:
        seed_town(opened.node.store, opened.node.office, demo().wehr)
        yield opened


def numbers(page):
    """What stands under "Zahlen", by label."""
    found = re.findall(
        r'figure__label">([^<]+)</p>\s*<p class="figure__number number">([^<]+)<',
        page.text,
    )
    return dict(found)


def count(opened, *, name=LAND, by=CLERK, **more):
    wish = Wish(name, more.pop("first", FIRST), more.pop("last", REFERENCE), **more)
    now = opened.clock.now()
    return opened.node.store.read_sync(reporting.run, wish, now, by=by)


# ---- The golden numbers ----------------------------------------------------------------


@pytest.mark.spec("DO-1")
async def test_the_page_shows_the_numbers_of_the_reference_day(browser):
    found = numbers(await browser.get(f"/reports/land?{DAYS}"))
    assert found == {
        "Zuständig": "157",
        "Betreut": "118",
        "Betreuungsquote in Prozent": "75,2",
        "Integrationspläne": "144",
        "Pläne in Kraft": "106",
        "Beratungsgespräche": "772",
    }


@pytest.mark.spec("DO-1")
async def test_the_page_shows_the_numbers_of_the_middle_mark(browser):
    found = numbers(await browser.get("/reports/land?from=2018-05-02&to=2020-02-15"))
    assert (found["Zuständig"], found["Integrationspläne"]) == ("172", "113")
    assert found["Beratungsgespräche"] == "548"


@pytest.mark.spec("DO-1", "DO-9")
async def test_every_number_of_the_field_document_is_counted(office):
    care = count(office, name="betreuung")
    reasons = {"declined": 12, "not_reached": 9, "no_need": 9, "language_barrier": 6}
    for code, number in {**reasons, "no_contact": 3}.items():
        assert care.number(TOTAL, f"nicht-betreut.{code}") == number
    assert care.number(TOTAL, "sprachen.fr") == 3
    assert (care.number(TOTAL, "abgaenge"), care.number(TOTAL, "uhr-endet")) == (57, 38)
    talks = count(office, name="gespraeche")
    assert talks.number(TOTAL, "sprachmittlung.child") == 1
    assert talks.number(TOTAL, "thema.04") == 148
    assert talks.number(TOTAL, "kontakte") == 1180
    assert talks.number(TOTAL, "absprachen") == 210
    assert talks.number(TOTAL, "versuche") == 64
    goals = count(office, name="ziele")
    assert goals.number(TOTAL, "stand") == 431
    assert goals.number(TOTAL, "stand.postponed") == 41
    assert goals.at(TOTAL, "zielerreichung") == "67.6"


@pytest.mark.spec("DO-2")
async def test_a_window_of_36_months_gives_121_and_is_printed(busy):
    leader = await busy.enter(LEADER)
    page = await leader.get("/settings/proof")
    answer = await leader.post(
        "/settings/proof",
        page.form_token,
        first="02.05.2018",
        last="15.03.2021",
        window="36",
    )
    assert answer.status == 303
    shown = await (await busy.enter(CLERK)).get("/reports/land")
    assert numbers(shown)["Betreut"] == "121"
    assert "121 / 157. Das Fenster für „betreut“ ist 36 Monate lang." in words(shown)
    assert "vom 16.03.2018 bis 15.03.2021 (36 Monate)" in words(shown)


@pytest.mark.spec("DO-5", "FR-3")
async def test_a_day_before_and_after_a_departure(office):
    gone = next(c for c in demo().wehr.cases if c.file.responsible_until)
    last = gone.file.responsible_until
    before = count(office, last=last).number(TOTAL, "zustaendig")
    later = last + timedelta(days=1)
    left = sum(c.file.responsible_until == last for c in demo().wehr.cases)
    came = sum(c.file.responsible_from == later for c in demo().wehr.cases)
    assert count(office, last=later).number(TOTAL, "zustaendig") == before - left + came


@pytest.mark.spec("DO-4", "FR-8")
async def test_imported_talks_are_nobodys_own(tmp_path):
    async with open_office(tmp_path, SAECKINGEN) as opened:
        town = demo().saeckingen
        seed_town(opened.node.store, opened.node.office, town)
        came = [
            r
            for case in town.cases
            for r in case.records
            if r.kind == "contact" and r.origin is Origin.TRANSFER
        ]
        assert len(came) > 30
        table = count(opened)
        assert table.number(TOTAL, "zustaendig") == 60
        assert table.number(TOTAL, "plaene") == 38
        assert table.number(TOTAL, "gespraeche") == 260


async def test_20_000_persons_would_be_counted_without_opening_one(office, monkeypatch):
    def never(*_, **__):
        raise AssertionError("a report opened a sealed column")

    monkeypatch.setattr("node.store.records.open_field", never)
    monkeypatch.setattr("node.store.casekeys.CaseKeys.of", never)
    for name in (LAND, "betreuung", "gespraeche", "ziele", "uebergaben"):
        assert count(office, name=name).rows


# ---- What changes the numbers ----------------------------------------------------------


def talk(opened, persons, on="2021-03-01", by=CLERK):
    """A talk with these persons, recorded now."""
    files = opened.node.store.read_sync(
        lambda uow: [uow.cases.file(p) for p in persons]
    )
    contact = cases.Contact(
        cases=tuple(persons),
        epochs={file.id: file.epoch for file in files},
        values={
            "date": on,
            "minutes": 30,
            "form": "office",
            "kind": "talk",
            "topics": ["04.1"],
        },
        note="",
        id=RecordId(secrets.token_hex(16)),
    )
    opened.node.store.write_sync(
        cases.record_contact, opened.node.office, contact, by=by
    )
    return contact.id


def void(opened, entry, persons):
    def go(uow):
        with uow:
            for person in persons:
                record = uow.cases.record(person, entry)
                values = {**record.values, "voided_on": "2026-01-01"}
                now = opened.clock.now()
                uow.cases.put(
                    [
                        Record(
                            person,
                            entry,
                            "contact",
                            values,
                            now,
                            recorded_by=CLERK.account,
                        )
                    ]
                )
            uow.commit()

    opened.node.store.write_sync(go)


def newcomers(opened, number):
    """Persons who never had a talk."""

    def go(uow):
        made = []
        with uow:
            for _ in range(number):
                case = CaseId(secrets.token_hex(16))
                day = date(2021, 1, 4)
                uow.cases.open_new(
                    CaseFile(
                        case,
                        1,
                        Baton.ACTIVE,
                        1,
                        day,
                        caseworker=CLERK.account,
                        responsible_from=day,
                    )
                )
                made.append(case)
            uow.commit()
        return made

    return opened.node.store.write_sync(go)


def erase(opened, case):
    """As both ways of erasing do it: what is left to count first, then the key."""

    def go(uow):
        from dataclasses import replace

        with uow:
            file = uow.cases.file(case)
            lines = tally_of(uow.tally.history(case))
            uow.tally.add(lines, local_day(opened.clock.now()))
            gone = replace(file, baton=Baton.SHREDDED, transfer=None, household=None)
            uow.cases.replace(file, gone)
            uow.commit()

    opened.node.store.write_sync(go)


def facts(table):
    return {column.id: table.at(TOTAL, column.id) for column in table.columns}


@pytest.mark.spec("DO-3", "FR-7", "DO-33")
async def test_a_talk_with_four_persons_counts_once_voided_and_erased_too(busy):
    four = newcomers(busy, 4)
    before = facts(count(busy, name="gespraeche"))
    entry = talk(busy, four)
    after = facts(count(busy, name="gespraeche"))
    assert after["form"] == before["form"] + 1
    assert after["personen"] == before["personen"] + 4
    void(busy, entry, four)
    assert facts(count(busy, name="gespraeche")) == before
    talk(busy, four)
    # One after the other is erased: the talk stays one, the persons stay four.
    for case in four:
        erase(busy, case)
        assert facts(count(busy, name="gespraeche")) == after


@pytest.mark.spec("DO-33")
async def test_erasing_cases_changes_no_number(busy):
    names = (LAND, "gespraeche", "ziele")
    before = [facts(count(busy, name=name)) for name in names]
    care = facts(count(busy, name="betreuung"))
    moved = [
        c.file.id
        for c in demo().wehr.cases
        if c.file.baton is Baton.HANDED_OVER or c.file.responsible_until
    ]
    for case in moved[:12]:
        erase(busy, case)
    assert [facts(count(busy, name=name)) for name in names] == before
    after = facts(count(busy, name="betreuung"))
    kept = [name for name in care if not name.startswith("sprachen")]
    assert {n: after[n] for n in kept} == {n: care[n] for n in kept}


@pytest.mark.spec("DO-10")
async def test_as_known_at_an_earlier_instant_the_old_numbers_stand(busy):
    then = busy.clock.now()
    before = count(busy)
    talk(busy, newcomers(busy, 2))
    entry = next(
        r
        for c in demo().wehr.cases
        for r in c.records
        if r.kind == "contact"
        and r.text("kind") == "talk"
        and len(r.values["persons"]) == 1
    )
    void(busy, entry.id, [entry.case])
    assert count(busy, known_at=then).encode() == before.encode()
    now = count(busy)
    assert now.number(TOTAL, "zustaendig") == 159
    assert now.number(TOTAL, "gespraeche") == 772


# ---- Frozen ----------------------------------------------------------------------------


async def freeze(opened, **more):
    browser = await opened.enter(CLERK)
    page = await browser.get(f"/reports/land?{DAYS}")
    once = re.search(r'name="_once" value="([^"]+)"', page.text)[1]
    fields = {"from": "02.05.2018", "to": "15.03.2021", "_once": once, **more}
    return browser, await browser.post(
        "/reports/land/freeze", page.form_token, **fields
    )


def snapshot(opened, location):
    number = Hex128(location.rpartition("/")[2])
    return opened.node.store.read_sync(lambda uow: uow.reports.get(number))


@pytest.mark.spec("DO-38")
async def test_a_snapshot_counted_again_is_the_same_after_late_entries_and_erasures(
    busy,
):
    browser, answer = await freeze(busy)
    assert answer.status == 303
    kept = snapshot(busy, answer.location)
    present = [
        c
        for c in demo().wehr.cases
        if c.file.baton is Baton.ACTIVE and not c.file.responsible_until
    ]
    late = [talk(busy, [c.file.id], by=CLERK) for c in present[:10]]
    assert len(late) == 10
    erase(busy, present[0].file.id)
    erase(busy, next(c for c in demo().wehr.cases if c.file.responsible_until).file.id)
    # Another hand takes a case over, and one leaves: neither was known then.
    hand_over(busy, present[1].file.id)
    again = busy.node.store.read_sync(
        reporting.rerun, kept.id, busy.clock.now(), by=CLERK
    )
    assert again.table.digest == kept.digest
    assert again.table.encode() == kept.content
    assert again.is_same
    page = await browser.get(answer.location)
    assert "Seither nachgetragen: 10 Einträge" in words(page)
    assert "ist jede Zahl dieselbe" in words(page)
    assert "772" in words(page)
    now = await browser.get(f"/reports/land?{DAYS}")
    assert "Beratungsgespräche: damals 772, jetzt 782" in words(now)


def hand_over(opened, case):
    def go(uow):
        from dataclasses import replace

        with uow:
            file = uow.cases.file(case)
            gone = replace(file, caseworker=None, responsible_until=date(2021, 3, 1))
            uow.cases.replace(file, gone)
            uow.commit()

    opened.node.store.write_sync(go)


@pytest.mark.spec("DO-38")
async def test_a_snapshot_says_what_it_was_made_of(busy):
    _, answer = await freeze(busy)
    kept = snapshot(busy, answer.location)
    assert kept.definition_digest == definition(LAND).digest
    assert (kept.first, kept.last, kept.made_by) == (FIRST, REFERENCE, CLERK.account)
    assert kept.software
    assert b'"cells":[[157,118,"75.2",144,106,772' in kept.content


async def test_the_same_form_sent_twice_freezes_once(busy):
    browser = await busy.enter(CLERK)
    page = await browser.get(f"/reports/land?{DAYS}")
    once = re.search(r'name="_once" value="([^"]+)"', page.text)[1]
    fields = {"from": "02.05.2018", "to": "15.03.2021", "_once": once}
    answers = [
        await browser.post("/reports/land/freeze", page.form_token, **fields)
        for _ in range(2)
    ]
    assert [answer.status for answer in answers] == [303, 409]


@pytest.mark.parametrize("actor", [LEADER, AUDITOR])
async def test_who_sees_totals_alone_freezes_nothing(office, actor):
    browser = await office.enter(actor)
    page = await browser.get("/reports/land")
    answer = await browser.post("/reports/land/freeze", page.form_token, _once="x")
    assert answer.status == 403
    with pytest.raises(ForbiddenError):
        office.node.store.write_sync(
            reporting.freeze,
            office.node.office,
            Wish(LAND, FIRST, REFERENCE),
            Hex128("a" * 32),
            by=actor,
        )


async def test_a_snapshot_that_is_not_there_is_not_found(browser):
    for number in ("f" * 32, "x"):
        page = await browser.get(f"/reports/snapshots/{number}")
        assert page.status == 404


# ---- Three clicks ----------------------------------------------------------------------

HEAD = [
    "Fachkraft",
    "Zuständig",
    "Betreut",
    "Betreuungsquote in Prozent",
    "Integrationspläne",
    "Pläne in Kraft",
    "Beratungsgespräche",
    "Beratungsgespräche: Begleitung",
    "Beratungsgespräche: offene Sprechstunde",
    "Beratungsgespräche: E-Mail",
    "Beratungsgespräche: Hausbesuch",
    "Beratungsgespräche: Messenger",
    "Beratungsgespräche: im Büro",
    "Beratungsgespräche: Telefon",
    "Beratungsgespräche: Video",
]
GOLDEN = [157, 118, 75.2, 144, 106, 772, 44, 10, 38, 96, 84, 301, 187, 12]


def link(page, label):
    """The address behind a link, found by what it is called."""
    for address, text in re.findall(
        r'<a [^>]*href="([^"]+)"[^>]*>(.*?)</a>', page.text, re.DOTALL
    ):
        if re.sub(r"\s+", " ", TAGS.sub("", text)).strip() == label:
            return address.replace("&amp;", "&")
    raise AssertionError(f"no link {label}")


@pytest.mark.spec("SC-59", "DO-1")
async def test_three_clicks_from_any_page_lead_to_the_golden_file(busy):
    seed_funding(busy.node.store, busy.node.office, demo().wehr, REFERENCE)
    browser = await busy.enter(CLERK)
    for start in ("/work", "/cases", "/outbox"):
        page = await browser.get(start)
        page = await browser.get(link(page, "Berichte"))
        page = await browser.get(link(page, "Nachweis für das Land"))
        file = await browser.get(link(page, "Als Excel herunterladen"))
        book = openpyxl.load_workbook(io.BytesIO(file.body))
        sheet = book["Zahlen"]
        rows = [[cell.value for cell in row] for row in sheet.iter_rows()]
        assert rows[0][0] == "Wehr: Nachweis für das Land"
        assert rows[1][0] == "Zeitraum: 02.05.2018 bis 15.03.2021"
        assert rows[3][0] == "Ohne Vorlage des Landes"
        assert rows[5] == HEAD
        assert rows[6] == [WORKER.name, *GOLDEN]
        assert rows[7] == ["Gesamt", *GOLDEN]
        so = [row[0].value for row in book["So wurde gezählt"].iter_rows(min_row=2)]
        assert so == HEAD[1:7]


@pytest.mark.spec("SC-59")
@pytest.mark.parametrize(
    "report", ["land", "betreuung", "gespraeche", "ziele", "uebergaben"]
)
async def test_each_number_says_how_it_was_counted_and_leads_to_its_cases(
    browser, report
):
    page = await browser.get(f"/reports/{report}?{DAYS}")
    shown = numbers(page)
    assert page.text.count("So gezählt:") >= len(shown)
    addresses = {
        a.replace("&amp;", "&")
        for a in re.findall(r'href="([^"]+/cases\?[^"]+)"', page.text)
    }
    plain = [a for a in addresses if "." not in re.search(r"column=([^&]+)", a)[1]]
    assert len(plain) == sum("Prozent" not in n and "Tage bis" not in n for n in shown)
    for address in [*plain, *sorted(addresses - set(plain))[:6]]:
        behind = await browser.get(address)
        assert behind.status == 200, address
        total, own, others, erased = counted_behind(behind)
        assert own + others + erased == total
        label = re.search(r"<h1[^>]*>(.*): ", behind.text)[1]
        if label in shown:
            assert shown[label].replace(".", "") == str(total)


def counted_behind(page):
    total = re.search(r"<h1[^>]*>.*: ([0-9.]+)</h1>", page.text)[1]
    parts = re.findall(r'item__value">([0-9.]+)<', page.text)
    return [int(text.replace(".", "")) for text in (total, *parts)]


async def test_the_persons_behind_a_number_are_the_own_ones(browser):
    page = await browser.get(f"/reports/land/cases?column=betreut&{DAYS}")
    assert counted_behind(page) == [118, 118, 0, 0]
    assert "Demo-Birke" in page.text


def listed(page):
    return re.findall(r'href="(/cases/[0-9a-f]{32})"', page.text)


async def test_many_persons_behind_a_number_are_listed_page_by_page(browser):
    page = await browser.get(f"/reports/land/cases?column=betreut&row=total&{DAYS}")
    seen = [listed(page)]
    while onward := re.search(r'href="([^"]*)"[^>]*>(?:<[^>]*>|\s)*Nächste', page.text):
        page = await browser.get(unescape(onward[1]))
        assert counted_behind(page) == [118, 118, 0, 0]
        seen.append(listed(page))
    assert [len(persons) for persons in seen] == [50, 50, 18]
    assert len({person for persons in seen for person in persons}) == 118


@pytest.mark.parametrize("number", ["0", "-1", "4", "99999", "x", "²", "1e9"])
async def test_a_page_that_is_none_is_the_nearest_or_the_first(browser, number):
    here = f"/reports/land/cases?column=betreut&{DAYS}"
    last = listed(await browser.get(f"{here}&page=3"))
    page = await browser.get(f"{here}&page={number}")
    assert page.status == 200
    is_beyond = number in {"4", "99999"}
    assert (listed(page) == last) is is_beyond
    assert counted_behind(page) == [118, 118, 0, 0]


async def test_a_colleague_sees_how_many_and_nobody(busy):
    from tests.support.desk import CLERK as COLLEAGUE

    browser = await busy.enter(COLLEAGUE)
    page = await browser.get(f"/reports/land/cases?column=betreut&{DAYS}")
    assert counted_behind(page) == [118, 0, 118, 0]
    assert "Demo-" not in words(page).partition("Berichte")[2]


@pytest.mark.parametrize(
    "column", ["quote", "fehlt", "", "gespraeche.fehlt", "betreut.x"]
)
async def test_there_are_no_cases_behind_what_is_no_number(browser, column):
    page = await browser.get(f"/reports/land/cases?column={column}&{DAYS}")
    assert page.status == 404


# ---- Who sees what ---------------------------------------------------------------------


@pytest.mark.spec("DO-37", "SC-61")
async def test_the_council_sees_less_than_five_and_the_explanation(browser):
    inside = await browser.get(f"/reports/betreuung?{DAYS}&audience=internal")
    assert "Französisch 3" in words(inside)
    assert "&lt;5" not in inside.text
    council = await browser.get(f"/reports/betreuung?{DAYS}&audience=council")
    assert "Französisch <5" in words(council)
    assert "Zahlen von 1 bis 4 stehen als <5 da" in words(council)
    assert "Französisch 3" not in words(council)
    csv = await browser.get(f"/reports/betreuung/csv?{DAYS}&audience=council")
    head, _, rows = csv.text.partition("\r\n")
    line = dict(zip(head.split(";"), rows.split("\r\n")[0].split(";"), strict=True))
    assert line["Nach Erstsprache: Französisch"] == "<5"


@pytest.mark.spec("DO-37", "SC-61")
async def test_page_csv_and_excel_hide_the_same(office, browser):
    table = count(office, name="betreuung")
    hidden = {
        column for row, column in hidden_cells(table, Audience.COUNCIL) if row == TOTAL
    }
    assert "sprachen.fr" in hidden
    at = f"{DAYS}&audience=council"
    file = await browser.get(f"/reports/betreuung/xlsx?{at}")
    sheet = openpyxl.load_workbook(io.BytesIO(file.body))["Zahlen"]
    row = next(r for r in sheet.iter_rows() if r[0].value == "Gesamt")
    shown = [cell.value for cell in row[1:]]
    for column, value in zip(table.columns, shown, strict=True):
        assert isinstance(value, str) == (column.id in hidden), column.id


@pytest.mark.spec("DO-40", "DO-37")
@pytest.mark.parametrize("actor", [LEADER, AUDITOR])
async def test_administration_and_audit_see_suppressed_totals_alone(office, actor):
    browser = await office.enter(actor)
    for report in ("land", "betreuung", "gespraeche", "ziele", "uebergaben"):
        for ask in ("", "?audience=internal", f"?caseworker={WORKER.id}", f"?{DAYS}"):
            page = await browser.get(f"/reports/{report}{ask}")
            assert page.status == 200
            assert WORKER.name not in page.text
            assert "/cases?" not in page.text
            assert "Bericht einfrieren" not in page.text
    year = await browser.get("/reports/betreuung?period=2021&audience=internal")
    assert "&lt;5" in year.text
    behind = await browser.get("/reports/land/cases?column=betreut")
    assert behind.status == 403
    csv = await browser.get("/reports/land/csv?period=2020")
    assert WORKER.name not in csv.text
    assert len(count(office, by=actor).rows) == 1


async def test_days_chosen_by_who_sees_totals_are_whole_years(office):
    browser = await office.enter(AUDITOR)
    page = await browser.get("/reports/land?from=02.05.2018&to=14.03.2021&period=2020")
    assert "Zahlen vom 01.01.2020 bis 31.12.2020" in words(page)
    odd = await browser.get("/reports/land?period=99999999999")
    assert odd.status == 200


async def test_an_approver_sees_rows_but_no_cases(office):
    browser = await office.enter(APPROVER)
    page = await browser.get(f"/reports/land?{DAYS}")
    assert WORKER.name in page.text
    assert "/cases?" not in page.text
    behind = await browser.get(f"/reports/land/cases?column=betreut&{DAYS}")
    assert behind.status == 403


async def test_nobody_without_a_right_counts(office):
    nobody = Actor()
    with pytest.raises(ForbiddenError):
        count(office, by=nobody)
    with pytest.raises(InputError):
        count(office, first=date(2021, 1, 2), last=date(2021, 1, 1))


@pytest.mark.parametrize(
    "query", ["from=31.02.2020", "to=gestern", "from=02.01.2021&to=01.01.2021"]
)
async def test_days_that_are_none_are_named_and_kept(browser, query):
    page = await browser.get(f"/reports/land?{query}")
    assert page.status == 422
    assert "<title>Fehler:" in page.text
    assert query.split("=")[1].split("&")[0] in page.text


async def test_a_report_that_is_not_there_is_not_found(browser):
    for name in ("fehlt", "auswertung", "x/csv"):
        assert (await browser.get(f"/reports/{name}")).status == 404


# ---- Pictures --------------------------------------------------------------------------


@pytest.mark.spec("SC-60")
@pytest.mark.parametrize("report", ["land", "betreuung", "gespraeche", "ziele"])
async def test_every_picture_has_title_description_and_a_table(browser, report):
    page = await browser.get(f"/reports/{report}?{DAYS}")
    sections = re.findall(
        r"<section class=\"flow\" aria-labelledby=\"q-.*?</section>",
        page.text,
        re.DOTALL,
    )
    assert sections
    for section in sections:
        (svg,) = re.findall(r"<svg.*?</svg>", section, re.DOTALL)
        assert 'role="img"' in svg
        name, told = re.search(r'aria-labelledby="(\S+) (\S+)"', svg).groups()
        assert re.search(rf'<title id="{name}">[^<]+</title>', svg)
        assert re.search(rf'<desc id="{told}">[^<]+</desc>', svg)
        assert "style=" not in svg
        rest = section.replace(svg, "")
        table = set(re.findall(r'cell__value">(?:<a[^>]*>)?([^<]+)<', rest))
        drawn = re.findall(r'class="chart__(?:value|label)"[^>]*>([^<]+)<', svg)
        assert len(re.findall("<rect", svg)) <= 8
        assert drawn
        assert set(drawn) <= table, set(drawn) - table


async def test_the_narrative_report_has_its_headings_and_figures(browser):
    page = await browser.get(f"/reports/land/narrative?{DAYS}")
    text = words(page)
    assert "1. Wer berichtet" in text
    assert "7. Ausblick" in text
    for number in ("157", "118", "75,2", "772"):
        assert number in text
    assert "Demo-" not in text.partition("Sachbericht")[2]
    assert (await browser.get("/reports/ziele/narrative")).status == 404


async def test_csv_is_what_a_german_spreadsheet_opens(browser):
    page = await browser.get(f"/reports/land/csv?{DAYS}")
    assert page.body.startswith(b"\xef\xbb\xbf")
    assert page.headers["Content-Disposition"].startswith("attachment")
    assert ";75,2;" in page.text
    assert page.headers["Content-Security-Policy"].startswith("sandbox")


# ---- On paper --------------------------------------------------------------------------


@needs_pango
@pytest.mark.spec("DO-1", "SC-67")
@pytest.mark.parametrize(
    "report", ["land", "betreuung", "gespraeche", "ziele", "uebergaben"]
)
async def test_the_pdf_holds_every_number_of_the_page_and_how_it_was_counted(
    browser, report
):
    page = await browser.get(f"/reports/{report}?{DAYS}")
    link = re.search(rf'href="(/reports/{report}/pdf\?[^"]+)"', page.text)[1]
    answer = await browser.get(unescape(link))
    assert (answer.status, answer.headers["Content-Type"]) == (200, "application/pdf")
    document = pypdfium2.PdfDocument(answer.body)
    assert document.is_tagged()
    text = without_blanks(text_of(answer.body))
    for label, number in numbers(page).items():
        assert without_blanks(f"{label}{number}") in text, label
    ways = re.findall(
        r"So gezählt:</?[^>]*>?\s*([^<]+)<|So gezählt: ([^<]+)<", page.text
    )
    assert ways
    for way in ways:
        assert without_blanks("".join(way)) in text
    for name in re.findall(r'<th scope="row"[^>]*>(?:<[^>]+>)*([^<]+)<', page.text):
        assert without_blanks(name) in text, name
    said = text_of(answer.body)
    for part in ("Bericht · ", "02.05.2018 \u2013 15.03.2021", "Wehr Bericht"):
        assert part in said, part


def without_blanks(text):
    """The letters alone, as columns break lines."""
    return re.sub(r"\s+", "", unescape(text))


@needs_pango
@pytest.mark.spec("DO-37", "SC-61")
async def test_the_pdf_hides_what_the_page_hides(browser):
    at = f"/reports/betreuung/pdf?{DAYS}&audience="
    inside = text_of((await browser.get(f"{at}internal")).body)
    assert "Französisch 3" in inside
    assert "<5" not in inside
    council = text_of((await browser.get(f"{at}council")).body)
    assert "Französisch <5" in council
    assert "Französisch 3" not in council
    assert "Zahlen von 1 bis 4 stehen als <5 da" in council
    assert WORKER.name in inside
    assert WORKER.name not in council


@needs_pango
@pytest.mark.spec("DO-40", "DO-37")
@pytest.mark.parametrize("actor", [LEADER, AUDITOR])
async def test_the_pdf_for_administration_and_audit_holds_suppressed_totals_alone(
    office, actor
):
    browser = await office.enter(actor)
    ask = "period=2021&audience=internal"
    said = text_of((await browser.get(f"/reports/betreuung/pdf?{ask}")).body)
    assert "<5" in said
    for more in (ask, f"caseworker={WORKER.id}", DAYS):
        said = text_of((await browser.get(f"/reports/land/pdf?{more}")).body)
        assert WORKER.name not in said
        assert "14.03.2021" not in said


@needs_pango
async def test_the_pdf_of_one_caseworker_says_whose_numbers_they_are(browser):
    ask = f"{DAYS}&audience=internal&caseworker={WORKER.id}"
    said = text_of((await browser.get(f"/reports/land/pdf?{ask}")).body)
    assert said.index(WORKER.name) < said.index("So gezählt")


async def test_days_that_are_none_make_no_pdf(browser):
    answer = await browser.get("/reports/land/pdf?from=31.02.2020")
    assert (answer.status, "<title>Fehler:" in answer.text) == (422, True)
    assert (await browser.get("/reports/fehlt/pdf")).status == 404


@needs_pango
@pytest.mark.spec("DO-38", "DO-40", "SC-67")
async def test_the_pdf_of_a_snapshot_says_when_it_was_known_and_to_auditors_totals(
    busy,
):
    browser, frozen = await freeze(busy)
    kept = snapshot(busy, frozen.location)
    page = await browser.get(frozen.location)
    assert f'href="{frozen.location}/pdf?audience=land"' in page.text
    said = text_of((await browser.get(f"{frozen.location}/pdf")).body)
    day = f"{local_day(kept.known_at):%d.%m.%Y}"
    for part in (f"Stand {day}", "Beratungsgespräche 772", kept.id.short):
        assert part in said, part
    assert kept.digest.hex()[:4] in said
    assert "ist jede Zahl dieselbe" in said
    auditor = await busy.enter(AUDITOR)
    ask = f"{frozen.location}/pdf?audience=internal"
    own = text_of((await browser.get(ask)).body)
    other = text_of((await auditor.get(ask)).body)
    assert "Nach Fachkraft" in own
    assert "Nach Fachkraft" not in other


@pytest.mark.spec("SC-68")
async def test_without_a_press_the_report_is_still_there(office, browser, monkeypatch):
    async def fail(*_):
        raise PrinterError("no press")

    monkeypatch.setattr(type(office.node.press), "render", fail)
    answer = await browser.get(f"/reports/land/pdf?{DAYS}")
    assert answer.status == 503
    assert "PDFs können gerade nicht erstellt werden." in words(answer)
    for kind in ("", "/csv", "/xlsx"):
        assert (await browser.get(f"/reports/land{kind}?{DAYS}")).status == 200
