"""The auditor's pages over two running nodes: who looked, comparison, sample, uncovering."""

import json
import re
import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import timedelta

import pytest
import pytest_asyncio

from node.cases.days import BERLIN
from node.casework import looking
from node.casework.comparing import memory_of
from node.casework.selfcheck import is_due, last_check, run_due
from node.errors import MalformedMessageError, NotFoundError
from node.exchangelog.kinds import EntryType
from node.exchangelog.reconcile import Class
from node.federation.shared import ask
from node.ids import AccountId, Hex128
from node.report.logaudit import SelfCheck
from node.web.jobs import Jobs
from tests.support.audited import audited, said_in
from tests.support.browser_by_hand import words
from tests.support.office import AUDITOR, LEADER
from tests.support.pair import APPROVER, CLERK, SAECKINGEN, WEHR

pytestmark = pytest.mark.asyncio(loop_scope="module")

PAGES = (
    "/exchangelog",
    "/exchangelog/list.csv",
    "/exchangelog?outcome=taken&since=01.01.2020&until=31.12.2099",
    "/exchangelog/{transfer}",
    "/exchangelog/access",
    "/exchangelog/access.csv?period=years",
    "/exchangelog/reconcile",
    f"/exchangelog/reconcile/{SAECKINGEN}",
    f"/exchangelog/reconcile/{SAECKINGEN}/list.csv",
    "/exchangelog/sample",
    "/exchangelog/sample?count=5&seed=Wehr",
    "/exchangelog/sample.csv?count=5&seed=Wehr",
    "/exchangelog/code",
    "/exchangelog/erasures",
    "/exchangelog/witnesses",
    "/exchangelog/{transfer}/evidence",
    "/exchangelog/reveals",
    "/exchangelog/reveals/transfer/{transfer}",
)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def towns(tmp_path_factory):
    async with audited(tmp_path_factory.mktemp("audited")) as both:
        yield both


def entries(town, kind):
    lines = town.node.store.read_sync(lambda uow: uow.log_view.lines(0))
    return sum(line.type is kind for line in lines)


# -- Content and rights ------------------------------------------------------------------


@pytest.mark.spec("SC-58")
@pytest.mark.parametrize("path", PAGES)
async def test_no_page_of_the_auditor_holds_a_word_of_a_case(towns, path):
    browser = await towns.wehr.enter()
    page = await browser.get(path.format(transfer=towns.transfer))
    assert page.status == 200
    # Who asked and had it confirmed does see the number there, and nowhere else.
    number = () if path == "/exchangelog/reveals" else (str(towns.case),)
    assert said_in(page.body.decode(), *number, str(CLERK.account)) == []


@pytest.mark.spec("SR-B8")
@pytest.mark.parametrize(
    "path",
    [p for p in PAGES if "?" not in p and not p.endswith(("witnesses", "erasures"))],
)
async def test_a_caseworker_and_an_administrator_see_none_of_them(towns, path):
    for person in (CLERK, LEADER):
        browser = await towns.wehr.enter(person)
        page = await browser.get(path.format(transfer=towns.transfer))
        assert page.status == 403


@pytest.mark.spec("SR-B8")
async def test_who_looked_is_for_auditors_alone(towns):
    browser = await towns.wehr.enter(APPROVER)
    assert (await browser.get("/exchangelog/access")).status == 403
    assert (await browser.get("/exchangelog/access.csv")).status == 403
    assert "/exchangelog/access" not in (await browser.get("/exchangelog")).text


async def test_the_sub_navigation_names_only_pages_that_exist(towns):
    browser = await towns.wehr.enter()
    page = await browser.get("/exchangelog/sample")
    nav = re.search(r'<nav class="sub-nav".*?</nav>', page.text, re.DOTALL)[0]
    for href in re.findall(r'href="([^"]+)"', nav):
        assert (await browser.get(href)).status == 200, href
    assert 'href="/exchangelog/sample" aria-current="page"' in nav


# -- Who looked --------------------------------------------------------------------------


@pytest.mark.spec("SR-D5", "EL-18")
async def test_a_page_shown_is_a_row_and_a_check_ties_all_rows_down(towns):
    town = towns.saeckingen
    browser, count = await town.enter(), entries(town, EntryType.AUDIT_VIEWED)
    page = await browser.get(f"/exchangelog/{towns.transfer}")
    before = words(await browser.get("/exchangelog/access"))
    assert "läuft noch" in before
    assert entries(town, EntryType.AUDIT_VIEWED) == count
    await browser.post(f"/exchangelog/{towns.transfer}/check", page.form_token)
    assert entries(town, EntryType.AUDIT_VIEWED) == count + 1
    after = words(await browser.get("/exchangelog/access"))
    assert "im Protokoll" in after
    assert "passt nicht" not in after


@pytest.mark.spec("SR-D5")
async def test_a_row_that_somebody_removed_is_noticed_and_alarmed(towns):
    town = towns.saeckingen
    browser = await town.enter()
    page = await browser.get(f"/exchangelog/{towns.transfer}")
    await browser.get(f"/exchangelog/{towns.transfer}")
    await browser.post("/exchangelog/check", page.form_token)
    with closing(sqlite3.connect(town.folder / "node.db")) as database:
        last = "SELECT max(rowid) FROM access_log WHERE action = 'log.show'"
        [row] = database.execute(
            f"SELECT * FROM access_log WHERE rowid = ({last})"
        ).fetchall()
        database.execute(f"DELETE FROM access_log WHERE rowid = ({last})")
        database.commit()
        assert "passt nicht" in words(await browser.get("/exchangelog/access"))
        told = words(await browser.get("/exchangelog"))
        assert "Zeilen der Einsichten wurden entfernt oder verändert." in told
        assert "Was tun?" in told
        marks = ",".join("?" * len(row))
        database.execute(f"INSERT INTO access_log VALUES ({marks})", row)
        database.commit()
    assert "passt nicht" not in words(await browser.get("/exchangelog/access"))


async def test_a_session_that_ended_is_tied_by_the_node_itself(towns):
    town = towns.wehr
    browser, count = await town.enter(APPROVER), entries(town, EntryType.AUDIT_VIEWED)
    await browser.get("/exchangelog")
    office = town.node.office
    now = office.clock.now()

    class Later:
        def now(self):
            return now + timedelta(minutes=16)

    later = replace(office, clock=Later())
    assert town.node.store.read_sync(looking.ended, later) is True
    assert town.node.store.write_sync(looking.tie_ended, later) >= 1
    assert entries(town, EntryType.AUDIT_VIEWED) > count
    assert town.node.store.write_sync(looking.tie_ended, later) == 0


# -- The code ----------------------------------------------------------------------------


@pytest.mark.spec("EL-18")
async def test_the_code_of_the_page_opens_one_command(towns):
    browser = await towns.wehr.enter()
    door = await browser.get("/exchangelog/code")
    page = await browser.post("/exchangelog/code", door.form_token)
    code = re.search(r"\b([2-9A-Z]{4}(?:-[2-9A-Z]{4}){3})\b", page.text)[1]
    assert page.headers["Cache-Control"] == "no-store"
    result = await towns.wehr.command("list", "--code", code.lower(), coded=False)
    assert result.exit_code == 0
    assert code not in (await browser.get("/exchangelog/code")).text
    assert (await browser.post("/exchangelog/code", "0" * 64)).status == 403


# -- Comparison --------------------------------------------------------------------------


@pytest.mark.spec("EL-7", "EL-18")
async def test_the_comparison_asks_the_other_side(towns):
    browser = await towns.wehr.enter()
    page = await browser.get(f"/exchangelog/reconcile/{SAECKINGEN}")
    assert "Verglichen mit dem, was die andere Seite" in words(page)
    asked = await browser.post(
        f"/exchangelog/reconcile/{SAECKINGEN}/ask", page.form_token
    )
    told = words(asked)
    assert "Stimmig." in told
    assert "ganze Liste gezeigt" in told
    assert "Beide Seiten sagen dasselbe." in told


@pytest.mark.parametrize("peer", ["08337999-nirgends", WEHR, "x", "access"])
async def test_there_is_no_comparison_with_nobody_or_ourselves(towns, peer):
    browser = await towns.wehr.enter()
    assert (await browser.get(f"/exchangelog/reconcile/{peer}")).status == 404


class Line:
    """A peer's answers, changed on their way into the pure reader."""

    def __init__(self, towns, change):
        self.transport = towns.wehr.node.courier.transport._direct
        self.change = change

    async def __call__(self, peer, path):
        found = json.loads(await self.transport.shared_log(peer, path))
        self.change(found)
        return json.dumps(found, separators=(",", ":"), sort_keys=True).encode()


async def compared(towns, change):
    node = towns.wehr.node
    memory = await node.run.read(memory_of, node.office, SAECKINGEN)
    told = await ask(Line(towns, change), node.office, SAECKINGEN, memory)
    from node.casework.comparing import compare

    found = await node.run.read(compare, node.office, SAECKINGEN, told, by=AUDITOR)
    return {each.found for each in found.differences}


def first(page):
    return page["transfers"][0]["entries"][0]


@pytest.mark.spec("EL-7")
@pytest.mark.parametrize(
    ("change", "wanted"),
    [
        (lambda page: None, Class.MATCHED),
        (lambda page: first(page).update(index=first(page)["index"] + 1),
         Class.PEER_LOG_INCONSISTENT),
        (lambda page: first(page)["path"].reverse(), Class.PEER_LOG_INCONSISTENT),
        (lambda page: first(page).update(c="ab" * 32), Class.PEER_LOG_INCONSISTENT),
        (lambda page: page["attachment"].update(since=None),
         Class.PEER_LOG_INCONSISTENT),
    ],
    ids=["honest", "index", "path", "commitment", "no consistency"],
)  # fmt: skip
@pytest.mark.spec("REC-1")
async def test_a_list_whose_proofs_do_not_hold_is_the_peers_contradiction(
    towns, change, wanted
):
    # Its log goes on beyond what we remember, so there is something to prove.
    node = towns.saeckingen.node
    node.store.write_sync(
        looking.note_look, node.office, "list", by=AUDITOR, is_whole=True
    )
    node.publisher.publish()
    found = await compared(towns, change)
    assert found == {wanted}


@pytest.mark.spec("EL-17", "REC-11")
@pytest.mark.parametrize(
    "change",
    [
        lambda page: page.update(more=1),
        lambda page: page.pop("next"),
        lambda page: page.update(next="zz"),
        lambda page: page.update(next="0" * 32),
        lambda page: page.update(transfers={}),
        lambda page: page["transfers"].append({}),
        lambda page: page["transfers"][0].update(held=["x"]),
        lambda page: page["transfers"][0].update(held=[1]),
        lambda page: page["transfers"][0].update(transfer="x"),
        lambda page: page["attachment"].update(checkpoint="x"),
        lambda page: first(page).update(opening="!"),
        lambda page: first(page).pop("path"),
    ],
)
async def test_a_list_of_another_form_is_refused_as_a_whole(towns, change):
    with pytest.raises(MalformedMessageError):
        await compared(towns, change)


async def test_a_peer_that_is_away_is_said_and_the_comparison_stands(towns):
    app = towns.wehr.client.server.app
    from node.web.frame import PARTS, _no_line

    parts = app[PARTS]
    browser = await towns.wehr.enter()
    page = await browser.get(f"/exchangelog/reconcile/{SAECKINGEN}")
    ask_peer = parts.ask_peer
    object.__setattr__(parts, "ask_peer", _no_line)
    try:
        answer = await browser.post(
            f"/exchangelog/reconcile/{SAECKINGEN}/ask", page.form_token
        )
    finally:
        object.__setattr__(parts, "ask_peer", ask_peer)
    assert "gerade nicht erreichbar" in words(answer)


# -- Sample ------------------------------------------------------------------------------


@pytest.mark.spec("REC-17")
@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("count=0&seed=x", "Zahl von 1 bis 1.000"),
        ("count=1001&seed=x", "Zahl von 1 bis 1.000"),
        ("count=x&seed=x", "Zahl von 1 bis 1.000"),
        ("count=5&seed=", "wählen Sie ein Wort"),
        ("count=5&seed=x&size=99999", "keine andere Stelle gegengezeichnet"),
    ],
)
async def test_a_sample_that_cannot_be_drawn_says_why(towns, query, sentence):
    browser = await towns.wehr.enter()
    page = await browser.get(f"/exchangelog/sample?{query}")
    assert page.status == 422
    assert sentence in words(page)


# -- Uncovering --------------------------------------------------------------------------


async def ask_for(browser, path, reason="Stichprobe 3 der Prüfung"):
    door = await browser.get(path)
    return await browser.post(path, door.form_token, reason=reason)


@pytest.mark.spec("SC-58", "LR-2", "REC-21")
async def test_a_case_number_needs_a_reason_and_two_people_of_two_roles(towns):
    town, path = towns.wehr, f"/exchangelog/reveals/transfer/{towns.transfer}"
    auditor, approver = await town.enter(), await town.enter(APPROVER)
    empty = await ask_for(auditor, path, reason=" ")
    assert empty.status == 422
    assert (await ask_for(auditor, path)).status == 303
    mine = await auditor.get("/exchangelog/reveals")
    assert "Wartet auf eine Person mit der anderen Rolle." in words(mine)
    assert str(towns.case) not in mine.text
    [wish] = [
        w
        for w, _ in town.node.store.read_sync(
            looking.wishes, town.node.office, by=AUDITOR
        )
        if w.confirmed_at is None
    ]
    own = await auditor.post(f"/exchangelog/reveals/{wish.id}", mine.form_token)
    assert own.status == 403
    count = entries(town, EntryType.AUDIT_REVEALED)
    theirs = await approver.get("/exchangelog/reveals")
    assert "Zustimmen" in words(theirs)
    assert str(towns.case) not in theirs.text
    yes = await approver.post(f"/exchangelog/reveals/{wish.id}", theirs.form_token)
    assert yes.status == 303
    assert entries(town, EntryType.AUDIT_REVEALED) == count + 1
    for browser in (auditor, approver):
        assert str(towns.case) in (await browser.get("/exchangelog/reveals")).text
    again = await approver.post(f"/exchangelog/reveals/{wish.id}", theirs.form_token)
    assert again.status == 409
    assert entries(town, EntryType.AUDIT_REVEALED) == count + 1

    class Later:
        def now(self):
            return wish.asked_at + timedelta(days=8)

    later = replace(town.node.office, clock=Later())
    with pytest.raises(NotFoundError):
        town.node.store.read_sync(looking.revealed, later, wish.id, by=AUDITOR)


@pytest.mark.parametrize(
    "path",
    ["/exchangelog/reveals/transfer/" + "0" * 32, "/exchangelog/reveals/reading/" + "0" * 32,
     "/exchangelog/reveals/case/" + "0" * 32, "/exchangelog/reveals/transfer/x"],
)  # fmt: skip
async def test_nothing_is_asked_about_what_does_not_exist(towns, path):
    browser = await towns.wehr.enter()
    door = await browser.get("/exchangelog/code")
    answer = await browser.post(path, door.form_token, reason="x")
    assert answer.status == 404


# -- Daily check and long checks ---------------------------------------------------------


@pytest.mark.spec("EL-16")
@pytest.mark.parametrize(
    ("last", "now", "due"),
    [
        (None, "2026-03-01T00:00", True),
        ("2026-03-01T06:00", "2026-03-02T05:59", False),
        ("2026-03-01T06:00", "2026-03-02T06:00", True),
        ("2026-03-01T12:00", "2026-03-01T23:59", False),
        ("2026-03-01T05:00", "2026-03-01T06:00", True),
        ("2026-03-01T06:00", "2026-03-09T03:00", False),
        ("2026-03-28T06:00", "2026-03-29T06:00", True),
    ],
)
async def test_six_oclock_is_the_hour_of_the_daily_check(last, now, due):
    from datetime import datetime

    def local(text):
        return datetime.fromisoformat(text).replace(tzinfo=BERLIN)

    check = None if last is None else SelfCheck(local(last), 1, "verified", 0)
    assert is_due(check, local(now)) is due


async def test_the_state_line_shows_the_daily_check(towns):
    node = towns.wehr.node
    await run_due(node.run, node.office, lambda: None)
    kept = await node.run.read(last_check)
    assert (kept.verdict, kept.findings) == ("verified", 0)
    browser = await towns.wehr.enter()
    told = words(await browser.get("/exchangelog"))
    assert re.search(r"Zuletzt geprüft: .* keine Auffälligkeit\.", told)


async def test_a_long_check_is_a_page_of_its_own_and_only_for_who_asked(
    towns, monkeypatch
):
    monkeypatch.setattr("node.web.jobs.PATIENCE_S", 0)
    browser = await towns.wehr.enter()
    page = await browser.get("/exchangelog")
    answer = await browser.post("/exchangelog/check", page.form_token)
    assert answer.status == 303
    assert answer.location.startswith("/exchangelog/checks/")
    other = await towns.wehr.enter(APPROVER)
    assert (await other.get(answer.location)).status == 404
    for _ in range(200):
        shown = await browser.get(answer.location)
        if "Stimmig." in words(shown):
            break
        assert "Wird geprüft …" in words(shown)
        assert shown.headers["Refresh"]
    else:
        raise AssertionError("the check never ended")


async def test_jobs_are_few_and_belong_to_one_account(monkeypatch):
    monkeypatch.setattr("node.web.jobs.PATIENCE_S", 0)
    jobs, mine = Jobs(), AccountId("a" * 32)

    async def work():
        return 1

    first_id = Hex128("0" * 32)
    await jobs.start(first_id, mine, None, work())
    with pytest.raises(NotFoundError):
        jobs.get(first_id, AccountId("b" * 32))
    for number in range(1, 40):
        await jobs.start(Hex128(f"{number:032x}"), mine, None, work())
    with pytest.raises(NotFoundError):
        jobs.get(first_id, mine)
    assert await jobs.get(Hex128(f"{39:032x}"), mine).work == 1
