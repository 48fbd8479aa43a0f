"""S15 Nachweisvorlage: the funding period, the funder's file, its cells, and filling it."""

import io
import re

import openpyxl
import pytest
import pytest_asyncio

from node.accounts.policy import Actor
from node.casework import reporting
from node.demo.residents import REFERENCE
from node.demo.seed import seed_funding, seed_town
from node.errors import ForbiddenError, InputError
from node.report.snapshot import ReportSettings
from tests.support.browser_by_hand import words
from tests.support.office import AUDITOR, LEADER, open_office
from tests.support.pair import APPROVER
from tests.support.townfolk import demo
from tests.unit.web.test_prooffile import GIVEN, SHEET, cells_of

pytestmark = pytest.mark.asyncio(loop_scope="module")
AT = "/settings/proof"
WORKER = next(a for a in demo().wehr.accounts if a.login == "fachkraft")
CLERK = Actor(WORKER.id, WORKER.roles)
CHOICE = {
    "sheet": SHEET,
    "first_row": "12",
    "period.from": "B3",
    "period.to": "B4",
    "caseworker.name": "A",
    "zustaendig": "B",
    "betreut": "C",
    "plaene": "D",
    "gespraeche": "E",
}


@pytest_asyncio.fixture(loop_scope="module")
async def office(tmp_path):
    async with open_office(tmp_path) as opened:
        seed_town(opened.node.store, opened.node.office, demo().wehr)
        seed_funding(opened.node.store, opened.node.office, demo().wehr, REFERENCE)
        yield opened


@pytest_asyncio.fixture(loop_scope="module")
async def leader(office):
    return await office.enter(LEADER)


async def upload(browser, content, name="vorlage.xlsx"):
    token = (await browser.get(AT)).form_token
    edge = "----edge"
    head = (
        f'--{edge}\r\nContent-Disposition: form-data; name="_token"\r\n\r\n{token}\r\n'
        f'--{edge}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n'
        "Content-Type: application/octet-stream\r\n\r\n"
    )
    return await browser.send(
        "POST",
        f"{AT}/template",
        headers={
            "Sec-Fetch-Site": "same-origin",
            "Content-Type": f"multipart/form-data; boundary={edge}",
        },
        body=head.encode() + content + f"\r\n--{edge}--\r\n".encode(),
    )


async def map_cells(browser, **choice):
    page = await browser.get(f"{AT}/cells")
    digest = re.search(r'name="_digest" value="([0-9a-f]{64})"', page.text)[1]
    fields = {"_digest": digest, **CHOICE, **choice}
    return await browser.post(f"{AT}/cells", page.form_token, **fields)


async def ready(browser):
    assert (await upload(browser, GIVEN)).location == f"{AT}/cells"
    assert (await map_cells(browser)).status == 303


@pytest.mark.spec("DO-36", "SC-59")
async def test_the_template_is_filled_with_the_golden_numbers_and_nothing_else(
    office, leader
):
    await ready(leader)
    browser = await office.enter(CLERK)
    page = await browser.get("/reports/land")
    assert "ausgefüllte Vorlage „vorlage.xlsx“" in words(page)
    made = await browser.get("/reports/land/xlsx")
    before, after = cells_of(GIVEN), cells_of(made.body)
    filled = {
        place[1]: after[place][0] for place in before if before[place] != after[place]
    }
    assert filled == {
        "B3": "02.05.2018",
        "B4": "15.03.2021",
        "A12": WORKER.name,
        "B12": 157,
        "C12": 118,
        "D12": 144,
        "E12": 772,
    }
    own = await browser.get("/reports/land/xlsx?own=yes")
    assert "Zahlen" in openpyxl.load_workbook(io.BytesIO(own.body)).sheetnames


@pytest.mark.spec("DO-40")
async def test_the_trial_holds_invented_numbers_alone(leader):
    await ready(leader)
    made = await leader.get(f"{AT}/trial")
    sheet = openpyxl.load_workbook(io.BytesIO(made.body))[SHEET]
    assert [sheet[f"{c}12"].value for c in "ABCDE"] == ["Beispiel", *[1234] * 4]
    assert WORKER.name.encode() not in made.body


@pytest.mark.spec("DO-36")
@pytest.mark.parametrize(
    ("choice", "sentence"),
    [
        ({"sheet": "Fehlt"}, "Das Blatt „Fehlt“ fehlt in der Datei."),
        ({"first_row": "20"}, "In der Zelle B20 auf dem Blatt"),
        ({"betreut": "F"}, "In der Zelle F12 auf dem Blatt"),
        ({"period.to": "C1"}, "Die Zelle C1 auf dem Blatt"),
        ({"betreut": "B"}, "Zwei Zahlen können nicht an dieselbe Stelle."),
        ({"period.to": "B3"}, "Zwei Zahlen können nicht an dieselbe Stelle."),
        ({"betreut": "b"}, "Zwei Zahlen können nicht an dieselbe Stelle."),
        (dict.fromkeys(list(CHOICE)[4:], ""), "mindestens eine Zahl"),
    ],
)
async def test_cells_that_cannot_be_filled_are_refused_by_name(
    leader, choice, sentence
):
    await upload(leader, GIVEN)
    answer = await map_cells(leader, **choice)
    assert answer.status == 422
    assert sentence in words(answer)
    assert (await leader.get(f"{AT}/trial")).status == 303


async def test_a_file_that_changed_meanwhile_takes_no_cells(leader):
    await ready(leader)
    page = await leader.get(f"{AT}/cells")
    answer = await leader.post(
        f"{AT}/cells", page.form_token, _digest="0" * 64, **CHOICE
    )
    assert answer.status == 409


@pytest.mark.spec("DO-36")
async def test_a_new_file_has_no_cells_until_somebody_says_so(office, leader):
    await ready(leader)
    book = openpyxl.load_workbook(io.BytesIO(GIVEN))
    book[SHEET]["A2"] = "Neue Fassung"
    made = io.BytesIO()
    book.save(made)
    await upload(leader, made.getvalue(), "neu.xlsx")
    browser = await office.enter(CLERK)
    page = await browser.get("/reports/land")
    assert "noch ist nicht festgelegt" in words(page)
    file = await browser.get("/reports/land/xlsx")
    assert "Zahlen" in openpyxl.load_workbook(io.BytesIO(file.body)).sheetnames
    again = await upload(leader, made.getvalue(), "neu.xlsx")
    assert again.location == AT


@pytest.mark.parametrize(
    "content",
    [b"", b"keine Tabelle", b"PK\x03\x04", bytes(5 * 1024 * 1024 + 1)],
    ids=["empty", "text", "cut", "large"],
)
@pytest.mark.filterwarnings("ignore:Sending a large body:ResourceWarning")
async def test_a_file_that_cannot_be_filled_is_not_kept(leader, content):
    answer = await upload(leader, content)
    assert answer.status == 422
    assert "Noch keine Vorlage" in words(answer)


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"first": "gestern"}, "first"),
        ({"last": "31.02.2021"}, "last"),
        ({"last": "01.01.2018"}, "last"),
        ({"window": "0"}, "window"),
        ({"window": "61"}, "window"),
        ({"window": "00121234"}, "window"),
        ({"window": "zwölf"}, "window"),
    ],
)
async def test_settings_that_cannot_be_are_named_at_their_field(leader, fields, field):
    page = await leader.get(AT)
    good = {"first": "02.05.2018", "last": "15.03.2021", "window": "12"}
    answer = await leader.post(AT, page.form_token, **{**good, **fields})
    assert answer.status == 422
    assert f'href="#f-{field}"' in answer.text
    assert fields[next(iter(fields))] in answer.text


@pytest.mark.spec("SR-B8")
@pytest.mark.parametrize("actor", [CLERK, APPROVER, AUDITOR])
async def test_other_roles_set_nothing(office, actor):
    browser = await office.enter(actor)
    page = await browser.get("/reports")
    for path in (AT, f"{AT}/cells", f"{AT}/trial"):
        assert (await browser.get(path)).status == 403
    assert AT not in page.text
    settings = ReportSettings(REFERENCE, REFERENCE)
    with pytest.raises(ForbiddenError):
        office.node.store.write_sync(
            reporting.change_settings, office.node.office, settings, by=actor
        )


async def test_the_use_case_refuses_what_the_page_would(office):
    for settings in (
        ReportSettings(REFERENCE, REFERENCE, 0),
        ReportSettings(REFERENCE, REFERENCE.replace(year=2020)),
    ):
        with pytest.raises(InputError):
            office.node.store.write_sync(
                reporting.change_settings, office.node.office, settings, by=LEADER
            )
