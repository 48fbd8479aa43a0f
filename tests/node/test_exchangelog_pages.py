"""S11 over two real nodes: what auditors see, the verdict, and what a changed byte does."""

import re
import sqlite3
from contextlib import closing

import pytest
import pytest_asyncio

from node.exchangelog.kinds import KEYS, EntryType
from node.report.eight import Question
from node.report.logview import LogIndex, LogLine, Overview, Sought
from node.sync import decision
from node.sync.transfer import Inbound
from node.web import logwords
from node.web.language import Language, Words
from tests.e2e.test_inbox_pages import state
from tests.support.browser_by_hand import signed_in, words
from tests.support.handed import agree, set_off
from tests.support.office import AUDITOR, LEADER, add_more, before
from tests.support.pair import (
    APPROVER,
    CLERK,
    SAECKINGEN,
    open_case,
    running,
    until,
)
from tests.support.towns import two_nodes

pytestmark = pytest.mark.asyncio(loop_scope="module")


class Town:
    """One node of the pair with a client before it."""

    def __init__(self, node, client):
        self.node, self.client = node, client

    async def enter(self, actor):
        return await signed_in(self.client, actor)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def towns(tmp_path_factory):
    """Both towns after one handover went all the way; both are quiet now."""
    async with (
        two_nodes(tmp_path_factory.mktemp("pair"), runs=False) as (wehr, saeckingen),
        before(wehr) as of_wehr,
        before(saeckingen) as of_saeckingen,
    ):
        for node in (wehr, saeckingen):
            node.store.write_sync(add_more)
        case = open_case(wehr, "Demo-Ulme")
        agree(wehr, case, announce_by_name=True)
        transfer = set_off(wehr, case, SAECKINGEN)
        async with running(wehr), running(saeckingen):
            await until(lambda: state(saeckingen, transfer) is Inbound.WAITING)
            saeckingen.store.write_sync(
                decision.approve, saeckingen.office, transfer, by=APPROVER
            )
            await until(lambda: state(saeckingen, transfer) is Inbound.CLOSED)
        for node in (wehr, saeckingen):
            node.publisher.publish()
        yield Town(wehr, of_wehr), Town(saeckingen, of_saeckingen), transfer


def viewed(town):
    lines = town.node.store.read_sync(lambda uow: uow.log_view.lines(0))
    return sum(line.type is EntryType.AUDIT_VIEWED for line in lines)


@pytest.mark.spec("SC-56", "SC-58")
async def test_the_list_tells_what_happened_without_any_name(towns):
    sender, recipient, transfer = towns
    for town, sentence in (
        (sender, f"Übergabe {transfer.short} wurde von Bad-Saeckingen übernommen."),
        (recipient, f"Übergabe {transfer.short} von Wehr wurde angenommen."),
    ):
        browser = await town.enter(AUDITOR)
        page = await browser.get("/exchangelog")
        assert sentence in words(page)
        assert "Ganzes Protokoll prüfen" in words(page)
        for name in ("Demo-Ulme", "Amina", "Bewerbung", "Demo c"):
            assert name not in page.text


@pytest.mark.parametrize(
    ("query", "fits"),
    [
        ("", True),
        ("?number={short}", True),
        ("?number={low}", True),
        ("?peer=08337096-stadt-bad-saeckingen", True),
        ("?area=transfer", True),
        ("?period=week", True),
        ("?number=ZZZZ", False),
        ("?peer=08337999-nirgends", False),
        ("?area=audit", False),
        ("?page=99", False),
        ("?page=-1&period=x", True),
    ],
)
async def test_the_filter_keeps_what_was_asked_for(towns, query, fits):
    sender, _, transfer = towns
    browser = await sender.enter(APPROVER)
    asked = query.format(short=transfer.short, low=transfer.short[:4].lower())
    page = await browser.get("/exchangelog" + asked)
    assert page.status == 200
    assert (f"/exchangelog/{transfer}" in page.text) is fits


@pytest.mark.parametrize("actor", [CLERK, LEADER])
@pytest.mark.spec("SR-B8")
async def test_other_roles_see_no_log_and_check_nothing(towns, actor):
    sender, _, transfer = towns
    browser, count = await sender.enter(actor), viewed(sender)
    page = await browser.get("/exchangelog")
    assert page.status == 403
    assert (await browser.get(f"/exchangelog/{transfer}")).status == 403
    for path in ("/exchangelog/check", f"/exchangelog/{transfer}/check"):
        assert (await browser.post(path, page.form_token)).status == 403
    assert viewed(sender) == count


@pytest.mark.spec("SR-B9")
async def test_a_transfer_that_never_was_is_absent(towns):
    browser = await towns[0].enter(AUDITOR)
    page = await browser.get("/exchangelog/" + "0" * 32)
    wrong = await browser.get("/exchangelog/x")
    assert (page.status, wrong.status) == (404, 404)
    assert words(page) == words(wrong)


@pytest.mark.spec("SC-56")
@pytest.mark.parametrize("end", [0, 1])
async def test_a_check_answers_eight_questions_and_leaves_an_entry(towns, end):
    town, transfer = towns[end], towns[2]
    browser, count = await town.enter(AUDITOR), viewed(town)
    page = await browser.get(f"/exchangelog/{transfer}")
    assert "Einträge von" in words(page)
    assert "hält nicht" not in words(page)
    checked = await browser.post(f"/exchangelog/{transfer}/check", page.form_token)
    # The consent at both moments stands beside the eight answers.
    assert checked.text.count('class="check check--') == len(Question) + 2
    # The peer cosigns with its next call at the latest, so witnesses may be open still.
    assert checked.text.count("check--good") >= len(Question) - 1
    assert "check--bad" not in checked.text
    assert viewed(town) == count + 1
    assert "Demo-Ulme" not in checked.text


async def test_the_whole_log_is_sound(towns):
    browser = await towns[0].enter(AUDITOR)
    page = await browser.get("/exchangelog")
    checked = await browser.post("/exchangelog/check", page.form_token)
    assert "Stimmig." in words(checked)
    assert "Es wurde nichts Auffälliges gefunden." in words(checked)


async def test_a_forged_form_checks_nothing(towns):
    browser, count = await towns[0].enter(AUDITOR), viewed(towns[0])
    answer = await browser.post("/exchangelog/check", "0" * 64)
    assert answer.status == 403
    assert viewed(towns[0]) == count


@pytest.mark.spec("SC-56")
async def test_a_changed_byte_of_an_entry_is_named(towns):
    sender, _, transfer = towns
    path = sender.node.settings.folder / "node.db"
    with closing(sqlite3.connect(path)) as database:
        [(guard,)] = database.execute(
            "SELECT sql FROM sqlite_master WHERE name = 'log_body_no_update'"
        ).fetchall()
        [(index, sealed)] = database.execute(
            "SELECT idx, sealed FROM log_body ORDER BY idx LIMIT 1 OFFSET 2"
        ).fetchall()
        database.execute("DROP TRIGGER log_body_no_update")
        wrong = sealed[:-1] + bytes([sealed[-1] ^ 1])
        change = "UPDATE log_body SET sealed = ? WHERE idx = ?"
        database.execute(change, (wrong, index))
        database.commit()
        browser = await sender.enter(AUDITOR)
        page = await browser.get(f"/exchangelog/{transfer}")
        checked = await browser.post(f"/exchangelog/{transfer}/check", page.form_token)
        assert re.search(r"Auffällig: \d von 8\.", words(checked))
        whole = await browser.post("/exchangelog/check", page.form_token)
        assert "Auffällig." in words(whole)
        assert f"Der Inhalt von Eintrag {index} wurde verändert." in words(whole)
        database.execute(change, (sealed, index))
        database.execute(guard)
        database.commit()


async def test_every_type_of_entry_and_every_answer_has_its_sentence():
    german = Words(Language.GERMAN)
    for kind in KEYS:
        told = logwords.sentence(
            kind, german, number="7K3P-9QX", office="Wehr", persons=2
        )
        assert told
        assert "%(" not in told
    assert set(logwords._ASKED) == set(Question)


async def test_the_index_reads_on_and_forgets_what_was_erased():
    index = LogIndex()

    def overview(size, erased):
        return Overview("wehr.example/log/1", size, erased, size, None, ())

    assert index.follow(overview(2, 0)) == 0
    index.extend(0, [LogLine(0), LogLine(1)])
    # Two readers met: the second one brings what is known already.
    index.extend(0, [LogLine(0), LogLine(1), LogLine(2)])
    assert [line.index for line in index.newest(Sought())] == [2, 1, 0]
    assert index.follow(overview(3, 0)) == 3
    assert index.follow(overview(3, 1)) == 0
    assert list(index.newest(Sought())) == []
