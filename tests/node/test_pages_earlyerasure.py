"""Early erasure by two people and the lock on request, before a real node (Art. 17, 18)."""

import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import date, timedelta

import pytest

from node.accounts.model import Role
from node.accounts.policy import Actor
from node.cases.model import Baton
from node.casework import cases, earlyerasure, reporting, restricting
from node.casework.earlyerasure import TASK, ask_erasure, decide_erasure, look
from node.casework.reporting import Wish
from node.casework.seconds import waiting
from node.demo.residents import REFERENCE
from node.demo.seed import seed_town
from node.errors import (
    ConflictError,
    ErasedError,
    ForbiddenError,
    InputError,
    NotFoundError,
    RestrictedError,
)
from node.ids import AccountId, CaseId
from node.report.definition import LAND
from node.report.tables import TOTAL
from node.store.sourceeraser import SourceEraser
from tests.support.browser_by_hand import words
from tests.support.desk import keep_document, relocate
from tests.support.office import BOTH, STRANGER, open_office
from tests.support.pair import AGS, APPROVER, CLERK, SAECKINGEN, SECOND, open_case
from tests.support.townfolk import demo
from tests.support.twins import add, content_of, open_twins, unite
from tests.support.waysin import hidden

pytestmark = pytest.mark.asyncio(loop_scope="module")
COLLEAGUES = [(STRANGER, "fremd"), (BOTH, "beides")]


def sight(node, case, by=CLERK):
    return node.store.read_sync(look, node.office, case, by=by)


def ask(node, case, *, by=CLERK, ground="not_needed", reason="Bitte löschen", **more):
    seen = more.pop("seen", None) or sight(node, case, by).seen
    node.store.write_sync(
        ask_erasure,
        node.office,
        case,
        ground=ground,
        reason=reason,
        seen=seen,
        by=by,
        **more,
    )


def wish_of(node, case, by=APPROVER):
    return node.store.read_sync(earlyerasure.open_wish, node.office, case, by=by)


def agree(node, case, *, by=APPROVER, agrees=True, seen=None):
    found = wish_of(node, case)
    node.store.write_sync(
        decide_erasure,
        node.office,
        case,
        agrees=agrees,
        seen=seen or found.seen,
        version=found.wish.record.version,
        by=by,
    )


def file_of(node, case):
    return node.store.read_sync(lambda uow: uow.cases.file(case))


def lock(node, case, reason="Angaben sind strittig", by=CLERK):
    node.store.write_sync(restricting.lock, node.office, case, reason=reason, by=by)


def lift(node, case, *, reason="geklärt", was_told=True, by=CLERK):
    node.store.write_sync(
        restricting.lift_lock,
        node.office,
        case,
        reason=reason,
        was_told=was_told,
        by=by,
    )


# ---- Erasing: the pages ----------------------------------------------------------------


@pytest.mark.spec("DO-39", "SR-B7", "SC-10")
async def test_one_asks_another_agrees_and_a_page_says_since_when_and_why(office):
    case = open_case(office.node, "Demo-Abschied")
    clerk, approver = await office.enter(CLERK), await office.enter(APPROVER)
    here = f"/cases/{case}/rights/erasure"
    assert here in (await clerk.get(f"/cases/{case}/rights")).text
    page = await clerk.get(here)
    sent = {"_seen": hidden(page, "_seen"), "reason": "Die Person bittet darum"}
    for part in ({}, {"ground": "nie gehört"}):
        wrong = await clerk.post(here, page.form_token, **sent, **part)
        assert wrong.status == 422
        assert "Die Person bittet darum" in wrong.text
    wrong = await clerk.post(
        here, page.form_token, ground="objected", _seen=sent["_seen"]
    )
    assert wrong.status == 422
    done = await clerk.post(here, page.form_token, ground="objected", **sent)
    assert done.location == here
    assert "Eine zweite Person ist gefragt" in words(await clerk.get(here))

    second = f"/cases/{case}/erasure"
    inbox = await approver.get("/inbox")
    assert second in inbox.text
    assert "Demo-Abschied" not in inbox.text
    assert "Nichts wartet auf Sie" not in words(inbox)
    page = await approver.get(second)
    for text in ("Demo-Abschied", "Die Person hat widersprochen", sent["reason"]):
        assert text in words(page)
    assert "Bewerbung besprochen" not in page.text
    fields = {"_seen": hidden(page, "_seen"), "_version": hidden(page, "_version")}
    answer = await approver.post(second, page.form_token, answer="yes", **fields)
    assert answer.location == "/inbox"
    assert second not in (await approver.get("/inbox")).text

    for address in (f"/cases/{case}", f"/cases/{case}/rights", here):
        gone = await clerk.get(address)
        assert gone.status == 410
        today = f"{office.clock.now():%d.%m.%Y}"
        assert f"Gelöscht am {today}" in words(gone)
        assert "Grund: Die Person hat widersprochen." in words(gone)
        assert "Demo-Abschied" not in gone.text
    assert (await approver.get(second)).status == 404
    stranger = await office.enter(STRANGER)
    assert (await stranger.get(here)).status == 404


@pytest.mark.spec("SR-B8")
async def test_the_second_person_may_say_no_and_who_asked_learns_it(office):
    case = open_case(office.node, "Demo-Bleib")
    ask(office.node, case)
    approver, clerk = await office.enter(APPROVER), await office.enter(CLERK)
    page = await approver.get(f"/cases/{case}/erasure")
    fields = {"_seen": hidden(page, "_seen"), "_version": hidden(page, "_version")}
    await approver.post(
        f"/cases/{case}/erasure", page.form_token, answer="no", **fields
    )
    assert content_of(office.node, case).of(earlyerasure.WISH) == ()
    assert "hat der Löschung nicht zugestimmt" in words(await clerk.get("/work"))
    assert (await approver.get(f"/cases/{case}/erasure")).status == 404


async def test_who_asked_takes_it_back(office):
    case = open_case(office.node, "Demo-Zurück")
    ask(office.node, case)
    clerk = await office.enter(CLERK)
    here = f"/cases/{case}/rights/erasure"
    page = await clerk.get(here)
    assert (await clerk.post(f"{here}/back", page.form_token)).location == here
    with pytest.raises(NotFoundError):
        wish_of(office.node, case)
    assert (await clerk.post(f"{here}/back", page.form_token)).status == 404


@pytest.mark.spec("SC-11")
async def test_a_case_that_changed_since_is_not_deleted(office):
    case = open_case(office.node, "Demo-Neu")
    ask(office.node, case)
    approver, clerk = await office.enter(APPROVER), await office.enter(CLERK)
    page = await approver.get(f"/cases/{case}/erasure")
    fields = {"_seen": hidden(page, "_seen"), "_version": hidden(page, "_version")}
    add(office.node, case, "language", language="ar", lang_kind="mother_tongue")
    answer = await approver.post(
        f"/cases/{case}/erasure", page.form_token, answer="yes", **fields
    )
    assert answer.status == 409
    text = await approver.get(f"/cases/{case}/erasure")
    assert "inzwischen geändert" in words(text)
    assert 'value="yes"' not in text.text
    assert "Bitte fragen Sie neu" in words(
        await clerk.get(f"/cases/{case}/rights/erasure")
    )
    ask(office.node, case)
    agree(office.node, case)
    assert file_of(office.node, case).baton is Baton.SHREDDED


# ---- Erasing: who and when -------------------------------------------------------------


@pytest.mark.spec("DO-39", "SR-B8", "I8")
async def test_nobody_erases_alone_and_no_other_role_is_second(node):
    case = open_case(node)
    node.store.write_sync(give, case, BOTH.account)
    ask(node, case, by=BOTH)
    for by in (BOTH, CLERK, STRANGER, Actor(AccountId("e" * 32), frozenset())):
        with pytest.raises(ForbiddenError):
            agree(node, case, by=by)
    assert file_of(node, case).baton is Baton.ACTIVE
    agree(node, case, by=SECOND)
    assert file_of(node, case).baton is Baton.SHREDDED


def give(uow, case, account):
    with uow:
        file = uow.cases.file(case)
        uow.cases.replace(file, replace(file, caseworker=account))
        uow.commit()


@pytest.mark.spec("SR-B9")
@pytest.mark.parametrize("act", [ask, lock])
async def test_a_colleagues_case_and_none_are_the_same(node, act):
    case = open_case(node)
    for number in (case, CaseId("0" * 31 + "7")):
        with pytest.raises(NotFoundError):
            act(node, number, by=STRANGER)
    # An emergency access reads, and nothing else.
    opened = replace(STRANGER, emergencies=frozenset({case}))
    with pytest.raises(NotFoundError):
        act(node, case, by=opened)
    with pytest.raises(ForbiddenError):
        act(node, case, by=APPROVER)


@pytest.mark.spec("SR-B8")
async def test_after_seven_days_a_wish_counts_no_more(office, node):
    case = open_case(node)
    ask(node, case)
    office.clock.offset = timedelta(days=7, minutes=1)
    with pytest.raises(NotFoundError):
        agree(node, case)
    waits = node.store.read_sync(
        waiting, office.clock.now().date() + timedelta(1), by=APPROVER
    )
    assert case not in {task.case for task in waits}
    ask(node, case)
    agree(node, case)
    assert file_of(node, case).baton is Baton.SHREDDED


async def test_a_wish_that_stands_is_not_asked_twice_nor_for_what_nobody_saw(node):
    case = open_case(node)
    with pytest.raises(ConflictError):
        ask(node, case, seen="0" * 64)
    ask(node, case)
    with pytest.raises(ConflictError):
        ask(node, case)
    with pytest.raises(ConflictError):
        agree(node, case, seen="0" * 64)


@pytest.mark.spec("DO-33")
async def test_a_case_on_its_way_or_on_hold_is_not_erased(office, node):
    moving = open_case(node)
    ask(node, moving)
    relocate(node, AGS[SAECKINGEN], moving)
    for act in (lock, agree):
        with pytest.raises(InputError):
            act(node, moving)
    today = office.clock.now().date()
    held = open_case(node, legal_hold=(today + timedelta(days=1)).isoformat())
    with pytest.raises(InputError) as refused:
        ask(node, held)
    assert refused.value.reason == "hold"
    over = open_case(node, legal_hold=(today - timedelta(days=2)).isoformat())
    ask(node, over)
    clerk = await office.enter(CLERK)
    page = await clerk.get(f"/cases/{held}/rights/erasure")
    assert "rechtliches Verfahren" in words(page)
    assert 'name="reason"' not in page.text


@pytest.mark.spec("DO-44")
async def test_what_was_merged_goes_as_well_and_no_undo_brings_it_back(node):
    merge = unite(node, *open_twins(node, "Demo-Doppelt"))
    assert sight(node, merge.survivor).merged == 1
    with pytest.raises(NotFoundError):
        ask(node, merge.absorbed, seen="0" * 64)
    ask(node, merge.survivor)
    agree(node, merge.survivor)
    for case in (merge.survivor, merge.absorbed):
        assert file_of(node, case).baton is Baton.SHREDDED
    ended = node.store.read_sync(lambda uow: uow.matches.merge(merge.id))
    assert not ended.is_running


@pytest.mark.spec("DO-33", "AS-27")
async def test_nothing_of_an_erased_case_is_left_in_the_database_and_the_files(
    node,
):
    case = open_case(node, "Demo-Spurlos")
    keep_document(node, case, [b"%PDF-1"], {"doc_kind": "certificate"})
    add(node, case, "language", language="ar", lang_kind="mother_tongue")
    node.store.write_sync(type_draft, case)
    ask(node, case, reason="Spurlos bitte")
    folder = node.settings.folder
    before = sealed_of(folder, case)
    assert len(before) > 5
    bytes_there = everything_in(folder)
    # Each of them lies in the files, so the search below is able to find them.
    assert all(any(part in whole for whole in bytes_there) for part in before)
    files = {path for path in folder.rglob("*") if path.is_file()}
    log = leaves(folder)
    agree(node, case)
    SourceEraser(node.store, node.office)()
    assert not [
        part for part in before if any(part in w for w in everything_in(folder))
    ]
    assert len(files - {p for p in folder.rglob("*") if p.is_file()}) >= 1
    assert leaves(folder) == log
    with pytest.raises(ErasedError):
        content_of(node, case)
    tables = ("record", "record_past", "contact_draft", "document_file")
    assert [rows_of(folder, name, case) for name in tables] == [[]] * 4
    (kept_row,) = rows_of(folder, "erased_case", case)
    assert {CLERK.account, APPROVER.account} < set(kept_row)
    assert "Spurlos" not in repr(kept_row)
    assert not node.store.read_sync(lambda uow: uow.tasks.is_open(TASK, case=case))


def type_draft(uow, case):
    with uow:
        uow.diary.keep_draft(CLERK.account, case, {"note": ["halb getippt"]})
        uow.commit()


def database(folder):
    path = folder / "node.db"
    return closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True))


def rows_of(folder, table, case):
    with database(folder) as found:
        return found.execute(
            f"SELECT * FROM {table} WHERE case_id = ?",
            (case,),
        ).fetchall()


def leaves(folder):
    with database(folder) as found:
        return found.execute("SELECT count(*) FROM log_leaf").fetchall()


def sealed_of(folder, case):
    """Every sealed value of a case, and its wrapped key."""
    with database(folder) as found:
        (key,) = found.execute(
            "SELECT wrapped FROM case_file WHERE id = ?", (case,)
        ).fetchone()
    rows = [
        value
        for table in ("record", "record_past", "contact_draft")
        for row in rows_of(folder, table, case)
        for value in row
    ]
    return [key, *(v for v in rows if isinstance(v, bytes) and len(v) > 16)]


def everything_in(folder):
    return [path.read_bytes() for path in folder.rglob("*") if path.is_file()]


@pytest.mark.spec("DO-1", "DO-33", "DO-38")
async def test_erasing_one_case_early_changes_no_number(tmp_path):
    async with open_office(tmp_path) as busy:
        town = demo().wehr
        seed_town(busy.node.store, busy.node.office, town)
        one = next(
            c
            for c in town.cases
            if c.file.baton is Baton.ACTIVE
            and any(r.kind == "contact" for r in c.records)
        )
        before = [figures(busy, name) for name in (LAND, "gespraeche", "ziele")]
        owner = Actor(one.file.caseworker, frozenset({Role.CASEWORKER}))
        ask(busy.node, one.file.id, by=owner)
        agree(busy.node, one.file.id)
        after = [figures(busy, name) for name in (LAND, "gespraeche", "ziele")]
        assert after == before


def figures(opened, name):
    wish = Wish(name, date(2018, 5, 2), REFERENCE)
    now = opened.clock.now()
    table = opened.node.store.read_sync(reporting.run, wish, now, by=CLERK)
    return {column.id: table.at(TOTAL, column.id) for column in table.columns}


# ---- The lock --------------------------------------------------------------------------


@pytest.mark.spec("SC-10")
async def test_a_lock_on_request_is_set_shown_and_lifted_with_reasons(office):
    case = open_case(office.node, "Demo-Sperre")
    clerk = await office.enter(CLERK)
    here = f"/cases/{case}/rights/restriction"
    assert here in (await clerk.get(f"/cases/{case}/rights")).text
    page = await clerk.get(here)
    assert (await clerk.post(here, page.form_token)).status == 422
    done = await clerk.post(here, page.form_token, reason="Geburtsdatum strittig")
    assert done.location == here
    assert (await clerk.get(f"/cases/{case}")).status == 403
    assert "Demo-Sperre" not in words(await clerk.get("/cases"))
    page = await clerk.get(here)
    assert "Geburtsdatum strittig" in words(page)
    assert here in (await clerk.get(f"/cases/{case}/for-the-person")).text
    at = f"{here}/lift"
    for part in ({}, {"reason": "geklärt"}, {"told": "yes"}):
        wrong = await clerk.post(at, page.form_token, **part)
        assert wrong.status == 422
        assert part.get("reason", "") in wrong.text
    done = await clerk.post(at, page.form_token, reason="geklärt", told="yes")
    assert done.location == f"/cases/{case}/rights"
    assert (await clerk.get(f"/cases/{case}")).status == 200
    (record,) = content_of(office.node, case).of("restriction")
    assert record.text("lift_reason") == "geklärt"
    assert (await clerk.post(at, page.form_token, reason="x", told="y")).status == 409


async def test_nobody_works_with_a_locked_case_and_it_can_still_be_erased(node):
    case = open_case(node)
    lock(node, case)
    with pytest.raises(ConflictError):
        lock(node, case)
    for action in ("case.read", "case.edit", "transfer.prepare", "consent.record"):
        with pytest.raises(RestrictedError):
            node.store.read_sync(
                lambda uow, a=action: cases.own_case(uow, CLERK, case, a)
            )
    with pytest.raises(RestrictedError):
        relocate(node, AGS[SAECKINGEN], case)
    with pytest.raises(NotFoundError):
        lift(node, case, by=STRANGER)
    ask(node, case)
    agree(node, case)
    assert file_of(node, case).restricted_on is None


@pytest.mark.spec("FR-24")
async def test_a_lock_after_a_withdrawal_is_not_lifted_here(office, node):
    case = open_case(node)

    def answer_restricted(uow):
        with uow:
            file = uow.cases.file(case)
            today = office.clock.now().date()
            uow.cases.replace(file, replace(file, restricted_on=today))
            uow.commit()

    node.store.write_sync(answer_restricted)
    with pytest.raises(InputError) as refused:
        lift(node, case)
    assert refused.value.reason == "answered"
    clerk = await office.enter(CLERK)
    page = await clerk.get(f"/cases/{case}/rights/restriction")
    assert "Die Sperre bleibt" in words(page)
    assert "/lift" not in page.text
