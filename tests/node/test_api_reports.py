"""Totals of reports for programs, on the invented town at the day whose numbers are known."""

import json
import re
from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest
import pytest_asyncio

from node.accounts.model import Scope
from node.accounts.policy import Actor
from node.api.gate import PACE
from node.casework import reporting
from node.casework.reporting import Wish
from node.demo.residents import REFERENCE
from node.demo.seed import seed_funding, seed_town
from node.errors import ForbiddenError, InputError
from node.report.definition import LAND, definition, definitions
from node.report.suppress import Mark
from node.report.tables import TOTAL
from tests.support.office import AUDITOR, LEADER, open_office
from tests.support.pair import CLERK
from tests.support.townfolk import demo

pytestmark = pytest.mark.asyncio(loop_scope="module")
PATH = "/api/v1/reports"
FUNDING = "from=2018-05-02&to=2021-03-15"
FUNDED = date(2018, 5, 2), REFERENCE
PROGRAM = Actor(scopes=frozenset({Scope.REPORTS_READ}))
NAMES = [LAND, "betreuung", "gespraeche", "ziele", "uebergaben"]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def opened(tmp_path_factory):
    async with open_office(tmp_path_factory.mktemp("office")) as office:
        seed_town(office.node.store, office.node.office, demo().wehr)
        seed_funding(office.node.store, office.node.office, demo().wehr, REFERENCE)
        yield office


@pytest.fixture
def office(opened):
    opened.clock.offset += PACE
    return opened


@pytest.fixture
def token(office):
    return office.token(Scope.REPORTS_READ)


async def get(office, token, path, **headers):
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    return await office.call("GET", f"{PATH}{path}", token=token, headers=sent)


async def told(office, token, name, days=FUNDING):
    answer = await get(office, token, f"/{name}?{days}")
    assert answer.status == 200, answer.text
    return json.loads(answer.body)


def problem(answer):
    assert answer.headers["Content-Type"] == "application/problem+json"
    found = json.loads(answer.body)
    assert found["status"] == answer.status
    return answer.status, found["code"]


def cells(report):
    (row,) = report["rows"]
    assert row["id"] == "total"
    return {cell["column"]: (cell["value"], cell["hidden"]) for cell in row["cells"]}


def count(office, name, days=FUNDED, by=LEADER):
    now = office.clock.now()
    return office.node.store.read_sync(reporting.run, Wish(name, *days), now, by=by)


# ---- Numbers ---------------------------------------------------------------------------


@pytest.mark.spec("DO-1")
async def test_a_program_gets_the_numbers_of_the_reference_day(office, token):
    report = await told(office, token, LAND)
    undivided = {k: v for k, v in cells(report).items() if "." not in k}
    assert undivided == {
        "zustaendig": (157, None),
        "betreut": (118, None),
        "quote": ("75.2", None),
        "plaene": (144, None),
        "plaene-in-kraft": (106, None),
        "gespraeche": (772, None),
    }
    assert (report["audience"], report["period"]) == (
        "land",
        {"from": "2018-05-02", "to": "2021-03-15"},
    )


@pytest.mark.spec("DO-1", "DO-2")
async def test_each_column_says_how_it_was_counted_and_a_rate_of_what_it_is(
    office, token
):
    columns = {c["id"]: c for c in (await told(office, token, LAND))["columns"]}
    assert all(column["label"] and column["so_counted"] for column in columns.values())
    rate = columns["quote"]
    assert rate["label"] == "Betreuungsquote in Prozent"
    assert rate["ratio"] == {"numerator": "betreut", "denominator": "zustaendig"}
    assert "118\u00a0/\u00a0157" in rate["so_counted"]
    assert (
        "vom 16.03.2020 bis 15.03.2021 (12 Monate)"
        in (columns["betreut"]["so_counted"])
    )
    assert columns["betreut"]["ratio"] is None


async def test_the_list_names_every_report_and_the_periods_that_are_told(office, token):
    found = json.loads((await get(office, token, "")).body)
    assert [report["id"] for report in found["reports"]] == [
        report.id for report in definitions()
    ]
    for line, report in zip(found["reports"], definitions(), strict=True):
        assert line["version"] == report.version
        assert line["title"] == report.title.de
        assert line["audience"] == report.audience
        assert [column["id"] for column in line["columns"]] == [
            rule.id for rule in report.columns
        ]
    assert found["periods"][0] == {"from": "2018-05-02", "to": "2021-03-15"}
    assert found["periods"][-1] == {"from": "2018-01-01", "to": "2018-12-31"}
    for days in found["periods"]:
        await told(office, token, "ziele", f"from={days['from']}&to={days['to']}")


async def test_an_answer_tells_as_of_when_it_is_known(office, token):
    before = office.clock.now()
    report = await told(office, token, LAND)
    known = datetime.fromisoformat(report["as_known_at"])
    assert before <= known <= office.clock.now()


# ---- What is hidden --------------------------------------------------------------------


@pytest.mark.spec("DO-37", "SC-61")
async def test_a_program_gets_less_than_five_nowhere(office, token):
    seen = set()
    for name in NAMES:
        report = await told(office, token, name)
        exact = definition(name).exact_totals
        for column, (value, hidden) in cells(report).items():
            seen.add(hidden)
            assert hidden is None or value is None
            if isinstance(value, int) and column not in exact:
                assert value == 0 or value >= report["below"], (name, column)
    assert seen == {None, "small", "with_it"}


@pytest.mark.spec("DO-37", "DO-40")
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("actor", [LEADER, AUDITOR])
async def test_a_program_gets_what_the_page_shows_to_who_sees_totals(
    office, token, name, actor
):
    browser = await office.enter(actor)
    csv = await browser.get(f"/reports/{name}/csv")
    head, line = csv.text.lstrip("\ufeff").split("\r\n")[:2]
    page = dict(zip(head.split(";")[1:], line.split(";")[1:], strict=True))
    report = await told(office, token, name)
    labels = {column["id"]: column["label"] for column in report["columns"]}
    spelled = {}
    for column, (value, hidden) in cells(report).items():
        text = "" if value is None else str(value).replace(".", ",")
        text = {"small": f"<{report['below']}", "with_it": "nicht gezeigt"}.get(
            hidden, text
        )
        spelled[labels[column]] = text
    assert spelled == page


@pytest.mark.spec("DO-37")
async def test_no_sentence_tells_a_number_that_is_hidden(office, token):
    for name in NAMES:
        report = await told(office, token, name)
        found = cells(report)
        for column in report["columns"]:
            if column["ratio"] is None:
                continue
            for part in column["ratio"].values():
                value, hidden = found[part]
                if hidden is None:
                    assert str(value) in column["so_counted"]
                else:
                    assert re.search("<5|nicht gezeigt", column["so_counted"])


@pytest.mark.spec("DO-40")
async def test_nothing_in_an_answer_is_of_one_caseworker_or_one_person(office, token):
    for name in NAMES:
        answer = await get(office, token, f"/{name}?{FUNDING}")
        for account in demo().wehr.accounts:
            assert account.name not in answer.text
            assert account.id not in answer.text
        assert not any(case.file.id in answer.text for case in demo().wehr.cases)


# ---- Which days ------------------------------------------------------------------------


@pytest.mark.spec("DO-37")
@pytest.mark.parametrize(
    "query",
    [
        "",
        "from=2018-05-02",
        "to=2021-03-15",
        "from=2021-03-15&to=2018-05-02",
        "from=2018-05-02&to=2021-03-14",
        "from=2018-05-03&to=2021-03-15",
        "from=2020-01-01&to=2020-12-30",
        "from=2020-01-01&to=2021-12-31",
        "from=1999-01-01&to=1999-12-31",
        "from=2999-01-01&to=2999-12-31",
        "from=0001-01-01&to=9999-12-31",
        "from=02.05.2018&to=15.03.2021",
        "from=20180502&to=20210315",
        "from=2018-W18-3&to=2021-03-15",
        "from=2021-02-30&to=2021-03-15",
        "from=2018-05-02T00:00:00&to=2021-03-15",
        "from=&to=",
        f"{FUNDING}&from=2018-05-02",
        f"{FUNDING}&audience=internal",
        f"{FUNDING}&caseworker=1",
    ],
)
async def test_other_days_and_other_questions_are_refused(office, token, query):
    answer = await get(office, token, f"/{LAND}?{query}")
    assert problem(answer) == (400, "query")


async def test_the_list_takes_no_question(office, token):
    assert problem(await get(office, token, "?limit=1")) == (400, "query")


@pytest.mark.spec("DO-1")
async def test_a_calendar_year_is_counted_as_inside(office, token):
    year = date(2020, 1, 1), date(2020, 12, 31)
    report = await told(office, token, LAND, "from=2020-01-01&to=2020-12-31")
    table = count(office, LAND, year)
    assert cells(report)["gespraeche"] == (table.number(TOTAL, "gespraeche"), None)


async def test_the_running_year_ends_today_and_tomorrow_is_not_told(office, token):
    today = reporting.local_day(office.clock.now())
    begin = f"from={today.year}-01-01"
    await told(office, token, LAND, f"{begin}&to={today}")
    later = today + timedelta(days=1)
    answer = await get(office, token, f"/{LAND}?{begin}&to={later}")
    assert problem(answer) == (400, "query")


# ---- The tag ---------------------------------------------------------------------------


async def test_what_is_known_already_is_not_sent_again(office, token):
    first = await get(office, token, f"/betreuung?{FUNDING}")
    tag = first.headers["ETag"]
    office.clock.offset += timedelta(minutes=5)
    again = await get(office, token, f"/betreuung?{FUNDING}", If_None_Match=tag)
    assert (again.status, again.body, again.headers["ETag"]) == (304, b"", tag)
    other = await get(office, token, f"/ziele?{FUNDING}", If_None_Match=tag)
    assert other.status == 200
    assert other.headers["ETag"] != tag


@pytest.mark.spec("DO-37")
async def test_the_tag_tells_nothing_of_a_hidden_number(office, token, monkeypatch):
    before = await get(office, token, f"/betreuung?{FUNDING}")
    real = reporting.build

    def one_less(*args, **more):
        table = real(*args, **more)
        cells = {**table.cells}
        assert cells[TOTAL, "sprachen.fr"] == 3
        cells[TOTAL, "sprachen.fr"] = 2
        return replace(table, cells=cells)

    monkeypatch.setattr(reporting, "build", one_less)
    after = await get(office, token, f"/betreuung?{FUNDING}")
    assert cells(json.loads(after.body))["sprachen.fr"] == (None, Mark.SMALL)
    assert after.headers["ETag"] == before.headers["ETag"]


# ---- Who may ---------------------------------------------------------------------------


@pytest.mark.spec("SR-B11")
@pytest.mark.parametrize("path", ["", f"/{LAND}?{FUNDING}", "/fehlt?x", "?x=1"])
async def test_a_token_for_something_else_is_refused_before_anything_is_read(
    office, path
):
    town = office.token(Scope.RELOCATIONS_WRITE, Scope.METRICS_READ)
    own = office.token_for(CLERK, Scope.CASES_READ, Scope.CONTACTS_WRITE)
    for other in (town, own):
        assert problem(await get(office, other, path)) == (403, "scope")


@pytest.mark.spec("SR-B11")
async def test_without_a_token_nothing_is_told(office):
    for path in ("", f"/{LAND}?{FUNDING}"):
        assert problem(await get(office, "", path)) == (401, "token")


async def test_the_use_cases_ask_for_the_right_themselves(office):
    now, read = office.clock.now(), office.node.store.read_sync
    with pytest.raises(ForbiddenError):
        read(reporting.periods, now, by=Actor())
    with pytest.raises(ForbiddenError):
        read(reporting.totals, LAND, FUNDED, now, by=Actor())
    with pytest.raises(InputError):
        read(reporting.totals, LAND, (REFERENCE, REFERENCE), now, by=PROGRAM)


@pytest.mark.parametrize(
    "name",
    ["fehlt", "land", "auswertung", "BETREUUNG", "..%2Fziele", "ziele.yaml", "%00"],
)
async def test_a_report_that_is_not_there_is_not_found(office, token, name):
    answer = await get(office, token, f"/{name}?{FUNDING}")
    assert problem(answer) == (404, "not-found")


async def test_reports_are_read_and_never_written(office, token):
    for method in ("POST", "PUT", "DELETE"):
        answer = await office.call(method, f"{PATH}/{LAND}", token=token)
        assert problem(answer) == (405, "method")
