"""Closed cases whose years are over, before a real node with a clock that moves."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import partial

import pytest

from node.cases.erased import YEARS_OVER, Archive
from node.cases.model import Baton
from node.casework import reporting, restricting
from node.casework.archiving import TASK, end, look, offer_closed
from node.casework.reporting import Wish
from node.errors import (
    ConflictError,
    ErasedError,
    ForbiddenError,
    InputError,
    NotFoundError,
    RestrictedError,
)
from node.report.definition import LAND
from node.report.tables import TOTAL
from node.store.runner import Store
from node.store.sourceeraser import SourceEraser
from tests.support.browser_by_hand import words
from tests.support.closedcases import LONG_AGO, closed
from tests.support.desk import keep_document, relocate
from tests.support.office import AUDITOR, LEADER, STRANGER
from tests.support.pair import AGS, APPROVER, CLERK, SAECKINGEN, give_consent, open_case
from tests.support.twins import add, content_of
from tests.support.waysin import hidden

pytestmark = pytest.mark.asyncio(loop_scope="module")
COLLEAGUES = [(STRANGER, "Demo-Fremd")]


@pytest.fixture
def office(opened):
    opened.clock.offset = timedelta()
    opened.hear()
    return opened


def offer(office):
    offer_closed(office.node.store, office.node.office)


def asked(node, case):
    return node.store.read_sync(lambda uow: uow.tasks.is_open(TASK, case=case))


def seen(node, case, by=CLERK):
    return node.store.read_sync(look, node.office, case, by=by)


def finish(node, case, *, archive="declined", reference="AR-7", by=CLERK, **more):
    mark = more.get("seen") or seen(node, case, by).extent.seen
    node.store.write_sync(
        end,
        node.office,
        case,
        archive=archive,
        reference=reference,
        seen=mark,
        by=by,
    )


def file_of(node, case):
    return node.store.read_sync(lambda uow: uow.cases.file(case))


# ---- The way through the pages ---------------------------------------------------------


@pytest.mark.spec("DO-33", "SR-B7", "I8")
async def test_the_worklist_asks_the_archive_first_and_then_the_case_is_gone(office):
    case = closed(office, "Demo-Frist")
    clerk = await office.enter(CLERK)
    assert "Demo-Frist" not in words(await clerk.get("/work?only=endings"))
    offer(office)
    here = f"/cases/{case}/archive"
    work = await clerk.get("/work?only=endings")
    assert here in work.text
    assert "deren Frist abgelaufen ist" in words(work)
    assert here in (await clerk.get(f"/cases/{case}")).text
    page = await clerk.get(here)
    assert "Zuerst das Archiv" in words(page)
    assert "2 Einträge, 0 Dokumente" in words(page)
    sent = {"_seen": hidden(page, "_seen"), "reference": "AR-12/26"}
    for wrong in (
        {**sent},
        {**sent, "archive": "burnt"},
        {**sent, "archive": "taken", "reference": " "},
        {**sent, "archive": "taken", "reference": "x" * 61},
    ):
        answer = await clerk.post(here, page.form_token, **wrong)
        assert answer.status == 422
        assert "Fehler:" in answer.text
    done = await clerk.post(here, page.form_token, archive="taken", **sent)
    assert done.location == "/work"
    assert here not in (await clerk.get("/work?only=endings")).text
    gone = await clerk.get(f"/cases/{case}")
    assert gone.status == 410
    assert f"Gelöscht am {office.clock.now():%d.%m.%Y}" in words(gone)
    assert "das Archiv wurde gefragt" in words(gone)
    assert "zwei Personen" not in words(gone)
    assert "Demo-Frist" not in gone.text


async def test_a_closed_case_says_until_when_it_is_kept(office):
    young = closed(office, "Demo-Jung", ago=timedelta(days=400))
    clerk = await office.enter(CLERK)
    year = (office.clock.now() - timedelta(days=400)).year + 3
    page = await clerk.get(f"/cases/{young}")
    assert f"bis 31.12.{year} gespeichert" in words(page)
    assert f"/cases/{young}/archive" not in page.text
    assert (await clerk.get(f"/cases/{young}/archive")).status == 404
    busy = open_case(office.node, "Demo-Offen")
    assert "gespeichert" not in words(await clerk.get(f"/cases/{busy}"))


async def test_the_years_are_the_towns_to_set(office, node):
    young = closed(office, "Demo-Jahr", ago=timedelta(days=2 * 365))
    offer(office)
    assert not asked(node, young)
    leader = await office.enter(LEADER)
    try:
        for years, status in (("0", 422), ("11", 422), ("", 422), ("1", 303)):
            page = await leader.get("/settings/retention")
            answer = await leader.post(
                "/settings/retention/save",
                page.form_token,
                _version=hidden(page, "_version"),
                handed_over_days="90",
                closed_case_years=years,
                record_years="3",
                tally_years="5",
            )
            assert answer.status == status
        offer(office)
        assert asked(node, young)
    finally:
        page = await leader.get("/settings/retention")
        await leader.post(
            "/settings/retention/save",
            page.form_token,
            _version=hidden(page, "_version"),
            handed_over_days="90",
            closed_case_years="3",
            record_years="3",
            tally_years="5",
        )
    offer(office)
    assert not asked(node, young)


# ---- When nothing is asked -------------------------------------------------------------


@pytest.mark.spec("DO-33")
async def test_nothing_is_asked_a_day_before_and_everything_on_the_day(office, node):
    case = closed(office, "Demo-Tag", ago=timedelta(days=400))
    due = date((office.clock.now() - timedelta(days=400)).year + 4, 1, 1)
    for days, is_asked in ((-1, False), (0, True)):
        office.clock.offset = timedelta(
            days=(due - office.clock.now().date()).days + days
        )
        office.hear()
        offer(office)
        assert asked(node, case) is is_asked
        office.clock.offset = timedelta()


@pytest.mark.spec("SR-K7")
@pytest.mark.parametrize("off", [None, timedelta(minutes=6), timedelta(days=-2000)])
async def test_a_clock_that_nobody_confirms_asks_and_erases_nothing(office, node, off):
    case = closed(office)
    office.clock.offset = timedelta(days=2)
    if off is not None:
        office.hear(off)
    offer(office)
    assert not asked(node, case)
    with pytest.raises(InputError) as refused:
        finish(node, case)
    assert refused.value.reason == "clock"
    clerk = await office.enter(CLERK)
    page = await clerk.get(f"/cases/{case}/archive")
    assert "bestätigt keine andere Stelle die Uhr" in words(page)
    assert 'name="reference"' not in page.text


@pytest.mark.spec("DO-33", "I8")
async def test_a_hold_a_lock_and_a_handover_each_stop_it(office, node):
    tomorrow = (office.clock.now().date() + timedelta(days=1)).isoformat()
    held = closed(office, legal_hold=tomorrow)
    locked, moving = closed(office), closed(office)
    offer(office)
    assert (asked(node, held), asked(node, locked)) == (False, True)
    node.store.write_sync(
        restricting.lock, node.office, locked, reason="strittig", by=CLERK
    )
    office.clock.offset = -LONG_AGO
    give_consent(node, moving)
    relocate(node, AGS[SAECKINGEN], moving)
    office.clock.offset = timedelta()
    offer(office)
    for case in (held, locked, moving):
        assert not asked(node, case)
        assert file_of(node, case).baton is not Baton.SHREDDED
    for case, reason in ((held, "hold"), (moving, "under_way")):
        with pytest.raises(InputError) as refused:
            finish(node, case)
        assert refused.value.reason == reason
    with pytest.raises(RestrictedError):
        finish(node, locked, seen="0" * 64)


async def test_work_with_the_case_takes_the_task_back(office, node):
    case = closed(office)
    offer(office)
    assert asked(node, case)
    stale = seen(node, case).extent.seen
    add(node, case, "language", language="ar", lang_kind="mother_tongue")
    offer(office)
    assert not asked(node, case)
    with pytest.raises(NotFoundError):
        finish(node, case, seen=stale)


@dataclass
class Watched:
    """The store of a node; something happens before each writing unit."""

    store: Store
    before: Callable[[], object]

    def read_sync(self, *asked):
        return self.store.read_sync(*asked)

    def write_sync(self, *asked):
        self.before()
        return self.store.write_sync(*asked)


async def test_no_writer_is_needed_where_no_task_changes(office, node):
    closed(office)
    offer(office)
    busy = Watched(node.store, lambda: pytest.fail("a writing unit was opened"))
    offer_closed(busy, node.office)


async def test_work_begun_after_the_look_leaves_no_task(office, node):
    offer(office)
    case = closed(office)
    worked = partial(add, node, case, "language", language="ar")
    offer_closed(Watched(node.store, worked), node.office)
    assert not asked(node, case)


async def test_a_lock_lifted_after_the_look_leaves_the_task(office, node):
    case = closed(office)
    offer(office)
    act = {"reason": "strittig", "by": CLERK}
    lock = partial(restricting.lock, office=node.office, case=case, **act)
    node.store.write_sync(lock)
    lift = partial(
        restricting.lift_lock, office=node.office, case=case, was_told=True, **act
    )
    offer_closed(Watched(node.store, partial(node.store.write_sync, lift)), node.office)
    assert asked(node, case)


async def test_a_case_erased_after_the_look_gets_no_task(office, node):
    offer(office)
    case = closed(office)
    gone = partial(finish, node, case)
    offer_closed(Watched(node.store, gone), node.office)
    assert not asked(node, case)


async def test_what_nobody_saw_is_not_erased(office, node):
    case = closed(office)
    with pytest.raises(ConflictError):
        finish(node, case, seen="0" * 64)
    assert file_of(node, case).baton is Baton.ACTIVE


@pytest.mark.spec("SR-B9")
@pytest.mark.parametrize(
    ("by", "error"),
    [
        (STRANGER, NotFoundError),
        (APPROVER, ForbiddenError),
        (LEADER, ForbiddenError),
        (AUDITOR, ForbiddenError),
    ],
)
async def test_nobody_but_whose_case_it_is_ends_it(office, node, by, error):
    case = closed(office)
    with pytest.raises(error):
        finish(node, case, by=by, seen="0" * 64)
    opened = replace(STRANGER, emergencies=frozenset({case}))
    with pytest.raises(NotFoundError):
        finish(node, case, by=opened, seen="0" * 64)
    assert file_of(node, case).baton is Baton.ACTIVE


# ---- What is left ----------------------------------------------------------------------


@pytest.mark.spec("DO-33", "AS-27")
async def test_content_is_gone_from_tables_and_files_and_the_decision_stays(
    office, node
):
    office.clock.offset = -LONG_AGO
    case = closed(office, "Demo-Spur")
    office.clock.offset = -LONG_AGO
    keep_document(node, case, [b"%PDF-1"], {"doc_kind": "certificate"})
    office.clock.offset = timedelta()
    offer(office)
    files = {path for path in node.settings.folder.rglob("*") if path.is_file()}
    finish(node, case, archive="taken", reference="AR-9")
    SourceEraser(node.store, node.office)()
    with pytest.raises(ErasedError):
        content_of(node, case)
    assert len(files - {p for p in node.settings.folder.rglob("*") if p.is_file()}) >= 1
    found = node.store.read_sync(lambda uow: uow.erased_cases.newest(case))
    assert (found.ground, found.archive, found.reference, found.agreed_by) == (
        YEARS_OVER,
        Archive.TAKEN,
        "AR-9",
        None,
    )
    assert found.asked_by == CLERK.account
    assert not asked(node, case)
    offer(office)
    assert not asked(node, case)


@pytest.mark.spec("DO-1", "DO-38")
async def test_the_numbers_of_its_years_stay(office, node):
    case = closed(office)
    before = figures(office)
    finish(node, case)
    assert figures(office) == before


def figures(office):
    now = office.clock.now()
    wish = Wish(LAND, now.date() - 2 * LONG_AGO, now.date())
    table = office.node.store.read_sync(reporting.run, wish, now, by=CLERK)
    return {column.id: table.at(TOTAL, column.id) for column in table.columns}
